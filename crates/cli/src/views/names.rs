//! Names in the local store.

use lightship_base::{ByteSize, Digest};
use lightship_oci::store::ImageSummary;
use serde::Serialize;

use crate::render::json::{Document, Schema};
use crate::render::text::printable;
use crate::render::{Cell, Column, Look, Table, style};

/// `lightship image ls --format json`.
#[derive(Debug, Serialize)]
pub struct ListDocument {
    /// All images, by name.
    pub images: Vec<ImageRow>,
}

/// One image.
#[derive(Debug, Serialize)]
pub struct ImageRow {
    /// Its name and tag.
    pub name: String,
    /// What the name points to.
    pub digest: Digest,
    /// The platforms that are stored.
    pub platforms: Vec<String>,
    /// All its blobs as stored.
    pub total_bytes: ByteSize,
    /// Those that other names need, too.
    pub shared_bytes: ByteSize,
    /// Those that go with this name.
    pub unique_bytes: ByteSize,
    /// When the name was set, RFC 3339.
    pub stored: String,
    /// What is wrong with it, if anything.
    pub damage: Option<String>,
}

impl Document for ListDocument {
    const SCHEMA: Schema = Schema { command: "image.ls", version: 1 };
}

impl ListDocument {
    /// Of what the store lists.
    pub fn new(summaries: &[ImageSummary]) -> Self {
        let row = |summary: &ImageSummary| ImageRow {
            name: summary.name.to_string(),
            digest: summary.root.digest,
            platforms: summary.platforms.iter().map(ToString::to_string).collect(),
            total_bytes: summary.total,
            shared_bytes: summary.shared,
            unique_bytes: summary.unique,
            stored: summary.stored.to_string(),
            damage: summary.damage.clone(),
        };
        Self { images: summaries.iter().map(row).collect() }
    }

    /// The same for a terminal.
    pub fn text(&self, look: &Look) -> String {
        if self.images.is_empty() {
            return "no images yet; `lightship image pull` or `lightship image load` brings one\n"
                .to_owned();
        }
        let mut table = Table::new([
            Column::path("name"),
            Column::words("digest"),
            Column::sentence("platforms"),
            Column::number("total"),
            Column::number("unique"),
            Column::words(""),
        ]);
        for image in &self.images {
            let damage = image.damage.as_ref().map_or("", |_| "damaged");
            table.row([
                image.name.as_str().into(),
                image.digest.short().into(),
                image.platforms.join(", ").into(),
                image.total_bytes.into(),
                image.unique_bytes.into(),
                Cell::styled(damage, style::ERROR),
            ]);
        }
        table.render(look)
    }
}

/// `lightship image rm --format json`.
#[derive(Debug, Serialize)]
pub struct RemoveDocument {
    /// Names that are gone.
    pub removed: Vec<String>,
}

impl Document for RemoveDocument {
    const SCHEMA: Schema = Schema { command: "image.rm", version: 1 };
}

impl RemoveDocument {
    /// The same for a terminal.
    pub fn text(&self) -> String {
        let names = self.removed.iter().map(|name| format!("removed {}\n", printable(name)));
        names.collect::<String>() + "`lightship store gc` frees what nothing else needs\n"
    }
}

/// `lightship image tag --format json`.
#[derive(Debug, Serialize)]
pub struct TagDocument {
    /// The image as it was named.
    pub image: String,
    /// Its further name.
    pub name: String,
}

impl Document for TagDocument {
    const SCHEMA: Schema = Schema { command: "image.tag", version: 1 };
}

impl TagDocument {
    /// The same for a terminal.
    pub fn text(&self) -> String {
        format!("{} is {}, too\n", printable(&self.image), printable(&self.name))
    }
}
