//! Folders of the image that layers go onto. A layer names the folders above its files, and what it says of
//! them counts: said wrongly, `/tmp` would be nobody's and a home its owner's no longer.

use std::collections::BTreeMap;

use lightship_codec::tar::RootPath;

/// Folders that are there already, by their real paths.
#[derive(Debug, Clone, Default)]
pub struct Existing(BTreeMap<RootPath, Attributes>);

/// What a folder has beside its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits, with sticky and set-id.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
}

impl Existing {
    /// What a folder looks like; none where there is no folder.
    pub fn get(&self, path: &RootPath) -> Option<Attributes> {
        self.0.get(path).copied()
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(RootPath, Attributes)> for Existing {
    fn from_iter<I: IntoIterator<Item = (RootPath, Attributes)>>(folders: I) -> Self {
        Self(folders.into_iter().collect())
    }
}
