//! Where every byte of an image is, and whether it can still be seen.
//!
//! Bytes are file contents as the layers' tars store them. Each content is *kept* (one of its names is
//! visible in the end), *shadowed* (written again by a later entry) or *deleted* (removed, perhaps with
//! the folder it was in). The three add up to what is stored, in every layer and in the image.

use lightship_base::{ByteSize, Progress};
use lightship_oci::history::History;
use lightship_oci::rootfs::{Body, Inode, InodeId, NodeId, Problem, Removal, Tree};
use lightship_oci::tar::path::RootPath;
use lightship_oci::{Error, Image};
use serde::Serialize;

use crate::scan::{FileFacts, ScannedLayer, scan_all};

/// An image, read once and accounted for.
pub struct Account {
    /// The image itself.
    pub image: Image,
    /// Its instructions.
    pub history: History,
    /// What each layer has, bottom first.
    pub layers: Vec<ScannedLayer>,
    /// The union filesystem, with its memory of what is gone.
    pub tree: Tree,
    /// Entries that no runtime could unpack as written.
    pub problems: Vec<Problem>,
}

/// What became of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Visible under at least one name.
    Kept,
    /// Gone.
    Wasted(Waste, Removal),
}

/// How a content was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Waste {
    /// Something was written at its path later.
    Shadowed,
    /// Its path was removed later, itself or with a folder above it.
    Deleted,
}

/// Sums over a layer or an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Bytes of file contents in the tars.
    pub stored_bytes: ByteSize,
    /// Of these, bytes that are visible in the end.
    pub kept_bytes: ByteSize,
    /// Bytes that were written again later.
    pub shadowed_bytes: ByteSize,
    /// Bytes that were removed later.
    pub deleted_bytes: ByteSize,
    /// Headers, padding and end marks of the tars.
    pub overhead_bytes: ByteSize,
    /// The tars as they are: stored and overhead.
    pub uncompressed_bytes: ByteSize,
    /// What a registry holds and a node pulls.
    pub compressed_bytes: ByteSize,
    /// Contents in the tars; hard links are not counted again.
    pub file_count: u64,
}

impl Account {
    /// Reads every layer once, several at a time, verifying digests.
    pub fn of(image: Image, progress: &dyn Progress) -> Result<Self, Error> {
        let layers = scan_all(&image.consistent_layers()?, progress)?;
        let history = History::of(image.config(), layers.len());
        let mut tree = Tree::new();
        let problems = layers.iter().flat_map(|layer| tree.apply(&layer.index)).collect();
        Ok(Self { image, history, layers, tree, problems })
    }

    /// What became of a content.
    pub fn fate(&self, inode: &Inode) -> Fate {
        match inode.removal {
            Some(removal) if inode.visible == 0 => {
                let waste = if removal.replaced { Waste::Shadowed } else { Waste::Deleted };
                Fate::Wasted(waste, removal)
            }
            _ => Fate::Kept,
        }
    }

    /// What is known of a content.
    pub fn facts(&self, inode: &Inode) -> FileFacts {
        self.layers[inode.origin.layer as usize].files[inode.origin.entry as usize]
    }

    /// The visible contents with their first visible name.
    pub fn kept(&self) -> impl Iterator<Item = (InodeId, &Inode, NodeId)> {
        self.tree.inodes().filter_map(|(id, inode)| {
            let name = inode.names.iter().copied().find(|name| self.tree.is_visible(*name))?;
            Some((id, inode, name))
        })
    }

    /// Sums for each layer, bottom first.
    pub fn layer_totals(&self) -> Vec<Totals> {
        let mut totals: Vec<Totals> = self.layers.iter().map(Self::frame).collect();
        for (_, inode) in self.tree.inodes() {
            let sums = &mut totals[inode.origin.layer as usize];
            let bytes = ByteSize(inode.stored);
            sums.file_count += 1;
            match self.fate(inode) {
                Fate::Kept => sums.kept_bytes += bytes,
                Fate::Wasted(Waste::Shadowed, _) => sums.shadowed_bytes += bytes,
                Fate::Wasted(Waste::Deleted, _) => sums.deleted_bytes += bytes,
            }
        }
        totals
    }

    /// What is known of a layer before its contents' fates are.
    fn frame(layer: &ScannedLayer) -> Totals {
        let facts = &layer.index.facts;
        Totals {
            stored_bytes: ByteSize(layer.index.stored_bytes),
            overhead_bytes: ByteSize(facts.uncompressed_bytes - layer.index.stored_bytes),
            uncompressed_bytes: ByteSize(facts.uncompressed_bytes),
            compressed_bytes: ByteSize(facts.compressed_bytes),
            ..Totals::default()
        }
    }

    /// How an instruction is called in a report.
    pub fn instruction(&self, layer: u32) -> String {
        self.history
            .instruction(layer as usize)
            .unwrap_or_else(|| "(no instruction noted)".to_owned())
    }

    /// Whether a content has holes: what its tar stores is then not all there is to it.
    pub fn is_sparse(&self, inode: &Inode) -> bool {
        let layer = &self.layers[inode.origin.layer as usize];
        match layer.index.entries[inode.origin.entry as usize].body {
            Body::File { stored, size } => stored != size,
            _ => false,
        }
    }

    /// A node's path.
    pub fn path(&self, node: NodeId) -> RootPath {
        self.tree.path(node)
    }
}

impl Totals {
    /// The sums over several layers.
    pub fn sum(layers: &[Self]) -> Self {
        layers.iter().fold(Self::default(), |sum, layer| Self {
            stored_bytes: sum.stored_bytes + layer.stored_bytes,
            kept_bytes: sum.kept_bytes + layer.kept_bytes,
            shadowed_bytes: sum.shadowed_bytes + layer.shadowed_bytes,
            deleted_bytes: sum.deleted_bytes + layer.deleted_bytes,
            overhead_bytes: sum.overhead_bytes + layer.overhead_bytes,
            uncompressed_bytes: sum.uncompressed_bytes + layer.uncompressed_bytes,
            compressed_bytes: sum.compressed_bytes + layer.compressed_bytes,
            file_count: sum.file_count + layer.file_count,
        })
    }
}
