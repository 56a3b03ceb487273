//! The audit of an image.

mod findings;
mod installed;
mod waste;

use lightship_audit::ImageReport;
use lightship_base::ByteSize;
use lightship_oci::base::{Base, Evidence};
use lightship_policy::Severity;
use serde::Serialize;

use super::{count, grouped, percent};
use crate::args::Top;
use crate::render::json::{Document, Schema};
use crate::render::section::{facts, heading};
use crate::render::text::printable;
use crate::render::{Cell, Column, Look, Table, bar, style};

/// `lightship audit IMAGE --format json`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct AuditDocument<'a>(pub &'a ImageReport);

impl Document for AuditDocument<'_> {
    const SCHEMA: Schema = Schema { command: "audit", version: 1 };
}

/// The audit for a terminal: the answer first, the reasons behind it, the fixes last, where the eye
/// rests.
pub fn text(report: &ImageReport, top: Top, look: &Look) -> String {
    let parts = [
        title(report),
        verdict(report),
        sums(report, look),
        layers(report, look),
        waste::wasted(report, top, look),
        waste::duplicates(report, top, look),
        findings::findings(report, top, look),
        installed::packages(report, top, look),
        installed::notes(report, top),
        findings::savings(report, look),
    ];
    parts.concat()
}

fn title(report: &ImageReport) -> String {
    let bold = style::HEADING;
    format!(
        "{bold}{}{bold:#}  {}  {}\n",
        printable(&report.image),
        printable(&report.platform),
        report.digest.short(),
    )
}

/// The sentences that somebody in a hurry reads.
fn verdict(report: &ImageReport) -> String {
    let savings = &report.savings;
    let (good, warning, error) = (style::GOOD, style::WARNING, style::ERROR);
    let mut text = if savings.disk_bytes == ByteSize::ZERO {
        format!(
            "  {good}Nothing to save: no waste, and nothing that a service does not need.{good:#}\n"
        )
    } else {
        format!(
            "  {warning}{} of {} ({}) could go{warning:#}, and about {} of the {} to pull.\n",
            savings.disk_bytes,
            report.totals.stored_bytes,
            percent(savings.disk_bytes, report.totals.stored_bytes),
            savings.compressed_bytes_estimate,
            report.totals.compressed_bytes,
        )
    };
    for finding in report.findings.iter().filter(|finding| finding.severity == Severity::Error) {
        let files = count(finding.path_count, "file", "files");
        text += &format!("  {error}There are {} in {files}.{error:#}\n", finding.title);
    }
    text + "\n"
}

/// Width of the bar that shows a share, in columns.
const BAR: usize = 16;

fn sums(report: &ImageReport, look: &Look) -> String {
    let totals = &report.totals;
    let share = |bytes: ByteSize, words: &str| {
        let bar = bar::bar(bytes.bytes(), totals.stored_bytes.bytes(), BAR, look.glyphs);
        let share = percent(bytes, totals.stored_bytes);
        format!("{bytes:>9}  {share:>5}  {bar:BAR$}  {words}")
    };
    facts(&[
        (
            "image",
            format!(
                "{} compressed, {} on disk, {}, {}",
                totals.compressed_bytes,
                totals.uncompressed_bytes,
                count(report.layers.len() as u64, "layer", "layers"),
                count(totals.file_count, "file", "files"),
            ),
        ),
        ("base", report.base.as_ref().map_or_else(|| "not recognised".to_owned(), base_words)),
        (
            "stored",
            format!(
                "{:>9}  in files; headers and padding take another {}",
                totals.stored_bytes, totals.overhead_bytes
            ),
        ),
        ("kept", share(totals.kept_bytes, "in the filesystem that one sees")),
        ("shadowed", share(totals.shadowed_bytes, "written again by a later layer")),
        ("deleted", share(totals.deleted_bytes, "removed by a later layer")),
        (
            "duplicate",
            format!("{:>9}  of what is kept are further copies", report.waste.duplicate_bytes),
        ),
    ])
}

/// What a base is called and how it was found.
pub fn base_words(base: &Base) -> String {
    let evidence = match base.evidence {
        Evidence::Given => "as given",
        Evidence::ChainId => "its layers are the same",
        Evidence::Annotation => "as the image says",
        Evidence::History => "a guess from the history",
    };
    let layers = match base.layers {
        None => "layers unknown".to_owned(),
        Some(1) => "the lowest layer".to_owned(),
        Some(layers) => format!("the lowest {layers} layers"),
    };
    let words = match (&base.name, &base.digest) {
        (Some(name), _) => format!("{name}, {layers}"),
        (None, Some(digest)) => format!("the image {}, {layers}", digest.short()),
        (None, None) => format!("{layers}, name unknown"),
    };
    printable(&format!("{words} ({evidence})")).into_owned()
}

fn layers(report: &ImageReport, look: &Look) -> String {
    let mut table = Table::new([
        Column::number("#"),
        Column::number("compressed"),
        Column::number("stored"),
        Column::number("kept"),
        Column::number("shadowed"),
        Column::number("deleted"),
        Column::number("files"),
        Column::sentence("instruction"),
    ]);
    for layer in &report.layers {
        let totals = &layer.totals;
        let instruction = layer.instruction.as_deref().unwrap_or("(no instruction noted)");
        let look = if layer.in_base { style::DIM } else { style::PLAIN };
        table.row([
            Cell::styled(layer.layer.to_string(), look),
            Cell::styled(totals.compressed_bytes.to_string(), look),
            Cell::styled(totals.stored_bytes.to_string(), look),
            Cell::styled(totals.kept_bytes.to_string(), look),
            wasted(totals.shadowed_bytes),
            wasted(totals.deleted_bytes),
            Cell::styled(grouped(totals.file_count), look),
            Cell::styled(instruction, look),
        ]);
    }
    let sums = &report.totals;
    table.total([
        "".into(),
        sums.compressed_bytes.into(),
        sums.stored_bytes.into(),
        sums.kept_bytes.into(),
        sums.shadowed_bytes.into(),
        sums.deleted_bytes.into(),
        grouped(sums.file_count).into(),
    ]);
    let doubt = if report.history_agrees {
        ""
    } else {
        "  history and layers disagree: instructions of the upper layers are a guess\n"
    };
    heading("Layers") + &table.render(look) + doubt
}

fn wasted(bytes: ByteSize) -> Cell {
    match bytes {
        ByteSize::ZERO => Cell::styled("-", style::DIM),
        bytes => Cell::styled(bytes.to_string(), style::WARNING),
    }
}
