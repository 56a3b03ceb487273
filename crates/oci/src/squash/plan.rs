//! What the merged layer must hold so that, on the base, it makes the same filesystem.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::rootfs::whiteout::whiteout_of;
use crate::rootfs::{Body, IndexEntry, InodeId, LayerIndex, NodeId, Tree, What};
use crate::tar::path::RootPath;
use crate::tar::{Entry, EntryKind};

/// The merged layer, in the order in which it is written.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Folders, links, devices, whiteouts: everything without content, in path order.
    pub(super) metadata: Vec<Entry>,
    /// For each old layer, which of its entries to copy and under which names. Names of one content
    /// after the first become hard links behind it.
    pub(super) contents: BTreeMap<u32, HashMap<u32, Names>>,
    /// Hard links to contents that stay in the base.
    pub(super) late_links: Vec<Entry>,
}

/// The names that one content has.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// Where the content goes.
    pub(super) first: RootPath,
    /// Further names, in path order.
    pub(super) links: Vec<RootPath>,
}

/// Compares the filesystem at the base with the one at the top.
///
/// Both trees come from the same run, so a node that the merged layers did not touch has the same id
/// in both; what they made has an id or an origin of its own.
pub(super) fn plan(base: &Tree, top: &Tree, indexes: &[LayerIndex], keep: usize) -> Plan {
    let planner = Planner { base, top, indexes, keep: u32::try_from(keep).unwrap_or(u32::MAX) };
    let mut plan = Plan::default();
    planner.hide(&mut plan.metadata);
    planner.folders_and_specials(&mut plan.metadata);
    planner.files(&mut plan);
    plan.metadata.sort_by(|a, b| a.path.cmp(&b.path));
    plan
}

struct Planner<'a> {
    base: &'a Tree,
    top: &'a Tree,
    indexes: &'a [LayerIndex],
    keep: u32,
}

impl Planner<'_> {
    fn entry(&self, node: NodeId) -> Option<&IndexEntry> {
        let origin = self.top.node(node).origin?;
        Some(&self.indexes[origin.layer as usize].entries[origin.entry as usize])
    }

    /// Whether the merged layers gave this visible node its present form.
    fn is_new(&self, node: NodeId) -> bool {
        self.top.node(node).origin.is_some_and(|origin| origin.layer >= self.keep)
    }

    /// A whiteout for each path of the base that is gone, the uppermost only. A path that something
    /// else stands at needs none: an entry that is no folder replaces whatever is there, and so does
    /// a folder where no folder was.
    fn hide(&self, metadata: &mut Vec<Entry>) {
        let mut stack = vec![(Tree::ROOT, Tree::ROOT)];
        while let Some((below, above)) = stack.pop() {
            let (What::Directory(old), What::Directory(new)) =
                (&self.base.node(below).what, &self.top.node(above).what)
            else {
                continue;
            };
            for (name, child) in old {
                match new.get(name) {
                    Some(successor) => stack.push((*child, *successor)),
                    None => {
                        let hidden =
                            whiteout_of(&self.base.path(*child)).expect("a child is not the root");
                        metadata.push(whiteout(&hidden));
                    }
                }
            }
        }
    }

    /// Folders whose attributes the merged layers set, links, devices and pipes that they made.
    fn folders_and_specials(&self, metadata: &mut Vec<Entry>) {
        for node in self.top.walk(Tree::ROOT) {
            let path = self.top.path(node);
            match &self.top.node(node).what {
                What::File(_) => {}
                What::Directory(_) if self.is_new(node) => {
                    metadata.extend(self.entry(node).map(|entry| tar_entry(entry, &path)));
                }
                What::Directory(_) if self.must_be_explicit(node, &path) => {
                    metadata.push(implied_folder(&path));
                }
                What::Directory(_) => {}
                What::Symlink(_) | What::Special if self.is_new(node) => {
                    metadata.extend(self.entry_of_special(node, &path));
                }
                What::Symlink(_) | What::Special => {}
            }
        }
    }

    /// A folder that only its children imply, made by the merged layers where the base has something
    /// else, or had a folder with attributes that must not show through.
    fn must_be_explicit(&self, node: NodeId, path: &RootPath) -> bool {
        let made_above_base =
            self.top.node(node).origin.is_none() && node != Tree::ROOT && !self.base.contains(node);
        made_above_base && self.base.lookup(path).is_some()
    }

    /// A link or device may carry its attributes under a hard link's entry.
    fn entry_of_special(&self, node: NodeId, path: &RootPath) -> Option<Entry> {
        let mut entry = self.entry(node)?;
        let mut followed = HashSet::new();
        while let Body::HardLink(target) = &entry.body {
            let origin = self.top.node(node).origin?;
            let layer = &self.indexes[origin.layer as usize];
            if !followed.insert(target.clone()) {
                return None;
            }
            entry = layer.entries.iter().rev().find(|other| other.path == *target)?;
        }
        Some(tar_entry(entry, path))
    }

    /// Contents that must be copied, with all their visible names; names of contents that stay in the
    /// base are linked to one that stays with them.
    fn files(&self, plan: &mut Plan) {
        for (id, inode) in self.top.inodes().filter(|(_, inode)| inode.visible > 0) {
            let (stay, mut new) = self.names(id);
            if new.is_empty() {
                continue;
            }
            match stay.into_iter().next() {
                Some(target) => {
                    let origin = inode.origin;
                    let file = &self.indexes[origin.layer as usize].entries[origin.entry as usize];
                    let links = new.iter().map(|name| hard_link(&tar_entry(file, name), &target));
                    plan.late_links.extend(links);
                }
                None => {
                    let first = new.remove(0);
                    plan.contents
                        .entry(inode.origin.layer)
                        .or_default()
                        .insert(inode.origin.entry, Names { first, links: new });
                }
            }
        }
        plan.late_links.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// The visible names of a content: those that stay in the base, and those that the merged layers
    /// must write; each in path order.
    fn names(&self, inode: InodeId) -> (Vec<RootPath>, Vec<RootPath>) {
        let visible = self.top.inode(inode).names.iter().filter(|name| self.top.is_visible(**name));
        let (new, stay): (Vec<NodeId>, Vec<NodeId>) = visible.partition(|name| self.is_new(**name));
        let sorted = |names: Vec<NodeId>| {
            let mut paths: Vec<RootPath> = names.into_iter().map(|n| self.top.path(n)).collect();
            paths.sort();
            paths
        };
        (sorted(stay), sorted(new))
    }
}

fn whiteout(path: &RootPath) -> Entry {
    Entry { mode: 0o644, ..Entry::new(path.as_bytes(), EntryKind::File) }
}

/// What runtimes make when a folder is only implied: mode 0755, owned by root.
fn implied_folder(path: &RootPath) -> Entry {
    Entry { mode: 0o755, ..Entry::new(path.as_bytes(), EntryKind::Directory) }
}

/// Another name of a file. Runtimes apply a link's attributes to the file that it links to, so they
/// are those of the file, extended ones included: `chown` would drop a file's capabilities.
pub(super) fn hard_link(file: &Entry, target: &RootPath) -> Entry {
    Entry {
        kind: EntryKind::HardLink,
        link_target: target.as_bytes().to_vec(),
        size: 0,
        real_size: 0,
        sparse: None,
        ..file.clone()
    }
}

/// An index entry without content as a tar entry, at the path where it ended up.
pub(super) fn tar_entry(entry: &IndexEntry, path: &RootPath) -> Entry {
    let (kind, device, link_target) = match &entry.body {
        Body::Symlink(target) => (EntryKind::Symlink, (0, 0), target.to_vec()),
        Body::Directory => (EntryKind::Directory, (0, 0), Vec::new()),
        Body::CharDevice(major, minor) => (EntryKind::CharDevice, (*major, *minor), Vec::new()),
        Body::BlockDevice(major, minor) => (EntryKind::BlockDevice, (*major, *minor), Vec::new()),
        Body::Fifo => (EntryKind::Fifo, (0, 0), Vec::new()),
        Body::HardLink(target) => (EntryKind::HardLink, (0, 0), target.as_bytes().to_vec()),
        Body::File { .. } | Body::Whiteout | Body::Opaque | Body::Ignored => {
            (EntryKind::File, (0, 0), Vec::new())
        }
    };
    let name = if path.is_root() { b"./".to_vec() } else { path.as_bytes().to_vec() };
    Entry {
        mode: entry.meta.mode,
        uid: entry.meta.uid,
        gid: entry.meta.gid,
        mtime: entry.meta.mtime,
        xattrs: entry.meta.xattrs.as_deref().cloned().unwrap_or_default(),
        device,
        link_target,
        ..Entry::new(name, kind)
    }
}
