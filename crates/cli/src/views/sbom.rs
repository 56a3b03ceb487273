//! A bill of materials.

use lightship_base::Digest;
use lightship_build::sbom::Summary;

use super::count;
use crate::render::section::remark;
use crate::render::text::printable;
use crate::render::{Column, Look, Table, style};

/// Where a document is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Somebody attached it to the image.
    Attached,
    /// It was made just now, from what the image says.
    Read,
}

/// A document for a terminal: what it is, then a line for each component.
pub fn text(
    image: &str,
    digest: &Digest,
    summary: &Summary,
    origin: Origin,
    look: &Look,
) -> String {
    let bold = style::HEADING;
    let components = count(summary.lines.len() as u64, "component", "components");
    let title = format!("{bold}{}{bold:#}  {}  {components}\n", printable(image), digest.short());
    let tool = summary.tool.as_deref().unwrap_or("somebody");
    let sentence = match origin {
        Origin::Attached => format!("attached to the image by {tool}"),
        Origin::Read => "none is attached: this is what the image itself says, without the hashes \
                         and edges that only its maker knows"
            .to_owned(),
    };
    title + &remark(2, "from:", &sentence, look) + "\n" + &components_table(summary, look)
}

fn components_table(summary: &Summary, look: &Look) -> String {
    if summary.lines.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        Column::words("kind"),
        Column::path("name"),
        Column::sentence("version"),
        Column::sentence("licences"),
    ]);
    for line in &summary.lines {
        table.row([
            line.kind.as_str().into(),
            line.name.as_str().into(),
            line.version.as_deref().unwrap_or("-").into(),
            line.licences.join(", ").into(),
        ]);
    }
    table.render(look)
}
