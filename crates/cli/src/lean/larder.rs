//! What the builds of one command share: opened or found out once, whoever asks first.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lightship_build::lean::{self, Debs, Lists, Opened};
use lightship_build::notebooks::Notebooks;
use lightship_build::resolve::Uv;
use lightship_packages::fetch::Fetcher;
use lightship_packages::lock::{Deb, Lock};
use rayon::prelude::*;

use super::workbench::Bench;
use crate::commands::Error;

/// What the builds of one command share.
pub struct Larder {
    /// What earlier runs found out about files.
    pub notebooks: Notebooks,
    /// Lists of the distribution's packages.
    pub(super) lists: Arc<Lists>,
    /// The machine's uv.
    pub(super) uv: OnceLock<Uv>,
    /// Packages of the distribution. What a base is made of is the same for all that stand on it.
    opened: Mutex<Opened>,
    benches: Mutex<HashMap<String, Bench>>,
}

impl Larder {
    /// With what earlier runs noted in a folder.
    pub(super) fn at(facts: PathBuf) -> Self {
        Self {
            notebooks: Notebooks::at(facts),
            lists: Arc::default(),
            uv: OnceLock::new(),
            opened: Mutex::default(),
            benches: Mutex::default(),
        }
    }

    /// Whether all packages of the distribution that a lock names were opened.
    pub(super) fn has(&self, lock: &Lock) -> bool {
        let opened = held(&self.opened);
        lock.debs.iter().all(|deb| opened.contains_key(&deb.sha256))
    }

    /// Opens those that the store has, one after another. Whatever cannot be opened is passed over.
    pub(super) fn open_ahead(&self, lock: &Lock, fetcher: &Fetcher, scratch: &std::path::Path) {
        let opened = lean::open_ahead(&self.unopened(lock), fetcher, scratch);
        held(&self.opened).extend(opened);
    }

    /// All of a lock's, at these paths.
    pub(super) fn open(
        &self,
        lock: &Lock,
        paths: &[PathBuf],
        debs: Debs<'_>,
    ) -> Result<Opened, Error> {
        let known = held(&self.opened).clone();
        // No lock is held while packages are opened: that is done in parallel, and a worker that waits for it takes
        // up other work, which may ask for packages as well.
        let missing = lock.debs.par_iter().zip(paths);
        let missing = missing.filter(|(deb, _)| !known.contains_key(&deb.sha256));
        let found = missing
            .map(|(deb, path)| Ok((deb.sha256, Arc::new(debs.open(&deb.sha256, path)?))))
            .collect::<Result<Opened, lightship_packages::deb::Error>>()
            .map_err(lean::Error::from)?;
        let mut opened = held(&self.opened);
        opened.extend(found);
        let own = lock
            .debs
            .iter()
            .filter_map(|deb| Some((deb.sha256, Arc::clone(opened.get(&deb.sha256)?))));
        Ok(own.collect())
    }

    /// A root that somebody made.
    pub(super) fn bench(&self, key: &str) -> Option<Bench> {
        held(&self.benches).get(key).cloned()
    }

    /// Leaves a root to whoever needs the same.
    pub(super) fn leave_bench(&self, key: &str, bench: Bench) {
        held(&self.benches).insert(key.to_owned(), bench);
    }

    fn unopened(&self, lock: &Lock) -> Lock {
        let opened = held(&self.opened);
        let new = |deb: &&Deb| !opened.contains_key(&deb.sha256);
        let debs = lock.debs.iter().filter(new).cloned().collect();
        Lock { debs, ..Lock::default() }
    }
}

/// What a thread that panicked left is as good as before: nothing is left half done.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
