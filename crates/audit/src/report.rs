//! The audit of an image as data: what terminal and JSON both show.

use lightship_base::{ByteSize, Digest};
use lightship_oci::base::Base;
use lightship_oci::rootfs::Problem;
use lightship_packages::{Inventory, InventoryNote, OwnedFiles, inventory};
use lightship_policy::{Code, Finding};
use serde::Serialize;

use crate::account::{Account, Totals};
use crate::findings::findings;
use crate::view::Visible;
use crate::waste::{Duplicate, WastedPath, duplicates, wasted_paths};

/// Everything an audit found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImageReport {
    /// How the image was named.
    pub image: String,
    /// Its manifest's digest.
    pub digest: Digest,
    /// What it is for.
    pub platform: String,
    /// Sums over all layers.
    #[serde(flatten)]
    pub totals: Totals,
    /// Bytes that ship but need not.
    pub waste: WasteTotals,
    /// What it was built on, as far as that can be told.
    pub base: Option<Base>,
    /// The layers, bottom first.
    pub layers: Vec<LayerReport>,
    /// Whether the history matches the layers; if not, instructions may be attributed wrongly.
    pub history_agrees: bool,
    /// Every shadowed or deleted content, heaviest first.
    pub wasted_paths: Vec<WastedPath>,
    /// Contents at several visible paths, most wasteful first.
    pub duplicates: Vec<Duplicate>,
    /// What the rules say, dearest first.
    pub findings: Vec<Finding>,
    /// What each fix saves; the lines do not overlap.
    pub savings: Savings,
    /// What is installed; layers are counted from 1 here, too.
    pub inventory: Inventory,
    /// Entries that no runtime could unpack as written.
    pub problems: Vec<String>,
}

/// Bytes that ship but need not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct WasteTotals {
    /// Written again later.
    pub shadowed_bytes: ByteSize,
    /// Removed later.
    pub deleted_bytes: ByteSize,
    /// Second and further copies among the visible: a separate view inside what is kept.
    pub duplicate_bytes: ByteSize,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerReport {
    /// Counted from 1, bottom first.
    pub layer: usize,
    /// The blob's digest.
    pub digest: Digest,
    /// The uncompressed tar's digest.
    pub diff_id: Digest,
    /// How it is compressed.
    pub compression: lightship_oci::spec::Compression,
    /// The instruction that made it.
    pub instruction: Option<String>,
    /// Whether it belongs to the base.
    pub in_base: bool,
    /// Its sums.
    #[serde(flatten)]
    pub totals: Totals,
}

/// What the fixes save.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Savings {
    /// One line per finding that costs bytes.
    pub lines: Vec<Saving>,
    /// Their sum.
    pub disk_bytes: ByteSize,
    /// Their sum: an estimate.
    pub compressed_bytes_estimate: ByteSize,
}

/// What one fix saves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Saving {
    /// The finding.
    pub code: Code,
    /// What to do.
    pub fix: String,
    /// Bytes of file contents, exact.
    pub disk_bytes: ByteSize,
    /// Compressed bytes, as pulled: an estimate, since compression does not add up.
    pub compressed_bytes_estimate: ByteSize,
}

/// Draws the report from an account.
pub fn report(account: &Account, base: Option<Base>) -> ImageReport {
    let inventory = inventory(&Visible(account), OwnedFiles::List);
    let findings = findings(account, &inventory);
    let layer_totals = account.layer_totals();
    let totals = Totals::sum(&layer_totals);
    let duplicates = duplicates(account);
    let base_layers = base.as_ref().and_then(|base| base.layers).unwrap_or(0);
    ImageReport {
        image: account.image.name(),
        digest: account.image.digest(),
        platform: account.image.config().platform().to_string(),
        waste: WasteTotals {
            shadowed_bytes: totals.shadowed_bytes,
            deleted_bytes: totals.deleted_bytes,
            duplicate_bytes: duplicates.iter().map(|d| d.wasted_bytes).sum(),
        },
        totals,
        layers: layers(account, layer_totals, base_layers),
        base,
        history_agrees: account.history.agrees(),
        wasted_paths: wasted_paths(account),
        duplicates,
        savings: savings(&findings),
        findings,
        inventory: as_reported(inventory),
        problems: problems(account),
    }
}

fn layers(account: &Account, totals: Vec<Totals>, base_layers: usize) -> Vec<LayerReport> {
    (account.layers.iter().zip(totals).enumerate())
        .map(|(at, (layer, totals))| LayerReport {
            layer: at + 1,
            digest: layer.index.facts.digest,
            diff_id: layer.index.facts.diff_id.0,
            compression: layer.index.facts.compression,
            instruction: account.history.instruction(at),
            in_base: at < base_layers,
            totals,
        })
        .collect()
}

fn savings(findings: &[Finding]) -> Savings {
    let costly = findings.iter().filter(|finding| finding.bytes.disk > ByteSize::ZERO);
    let lines: Vec<Saving> = costly
        .map(|finding| Saving {
            code: finding.code,
            fix: finding.fix.clone(),
            disk_bytes: finding.bytes.disk,
            compressed_bytes_estimate: finding.bytes.compressed_estimate,
        })
        .collect();
    Savings {
        disk_bytes: lines.iter().map(|line| line.disk_bytes).sum(),
        compressed_bytes_estimate: lines.iter().map(|line| line.compressed_bytes_estimate).sum(),
        lines,
    }
}

/// Layers are counted from 1 and paths begin at the root, as everywhere in a report. The lists of files
/// served the rules; here they would be longer than everything else together.
fn as_reported(mut inventory: Inventory) -> Inventory {
    let from_root = |path: &mut String| path.insert(0, '/');
    for package in &mut inventory.packages {
        package.files = Vec::new();
        package.layer = package.layer.map(|layer| layer + 1);
        from_root(&mut package.evidence);
    }
    inventory.unowned.largest.iter_mut().for_each(|file| from_root(&mut file.path));
    for note in &mut inventory.notes {
        match note {
            InventoryNote::RpmNotRead { path }
            | InventoryNote::MetadataCut { path }
            | InventoryNote::MetadataUnread { path, .. } => from_root(path),
            InventoryNote::UnknownDistribution => {}
        }
    }
    inventory
}

fn problems(account: &Account) -> Vec<String> {
    (account.problems.iter())
        .map(|problem| {
            let Problem { origin, path, kind } = problem;
            format!("layer {}: {path} {kind}", origin.layer + 1)
        })
        .collect()
}
