//! What the merged layer must hold so that, on the base, it makes the same filesystem.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::rootfs::whiteout::whiteout_of;
use crate::rootfs::{Body, IndexEntry, LayerIndex, Meta, NodeId, Tree, What};
use crate::tar::path::RootPath;
use crate::tar::{Entry, EntryKind};

/// The merged layer, in the order in which it is written.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Folders, symbolic links, devices, whiteouts: everything without content, by path, so that each
    /// folder comes before what is in it.
    pub(super) metadata: BTreeMap<RootPath, Entry>,
    /// For each old layer, which of its entries to copy and under which names.
    pub(super) contents: BTreeMap<u32, HashMap<u32, Names>>,
    /// Hard links to all else: to what stays in the base, and to links and devices.
    pub(super) links: BTreeMap<RootPath, Entry>,
}

/// The names that one content has in the merged layer.
#[derive(Debug)]
pub(super) struct Names {
    /// Where the content goes.
    pub(super) first: RootPath,
    /// Further names, in path order: hard links behind it.
    pub(super) links: Vec<RootPath>,
    /// The attributes, which are the same under every name.
    pub(super) meta: Meta,
}

/// Compares the filesystem at the base with the one at the top.
///
/// Both trees come from the same run, so a node that the merged layers did not touch has the same id
/// in both; what they made has an id or an origin of its own.
pub(super) fn plan(base: &Tree, top: &Tree, indexes: &[LayerIndex], keep: usize) -> Plan {
    let keep = u32::try_from(keep).unwrap_or(u32::MAX);
    let mut planner = Planner { base, top, indexes, keep, plan: Plan::default() };
    planner.hide();
    planner.folders_and_specials();
    planner.files();
    planner.plan
}

struct Planner<'a> {
    base: &'a Tree,
    top: &'a Tree,
    indexes: &'a [LayerIndex],
    keep: u32,
    plan: Plan,
}

impl<'a> Planner<'a> {
    /// A whiteout for each path of the base that is gone, the uppermost only. A path that something
    /// else stands at needs none: an entry that is no folder replaces whatever is there, and so does
    /// a folder where no folder was.
    fn hide(&mut self) {
        let mut stack = vec![(Tree::ROOT, Tree::ROOT)];
        while let Some((below, above)) = stack.pop() {
            let (What::Directory(old), What::Directory(new)) =
                (&self.base.node(below).what, &self.top.node(above).what)
            else {
                continue;
            };
            for (name, child) in old {
                if let Some(successor) = new.get(name) {
                    stack.push((*child, *successor));
                    continue;
                }
                let hidden = whiteout_of(&self.base.path(*child)).expect("a child is not the root");
                let entry = Entry::new(hidden.as_bytes(), EntryKind::File);
                self.plan.metadata.insert(hidden, Entry { mode: 0o644, ..entry });
            }
        }
    }

    /// Folders whose attributes the merged layers set; links, devices and pipes that they made.
    fn folders_and_specials(&mut self) {
        let top = self.top;
        let mut seen = HashSet::new();
        for node in top.walk(Tree::ROOT) {
            match &top.node(node).what {
                What::File(_) => {}
                What::Directory(children) => self.folder(node, children.is_empty()),
                What::Symlink(_) | What::Special => {
                    // Each group of hard links once, with all its names.
                    if seen.insert(top.node(node).original) {
                        self.special(node);
                    }
                }
            }
        }
    }

    /// A folder that only its children imply stays implied, unless they would imply something else:
    /// nothing, where they are gone again, or a folder of the base whose attributes must not show
    /// through.
    fn folder(&mut self, node: NodeId, is_empty: bool) {
        let path = self.top.path(node);
        match self.entry(node) {
            Some(entry) if self.is_new(node) => {
                let made = tar_entry(&entry.body, &entry.meta, &path);
                self.plan.metadata.insert(path, made);
            }
            None if !self.base.contains(node)
                && (is_empty || self.base.lookup(&path).is_some()) =>
            {
                let implied = Entry::new(path.as_bytes(), EntryKind::Directory);
                self.plan.metadata.insert(path, Entry { mode: IMPLIED_MODE, ..implied });
            }
            Some(_) | None => {}
        }
    }

    /// A link, device or pipe with all its names.
    fn special(&mut self, node: NodeId) {
        let (Some(meta), Some(made)) = (self.meta(node), self.entry(self.top.node(node).original))
        else {
            return;
        };
        let (stay, mut new) = self.split(self.visible(self.top.names(node)));
        if new.is_empty() {
            return;
        }
        let target = stay.into_iter().next().unwrap_or_else(|| {
            let first = new.remove(0);
            let entry = tar_entry(&made.body, &meta, &first);
            self.plan.metadata.insert(first.clone(), entry);
            first
        });
        self.link(new, &target, &meta);
    }

    /// Contents that must be copied, with all their visible names; names of contents that stay in the
    /// base are linked to one that stays with them.
    fn files(&mut self) {
        let top = self.top;
        for (_, inode) in top.inodes().filter(|(_, inode)| inode.visible > 0) {
            let names = self.visible(inode.names.clone());
            let Some(meta) = names.first().and_then(|name| self.meta(*name)) else { continue };
            let (stay, mut new) = self.split(names);
            if let Some(target) = stay.first() {
                self.link(new, target, &meta);
                continue;
            }
            let first = new.remove(0);
            let names = Names { first, links: new, meta };
            let contents = self.plan.contents.entry(inode.origin.layer).or_default();
            contents.insert(inode.origin.entry, names);
        }
    }

    fn link(&mut self, names: Vec<RootPath>, target: &RootPath, meta: &Meta) {
        for name in names {
            let entry = hard_link(&name, target, meta);
            self.plan.links.insert(name, entry);
        }
    }

    /// The names of one thing that stay in the base, and those that the merged layer must have; each
    /// in path order. If the merged layers changed its attributes, no name can stay.
    fn split(&self, names: Vec<NodeId>) -> (Vec<RootPath>, Vec<RootPath>) {
        let (mut new, mut stay): (Vec<NodeId>, Vec<NodeId>) =
            names.into_iter().partition(|name| self.is_new(*name));
        if let Some(name) = stay.first()
            && self.base.meta(*name, self.indexes) != self.meta(*name)
        {
            new.append(&mut stay);
        }
        let sorted = |names: Vec<NodeId>| {
            let mut paths: Vec<RootPath> = names.into_iter().map(|n| self.top.path(n)).collect();
            paths.sort();
            paths
        };
        (sorted(stay), sorted(new))
    }

    fn visible(&self, mut names: Vec<NodeId>) -> Vec<NodeId> {
        names.retain(|name| self.top.is_visible(*name));
        names
    }

    /// Whether the merged layers made this name, or gave this folder its attributes.
    fn is_new(&self, node: NodeId) -> bool {
        self.top.node(node).origin.is_some_and(|origin| origin.layer >= self.keep)
    }

    fn entry(&self, node: NodeId) -> Option<&'a IndexEntry> {
        let origin = self.top.node(node).origin?;
        Some(&self.indexes[origin.layer as usize].entries[origin.entry as usize])
    }

    fn meta(&self, node: NodeId) -> Option<Meta> {
        self.top.meta(node, self.indexes)
    }
}

/// What runtimes make when a folder is only implied: this mode, owned by root.
const IMPLIED_MODE: u32 = 0o755;

/// An entry without content, at the path where it ended up.
fn tar_entry(body: &Body, meta: &Meta, path: &RootPath) -> Entry {
    let (kind, device, link_target) = match body {
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
    with_meta(Entry { link_target, device, ..Entry::new(name, kind) }, meta)
}

/// Another name of something. Runtimes set a link's attributes on whatever it links to, so they are
/// those of the target, extended ones included: `chown` would drop a file's capabilities.
pub(super) fn hard_link(path: &RootPath, target: &RootPath, meta: &Meta) -> Entry {
    let link_target = target.as_bytes().to_vec();
    with_meta(Entry { link_target, ..Entry::new(path.as_bytes(), EntryKind::HardLink) }, meta)
}

/// The entry with these attributes. Owners are numbers; their names mean nothing in another image.
pub(super) fn with_meta(entry: Entry, meta: &Meta) -> Entry {
    Entry {
        mode: meta.mode,
        uid: meta.uid,
        gid: meta.gid,
        user_name: Vec::new(),
        group_name: Vec::new(),
        mtime: meta.mtime,
        xattrs: meta.xattrs.as_deref().cloned().unwrap_or_default(),
        ..entry
    }
}
