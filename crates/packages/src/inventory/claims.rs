//! Which package of one ecosystem owns a path.

use std::collections::HashMap;

use crate::path;
use crate::python::source_of_bytecode;

/// The place of a package in the builder's list. The lower, the earlier it was found, and the
/// stronger its claim to content that has names in several packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PackageIndex(pub(super) usize);

/// Claims of the packages of one ecosystem. The first to claim a path has it.
#[derive(Debug, Default)]
pub(super) struct Claims {
    files: HashMap<Box<[u8]>, PackageIndex>,
    folders: HashMap<Box<[u8]>, PackageIndex>,
}

impl Claims {
    /// Claims one file by its real path.
    pub(super) fn claim_file(&mut self, path: &[u8], owner: PackageIndex) {
        self.files.entry(path.into()).or_insert(owner);
    }

    /// Claims everything below a folder that nobody claims more precisely.
    pub(super) fn claim_folder(&mut self, path: &[u8], owner: PackageIndex) {
        self.folders.entry(path.into()).or_insert(owner);
    }

    /// Who claims exactly this file.
    pub(super) fn file_owner(&self, path: &[u8]) -> Option<PackageIndex> {
        self.files.get(path).copied()
    }

    /// Who owns a file: who claims it; or, for compiled Python, who claims its source; or who
    /// claims the nearest folder above it.
    pub(super) fn owner(&self, path: &[u8]) -> Option<PackageIndex> {
        if self.files.is_empty() && self.folders.is_empty() {
            return None;
        }
        self.file_owner(path)
            .or_else(|| self.file_owner(&source_of_bytecode(path)?))
            .or_else(|| self.folder_owner(path))
    }

    fn folder_owner(&self, path: &[u8]) -> Option<PackageIndex> {
        if self.folders.is_empty() {
            return None;
        }
        let mut folder = path;
        for _ in 0..path::MAX_DEPTH {
            if folder.is_empty() {
                break;
            }
            folder = path::parent(folder);
            if let Some(owner) = self.folders.get(folder) {
                return Some(*owner);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_most_precise_claim_holds() {
        let (a, b) = (PackageIndex(0), PackageIndex(1));
        let mut claims = Claims::default();
        claims.claim_file(b"s/m.py", a);
        claims.claim_file(b"s/m.py", b);
        assert_eq!(claims.file_owner(b"s/m.py"), Some(a));
        claims.claim_folder(b"n/a", a);
        claims.claim_folder(b"n/a/node_modules/b", b);
        assert_eq!(claims.owner(b"s/__pycache__/m.cpython-311.pyc"), Some(a));
        assert_eq!(claims.owner(b"n/a/x/y"), Some(a));
        assert_eq!(claims.owner(b"n/a/node_modules/b/x"), Some(b));
        assert_eq!(claims.owner(b"n/ab"), None);
    }
}
