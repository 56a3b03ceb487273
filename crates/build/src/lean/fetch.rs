//! What a lock names, brought into the store: everything at once, each from where the user's
//! configuration says it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lightship_base::Progress;
use lightship_net::Url;
use lightship_packages::fetch::{Fetcher, Wanted};
use lightship_packages::lock::{Deb, Lock, LockedFile, Sdist, Wheel};
use rayon::prelude::*;

use super::{Debs, Error, Opened};

/// Says where files are. Asked only for what the store does not have.
pub trait Archives: Sync {
    /// Addresses of a Debian package. Never asked for two at once.
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
    /// The archive of its interpreter, where it has one. Whoever knows where such archives are fetches it.
    pub interpreter: Option<PathBuf>,
    /// What was opened of these and others.
    pub opened: Arc<Opened>,
}

/// Opens those of a lock's Debian packages that the store has, for [`super::gather`]. Whatever cannot be opened is
/// passed over: who needs it says why.
pub fn open_ahead(lock: &Lock, fetcher: &Fetcher, scratch: &Path, opened: &Opened) {
    let debs = Debs { lease: fetcher.lease(), scratch };
    // One after another: whoever waits for the network needs a processor, too.
    for deb in &lock.debs {
        if let Ok(Some(path)) = fetcher.kept(&wanted(deb)) {
            let _ = opened.deb(deb.sha256, || debs.open(&deb.sha256, &path));
        }
    }
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
            // One after another, and before any is fetched: who knows the addresses may have to ask for lists
            // first, which is done in parallel, and a worker that waits for that takes up other work. Were that
            // one of these, it would wait for itself.
            let missing = lock.debs.iter().map(|deb| lacking(deb, fetcher, archives));
            let missing = missing.collect::<Result<Vec<_>, Error>>()?;
            let one = |(deb, addresses): (&Deb, Vec<Url>)| {
                fetcher.file(&wanted(deb), || Ok(addresses), progress)
            };
            lock.debs.par_iter().zip(missing).map(one).collect()
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
        Ok(Fetched { debs: debs?, wheels: wheels?, ..Fetched::default() })
    };
    match pool {
        Ok(pool) => pool.install(all),
        // A machine without threads to spare fetches with those it has.
        Err(_) => all(),
    }
}

fn wanted(deb: &Deb) -> Wanted<'_> {
    let name = deb.file.rsplit('/').next().unwrap_or(&deb.file);
    Wanted { name, digest: deb.sha256, size: Some(deb.size) }
}

/// Where a package is that the store lacks; nothing for one that it has, or that cannot be fetched.
fn lacking(deb: &Deb, fetcher: &Fetcher, archives: &dyn Archives) -> Result<Vec<Url>, Error> {
    if fetcher.is_offline() || fetcher.kept(&wanted(deb))?.is_some() {
        return Ok(Vec::new());
    }
    archives.deb(deb)
}

/// A wheel that was built here, or came with other packages.
fn built(sdist: &Sdist, fetcher: &Fetcher) -> Result<PathBuf, Error> {
    let missing = || Error::NotBuilt { name: sdist.name.clone() };
    let file = sdist.built.as_ref().ok_or_else(missing)?;
    let wanted = Wanted { name: &file.name, digest: file.sha256, size: file.size };
    fetcher.kept(&wanted)?.ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use lightship_base::{Digest, Quiet};
    use lightship_cas::Cas;
    use lightship_net::{Client, Jitter, Pacer, RetryPolicy, Settings, ThreadSleeper};
    use lightship_packages::fetch::NoLogins;

    use super::*;

    /// Archives whose lists have to be asked for first, in parallel.
    #[derive(Default)]
    struct Slow(Mutex<usize>);

    impl Archives for Slow {
        fn deb(&self, _: &Deb) -> Result<Vec<Url>, Error> {
            let mut asked = self.0.try_lock().expect("one at a time");
            (0..64).into_par_iter().for_each(|_| std::thread::sleep(Duration::from_millis(1)));
            *asked += 1;
            Ok(Vec::new())
        }

        fn file(&self, file: &IndexFile<'_>, _: &dyn Progress) -> Result<PathBuf, Error> {
            Err(Error::NotBuilt { name: file.project.to_owned() })
        }
    }

    #[test]
    fn whoever_asks_for_lists_in_parallel_is_not_asked_again_meanwhile() {
        let store = tempfile::tempdir().unwrap();
        let lease = Arc::new(Cas::open(store.path()).unwrap().lease().unwrap());
        let pacer = Pacer::new(RetryPolicy::default(), Arc::new(ThreadSleeper), Jitter::seeded(1));
        let client = Client::new(Settings::new("test", Vec::new()), pacer).unwrap();
        let fetcher = Fetcher::new(Some(client), lease, Arc::new(NoLogins));
        let deb = |number: usize| Deb {
            name: format!("p{number}"),
            version: "1".to_owned(),
            architecture: "amd64".to_owned(),
            file: format!("pool/p{number}.deb"),
            size: 1,
            sha256: Digest::of(number.to_string().as_bytes()),
            archive: "Debian".to_owned(),
            depends: Vec::new(),
            reason: String::new(),
            platforms: Vec::new(),
        };
        let lock = Lock { debs: (0..48).map(deb).collect(), ..Lock::default() };
        let slow = Slow::default();
        let failure = fetch(&lock, &fetcher, &slow, &Quiet).unwrap_err();
        assert!(failure.to_string().contains(".deb"), "{failure}");
        assert_eq!(*slow.0.lock().unwrap(), lock.debs.len());
    }
}
