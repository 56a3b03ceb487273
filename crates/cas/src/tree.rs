//! Trees: folders that are made once and never changed again.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use lightship_base::Digest;

use crate::error::Error;
use crate::layout::{Layout, create_unique_folder};
use crate::lease::Lease;
use crate::lock;
use crate::remove::remove_tree;

/// What sort of tree a digest names: `snapshot-real`. One digest may name a tree of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeKind(&'static str);

impl TreeKind {
    /// A kind is a folder's name, chosen in source code: lower-case letters and `-`. Meant for
    /// constants, where a wrong one does not compile.
    ///
    /// # Panics
    /// Where `kind` is something else.
    pub const fn new(kind: &'static str) -> Self {
        crate::name::check_kind(kind);
        Self(kind)
    }

    /// As it was given.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// A tree that is there and that the lease it was asked through keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    path: PathBuf,
    /// Device and inode: which tree of this name it is.
    identity: (u64, u64),
}

impl Tree {
    /// Its folder. What its maker wrote is in there, and a file of the store's own ([`SIZE_FILE`]).
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn at(path: PathBuf) -> Result<Option<Self>, Error> {
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => {
                Ok(Some(Self { path, identity: (found.dev(), found.ino()) }))
            }
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("look at", &path)(error)),
        }
    }
}

/// How many bytes a tree has, as its maker counted them; in decimal digits, in the tree's folder.
pub const SIZE_FILE: &str = ".bytes";

/// Who else may enter a tree: nobody. Trees hold set-user-id programs of strangers, and files that only
/// some user inside a sandbox may read.
const PRIVATE: u32 = 0o700;

impl Lease {
    /// Protects a tree, present or future, and says where it is: if it is there, it stays.
    pub fn tree(&self, kind: TreeKind, digest: &Digest) -> Result<Option<Tree>, Error> {
        Ok(self.trees(kind, std::slice::from_ref(digest))?.pop().flatten())
    }

    /// Protects many trees at once; the answers are in the order given.
    pub fn trees(&self, kind: TreeKind, digests: &[Digest]) -> Result<Vec<Option<Tree>>, Error> {
        let guard = lock::shared(self.layout())?;
        self.add(&guard, digests)?;
        digests.iter().map(|digest| Tree::at(self.layout().tree(kind, digest))).collect()
    }

    /// Begins a tree: an empty folder, for its maker only.
    pub fn tree_writer(&self) -> Result<TreeWriter, Error> {
        let path = create_unique_folder(&self.layout().tmp(), &self.temporary_prefix(), PRIVATE)?;
        Ok(TreeWriter { lease: self.clone(), path, published: false })
    }

    /// Throws a tree away whose content turned out to be damaged, unless another has taken its place
    /// since it was looked at. Says whether it did. Whoever uses it at this moment loses it.
    pub fn discard_tree(&self, tree: &Tree) -> Result<bool, Error> {
        let grave = self.tree_writer()?;
        let guard = lock::exclusive(self.layout())?;
        if Tree::at(tree.path.clone())?.as_ref() != Some(tree) {
            return Ok(false);
        }
        let target = grave.path.join("discarded");
        fs::rename(&tree.path, &target).map_err(Error::io("discard", &tree.path))?;
        drop(guard);
        drop(grave);
        Ok(true)
    }
}

/// A tree being made. Nobody sees it before [`TreeWriter::publish`]; dropped before, it vanishes.
#[derive(Debug)]
pub struct TreeWriter {
    lease: Lease,
    path: PathBuf,
    published: bool,
}

impl TreeWriter {
    /// The folder to fill.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it visible, whole, under its name; `bytes` is what `usage` and `gc` shall say it weighs.
    /// Where somebody else was faster, theirs is returned and this one thrown away.
    ///
    /// Nothing is waited for: after a power failure a tree may have lost what the disk had not got yet.
    /// Its maker either syncs before, or finds out later and calls [`Lease::discard_tree`].
    pub fn publish(mut self, kind: TreeKind, digest: &Digest, bytes: u64) -> Result<Tree, Error> {
        let size = self.path.join(SIZE_FILE);
        fs::write(&size, bytes.to_string()).map_err(Error::io("write", &size))?;
        let layout = self.lease.layout();
        let target = layout.tree(kind, digest);
        let folder = layout.trees().join(kind.0);
        make_private(&layout.trees())?;
        make_private(&folder)?;
        let guard = lock::shared(layout)?;
        self.lease.add(&guard, std::slice::from_ref(digest))?;
        match fs::rename(&self.path, &target) {
            Ok(()) => self.published = true,
            // It has a file at least, so it cannot be replaced by accident.
            Err(error) if is_there(&error) => {}
            Err(error) => return Err(Error::io("move a tree to", &target)(error)),
        }
        let gone = || Error::io("look at", &target)(io::ErrorKind::NotFound.into());
        Tree::at(target.clone())?.ok_or_else(gone)
    }
}

fn is_there(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists)
}

fn make_private(folder: &Path) -> Result<(), Error> {
    match DirBuilder::new().mode(PRIVATE).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::io("create the folder", folder)(error))
        }
        _ => Ok(()),
    }
}

impl Drop for TreeWriter {
    fn drop(&mut self) {
        if !self.published {
            // What cannot be removed goes with the next gc.
            let _ = remove_tree(&self.path);
        }
    }
}

/// A tree in the store's folder.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) kind: String,
    pub(crate) digest: Digest,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

/// All trees, of kinds that this program does not know, too. What is no tree is left alone.
pub(crate) fn all(layout: &Layout) -> Result<Vec<Stored>, Error> {
    let mut trees = Vec::new();
    for kind in crate::layout::read_dir_if_there(&layout.trees())? {
        let name = kind.file_name().to_string_lossy().into_owned();
        for entry in crate::layout::read_dir_if_there(&kind.path())? {
            let hex = entry.file_name();
            let digest = hex.to_str().and_then(|hex| format!("sha256:{hex}").parse().ok());
            if let Some(digest) = digest {
                let path = entry.path();
                let bytes = weight(&path);
                trees.push(Stored { kind: name.clone(), digest, path, bytes });
            }
        }
    }
    Ok(trees)
}

/// What the tree weighs, by the file in it. A tree that lost it, to a power failure, is nobody's pride:
/// its weight is unknown.
fn weight(tree: &Path) -> u64 {
    let text = fs::read_to_string(tree.join(SIZE_FILE)).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cas;

    const KIND: TreeKind = TreeKind::new("test");

    fn store() -> (tempfile::TempDir, Cas) {
        let folder = tempfile::tempdir().unwrap();
        let cas = Cas::open(folder.path()).unwrap();
        (folder, cas)
    }

    fn make(lease: &Lease, content: &str) -> TreeWriter {
        let writer = lease.tree_writer().unwrap();
        fs::create_dir(writer.path().join("fs")).unwrap();
        fs::write(writer.path().join("fs/file"), content).unwrap();
        writer
    }

    #[test]
    fn a_tree_appears_whole_and_only_once() {
        let (_folder, cas) = store();
        let (lease, digest) = (cas.lease().unwrap(), Digest::of(b"a"));
        assert_eq!(lease.tree(KIND, &digest).unwrap(), None);
        let (first, second) = (make(&lease, "first"), make(&lease, "second"));
        let tree = first.publish(KIND, &digest, 5).unwrap();
        assert_eq!(second.publish(KIND, &digest, 6).unwrap(), tree);
        assert_eq!(lease.tree(KIND, &digest).unwrap().as_ref(), Some(&tree));
        assert_eq!(fs::read_to_string(tree.path().join("fs/file")).unwrap(), "first");
        assert_eq!(fs::read_dir(cas.root().join("tmp")).unwrap().count(), 0);
        for private in [tree.path(), &cas.root().join("trees"), &cas.root().join("trees/test")] {
            assert_eq!(fs::metadata(private).unwrap().mode() & 0o777, PRIVATE);
        }
    }

    #[test]
    fn only_the_very_tree_that_was_looked_at_is_discarded() {
        let (_folder, cas) = store();
        let (lease, digest) = (cas.lease().unwrap(), Digest::of(b"a"));
        let old = make(&lease, "old").publish(KIND, &digest, 3).unwrap();
        assert!(lease.discard_tree(&old).unwrap());
        let new = make(&lease, "new").publish(KIND, &digest, 3).unwrap();
        assert!(old == new || !lease.discard_tree(&old).unwrap());
        assert_eq!(fs::read_dir(cas.root().join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn an_unfinished_tree_vanishes() {
        let (_folder, cas) = store();
        drop(make(&cas.lease().unwrap(), "never"));
        assert_eq!(fs::read_dir(cas.root().join("tmp")).unwrap().count(), 0);
        assert!(all(&cas.layout).unwrap().is_empty());
    }
}
