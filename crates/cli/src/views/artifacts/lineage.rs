//! Where an artifact comes from and what became of it: as a tree, as a document, and for programs that draw.

mod drawn;

use std::fmt::Write as _;

use lightship_base::{ByteSize, Digest, Timestamp};
use lightship_store::{ArtifactPoint, Relation, StepPoint};
use serde::Serialize;

use super::{age, kind};
use crate::render::json::{Document, Schema};
use crate::render::text::printable;
use crate::render::{Glyphs, Look, style};

pub use drawn::{dot, mermaid};

/// `lightship artifacts lineage --format json`.
#[derive(Debug, Serialize)]
pub struct LineageDocument {
    /// What it was made of; none where that was not asked.
    pub up: Option<Point>,
    /// What was made of it; none where that was not asked.
    pub down: Option<Point>,
}

impl Document for LineageDocument {
    const SCHEMA: Schema = Schema { command: "artifacts.lineage", version: 1 };
}

/// An artifact, and what is behind it.
#[derive(Debug, Clone, Serialize)]
pub struct Point {
    /// Where it is.
    pub uri: String,
    /// Its type; none where no run that is kept made it.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The output that it is.
    pub output: Option<String>,
    /// What its task left there.
    pub digest: Option<Digest>,
    /// All bytes of it.
    pub bytes: Option<ByteSize>,
    /// Whether what is behind it is told elsewhere in this document.
    pub repeated: bool,
    /// Whether there is more behind it.
    pub cut: bool,
    /// What made it, or what used it.
    pub steps: Vec<Step>,
}

/// A task between artifacts.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// `made_by`, `used_by`, or `same_content`, which is no task.
    pub relation: &'static str,
    /// The run.
    pub run: Option<String>,
    /// The task, as a path in that run.
    pub task: Option<String>,
    /// The output or input that the artifact before it is there.
    pub name: Option<String>,
    /// What became of a task that used it.
    pub state: Option<&'static str>,
    /// The run whose result it took instead of running.
    pub cached_from: Option<String>,
    /// When the task ended that made it: RFC 3339.
    pub created: Option<String>,
    /// The artifacts behind it.
    pub artifacts: Vec<Link>,
    /// When, for people.
    #[serde(skip)]
    pub at: Option<Timestamp>,
}

/// An artifact of a task.
#[derive(Debug, Clone, Serialize)]
pub struct Link {
    /// The input or output of the task.
    pub name: String,
    /// The artifact.
    pub artifact: Point,
}

impl From<ArtifactPoint> for Point {
    fn from(point: ArtifactPoint) -> Self {
        let content = point.row.as_ref().and_then(|row| row.content);
        Self {
            uri: point.uri,
            kind: point.row.as_ref().map(|row| row.kind.clone()),
            output: point.row.map(|row| row.output),
            digest: content.map(|content| content.digest),
            bytes: content.map(|content| content.size),
            repeated: point.repeated,
            cut: point.cut,
            steps: point.steps.into_iter().map(Step::from).collect(),
        }
    }
}

impl From<StepPoint> for Step {
    fn from(step: StepPoint) -> Self {
        let artifacts = step.artifacts.into_iter();
        let artifacts: Vec<Link> =
            artifacts.map(|(name, point)| Link { name, artifact: point.into() }).collect();
        let none = Self {
            relation: "same_content",
            run: None,
            task: None,
            name: None,
            state: None,
            cached_from: None,
            created: None,
            artifacts,
            at: None,
        };
        match step.relation {
            Relation::SameContent => none,
            Relation::MadeBy { run, path, output, at, .. } => Self {
                relation: "made_by",
                run: Some(run.to_string()),
                task: Some(path),
                name: Some(output),
                created: at.map(|at| at.to_string()),
                at,
                ..none
            },
            Relation::UsedBy { run, path, input, state, cached_from, .. } => Self {
                relation: "used_by",
                run: Some(run.to_string()),
                task: Some(path),
                name: Some(input),
                state: Some(state.name()),
                cached_from: cached_from.map(|run| run.to_string()),
                ..none
            },
        }
    }
}

impl LineageDocument {
    /// The same as a tree, as of this moment.
    pub fn text(&self, now: Timestamp, look: &Look) -> String {
        let mut tree = Tree { out: String::new(), now, look };
        let Some(point) = self.up.as_ref().or(self.down.as_ref()) else { return tree.out };
        let bold = style::HEADING;
        let name = point.output.as_deref().unwrap_or(&point.uri);
        let _ = writeln!(tree.out, "{bold}{}{bold:#}  {}", printable(name), Tree::about(point));
        if let Some(up) = &self.up {
            tree.half("made by", "nothing that is known here made it", up);
        }
        if let Some(down) = &self.down {
            tree.half("used by", "no task used it", down);
        }
        tree.out
    }
}

struct Tree<'l> {
    out: String,
    now: Timestamp,
    look: &'l Look,
}

impl Tree<'_> {
    fn half(&mut self, title: &str, nothing: &str, point: &Point) {
        let dim = style::DIM;
        if point.steps.is_empty() && !point.cut {
            let _ = writeln!(self.out, "{dim}{nothing}{dim:#}");
            return;
        }
        let _ = writeln!(self.out, "{dim}{title}{dim:#}");
        self.steps("", point);
    }

    fn steps(&mut self, before: &str, point: &Point) {
        let count = point.steps.len() + usize::from(point.cut);
        for (at, step) in point.steps.iter().enumerate() {
            let last = at + 1 == count;
            let line = self.step(step);
            self.line(before, last, &line);
            let before = self.deeper(before, last);
            for (at, link) in step.artifacts.iter().enumerate() {
                let last = at + 1 == step.artifacts.len();
                let mark = if link.artifact.repeated { " (see above)" } else { "" };
                let name = printable(&link.name).into_owned();
                let dim = style::DIM;
                let line = format!("{name}  {}{dim}{mark}{dim:#}", Self::about(&link.artifact));
                self.line(&before, last, &line);
                let deeper = self.deeper(&before, last);
                self.steps(&deeper, &link.artifact);
            }
        }
        if point.cut {
            self.line(before, true, self.look.glyphs.ellipsis());
        }
    }

    fn step(&self, step: &Step) -> String {
        let (dim, code) = (style::DIM, style::CODE);
        let (Some(run), Some(task)) = (&step.run, &step.task) else {
            return format!("{dim}the same content as{dim:#}");
        };
        let name = step.name.as_deref().map(printable).unwrap_or_default();
        let mut text = format!("{code}{}{code:#}  ", printable(task));
        let mut facts = vec![format!("run {}", printable(run))];
        match step.relation {
            "used_by" => facts.insert(0, format!("as {name}")),
            _ => facts.extend(step.at.map(|at| format!("{} ago", age(self.now, at)))),
        }
        match (&step.cached_from, step.state) {
            (Some(from), _) => facts.push(format!("cached from {}", printable(from))),
            (None, None | Some("SUCCEEDED")) => {}
            (None, Some(state)) => facts.push(state.to_owned()),
        }
        text += &format!("{dim}{}{dim:#}", facts.join(", "));
        text
    }

    fn about(point: &Point) -> String {
        let dim = style::DIM;
        let mut facts = Vec::new();
        facts.extend(point.kind.as_deref().map(|title| printable(kind(title)).into_owned()));
        facts.extend(point.bytes.map(|bytes| bytes.to_string()));
        facts.extend(point.digest.map(|digest| digest.short()));
        if point.kind.is_none() {
            facts.push(printable(&point.uri).into_owned());
        }
        format!("{dim}{}{dim:#}", facts.join("  "))
    }

    fn line(&mut self, before: &str, last: bool, line: &str) {
        let branch = match (self.look.glyphs, last) {
            (Glyphs::Unicode, false) => "├─ ",
            (Glyphs::Unicode, true) => "└─ ",
            (Glyphs::Ascii, false) => "|- ",
            (Glyphs::Ascii, true) => "`- ",
        };
        let _ = writeln!(self.out, "{before}{branch}{line}");
    }

    fn deeper(&self, before: &str, last: bool) -> String {
        let bar = if self.look.glyphs == Glyphs::Unicode { "│  " } else { "|  " };
        format!("{before}{}", if last { "   " } else { bar })
    }
}

#[cfg(test)]
mod tests;
