//! What a layer has, entry by entry, without the contents.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use lightship_base::{Progress, Quiet};

use super::whiteout::{Role, read_name};
use crate::Error;
use crate::layer::{Layer, LayerFacts, WatchedLayer};
use crate::tar::path::{RootPath, display_path};
use crate::tar::{Entry, EntryKind, GlobalHeaders, Mtime, TarError, TarErrorKind, TarReader};

/// A layer's entries in the order of its tar, and its verified identity.
#[derive(Debug, Clone)]
pub struct LayerIndex {
    /// Digests and sizes, verified.
    pub facts: LayerFacts,
    /// All entries.
    pub entries: Vec<IndexEntry>,
    /// Bytes of file contents in the tar; the rest of `facts.uncompressed_bytes` is headers, padding,
    /// the end mark, and whatever a careless writer put into whiteouts.
    pub stored_bytes: u64,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// Normalised. Of a whiteout: what it hides.
    pub path: RootPath,
    /// What it is.
    pub body: Body,
    /// Owner, mode, times.
    pub meta: Meta,
}

/// What an entry is, or does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A file. `stored` bytes of it are in the tar; it has `size` bytes once holes are expanded.
    File {
        /// Bytes in the tar.
        stored: u64,
        /// Bytes in the filesystem.
        size: u64,
    },
    /// Another name of a file.
    HardLink(RootPath),
    /// A symbolic link, with its target as written.
    Symlink(Box<[u8]>),
    /// A folder.
    Directory,
    /// A character device.
    CharDevice(u32, u32),
    /// A block device.
    BlockDevice(u32, u32),
    /// A named pipe.
    Fifo,
    /// Hides one path of lower layers.
    Whiteout,
    /// Hides a folder's lower contents.
    Opaque,
    /// Does nothing.
    Ignored,
}

/// The attributes that a filesystem keeps beside contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Last change.
    pub mtime: Mtime,
    /// Extended attributes, such as `security.capability`; rarely any.
    pub xattrs: Option<Box<BTreeMap<Vec<u8>, Vec<u8>>>>,
}

impl Meta {
    fn of(entry: &Entry) -> Self {
        let xattrs = &entry.xattrs;
        Self {
            mode: entry.mode & 0o7777,
            uid: entry.uid,
            gid: entry.gid,
            mtime: entry.mtime,
            xattrs: (!xattrs.is_empty()).then(|| Box::new(xattrs.clone())),
        }
    }
}

/// Somebody who looks at contents while a layer passes by.
pub trait LayerVisitor {
    /// The content of the file that becomes entry `number`. What is left unread is skipped.
    fn file(
        &mut self,
        number: usize,
        entry: &IndexEntry,
        content: &mut dyn BufRead,
    ) -> io::Result<()>;

    /// How many compressed bytes this content took: an estimate, since compressors look back over
    /// file borders; the layer's estimates never add up to more than its compressed size.
    fn compressed(&mut self, number: usize, bytes: u64);
}

/// Nobody looks.
impl LayerVisitor for () {
    fn file(&mut self, _: usize, _: &IndexEntry, _: &mut dyn BufRead) -> io::Result<()> {
        Ok(())
    }
    fn compressed(&mut self, _: usize, _: u64) {}
}

/// Reads a layer once, to its end, verified; `visitor` sees each file's content as it passes.
pub fn index_layer<V: LayerVisitor>(layer: &Layer, visitor: &mut V) -> Result<LayerIndex, Error> {
    index_watched(layer, visitor, String::new(), &Quiet)
}

/// The same while somebody watches, who is told `what` for.
pub fn index_watched<V: LayerVisitor>(
    layer: &Layer,
    visitor: &mut V,
    what: String,
    progress: &dyn Progress,
) -> Result<LayerIndex, Error> {
    let reader = layer.read_watched(what, progress)?;
    index(layer, reader, visitor).map_err(|failure| layer.explain(failure))
}

fn index<V: LayerVisitor>(
    layer: &Layer,
    reader: WatchedLayer<'_>,
    visitor: &mut V,
) -> Result<LayerIndex, Error> {
    let mut tar = TarReader::new(reader).global_headers(GlobalHeaders::Ignore);
    let mut entries = Vec::new();
    while let Some(entry) = tar.next_entry().map_err(|e| broken(layer, e))? {
        let indexed = IndexEntry::of(&entry).map_err(|reason| {
            let path = display_path(&entry.path);
            Error::invalid(layer.name(), format!("entry `{path}` {reason}"))
        })?;
        if entry.kind == EntryKind::File && matches!(indexed.body, Body::File { .. }) {
            let before = tar.get_ref().input_position();
            visitor
                .file(entries.len(), &indexed, &mut tar.data())
                .and_then(|()| io::copy(&mut tar.data(), &mut io::sink()))
                .map_err(|source| Error::Read { what: layer.name(), source })?;
            visitor.compressed(entries.len(), tar.get_ref().input_position() - before);
        }
        entries.push(indexed);
    }
    tar.drain().map_err(|e| broken(layer, e))?;
    let stored_bytes = entries.iter().map(|entry| entry.body.stored()).sum();
    let facts = tar.into_inner().finish()?;
    Ok(LayerIndex { facts, entries, stored_bytes })
}

fn broken(layer: &Layer, error: TarError) -> Error {
    let what = layer.name();
    match error.kind {
        // The stream's own failure keeps its cause: a broken connection is no broken archive.
        TarErrorKind::Io(source) => Error::Read { what, source },
        _ => Error::Read { what, source: error.into() },
    }
}

impl IndexEntry {
    /// Bytes of content in the tar.
    pub fn stored_bytes(&self) -> u64 {
        match self.body {
            Body::File { stored, .. } => stored,
            _ => 0,
        }
    }

    /// Normalises a tar entry; the error is half a sentence that says what is wrong with it.
    pub fn of(entry: &Entry) -> Result<Self, String> {
        let (written, role) = read_name(&entry.path).map_err(|e| e.to_string())?;
        let meta = Meta::of(entry);
        let (path, body) = match role {
            Role::Whiteout(hidden) => (hidden, Body::Whiteout),
            Role::Opaque(folder) => (folder, Body::Opaque),
            Role::Ignored => (written, Body::Ignored),
            Role::Malformed => {
                return Err("is no whiteout that hides anything, but has its name".to_owned());
            }
            Role::Adds => {
                let body = Body::of(entry)?;
                if written.is_root() && body != Body::Directory {
                    return Err("would replace the root folder".to_owned());
                }
                (written, body)
            }
        };
        Ok(Self { path, body, meta })
    }
}

impl Body {
    /// Bytes of content in the tar.
    pub fn stored(&self) -> u64 {
        match self {
            Self::File { stored, .. } => *stored,
            Self::HardLink(_)
            | Self::Symlink(_)
            | Self::Directory
            | Self::CharDevice(..)
            | Self::BlockDevice(..)
            | Self::Fifo
            | Self::Whiteout
            | Self::Opaque
            | Self::Ignored => 0,
        }
    }

    fn of(entry: &Entry) -> Result<Self, String> {
        let (major, minor) = entry.device;
        Ok(match entry.kind {
            EntryKind::File => Self::File { stored: entry.size, size: entry.real_size },
            EntryKind::HardLink => {
                let target = RootPath::parse(&entry.link_target).map_err(|e| {
                    format!("links to `{}`, which {e}", display_path(&entry.link_target))
                })?;
                Self::HardLink(target)
            }
            EntryKind::Symlink => Self::Symlink(entry.link_target.clone().into()),
            EntryKind::Directory => Self::Directory,
            EntryKind::CharDevice => Self::CharDevice(major, minor),
            EntryKind::BlockDevice => Self::BlockDevice(major, minor),
            EntryKind::Fifo => Self::Fifo,
        })
    }
}
