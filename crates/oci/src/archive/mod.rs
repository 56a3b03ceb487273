//! Images in one file: `oci-archive` (a tar of a layout) and `docker-archive` (what `docker save`
//! writes).
//!
//! An archive is read where it lies: one pass over its headers notes where each file is, and layers
//! are read from there. Nothing is unpacked. A compressed archive, or one that arrives through a
//! pipe, is first written to a nameless temporary file, decompressed.

mod contents;
mod destination;
mod docker;
mod docker_destination;
mod index;
mod opened;
mod saved;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use contents::Contents;
pub use destination::OciArchiveDestination;
pub use docker::DockerArchiveSource;
pub use docker_destination::DockerArchiveDestination;
pub use index::{ArchiveIndex, ArchiveIndexError, Extent};
pub use opened::{Archive, ArchivedImage};
pub use saved::{SavedImage, parse_manifest_json};

use crate::layout::LayoutSource;
use crate::{Error, Source};

/// Where temporary files go, and how large they may get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scratch {
    /// An existing folder, on a disk with room for an image.
    pub folder: PathBuf,
    /// The largest archive to decompress, in bytes: what is larger is taken for a bomb.
    pub max_bytes: u64,
}

impl Scratch {
    /// 64 GiB: several times the largest images known.
    pub const DEFAULT_MAX_BYTES: u64 = 64 << 30;

    /// Temporary files go to `folder`, of any plausible size.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), max_bytes: Self::DEFAULT_MAX_BYTES }
    }
}

/// Opens an image in an `oci-archive`: the one that `tag` names, or the only one.
pub fn open_oci(file: &Path, tag: Option<&str>, scratch: &Scratch) -> Result<LayoutSource, Error> {
    let place = format!("oci-archive:{}", file.display());
    LayoutSource::over(Box::new(Arc::new(Contents::open(file, scratch)?)), &place, tag)
}

/// Opens an image in an archive of either kind: the one that `tag` names, or the only one.
pub fn open(file: &Path, tag: Option<&str>, scratch: &Scratch) -> Result<Box<dyn Source>, Error> {
    Archive::open(file, scratch)?.source(tag)
}
