//! From a project to its lock: the ground, the wheels, and what their native code needs of the ground.

use lightship_build::base::{self, PythonWish};
use lightship_build::lean::{self, FOR_NATIVE_CODE, Gathered, Wishes};
use lightship_build::project::PythonWish as Wanted;
use lightship_build::resolve::{Request, Resolution, Source, Upgrade};
use lightship_packages::index;
use lightship_packages::lock::{Inputs, Lock, Python};
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
        let apt = self.supplies.apt(self.platform.architecture(), &*self.progress);
        let mut ground = lean::ground(&apt, &order.wishes.base, order.suite)?;
        let mut lock = Lock {
            inputs: order.inputs.clone(),
            platforms: vec![self.platform.clone()],
            suite: Some(ground.suite.clone()),
            debs: ground.debs.clone(),
            ..Lock::default()
        };
        match (order.wishes.base.python, order.natives.is_empty()) {
            (PythonWish::None, true) => return Ok(lock),
            (PythonWish::None, false) => {}
            (PythonWish::Any | PythonWish::Version(..) | PythonWish::Elsewhere, _) => {
                self.resolve(&mut lock, Some(&ground), order)?;
            }
        }
        let mut keep = order.wishes.base.clone();
        let mut added = Vec::new();
        for _ in 0..MOST_ROUNDS {
            let gathered = self.gather(&lock, &order.wishes)?;
            let more = self.missing(&apt, &ground, (&gathered, &order.natives), &keep)?;
            if more.is_empty() {
                break;
            }
            keep.keep.extend(more.iter().map(|(package, _)| package.clone()));
            added.extend(more);
            lean::more(&mut ground, &keep)?;
            lock.debs.clone_from(&ground.debs);
            for deb in &mut lock.debs {
                if let Some((_, library)) = added.iter().find(|(package, _)| *package == deb.name) {
                    deb.reason = format!("{FOR_NATIVE_CODE}{library}");
                }
            }
        }
        Ok(lock)
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
            Some(ground) if !packages.is_empty() => {
                lock.build_debs = lean::builder(ground, packages)?;
            }
            None if !packages.is_empty() => {
                return Err(Error::NotYet { what: "`[build] packages` with an image as `[base]`" });
            }
            Some(_) | None => {}
        }
        let (python, resolution) = self.with_workbench(lock, &order.wishes, |bench| {
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
        lock.python = Some(python);
        lock.wheels = resolution.wheels;
        lock.sdists = resolution.sdists;
        if let Some(ground) = ground
            && lock.build_debs.is_empty()
            && self.any_native(lock, &finder)?
        {
            lock.build_debs = lean::builder(ground, packages)?;
        }
        lock.sdists = self.build_sources(lock, &order.wishes, &finder)?;
        Ok(())
    }

    /// Packages of the distribution that have what native code lacks: package and library.
    fn missing(
        &self,
        apt: &lean::Apt<'_>,
        ground: &lean::Ground,
        (gathered, own): (&Gathered, &[Parcel]),
        base: &base::Options,
    ) -> Result<Vec<(String, String)>, Error> {
        let packages = gathered.bundles.iter().map(|bundle| bundle.parcel.clone());
        let parcels: Vec<Parcel> = packages.chain(own.iter().cloned()).collect();
        let links = gathered.footing.links(parcels, base.keep.clone());
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
