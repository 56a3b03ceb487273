//! One artifact: what it is, who made it, who used it, and its content.

use std::fmt::Write as _;

use lightship_base::Timestamp;
use lightship_ir::exchange::{Confusion, RocPoint, Shown, Slice};
use lightship_ir::value::text_of;
use serde::Serialize;
use serde_json::{Map, Value};

use super::content::{Preview, text as content};
use super::{Entry, age};
use crate::render::json::{Document, Schema};
use crate::render::section::{facts, heading};
use crate::render::text::printable;
use crate::render::{Cell, Column, Look, Table, style};
use crate::views::chart::{self, confusion, roc};
use crate::views::count;

/// Users of an artifact that a person is told.
const MOST_USERS: usize = 12;

/// `lightship artifacts show --format json`.
#[derive(Debug, Serialize)]
pub struct ShowDocument {
    /// The artifact and who made it.
    #[serde(flatten)]
    pub entry: Entry,
    /// The image that made it, as the pipeline calls it; none where no image did, or the run is gone.
    pub image: Option<String>,
    /// Whether the run that made it is still kept.
    pub producer_known: bool,
    /// Whether its content is what it was; none where that was not looked at.
    pub intact: Option<bool>,
    /// Who used it.
    pub consumers: Vec<User>,
    /// Other places with the same content.
    pub same_content: Vec<String>,
    /// The area under its ROC curve, if it has one.
    pub area_under_curve: Option<f64>,
    /// The beginning of its content.
    pub content: Preview,
    /// What it shows, by its type.
    #[serde(skip)]
    pub shown: Option<Shown>,
}

/// A task that used an artifact.
#[derive(Debug, Clone, Serialize)]
pub struct User {
    /// Its run.
    pub run: String,
    /// The task, as a path in that run.
    pub task: String,
    /// The input that it was.
    pub input: String,
    /// What became of the task.
    pub state: &'static str,
    /// The run whose result it took instead of running.
    pub cached_from: Option<String>,
}

impl Document for ShowDocument {
    const SCHEMA: Schema = Schema { command: "artifacts.show", version: 1 };
}

impl ShowDocument {
    /// The same for a terminal, as of this moment; of its content at most so many lines.
    pub fn text(&self, now: Timestamp, most: usize, look: &Look) -> String {
        let entry = &self.entry;
        let bold = style::HEADING;
        let kind = if entry.kind.is_empty() { "(own type)" } else { &entry.kind };
        let mut text = format!("{bold}{}{bold:#}  {}\n", printable(&entry.name), printable(kind));
        text += &facts(&self.facts(now));
        text += &self.users(look);
        text += &self.metadata(look);
        text += &self.body(most, look);
        text
    }

    fn facts(&self, now: Timestamp) -> Vec<(&'static str, String)> {
        let entry = &self.entry;
        let mut rows = vec![("uri", printable(&entry.uri).into_owned())];
        if let Some(digest) = entry.digest {
            let (bad, good) = (style::ERROR, style::GOOD);
            let verdict = match self.intact {
                None => String::new(),
                Some(true) => format!("  {good}still the same{good:#}"),
                Some(false) => format!("  {bad}changed since{bad:#}"),
            };
            rows.push(("digest", format!("{digest}{verdict}")));
        }
        if let Some(bytes) = entry.bytes {
            rows.push(("size", bytes.to_string()));
        }
        if !self.producer_known {
            rows.push(("made by", "a run that is no longer kept".to_owned()));
            return rows;
        }
        let attempt = match entry.attempt {
            0 | 1 => String::new(),
            attempt => format!(", attempt {attempt}"),
        };
        let task = printable(&entry.task);
        rows.push(("made by", format!("{task}{attempt}, in run {}", printable(&entry.run))));
        if let Some(image) = &self.image {
            rows.push(("image", printable(image).into_owned()));
        }
        if let Some(at) = entry.at {
            rows.push(("when", format!("{} ago, {}", age(now, at), at.strftime("%F %T UTC"))));
        }
        if let Some(first) = self.same_content.first() {
            let more = match self.same_content.len() {
                1 => String::new(),
                several => format!(" and {} more", several - 1),
            };
            rows.push(("also at", format!("{}{more}", printable(first))));
        }
        rows
    }

    fn users(&self, look: &Look) -> String {
        if self.consumers.is_empty() {
            return "  no task used it\n".to_owned();
        }
        let mut table = Table::new([
            Column::path("task"),
            Column::path("run"),
            Column::words("as"),
            Column::words("state"),
        ]);
        for user in self.consumers.iter().take(MOST_USERS) {
            let state = if user.cached_from.is_some() { "cached" } else { user.state };
            table.row([
                user.task.as_str().into(),
                user.run.as_str().into(),
                user.input.as_str().into(),
                state.into(),
            ]);
        }
        let rest = self.consumers.len().saturating_sub(MOST_USERS);
        let title = format!("Used by {}", count(self.consumers.len() as u64, "task", "tasks"));
        let mut text = heading(&title) + &table.render(look);
        if rest > 0 {
            let _ = writeln!(text, "  and {rest} more");
        }
        text
    }

    /// What is known about it and is not drawn below.
    fn metadata(&self, look: &Look) -> String {
        let drawn: &[&str] = match &self.shown {
            Some(Shown::Metrics(_)) => return String::new(),
            Some(Shown::Classification { .. }) => &["confidenceMetrics", "confusionMatrix"],
            Some(Shown::Sliced(_)) => &["evaluationSlices"],
            Some(Shown::Html | Shown::Markdown) | None => &[],
        };
        let entries = &self.entry.metadata;
        let rest: Map<String, Value> = (entries.iter())
            .filter(|(name, _)| !drawn.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if rest.is_empty() { String::new() } else { heading("Metadata") + &values(&rest, look) }
    }

    fn body(&self, most: usize, look: &Look) -> String {
        let drawing = match &self.shown {
            Some(Shown::Metrics(metrics)) if metrics.is_empty() => {
                heading("Metrics") + "  none were logged\n"
            }
            Some(Shown::Metrics(metrics)) => heading("Metrics") + &values(metrics, look),
            Some(Shown::Classification { roc, confusion }) => {
                classification("", roc, confusion.as_ref(), look)
            }
            Some(Shown::Sliced(slices)) => slices.iter().map(|one| slice(one, look)).collect(),
            Some(Shown::Html | Shown::Markdown) | None => String::new(),
        };
        if !drawing.is_empty() && matches!(self.content, Preview::Nothing) {
            return drawing;
        }
        let content = content(&self.content, &self.entry.uri, most, look);
        drawing + &heading("Content") + &content
    }
}

fn slice(slice: &Slice, look: &Look) -> String {
    let name = format!(" of {}", slice.slice);
    classification(&name, &slice.roc, slice.confusion.as_ref(), look)
}

fn classification(
    of: &str,
    points: &[RocPoint],
    matrix: Option<&Confusion>,
    look: &Look,
) -> String {
    let mut text = String::new();
    if !points.is_empty() {
        text += &(heading(&format!("ROC curve{of}")) + &roc::draw(points, look));
    }
    if let Some(matrix) = matrix {
        text += &(heading(&format!("Confusion matrix{of}")) + &confusion::draw(matrix, look));
    }
    if text.is_empty() {
        text = heading(&format!("Classification{of}")) + "  no curve and no matrix were logged\n";
    }
    text
}

/// Names and values; numbers stand below each other.
fn values(values: &Map<String, Value>, look: &Look) -> String {
    let numbers = values.values().any(Value::is_number);
    let mut columns = vec![Column::path("name")];
    if numbers {
        columns.push(Column::number("number"));
    }
    if !values.values().all(Value::is_number) {
        columns.push(Column::sentence("value"));
    }
    let mut table = Table::new(columns);
    for (name, value) in values {
        let number = value.as_f64().filter(|_| value.is_number());
        match (number, numbers) {
            (Some(number), _) => table.row([name.into(), chart::short(number).into()]),
            (None, true) => table.row([name.into(), "".into(), Cell::from(text_of(value))]),
            (None, false) => table.row([name.into(), Cell::from(text_of(value))]),
        }
    }
    table.render(look)
}

#[cfg(test)]
mod tests;
