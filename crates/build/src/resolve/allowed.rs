//! Which files may be locked, where a lock of another tool, or hashes in requirements, say so.

use std::collections::{BTreeMap, BTreeSet};

use lightship_base::Digest;

use super::Error;
use super::requirements::Hashes;

/// The only files that may be used.
#[derive(Debug, Clone, Default)]
pub(super) struct Allowed {
    by: By,
    files: BTreeMap<String, BTreeSet<Digest>>,
}

/// Who says so.
#[derive(Debug, Clone, Default)]
enum By {
    /// Nobody, or hashes of some distributions: all others are free.
    #[default]
    SomeHashes,
    /// Hashes, which every distribution has to have.
    AllHashes,
    /// This lock, which names everything.
    Lock(String),
}

impl Allowed {
    /// What a lock of another tool has, by distribution.
    pub(super) fn by_lock(lock: &str, files: BTreeMap<String, BTreeSet<Digest>>) -> Self {
        Self { by: By::Lock(lock.to_owned()), files }
    }

    /// What requirements have.
    pub(super) fn by_hashes(hashes: Hashes) -> Self {
        let by = if hashes.required { By::AllHashes } else { By::SomeHashes };
        Self { by, files: hashes.of }
    }

    /// Whether a file of a distribution may be used.
    pub(super) fn has(&self, name: &str, sha256: &Digest) -> bool {
        match (self.files.get(name), &self.by) {
            (Some(digests), _) => digests.contains(sha256),
            (None, By::SomeHashes) => true,
            (None, By::AllHashes | By::Lock(_)) => false,
        }
    }

    /// Why a file that would fit may not be used, if anybody forbids it.
    pub(super) fn refusal(&self, name: &str, file: &str) -> Option<Error> {
        let (name, file) = (name.to_owned(), file.to_owned());
        match (&self.by, self.files.contains_key(&name)) {
            (By::Lock(lock), _) => Some(Error::NotAllowed { file, name, lock: lock.clone() }),
            (By::SomeHashes | By::AllHashes, true) => Some(Error::OtherHash { file, name }),
            (By::AllHashes, false) => Some(Error::NoHash { name }),
            (By::SomeHashes, false) => None,
        }
    }
}
