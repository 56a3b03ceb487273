//! Putting one more layer on top, the way container runtimes unpack it.

use super::index::{Body, IndexEntry, LayerIndex};
use super::tree::{Inode, InodeId, Node, NodeId, Origin, Removal, Tree, Walk, What};
use crate::tar::path::RootPath;

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
}

impl Tree {
    /// Applies a layer. Whiteouts come first and hide only what is below, wherever they stand in the
    /// tar (*OCI image-spec 1.1, layer.md, Whiteouts*); the other entries follow in their order.
    pub fn apply(&mut self, layer: &LayerIndex) -> Vec<Problem> {
        let mut step =
            Step { layer: self.layers, dropped: Vec::new(), problems: Vec::new(), tree: self };
        for entry in &layer.entries {
            match entry.body {
                Body::Whiteout => step.whiteout(&entry.path),
                Body::Opaque => step.opaque(&entry.path),
                _ => {}
            }
        }
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
struct Step<'a> {
    tree: &'a mut Tree,
    layer: u32,
    /// Names of contents that this layer took.
    dropped: Vec<(InodeId, NodeId)>,
    problems: Vec<Problem>,
}

impl Step<'_> {
    fn whiteout(&mut self, path: &RootPath) {
        if let Some(node) = self.tree.resolve(path)
            && node != Tree::ROOT
        {
            self.remove(node);
        }
    }

    fn opaque(&mut self, folder: &RootPath) {
        let Some(folder) = self.tree.resolve_folder(folder) else { return };
        let What::Directory(children) = &self.tree.node(folder).what else { return };
        for child in children.values().copied().collect::<Vec<_>>() {
            self.remove(child);
        }
    }

    fn add(&mut self, entry: &IndexEntry, number: u32) {
        let origin = Origin { layer: self.layer, entry: number };
        let what = match &entry.body {
            Body::Whiteout | Body::Opaque | Body::Ignored => return,
            Body::Directory => return self.add_folder(entry, origin),
            Body::File { stored, .. } => New::Content(*stored),
            Body::HardLink(target) => match self.link_target(&entry.path, target) {
                Ok(what) => New::Node(what),
                Err(kind) => return self.complain(entry, origin, kind),
            },
            Body::Symlink(target) => New::Node(What::Symlink(target.clone())),
            Body::CharDevice(..) | Body::BlockDevice(..) | Body::Fifo => New::Node(What::Special),
        };
        let Some((folder, name)) = self.place(entry, origin) else { return };
        if let Some(old) = self.tree.child(folder, &name) {
            self.remove(old);
        }
        let what = match what {
            New::Node(what) => what,
            New::Content(stored) => What::File(self.tree.new_inode(origin, stored)),
        };
        self.tree.insert(folder, name, what, Some(origin));
    }

    /// A folder over a folder replaces its attributes and keeps its children.
    fn add_folder(&mut self, entry: &IndexEntry, origin: Origin) {
        if entry.path.is_root() {
            self.tree.nodes[0].origin = Some(origin);
            return;
        }
        let Some((folder, name)) = self.place(entry, origin) else { return };
        match self.tree.child(folder, &name) {
            Some(old) if matches!(self.tree.node(old).what, What::Directory(_)) => {
                self.tree.nodes[old.0 as usize].origin = Some(origin);
            }
            old => {
                old.into_iter().for_each(|old| self.remove(old));
                self.tree.insert(folder, name, What::Directory(Default::default()), Some(origin));
            }
        }
    }

    /// What a hard link makes its name stand for. The target's folder may be reached through links;
    /// the target itself is taken as it is, as `link(2)` does.
    fn link_target(&self, path: &RootPath, target: &RootPath) -> Result<What, ProblemKind> {
        let node = self.tree.resolve(target).ok_or(ProblemKind::DanglingHardLink)?;
        if self.tree.resolve(path) == Some(node) {
            return Err(ProblemKind::DanglingHardLink);
        }
        match &self.tree.node(node).what {
            What::Directory(_) => Err(ProblemKind::HardLinkToFolder),
            what @ (What::File(_) | What::Symlink(_) | What::Special) => Ok(what.clone()),
        }
    }

    /// The folder that an entry goes into, made where it is missing, and the entry's own name.
    fn place(&mut self, entry: &IndexEntry, origin: Origin) -> Option<(NodeId, Box<[u8]>)> {
        let (parent, name) = entry.path.split_last()?;
        let name = Box::from(name);
        loop {
            match self.tree.walk_links(&parent) {
                Walk::Folder(folder) => return Some((folder, name)),
                Walk::Missing { folder, left } => {
                    return Some((self.make_folders(folder, left), name));
                }
                // Something that is no folder stands in the way: remove it, then go on as if it had
                // not been there (*layer.md, Applying Changesets*, read as runtimes do).
                Walk::Blocked(node) => self.remove(node),
                Walk::Endless => {
                    self.complain(entry, origin, ProblemKind::EndlessLinks);
                    return None;
                }
            }
        }
    }

    fn make_folders(&mut self, mut folder: NodeId, mut left: Vec<Box<[u8]>>) -> NodeId {
        while let Some(name) = left.pop() {
            folder = match &*name {
                b"" | b"." => folder,
                b".." => self.tree.node(folder).parent,
                _ => match self.tree.child(folder, &name) {
                    Some(child) => child,
                    None => {
                        self.tree.insert(folder, name, What::Directory(Default::default()), None)
                    }
                },
            };
        }
        folder
    }

    /// Takes a node and everything below it out of the filesystem.
    fn remove(&mut self, node: NodeId) {
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

    fn complain(&mut self, entry: &IndexEntry, origin: Origin, kind: ProblemKind) {
        self.problems.push(Problem { origin, path: entry.path.clone(), kind });
    }
}

/// What an entry brings: a content of its own, or another name for something.
enum New {
    Content(u64),
    Node(What),
}

impl Tree {
    fn new_inode(&mut self, origin: Origin, stored: u64) -> InodeId {
        let id =
            InodeId(u32::try_from(self.inodes.len()).expect("entries are limited to 10 million"));
        self.inodes.push(Inode { origin, stored, names: Vec::new(), visible: 0, removal: None });
        id
    }

    fn insert(
        &mut self,
        parent: NodeId,
        name: Box<[u8]>,
        what: What,
        origin: Option<Origin>,
    ) -> NodeId {
        let id =
            NodeId(u32::try_from(self.nodes.len()).expect("entries are limited to 10 million"));
        if let What::File(inode) = what {
            let inode = &mut self.inodes[inode.0 as usize];
            inode.names.push(id);
            inode.visible += 1;
            inode.removal = None;
        }
        if let What::Directory(children) = &mut self.nodes[parent.0 as usize].what {
            children.insert(name.clone(), id);
        }
        self.nodes.push(Node { parent, name, what, origin, removed_by: None });
        id
    }
}
