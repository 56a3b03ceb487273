//! Which blobs there are, and which lead to which.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use lightship_base::Digest;

use crate::Error;
use crate::layout::{Layout, read_dir};
use crate::tree::Stored;

/// Answers which blobs a blob leads to; asked only about blobs that are there. It may read blobs
/// ([`crate::Cas::open_blob`], [`crate::Cas::read`]), and must not lease, write or name anything:
/// the store is locked meanwhile. A blob that it calls a child and that is not there is *missing*
/// to `verify`, and no concern of `gc`.
///
/// On an error nothing is collected: guessing that there are no children would delete them.
pub type Children<'a> = &'a dyn Fn(&Digest) -> Result<Vec<Digest>, Error>;

/// How to find out what is needed: whom `gc` and `usage` ask.
#[derive(Clone, Copy)]
pub struct Trace<'a> {
    /// Which blobs a blob leads to.
    pub blobs: Children<'a>,
    /// Which digests' trees a blob keeps, of whatever kind: those of an image's config are its layers'
    /// diff IDs. Asked about blobs that are needed themselves, under the same rules.
    pub trees: Children<'a>,
}

impl std::fmt::Debug for Trace<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trace(..)")
    }
}

impl Trace<'_> {
    /// The digests whose trees are needed. A root that is no blob may be a tree: a lease protects both
    /// by their digests.
    pub(crate) fn wanted_trees(
        &self,
        reached: &Reached,
        trees: &[Stored],
    ) -> Result<BTreeSet<Digest>, Error> {
        let mut wanted: BTreeSet<Digest> = &reached.present | &reached.absent;
        // Asking may mean reading; most stores of blobs have no tree.
        if !trees.is_empty() {
            for digest in &reached.present {
                wanted.extend((self.trees)(digest)?);
            }
        }
        Ok(wanted)
    }
}

/// All blobs and their sizes in bytes.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) blobs: BTreeMap<Digest, u64>,
    /// What lies among the blobs and is none.
    pub(crate) strays: Vec<PathBuf>,
}

/// Reads the folders. Blobs that come or go meanwhile may be in or out.
pub(crate) fn inventory(layout: &Layout) -> Result<Inventory, Error> {
    let mut inventory = Inventory::default();
    for shard in read_dir(&layout.blobs())? {
        if !shard.path().is_dir() {
            inventory.strays.push(shard.path());
            continue;
        }
        for entry in read_dir(&shard.path())? {
            let path = entry.path();
            let found = match entry.metadata() {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io("look at", &path)(error)),
            };
            let hex = entry.file_name();
            let digest = hex.to_str().and_then(|hex| format!("sha256:{hex}").parse().ok());
            match digest {
                Some(digest) if found.is_file() && layout.blob(&digest) == path => {
                    inventory.blobs.insert(digest, found.len());
                }
                _ => inventory.strays.push(path),
            }
        }
    }
    Ok(inventory)
}

/// Walks from roots to everything they lead to, asking about each blob once.
pub(crate) struct Graph<'a> {
    blobs: &'a BTreeMap<Digest, u64>,
    children: Children<'a>,
    known: BTreeMap<Digest, Vec<Digest>>,
}

/// What some roots lead to.
#[derive(Debug, Default)]
pub(crate) struct Reached {
    pub(crate) present: BTreeSet<Digest>,
    pub(crate) absent: BTreeSet<Digest>,
}

impl Reached {
    /// The sizes of what is there.
    pub(crate) fn sizes<'a>(
        &'a self,
        blobs: &'a BTreeMap<Digest, u64>,
    ) -> impl Iterator<Item = u64> + 'a {
        self.present.iter().filter_map(|digest| blobs.get(digest).copied())
    }
}

impl<'a> Graph<'a> {
    pub(crate) fn new(blobs: &'a BTreeMap<Digest, u64>, children: Children<'a>) -> Self {
        Self { blobs, children, known: BTreeMap::new() }
    }

    /// A loop, not a recursion: depth is bounded by nothing but the number of blobs. It ends because
    /// each blob is visited once, also if `children` claims a circle.
    pub(crate) fn reach(
        &mut self,
        roots: impl IntoIterator<Item = Digest>,
    ) -> Result<Reached, Error> {
        let mut reached = Reached::default();
        let mut open: Vec<Digest> = roots.into_iter().collect();
        while let Some(digest) = open.pop() {
            if !self.blobs.contains_key(&digest) {
                reached.absent.insert(digest);
            } else if reached.present.insert(digest) {
                if !self.known.contains_key(&digest) {
                    self.known.insert(digest, (self.children)(&digest)?);
                }
                open.extend_from_slice(&self.known[&digest]);
            }
        }
        Ok(reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_end_and_absent_blobs_are_told_apart() {
        let [a, b, c, d] = [b"a", b"b", b"c", b"d"].map(|bytes| Digest::of(bytes));
        let blobs = BTreeMap::from([(a, 1), (b, 2), (d, 4)]);
        let children = |digest: &Digest| Ok(if *digest == a { vec![b, c] } else { vec![a] });
        let mut graph = Graph::new(&blobs, &children);
        let reached = graph.reach([a]).unwrap();
        assert_eq!(reached.present, BTreeSet::from([a, b]));
        assert_eq!(reached.absent, BTreeSet::from([c]));
        assert_eq!(reached.sizes(&blobs).sum::<u64>(), 3);
    }
}
