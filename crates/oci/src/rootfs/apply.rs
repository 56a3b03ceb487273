//! Putting one more layer on top, the way container runtimes unpack it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use super::index::{Body, IndexEntry, LayerIndex};
use super::tree::{Inode, InodeId, Node, NodeId, Origin, Removal, Tree, Walk, What};
use crate::tar::path::{MAX_PATH_BYTES, RootPath};

/// An entry that no runtime could have unpacked as written. The tree goes on without it; audit
/// mentions it, squash refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which entry.
    pub origin: Origin,
    /// Its path.
    pub path: RootPath,
    /// What is wrong with it.
    pub kind: ProblemKind,
}

/// Why an entry cannot be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// A hard link to nothing, or to itself.
    DanglingHardLink,
    /// A hard link to a folder.
    HardLinkToFolder,
    /// Its folder is reached through symbolic links that lead in a circle.
    EndlessLinks,
    /// Its folder is something else, by the same layer or at the end of a symbolic link.
    NotAFolder,
    /// Symbolic links carry it to a path longer than [`MAX_PATH_BYTES`].
    PathTooLong,
}

impl fmt::Display for ProblemKind {
    /// Half a sentence, to stand after the path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DanglingHardLink => "is a hard link to nothing",
            Self::HardLinkToFolder => "is a hard link to a folder",
            Self::EndlessLinks => "lies behind symbolic links that lead in a circle",
            Self::NotAFolder => "lies in something that is no folder",
            Self::PathTooLong => "lies behind symbolic links to a path that is too long",
        })
    }
}

impl Tree {
    /// Applies a layer. Whiteouts come first and hide only what is below, wherever they stand in the
    /// tar (*OCI image-spec 1.1, layer.md, Whiteouts*); the other entries follow in their order.
    pub fn apply(&mut self, layer: &LayerIndex) -> Vec<Problem> {
        self.linked = OnceLock::new();
        let mut step =
            Step { layer: self.layers, dropped: Vec::new(), problems: Vec::new(), tree: self };
        step.hide(layer);
        for (entry, number) in layer.entries.iter().zip(0..) {
            step.add(entry, number);
        }
        let Step { dropped, problems, layer, .. } = step;
        self.note_removals(layer, dropped);
        self.layers += 1;
        problems
    }

    /// Now that the layer is complete, it can be told whether something stands where a content was.
    fn note_removals(&mut self, layer: u32, dropped: Vec<(InodeId, NodeId)>) {
        for (id, name) in dropped {
            if self.inode(id).visible > 0 {
                continue;
            }
            let replaced = self.lookup(&self.path(name)).is_some();
            let inode = &mut self.inodes[id.0 as usize];
            match inode.removal {
                // Several names went at once: one that was written again decides.
                Some(Removal { replaced: true, .. }) => {}
                Some(_) if !replaced => {}
                _ => inode.removal = Some(Removal { layer, name, replaced }),
            }
        }
    }
}

/// One layer on its way into the tree.
pub(super) struct Step<'a> {
    pub(super) tree: &'a mut Tree,
    layer: u32,
    /// Names of contents that this layer took.
    dropped: Vec<(InodeId, NodeId)>,
    problems: Vec<Problem>,
}

impl Step<'_> {
    fn add(&mut self, entry: &IndexEntry, number: u32) {
        let origin = Origin { layer: self.layer, entry: number };
        if let Err(kind) = self.try_add(entry, origin) {
            self.lose(entry, origin);
            self.problems.push(Problem { origin, path: entry.path.clone(), kind });
        }
    }

    /// Makes room at the entry's path and puts there what it brings. As in runtimes, whatever was
    /// there is gone before the target of a hard link is looked for.
    fn try_add(&mut self, entry: &IndexEntry, origin: Origin) -> Result<(), ProblemKind> {
        let brings = match &entry.body {
            Body::Ignored => return Ok(()),
            Body::Whiteout => {
                self.imply(&entry.path.parent().unwrap_or_default());
                return Ok(());
            }
            Body::Opaque => {
                self.imply(&entry.path);
                return Ok(());
            }
            Body::Directory => return self.add_folder(entry, origin),
            Body::File { stored, .. } => Brings::Content(*stored),
            Body::HardLink(target) => Brings::Name(target),
            Body::Symlink(target) => Brings::Node(What::Symlink(target.clone())),
            Body::CharDevice(..) | Body::BlockDevice(..) | Body::Fifo => {
                Brings::Node(What::Special)
            }
        };
        let (folder, name) = self.place(&entry.path)?;
        if let Some(old) = self.tree.child(folder, &name) {
            self.remove(old);
        }
        let (what, original) = match brings {
            Brings::Node(what) => (what, None),
            Brings::Content(stored) => (What::File(self.tree.new_inode(origin, stored)), None),
            Brings::Name(target) => self.link_target(target)?,
        };
        self.tree.insert(folder, name, what, Some(origin), original);
        Ok(())
    }

    /// A folder over a folder replaces its attributes and keeps its children.
    fn add_folder(&mut self, entry: &IndexEntry, origin: Origin) -> Result<(), ProblemKind> {
        if entry.path.is_root() {
            self.tree.nodes[0].origin = Some(origin);
            return Ok(());
        }
        let (folder, name) = self.place(&entry.path)?;
        match self.tree.child(folder, &name) {
            Some(old) if matches!(self.tree.node(old).what, What::Directory(_)) => {
                self.tree.nodes[old.0 as usize].origin = Some(origin);
            }
            old => {
                if let Some(old) = old {
                    self.remove(old);
                }
                let what = What::Directory(BTreeMap::new());
                self.tree.insert(folder, name, what, Some(origin), None);
            }
        }
        Ok(())
    }

    /// What a hard link makes its name stand for. The target's folder may be reached through links;
    /// the target itself is taken as it is, as `link(2)` does.
    fn link_target(&self, target: &RootPath) -> Result<(What, Option<NodeId>), ProblemKind> {
        let node = self.tree.resolve(target).ok_or(ProblemKind::DanglingHardLink)?;
        let Node { what, original, .. } = self.tree.node(node);
        match what {
            What::Directory(_) => Err(ProblemKind::HardLinkToFolder),
            What::File(_) | What::Symlink(_) | What::Special => Ok((what.clone(), Some(*original))),
        }
    }

    /// The folder that an entry goes into, made where it is missing, and the entry's own name.
    fn place(&mut self, path: &RootPath) -> Result<(NodeId, Box<[u8]>), ProblemKind> {
        // Only a folder may be the root, and that was dealt with.
        let (parent, name) = path.split_last().ok_or(ProblemKind::NotAFolder)?;
        loop {
            let (folder, missing) = match self.tree.walk_links(&parent, |_| true) {
                Walk::Folder(folder) => (folder, Vec::new()),
                Walk::Missing { folder, missing } => (folder, missing),
                Walk::Blocked { by, through_links } if through_links || self.made(by) => {
                    return Err(ProblemKind::NotAFolder);
                }
                // What a lower layer has there does not exist for runtimes that unpack each layer
                // into a folder of its own and leave the rest to overlayfs: the new folder hides it.
                Walk::Blocked { by, .. } => {
                    self.remove(by);
                    continue;
                }
                Walk::Endless => return Err(ProblemKind::EndlessLinks),
            };
            let bytes = self.tree.path_bytes(folder) + bytes_below(&missing) + name.len();
            if bytes > MAX_PATH_BYTES {
                return Err(ProblemKind::PathTooLong);
            }
            return Ok((self.make_folders(folder, missing), Box::from(name)));
        }
    }

    /// Whether this layer made the node.
    fn made(&self, node: NodeId) -> bool {
        self.tree.node(node).origin.is_some_and(|origin| origin.layer == self.layer)
    }

    /// A whiteout has done its work; what is left of it is the folder that it stands in, which
    /// containerd, Docker and Podman make where it is missing.
    fn imply(&mut self, folder: &RootPath) {
        if let Walk::Missing { folder, missing } = self.tree.walk_links(folder, |_| true)
            && self.tree.path_bytes(folder) + bytes_below(&missing) <= MAX_PATH_BYTES
        {
            self.make_folders(folder, missing);
        }
    }

    fn make_folders(&mut self, folder: NodeId, missing: Vec<Box<[u8]>>) -> NodeId {
        missing.into_iter().fold(folder, |folder, name| {
            self.tree.insert(folder, name, What::Directory(BTreeMap::new()), None, None)
        })
    }

    /// Takes a node and everything below it out of the filesystem.
    pub(super) fn remove(&mut self, node: NodeId) {
        let Node { parent, ref name, .. } = *self.tree.node(node);
        let name = name.clone();
        if let What::Directory(children) = &mut self.tree.nodes[parent.0 as usize].what {
            children.remove(&name);
        }
        for id in self.tree.walk(node).collect::<Vec<_>>() {
            let gone = &mut self.tree.nodes[id.0 as usize];
            gone.removed_by = Some(self.layer);
            if let What::File(inode) = gone.what {
                self.tree.inodes[inode.0 as usize].visible -= 1;
                self.dropped.push((inode, id));
            }
        }
    }

    /// A content that found no place is stored all the same: it counts as removed by its own layer.
    /// Its name stands in no folder, so it holds the whole path.
    fn lose(&mut self, entry: &IndexEntry, origin: Origin) {
        if let Body::File { stored, .. } = entry.body {
            let inode = self.tree.new_inode(origin, stored);
            let node = self.tree.push(Node {
                parent: Tree::ROOT,
                name: entry.path.as_bytes().into(),
                what: What::File(inode),
                origin: Some(origin),
                original: Tree::ROOT,
                removed_by: Some(self.layer),
            });
            self.tree.nodes[node.0 as usize].original = node;
            self.tree.inodes[inode.0 as usize].names.push(node);
            self.dropped.push((inode, node));
        }
    }
}

/// How much longer a path gets by these folders, a slash after each.
fn bytes_below(missing: &[Box<[u8]>]) -> usize {
    missing.iter().map(|name| name.len() + 1).sum()
}

/// What an entry puts at its path.
enum Brings<'a> {
    /// A content of its own.
    Content(u64),
    /// A link or device of its own.
    Node(What),
    /// Another name of whatever stands there.
    Name(&'a RootPath),
}

impl Tree {
    /// The length of a folder's path with a slash after it; nothing for the root.
    fn path_bytes(&self, mut at: NodeId) -> usize {
        let mut bytes = 0;
        while at != Self::ROOT {
            bytes += self.node(at).name.len() + 1;
            at = self.node(at).parent;
        }
        bytes
    }

    fn new_inode(&mut self, origin: Origin, stored: u64) -> InodeId {
        let id =
            InodeId(u32::try_from(self.inodes.len()).expect("entries are limited to 10 million"));
        self.inodes.push(Inode { origin, stored, names: Vec::new(), visible: 0, removal: None });
        id
    }

    fn push(&mut self, node: Node) -> NodeId {
        let id =
            NodeId(u32::try_from(self.nodes.len()).expect("entries are limited to 10 million"));
        self.nodes.push(node);
        id
    }

    fn insert(
        &mut self,
        parent: NodeId,
        name: Box<[u8]>,
        what: What,
        origin: Option<Origin>,
        original: Option<NodeId>,
    ) -> NodeId {
        let inode = if let What::File(inode) = what { Some(inode) } else { None };
        let link = Node {
            parent,
            name: name.clone(),
            what,
            origin,
            original: Self::ROOT,
            removed_by: None,
        };
        let id = self.push(link);
        self.nodes[id.0 as usize].original = original.unwrap_or(id);
        match (inode, original) {
            (Some(inode), _) => {
                let inode = &mut self.inodes[inode.0 as usize];
                inode.names.push(id);
                inode.visible += 1;
                inode.removal = None;
            }
            (None, Some(original)) => self.further.entry(original).or_default().push(id),
            (None, None) => {}
        }
        if let What::Directory(children) = &mut self.nodes[parent.0 as usize].what {
            children.insert(name, id);
        }
        id
    }
}
