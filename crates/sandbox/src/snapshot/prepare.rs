//! From an image to folders that can be mounted.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lightship_base::Progress;
use lightship_cas::Lease;
use lightship_oci::Image;
use lightship_oci::tar::Mtime;

use super::Error;

/// To whom the files of a snapshot belong on this machine's disk. Snapshots of different kinds are
/// different trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ownership {
    /// To the very ids in the layer: root of this machine.
    Real,
    /// To the very ids in the layer, as seen inside a user namespace with subordinate ids: outside they
    /// belong to ids of the caller's range. [`prepare`] runs inside that namespace then.
    Mapped,
    /// To the caller, all of them. True owners are written beside them.
    Flattened,
}

/// What a folder looks like, its content aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderMeta {
    /// Permission bits with set-id and sticky.
    pub mode: u32,
    /// Owner, as in the image.
    pub uid: u64,
    /// Group, as in the image.
    pub gid: u64,
    /// Last change.
    pub mtime: Mtime,
    /// Extended attributes, none of overlayfs' own.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// An image whose files are on this machine, ready to be mounted.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Folders for overlayfs (`lowerdir`, mounted with `userxattr`), bottom first; at least one, no two
    /// the same. Nobody may write into them.
    pub layers: Vec<PathBuf>,
    /// What the root folder looks like. The root of an overlay is that of its upper folder, so whoever
    /// makes an upper folder gives it these.
    pub root: FolderMeta,
    /// Whether it is one folder because its layers cannot be stacked.
    pub flat: bool,
    /// To whom the files belong.
    pub ownership: Ownership,
    /// Keeps the folders from being collected. Hold it as long as they are mounted.
    pub lease: Lease,
}

/// Makes sure that everything of `image` is unpacked under `lease`: layers that are missing in
/// parallel, those that are there not at all. Processes that do the same at the same time do it
/// twice, and the slower throws its own away.
pub fn prepare(
    _image: &Image,
    _lease: &Lease,
    _ownership: Ownership,
    _progress: &dyn Progress,
) -> Result<Prepared, Error> {
    todo!("within the hour")
}
