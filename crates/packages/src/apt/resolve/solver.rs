//! apt's own steps, on a system that has nothing.
//!
//! Names in comments are those of apt 2.6, `depcache.cc`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use super::explain::{self, Problem, Unresolvable};
use super::order::Order;
use super::{Chosen, Closure, Reason, ResolveOptions};
use crate::apt::index::{Index, Package, PackageError, RecordId};
use crate::apt::relation::{Alternative, Dependency};

/// apt gives up below 3,000; a chain of packages as long as this one is made to do harm.
pub(super) const DEEPEST: usize = 1_000;

pub(super) struct Solver<'a> {
    pub(super) index: &'a Index,
    recommends: bool,
    /// Versions that were asked for, by their packages' names.
    versions: BTreeMap<&'a str, RecordId>,
    states: HashMap<RecordId, State>,
    needs: HashMap<RecordId, Result<Rc<Needs>, PackageError>>,
    order: Order,
}

/// What is known of a package so far. In the beginning nothing is.
#[derive(Debug, Clone, Default)]
struct State {
    installed: bool,
    /// Its state is no longer to be changed.
    protected: bool,
    /// No longer a candidate, and on whose behalf.
    discarded: Option<Discarded>,
    cause: Option<Cause>,
}

/// Why a package is no candidate any more.
#[derive(Debug, Clone, Copy)]
pub(super) enum Discarded {
    /// Something that it needs cannot be had.
    Needs,
    /// Another package, which must stay, cannot be beside it.
    Conflict(RecordId),
}

#[derive(Debug, Clone)]
enum Cause {
    Root(Dependency),
    Package(RecordId, Dependency),
}

/// What a package says of others.
pub(super) struct Needs {
    pub(super) positive: Vec<Need>,
    /// `Conflicts` and `Breaks`.
    pub(super) negative: Vec<Alternative>,
}

pub(super) struct Need {
    pub(super) relation: Dependency,
    /// Only recommended where it is not.
    pub(super) critical: bool,
}

impl<'a> Solver<'a> {
    /// An error where a version that is asked for is not there.
    pub(super) fn new(index: &'a Index, options: ResolveOptions<'_>) -> Result<Self, Unresolvable> {
        let found = options.versions.iter().map(|(name, version)| {
            let package = index.versions(name).find(|package| package.version() == version);
            package
                .map(|package| (package.name(), package.id))
                .ok_or_else(|| explain::no_such_version(index, name, version))
        });
        let (versions, problems): (Vec<_>, Vec<_>) = found.partition(Result::is_ok);
        if !problems.is_empty() {
            let problems = problems.into_iter().filter_map(Result::err).collect();
            return Err(Unresolvable { problems });
        }
        Ok(Self {
            index,
            recommends: options.recommends,
            versions: versions.into_iter().filter_map(Result::ok).collect(),
            states: HashMap::new(),
            needs: HashMap::new(),
            order: Order::default(),
        })
    }

    pub(super) fn closure(mut self, roots: &[Dependency]) -> Result<Closure<'a>, Unresolvable> {
        let chosen = self.choose_roots(roots)?;
        // `doAutoInstall`
        for (id, root) in &chosen {
            self.mark_install(*id, true, 0, Some(Cause::Root(root.clone())));
        }
        let reached = self.reached(&chosen);
        let problems = explain::broken(&mut self, &reached);
        if !problems.is_empty() {
            return Err(Unresolvable { problems });
        }
        Ok(self.result(&reached))
    }

    /// `TryToInstall`: all that was asked for is there, and stays, before anything that it needs.
    fn choose_roots(
        &mut self,
        roots: &[Dependency],
    ) -> Result<Vec<(RecordId, Dependency)>, Unresolvable> {
        let mut chosen = Vec::new();
        let mut problems: Vec<Problem> = Vec::new();
        for root in roots {
            let counts = |one: &Alternative| one.counts_on(self.index.architecture());
            if !root.alternatives.iter().any(counts) || self.is_satisfied(root) {
                continue;
            }
            match self.possible(root).first() {
                Some(id) => {
                    self.state(*id).protected = true;
                    self.mark_install(*id, false, 0, Some(Cause::Root(root.clone())));
                    chosen.push((*id, root.clone()));
                }
                None => problems.extend(explain::missing(self, None, root)),
            }
        }
        if problems.is_empty() { Ok(chosen) } else { Err(Unresolvable { problems }) }
    }

    /// `MarkInstall`. Without `automatic` the package alone; `asked` by the user or by another package.
    fn mark_install(
        &mut self,
        id: RecordId,
        automatic: bool,
        depth: usize,
        cause: Option<Cause>,
    ) -> bool {
        let asked = matches!(cause, Some(Cause::Root(_)));
        let State { installed, protected, discarded, .. } = *self.state(id);
        if depth > DEEPEST || discarded.is_some() || (!asked && protected && !installed) {
            return false;
        }
        if !protected && installed && !self.is_broken(id) {
            return true;
        }
        let Ok(needs) = self.needs(id) else {
            return self.give_up(id);
        };
        if automatic && !self.is_satisfiable(&needs) {
            return self.give_up(id);
        }
        if asked {
            self.set_installed(id, cause.clone());
        }
        let fail_early = !protected && !asked;
        let mut failed = false;
        let mut missing = Vec::new();
        if automatic {
            missing = self.missing(&needs, protected);
            if !self.remove_conflicts(id, &needs, protected, asked) {
                if fail_early {
                    return false;
                }
                failed = true;
            }
        }
        if !asked {
            self.set_installed(id, cause);
        }
        if !automatic {
            return !failed;
        }
        self.state(id).protected = true;
        let done = self.install_needs(id, &needs, &missing, depth, protected, asked);
        self.state(id).protected = protected;
        if !done && fail_early {
            return self.give_up(id);
        }
        done && !failed
    }

    /// `MarkInstall_DiscardInstall`
    fn give_up(&mut self, id: RecordId) -> bool {
        let state = self.state(id);
        if !state.protected {
            state.installed = false;
            state.discarded = Some(Discarded::Needs);
        }
        false
    }

    fn set_installed(&mut self, id: RecordId, cause: Option<Cause>) {
        let state = self.state(id);
        if !state.installed {
            state.installed = true;
            state.cause = cause;
        }
    }

    /// `MarkInstall_CollectDependencies`: places in the list of needs.
    fn missing(&mut self, needs: &Needs, protected: bool) -> Vec<usize> {
        let positive = needs.positive.iter().enumerate();
        positive
            .filter(|(_, need)| protected || !self.is_satisfied(&need.relation))
            .map(|(at, _)| at)
            .collect()
    }

    /// `MarkInstall_RemoveConflictsIfNotUpgradeable`
    fn remove_conflicts(
        &mut self,
        id: RecordId,
        needs: &Needs,
        protected: bool,
        asked: bool,
    ) -> bool {
        let mut done = true;
        for relation in &needs.negative {
            for other in self.matching(relation) {
                if other == id || self.state(other).discarded.is_some() {
                    continue;
                }
                let state = self.state(other);
                if state.installed && state.protected {
                    done = false;
                    if !protected && !asked {
                        return false;
                    }
                    continue;
                }
                state.installed = false;
                if protected {
                    state.discarded = Some(Discarded::Conflict(id));
                    state.protected = true;
                }
            }
        }
        done
    }

    /// `MarkInstall_InstallDependencies`
    fn install_needs(
        &mut self,
        id: RecordId,
        needs: &Needs,
        missing: &[usize],
        depth: usize,
        protected: bool,
        asked: bool,
    ) -> bool {
        let mut done = true;
        for need in missing.iter().map(|at| &needs.positive[*at]) {
            let cause = || Some(Cause::Package(id, need.relation.clone()));
            if self.is_satisfied(&need.relation) {
                if protected && need.critical && !self.protect_only(need, depth, cause()) {
                    done = false;
                }
                continue;
            }
            let possible = self.possible(&need.relation);
            let mut found = false;
            for other in &possible {
                if self.state(*other).discarded.is_some() {
                    continue;
                }
                if protected && need.critical && possible.len() == 1 {
                    if !self.mark_install(*other, false, depth + 1, cause()) {
                        continue;
                    }
                    self.state(*other).protected = true;
                }
                if self.mark_install(*other, true, depth + 1, cause()) {
                    found = true;
                    break;
                }
            }
            if !found && need.critical {
                done = false;
                if !protected && !asked {
                    break;
                }
            }
        }
        done
    }

    /// What must stay needs this, and only one package will do: so that one must stay as well.
    fn protect_only(&mut self, need: &Need, depth: usize, cause: Option<Cause>) -> bool {
        let possible = self.possible(&need.relation);
        let [only] = possible[..] else { return true };
        if self.state(only).protected {
            return true;
        }
        self.state(only).protected = true;
        self.mark_install(only, true, depth + 1, cause)
    }

    /// `getAllPossibleSolutions`: candidates for all alternatives, in the order of trying.
    pub(super) fn possible(&mut self, relation: &Dependency) -> Vec<RecordId> {
        let mut all: Vec<RecordId> = Vec::new();
        for alternative in &relation.alternatives {
            let mut some = self.matching(alternative);
            some.retain(|id| self.states.get(id).is_none_or(|state| state.discarded.is_none()));
            if some.len() > 1 {
                let states = &self.states;
                let protected = |id| states.get(&id).is_some_and(|state| state.protected);
                self.order.sort(self.index, &alternative.name, &mut some, protected);
            }
            all.extend(some);
        }
        all.dedup();
        all.retain(|id| {
            self.states.get(id).is_none_or(|state| !state.protected || state.installed)
        });
        all
    }

    /// Packages that an alternative means, the real one first.
    pub(super) fn matching(&self, alternative: &Alternative) -> Vec<RecordId> {
        let architecture = self.index.architecture();
        if !alternative.is_met_on(architecture) || !alternative.counts_on(architecture) {
            return Vec::new();
        }
        let real = self.candidate(&alternative.name);
        let mut found: Vec<RecordId> = real
            .filter(|package| alternative.allows(package.version()))
            .map(|package| package.id)
            .into_iter()
            .collect();
        let asked = self.versions.values().map(|id| self.index.package(*id));
        for provider in self.index.providers(&alternative.name).chain(asked) {
            let is_taken =
                self.versions.get(provider.name()).is_none_or(|asked| *asked == provider.id);
            if is_taken && !found.contains(&provider.id) && provides(provider, alternative) {
                found.push(provider.id);
            }
        }
        found
    }

    /// The package of this name that can come in.
    pub(super) fn candidate(&self, name: &str) -> Option<Package<'a>> {
        let asked = self.versions.get(name).map(|id| self.index.package(*id));
        asked.or_else(|| self.index.get(name))
    }

    pub(super) fn is_satisfied(&self, relation: &Dependency) -> bool {
        relation
            .alternatives
            .iter()
            .any(|one| self.matching(one).into_iter().any(|id| self.is_installed(id)))
    }

    pub(super) fn is_installed(&self, id: RecordId) -> bool {
        self.states.get(&id).is_some_and(|state| state.installed)
    }

    pub(super) fn discarded(&self, id: RecordId) -> Option<Discarded> {
        self.states.get(&id).and_then(|state| state.discarded)
    }

    /// `IsInstallOkDependenciesSatisfiableByCandidates`
    fn is_satisfiable(&self, needs: &Needs) -> bool {
        let candidate = |id: RecordId| self.is_installed(id) || self.discarded(id).is_none();
        needs.positive.iter().filter(|need| need.critical).all(|need| {
            let alternatives = need.relation.alternatives.iter();
            alternatives.flat_map(|one| self.matching(one)).any(candidate)
        })
    }

    fn is_broken(&mut self, id: RecordId) -> bool {
        let Ok(needs) = self.needs(id) else { return true };
        let met = |need: &Need| !need.critical || self.is_satisfied(&need.relation);
        let clash = |one: &Alternative| {
            self.matching(one).into_iter().any(|other| other != id && self.is_installed(other))
        };
        !needs.positive.iter().all(met) || needs.negative.iter().any(clash)
    }

    pub(super) fn needs(&mut self, id: RecordId) -> Result<Rc<Needs>, PackageError> {
        if let Some(known) = self.needs.get(&id) {
            return known.clone();
        }
        let read = read_needs(self.index.package(id), self.recommends).map(Rc::new);
        self.needs.insert(id, read.clone());
        read
    }

    fn state(&mut self, id: RecordId) -> &mut State {
        self.states.entry(id).or_default()
    }

    /// What is installed and needed (`MarkRequired`), roots first: what was marked on the way to a choice
    /// that failed is not.
    fn reached(&mut self, roots: &[(RecordId, Dependency)]) -> Vec<RecordId> {
        let mut seen: HashSet<RecordId> = HashSet::new();
        let mut todo: Vec<RecordId> = roots.iter().rev().map(|(id, _)| *id).collect();
        let mut reached = Vec::new();
        while let Some(id) = todo.pop() {
            if !self.is_installed(id) && !roots.iter().any(|(root, _)| *root == id) {
                continue;
            }
            if seen.insert(id) {
                reached.push(id);
                todo.extend(self.partners(id));
            }
        }
        reached
    }

    /// Installed packages that meet what a package needs.
    fn partners(&mut self, id: RecordId) -> Vec<RecordId> {
        let Ok(needs) = self.needs(id) else { return Vec::new() };
        let relations = needs.positive.iter().flat_map(|need| &need.relation.alternatives);
        relations
            .flat_map(|one| self.matching(one))
            .filter(|other| *other != id && self.is_installed(*other))
            .collect()
    }

    fn result(mut self, reached: &[RecordId]) -> Closure<'a> {
        let mut packages = BTreeMap::new();
        for id in reached {
            let package = self.index.package(*id);
            let mut depends: Vec<&str> =
                self.partners(*id).into_iter().map(|one| self.index.package(one).name()).collect();
            depends.sort_unstable();
            depends.dedup();
            let Some(cause) = self.state(*id).cause.clone() else { continue };
            let reason = match cause {
                Cause::Root(root) => Reason::Asked(root),
                Cause::Package(by, relation) => {
                    Reason::Needed { by: self.index.package(by).name(), relation }
                }
            };
            packages.insert(package.name(), Chosen { package, reason, depends });
        }
        Closure { packages: packages.into_values().collect() }
    }
}

fn read_needs(package: Package<'_>, recommends: bool) -> Result<Needs, PackageError> {
    let critical = |relation| Need { relation, critical: true };
    let mut positive: Vec<Need> = package.pre_depends()?.into_iter().map(critical).collect();
    positive.extend(package.depends()?.into_iter().map(critical));
    if recommends {
        let recommended = package.relations("Recommends")?.into_iter();
        positive.extend(recommended.map(|relation| Need { relation, critical: false }));
    }
    let mut negative = Vec::new();
    for field in ["Conflicts", "Breaks"] {
        negative.extend(package.relations(field)?.into_iter().flat_map(|one| one.alternatives));
    }
    Ok(Needs { positive, negative })
}

/// Whether a package provides what an alternative means. A field that cannot be read provides nothing.
fn provides(package: Package<'_>, alternative: &Alternative) -> bool {
    package.provides().unwrap_or_default().iter().any(|provided| {
        provided.name == alternative.name
            && match (&alternative.version, &provided.version) {
                (None, _) => true,
                (Some(wanted), Some(version)) => wanted.allows(version.as_str()),
                (Some(_), None) => false,
            }
    })
}
