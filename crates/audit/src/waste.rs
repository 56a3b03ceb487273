//! The contents that ship although nobody can see them, and those that ship twice.

use std::collections::HashMap;

use lightship_base::ByteSize;
use serde::Serialize;

use crate::account::{Account, Fate, Waste};

/// A content that is in a layer but not in the final filesystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WastedPath {
    /// Where it was.
    pub path: String,
    /// How it was lost.
    pub kind: Waste,
    /// Bytes in its layer's tar.
    pub bytes: ByteSize,
    /// Compressed bytes: an estimate.
    pub compressed_estimate: ByteSize,
    /// The instruction that wrote it.
    pub written_by: Culprit,
    /// The instruction that removed or overwrote it.
    pub removed_by: Culprit,
}

/// An instruction, by the layer it made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Culprit {
    /// The layer's position, counted from 1.
    pub layer: usize,
    /// The instruction as a Dockerfile would say it.
    pub instruction: String,
}

/// One content at several visible paths that are no hard links of each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// Bytes of one copy.
    pub bytes_each: ByteSize,
    /// How many copies there are.
    pub copies: u64,
    /// Bytes of all copies but one.
    pub wasted_bytes: ByteSize,
    /// Compressed bytes of all copies but the dearest: an estimate.
    pub compressed_estimate: ByteSize,
    /// A path of each copy.
    pub paths: Vec<String>,
}

/// Everything shadowed or deleted, heaviest first. Empty files weigh nothing and are left out.
pub(crate) fn wasted_paths(account: &Account) -> Vec<WastedPath> {
    let culprits: Vec<Culprit> = (0..account.tree.layers())
        .map(|layer| Culprit { layer: layer as usize + 1, instruction: account.instruction(layer) })
        .collect();
    let mut wasted: Vec<WastedPath> = (account.tree.inodes())
        .filter(|(_, inode)| inode.stored > 0)
        .filter_map(|(_, inode)| match account.fate(inode) {
            Fate::Kept => None,
            Fate::Wasted(kind, removal) => Some(WastedPath {
                path: account.path(removal.name).to_string(),
                kind,
                bytes: ByteSize(inode.stored),
                compressed_estimate: ByteSize(account.facts(inode).compressed),
                written_by: culprits[inode.origin.layer as usize].clone(),
                removed_by: culprits[removal.layer as usize].clone(),
            }),
        })
        .collect();
    wasted.sort_by(|a, b| (b.bytes, &a.path).cmp(&(a.bytes, &b.path)));
    wasted
}

/// Contents at several visible paths, most wasteful first. Sparse files are left out: what the tar
/// stores of them does not tell whether they are equal.
pub(crate) fn duplicates(account: &Account) -> Vec<Duplicate> {
    let mut groups: HashMap<_, Vec<_>> = HashMap::new();
    for (_, inode, name) in account.kept() {
        if inode.stored > 0 && !account.is_sparse(inode) {
            groups.entry(account.facts(inode).content).or_default().push((inode, name));
        }
    }
    let mut duplicates: Vec<Duplicate> = (groups.into_values())
        .filter(|copies| copies.len() > 1)
        .map(|copies| {
            let bytes = copies[0].0.stored;
            let others = copies.len() as u64 - 1;
            let prices = copies.iter().map(|(inode, _)| account.facts(inode).compressed);
            let compressed = prices.clone().sum::<u64>() - prices.max().unwrap_or(0);
            let mut paths: Vec<String> =
                copies.iter().map(|(_, name)| account.path(*name).to_string()).collect();
            paths.sort();
            Duplicate {
                bytes_each: ByteSize(bytes),
                copies: others + 1,
                wasted_bytes: ByteSize(bytes * others),
                compressed_estimate: ByteSize(compressed),
                paths,
            }
        })
        .collect();
    duplicates.sort_by(|a, b| (b.wasted_bytes, &a.paths).cmp(&(a.wasted_bytes, &b.paths)));
    duplicates
}
