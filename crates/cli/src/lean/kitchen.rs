//! Everything that locking and building share: where packages come from, where commands run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lightship_base::Progress;
use lightship_build::foreign::Settled;
use lightship_build::lean::{self, Fetched, Footing, Gathered, Wishes, vendor};
use lightship_build::resolve::{Resolver, Sandboxed, Target, Uv};
use lightship_net::Secret;
use lightship_packages::index::{Addresses, Index, Wanted};
use lightship_packages::lock::{Lock, PlatformName};
use lightship_sandbox::snapshot::Prepared;

use super::{BasePlace, BaseRoot, Finder, Supplies};
use crate::commands::Error;
use crate::images::Images;
use crate::sandboxes::Sandboxes;
use crate::settings::python::PythonSettings;
use crate::settings::{AptFiles, Settings};

/// Locks and builds.
pub struct Kitchen<'a> {
    /// What the environment says.
    pub settings: &'a Settings,
    /// The store.
    pub images: &'a Images<'a>,
    /// Where commands run.
    pub sandboxes: &'a Sandboxes,
    /// Where files come from.
    pub supplies: Supplies,
    /// Which platform is built for.
    pub platform: PlatformName,
    /// Where the base is.
    pub base: BasePlace,
    /// Who watches.
    pub progress: Arc<dyn Progress>,
}

/// What the machine's own files say about where packages are.
pub struct Places {
    /// Of the distribution.
    pub apt: AptFiles,
    /// Of Python.
    pub python: PythonSettings,
    /// Where the project's own base is.
    pub base: BasePlace,
}

/// Resolves in the base that a lock names.
pub struct Workbench<'a, 'b> {
    /// Drives uv.
    pub resolver: &'b Resolver<'a>,
    /// What is resolved for.
    pub target: &'b Target,
}

impl<'a> Kitchen<'a> {
    /// Opens the store and reads the machine's configuration; asks nobody yet.
    pub fn open(
        settings: &'a Settings,
        images: &'a Images<'a>,
        sandboxes: &'a Sandboxes,
        places: Places,
        (platform, offline): (PlatformName, bool),
        progress: Arc<dyn Progress>,
    ) -> Result<Self, Error> {
        let base = places.base.clone();
        let supplies = Supplies::open(images, settings, places, offline)?;
        Ok(Self { settings, images, sandboxes, supplies, platform, base, progress })
    }

    /// Fetches what a lock names, builds what has no wheel, and opens it all.
    pub fn gather(&self, lock: &Lock, wishes: &Wishes) -> Result<Gathered, Error> {
        let fetched = self.fetch(lock, wishes)?;
        if let Some(base) = self.base_image(lock)? {
            return self.gather_onto(&base, (lock, &fetched), wishes);
        }
        Ok(lean::gather(lock, &fetched, wishes, self.images.scratch()?)?)
    }

    /// Brings all that a lock names into the store, what its wheels were built from as well.
    pub fn bring(&self, lock: &Lock, wishes: &Wishes) -> Result<(), Error> {
        self.base_image(lock)?;
        self.fetch(lock, wishes)?;
        let builder = Lock { debs: lock.build_debs.clone(), ..without_python(lock) };
        let finder = self.finder(&builder, Vec::new());
        lean::fetch(&builder, &self.supplies.fetcher, &finder, &*self.progress)?;
        let finder = self.finder(lock, self.indexes(lock, wishes)?);
        for sdist in &lock.sdists {
            let source = (&sdist.index, &sdist.name, &sdist.file);
            let build =
                sdist.build.iter().map(|needed| (&needed.index, &needed.name, &needed.file));
            for (index, project, file) in std::iter::once(source).chain(build) {
                let wanted = Wanted { project, index, file };
                finder.files().fetch(&wanted, &*self.progress).map_err(lean::Error::from)?;
            }
        }
        Ok(())
    }

    /// Takes what a lock names and the store lacks out of a folder.
    pub fn restock(&self, lock: &Lock, folder: &Path) -> Result<(), Error> {
        let Some(lock) = lock.only_for(&self.platform) else { return Ok(()) };
        let lease = self.supplies.fetcher.lease();
        Ok(vendor::read(&lock, folder, lease).map_err(lean::Error::from)?)
    }

    fn fetch(&self, lock: &Lock, wishes: &Wishes) -> Result<Fetched, Error> {
        let finder = self.finder(lock, self.indexes(lock, wishes)?);
        let store = &self.supplies.fetcher;
        let unbuilt = lock.sdists.iter().any(|sdist| {
            let built = sdist.built.as_ref();
            !built.is_some_and(|built| store.cas().contains(&built.sha256).unwrap_or(false))
        });
        if unbuilt {
            self.build_sources(lock, wishes, finder.files())?;
        }
        Ok(lean::fetch(lock, store, &finder, &*self.progress)?)
    }

    /// Finds files of a lock, those of Python in `indexes`.
    fn finder<'f>(&'f self, lock: &'f Lock, indexes: Vec<Index>) -> Finder<'f> {
        let suite = lock.suite.as_ref().map_or("", |suite| suite.codename.as_str());
        let architecture = self.platform.architecture();
        Finder::new(&self.supplies, architecture, suite, indexes, &*self.progress)
    }

    /// The indexes to look for files in. Where no default one is configured, uv is asked for the one that
    /// it asks itself; but only if something is missing whose address nobody remembers.
    fn indexes(&self, lock: &Lock, wishes: &Wishes) -> Result<Vec<Index>, Error> {
        let mut indexes = self.supplies.python.indexes.clone();
        if self.supplies.python.default_index().is_none() && self.needs_index(lock)? {
            indexes.push(
                self.with_workbench(lock, wishes, |bench| Ok(bench.resolver.default_index()?))?,
            );
        }
        Ok(indexes)
    }

    fn needs_index(&self, lock: &Lock) -> Result<bool, Error> {
        let cas = self.supplies.fetcher.cas();
        let build = lock.sdists.iter().flat_map(|sdist| &sdist.build);
        let files = (lock.wheels.iter().map(|wheel| (&wheel.index, &wheel.file)))
            .chain(lock.sdists.iter().map(|sdist| (&sdist.index, &sdist.file)))
            .chain(build.map(|wheel| (&wheel.index, &wheel.file)));
        for (label, file) in files {
            if !cas.contains(&file.sha256)? {
                let known = Addresses::load(&cas, label).map_err(lean::Error::from)?;
                if known.get(&file.sha256).is_none() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The base that a lock names, as a root that commands run in.
    pub fn base_root(&self, lock: &Lock, wishes: &Wishes) -> Result<(Prepared, Footing), Error> {
        if let Some(base) = self.base_image(lock)? {
            let (root, image) = self.foreign(&base, wishes)?;
            return Ok((root, Footing::of_image(&image, &Settled::default())));
        }
        let ground = without_python(lock);
        let finder = self.finder(&ground, Vec::new());
        let fetched = lean::fetch(&ground, &self.supplies.fetcher, &finder, &*self.progress)?;
        let Gathered { bundles, footing } =
            lean::gather(&ground, &fetched, wishes, self.images.scratch()?)?;
        let root = BaseRoot {
            lease: self.supplies.fetcher.lease(),
            images: self.images,
            sandboxes: self.sandboxes,
            progress: &*self.progress,
        };
        Ok((root.prepare(bundles)?, footing))
    }

    /// Proxies as a program in a sandbox takes them from its environment.
    fn proxies(&self) -> Vec<(String, Secret)> {
        let proxies = &self.settings.proxies;
        let url = |name: &str, proxy: &Option<crate::settings::Secret>| {
            proxy.as_ref().map(|proxy| (name.to_owned(), Secret::new(proxy.reveal())))
        };
        let none_for = proxies.none_for.as_ref();
        let none_for = none_for.map(|hosts| ("NO_PROXY".to_owned(), Secret::new(hosts)));
        let urls = [url("HTTP_PROXY", &proxies.http), url("HTTPS_PROXY", &proxies.https)];
        urls.into_iter().flatten().chain(none_for).collect()
    }

    /// Runs something beside the Python of the base that a lock names: in that base, or, where the user
    /// says what sources are built with, in the root that has this.
    pub fn with_workbench<T>(
        &self,
        lock: &Lock,
        wishes: &Wishes,
        work: impl FnOnce(&Workbench<'_, '_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if !wishes.build.is_empty() && !lock.build_debs.is_empty() {
            return self.with_builder(lock, work);
        }
        self.with_root(self.base_root(lock, wishes)?, work)
    }

    pub(super) fn with_root<T>(
        &self,
        (root, footing): (Prepared, Footing),
        work: impl FnOnce(&Workbench<'_, '_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let python = footing.python.as_ref().ok_or(lean::Error::NoPython)?;
        let interpreter = Sandboxed {
            launcher: self.sandboxes.launcher(),
            root: &root,
            python: PathBuf::from(&python.scheme.interpreter),
            disk: None,
        };
        let uv = Uv::find(&self.settings.search_path)?;
        let cache = self.settings.home.join("uv");
        let certificates = &self.supplies.certificates;
        let resolver = Resolver {
            uv: &uv,
            interpreter: &interpreter,
            indexes: &self.supplies.python.indexes,
            logins: &self.supplies.python.logins,
            netrc: self.supplies.python.netrc.as_deref(),
            certificates: Some(certificates.path()),
            proxies: self.proxies(),
            cache: &cache,
            temporary: self.images.scratch()?,
            offline: self.supplies.fetcher.is_offline(),
        };
        let target = Target::of(&interpreter)?;
        work(&Workbench { resolver: &resolver, target: &target })
    }
}

/// A lock without what runs on its base.
pub(super) fn without_python(lock: &Lock) -> Lock {
    Lock { wheels: Vec::new(), sdists: Vec::new(), build_debs: Vec::new(), ..lock.clone() }
}
