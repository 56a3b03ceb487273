//! Everything that locking and building share: where packages come from, where commands run.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use lightship_base::{Digest, Progress};
use lightship_build::lean::{self, Debs, Fetched, Gathered, Opened, Wishes, vendor};
use lightship_build::notebooks::Notebooks;
use lightship_build::resolve::Uv;
use lightship_net::Secret;
use lightship_packages::index::{Addresses, Index, Place, Role, Wanted};
use lightship_packages::lock::{Lock, PlatformName, Wheel};

use super::meanwhile::meanwhile;
use super::{BasePlace, Finder, Supplies, twin};
use crate::commands::Error;
use crate::images::Images;
use crate::sandboxes::Sandboxes;
use crate::settings::python::PythonSettings;
use crate::settings::{AptFiles, Settings};

/// Where it is noted what files were found to be, below the home.
pub const FACTS: &str = "facts";

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
    /// What an earlier lock has for this machine, where another one is built for.
    pub beside: Option<Lock>,
    /// Who watches.
    pub progress: Arc<dyn Progress>,
    /// What earlier runs found out about files.
    pub notebooks: Notebooks,
    gathered: Mutex<Option<(Vec<Digest>, Gathered)>>,
    /// Packages that were opened while somebody waited for the network.
    opened: Mutex<Opened>,
    uv: OnceLock<Uv>,
}

/// Files that are fetched ahead before somebody asks whether they are still wanted.
const AT_ONCE: usize = 8;

/// What gathering a lock follows from.
fn packages_of(lock: &Lock) -> Vec<Digest> {
    let images = lock.images.iter().map(|image| image.digest);
    let interpreters = lock.interpreters.iter().map(|interpreter| interpreter.file.sha256);
    let debs = lock.debs.iter().map(|deb| deb.sha256);
    let wheels = lock.wheels.iter().map(|wheel| wheel.file.sha256);
    let built = lock.sdists.iter().filter_map(|sdist| Some(sdist.built.as_ref()?.sha256));
    images.chain(interpreters).chain(debs).chain(wheels).chain(built).collect()
}

/// What the machine's own files say about where packages are.
pub struct Places {
    /// Of the distribution.
    pub apt: AptFiles,
    /// Of Python.
    pub python: PythonSettings,
    /// Indexes that the requirements name themselves. uv is told of them with the requirements; whoever fetches
    /// a lock's files has to look there as well.
    pub named: Vec<Index>,
    /// Whether no repository may be asked: `--no-index`.
    pub no_index: bool,
    /// Where the project's own base is.
    pub base: BasePlace,
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
        let notebooks = Notebooks::at(settings.home.join(FACTS));
        let gathered = Mutex::default();
        Ok(Self {
            settings,
            images,
            sandboxes,
            supplies,
            platform,
            base,
            beside: None,
            progress,
            notebooks,
            gathered,
            opened: Mutex::default(),
            uv: OnceLock::new(),
        })
    }

    /// Fetches what a lock names, builds what has no wheel, and opens it all.
    pub fn gather(&self, lock: &Lock, wishes: &Wishes) -> Result<Gathered, Error> {
        let left = self.gathered.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((packages, gathered)) = left
            && packages == packages_of(lock)
        {
            return Ok(gathered);
        }
        let fetched = self.fetch(lock, wishes)?;
        if let Some(base) = self.base_image(lock)? {
            return self.gather_onto(&base, (lock, &fetched), wishes);
        }
        Ok(lean::gather(lock, &fetched, wishes, self.debs()?)?)
    }

    /// The machine's `uv`, looked for once.
    pub(super) fn uv(&self) -> Result<&Uv, Error> {
        if self.uv.get().is_none() {
            let _ = self.uv.set(Uv::find(&self.settings.search_path)?);
        }
        Ok(self.uv.get().expect("it was found, here or by another thread"))
    }

    /// Opens packages of the distribution.
    pub(super) fn debs(&self) -> Result<Debs<'_>, Error> {
        Ok(Debs { lease: self.supplies.fetcher.lease(), scratch: self.images.scratch()? })
    }

    /// Does some work, and meanwhile opens a lock's packages of the distribution: resolving is waiting.
    pub(super) fn opening<T>(
        &self,
        lock: &Lock,
        work: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (scratch, fetcher) = (self.images.scratch()?, &self.supplies.fetcher);
        let open = || lean::open_ahead(lock, fetcher, scratch);
        let (done, opened) = meanwhile("open ahead", open, work);
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = opened.unwrap_or_default();
        done
    }

    /// Leaves what was gathered for a lock to whoever asks next: a build comes right after its lock.
    pub(super) fn leave(&self, lock: &Lock, gathered: Gathered) {
        let mut left = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        *left = Some((packages_of(lock), gathered));
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

    /// Remembers what a lock of the project has for this machine: it can answer for what runs elsewhere.
    pub fn remember_twin(&mut self, lock: &Lock) {
        self.beside = twin::beside(lock, &self.platform);
    }

    /// Takes what a lock names and the store lacks out of a folder.
    pub fn restock(&self, lock: &Lock, folder: &Path) -> Result<(), Error> {
        let Some(lock) = lock.only_for(&self.platform) else { return Ok(()) };
        self.restock_base(&lock, folder)?;
        let lease = self.supplies.fetcher.lease();
        for part in std::iter::once(&lock).chain(&self.beside) {
            vendor::read(part, folder, lease).map_err(lean::Error::from)?;
        }
        Ok(())
    }

    fn fetch(&self, lock: &Lock, wishes: &Wishes) -> Result<Fetched, Error> {
        let finder = self.finder(lock, self.indexes(lock, wishes)?);
        let store = &self.supplies.fetcher;
        let unbuilt = lock.sdists.iter().any(|sdist| {
            let built = sdist.built.as_ref();
            !built.is_some_and(|built| store.cas().contains(&built.sha256).unwrap_or(false))
        });
        if unbuilt {
            self.fetching(lock, &finder, || self.build_sources(lock, wishes, finder.files()))?;
        }
        let interpreter = self.archive(lock)?;
        let fetched = lean::fetch(lock, store, &finder, &*self.progress)?;
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = std::mem::take(&mut *opened);
        Ok(Fetched { interpreter, opened, ..fetched })
    }

    /// Does some work, and meanwhile fetches a lock's wheels: building is one processor's work. What fails is
    /// tried again by who needs it, and told then. When the work fails, nobody waits for the rest.
    fn fetching<T>(
        &self,
        lock: &Lock,
        finder: &Finder<'_>,
        work: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Lock { wheels, .. } = lock;
        let rest =
            Lock { debs: Vec::new(), sdists: Vec::new(), wheels: Vec::new(), ..lock.clone() };
        let (store, progress) = (&self.supplies.fetcher, &*self.progress);
        let failed = AtomicBool::new(false);
        let some = |wheels: &[Wheel]| Lock { wheels: wheels.to_vec(), ..rest.clone() };
        let fetch = || {
            wheels.chunks(AT_ONCE).all(|wheels| {
                !failed.load(Ordering::Relaxed)
                    && lean::fetch(&some(wheels), store, finder, progress).is_ok()
            })
        };
        let work = || work().inspect_err(|_| failed.store(true, Ordering::Relaxed));
        meanwhile("fetch ahead", fetch, work).0
    }

    /// Finds files of a lock, those of Python in `indexes`.
    pub(super) fn finder<'f>(&'f self, lock: &'f Lock, indexes: Vec<Index>) -> Finder<'f> {
        let suite = lock.suite.as_ref().map_or("", |suite| suite.codename.as_str());
        // What stands for the image's Python here is for another processor than the image.
        let own = lock.debs.iter().map(|deb| deb.architecture.as_str()).find(|own| *own != "all");
        let architecture = own.unwrap_or(self.platform.architecture());
        Finder::new(&self.supplies, architecture, suite, indexes, &*self.progress)
    }

    /// The indexes to look for files in, first those that the requirements name. Where no default one is configured, uv is asked for the one that
    /// it asks itself; but only if something is missing whose address nobody remembers.
    fn indexes(&self, lock: &Lock, wishes: &Wishes) -> Result<Vec<Index>, Error> {
        let PythonSettings { mut indexes, .. } =
            self.supplies.python.clone().with_first(self.supplies.named.clone());
        if self.supplies.no_index {
            indexes.retain(|index| !matches!(index.place, Place::Repository(_)));
            return Ok(indexes);
        }
        let has_default = indexes.iter().any(|index| index.role == Role::Default);
        if !has_default && self.needs_index(lock)? {
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

    /// Proxies as a program in a sandbox takes them from its environment.
    pub(super) fn proxies(&self) -> Vec<(String, Secret)> {
        let proxies = &self.settings.proxies;
        let url = |name: &str, proxy: &Option<crate::settings::Secret>| {
            proxy.as_ref().map(|proxy| (name.to_owned(), Secret::new(proxy.reveal())))
        };
        let none_for = proxies.none_for.as_ref();
        let none_for = none_for.map(|hosts| ("NO_PROXY".to_owned(), Secret::new(hosts)));
        let urls = [url("HTTP_PROXY", &proxies.http), url("HTTPS_PROXY", &proxies.https)];
        urls.into_iter().flatten().chain(none_for).collect()
    }
}

/// A lock without what runs on its base.
pub(super) fn without_python(lock: &Lock) -> Lock {
    Lock { wheels: Vec::new(), sdists: Vec::new(), build_debs: Vec::new(), ..lock.clone() }
}
