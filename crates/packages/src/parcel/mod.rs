//! What a package brings into an image: names, and where the bytes behind them come from.
//!
//! A `.deb`, a wheel, the application and what Lightship makes itself all become a [`Parcel`]. Whoever
//! lays out an image takes parcels, leaves out or changes some of their items, and writes the rest
//! into layers. Nothing is read from a package before somebody opens its [`Content`].

mod content;

use lightship_codec::tar::RootPath;
use serde::{Deserialize, Serialize};

pub use content::{Content, ContentSource, made_of};

/// Everything that one package brings.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Which package.
    pub package: PackageId,
    /// Its names, each once, in any order. Folders that only hold other items may be left out.
    pub items: Vec<Item>,
}

/// A package by name and version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PackageId {
    /// Where names like this one live.
    pub origin: Origin,
    /// As its index writes it: `libc6`, `scikit-learn`. Python names are normalised (*PEP 503*).
    pub name: String,
    /// As its index writes it.
    pub version: String,
}

/// Where packages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// Debian or a distribution made from it.
    Debian,
    /// An interpreter that came as an archive of its own.
    Interpreter,
    /// A Python package index.
    Python,
    /// The user's own project.
    Project,
    /// Made by Lightship: accounts, caches, links.
    Lightship,
}

/// One name.
#[derive(Debug, Clone)]
pub struct Item {
    /// Where it goes.
    pub path: RootPath,
    /// What it is.
    pub kind: ItemKind,
}

/// What a name stands for. Everything belongs to user and group 0 and has no time of its own.
#[derive(Debug, Clone)]
pub enum ItemKind {
    /// A folder.
    Folder {
        /// Permission bits, such as 0o755.
        mode: u32,
    },
    /// A regular file. Hard links are files of the same content.
    File {
        /// Permission bits, such as 0o644.
        mode: u32,
        /// Its bytes.
        content: Content,
    },
    /// A symbolic link with its target as it will be written.
    Symlink(Vec<u8>),
}

impl Item {
    /// A file of bytes that were made here, readable by everybody.
    pub fn made(path: RootPath, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path, kind: ItemKind::File { mode: 0o644, content: Content::bytes(bytes) } }
    }

    /// A symbolic link.
    pub fn link(path: RootPath, target: impl Into<Vec<u8>>) -> Self {
        Self { path, kind: ItemKind::Symlink(target.into()) }
    }

    /// Bytes of content; 0 for what is no file.
    pub fn size(&self) -> u64 {
        match &self.kind {
            ItemKind::File { content, .. } => content.size(),
            ItemKind::Folder { .. } | ItemKind::Symlink(_) => 0,
        }
    }
}
