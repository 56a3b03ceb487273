//! What a build would make.

use lightship_base::ByteSize;
use lightship_build::assemble::Stage;
use lightship_build::report::{Plan, PlannedLayer};
use serde::Serialize;

use crate::args::Top;
use crate::render::json::{Document, Schema};
use crate::render::section::{facts, heading, left_out, remark};
use crate::render::text::printable;
use crate::render::{Cell, Column, Look, Table, style};
use crate::views::{count, grouped};

/// `lightship build --dry-run --format json`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct PlanDocument<'a>(pub &'a Plan);

impl Document for PlanDocument<'_> {
    const SCHEMA: Schema = Schema { command: "plan", version: 1 };
}

/// A plan for a terminal.
pub fn text(plan: &Plan, top: Top, look: &Look) -> String {
    let (bold, dim) = (style::HEADING, style::DIM);
    let title = format!(
        "{bold}{}{bold:#}  {dim}{}{dim:#}  a plan: nothing was built\n",
        printable(&plan.project),
        printable(&plan.platform),
    );
    let notes: String = plan.notes.iter().map(|note| remark(2, "note:", note, look)).collect();
    title + &sums(plan) + &layers(plan, top, look) + &notes
}

fn sums(plan: &Plan) -> String {
    let packages: u64 = plan.layers.iter().map(|layer| layer.packages.len() as u64).sum();
    let fetched = match plan.download_bytes {
        Some(bytes) => format!("{bytes} in {}", count(packages, "file", "files")),
        None => format!("{}, not all of a known size", count(packages, "file", "files")),
    };
    let mut rows = Vec::new();
    if let Some(base) = &plan.base {
        rows.push(("base", printable(base).into_owned()));
    }
    if let Some(python) = &plan.python {
        rows.push(("python", printable(python).into_owned()));
    }
    rows.push(("needs", fetched));
    rows.push(("layers", grouped(plan.layers.len() as u64)));
    facts(&rows)
}

fn layers(plan: &Plan, top: Top, look: &Look) -> String {
    let mut table = Table::new([
        Column::number("#"),
        Column::number("files"),
        Column::number("bytes"),
        Column::words("layer"),
        Column::sentence("packages"),
    ]);
    let (shown, hidden) = top.of(&plan.layers);
    for (number, layer) in (1..).zip(shown) {
        let number: u64 = number;
        let bytes: Option<ByteSize> = layer.packages.iter().map(|one| one.file_bytes).sum();
        let is_project = layer.stage == Stage::Project;
        let unknown = || Cell::styled("-", style::DIM);
        table.row([
            number.into(),
            if is_project { unknown() } else { grouped(layer.packages.len() as u64).into() },
            bytes.filter(|_| !is_project).map_or_else(unknown, Into::into),
            layer.title.as_str().into(),
            Cell::styled(members(layer), style::DIM),
        ]);
    }
    let estimate = "bytes: of the packages' files as they are fetched. Which small packages share a \
                    layer is an estimate: the lock does not say what they unpack to, nor which of \
                    the distribution's nothing will run.";
    heading("Layers, bottom first")
        + &table.render(look)
        + &left_out(hidden)
        + &remark(1, "", estimate, look)
}

/// Who shares a layer, as far as there is room.
fn members(layer: &PlannedLayer) -> String {
    match &layer.packages[..] {
        [] | [_] => String::new(),
        several => several.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", "),
    }
}
