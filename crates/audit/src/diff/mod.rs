//! What is different between two images: layers, files, packages, config, each in bytes.

mod config;
mod files;
mod packages;

use lightship_base::{ByteSize, Digest};
use lightship_packages::{OwnedFiles, inventory};
use serde::Serialize;

pub use config::ConfigChange;
pub use files::{FileChange, FileChangeKind, FileDiff};
pub use packages::{PackageChange, PackageDiff};

use crate::account::{Account, Totals};
use crate::view::Visible;

/// Two images, compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImageDiff {
    /// The first image.
    pub before: Side,
    /// The second.
    pub after: Side,
    /// Which layers they share.
    pub layers: LayerDiff,
    /// Which paths differ.
    pub files: FileDiff,
    /// Which packages differ.
    pub packages: PackageDiff,
    /// Which settings differ.
    pub config: Vec<ConfigChange>,
}

/// One of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// How it was named.
    pub image: String,
    /// Its manifest's digest.
    pub digest: Digest,
    /// Its sums.
    #[serde(flatten)]
    pub totals: Totals,
}

/// Layers of both, and of one only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerDiff {
    /// How many lowest layers have the same content in both (by diff ID).
    pub shared: usize,
    /// Compressed bytes of these, in the second image.
    pub shared_compressed_bytes: ByteSize,
    /// The first image's other layers.
    pub only_before: Vec<LayerRef>,
    /// The second image's other layers.
    pub only_after: Vec<LayerRef>,
}

/// A layer that only one of them has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerRef {
    /// Counted from 1, bottom first.
    pub layer: usize,
    /// The blob's digest.
    pub digest: Digest,
    /// Its compressed bytes.
    pub compressed_bytes: ByteSize,
    /// Its instruction.
    pub instruction: Option<String>,
}

/// Compares two accounts.
pub fn diff(before: &Account, after: &Account) -> ImageDiff {
    let installed = |account: &Account| inventory(&Visible(account), OwnedFiles::Count);
    ImageDiff {
        before: side(before),
        after: side(after),
        layers: layers(before, after),
        files: files::compare(before, after),
        packages: packages::compare(&installed(before), &installed(after)),
        config: config::compare(before.image.config(), after.image.config()),
    }
}

fn side(account: &Account) -> Side {
    Side {
        image: account.image.name(),
        digest: account.image.digest(),
        totals: Totals::sum(&account.layer_totals()),
    }
}

fn layers(before: &Account, after: &Account) -> LayerDiff {
    let same = |(a, b): &(&crate::ScannedLayer, &crate::ScannedLayer)| {
        a.index.facts.diff_id == b.index.facts.diff_id
    };
    let shared = before.layers.iter().zip(&after.layers).take_while(same).count();
    let compressed = |layer: &crate::ScannedLayer| ByteSize(layer.index.facts.compressed_bytes);
    LayerDiff {
        shared,
        shared_compressed_bytes: after.layers[..shared].iter().map(compressed).sum(),
        only_before: layers_from(before, shared),
        only_after: layers_from(after, shared),
    }
}

fn layers_from(account: &Account, first: usize) -> Vec<LayerRef> {
    (account.layers.iter().enumerate().skip(first))
        .map(|(at, layer)| LayerRef {
            layer: at + 1,
            digest: layer.index.facts.digest,
            compressed_bytes: ByteSize(layer.index.facts.compressed_bytes),
            instruction: account.history.instruction(at),
        })
        .collect()
}
