//! Why there is no solution, in words.

use std::collections::HashSet;
use std::fmt;

use lightship_base::{Category, Diagnose, Hint};

use super::solver::{Discarded, Solver};
use crate::apt::index::{Index, PackageError, RecordId};
use crate::apt::relation::{Alternative, Dependency};

/// There are no packages that meet what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no set of packages meets what is asked for{}", lines(.problems))]
pub struct Unresolvable {
    /// Each by itself is reason enough.
    pub problems: Vec<Problem>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No archive has a package of this name, and none provides it.
    Unknown {
        /// Who needs it; nobody where it was asked for.
        by: Option<String>,
        /// What is needed.
        wanted: String,
        /// Names that are nearly the same.
        near: Vec<String>,
    },
    /// It is there in another version.
    Version {
        /// Who needs it; nobody where it was asked for.
        by: Option<String>,
        /// What is needed.
        wanted: String,
        /// The version that is there.
        there: String,
    },
    /// It is there, but not in the version that the user asked for.
    NoSuchVersion {
        /// Name and version.
        wanted: String,
        /// The versions that are there, the best first.
        there: Vec<String>,
    },
    /// It is there, and the user's own preferences keep all of its versions out.
    Pinned {
        /// Who needs it; nobody where it was asked for.
        by: Option<String>,
        /// What is needed.
        wanted: String,
    },
    /// Two packages cannot be installed together.
    Conflict {
        /// One, with its version.
        one: String,
        /// The other one.
        other: String,
    },
    /// What a package needs is there, but no choice among it works.
    Blocked {
        /// Who needs it; nobody where it was asked for.
        by: Option<String>,
        /// What is needed.
        wanted: String,
    },
    /// An index has something that cannot be read.
    Field(PackageError),
    /// The machine has no thread left.
    Thread(String),
}

/// As many reasons as anybody reads.
const MOST_PROBLEMS: usize = 8;

/// How far names may be from each other, and how many are shown.
const MOST_NEAR: usize = 3;

/// What is wrong among packages that were chosen.
pub(super) fn broken(solver: &mut Solver<'_>, chosen: &[RecordId]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen = HashSet::new();
    for id in chosen {
        whole(solver, *id, &mut seen, &mut problems);
    }
    dedup(problems)
}

/// Why nothing can be chosen for one relation.
pub(super) fn missing(
    solver: &mut Solver<'_>,
    by: Option<RecordId>,
    wanted: &Dependency,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    relation(solver, by, wanted, &mut HashSet::new(), &mut problems);
    dedup(problems)
}

fn dedup(problems: Vec<Problem>) -> Vec<Problem> {
    let mut kept: Vec<Problem> = Vec::new();
    for problem in problems {
        if !kept.contains(&problem) && kept.len() < MOST_PROBLEMS {
            kept.push(problem);
        }
    }
    kept
}

/// What keeps one package out, or what it lacks.
fn whole(
    solver: &mut Solver<'_>,
    id: RecordId,
    seen: &mut HashSet<RecordId>,
    problems: &mut Vec<Problem>,
) {
    if problems.len() >= MOST_PROBLEMS || !seen.insert(id) {
        return;
    }
    let needs = match solver.needs(id) {
        Ok(needs) => needs,
        Err(error) => return problems.push(Problem::Field(error)),
    };
    for need in needs.positive.iter().filter(|need| need.critical) {
        if !solver.is_satisfied(&need.relation) {
            relation(solver, Some(id), &need.relation, seen, problems);
        }
    }
    for other in needs.negative.iter().flat_map(|one| solver.matching(one)) {
        if other != id && solver.is_installed(other) {
            problems.push(conflict(solver.index, id, other));
        }
    }
}

fn relation(
    solver: &mut Solver<'_>,
    by: Option<RecordId>,
    wanted: &Dependency,
    seen: &mut HashSet<RecordId>,
    problems: &mut Vec<Problem>,
) {
    let before = problems.len();
    let needed_by = by.map(|id| shown(solver.index, id));
    for alternative in &wanted.alternatives {
        let matching = solver.matching(alternative);
        if matching.is_empty() {
            problems.push(absent(solver, needed_by.clone(), wanted, alternative));
        }
        for id in matching {
            match solver.discarded(id) {
                Some(Discarded::Conflict(with)) => problems.push(conflict(solver.index, with, id)),
                Some(Discarded::Needs) | None => whole(solver, id, seen, problems),
            }
        }
    }
    if problems.len() == before {
        problems.push(Problem::Blocked { by: needed_by, wanted: wanted.to_string() });
    }
}

fn conflict(index: &Index, one: RecordId, other: RecordId) -> Problem {
    Problem::Conflict { one: shown(index, one), other: shown(index, other) }
}

fn shown(index: &Index, id: RecordId) -> String {
    let package = index.package(id);
    format!("{} {}", package.name(), package.version())
}

fn absent(
    solver: &Solver<'_>,
    by: Option<String>,
    wanted: &Dependency,
    alternative: &Alternative,
) -> Problem {
    let wanted = wanted.to_string();
    let name = &alternative.name;
    match solver.candidate(name) {
        Some(package) => Problem::Version { by, wanted, there: package.version().to_owned() },
        None if solver.index.versions(name).next().is_some() => Problem::Pinned { by, wanted },
        None => Problem::Unknown { by, wanted, near: near(solver.index, name) },
    }
}

/// Nothing has the version that the user asked for.
pub(super) fn no_such_version(index: &Index, name: &str, version: &str) -> Problem {
    let there = index.versions(name).map(|package| package.version().to_owned());
    let mut there: Vec<String> = there.collect();
    there.dedup();
    let wanted = format!("{name}={version}");
    if there.is_empty() {
        return Problem::Unknown { by: None, wanted, near: near(index, name) };
    }
    Problem::NoSuchVersion { wanted, there }
}

/// Known names that somebody may have meant, the likeliest first.
fn near(index: &Index, name: &str) -> Vec<String> {
    let mut near: Vec<(usize, &str)> = index
        .names()
        .filter(|known| known.len().abs_diff(name.len()) <= 3)
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .filter(|(distance, _)| *distance <= 1 + name.len() / 5)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(MOST_NEAR).map(|(_, known)| known.to_owned()).collect()
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needs = |f: &mut fmt::Formatter<'_>, by: &Option<String>, wanted: &str| match by {
            Some(by) => write!(f, "{by} needs `{wanted}`, "),
            None => write!(f, "`{wanted}` is asked for, "),
        };
        match self {
            Self::Unknown { by, wanted, near } => {
                needs(f, by, wanted)?;
                f.write_str("which no configured archive has")?;
                if !near.is_empty() {
                    write!(f, " (there is {})", near.join(", "))?;
                }
                Ok(())
            }
            Self::Version { by, wanted, there } => {
                needs(f, by, wanted)?;
                write!(f, "and the configured archives have {there}")
            }
            Self::NoSuchVersion { wanted, there } => {
                let there = there.join(", ");
                write!(f, "`{wanted}` is asked for, and the configured archives have {there}")
            }
            Self::Pinned { by, wanted } => {
                needs(f, by, wanted)?;
                f.write_str("and the preferences of apt keep all of its versions out")
            }
            Self::Conflict { one, other } => {
                write!(f, "{one} and {other} cannot be installed together")
            }
            Self::Blocked { by, wanted } => {
                needs(f, by, wanted)?;
                f.write_str("and what would do was left out for other packages")
            }
            Self::Field(error) => error.fmt(f),
            Self::Thread(reason) => write!(f, "this machine gave no thread to work in: {reason}"),
        }
    }
}

impl Diagnose for Unresolvable {
    fn category(&self) -> Category {
        let machine = self.problems.iter().any(|problem| matches!(problem, Problem::Thread(_)));
        if machine { Category::Machine } else { Category::BadInput }
    }

    fn hints(&self) -> Vec<Hint> {
        let unknown = |problem: &Problem| matches!(problem, Problem::Unknown { by: None, .. });
        if self.problems.iter().any(unknown) {
            return vec![Hint::new(
                "look whether the name is right, and whether the archive and component that have it are configured",
            )];
        }
        Vec::new()
    }
}
