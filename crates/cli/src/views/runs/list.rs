//! Several runs.

use lightship_base::Timestamp;
use lightship_engine::RunSummary;
use lightship_store::Tally;
use serde::Serialize;

use super::{run_style, time};
use crate::render::json::{Document, Schema};
use crate::render::{Cell, Column, Look, Table, style};

/// `lightship runs ls --format json`.
#[derive(Debug, Serialize)]
pub struct RunsDocument {
    /// One page of them, the newest first.
    pub runs: Vec<RunRow>,
    /// How many fit what was asked, whatever the page's limit.
    pub total: u64,
}

/// One run.
#[derive(Debug, Serialize)]
pub struct RunRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its experiment.
    pub experiment: String,
    /// Its pipeline.
    pub pipeline: String,
    /// Its state, as the record has it.
    pub state: &'static str,
    /// Whether it has not ended and nobody drives it.
    pub interrupted: bool,
    /// When it was made.
    pub created: String,
    /// When it ended.
    pub finished: Option<String>,
    /// How long that took.
    pub seconds: Option<f64>,
    /// How many tasks are in which state. More may come into being while it runs.
    pub tasks: Tally,
    #[serde(skip)]
    summary: RunSummary,
}

impl Document for RunsDocument {
    const SCHEMA: Schema = Schema { command: "runs.ls", version: 1 };
}

impl RunRow {
    /// What the record says of a run.
    pub fn new(summary: RunSummary, tasks: Tally, driven: bool) -> Self {
        let took = summary.finished.map(|finished| time::between(summary.created, finished));
        Self {
            id: summary.id.to_string(),
            name: summary.name.clone(),
            experiment: summary.experiment.clone(),
            pipeline: summary.pipeline.clone(),
            state: summary.state.name(),
            interrupted: !driven && !summary.state.is_final(),
            created: summary.created.to_string(),
            finished: summary.finished.map(|finished| finished.to_string()),
            seconds: took.map(|took| took.as_secs_f64()),
            tasks,
            summary,
        }
    }

    /// Tasks that ended well, of all that there are so far.
    fn progress(&self) -> String {
        let good = ["SUCCEEDED", "SKIPPED"];
        let done: u64 = good.iter().filter_map(|state| self.tasks.get(state)).sum();
        format!(
            "{}/{}",
            crate::views::grouped(done),
            crate::views::grouped(self.tasks.values().sum())
        )
    }
}

impl RunsDocument {
    /// The same for a terminal.
    pub fn text(&self, now: Timestamp, look: &Look) -> String {
        if self.runs.is_empty() {
            return "no such runs; `lightship run PIPELINE` makes one\n".to_owned();
        }
        let mut table = Table::new([
            Column::path("run"),
            Column::sentence("name"),
            Column::words("state"),
            Column::number("tasks"),
            Column::number("age"),
            Column::number("took"),
        ]);
        for run in &self.runs {
            let summary = &run.summary;
            let state = if run.interrupted {
                Cell::styled("INTERRUPTED", style::WARNING)
            } else {
                Cell::styled(run.state, run_style(summary.state))
            };
            let took = summary.finished.map(|at| time::between(summary.created, at));
            table.row([
                run.id.as_str().into(),
                run.name.as_str().into(),
                state,
                run.progress().into(),
                time::age(summary.created, now).into(),
                took.map(time::span).unwrap_or_default().into(),
            ]);
        }
        let left = self.total.saturating_sub(self.runs.len() as u64);
        let dim = style::DIM;
        let more = match left {
            0 => String::new(),
            left => format!(
                "  {dim}and {} more; `--limit` shows them{dim:#}\n",
                crate::views::grouped(left)
            ),
        };
        table.render(look) + &more
    }
}
