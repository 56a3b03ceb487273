//! Two images, side by side.

use std::collections::HashSet;

use lightship_audit::diff::{FileChange, FileChangeKind, ImageDiff, LayerRef, PackageChange};
use lightship_base::ByteSize;
use serde::Serialize;

use super::{count, grouped};
use crate::args::Top;
use crate::render::json::{Document, Schema};
use crate::render::section::{heading, left_out};
use crate::render::{Cell, Column, Look, Table, style};

/// `lightship image diff --format json`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct DiffDocument<'a>(pub &'a ImageDiff);

impl Document for DiffDocument<'_> {
    const SCHEMA: Schema = Schema { command: "image.diff", version: 1 };
}

/// The same for a terminal.
pub fn text(diff: &ImageDiff, top: Top, look: &Look) -> String {
    [
        sizes(diff, look),
        layers(diff, look),
        packages(diff, top, look),
        files(diff, top, look),
        config(diff, look),
    ]
    .concat()
}

/// A signed difference: `+12.5 MB`, `-3 B`, `0 B`.
fn difference(before: ByteSize, after: ByteSize) -> String {
    match before.cmp(&after) {
        std::cmp::Ordering::Less => format!("+{}", after - before),
        std::cmp::Ordering::Equal => "0 B".to_owned(),
        std::cmp::Ordering::Greater => format!("-{}", before - after),
    }
}

fn sizes(diff: &ImageDiff, look: &Look) -> String {
    let mut table = Table::new([
        Column::words(""),
        Column::number("before"),
        Column::number("after"),
        Column::number("difference"),
    ]);
    let (old, new) = (&diff.before.totals, &diff.after.totals);
    let rows = [
        ("compressed", old.compressed_bytes, new.compressed_bytes),
        ("on disk", old.uncompressed_bytes, new.uncompressed_bytes),
        ("files kept", old.kept_bytes, new.kept_bytes),
        ("waste", old.shadowed_bytes + old.deleted_bytes, new.shadowed_bytes + new.deleted_bytes),
    ];
    for (what, before, after) in rows {
        table.row([what.into(), before.into(), after.into(), difference(before, after).into()]);
    }
    let bold = style::HEADING;
    format!(
        "{bold}{}{bold:#} to {bold}{}{bold:#}\n",
        crate::render::text::printable(&diff.before.image),
        crate::render::text::printable(&diff.after.image),
    ) + &table.render(look)
}

fn layers(diff: &ImageDiff, look: &Look) -> String {
    let layers = &diff.layers;
    let mut table = Table::new([
        Column::words(""),
        Column::number("layer"),
        Column::number("compressed"),
        Column::sentence("instruction"),
    ]);
    let mut add = |sign: &str, style, layer: &LayerRef| {
        let instruction = layer.instruction.as_deref().unwrap_or("(no instruction noted)");
        table.row([
            Cell::styled(sign, style),
            layer.layer.into(),
            layer.compressed_bytes.into(),
            instruction.into(),
        ]);
    };
    layers.only_before.iter().for_each(|layer| add("-", style::ERROR, layer));
    layers.only_after.iter().for_each(|layer| add("+", style::GOOD, layer));
    let shared = format!(
        "  {} shared ({} compressed)\n",
        count(layers.shared as u64, "layer", "layers"),
        layers.shared_compressed_bytes,
    );
    let rest = if table.is_empty() { String::new() } else { table.render(look) };
    heading("Layers") + &shared + &rest
}

fn packages(diff: &ImageDiff, top: Top, look: &Look) -> String {
    let packages = &diff.packages;
    let mut table = Table::new([
        Column::words(""),
        Column::words("kind"),
        Column::path("package"),
        Column::sentence("before"),
        Column::sentence("after"),
        Column::number("bytes"),
    ]);
    let changes: Vec<(&str, anstyle::Style, &PackageChange)> = (packages.removed.iter())
        .map(|change| ("-", style::ERROR, change))
        .chain(packages.added.iter().map(|change| ("+", style::GOOD, change)))
        .chain(packages.changed.iter().map(|change| ("~", style::WARNING, change)))
        .collect();
    let (shown, hidden) = top.of(&changes);
    for (sign, style, change) in shown {
        table.row([
            Cell::styled(sign, *style),
            change.ecosystem.into(),
            change.name.as_str().into(),
            change.before.join(", ").into(),
            change.after.join(", ").into(),
            difference(change.bytes_before, change.bytes_after).into(),
        ]);
    }
    if table.is_empty() {
        return heading("Packages")
            + &format!("  no difference among {}\n", grouped(packages.unchanged));
    }
    let summary = format!(
        "  {} added, {} removed, {} in another version, {} the same\n",
        grouped(packages.added.len() as u64),
        grouped(packages.removed.len() as u64),
        grouped(packages.changed.len() as u64),
        grouped(packages.unchanged),
    );
    heading("Packages") + &summary + &table.render(look) + &left_out(hidden)
}

fn files(diff: &ImageDiff, top: Top, look: &Look) -> String {
    let files = &diff.files;
    let mut table = Table::new([Column::words(""), Column::number("bytes"), Column::path("path")]);
    let telling = telling(&files.changes);
    let (shown, hidden) = top.of(&telling);
    for change in shown {
        let (sign, look) = match change.kind {
            FileChangeKind::Added => ("+", style::GOOD),
            FileChangeKind::Removed => ("-", style::ERROR),
            FileChangeKind::Changed => ("~", style::WARNING),
            FileChangeKind::Attributes => ("@", style::DIM),
        };
        let bytes = difference(change.bytes_before, change.bytes_after);
        table.row([Cell::styled(sign, look), bytes.into(), change.path.as_str().into()]);
    }
    if table.is_empty() {
        return heading("Files") + &format!("  no difference among {}\n", grouped(files.unchanged));
    }
    let summary = format!(
        "  + {} added ({}), - {} removed ({}), ~ {} changed ({}), @ {} with other attributes, {} the same\n",
        grouped(files.added.paths),
        files.added.bytes,
        grouped(files.removed.paths),
        files.removed.bytes,
        grouped(files.changed),
        difference(files.changed_bytes_before, files.changed_bytes_after),
        grouped(files.attributes_changed),
        grouped(files.unchanged),
    );
    heading("Files") + &summary + &table.render(look) + &left_out(hidden)
}

/// All changes but those of folders that came or went together with something in them: the path of
/// that says it all.
fn telling(changes: &[FileChange]) -> Vec<&FileChange> {
    let moved = |change: &FileChange| {
        matches!(change.kind, FileChangeKind::Added | FileChangeKind::Removed)
    };
    let parents: HashSet<&str> = (changes.iter())
        .filter(|change| moved(change))
        .filter_map(|change| change.path.rsplit_once('/').map(|(folder, _)| folder))
        .collect();
    let says_more =
        |change: &&FileChange| !(moved(change) && parents.contains(change.path.as_str()));
    changes.iter().filter(says_more).collect()
}

fn config(diff: &ImageDiff, look: &Look) -> String {
    if diff.config.is_empty() {
        return heading("Config") + "  no difference\n";
    }
    let mut table = Table::new([
        Column::words("setting"),
        Column::sentence("before"),
        Column::sentence("after"),
    ]);
    for change in &diff.config {
        let shown = |value: &Option<String>| match value {
            Some(value) => Cell::from(value.as_str()),
            None => Cell::styled("-", style::DIM),
        };
        table.row([change.field.as_str().into(), shown(&change.before), shown(&change.after)]);
    }
    heading("Config") + &table.render(look)
}
