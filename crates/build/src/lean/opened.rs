//! Files that were opened, for others that need the same: environments of one command share most of theirs.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lightship_base::Digest;
use lightship_packages::deb::Deb;
use lightship_packages::lock::Lock;
use lightship_packages::wheel::Wheel;

use crate::base::NativeBase;

/// What was opened, by digest. What is asked for first is opened by who asks; no lock is held meanwhile, so of two that
/// ask at the same moment both do it.
#[derive(Default)]
pub struct Opened {
    debs: Mutex<HashMap<Digest, Deb>>,
    /// By their names as well: a wheel's says what is in it.
    wheels: Mutex<HashMap<(String, Digest), Wheel>>,
    bases: Mutex<HashMap<Digest, NativeBase>>,
}

impl Opened {
    /// Whether all packages of the distribution that a lock names were opened.
    pub fn has(&self, lock: &Lock) -> bool {
        let known = held(&self.debs);
        lock.debs.iter().all(|deb| known.contains_key(&deb.sha256))
    }

    pub(super) fn deb<E>(
        &self,
        digest: Digest,
        open: impl FnOnce() -> Result<Deb, E>,
    ) -> Result<Deb, E> {
        known_or(&self.debs, digest, open)
    }

    pub(super) fn wheel<E>(
        &self,
        (name, digest): (&str, Digest),
        open: impl FnOnce() -> Result<Wheel, E>,
    ) -> Result<Wheel, E> {
        known_or(&self.wheels, (name.to_owned(), digest), open)
    }

    /// A base by what it follows from.
    pub(super) fn base<E>(
        &self,
        key: Digest,
        compose: impl FnOnce() -> Result<NativeBase, E>,
    ) -> Result<NativeBase, E> {
        known_or(&self.bases, key, compose)
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").finish_non_exhaustive()
    }
}

fn known_or<K: Eq + Hash, T: Clone, E>(
    known: &Mutex<HashMap<K, T>>,
    key: K,
    find: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    if let Some(known) = held(known).get(&key) {
        return Ok(known.clone());
    }
    let found = find()?;
    held(known).insert(key, found.clone());
    Ok(found)
}

/// What a thread that panicked left is as good as before: nothing is left half done.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
