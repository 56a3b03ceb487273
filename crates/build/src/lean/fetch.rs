//! What a lock names, brought into the store: everything at once, each from where the user's
//! configuration says it is.

use std::path::PathBuf;

use lightship_base::Progress;
use lightship_net::Url;
use lightship_packages::fetch::{Fetcher, Wanted};
use lightship_packages::lock::{Deb, Lock, LockedFile, Sdist, Wheel};
use rayon::prelude::*;

use super::Error;

/// Says where files are. Asked only for what the store does not have.
pub trait Archives: Sync {
    /// Addresses of a Debian package.
    fn deb(&self, deb: &Deb) -> Result<Vec<Url>, Error>;

    /// Brings a file of a Python index into the store, and says where it is there.
    fn file(&self, file: &IndexFile<'_>, progress: &dyn Progress) -> Result<PathBuf, Error>;
}

/// A file that a Python index has.
pub struct IndexFile<'a> {
    /// The label of the index.
    pub index: &'a str,
    /// The distribution, normalised.
    pub project: &'a str,
    /// Which of its files.
    pub file: &'a LockedFile,
}

/// Files of a lock in the store, in the lock's order.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Of its Debian packages.
    pub debs: Vec<PathBuf>,
    /// Of its wheels, and then of what was built from its source distributions.
    pub wheels: Vec<PathBuf>,
}

/// How many files are fetched at once: waiting, not work, is what it is about.
const AT_ONCE: usize = 16;

/// Fetches the Debian packages and wheels of a lock.
pub fn fetch(
    lock: &Lock,
    fetcher: &Fetcher,
    archives: &dyn Archives,
    progress: &dyn Progress,
) -> Result<Fetched, Error> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(AT_ONCE).build();
    let all = || -> Result<Fetched, Error> {
        let debs = || -> Result<Vec<PathBuf>, Error> {
            let one = |deb: &Deb| {
                let name = deb.file.rsplit('/').next().unwrap_or(&deb.file);
                let wanted = Wanted { name, digest: deb.sha256, size: Some(deb.size) };
                fetcher.file(&wanted, || archives.deb(deb), progress)
            };
            lock.debs.par_iter().map(one).collect()
        };
        let wheels = || -> Result<Vec<PathBuf>, Error> {
            let one = |wheel: &Wheel| {
                let Wheel { index, name: project, file, .. } = wheel;
                let wanted = Wanted { name: &file.name, digest: file.sha256, size: file.size };
                match fetcher.kept(&wanted)? {
                    Some(path) => Ok(path),
                    None => archives.file(&IndexFile { index, project, file }, progress),
                }
            };
            let mut wheels =
                lock.wheels.par_iter().map(one).collect::<Result<Vec<PathBuf>, Error>>()?;
            for sdist in &lock.sdists {
                wheels.push(built(sdist, fetcher)?);
            }
            Ok(wheels)
        };
        let (debs, wheels) = rayon::join(debs, wheels);
        Ok(Fetched { debs: debs?, wheels: wheels? })
    };
    match pool {
        Ok(pool) => pool.install(all),
        // A machine without threads to spare fetches with those it has.
        Err(_) => all(),
    }
}

/// A wheel that was built here, or came with other packages.
fn built(sdist: &Sdist, fetcher: &Fetcher) -> Result<PathBuf, Error> {
    let missing = || Error::NotBuilt { name: sdist.name.clone() };
    let file = sdist.built.as_ref().ok_or_else(missing)?;
    let wanted = Wanted { name: &file.name, digest: file.sha256, size: file.size };
    fetcher.kept(&wanted)?.ok_or_else(missing)
}
