//! A parcel on its way into a layer.

use lightship_base::Digest;
use lightship_codec::tar::RootPath;
use lightship_packages::parcel::Parcel;
use serde::{Deserialize, Serialize};

/// A parcel, where it belongs in the image, and what tells it from others of its name.
pub struct Bundle {
    /// What is written.
    pub parcel: Parcel,
    /// The digest of the file that it came from, from which its contents follow. `None`: they were made
    /// here, and are hashed themselves.
    pub digest: Option<Digest>,
    /// Which part of the image it is.
    pub stage: Stage,
    /// A file that lists the others, and so is written after them.
    pub last: Option<Box<dyn LastFile>>,
    /// Files of this package that another one brings as well: in the image, but not written again.
    pub shared: Vec<WrittenFile>,
}

/// A bundle without its parcel, while somebody works on parcels.
pub struct Rest {
    digest: Option<Digest>,
    stage: Stage,
    last: Option<Box<dyn LastFile>>,
    shared: Vec<WrittenFile>,
}

impl Bundle {
    /// The parcel, and the rest.
    pub fn split(self) -> (Parcel, Rest) {
        let Self { parcel, digest, stage, last, shared } = self;
        (parcel, Rest { digest, stage, last, shared })
    }
}

impl Rest {
    /// The bundle with what became of its parcel.
    pub fn with(self, parcel: Parcel) -> Bundle {
        let Self { digest, stage, last, shared } = self;
        Bundle { parcel, digest, stage, last, shared }
    }
}

/// Parts of an image from the ground up: what changes least, and is shared most, comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// The interpreter and what it needs.
    Base,
    /// What of a base that somebody else made has to give way.
    Replaced,
    /// Further packages of the distribution.
    System,
    /// Python distributions.
    Packages,
    /// What depends on all packages together: caches, accounts.
    Made,
    /// Byte code.
    Bytecode,
    /// The user's own files.
    Project,
}

impl Stage {
    /// In words, for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Replaced => "removed from the base",
            Self::System => "system packages",
            Self::Packages => "packages",
            Self::Made => "caches and accounts",
            Self::Bytecode => "byte code",
            Self::Project => "project",
        }
    }
}

/// A file that was written, as a list of files names it.
#[derive(Debug, Clone)]
pub struct WrittenFile {
    /// Where it is.
    pub path: RootPath,
    /// Of its bytes as they are in the image.
    pub digest: Digest,
    /// How many there are.
    pub size: u64,
}

/// A file that can be made only when the others are written: a wheel's `RECORD`.
pub trait LastFile: Send + Sync {
    /// Where it goes.
    fn path(&self) -> &RootPath;

    /// Its bytes. `written` are the files of the same parcel, in any order.
    fn make(&self, written: &[WrittenFile]) -> Vec<u8>;
}
