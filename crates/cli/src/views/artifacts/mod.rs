//! What runs left behind: lists of artifacts, one of them with its content, and where they come from.

mod content;
mod html;
pub mod lineage;
mod markdown;
pub mod show;
mod spans;

use lightship_base::{ByteSize, Digest, Timestamp};
use lightship_store::ArtifactRow;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::render::json::{Document, Schema};
use crate::render::{Cell, Column, Look, Table, style};

pub use content::{Form, Preview};

/// `lightship artifacts ls --format json`.
#[derive(Debug, Serialize)]
pub struct ListDocument {
    /// Artifacts, the newest first.
    pub artifacts: Vec<Entry>,
}

/// An artifact in a list.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Its type: `system.Model`; empty for one without a name.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub uri: String,
    /// What its task left there; none if nothing.
    pub digest: Option<Digest>,
    /// All bytes of it.
    pub bytes: Option<ByteSize>,
    /// The run that made it.
    pub run: String,
    /// The pipeline of that run.
    pub pipeline: String,
    /// The task that made it, as a path in that run.
    pub task: String,
    /// Which attempt of the task.
    pub attempt: u32,
    /// The output that it is.
    pub output: String,
    /// When it was made: RFC 3339.
    pub created: Option<String>,
    /// What is known about it.
    pub metadata: Map<String, Value>,
    /// When it was made, for people.
    #[serde(skip)]
    pub at: Option<Timestamp>,
}

impl Document for ListDocument {
    const SCHEMA: Schema = Schema { command: "artifacts.ls", version: 1 };
}

impl From<ArtifactRow> for Entry {
    fn from(row: ArtifactRow) -> Self {
        Self {
            kind: row.kind,
            name: row.name,
            uri: row.uri,
            digest: row.content.map(|content| content.digest),
            bytes: row.content.map(|content| content.size),
            run: row.run.to_string(),
            pipeline: row.pipeline,
            task: row.path,
            attempt: row.attempt,
            output: row.output,
            created: row.made.map(|at| at.to_string()),
            metadata: row.metadata,
            at: row.made,
        }
    }
}

impl ListDocument {
    /// The same for a terminal, as of this moment.
    pub fn text(&self, now: Timestamp, look: &Look) -> String {
        if self.artifacts.is_empty() {
            return "no artifacts; `lightship run PIPELINE` makes some\n".to_owned();
        }
        let mut table = Table::new([
            Column::words("type"),
            Column::path("output"),
            Column::path("task"),
            Column::path("run"),
            Column::number("size"),
            Column::words("digest"),
            Column::number("age"),
        ]);
        for entry in &self.artifacts {
            table.row([
                kind(&entry.kind).into(),
                entry.output.as_str().into(),
                entry.task.as_str().into(),
                entry.run.as_str().into(),
                entry.bytes.map_or_else(dash, Cell::from),
                entry.digest.map_or_else(dash, |digest| digest.short().into()),
                entry.at.map_or_else(dash, |at| age(now, at).into()),
            ]);
        }
        table.render(look)
    }
}

/// What is not there.
pub fn dash() -> Cell {
    Cell::styled("-", style::DIM)
}

/// A type without the prefix that most have.
pub fn kind(title: &str) -> &str {
    match title.strip_prefix("system.") {
        Some(short) => short,
        None if title.is_empty() => "(own type)",
        None => title,
    }
}

/// How long ago something was, in its largest unit: `12 s`, `5 min`, `3 h`, `2 d`.
pub fn age(now: Timestamp, at: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Glyphs;

    fn entry(kind: &str, output: &str, run: &str, bytes: Option<u64>, seconds: i64) -> Entry {
        Entry {
            kind: kind.to_owned(),
            name: output.to_owned(),
            uri: format!("/home/artifacts/p/{run}/train/1/{output}"),
            digest: bytes.map(|bytes| Digest::of(&bytes.to_le_bytes())),
            bytes: bytes.map(ByteSize),
            run: run.to_owned(),
            pipeline: "p".to_owned(),
            task: "for-loop-1[3]/train".to_owned(),
            attempt: 1,
            output: output.to_owned(),
            created: None,
            metadata: Map::new(),
            at: Timestamp::from_second(seconds).ok(),
        }
    }

    #[test]
    fn a_list_is_a_table() {
        let document = ListDocument {
            artifacts: vec![
                entry("system.Model", "model", "churn-1a2b3c4d", Some(2_100_000), 1_000_000),
                entry("system.Metrics", "metrics", "churn-1a2b3c4d", None, 999_000),
                entry("", "evil\u{1b}[2J", "churn-00000000", Some(0), 500_000),
            ],
        };
        let look = Look { width: Some(90), glyphs: Glyphs::Unicode, live: false };
        let now = Timestamp::from_second(1_000_042).unwrap();
        let text = document.text(now, &look);
        insta::assert_snapshot!("list", anstream::adapter::strip_str(&text).to_string());
        assert!(
            ListDocument { artifacts: Vec::new() }.text(now, &look).starts_with("no artifacts")
        );
    }

    #[test]
    fn ages_are_in_their_largest_unit() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let ages = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 8_640_000];
        let shown: Vec<String> = ages.into_iter().map(|s| age(at(s), at(0))).collect();
        assert_eq!(shown, ["0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d", "100 d"]);
        assert_eq!(age(at(0), at(100)), "0 s", "clocks differ");
    }
}
