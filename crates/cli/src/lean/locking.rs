//! From a project to its lock: the ground, the wheels, and what their native code needs of the ground.

use lightship_build::base::{self, PythonWish};
use lightship_build::lean::{self, FOR_NATIVE_CODE, Gathered, Wishes};
use lightship_build::native::Links;
use lightship_build::project::PythonWish as Wanted;
use lightship_build::resolve::{Request, Resolution, Source, Upgrade};
use lightship_packages::index;
use lightship_packages::lock::{Deb, Inputs, Lock, Python, Sdist, Suite};
use lightship_packages::parcel::Parcel;

use super::{BasePlace, Kitchen};
use crate::commands::Error;

/// What is to be locked.
pub struct Order<'a> {
    /// What the lock is made from, for the next time.
    pub inputs: Inputs,
    /// Of the base and the packages.
    pub wishes: Wishes,
    /// The suite that the user named.
    pub suite: Option<&'a str>,
    /// Which Python the project takes.
    pub python: &'a Wanted,
    /// Who asked for this Python, in words.
    pub python_because: String,
    /// The project's requirements, if it has any.
    pub source: Option<&'a Source>,
    /// Native code of the project's own that needs libraries.
    pub natives: Vec<Parcel>,
    /// A lock whose versions are kept where they fit.
    pub previous: Option<&'a Lock>,
    /// Which of them are renewed.
    pub upgrade: &'a Upgrade,
}

/// Wheels may need libraries that need libraries; nobody has seen three rounds.
const MOST_ROUNDS: usize = 4;

/// Packages of the distribution while some are added.
struct More<'a> {
    apt: lean::Apt<'a>,
    ground: lean::Ground,
    /// What is asked of it by now.
    keep: base::Options,
    /// Packages that were added, each with the library that it was added for.
    added: Vec<(String, String)>,
}

impl Kitchen<'_> {
    /// Locks a project.
    pub fn lock(&self, order: &Order<'_>) -> Result<Lock, Error> {
        if let BasePlace::Image(at) = &self.base {
            return self.lock_onto(order, at);
        }
        if base::roots(&order.wishes.base).required.is_empty() {
            let (inputs, platforms) = (order.inputs.clone(), vec![self.platform.clone()]);
            return Ok(Lock { inputs, platforms, ..Lock::default() });
        }
        if order.source.is_some() {
            // Before anything is fetched.
            self.uv()?;
        }
        if let Some(lock) = self.lock_on_known_ground(order)? {
            return Ok(lock);
        }
        let apt = self.supplies.apt(self.platform.architecture(), &*self.progress);
        let ground = lean::ground(&apt, &order.wishes.base, order.suite)?;
        let mut lock = self.begin(order, ground.suite.clone(), ground.debs.clone());
        let keep = order.wishes.base.clone();
        let mut more = More { apt, ground, keep, added: Vec::new() };
        match (order.wishes.base.python, order.natives.is_empty()) {
            (PythonWish::None, true) => return Ok(lock),
            (PythonWish::None, false) => {}
            (PythonWish::Any | PythonWish::Version(..), _) => {
                self.resolve(&mut lock, Some(&more.ground), order)?;
            }
            (PythonWish::Elsewhere, _) => {
                if let BasePlace::Archive(at) = &self.base {
                    lock.interpreters = vec![self.choose_archive(at)?];
                }
                // It has to run before anything can be resolved beside it.
                self.complete(&mut lock, &mut more, order)?;
                self.resolve(&mut lock, None, order)?;
            }
        }
        self.complete(&mut lock, &mut more, order)?;
        Ok(lock)
    }

    /// Adds packages of the distribution until nothing is missing that one of them has.
    fn complete(
        &self,
        lock: &mut Lock,
        more: &mut More<'_>,
        order: &Order<'_>,
    ) -> Result<(), Error> {
        for _ in 0..MOST_ROUNDS {
            let gathered = self.gather(lock, &order.wishes)?;
            let found =
                self.missing(&more.apt, &more.ground, (&gathered, &order.natives), &more.keep)?;
            if found.is_empty() {
                self.leave(lock, &order.wishes, gathered);
                break;
            }
            more.keep.keep.extend(found.iter().map(|(package, _)| package.clone()));
            more.added.extend(found);
            lean::more(&mut more.ground, &more.keep)?;
            lock.debs.clone_from(&more.ground.debs);
            for deb in &mut lock.debs {
                let added = more.added.iter().find(|(package, _)| *package == deb.name);
                if let Some((_, library)) = added {
                    deb.reason = format!("{FOR_NATIVE_CODE}{library}");
                }
            }
        }
        Ok(())
    }

    /// Where nothing is asked of the base that an earlier lock does not have, its packages stay as they
    /// are, like the versions of all other packages, and no archive is asked for newer ones. `None` where
    /// that cannot be: native code needs something else than it did.
    fn lock_on_known_ground(&self, order: &Order<'_>) -> Result<Option<Lock>, Error> {
        let known = order.previous.filter(|_| *order.upgrade != Upgrade::All);
        let known = known.filter(|known| known.inputs.same_settings(&order.inputs));
        let known = known.and_then(|known| known.only_for(&self.platform));
        let known = known.filter(|_| order.wishes.build.is_empty());
        let fits = |lock: &Lock| {
            let python = lock.python.as_ref();
            python.is_some_and(|python| check_python(order.python, &python.version).is_ok())
        };
        let known = known.filter(fits);
        let of_suite = match order.wishes.base.python {
            PythonWish::Any | PythonWish::Version(..) => true,
            PythonWish::None | PythonWish::Elsewhere => false,
        };
        let (Some(known), true) = (known, of_suite) else { return Ok(None) };
        let Some(suite) = known.suite.filter(|_| !known.debs.is_empty()) else { return Ok(None) };
        let base = self.begin(order, suite, known.debs);
        let mut lock = base.clone();
        let finder = self.opening(&base, || self.choose(&mut lock, order))?;
        let Some(builder) = self.known_builder(&lock, order.previous, &finder)? else {
            // A compiler's packages are chosen together with the base's.
            return Ok(None);
        };
        lock.build_debs = builder;
        lock.sdists = self.build_sources(&lock, &order.wishes, &finder)?;
        for _ in 0..2 {
            let gathered = self.gather(&lock, &order.wishes)?;
            let links = self.links(&gathered, &order.natives, &order.wishes.base);
            let lacking = lean::lacking(&links, self.platform.architecture());
            if lacking.iter().any(|missing| !lean::is_driver(&missing.library)) {
                break;
            }
            let needless = lean::libraries_without_users(&lock, &links).len();
            if needless == 0 {
                self.leave(&lock, &order.wishes, gathered);
                return Ok(Some(lock));
            }
            // What no native code needs any more goes again, where it is all that came for native code.
            let Some(base) = lean::without_libraries(&lock).filter(|_| needless == came(&lock))
            else {
                break;
            };
            lock.debs = base;
        }
        Ok(None)
    }

    fn begin(&self, order: &Order<'_>, suite: Suite, debs: Vec<Deb>) -> Lock {
        Lock {
            inputs: order.inputs.clone(),
            platforms: vec![self.platform.clone()],
            suite: Some(suite),
            debs,
            ..Lock::default()
        }
    }

    /// Fills in Python and its distributions, resolved beside the Python that the image will have, and
    /// builds what comes as source only.
    pub(super) fn resolve(
        &self,
        lock: &mut Lock,
        ground: Option<&lean::Ground>,
        order: &Order<'_>,
    ) -> Result<(), Error> {
        let packages = &order.wishes.build;
        match ground {
            // What a compiler makes here does not run elsewhere.
            Some(_) if !self.is_for_here() => {}
            Some(ground) if !packages.is_empty() => {
                lock.build_debs = lean::builder(ground, packages, &order.wishes.base.versions)?;
            }
            None if !packages.is_empty() => {
                return Err(Error::NotYet {
                    what: "`[build] packages` with an image or an archive as `[base]`",
                });
            }
            Some(_) | None => {}
        }
        let finder = self.choose(lock, order)?;
        if let Some(ground) = ground
            && lock.build_debs.is_empty()
        {
            lock.build_debs = match self.known_builder(lock, order.previous, &finder)? {
                Some(known) => known,
                None => lean::builder(ground, packages, &order.wishes.base.versions)?,
            };
        }
        lock.sdists = self.build_sources(lock, &order.wishes, &finder)?;
        Ok(())
    }

    /// Chooses the distributions, and says where their files are found.
    fn choose(&self, lock: &mut Lock, order: &Order<'_>) -> Result<index::Finder, Error> {
        let (python, mut resolution) = self.with_workbench(lock, &order.wishes, |bench| {
            check_python(order.python, &bench.target.python)?;
            let python = Python {
                implementation: "cpython".to_owned(),
                version: bench.target.python.clone(),
                chosen: order.python_because.clone(),
            };
            let Some(source) = order.source else { return Ok((python, Resolution::default())) };
            let request = Request {
                source,
                target: bench.target,
                previous: order.previous,
                upgrade: order.upgrade,
            };
            let resolution = bench.resolver.resolve(&request)?;
            resolution.remember(&self.supplies.fetcher.cas())?;
            Ok((python, resolution))
        })?;
        let finder = index::Finder::new(self.supplies.fetcher.clone(), resolution.indexes);
        for sdist in &mut resolution.sdists {
            self.recall_build(sdist, &python, order);
        }
        lock.python = Some(python);
        lock.wheels = resolution.wheels;
        lock.sdists = resolution.sdists;
        Ok(finder)
    }

    /// A wheel that was built for an earlier lock, if it is still there: what it was built with stays then,
    /// too.
    fn recall_build(&self, sdist: &mut Sdist, python: &Python, order: &Order<'_>) {
        let Some(known) = order.previous.filter(|_| *order.upgrade != Upgrade::All) else { return };
        let same_python = known.python.as_ref().is_some_and(|one| one.version == python.version);
        let Some(known) = known.only_for(&self.platform).filter(|_| same_python) else { return };
        let same = |one: &&Sdist| one.file.sha256 == sdist.file.sha256;
        let Some(known) = known.sdists.iter().find(same) else { return };
        let cas = self.supplies.fetcher.cas();
        let built = known.built.as_ref();
        if built.is_some_and(|built| cas.contains(&built.sha256).unwrap_or(false)) {
            sdist.build.clone_from(&known.build);
            sdist.built.clone_from(&known.built);
        }
    }

    fn links(&self, gathered: &Gathered, own: &[Parcel], base: &base::Options) -> Links {
        let packages = gathered.bundles.iter().map(|bundle| bundle.parcel.clone());
        let parcels: Vec<Parcel> = packages.chain(own.iter().cloned()).collect();
        gathered.footing.links(parcels, base.keep.clone(), &self.notebooks)
    }

    /// Packages of the distribution that have what native code lacks: package and library.
    fn missing(
        &self,
        apt: &lean::Apt<'_>,
        ground: &lean::Ground,
        (gathered, own): (&Gathered, &[Parcel]),
        base: &base::Options,
    ) -> Result<Vec<(String, String)>, Error> {
        let links = self.links(gathered, own, base);
        let missing = lean::lacking(&links, self.platform.architecture());
        let names: Vec<&str> = missing
            .iter()
            .map(|missing| missing.library.as_str())
            .filter(|library| !lean::is_driver(library))
            .collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = lean::who_has(apt, ground, &names)?;
        found.retain(|(package, _)| !base.keep.contains(package));
        Ok(found)
    }
}

/// How many packages came for native code.
fn came(lock: &Lock) -> usize {
    lock.debs.iter().filter(|deb| deb.reason.starts_with(FOR_NATIVE_CODE)).count()
}

/// Whether a project takes a Python of this version; if not, the error tells who says so.
pub fn check_python(wish: &Wanted, version: &str) -> Result<(), Error> {
    let Ok(found) = version.parse() else { return Ok(()) };
    if wish.takes(found) {
        return Ok(());
    }
    let (wanted, from) = match (&wish.version, &wish.range) {
        (Some(version), _) => (version.value.to_string(), version.from.to_string()),
        (None, Some(range)) => (range.value.to_string(), range.from.to_string()),
        (None, None) => return Ok(()),
    };
    Err(Error::OtherPython { wanted, from, found: version.to_owned() })
}
