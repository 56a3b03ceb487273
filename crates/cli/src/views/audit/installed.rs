//! What is installed, and what was odd about the image.

use lightship_audit::ImageReport;

use crate::args::Top;
use crate::render::section::{heading, left_out};
use crate::render::text::printable;
use crate::render::{Column, Look, Table, style};

pub(super) fn packages(report: &ImageReport, top: Top, look: &Look) -> String {
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

pub(super) fn notes(report: &ImageReport, top: Top) -> String {
    let notes: Vec<String> = (report.problems.iter().cloned())
        .chain(report.inventory.notes.iter().map(ToString::to_string))
        .collect();
    if notes.is_empty() {
        return String::new();
    }
    let (shown, hidden) = top.of(&notes);
    let shown: String = shown.iter().map(|note| format!("  {}\n", printable(note))).collect();
    heading("Notes") + &shown + &left_out(hidden)
}
