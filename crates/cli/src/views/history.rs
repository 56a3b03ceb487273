//! An image's past, instruction by instruction.

use lightship_base::{ByteSize, Digest};
use lightship_oci::history::History;
use serde::Serialize;

use super::grouped;
use crate::render::json::{Document, Schema};
use crate::render::{Cell, Column, Look, Table, style};

/// `lightship image history --format json`.
#[derive(Debug, Serialize)]
pub struct HistoryDocument {
    /// How the image was named.
    pub image: String,
    /// Its manifest's digest.
    pub digest: Digest,
    /// Whether history and layers tell the same story.
    pub history_agrees: bool,
    /// Instructions and layers, oldest first.
    pub steps: Vec<StepRow>,
    /// Sums over all layers.
    pub compressed_bytes: ByteSize,
    /// Sums over all layers.
    pub uncompressed_bytes: ByteSize,
    /// Sums over all layers.
    pub file_count: u64,
}

/// An instruction, its layer, or both.
#[derive(Debug, Serialize)]
pub struct StepRow {
    /// As a Dockerfile would say it.
    pub instruction: Option<String>,
    /// When, as noted.
    pub created: Option<String>,
    /// The layer it made.
    pub layer: Option<LayerRow>,
}

/// A layer's numbers.
#[derive(Debug, Clone, Serialize)]
pub struct LayerRow {
    /// Counted from 1, bottom first.
    pub layer: usize,
    /// The blob's digest.
    pub digest: Digest,
    /// The uncompressed tar's digest.
    pub diff_id: Digest,
    /// The blob's bytes.
    pub compressed_bytes: ByteSize,
    /// The uncompressed tar's bytes.
    pub uncompressed_bytes: ByteSize,
    /// Files in it, hard links not counted again.
    pub file_count: u64,
}

impl Document for HistoryDocument {
    const SCHEMA: Schema = Schema { command: "image.history", version: 1 };
}

impl HistoryDocument {
    /// Joins the steps with the layers' numbers.
    pub fn new(image: String, digest: Digest, history: &History, layers: &[LayerRow]) -> Self {
        let steps = (history.steps.iter())
            .map(|step| StepRow {
                instruction: step.instruction(),
                created: step.entry.as_ref().and_then(|entry| entry.created.clone()),
                layer: step.layer.map(|layer| layers[layer].clone()),
            })
            .collect();
        Self {
            image,
            digest,
            history_agrees: history.agrees(),
            steps,
            compressed_bytes: layers.iter().map(|layer| layer.compressed_bytes).sum(),
            uncompressed_bytes: layers.iter().map(|layer| layer.uncompressed_bytes).sum(),
            file_count: layers.iter().map(|layer| layer.file_count).sum(),
        }
    }
}

/// The same for a terminal.
pub fn text(document: &HistoryDocument, look: &Look) -> String {
    let mut table = Table::new([
        Column::number("layer"),
        Column::number("compressed"),
        Column::number("on disk"),
        Column::number("files"),
        Column::sentence("instruction"),
    ]);
    for step in &document.steps {
        let instruction = step.instruction.as_deref().unwrap_or("(no instruction noted)");
        let Some(layer) = &step.layer else {
            let none = || Cell::styled("-", style::DIM);
            let words = Cell::styled(instruction, style::DIM);
            table.row([none(), none(), none(), none(), words]);
            continue;
        };
        table.row([
            layer.layer.into(),
            layer.compressed_bytes.into(),
            layer.uncompressed_bytes.into(),
            grouped(layer.file_count).into(),
            instruction.into(),
        ]);
    }
    table.total([
        "".into(),
        document.compressed_bytes.into(),
        document.uncompressed_bytes.into(),
        grouped(document.file_count).into(),
    ]);
    let doubt = if document.history_agrees {
        ""
    } else {
        "  history and layers disagree: which instruction made which upper layer is a guess\n"
    };
    table.render(look) + doubt
}
