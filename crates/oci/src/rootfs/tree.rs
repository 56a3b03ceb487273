//! The tree of paths, visible and gone.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use super::index::Meta;
use crate::tar::path::RootPath;

/// Names a node; the root is [`Tree::ROOT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(super) u32);

/// Names a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InodeId(pub(super) u32);

impl InodeId {
    /// The same number for the same content, for whoever groups names by it.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// Which entry of which layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// The layer's position, bottom 0.
    pub layer: u32,
    /// The entry's number in its [`super::LayerIndex`].
    pub entry: u32,
}

/// A name in the filesystem, now or once.
#[derive(Debug, Clone)]
pub struct Node {
    /// The folder it is in; the root is its own parent.
    pub parent: NodeId,
    /// Its last component.
    pub name: Box<[u8]>,
    /// What it is.
    pub what: What,
    /// The entry that made it, or gave a folder its attributes; `None` for a folder that only its
    /// children imply.
    pub origin: Option<Origin>,
    /// The node that it is another name of, by a hard link; itself where it is a first name.
    pub original: NodeId,
    /// The layer that removed it.
    pub removed_by: Option<u32>,
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub enum What {
    /// A folder and its visible children, in byte order.
    Directory(BTreeMap<Box<[u8]>, NodeId>),
    /// A file's content, perhaps under several names.
    File(InodeId),
    /// A symbolic link.
    Symlink(Box<[u8]>),
    /// A device or pipe.
    Special,
}

/// A file's content, stored once.
#[derive(Debug, Clone)]
pub struct Inode {
    /// The entry that has the content.
    pub origin: Origin,
    /// Bytes in the tar.
    pub stored: u64,
    /// All names it ever had, in the order they appeared.
    pub names: Vec<NodeId>,
    /// How many of them are visible.
    pub visible: u32,
    /// How it lost its last visible name.
    pub removal: Option<Removal>,
}

/// How a content stopped being visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removal {
    /// The layer that took its last visible name.
    pub layer: u32,
    /// One of the names that this layer took.
    pub name: NodeId,
    /// Whether something stands at that name after the layer: the content was written again
    /// (*shadowed*), not merely deleted.
    pub replaced: bool,
}

/// The union filesystem after some layers, with a memory of everything that was ever in it.
#[derive(Debug, Clone)]
pub struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) inodes: Vec<Inode>,
    /// Hard links to symbolic links, devices and pipes, by the original, in the order they appeared.
    /// Those to files are with their inode.
    pub(super) further: HashMap<NodeId, Vec<NodeId>>,
    /// Attributes of what has several names, by the first of them; worked out when asked for.
    pub(super) linked: OnceLock<HashMap<NodeId, Meta>>,
    pub(super) layers: u32,
}

impl Default for Tree {
    fn default() -> Self {
        let root = Node {
            parent: Self::ROOT,
            name: Box::default(),
            what: What::Directory(BTreeMap::new()),
            origin: None,
            original: Self::ROOT,
            removed_by: None,
        };
        Self {
            nodes: vec![root],
            inodes: Vec::new(),
            further: HashMap::new(),
            linked: OnceLock::new(),
            layers: 0,
        }
    }
}

/// As many symbolic links as Linux follows in one path before it says `ELOOP`.
const MAX_LINKS: usize = 40;

/// As many components as a path may have (`PATH_MAX` of one letter each), links included. Forty links
/// of 4 KiB each would be eighty thousand, in every one of a million entries.
const MAX_STEPS: usize = 4_096;

impl Tree {
    /// The root folder.
    pub const ROOT: NodeId = NodeId(0);

    /// A filesystem without layers: an empty root.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many layers were applied.
    pub fn layers(&self) -> u32 {
        self.layers
    }

    /// A node by its id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// An inode by its id.
    pub fn inode(&self, id: InodeId) -> &Inode {
        &self.inodes[id.0 as usize]
    }

    /// All contents ever stored, in the order of layers and entries.
    pub fn inodes(&self) -> impl Iterator<Item = (InodeId, &Inode)> {
        self.inodes.iter().zip(0..).map(|(inode, id)| (InodeId(id), inode))
    }

    /// Whether this tree knows the node: a copy of a tree knows those made before it was taken.
    pub fn contains(&self, id: NodeId) -> bool {
        (id.0 as usize) < self.nodes.len()
    }

    /// Whether a node is in the filesystem now.
    pub fn is_visible(&self, id: NodeId) -> bool {
        self.node(id).removed_by.is_none()
    }

    /// A node's path, also of one that is gone.
    pub fn path(&self, id: NodeId) -> RootPath {
        let mut names = Vec::new();
        let mut at = id;
        while at != Self::ROOT {
            names.push(&*self.node(at).name);
            at = self.node(at).parent;
        }
        RootPath::from_components(names.into_iter().rev())
    }

    /// All visible nodes below `from`, itself first, parents before children, in byte order.
    pub fn walk(&self, from: NodeId) -> impl Iterator<Item = NodeId> {
        let mut stack = vec![from];
        std::iter::from_fn(move || {
            let id = stack.pop()?;
            if let What::Directory(children) = &self.node(id).what {
                stack.extend(children.values().rev());
            }
            Some(id)
        })
    }

    /// The visible node at exactly this path; symbolic links are not followed.
    pub fn lookup(&self, path: &RootPath) -> Option<NodeId> {
        path.components().try_fold(Self::ROOT, |at, name| self.child(at, name))
    }

    /// The visible node that the path leads to, through symbolic links in all but the last component.
    pub fn resolve(&self, path: &RootPath) -> Option<NodeId> {
        let Some((parent, name)) = path.split_last() else { return Some(Self::ROOT) };
        self.child(self.resolve_folder(&parent)?, name)
    }

    /// The folder that the path leads to, through any symbolic links, never out of the root.
    pub fn resolve_folder(&self, path: &RootPath) -> Option<NodeId> {
        self.walk_links(path, |_| true).folder()
    }

    /// All names that a node has or had, its own among them, in the order they appeared.
    pub fn names(&self, id: NodeId) -> Vec<NodeId> {
        match &self.node(id).what {
            What::File(inode) => self.inode(*inode).names.clone(),
            What::Directory(_) => vec![id],
            What::Symlink(_) | What::Special => {
                let original = self.node(id).original;
                let further = self.further.get(&original).into_iter().flatten().copied();
                std::iter::once(original).chain(further).collect()
            }
        }
    }

    pub(super) fn child(&self, folder: NodeId, name: &[u8]) -> Option<NodeId> {
        match &self.node(folder).what {
            What::Directory(children) => children.get(name).copied(),
            What::File(_) | What::Symlink(_) | What::Special => None,
        }
    }

    /// Follows a path inside this root as a system call would, except that what does not exist may
    /// still be left by `..`: unpackers work out a path before they make its folders. Symbolic links
    /// that `follow` declines lead nowhere.
    pub(super) fn walk_links(&self, path: &RootPath, follow: impl Fn(NodeId) -> bool) -> Walk {
        let mut left: Vec<Box<[u8]>> = components_reversed(path.as_bytes());
        let mut at = Self::ROOT;
        let mut missing: Vec<Box<[u8]>> = Vec::new();
        let mut followed = 0;
        let mut steps = 0;
        while let Some(name) = left.pop() {
            steps += 1;
            if steps > MAX_STEPS {
                return Walk::Endless;
            }
            match &*name {
                b".." if missing.pop().is_some() => continue,
                b".." => {
                    at = self.node(at).parent;
                    continue;
                }
                _ => {}
            }
            let child = if missing.is_empty() { self.child(at, &name) } else { None };
            let Some(child) = child else {
                missing.push(name);
                continue;
            };
            match &self.node(child).what {
                What::Directory(_) => at = child,
                What::Symlink(target) => {
                    followed += 1;
                    if followed > MAX_LINKS || !follow(child) {
                        return Walk::Endless;
                    }
                    if target.first() == Some(&b'/') {
                        at = Self::ROOT;
                    }
                    left.extend(components_reversed(target));
                }
                What::File(_) | What::Special => {
                    return Walk::Blocked { by: child, through_links: followed > 0 };
                }
            }
        }
        if missing.is_empty() { Walk::Folder(at) } else { Walk::Missing { folder: at, missing } }
    }
}

/// Where following a path ended.
pub(super) enum Walk {
    /// At a folder.
    Folder(NodeId),
    /// In a folder that has no such child: these, outermost first, would have to be made.
    Missing { folder: NodeId, missing: Vec<Box<[u8]>> },
    /// At something that can have no children.
    Blocked { by: NodeId, through_links: bool },
    /// In a circle of symbolic links, or at one that may not be followed.
    Endless,
}

impl Walk {
    /// The folder, if there is one.
    pub(super) fn folder(self) -> Option<NodeId> {
        match self {
            Self::Folder(id) => Some(id),
            Self::Missing { .. } | Self::Blocked { .. } | Self::Endless => None,
        }
    }
}

/// Without what means nothing: a target of 4,000 slashes must not cost 4,000 steps.
fn components_reversed(path: &[u8]) -> Vec<Box<[u8]>> {
    let meaningful = |component: &&[u8]| !matches!(*component, b"" | b".");
    path.split(|b| *b == b'/').rev().filter(meaningful).map(Box::from).collect()
}
