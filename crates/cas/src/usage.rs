//! What the store's bytes are for.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::gc::size_of;
use crate::graph::{Children, Graph, Trace, inventory};
use crate::layout::read_dir;
use crate::{Cas, Error, Tally, lease, lock, refs, tree};

/// Bytes and counts, by purpose. `reachable + unreachable` is all blobs and all trees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Blobs and trees that a ref or a live lease leads to.
    pub reachable: Tally,
    /// Blobs and trees that the next `gc` deletes.
    pub unreachable: Tally,
    /// By kind of ref, and by kind of tree. Kinds of refs may share blobs, so these need not add up.
    pub kinds: BTreeMap<String, KindUsage>,
    /// Blobs and trees being written, or left half-written by ended processes.
    pub temporary: Tally,
    /// Interrupted downloads.
    pub partial: Tally,
    /// Leases of running processes.
    pub live_leases: u64,
    /// Leases of ended processes.
    pub dead_leases: u64,
}

/// What one kind of ref keeps, or what trees of one kind there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct KindUsage {
    /// How many names there are; of trees, how many are needed.
    pub names: u64,
    /// The blobs they lead to, each counted once; of trees, all there are.
    pub blobs: Tally,
}

impl Cas {
    /// Counts everything. A moment's picture while others write. Trees are needed where leases protect
    /// them; [`Cas::usage_with`] asks which blobs lead to some.
    pub fn usage(&self, children: Children<'_>) -> Result<Usage, Error> {
        self.usage_with(Trace { blobs: children, trees: &|_| Ok(Vec::new()) })
    }

    /// Like [`Cas::usage`], asking also which trees are needed.
    pub fn usage_with(&self, trace: Trace<'_>) -> Result<Usage, Error> {
        let layout = &self.layout;
        let _lock = lock::shared(layout)?;
        let leases = lease::survey(layout)?;
        let names = refs::all(layout)?;
        let inventory = inventory(layout)?;
        let mut graph = Graph::new(&inventory.blobs, trace.blobs);
        let mut usage = Usage::default();
        let mut roots = leases.protected.clone();
        for (kind, entries) in names {
            let names = entries.len() as u64;
            let of_kind: Vec<_> = entries.into_iter().flat_map(|entry| entry.value.roots).collect();
            roots.extend(&of_kind);
            let blobs = Tally::of(graph.reach(of_kind)?.sizes(&inventory.blobs));
            usage.kinds.insert(kind, KindUsage { names, blobs });
        }
        let reached = graph.reach(roots)?;
        for (digest, bytes) in &inventory.blobs {
            let side = if reached.present.contains(digest) {
                &mut usage.reachable
            } else {
                &mut usage.unreachable
            };
            side.add(*bytes);
        }
        let trees = tree::all(layout)?;
        let wanted = trace.wanted_trees(&reached, &trees)?;
        for tree in trees {
            let is_wanted = wanted.contains(&tree.digest);
            let of_kind = usage.kinds.entry(tree.kind).or_default();
            of_kind.names += u64::from(is_wanted);
            of_kind.blobs.add(tree.bytes);
            let side = if is_wanted { &mut usage.reachable } else { &mut usage.unreachable };
            side.add(tree.bytes);
        }
        for (folder, tally) in
            [(layout.tmp(), &mut usage.temporary), (layout.partials(), &mut usage.partial)]
        {
            for entry in read_dir(&folder)? {
                size_of(&entry)?.into_iter().for_each(|bytes| tally.add(bytes));
            }
        }
        usage.live_leases = leases.live.len() as u64;
        usage.dead_leases = leases.dead.len() as u64;
        Ok(usage)
    }
}
