//! What became of the steps of a pipeline.

use std::fmt::Write as _;

use lightship_base::ByteSize;
use serde::Serialize;

use super::count;
use crate::render::json::{Document, Schema};
use crate::render::text::{printable, wrap};
use crate::render::{Cell, Column, Glyphs, Look, Table, style};

/// `lightship bake --format json`.
#[derive(Debug, Serialize)]
pub struct BakeDocument {
    /// The pipeline's name.
    pub pipeline: String,
    /// The file that was written.
    pub output: String,
    /// The images that its steps run in now.
    pub images: Vec<BakedImage>,
    /// What is pulled by who has none of the images: layers that several have count once.
    pub bytes: ByteSize,
    /// All steps, in the order of the pipeline.
    pub steps: Vec<BakedStep>,
}

/// An image for steps.
#[derive(Debug, Serialize)]
pub struct BakedImage {
    /// What the pipeline calls it.
    pub reference: String,
    /// Compressed bytes.
    pub bytes: ByteSize,
    /// Those of layers that another of the images has as well.
    pub shared_bytes: ByteSize,
    /// Requirements that its steps no longer install when they start.
    pub requirements: Vec<String>,
}

/// A step.
#[derive(Debug, Serialize)]
pub struct BakedStep {
    /// Its executor's key.
    pub executor: String,
    /// The image that it named.
    pub image: String,
    /// Which of the images it runs in now; none where it stays as it was.
    pub baked: Option<usize>,
    /// Why it stays as it was.
    pub kept: Option<Kept>,
}

/// Why a step stays as it was.
#[derive(Debug, Serialize)]
pub struct Kept {
    /// The reason.
    pub reason: String,
    /// Whether its image could not be built, although it should have been.
    pub failed: bool,
}

impl Document for BakeDocument {
    const SCHEMA: Schema = Schema { command: "bake", version: 1 };
}

impl BakeDocument {
    /// How many steps stay as they were because an image could not be built.
    pub fn failed(&self) -> usize {
        let failed = |step: &&BakedStep| step.kept.as_ref().is_some_and(|kept| kept.failed);
        self.steps.iter().filter(failed).count()
    }

    fn baked(&self) -> usize {
        self.steps.iter().filter(|step| step.baked.is_some()).count()
    }
}

/// The same for a terminal.
pub fn text(document: &BakeDocument, look: &Look) -> String {
    let arrow = match look.glyphs {
        Glyphs::Unicode => "→",
        Glyphs::Ascii => "->",
    };
    let heading = style::HEADING;
    let mut text = format!(
        "{heading}{}{heading:#}  {arrow}  {}\n{}\n",
        printable(&document.pipeline),
        printable(&document.output),
        summary(document)
    );
    if document.baked() > 0 {
        text.push('\n');
        text += &table(document).render(look);
    }
    let kept = document.steps.iter().filter_map(|step| Some((step, step.kept.as_ref()?)));
    for (at, (step, kept)) in kept.enumerate() {
        if at == 0 {
            text += "\n  stay as they are\n";
        }
        let line = format!("{} ({}): {}", step.executor, step.image, kept.reason);
        for line in wrap(&printable(&line), look.width.unwrap_or(usize::MAX).saturating_sub(4)) {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

fn summary(document: &BakeDocument) -> String {
    let (baked, all) = (document.baked() as u64, document.steps.len() as u64);
    if baked == 0 {
        return format!("  none of {} could be baked", count(all, "step", "steps"));
    }
    let images = count(document.images.len() as u64, "lean image", "lean images");
    format!(
        "  {baked} of {} in {images}: {} to pull for all of them",
        count(all, "step", "steps"),
        document.bytes
    )
}

fn table(document: &BakeDocument) -> Table {
    let mut table = Table::new([
        Column::path("step"),
        Column::path("was"),
        Column::number("image"),
        Column::number("of it its own"),
        Column::sentence("no longer installed at each start"),
    ]);
    for step in &document.steps {
        let Some(image) = step.baked.and_then(|at| document.images.get(at)) else { continue };
        let own = ByteSize(image.bytes.bytes().saturating_sub(image.shared_bytes.bytes()));
        table.row([
            step.executor.as_str().into(),
            Cell::styled(&step.image, style::DIM),
            image.bytes.into(),
            own.into(),
            image.requirements.join(", ").as_str().into(),
        ]);
    }
    table
}
