//! The audit of an image.

use std::fmt::Write as _;

use lightship_audit::{Culprit, ImageReport, WastedPath};
use lightship_base::ByteSize;
use lightship_oci::base::{Base, Evidence};
use lightship_policy::{Finding, Severity};
use serde::Serialize;

use super::{count, percent, size_or_dash};
use crate::args::Top;
use crate::render::json::{Document, Schema};
use crate::render::section::{facts, heading, left_out};
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
        summary(report, look),
        layers(report, look),
        waste(report, top, look),
        duplicates(report, top, look),
        findings(report, look),
        packages(report, top, look),
        notes(report),
        savings(report, look),
    ];
    parts.concat()
}

/// Width of the bar that shows what is kept, in columns.
const BAR: usize = 24;

fn summary(report: &ImageReport, look: &Look) -> String {
    let totals = &report.totals;
    let bold = style::HEADING;
    let mut text = format!(
        "{bold}{}{bold:#}  {}  {}\n",
        printable(&report.image),
        report.platform,
        report.digest.short(),
    );
    let wasted = totals.shadowed_bytes + totals.deleted_bytes;
    let share = |bytes: ByteSize| {
        format!(
            "{bytes:>9}  {:>5}  {}",
            percent(bytes, totals.stored_bytes),
            bar::bar(bytes.bytes(), totals.stored_bytes.bytes(), BAR, look.glyphs),
        )
    };
    text += &facts(&[
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
                "{:>9}  in files (headers and padding: {})",
                totals.stored_bytes, totals.overhead_bytes
            ),
        ),
        ("kept", share(totals.kept_bytes)),
        ("shadowed", share(totals.shadowed_bytes)),
        ("deleted", share(totals.deleted_bytes)),
        ("duplicate", format!("{:>9}  of what is kept", report.waste.duplicate_bytes)),
    ]);
    let _ = writeln!(text, "\n  {}", verdict(report, wasted));
    text
}

/// The one sentence that somebody in a hurry reads.
fn verdict(report: &ImageReport, wasted: ByteSize) -> String {
    let savings = &report.savings;
    if savings.disk_bytes == ByteSize::ZERO {
        let good = style::GOOD;
        return format!(
            "{good}Nothing to save: no waste, and nothing that a service does not need.{good:#}"
        );
    }
    let warning = style::WARNING;
    format!(
        "{warning}{} ({}) could go, about {} of the download{warning:#}; {} of it is invisible already.",
        savings.disk_bytes,
        percent(savings.disk_bytes, report.totals.stored_bytes),
        savings.compressed_bytes_estimate,
        wasted,
    )
}

/// What a base is called and how it was found.
pub fn base_words(base: &Base) -> String {
    let name = base.name.as_deref().unwrap_or("an image without a known name");
    let layers =
        base.layers.map(|layers| format!("the lowest {}", count(layers as u64, "layer", "layers")));
    let evidence = match base.evidence {
        Evidence::Given => "as given",
        Evidence::ChainId => "its layers are the same",
        Evidence::Annotation => "as the image says",
        Evidence::History => "a guess from the history",
    };
    let words: Vec<String> = [Some(name.to_owned()), layers, Some(format!("({evidence})"))]
        .into_iter()
        .flatten()
        .collect();
    printable(&words.join(" ")).into_owned()
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
            Cell::styled(super::grouped(totals.file_count), look),
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
        super::grouped(sums.file_count).into(),
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

/// Waste first by who is to blame, then by path.
fn waste(report: &ImageReport, top: Top, look: &Look) -> String {
    if report.wasted_paths.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        Column::number("bytes"),
        Column::words("how"),
        Column::path("path"),
        Column::sentence("written by"),
        Column::sentence("lost to"),
    ]);
    let (shown, hidden) = top.of(&report.wasted_paths);
    for path in shown {
        table.row([
            path.bytes.into(),
            how(path).into(),
            path.path.as_str().into(),
            culprit(&path.written_by).into(),
            culprit(&path.removed_by).into(),
        ]);
    }
    heading("Waste: in a layer, but not in the filesystem")
        + &table.render(look)
        + &left_out(hidden)
}

fn how(path: &WastedPath) -> &'static str {
    match path.kind {
        lightship_audit::Waste::Shadowed => "shadowed",
        lightship_audit::Waste::Deleted => "deleted",
    }
}

fn culprit(culprit: &Culprit) -> String {
    format!("{}: {}", culprit.layer, culprit.instruction)
}

fn duplicates(report: &ImageReport, top: Top, look: &Look) -> String {
    if report.duplicates.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        Column::number("bytes"),
        Column::number("copies"),
        Column::path("one of them"),
        Column::path("another"),
    ]);
    let (shown, hidden) = top.of(&report.duplicates);
    for duplicate in shown {
        table.row([
            duplicate.wasted_bytes.into(),
            duplicate.copies.into(),
            duplicate.paths[0].as_str().into(),
            duplicate.paths[1].as_str().into(),
        ]);
    }
    heading("Duplicates: the same content at several paths")
        + &table.render(look)
        + &left_out(hidden)
}

/// How many paths stand below a finding.
const PATHS_SHOWN: usize = 3;

fn findings(report: &ImageReport, look: &Look) -> String {
    let worth_telling: Vec<&Finding> = (report.findings.iter())
        .filter(|finding| {
            !matches!(finding.code.0, "shadowed-files" | "deleted-files" | "duplicate-files")
        })
        .collect();
    if worth_telling.is_empty() {
        return String::new();
    }
    worth_telling
        .into_iter()
        .fold(heading("Findings: what a running service rarely needs"), |text, finding| {
            text + &one_finding(finding, look)
        })
}

fn one_finding(finding: &Finding, look: &Look) -> String {
    let (dim, code) = (style::DIM, style::CODE);
    let severity = match finding.severity {
        Severity::Error => style::ERROR,
        Severity::Warning => style::WARNING,
        Severity::Info => style::PLAIN,
    };
    let cost = match finding.bytes.disk {
        ByteSize::ZERO => String::new(),
        bytes => format!(", {bytes}"),
    };
    let mut text = format!(
        "  {severity}{}{severity:#} {code}{}{code:#}: {}{cost} in {}\n",
        finding.severity,
        finding.code,
        finding.title,
        count(finding.path_count, "file", "files"),
    );
    for path in finding.paths.iter().take(PATHS_SHOWN) {
        let room = look.width.map_or(usize::MAX, |width| width.saturating_sub(6).max(20));
        let safe = printable(path);
        let _ =
            writeln!(text, "      {}", crate::render::text::cut_middle(&safe, room, look.glyphs));
    }
    let _ = writeln!(text, "      {dim}why: {}{dim:#}", finding.evidence);
    let _ = writeln!(text, "      {dim}fix: {}{dim:#}", finding.fix);
    text
}

fn packages(report: &ImageReport, top: Top, look: &Look) -> String {
    let inventory = &report.inventory;
    if inventory.packages.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        Column::number("bytes"),
        Column::words("kind"),
        Column::path("package"),
        Column::sentence("version"),
        Column::number("layer"),
    ]);
    let (shown, hidden) = top.of(&inventory.packages);
    for package in shown {
        table.row([
            package.bytes.into(),
            package.ecosystem.into(),
            package.name.as_str().into(),
            package.version.as_deref().unwrap_or("-").into(),
            package.layer.map_or_else(|| "-".to_owned(), |layer| layer.to_string()).into(),
        ]);
    }
    let sums = (inventory.ecosystems.iter())
        .map(|sum| format!("{} {} ({})", sum.packages, sum.ecosystem, sum.bytes))
        .chain([format!("{} that no package owns", inventory.unowned.bytes)]);
    let dim = style::DIM;
    let sums = sums.collect::<Vec<_>>().join(", ");
    heading("Installed")
        + &format!("  {dim}{sums}{dim:#}\n")
        + &table.render(look)
        + &left_out(hidden)
}

fn notes(report: &ImageReport) -> String {
    let notes: Vec<String> = (report.problems.iter().cloned())
        .chain(report.inventory.notes.iter().map(ToString::to_string))
        .collect();
    if notes.is_empty() {
        return String::new();
    }
    notes.iter().take(20).fold(heading("Notes"), |text, note| text + "  " + &printable(note) + "\n")
}

fn savings(report: &ImageReport, look: &Look) -> String {
    if report.savings.lines.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        Column::number("on disk"),
        Column::number("compressed"),
        Column::words("finding"),
        Column::sentence("fix"),
    ]);
    for line in &report.savings.lines {
        table.row([
            line.disk_bytes.into(),
            size_or_dash(line.compressed_bytes_estimate),
            Cell::styled(line.code.0, style::CODE),
            line.fix.as_str().into(),
        ]);
    }
    let savings = &report.savings;
    table.total([savings.disk_bytes.into(), savings.compressed_bytes_estimate.into()]);
    let dim = style::DIM;
    heading("What each fix saves")
        + &table.render(look)
        + &format!(
            "  {dim}on disk: exact, and no byte counts twice; compressed: an estimate{dim:#}\n"
        )
}
