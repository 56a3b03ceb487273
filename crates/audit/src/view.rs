//! The union filesystem as the `packages` crate wants to see it.

use lightship_oci::rootfs::{Inode, InodeId, NodeId, Tree, What};
use lightship_oci::tar::path::RootPath;
use lightship_packages::{Entry, EntryKind, FileEntry};

use crate::account::Account;

/// The visible files of an account.
pub struct Visible<'a>(pub &'a Account);

impl Visible<'_> {
    fn show(&self, node: NodeId) -> Entry<'_> {
        let tree = &self.0.tree;
        let shown = tree.node(node);
        let kind = match &shown.what {
            What::Directory(_) => EntryKind::Directory,
            What::Symlink(target) => EntryKind::Symlink(target),
            What::Special => EntryKind::Other,
            What::File(id) => EntryKind::File(self.file(*id, tree.inode(*id))),
        };
        Entry { kind, layer: shown.origin.map_or(0, |origin| origin.layer as usize) }
    }

    fn file(&self, id: InodeId, inode: &Inode) -> FileEntry<'_> {
        let layer = &self.0.layers[inode.origin.layer as usize];
        FileEntry {
            size: inode.stored,
            hard_links: (inode.visible > 1).then(|| u64::from(id.number())),
            content: layer.contents.get(&inode.origin.entry).map(Vec::as_slice),
            elf: layer.elf.get(&inode.origin.entry),
        }
    }
}

impl lightship_packages::Tree for Visible<'_> {
    fn entry(&self, path: &[u8]) -> Option<Entry<'_>> {
        let path = RootPath::parse(path).ok()?;
        self.0.tree.lookup(&path).map(|node| self.show(node))
    }

    fn visit(&self, visitor: &mut dyn FnMut(&[u8], &Entry<'_>)) {
        for node in self.0.tree.walk(Tree::ROOT).skip(1) {
            visitor(self.0.path(node).as_bytes(), &self.show(node));
        }
    }
}
