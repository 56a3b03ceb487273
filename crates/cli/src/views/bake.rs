//! What became of the steps of a pipeline.

use std::collections::BTreeMap;
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
    /// Which of the images share a layer with it, from 0.
    pub shared_with: Vec<usize>,
    /// Requirements that its steps no longer install when they start.
    pub requirements: Vec<String>,
    /// Those of them that a person named.
    pub packages: Vec<String>,
    /// What an installer fetches for these requirements if it chooses what was locked here.
    pub package_bytes: Option<ByteSize>,
}

/// A step.
#[derive(Debug, Serialize)]
pub struct BakedStep {
    /// Its executor's key.
    pub executor: String,
    /// The image that it named.
    pub image: String,
    /// Compressed bytes of that; none where it cannot be read here.
    pub image_bytes: Option<ByteSize>,
    /// Which of the images it runs in now; none where it stays as it was.
    pub baked: Option<usize>,
    /// Why it stays as it was.
    pub kept: Option<Kept>,
    /// Whether it finds there what it imports, where that was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,
}

/// Why a step stays as it was.
#[derive(Debug, Serialize)]
pub struct Kept {
    /// The reason.
    pub reason: String,
    /// Whether it should have got an image: that could not be built, or the step does not find there what it imports.
    pub failed: bool,
    /// Whether there was nothing to do in the first place.
    #[serde(skip)]
    pub plain: bool,
}

/// What came of importing in its image what a step imports.
#[derive(Debug, Serialize)]
pub struct Verified {
    /// Whether all is there; none where this machine cannot find out.
    pub passed: Option<bool>,
    /// How many modules were tried.
    pub modules: u64,
    /// How long that took, the start of the sandbox included.
    pub seconds: f64,
    /// What is not there.
    pub reasons: Vec<String>,
    /// What the source does without.
    pub remarks: Vec<String>,
    /// What the interpreter wrote, the lines that matter.
    pub lines: Vec<String>,
    /// What to do.
    pub hints: Vec<String>,
}

impl Document for BakeDocument {
    const SCHEMA: Schema = Schema { command: "bake", version: 1 };
}

impl BakeDocument {
    /// How many steps stay as they were although they should have got an image.
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
        text += "  ~ what pip fetches at each start if it chooses the same files";
        let unknown =
            document.steps.iter().any(|step| step.baked.is_some() && step.image_bytes.is_none());
        text += if unknown { "; ? the image cannot be read here\n" } else { "\n" };
    }
    text += &verdicts(document, look);
    text + &kept(document, look)
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
        Column::number("to pull"),
        Column::number("by pip"),
        Column::number("image"),
        Column::number("its own"),
        Column::sentence("shared with"),
        Column::sentence("packages"),
    ]);
    for step in &document.steps {
        let Some(image) = step.baked.and_then(|at| document.images.get(at)) else { continue };
        let own = ByteSize(image.bytes.bytes().saturating_sub(image.shared_bytes.bytes()));
        let before = step.image_bytes.map_or_else(|| "?".to_owned(), |size| size.to_string());
        let pip = image.package_bytes.map_or_else(|| "?".to_owned(), |size| format!("~{size}"));
        table.row([
            step.executor.as_str().into(),
            Cell::styled(&step.image, style::DIM),
            before.as_str().into(),
            pip.as_str().into(),
            image.bytes.into(),
            own.into(),
            shared_with(document, image).as_str().into(),
            image.packages.join(", ").as_str().into(),
        ]);
    }
    table
}

/// So many steps are named.
const NAMED: usize = 2;

/// Steps whose images share layers with this one.
fn shared_with(document: &BakeDocument, image: &BakedImage) -> String {
    let others = document.images.len() - 1;
    let all = image.shared_with.len();
    if all > NAMED && all == others {
        return format!("all {others} others");
    }
    let first = |at: &usize| {
        let mut steps = document.steps.iter();
        steps.find(|step| step.baked == Some(*at)).map(|step| step.executor.as_str())
    };
    if all > NAMED {
        return format!("{all} of {others} others");
    }
    image.shared_with.iter().filter_map(first).collect::<Vec<_>>().join(", ")
}

/// What came of imports.
fn verdicts(document: &BakeDocument, look: &Look) -> String {
    let tried: Vec<(&BakedStep, &Verified)> =
        document.steps.iter().filter_map(|step| Some((step, step.verified.as_ref()?))).collect();
    if tried.is_empty() {
        return String::new();
    }
    let passed = tried.iter().filter(|(_, one)| one.passed == Some(true)).count() as u64;
    let all = count(tried.len() as u64, "step finds", "steps find");
    let mut text = format!("\n  {passed} of {all} all that they import\n");
    for (step, one) in tried.iter().filter(|(_, one)| one.passed != Some(true)) {
        let end = if one.passed.is_some() { "fails" } else { "could not be tried" };
        line(&mut text, look, 4, &format!("{} {end}", step.executor));
        for words in one.reasons.iter().chain(&one.lines) {
            line(&mut text, look, 6, words);
        }
        for words in &one.hints {
            line(&mut text, look, 6, &format!("try: {words}"));
        }
    }
    text
}

/// Steps that stay as they were, each reason once.
fn kept(document: &BakeDocument, look: &Look) -> String {
    let mut reasons: BTreeMap<(bool, &str), Vec<&BakedStep>> = BTreeMap::new();
    for step in &document.steps {
        if let Some(kept) = &step.kept {
            reasons.entry((kept.plain, &kept.reason)).or_default().push(step);
        }
    }
    let mut text = String::new();
    if !reasons.is_empty() {
        let all: u64 = reasons.values().map(|steps| steps.len() as u64).sum();
        let _ = writeln!(text, "\n  {} as before", count(all, "step stays", "steps stay"));
    }
    for ((_, reason), steps) in reasons {
        line(&mut text, look, 4, &format!("{}: {reason}", steps.len()));
        let names: Vec<String> =
            steps.iter().map(|step| format!("{} ({})", step.executor, step.image)).collect();
        line(&mut text, look, 8, &names.join(", "));
    }
    text
}

/// Words that somebody else wrote, in lines of the terminal's width.
fn line(text: &mut String, look: &Look, indent: usize, words: &str) {
    let width = look.width.unwrap_or(usize::MAX).saturating_sub(indent);
    for line in wrap(&printable(words), width) {
        let _ = writeln!(text, "{:indent$}{line}", "");
    }
}
