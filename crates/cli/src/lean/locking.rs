//! From a project to its lock: the ground, the wheels, and what their native code needs of the ground.

use std::path::PathBuf;

use lightship_build::lean::{self, Gathered, Wishes};
use lightship_build::native;
use lightship_build::resolve::{Request, Resolver, Sandboxed, Source, Target, Upgrade, Uv};
use lightship_packages::index::Index;
use lightship_packages::lock::{Inputs, Lock, Python};
use lightship_packages::parcel::Parcel;

use super::{BaseRoot, Kitchen};
use crate::commands::Error;

/// What is to be locked.
pub struct Order<'a> {
    /// What the lock is made from, for the next time.
    pub inputs: Inputs,
    /// Of the base and the packages.
    pub wishes: Wishes,
    /// The suite that the user named.
    pub suite: Option<&'a str>,
    /// Who asked for this Python, in words.
    pub python_because: String,
    /// The project's requirements, if it has any.
    pub source: Option<&'a Source>,
    /// A lock whose versions are kept where they fit.
    pub previous: Option<&'a Lock>,
    /// Which of them are renewed.
    pub upgrade: &'a Upgrade,
}

/// A lock, and what was opened on the way to it.
pub struct Locked {
    /// The lock.
    pub lock: Lock,
    /// Its files.
    pub gathered: Gathered,
    /// Debian packages that are there because native code needs them: package and library.
    pub added: Vec<(String, String)>,
}

/// Wheels may need libraries that need libraries; nobody has seen three rounds.
const MOST_ROUNDS: usize = 4;

impl Kitchen<'_> {
    /// Locks a project.
    pub fn lock(&self, order: &Order<'_>) -> Result<Locked, Error> {
        let apt = self.supplies.apt(self.platform.architecture(), &*self.progress);
        let mut ground = lean::ground(&apt, &order.wishes.base, order.suite)?;
        let mut lock = Lock {
            inputs: order.inputs.clone(),
            platforms: vec![self.platform.clone()],
            suite: Some(ground.suite.clone()),
            debs: ground.debs.clone(),
            ..Lock::default()
        };
        let no_index = || Ok(Vec::new());
        let mut gathered = self.gather(&lock, &order.wishes, &no_index)?;
        if let Some(python) = &gathered.base.python {
            lock.python = Some(Python {
                implementation: "cpython".to_owned(),
                version: python.full_version.clone(),
                chosen: order.python_because.clone(),
            });
        }
        let Some(source) = order.source else {
            return Ok(Locked { lock, gathered, added: Vec::new() });
        };
        let indexes = self.resolve(&mut lock, gathered, source, order)?;
        let indexes = || Ok(indexes.clone());
        gathered = self.gather(&lock, &order.wishes, &indexes)?;
        let mut wishes = order.wishes.clone();
        let mut added = Vec::new();
        for _ in 0..MOST_ROUNDS {
            let more = self.missing(&apt, &ground, &gathered, &wishes)?;
            if more.is_empty() {
                break;
            }
            wishes.base.keep.extend(more.iter().map(|(package, _)| package.clone()));
            added.extend(more);
            lean::more(&mut ground, &wishes.base)?;
            lock.debs.clone_from(&ground.debs);
            gathered = self.gather(&lock, &wishes, &indexes)?;
        }
        for deb in &mut lock.debs {
            if let Some((_, library)) = added.iter().find(|(package, _)| *package == deb.name) {
                deb.reason = format!("native code needs {library}");
            }
        }
        Ok(Locked { lock, gathered, added })
    }
}

impl Kitchen<'_> {
    /// Fills in the wheels, resolved beside the Python that the image will have. Gives back the indexes
    /// that were asked.
    fn resolve(
        &self,
        lock: &mut Lock,
        base: Gathered,
        source: &Source,
        order: &Order<'_>,
    ) -> Result<Vec<Index>, Error> {
        let python = base.base.python.clone().ok_or(lean::Error::NoPython)?;
        let root = BaseRoot {
            lease: self.supplies.fetcher.lease(),
            images: self.images,
            sandboxes: self.sandboxes,
            progress: &*self.progress,
        };
        let root = root.prepare(base.bundles)?;
        let interpreter = Sandboxed {
            launcher: self.sandboxes.launcher(),
            root: &root,
            python: PathBuf::from(&python.scheme.interpreter),
            disk: None,
        };
        let uv = Uv::find(&self.settings.search_path)?;
        let cache = self.settings.home.join("uv");
        let resolver = Resolver {
            uv: &uv,
            interpreter: &interpreter,
            indexes: &self.supplies.indexes,
            logins: &*self.supplies.logins,
            netrc: None,
            certificates: Some(self.supplies.certificates.path()),
            proxies: Vec::new(),
            cache: &cache,
            temporary: self.images.scratch()?,
            offline: self.supplies.fetcher.is_offline(),
        };
        let target = Target::of(&interpreter)?;
        let request =
            Request { source, target: &target, previous: order.previous, upgrade: order.upgrade };
        let resolution = resolver.resolve(&request)?;
        resolution.remember(&self.supplies.fetcher.cas())?;
        lock.wheels = resolution.wheels;
        lock.sdists = resolution.sdists;
        Ok(resolution.indexes)
    }

    /// Packages of the distribution that have what native code lacks: package and library.
    fn missing(
        &self,
        apt: &lean::Apt<'_>,
        ground: &lean::Ground,
        gathered: &Gathered,
        wishes: &Wishes,
    ) -> Result<Vec<(String, String)>, Error> {
        let parcels: Vec<Parcel> =
            gathered.bundles.iter().map(|bundle| bundle.parcel.clone()).collect();
        let options = native::Options { library_path: None, asked: wishes.base.keep.clone() };
        let links = native::resolve(&parcels, &options);
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
        found.retain(|(package, _)| !wishes.base.keep.contains(package));
        Ok(found)
    }
}
