//! One run, task by task.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lightship_base::Timestamp;
use lightship_engine::{NodeId, RunState, RunSummary};
use lightship_ir::value::text_of;
use lightship_store::{Story, Tally};
use serde::Serialize;
use serde_json::{Map, Value};

use super::tree::{Place, Tree};
use super::{run_style, time};
use crate::render::json::{Document, Schema};
use crate::render::text::printable;
use crate::render::{Look, section, style};
use crate::views::run::{in_short, short};

mod rows;

/// `lightship runs show --format json`.
#[derive(Debug, Serialize)]
pub struct RunDocument {
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
    /// The process that drives it.
    pub process: Option<u32>,
    /// When it was made.
    pub created: String,
    /// When it ended.
    pub finished: Option<String>,
    /// How long that took.
    pub seconds: Option<f64>,
    /// The parameters that it was given, defaults included.
    pub inputs: BTreeMap<String, Value>,
    /// How many tasks are in which state.
    pub counts: Tally,
    /// All places of it: tasks, and the graphs, loops and rounds around them, each after what it is in.
    pub tasks: Vec<TaskEntry>,
    /// What failed by itself, and how.
    pub failures: Vec<FailureEntry>,
    #[serde(skip)]
    facts: Facts,
}

/// What only text is made of.
#[derive(Debug)]
struct Facts {
    summary: RunSummary,
    tree: Tree,
}

/// One place of a run.
#[derive(Debug, Serialize)]
pub struct TaskEntry {
    /// Where it is: `for-loop-1[3]/train`.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// What became of it.
    pub state: &'static str,
    /// How many attempts there were.
    pub attempts: u32,
    /// How many of these were lost with Lightship.
    pub lost: usize,
    /// When it began to run, the last time.
    pub started: Option<String>,
    /// When it ended.
    pub ended: Option<String>,
    /// How long that took.
    pub seconds: Option<f64>,
    /// The run whose result it took.
    pub cached_from: Option<String>,
    /// Why it failed.
    pub failure: Option<String>,
    /// The parameters that it gave.
    pub outputs: BTreeMap<String, Value>,
    /// The artifacts that it gave.
    pub artifacts: BTreeMap<String, Vec<ArtifactEntry>>,
}

/// An artifact.
#[derive(Debug, Serialize)]
pub struct ArtifactEntry {
    /// Where it is.
    pub uri: String,
    /// Its type; empty for one without a name.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is known about it.
    pub metadata: Map<String, Value>,
}

/// What a place of a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It runs something.
    Task,
    /// It has tasks.
    Graph,
    /// It has rounds.
    Loop,
    /// It is one round of a loop, with tasks.
    Round,
}

/// A task that failed.
#[derive(Debug, Serialize)]
pub struct FailureEntry {
    /// Which.
    pub path: String,
    /// Why.
    pub message: String,
    /// The image that it ran in.
    pub image: Option<String>,
    /// What it ran, as the pipeline says it.
    pub command: Vec<String>,
    /// The last lines of its log.
    pub log: Vec<String>,
}

impl Document for RunDocument {
    const SCHEMA: Schema = Schema { command: "runs.show", version: 1 };
}

/// All that is known of a run.
pub struct Known {
    /// At a glance.
    pub summary: RunSummary,
    /// Whether nobody drives it although it has not ended.
    pub interrupted: bool,
    /// The process that drives it.
    pub process: Option<u32>,
    /// What it was given.
    pub inputs: BTreeMap<String, Value>,
    /// Its places.
    pub tree: Tree,
    /// What happened at those that are shown.
    pub stories: BTreeMap<NodeId, Story>,
    /// What failed.
    pub failures: Vec<FailureEntry>,
}

impl RunDocument {
    /// What is known of a run.
    pub fn new(known: Known) -> Self {
        let Known { summary, interrupted, process, inputs, tree, stories, failures } = known;
        let mut counts = Tally::new();
        for place in tree.tasks() {
            *counts.entry(place.row.state.name()).or_default() += 1;
        }
        let nothing = Story::default();
        let places = tree.places().iter().skip(1);
        let entry = |place: &Place| {
            TaskEntry::new(place, &tree, stories.get(&place.row.node).unwrap_or(&nothing))
        };
        let took = summary.finished.map(|finished| time::between(summary.created, finished));
        Self {
            id: summary.id.to_string(),
            name: summary.name.clone(),
            experiment: summary.experiment.clone(),
            pipeline: summary.pipeline.clone(),
            state: summary.state.name(),
            interrupted,
            process,
            created: summary.created.to_string(),
            finished: summary.finished.map(|finished| finished.to_string()),
            seconds: took.map(|took| took.as_secs_f64()),
            inputs,
            counts,
            tasks: places.map(entry).collect(),
            failures,
            facts: Facts { summary, tree },
        }
    }

    /// The same for a terminal; with every round of every loop, if `all`.
    pub fn text(&self, all: bool, now: Timestamp, look: &Look) -> String {
        let summary = &self.facts.summary;
        let (bold, looks) = (style::HEADING, run_style(summary.state));
        let mut text = format!("{bold}{}{bold:#}  {looks}{}{looks:#}\n", self.id, self.state);
        text += &section::facts(&self.header(now));
        if self.tasks.is_empty() {
            text += "\n  nothing of it has begun\n";
        } else {
            text.push('\n');
            text += &rows::table(self, all).render(look);
        }
        for failure in self.failures.iter().take(MOST_FAILURES) {
            text += &self.failure(failure);
        }
        if self.failures.len() > MOST_FAILURES {
            let more = crate::views::grouped((self.failures.len() - MOST_FAILURES) as u64);
            let _ = writeln!(text, "\n  and {more} more that failed");
        }
        text + &self.next()
    }

    fn header(&self, now: Timestamp) -> Vec<(&'static str, String)> {
        let summary = &self.facts.summary;
        let made = time::moment(summary.created);
        let mut rows = vec![("pipeline", printable(&self.pipeline).into_owned())];
        if self.name != self.pipeline {
            rows.push(("name", printable(&self.name).into_owned()));
        }
        rows.push(("experiment", printable(&self.experiment).into_owned()));
        rows.push(("made", format!("{made}, {} ago", time::age(summary.created, now))));
        if let Some(finished) = summary.finished {
            rows.push(("took", time::span(time::between(summary.created, finished))));
        }
        if let Some(process) = self.process {
            rows.push(("driven by", format!("process {process}")));
        }
        if self.interrupted {
            rows.push(("interrupted", "nobody drives it".to_owned()));
        }
        for (at, (name, value)) in self.inputs.iter().enumerate() {
            let label = if at == 0 { "inputs" } else { "" };
            rows.push((
                label,
                printable(&short(&format!("{name} = {}", text_of(value)))).into_owned(),
            ));
        }
        rows
    }

    fn failure(&self, failure: &FailureEntry) -> String {
        let (bad, dim) = (style::ERROR, style::DIM);
        let line = printable(&format!("{}: {}", failure.path, failure.message)).into_owned();
        let mut text = format!("\n  {bad}failed{bad:#} {line}\n");
        if !failure.command.is_empty() {
            let command = in_short(&failure.command);
            let _ = writeln!(text, "    {dim}${dim:#} {}", printable(&command));
        }
        if let Some(image) = &failure.image {
            let _ = writeln!(text, "    {dim}in {}{dim:#}", printable(image));
        }
        for line in &failure.log {
            let _ = writeln!(text, "      {}", printable(line));
        }
        if !failure.log.is_empty() {
            let path = shlex::try_quote(&failure.path).unwrap_or_default();
            let _ = writeln!(
                text,
                "    {dim}all of it: lightship runs logs {} {}{dim:#}",
                self.id,
                printable(&path)
            );
        }
        text
    }

    /// What can be done now.
    fn next(&self) -> String {
        let id = &self.id;
        let lines: &[(&str, String)] = match self.facts.summary.state {
            _ if self.interrupted => &[
                ("go on", format!("lightship runs resume {id}")),
                ("end it", format!("lightship runs cancel {id}")),
            ],
            RunState::Failed | RunState::Canceled => &[
                ("try again", format!("lightship runs retry {id}")),
                (
                    "after a change",
                    format!("lightship runs rerun {id} TASK --pipeline CHANGED.yaml"),
                ),
            ],
            RunState::Paused => &[("go on", format!("lightship runs unpause {id}"))],
            RunState::Succeeded
            | RunState::Skipped
            | RunState::Pending
            | RunState::Running
            | RunState::Canceling => &[],
        };
        if lines.is_empty() { String::new() } else { format!("\n{}", section::facts(lines)) }
    }
}

/// Failures that are told at length.
const MOST_FAILURES: usize = 5;

impl TaskEntry {
    fn new(place: &Place, tree: &Tree, story: &Story) -> Self {
        let row = &place.row;
        let kind = match (place.is_task(), tree.is_loop(place), row.round) {
            (true, _, _) => Kind::Task,
            (false, true, _) => Kind::Loop,
            (false, false, Some(_)) => Kind::Round,
            (false, false, None) => Kind::Graph,
        };
        let outputs = story.outputs.as_ref().filter(|_| row.state.is_final());
        let produced = outputs.map(|outputs| outputs.produced.clone()).unwrap_or_default();
        let artifact = |artifact: lightship_engine::Artifact| ArtifactEntry {
            kind: artifact.kind.title().to_owned(),
            uri: artifact.uri,
            metadata: artifact.metadata,
        };
        let artifacts = produced.artifacts.into_iter();
        Self {
            path: place.path.clone(),
            kind,
            state: row.state.name(),
            attempts: row.attempts,
            lost: story.lost(),
            started: row.started.map(|at| at.to_string()),
            ended: row.ended.map(|at| at.to_string()),
            seconds: took(place).map(|took| took.as_secs_f64()),
            cached_from: row.cached_from.as_ref().map(ToString::to_string),
            failure: row.failure.clone(),
            outputs: produced.parameters.into_iter().collect(),
            artifacts: artifacts
                .map(|(name, list)| (name, list.into_iter().map(artifact).collect()))
                .collect(),
        }
    }
}

/// How long it ran, where it ran and has ended.
fn took(place: &Place) -> Option<std::time::Duration> {
    let (started, ended) = place.row.started.zip(place.row.ended)?;
    Some(time::between(started, ended)).filter(|_| !Tree::is_cached(place))
}

/// The places whose outputs a terminal shows: all but those of loops with too many rounds.
pub fn shown(tree: &Tree, all: bool) -> Vec<NodeId> {
    rows::lines(tree, all).into_iter().map(|line| line.node).collect()
}
