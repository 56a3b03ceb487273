//! What moving and reshaping an image did.

use lightship_base::{ByteSize, Digest};
use lightship_oci::copy::CopyReport;
use lightship_oci::reference::ImageName;
use lightship_oci::squash::Squashed;
use serde::Serialize;

use super::{count, percent};
use crate::render::json::{Document, Schema};
use crate::render::section::facts;
use crate::render::text::printable;

/// `lightship image copy|pull|push|save --format json`.
#[derive(Debug, Serialize)]
pub struct CopyDocument {
    /// Where the image came from.
    pub source: String,
    /// Where it is now.
    pub destination: String,
    /// What its name points to.
    pub digest: Option<Digest>,
    /// Blobs that moved.
    pub blobs_copied: u64,
    /// Blobs that were there already, or were mounted.
    pub blobs_reused: u64,
    /// Bytes that moved.
    pub bytes_copied: ByteSize,
    /// Bytes that did not have to.
    pub bytes_reused: ByteSize,
}

impl Document for CopyDocument {
    const SCHEMA: Schema = Schema { command: "image.copy", version: 1 };
}

impl CopyDocument {
    /// Of a finished copy.
    pub fn new(source: String, destination: String, report: &CopyReport) -> Self {
        Self {
            source,
            destination,
            digest: report.digest,
            blobs_copied: report.blobs_copied,
            blobs_reused: report.blobs_reused,
            bytes_copied: report.bytes_copied,
            bytes_reused: report.bytes_reused,
        }
    }

    /// The same for a terminal.
    pub fn text(&self) -> String {
        let (copied, reused) =
            ((self.blobs_copied, self.bytes_copied), (self.blobs_reused, self.bytes_reused));
        moved(&self.source, &self.destination, copied, reused, self.digest)
    }
}

/// `lightship image load --format json`.
#[derive(Debug, Serialize)]
pub struct LoadDocument {
    /// The archive.
    pub source: String,
    /// What is in the store now, in the archive's order.
    pub images: Vec<LoadedImage>,
    /// Images that have no name and were left: what to choose each by.
    pub nameless: Vec<String>,
}

/// One image that was loaded.
#[derive(Debug, Serialize)]
pub struct LoadedImage {
    /// Its names in the store.
    pub names: Vec<String>,
    /// What its names point to.
    pub digest: Option<Digest>,
    /// Blobs that moved.
    pub blobs_copied: u64,
    /// Blobs that were there already.
    pub blobs_reused: u64,
    /// Bytes that moved.
    pub bytes_copied: ByteSize,
    /// Bytes that did not have to.
    pub bytes_reused: ByteSize,
}

impl Document for LoadDocument {
    const SCHEMA: Schema = Schema { command: "image.load", version: 1 };
}

impl LoadedImage {
    /// Of a finished copy.
    pub fn new(names: &[ImageName], report: &CopyReport) -> Self {
        Self {
            names: names.iter().map(ImageName::to_string).collect(),
            digest: report.digest,
            blobs_copied: report.blobs_copied,
            blobs_reused: report.blobs_reused,
            bytes_copied: report.bytes_copied,
            bytes_reused: report.bytes_reused,
        }
    }

    fn text(&self, source: &str) -> String {
        let (copied, reused) =
            ((self.blobs_copied, self.bytes_copied), (self.blobs_reused, self.bytes_reused));
        moved(source, &self.names.join(", "), copied, reused, self.digest)
    }
}

impl LoadDocument {
    /// The same for a terminal.
    pub fn text(&self) -> String {
        let mut text: String = self.images.iter().map(|image| image.text(&self.source)).collect();
        if !self.nameless.is_empty() {
            text += &format!(
                "{} left out, having no name; load one with `--image IMAGE --name NAME`: {}\n",
                count(self.nameless.len() as u64, "image", "images"),
                printable(&self.nameless.join(", ")),
            );
        }
        text
    }
}

/// `lightship image squash --format json`.
#[derive(Debug, Serialize)]
pub struct SquashDocument {
    /// The image before.
    pub source: String,
    /// The image after.
    pub destination: String,
    /// The new manifest's digest.
    pub digest: Option<Digest>,
    /// How many layers were kept as they are.
    pub kept_layers: usize,
    /// Why so many: the base, or what the user said.
    pub kept_because: String,
    /// Layers before.
    pub layers_before: usize,
    /// Layers after.
    pub layers_after: usize,
    /// Compressed bytes of all layers before.
    pub compressed_bytes_before: ByteSize,
    /// Compressed bytes of all layers after.
    pub compressed_bytes_after: ByteSize,
    /// Uncompressed bytes of the merged layers before.
    pub merged_bytes_before: ByteSize,
    /// Uncompressed bytes of the layer that replaces them.
    pub merged_bytes_after: ByteSize,
}

impl Document for SquashDocument {
    const SCHEMA: Schema = Schema { command: "image.squash", version: 1 };
}

impl SquashDocument {
    /// Of an image that was squashed and written.
    pub fn new(
        (source, destination): (String, String),
        (kept_layers, kept_because): (usize, String),
        squashed: &Squashed,
        digest: Option<Digest>,
    ) -> Self {
        Self {
            source,
            destination,
            digest,
            kept_layers,
            kept_because,
            layers_before: squashed.layers_before,
            layers_after: squashed.layers_after,
            compressed_bytes_before: squashed.compressed_before,
            compressed_bytes_after: squashed.compressed_after,
            merged_bytes_before: squashed.merged_before,
            merged_bytes_after: squashed.merged_after,
        }
    }

    /// The same for a terminal.
    pub fn text(&self) -> String {
        let saved = self.compressed_bytes_before.saturating_sub(self.compressed_bytes_after);
        let from_to = |before: ByteSize, after: ByteSize| format!("{before} to {after}");
        format!("{} to {}\n", printable(&self.source), printable(&self.destination))
            + &facts(&[
                (
                    "kept",
                    format!(
                        "{}, {}",
                        count(self.kept_layers as u64, "layer", "layers"),
                        printable(&self.kept_because)
                    ),
                ),
                ("layers", format!("{} to {}", self.layers_before, self.layers_after)),
                (
                    "merged",
                    from_to(self.merged_bytes_before, self.merged_bytes_after) + " uncompressed",
                ),
                (
                    "image",
                    format!(
                        "{} compressed ({} saved)",
                        from_to(self.compressed_bytes_before, self.compressed_bytes_after),
                        percent(saved, self.compressed_bytes_before),
                    ),
                ),
            ])
            + &self.digest.map(|digest| format!("{digest}\n")).unwrap_or_default()
    }
}

/// `lightship image convert --format json`.
#[derive(Debug, Serialize)]
pub struct ConvertDocument {
    /// The image before.
    pub source: String,
    /// The image after.
    pub destination: String,
    /// The new manifest's digest.
    pub digest: Option<Digest>,
    /// Compressed bytes of all layers before.
    pub compressed_bytes_before: ByteSize,
    /// Compressed bytes of all layers after.
    pub compressed_bytes_after: ByteSize,
    /// The manifest's annotations that the new one has no place for, by name.
    pub dropped_annotations: Vec<String>,
}

impl Document for ConvertDocument {
    const SCHEMA: Schema = Schema { command: "image.convert", version: 1 };
}

impl ConvertDocument {
    /// The same for a terminal.
    pub fn text(&self) -> String {
        let dropped = match &self.dropped_annotations[..] {
            [] => String::new(),
            names => format!(
                "{} dropped, which Docker's manifests have no place for: {}\n",
                count(names.len() as u64, "annotation", "annotations"),
                printable(&names.join(", ")),
            ),
        };
        format!(
            "{} to {}: layers from {} to {} compressed\n{dropped}{}",
            printable(&self.source),
            printable(&self.destination),
            self.compressed_bytes_before,
            self.compressed_bytes_after,
            self.digest.map(|digest| format!("{digest}\n")).unwrap_or_default(),
        )
    }
}

/// One line on what a copy moved, blobs and bytes of each kind, and one with the image's digest.
fn moved(
    source: &str,
    destination: &str,
    (copied, copied_bytes): (u64, ByteSize),
    (reused, reused_bytes): (u64, ByteSize),
    digest: Option<Digest>,
) -> String {
    let reused = match reused {
        0 => String::new(),
        blobs => format!(", {} already there ({reused_bytes})", count(blobs, "blob", "blobs")),
    };
    format!(
        "{} to {}: {} copied ({copied_bytes}){reused}\n{}",
        printable(source),
        printable(destination),
        count(copied, "blob", "blobs"),
        digest.map(|digest| format!("{digest}\n")).unwrap_or_default(),
    )
}
