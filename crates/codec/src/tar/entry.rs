//! One entry of a tar archive, in whatever dialect it was written.

use std::collections::BTreeMap;

use super::path::{PathError, RootPath};
use super::sparse::SparseMap;

/// One member of an archive. Names are bytes: tar knows no encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path exactly as it was written: perhaps with `./` before it or `/` after it, perhaps
    /// hostile. [`Entry::root_path`] makes it safe.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits with set-uid, set-gid and sticky: `0o7777` at most. File-type bits, which some
    /// writers add, are dropped: `kind` says that.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// The owner's name, mostly empty in images.
    pub user_name: Vec<u8>,
    /// The group's name, mostly empty in images.
    pub group_name: Vec<u8>,
    /// When the content last changed.
    pub mtime: Mtime,
    /// Where a hard link or symlink points; empty for everything else.
    pub link_target: Vec<u8>,
    /// Payload bytes stored in the archive. Of a sparse file only its fragments; the map that
    /// describes them counts as header. Zero for everything that is not a file.
    pub size: u64,
    /// The file's size once unpacked: more than `size` for a sparse file, otherwise equal to it.
    pub real_size: u64,
    /// Major and minor number of a device; zeros for everything else.
    pub device: (u32, u32),
    /// Extended attributes by full name (`security.capability`); values may hold any byte.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Which ranges of a sparse file are stored.
    pub sparse: Option<SparseMap>,
    /// Where in the stream this entry's first header begins, extension headers included. Writers
    /// ignore it.
    pub header_offset: u64,
}

impl Entry {
    /// An entry with nothing but a name and a kind: mode 0, owner 0, time 0, no payload.
    pub fn new(path: impl Into<Vec<u8>>, kind: EntryKind) -> Self {
        Self {
            path: path.into(),
            kind,
            mode: 0,
            uid: 0,
            gid: 0,
            user_name: Vec::new(),
            group_name: Vec::new(),
            mtime: Mtime::EPOCH,
            link_target: Vec::new(),
            size: 0,
            real_size: 0,
            device: (0, 0),
            xattrs: BTreeMap::new(),
            sparse: None,
            header_offset: 0,
        }
    }

    /// The path from the root of the filesystem, free of `.`, `..` and surplus slashes. Only a folder
    /// may be the root itself.
    pub fn root_path(&self) -> Result<RootPath, PathError> {
        let path = RootPath::parse(&self.path)?;
        if path.is_root() && self.kind != EntryKind::Directory {
            return Err(PathError::NotAFolder);
        }
        Ok(path)
    }
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file, contiguous and sparse ones included.
    File,
    /// Another name for an entry that came before it in the same archive.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A folder.
    Directory,
    /// A named pipe.
    Fifo,
}

impl EntryKind {
    /// Whether `link_target` means something.
    pub fn is_link(self) -> bool {
        matches!(self, Self::HardLink | Self::Symlink)
    }

    /// Whether `device` means something.
    pub fn is_device(self) -> bool {
        matches!(self, Self::CharDevice | Self::BlockDevice)
    }
}

/// A moment: `secs + nanos / 1e9` seconds after 1970-01-01T00:00:00Z, with `nanos` below 1,000,000,000
/// also for moments before it (half a second before is `secs: -1, nanos: 500_000_000`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mtime {
    /// Whole seconds, rounded down.
    pub secs: i64,
    /// Nanoseconds on top.
    pub nanos: u32,
}

impl Mtime {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self { secs: 0, nanos: 0 };
}
