//! Results that later runs may take, and why a task did not take one.

pub mod explain;

use lightship_base::{ByteSize, Digest, Timestamp};
use serde::Serialize;

use super::artifacts::age;
use super::count;
use crate::render::json::{Document, Schema};
use crate::render::{Cell, Column, Look, Table, style};

/// `lightship cache ls --format json`.
#[derive(Debug, Serialize)]
pub struct CacheDocument {
    /// Results, the latest first.
    pub results: Vec<KeptResult>,
    /// Whether contents were compared with their digests; else it was looked whether something is there.
    pub checked: bool,
}

/// A result.
#[derive(Debug, Serialize)]
pub struct KeptResult {
    /// What it is found by.
    pub key: Digest,
    /// The pipeline that made it.
    pub pipeline: String,
    /// The component that made it: `comp-train`.
    pub component: String,
    /// The run that made it.
    pub run: String,
    /// When: RFC 3339.
    pub created: String,
    /// Its output parameters.
    pub parameters: Vec<String>,
    /// Its output artifacts.
    pub artifacts: Vec<String>,
    /// All bytes of these.
    pub bytes: ByteSize,
    /// Whether these are still what they were.
    pub state: State,
    /// When, for people.
    #[serde(skip)]
    pub at: Timestamp,
}

/// What became of the outputs of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// All are there.
    Ready,
    /// One is not there any more: the task will run.
    Gone,
    /// One is something different now: the task will run.
    Changed,
}

impl Document for CacheDocument {
    const SCHEMA: Schema = Schema { command: "cache.ls", version: 1 };
}

impl CacheDocument {
    /// The same for a terminal, as of this moment.
    pub fn text(&self, now: Timestamp, look: &Look) -> String {
        if self.results.is_empty() {
            return "no results are kept\n".to_owned();
        }
        let mut table = Table::new([
            Column::words("key"),
            Column::path("task"),
            Column::path("pipeline"),
            Column::path("made by"),
            Column::number("age"),
            Column::number("size"),
            Column::words("state"),
            Column::sentence("outputs"),
        ]);
        for result in &self.results {
            let (word, look) = match (result.state, self.checked) {
                (State::Ready, true) => ("same", style::GOOD),
                (State::Ready, false) => ("there", style::GOOD),
                (State::Gone, _) => ("gone", style::WARNING),
                (State::Changed, _) => ("changed", style::WARNING),
            };
            let outputs: Vec<&str> =
                result.artifacts.iter().chain(&result.parameters).map(String::as_str).collect();
            table.row([
                result.key.short().into(),
                task(&result.component).into(),
                result.pipeline.as_str().into(),
                result.run.as_str().into(),
                age(now, result.at).into(),
                super::size_or_dash(result.bytes),
                Cell::styled(word, look),
                outputs.join(", ").into(),
            ]);
        }
        let lost = self.results.iter().filter(|result| result.state != State::Ready).count();
        let results = count(self.results.len() as u64, "result", "results");
        let rest = match lost {
            0 => String::new(),
            lost => format!(", {lost} of which no run can take any more"),
        };
        let bytes: ByteSize = self.results.iter().map(|result| result.bytes).sum();
        table.render(look) + &format!("  {results}, {bytes} of artifacts{rest}\n")
    }
}

/// What a component is called for people.
pub fn task(component: &str) -> &str {
    component.strip_prefix("comp-").unwrap_or(component)
}

/// `lightship cache rm --format json`.
#[derive(Debug, Serialize)]
pub struct ForgetDocument {
    /// How many results were forgotten, or would be.
    pub results: u64,
    /// Whether nothing was done.
    pub dry_run: bool,
}

impl Document for ForgetDocument {
    const SCHEMA: Schema = Schema { command: "cache.rm", version: 1 };
}

impl ForgetDocument {
    /// The same for a terminal.
    pub fn text(&self) -> String {
        let verb = if self.dry_run { "would forget" } else { "forgot" };
        let results = count(self.results, "result", "results");
        format!("{verb} {results}; the artifacts stay those of their runs\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Glyphs;

    #[test]
    fn results_are_a_table() {
        let result = |component: &str, state, seconds| KeptResult {
            key: Digest::of(component.as_bytes()),
            pipeline: "churn".to_owned(),
            component: component.to_owned(),
            run: "churn-1a2b3c4d".to_owned(),
            created: String::new(),
            parameters: vec!["Output".to_owned()],
            artifacts: vec!["model".to_owned(), "evil\u{1b}[2J".to_owned()],
            bytes: ByteSize(2_000_000),
            state,
            at: Timestamp::from_second(seconds).unwrap(),
        };
        let results = vec![
            result("comp-train", State::Ready, 90_000),
            result("comp-prep", State::Gone, 50),
            result("other", State::Changed, 40),
        ];
        let look = Look { width: Some(100), glyphs: Glyphs::Unicode, live: false };
        let text = CacheDocument { results, checked: false }
            .text(Timestamp::from_second(100_000).unwrap(), &look);
        insta::assert_snapshot!("cache", anstream::adapter::strip_str(&text).to_string());
        let forgot = ForgetDocument { results: 1, dry_run: true }.text();
        assert_eq!(forgot, "would forget 1 result; the artifacts stay those of their runs\n");
    }
}
