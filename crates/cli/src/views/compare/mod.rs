//! Runs side by side: what went in, what came out, and what differs between.

use std::fmt::Write as _;

use lightship_base::Digest;
use serde::Serialize;

use super::artifacts::dash;
use super::chart::short;
use crate::render::json::{Document, Schema};
use crate::render::section::heading;
use crate::render::text::printable;
use crate::render::{Cell, Column, Look, Table, style};

/// What stands for runs in tables; there are no more runs in one comparison.
pub const LETTERS: [&str; 8] = ["A", "B", "C", "D", "E", "F", "G", "H"];

/// `lightship runs compare --format json`. Lists with a value for each run are in the order of `runs`.
#[derive(Debug, Serialize)]
pub struct CompareDocument {
    /// The runs; others are compared with the first.
    pub runs: Vec<ComparedRun>,
    /// Inputs of the pipeline that are not the same in all runs: JSON texts.
    pub inputs: Vec<Row<String>>,
    /// All numbers that tasks measured.
    pub metrics: Vec<Row<f64>>,
    /// All tasks that ran in one of them.
    pub tasks: Vec<Row<ComparedTask>>,
    /// Artifacts that do not have the same content in all runs that have them.
    pub artifacts: Vec<Row<Digest>>,
    /// Tasks of the plans that are not the same in all of them.
    pub plan: Vec<Row<Vec<String>>>,
}

/// A run.
#[derive(Debug, Serialize)]
pub struct ComparedRun {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its pipeline.
    pub pipeline: String,
    /// What became of it.
    pub state: &'static str,
    /// When it was made: RFC 3339.
    pub created: String,
    /// How long it took; none of one that has not ended.
    pub seconds: Option<f64>,
}

/// One thing in all runs.
#[derive(Debug, Serialize)]
pub struct Row<T> {
    /// What: an input, `task/output/metric`, a task's path, `task/output`.
    pub name: String,
    /// What it is in each run; none where that does not have it.
    pub values: Vec<Option<T>>,
}

/// A task of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedTask {
    /// What became of it.
    pub state: &'static str,
    /// How long it ran; none where it did not, or has not ended.
    pub seconds: Option<f64>,
    /// Whether its result is that of an earlier run.
    pub cached: bool,
}

impl Document for CompareDocument {
    const SCHEMA: Schema = Schema { command: "runs.compare", version: 1 };
}

impl CompareDocument {
    /// The same for a terminal.
    pub fn text(&self, look: &Look) -> String {
        let mut text = self.heads(look);
        let inputs = |value: &String, _: Option<&String>| Cell::from(value);
        text += &self.section("Inputs that differ", "input", &self.inputs, inputs, look);
        let numbers = |value: &f64, first: Option<&f64>| metric(*value, first.copied());
        text += &self.section("Metrics", "metric", &self.metrics, numbers, look);
        text += &self.section("Tasks", "task", &self.tasks, |task, _| cell(task), look);
        let digests = |digest: &Digest, first: Option<&Digest>| {
            let look = if first == Some(digest) { style::DIM } else { style::PLAIN };
            Cell::styled(digest.short(), look)
        };
        text += &self.section("Artifacts that differ", "artifact", &self.artifacts, digests, look);
        let plan = |parts: &Vec<String>, _: Option<&Vec<String>>| {
            if parts.is_empty() {
                Cell::styled("same", style::DIM)
            } else {
                Cell::from(parts.join(", "))
            }
        };
        text += &self.section("Plan", "task", &self.plan, plan, look);
        if self.inputs.is_empty() && self.artifacts.is_empty() && self.plan.is_empty() {
            text += "\n  inputs, artifacts and plans are the same\n";
        }
        text
    }

    fn heads(&self, look: &Look) -> String {
        let mut table = Table::new([
            Column::words(""),
            Column::path("run"),
            Column::sentence("name"),
            Column::words("state"),
            Column::number("took"),
        ]);
        for (run, letter) in self.runs.iter().zip(LETTERS) {
            table.row([
                Cell::styled(letter, style::HEADING),
                run.id.as_str().into(),
                run.name.as_str().into(),
                Cell::styled(run.state, state(run.state)),
                run.seconds.map_or_else(dash, |seconds| time(seconds).into()),
            ]);
        }
        let mut text = table.render(look);
        let first = self.runs.first().map(|run| run.pipeline.as_str());
        if let Some(other) = self.runs.iter().find(|run| Some(run.pipeline.as_str()) != first) {
            let _ = writeln!(
                text,
                "  {warning}different pipelines{warning:#}: {} and {}",
                printable(first.unwrap_or_default()),
                printable(&other.pipeline),
                warning = style::WARNING
            );
        }
        text
    }

    /// A table of one kind, with a column for each run; nothing where it has no rows.
    fn section<T: PartialEq>(
        &self,
        title: &str,
        first: &'static str,
        rows: &[Row<T>],
        shown: impl Fn(&T, Option<&T>) -> Cell,
        look: &Look,
    ) -> String {
        if rows.is_empty() {
            return String::new();
        }
        let letters = LETTERS.into_iter().take(self.runs.len());
        let columns = letters.map(Column::sentence);
        let columns: Vec<Column> = std::iter::once(Column::path(first)).chain(columns).collect();
        let mut table = Table::new(columns);
        for row in rows {
            let base = row.values.first().and_then(Option::as_ref);
            let mut cells = vec![Cell::from(row.name.as_str())];
            for (at, value) in row.values.iter().enumerate() {
                let base = base.filter(|_| at > 0);
                cells.push(value.as_ref().map_or_else(dash, |value| shown(value, base)));
            }
            table.cells(cells);
        }
        heading(title) + &table.render(look)
    }
}

/// A number, behind it how far it is from the first run's. Whether more is better, nobody says.
fn metric(value: f64, first: Option<f64>) -> Cell {
    let delta = first.map(|first| value - first).filter(|delta| *delta != 0.0);
    match delta {
        None => Cell::from(short(value)),
        Some(delta) => {
            let sign = if delta > 0.0 { "+" } else { "" };
            Cell::from(format!("{} ({sign}{})", short(value), short(delta)))
        }
    }
}

fn cell(task: &ComparedTask) -> Cell {
    let text = match (task.cached, task.state, task.seconds) {
        (true, ..) => "cached".to_owned(),
        (false, "SUCCEEDED", Some(seconds)) => time(seconds),
        (false, name, Some(seconds)) => format!("{name} {}", time(seconds)),
        (false, name, None) => name.to_owned(),
    };
    let look = if task.cached { style::DIM } else { state(task.state) };
    Cell::styled(text, look)
}

fn state(name: &str) -> anstyle::Style {
    match name {
        "FAILED" => style::ERROR,
        "CANCELED" | "CANCELING" | "PAUSED" | "OMITTED" => style::WARNING,
        "SKIPPED" => style::DIM,
        _ => style::PLAIN,
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 120.0 => format!("{seconds:.1} s"),
        seconds if seconds < 7_200.0 => format!("{:.1} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Glyphs;

    fn row<T>(name: &str, values: Vec<Option<T>>) -> Row<T> {
        Row { name: name.to_owned(), values }
    }

    fn run(id: &str, state: &'static str) -> ComparedRun {
        ComparedRun {
            id: id.to_owned(),
            name: "try\u{1b}[2J".to_owned(),
            pipeline: "churn".to_owned(),
            state,
            created: String::new(),
            seconds: (state == "SUCCEEDED").then_some(12.34),
        }
    }

    fn document() -> CompareDocument {
        let task = |state, seconds, cached| Some(ComparedTask { state, seconds, cached });
        CompareDocument {
            runs: vec![run("churn-1a2b3c4d", "SUCCEEDED"), run("churn-5e6f7a8b", "FAILED")],
            inputs: vec![row("epochs", vec![Some("2".to_owned()), Some("3".to_owned())])],
            metrics: vec![
                row("train/metrics/accuracy", vec![Some(0.91), Some(0.93)]),
                row("train/metrics/loss", vec![Some(0.5), Some(0.25)]),
                row("train/metrics/new", vec![None, Some(1.0)]),
                row("train/metrics/same", vec![Some(1.0), Some(1.0)]),
            ],
            tasks: vec![
                row(
                    "prep",
                    vec![task("SUCCEEDED", Some(1.0), false), task("SUCCEEDED", None, true)],
                ),
                row(
                    "train",
                    vec![task("SUCCEEDED", Some(600.0), false), task("FAILED", Some(3.2), false)],
                ),
                row(
                    "serve",
                    vec![task("SUCCEEDED", Some(9_000.0), false), task("OMITTED", None, false)],
                ),
            ],
            artifacts: vec![row(
                "train/model",
                vec![Some(Digest::of(b"1")), Some(Digest::of(b"2"))],
            )],
            plan: vec![
                row("train", vec![Some(Vec::new()), Some(vec!["image".into(), "code".into()])]),
                row("extra", vec![None, Some(vec!["added".into()])]),
            ],
        }
    }

    #[test]
    fn runs_stand_side_by_side() {
        let look = Look { width: Some(80), glyphs: Glyphs::Unicode, live: false };
        let plain = |text: String| anstream::adapter::strip_str(&text).to_string();
        insta::assert_snapshot!("compare", plain(document().text(&look)));
        let alike = CompareDocument {
            inputs: Vec::new(),
            metrics: Vec::new(),
            tasks: Vec::new(),
            artifacts: Vec::new(),
            plan: Vec::new(),
            ..document()
        };
        let text = plain(alike.text(&look));
        assert!(text.ends_with("\n  inputs, artifacts and plans are the same\n"), "{text}");
    }
}
