//! The archives' lists, read once: several projects of one command ask the same of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lightship_packages::apt::{Holder, Index, Mirror};

use super::{Apt, Error};

/// Lists that were read.
///
/// No lock is held while one is read, which is done in parallel: of two that ask at the same moment, both read.
#[derive(Debug, Default)]
pub struct Lists {
    indexes: Mutex<HashMap<String, Arc<Index>>>,
    holders: Mutex<HashMap<String, Holders>>,
}

/// By the name of a library; none of a name that no package has.
type Holders = HashMap<String, Vec<Holder>>;

impl Lists {
    /// All packages of these archives.
    pub(super) fn index(&self, apt: &Apt<'_>, mirrors: &[Mirror]) -> Result<Arc<Index>, Error> {
        let key = key(apt, mirrors);
        if let Some(known) = held(&self.indexes).get(&key) {
            return Ok(Arc::clone(known));
        }
        let found =
            lightship_packages::apt::update(apt.fetcher, mirrors, apt.options(), apt.progress)?;
        let found = Arc::new(found);
        held(&self.indexes).insert(key, Arc::clone(&found));
        Ok(found)
    }

    /// Packages of these archives that have libraries of these names.
    pub(super) fn who_has(
        &self,
        apt: &Apt<'_>,
        mirrors: &[Mirror],
        names: &[&str],
    ) -> Result<Vec<(String, Vec<Holder>)>, Error> {
        let key = key(apt, mirrors);
        let known = held(&self.holders).get(&key).cloned().unwrap_or_default();
        let names: BTreeSet<&str> = names.iter().copied().collect();
        let new: Vec<&str> =
            names.iter().copied().filter(|name| !known.contains_key(*name)).collect();
        let mut found = lightship_packages::apt::who_has(
            apt.fetcher,
            mirrors,
            &new,
            apt.options(),
            apt.progress,
        )?;
        let mut all = held(&self.holders);
        let all = all.entry(key).or_insert(known);
        for name in new {
            all.insert(name.to_owned(), found.remove(name).unwrap_or_default());
        }
        let one = |name: &&str| (String::from(*name), all.get(*name).cloned().unwrap_or_default());
        Ok(names.iter().map(one).collect())
    }
}

fn key(apt: &Apt<'_>, mirrors: &[Mirror]) -> String {
    let sources: Vec<_> = mirrors.iter().map(|mirror| &mirror.source).collect();
    format!("{} {sources:?}", apt.architecture)
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
