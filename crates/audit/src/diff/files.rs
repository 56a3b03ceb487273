//! Paths of two filesystems, side by side.

use std::collections::HashMap;

use lightship_base::ByteSize;
use lightship_oci::rootfs::{InodeId, Meta, NodeId, Tree, What};
use lightship_oci::tar::path::RootPath;
use serde::Serialize;

use crate::account::Account;

/// Differences among paths. The bytes of a content count at its first visible name, so that
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
            Some(other) => match change(&old, node, &new, other) {
                Some(kind) => diff.note(&path, kind, old.bytes(node), new.bytes(other)),
                // A name that carries its content here and is a second name there still moves bytes.
                None if old.bytes(node) != new.bytes(other) => {
                    diff.note(&path, FileChangeKind::Changed, old.bytes(node), new.bytes(other));
                }
                None => diff.unchanged += 1,
            },
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
        let first_names = account.kept().map(|(id, _, name)| (id, name)).collect();
        Self { account, first_names }
    }

    fn bytes(&self, node: NodeId) -> ByteSize {
        match self.account.tree.node(node).what {
            What::File(id) if self.first_names.get(&id) == Some(&node) => {
                ByteSize(self.account.tree.inode(id).stored)
            }
            What::File(_) | What::Directory(_) | What::Symlink(_) | What::Special => ByteSize::ZERO,
        }
    }

    fn meta(&self, node: NodeId) -> Option<&Meta> {
        let origin = self.account.tree.node(node).origin?;
        let layer = &self.account.layers[origin.layer as usize];
        Some(&layer.index.entries[origin.entry as usize].meta)
    }
}

fn change(old: &Side<'_>, a: NodeId, new: &Side<'_>, b: NodeId) -> Option<FileChangeKind> {
    let same = match (&old.account.tree.node(a).what, &new.account.tree.node(b).what) {
        (What::Directory(_), What::Directory(_)) | (What::Special, What::Special) => true,
        (What::Symlink(before), What::Symlink(after)) => before == after,
        (What::File(before), What::File(after)) => {
            let (before, after) = (old.account.tree.inode(*before), new.account.tree.inode(*after));
            before.stored == after.stored
                && old.account.facts(before).content == new.account.facts(after).content
        }
        _ => false,
    };
    if !same {
        return Some(FileChangeKind::Changed);
    }
    let attributes = |meta: Option<&Meta>| meta.map(|m| (m.mode, m.uid, m.gid, m.xattrs.clone()));
    (attributes(old.meta(a)) != attributes(new.meta(b))).then_some(FileChangeKind::Attributes)
}
