//! What a filesystem looks like, in a form that two sides can be compared in.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, Metadata};
use std::io::{self, BufRead};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use lightship_base::{Digest, HashingReader};
use lightship_oci::Image;
use lightship_oci::rootfs::{
    Body, IndexEntry, LayerIndex, LayerVisitor, Meta, NodeId, Problem, Tree, What, index_layer,
};
use lightship_oci::tar::path::display_path;

/// Everything in a filesystem, by path, escaped as messages show it; the root is empty.
pub type Listing = BTreeMap<String, Listed>;

/// One name in a filesystem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What it is.
    pub kind: Kind,
    /// The attributes. A symbolic link's mode is always 0777. A folder that is only implied has mode
    /// 0755, owner 0 and time 0, which is when nobody knows.
    pub attributes: Attributes,
    /// All names of the same inode, this one included, in order.
    pub names: Vec<String>,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Directory,
    /// A file of so many bytes, holes included.
    File {
        /// Its size.
        size: u64,
        /// Its content, holes filled; unknown to an index.
        content: Option<Digest>,
        /// How many bytes its tar stores, and which; unknown to a disk.
        stored: Option<(u64, Digest)>,
    },
    /// A symbolic link and its target.
    Symlink(String),
    /// A character device.
    CharDevice(u32, u32),
    /// A block device.
    BlockDevice(u32, u32),
    /// A named pipe.
    Fifo,
}

/// What a filesystem keeps beside contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Seconds and nanoseconds since 1970.
    pub mtime: (i64, u32),
    /// Extended attributes.
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

impl Attributes {
    /// Those of a folder that only its children imply.
    pub fn implied() -> Self {
        Self { mode: 0o755, ..Self::default() }
    }
}

impl Kind {
    /// Without what only an unpacked content tells.
    #[must_use]
    pub fn as_indexed(self) -> Self {
        match self {
            Self::File { size, stored, .. } => Self::File { size, content: None, stored },
            other => other,
        }
    }

    /// Without what only a tar tells.
    #[must_use]
    pub fn as_unpacked(self) -> Self {
        match self {
            Self::File { size, content, .. } => Self::File { size, content, stored: None },
            other => other,
        }
    }
}

/// The same listing with every kind changed by `change`.
pub fn with_kinds(listing: Listing, change: impl Fn(Kind) -> Kind) -> Listing {
    let changed = |(path, item): (String, Listed)| {
        let kind = change(item.kind);
        (path, Listed { kind, ..item })
    };
    listing.into_iter().map(changed).collect()
}

/// A folder that an image was unpacked into, as the root of a filesystem. Folders that were changed
/// while it was unpacked, which no tar says the time of, have time 0.
///
/// # Panics
///
/// If anything in it cannot be read.
pub fn unpacked(root: &Path) -> Listing {
    let mut found = Vec::new();
    walk(root, &PathBuf::new(), &mut found).unwrap_or_else(|error| panic!("{error}"));
    let mut names: HashMap<(u64, u64), Vec<String>> = HashMap::new();
    for (path, inode, _) in &found {
        names.entry(*inode).or_default().push(path.clone());
    }
    for names in names.values_mut() {
        names.sort();
    }
    let listed = |(path, inode, (kind, attributes))| {
        let names = names[&inode].clone();
        (path, Listed { kind, attributes, names })
    };
    found.into_iter().map(listed).collect()
}

type Found = (String, (u64, u64), (Kind, Attributes));

fn walk(root: &Path, below: &Path, found: &mut Vec<Found>) -> io::Result<()> {
    let path = root.join(below);
    let meta = path.symlink_metadata()?;
    let shown = display_path(below.as_os_str().as_bytes());
    let kind = kind_on_disk(&path, &meta)?;
    let is_folder = kind == Kind::Directory;
    found.push((shown, (meta.dev(), meta.ino()), (kind, attributes_on_disk(&path, &meta)?)));
    if is_folder {
        for entry in path.read_dir()? {
            walk(root, &below.join(entry?.file_name()), found)?;
        }
    }
    Ok(())
}

fn kind_on_disk(path: &Path, meta: &Metadata) -> io::Result<Kind> {
    let kind = meta.file_type();
    let (major, minor) = (rustix::fs::major(meta.rdev()), rustix::fs::minor(meta.rdev()));
    Ok(if kind.is_dir() {
        Kind::Directory
    } else if kind.is_symlink() {
        Kind::Symlink(display_path(path.read_link()?.as_os_str().as_bytes()))
    } else if kind.is_file() {
        let mut reader = HashingReader::new(File::open(path)?);
        let size = io::copy(&mut reader, &mut io::sink())?;
        Kind::File { size, content: Some(reader.finish().0), stored: None }
    } else if kind.is_char_device() {
        Kind::CharDevice(major, minor)
    } else if kind.is_block_device() {
        Kind::BlockDevice(major, minor)
    } else {
        assert!(kind.is_fifo(), "an image has no sockets: {}", path.display());
        Kind::Fifo
    })
}

fn attributes_on_disk(path: &Path, meta: &Metadata) -> io::Result<Attributes> {
    let mtime = (meta.mtime(), u32::try_from(meta.mtime_nsec()).expect("below a second"));
    let mut names = [0; 4096];
    let length = rustix::fs::llistxattr(path, &mut names)?;
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let xattrs = names.map(|name| {
        let mut value = [0; 4096];
        let length = rustix::fs::lgetxattr(path, name, &mut value)?;
        Ok((display_path(name), value[..length].to_vec()))
    });
    Ok(Attributes {
        mode: meta.mode() & 0o7777,
        uid: meta.uid().into(),
        gid: meta.gid().into(),
        mtime: if mtime.0 > LATEST_IN_TARS { (0, 0) } else { mtime },
        xattrs: xattrs.collect::<io::Result<_>>()?,
    })
}

/// Nothing that this kit puts into a tar is younger than this moment of the year 2023.
const LATEST_IN_TARS: i64 = 1_701_000_000;

/// An image as the code under test reads it: its union filesystem, with what it is made from.
pub struct Indexed {
    /// One per layer, bottom first.
    pub indexes: Vec<LayerIndex>,
    /// The union of all layers.
    pub tree: Tree,
    /// Entries that cannot be unpacked, of all layers.
    pub problems: Vec<Problem>,
    stored: Vec<HashMap<usize, Digest>>,
}

/// Reads an image.
///
/// # Panics
///
/// If it cannot be read.
pub fn index(image: &Image) -> Indexed {
    let mut all = Indexed {
        indexes: Vec::new(),
        tree: Tree::new(),
        problems: Vec::new(),
        stored: Vec::new(),
    };
    for layer in image.layers() {
        let mut contents = Contents::default();
        let index = index_layer(&layer, &mut contents).unwrap_or_else(|error| panic!("{error}"));
        all.problems.extend(all.tree.apply(&index));
        all.indexes.push(index);
        all.stored.push(contents.0);
    }
    all
}

#[derive(Default)]
struct Contents(HashMap<usize, Digest>);

impl LayerVisitor for Contents {
    fn file(&mut self, number: usize, _: &IndexEntry, content: &mut dyn BufRead) -> io::Result<()> {
        let mut reader = HashingReader::new(content);
        io::copy(&mut reader, &mut io::sink())?;
        self.0.insert(number, reader.finish().0);
        Ok(())
    }

    fn compressed(&mut self, _: usize, _: u64) {}
}

impl Indexed {
    /// The union filesystem, as indexed.
    pub fn listing(&self) -> Listing {
        let path = |node| display_path(self.tree.path(node).as_bytes());
        (self.tree.walk(Tree::ROOT))
            .map(|node| {
                let visible = |name: &NodeId| self.tree.is_visible(*name);
                let mut names: Vec<String> =
                    self.tree.names(node).into_iter().filter(visible).map(path).collect();
                names.sort();
                let kind = self.kind(node);
                (path(node), Listed { attributes: self.attributes(node, &kind), kind, names })
            })
            .collect()
    }

    fn attributes(&self, node: NodeId, kind: &Kind) -> Attributes {
        let meta = self.tree.meta(node, &self.indexes);
        let Some(Meta { mode, uid, gid, mtime, xattrs }) = meta else {
            return Attributes::implied();
        };
        let xattrs = xattrs.map(|xattrs| *xattrs).unwrap_or_default();
        Attributes {
            mode: if matches!(kind, Kind::Symlink(_)) { 0o777 } else { mode },
            uid,
            gid,
            mtime: (mtime.secs, mtime.nanos),
            xattrs: xattrs.into_iter().map(|(name, value)| (display_path(&name), value)).collect(),
        }
    }

    fn kind(&self, node: NodeId) -> Kind {
        match &self.tree.node(node).what {
            What::Directory(_) => Kind::Directory,
            What::Symlink(target) => Kind::Symlink(display_path(target)),
            What::File(inode) => {
                let origin = self.tree.inode(*inode).origin;
                let (layer, entry) = (origin.layer as usize, origin.entry as usize);
                let Body::File { stored, size } = self.indexes[layer].entries[entry].body else {
                    panic!("a content comes from a file's entry")
                };
                let digest = self.stored[layer][&entry];
                Kind::File { size, content: None, stored: Some((stored, digest)) }
            }
            What::Special => {
                let original = self.tree.node(self.tree.node(node).original);
                let origin = original.origin.expect("a device comes from an entry");
                match self.indexes[origin.layer as usize].entries[origin.entry as usize].body {
                    Body::CharDevice(major, minor) => Kind::CharDevice(major, minor),
                    Body::BlockDevice(major, minor) => Kind::BlockDevice(major, minor),
                    Body::Fifo => Kind::Fifo,
                    ref other => panic!("{other:?} is no device"),
                }
            }
        }
    }
}
