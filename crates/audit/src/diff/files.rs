//! Paths of two filesystems, side by side.

use std::collections::{BTreeMap, HashMap};

use lightship_base::ByteSize;
use lightship_oci::rootfs::{Body, Inode, InodeId, NodeId, Tree, What};
use lightship_oci::tar::path::RootPath;
use serde::Serialize;

use crate::account::Account;

/// Differences among paths. The bytes of a content count at the first of its visible names, so that
/// `added - removed + grown` is exactly the difference of what the images keep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FileDiff {
    /// Paths that only the second image has.
    pub added: Sum,
    /// Paths that only the first image has.
    pub removed: Sum,
    /// Paths with another content, kind or target.
    pub changed: u64,
    /// Bytes of changed paths in the first image.
    pub changed_bytes_before: ByteSize,
    /// Bytes of changed paths in the second image.
    pub changed_bytes_after: ByteSize,
    /// Paths with another owner, mode or extended attribute only. Times are not compared.
    pub attributes_changed: u64,
    /// Paths that are the same in both.
    pub unchanged: u64,
    /// All differences, those of most bytes first.
    pub changes: Vec<FileChange>,
}

/// Number and bytes of some paths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// How many paths.
    pub paths: u64,
    /// Their contents.
    pub bytes: ByteSize,
}

/// One path that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Where.
    pub path: String,
    /// How.
    pub kind: FileChangeKind,
    /// Bytes in the first image.
    pub bytes_before: ByteSize,
    /// Bytes in the second image.
    pub bytes_after: ByteSize,
}

/// How a path differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileChangeKind {
    /// Only in the second.
    Added,
    /// Only in the first.
    Removed,
    /// Another content, kind or target.
    Changed,
    /// The same content under another owner, mode or extended attribute.
    Attributes,
}

pub(super) fn compare(before: &Account, after: &Account) -> FileDiff {
    let (old, new) = (Side::of(before), Side::of(after));
    let mut diff = FileDiff::default();
    for node in before.tree.walk(Tree::ROOT) {
        let path = before.path(node);
        match after.tree.lookup(&path) {
            None => diff.note(&path, FileChangeKind::Removed, old.bytes(node), ByteSize::ZERO),
            Some(other) => {
                let (was, is) = (old.bytes(node), new.bytes(other));
                match change(&old, node, &new, other) {
                    // A name that carries its content here and is a second name there moves bytes,
                    // whatever else is the same.
                    _ if was != is => diff.note(&path, FileChangeKind::Changed, was, is),
                    Some(kind) => diff.note(&path, kind, was, is),
                    None => diff.unchanged += 1,
                }
            }
        }
    }
    for node in after.tree.walk(Tree::ROOT) {
        let path = after.path(node);
        if before.tree.lookup(&path).is_none() {
            diff.note(&path, FileChangeKind::Added, ByteSize::ZERO, new.bytes(node));
        }
    }
    let moved =
        |change: &FileChange| change.bytes_before.bytes().abs_diff(change.bytes_after.bytes());
    diff.changes.sort_by(|a, b| moved(b).cmp(&moved(a)).then_with(|| a.path.cmp(&b.path)));
    diff
}

impl FileDiff {
    fn note(&mut self, path: &RootPath, kind: FileChangeKind, before: ByteSize, after: ByteSize) {
        match kind {
            FileChangeKind::Added => {
                self.added.paths += 1;
                self.added.bytes += after;
            }
            FileChangeKind::Removed => {
                self.removed.paths += 1;
                self.removed.bytes += before;
            }
            FileChangeKind::Changed => {
                self.changed += 1;
                self.changed_bytes_before += before;
                self.changed_bytes_after += after;
            }
            FileChangeKind::Attributes => self.attributes_changed += 1,
        }
        self.changes.push(FileChange {
            path: path.to_string(),
            kind,
            bytes_before: before,
            bytes_after: after,
        });
    }
}

/// One image, with the name at which each content counts.
struct Side<'a> {
    account: &'a Account,
    first_names: HashMap<InodeId, NodeId>,
}

impl<'a> Side<'a> {
    fn of(account: &'a Account) -> Self {
        let first_names = account.kept().map(|(id, inode, name)| (id, first(account, inode, name)));
        Self { account, first_names: first_names.collect() }
    }

    fn bytes(&self, node: NodeId) -> ByteSize {
        match self.account.tree.node(node).what {
            What::File(id) if self.first_names.get(&id) == Some(&node) => {
                ByteSize(self.account.tree.inode(id).stored)
            }
            What::File(_) | What::Directory(_) | What::Symlink(_) | What::Special => ByteSize::ZERO,
        }
    }

    /// Owner, mode and extended attributes. A folder that only its children imply gets from runtimes
    /// what [`IMPLIED`] says; a symbolic link has no mode of its own.
    fn attributes(&self, node: NodeId) -> Attributes {
        let Some(meta) = self.account.tree.meta(node, &self.account.layers) else { return IMPLIED };
        let is_symlink = matches!(self.account.tree.node(node).what, What::Symlink(_));
        let mode = if is_symlink { 0o777 } else { meta.mode };
        (mode, meta.uid, meta.gid, meta.xattrs)
    }

    /// The entry that a name goes back to.
    fn body(&self, node: NodeId) -> Option<&Body> {
        let tree = &self.account.tree;
        let origin = tree.node(tree.node(node).original).origin?;
        let layer = &self.account.layers[origin.layer as usize];
        Some(&layer.index.entries[origin.entry as usize].body)
    }
}

/// Of several visible names the first by path: in which order they were made differs between images
/// of the same files.
fn first(account: &Account, inode: &Inode, only: NodeId) -> NodeId {
    if inode.visible == 1 {
        return only;
    }
    let visible = inode.names.iter().copied().filter(|name| account.tree.is_visible(*name));
    visible.min_by_key(|name| account.path(*name)).unwrap_or(only)
}

/// Mode, owner, group, extended attributes.
type Attributes = (u32, u64, u64, Option<Box<BTreeMap<Vec<u8>, Vec<u8>>>>);

const IMPLIED: Attributes = (0o755, 0, 0, None);

fn change(old: &Side<'_>, a: NodeId, new: &Side<'_>, b: NodeId) -> Option<FileChangeKind> {
    let same = match (&old.account.tree.node(a).what, &new.account.tree.node(b).what) {
        (What::Directory(_), What::Directory(_)) => true,
        // Kind and numbers of a device are in its entry.
        (What::Special, What::Special) => old.body(a) == new.body(b),
        (What::Symlink(before), What::Symlink(after)) => before == after,
        (What::File(before), What::File(after)) => {
            let (before, after) = (old.account.tree.inode(*before), new.account.tree.inode(*after));
            old.body(a) == new.body(b)
                && old.account.facts(before).content == new.account.facts(after).content
        }
        _ => false,
    };
    if !same {
        return Some(FileChangeKind::Changed);
    }
    (old.attributes(a) != new.attributes(b)).then_some(FileChangeKind::Attributes)
}
