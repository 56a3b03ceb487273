//! Tells what happens to a run while it happens: a line for each task that ends, the end of the log of one that failed.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use lightship_base::Timestamp;
use lightship_engine::driver::{DriveError, RunHandle};
use lightship_engine::{Change, Event, Failure, NodeId, Notice, RunState, TaskState};
use lightship_ir::value::text_of;
use tokio::sync::mpsc::UnboundedReceiver;

use super::super::either::{Either, either};
use crate::commands::Context;
use crate::render::style;
use crate::render::text::printable;

/// Lines of a log that are shown of a task that failed.
const LINES: usize = 12;

/// Follows a run to its end. `said` has lines for standard error that others have to say meanwhile; its other end must
/// live as long as this goes on.
pub(in super::super) async fn follow(
    handle: &RunHandle,
    runs: &Path,
    context: &mut Context<'_>,
    said: &mut UnboundedReceiver<String>,
) -> Result<(), DriveError> {
    let mut view = View { runs, context, nodes: HashMap::new(), begun: None };
    let mut follower = handle.follow();
    loop {
        match either(follower.next(), said.recv()).await {
            Either::One(Ok(None)) => return Ok(()),
            // Nobody who looks on is no reason to stop.
            Either::One(notice) => drop(notice?.map(|notice| view.show(&notice))),
            Either::Other(line) => view.context.terminal.complain(&line.unwrap_or_default()),
        }
    }
}

struct View<'v, 'c> {
    runs: &'v Path,
    context: &'v mut Context<'c>,
    nodes: HashMap<NodeId, Node>,
    begun: Option<Timestamp>,
}

/// What is known of a place of the run.
struct Node {
    path: String,
    inner: bool,
    started: Option<Timestamp>,
    attempt: u32,
    cached: bool,
    outputs: String,
}

impl View<'_, '_> {
    fn show(&mut self, notice: &Notice) -> std::io::Result<()> {
        let at = notice.recorded.at;
        self.note(&notice.recorded.event, at);
        for change in &notice.changes {
            self.change(change, notice, at)?;
        }
        Ok(())
    }

    fn note(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Starting { node, attempt, .. } => {
                if let Some(node) = self.nodes.get_mut(node) {
                    node.started = Some(at);
                    node.attempt = attempt.get();
                }
            }
            Event::Cached { node, outputs, .. } | Event::Succeeded { node, outputs, .. } => {
                let cached = matches!(event, Event::Cached { .. });
                if let Some(node) = self.nodes.get_mut(node) {
                    node.cached = cached;
                    let one = |(name, value): (&String, &serde_json::Value)| {
                        format!("{name} = {}", text_of(value))
                    };
                    let shown: Vec<String> = outputs.produced.parameters.iter().map(one).collect();
                    node.outputs = shown.join(", ");
                }
            }
            Event::Begun => self.begun = Some(at),
            Event::Failed { .. }
            | Event::Stopped { .. }
            | Event::Lost { .. }
            | Event::Waited { .. }
            | Event::CancelRequested
            | Event::DeadlinePassed
            | Event::PauseRequested
            | Event::ResumeRequested
            | Event::RetryRequested
            | Event::RerunRequested { .. } => {}
        }
    }

    fn change(&mut self, change: &Change, notice: &Notice, at: Timestamp) -> std::io::Result<()> {
        match change {
            Change::Created { node, parent, name, round } => {
                self.create(*node, *parent, name, *round);
                Ok(())
            }
            Change::State { node, state } => self.state(*node, *state, at),
            Change::Failed { node, failure } => self.failed(*node, failure, notice),
            Change::Dropped { node } => {
                self.nodes.remove(node);
                Ok(())
            }
            Change::Run(state) => self.run(*state, notice, at),
        }
    }

    fn create(
        &mut self,
        node: NodeId,
        parent: Option<NodeId>,
        name: &Arc<str>,
        round: Option<u32>,
    ) {
        let above = parent.and_then(|parent| self.nodes.get_mut(&parent));
        let path = match (above, round) {
            // The run itself is no task; it was there before anything happened.
            (None, _) if parent.is_none() => String::new(),
            (None, _) => name.to_string(),
            (Some(above), round) => {
                above.inner = true;
                match round {
                    Some(round) => format!("{}[{round}]", above.path),
                    None => format!("{}/{name}", above.path),
                }
            }
        };
        let new = Node {
            path,
            inner: false,
            started: None,
            attempt: 0,
            cached: false,
            outputs: String::new(),
        };
        self.nodes.insert(node, new);
    }

    fn state(&mut self, node: NodeId, state: TaskState, at: Timestamp) -> std::io::Result<()> {
        let Some(known) = self.nodes.get(&node).filter(|known| !known.path.is_empty()) else {
            return Ok(());
        };
        let (word, look) = match state {
            TaskState::Succeeded if known.inner => return Ok(()),
            TaskState::Succeeded if known.cached => ("cached", style::DIM),
            TaskState::Succeeded => ("done", style::GOOD),
            TaskState::Skipped => ("skipped", style::DIM),
            TaskState::Omitted => ("not run", style::DIM),
            TaskState::Canceled => ("canceled", style::WARNING),
            TaskState::Backoff => ("retry", style::WARNING),
            TaskState::Waiting | TaskState::Ready | TaskState::Running | TaskState::Failed => {
                return Ok(());
            }
        };
        let took = known.started.filter(|_| state == TaskState::Succeeded);
        let took = took.map(|started| format!("  {}", seconds(started, at))).unwrap_or_default();
        let outputs =
            if known.outputs.is_empty() { String::new() } else { format!("  {}", known.outputs) };
        let line = printable(&format!("{}{took}{outputs}", known.path)).into_owned();
        let out = &mut self.context.terminal.out;
        writeln!(out, "  {look}{word:<9}{look:#} {line}")
    }

    fn failed(&mut self, node: NodeId, failure: &Failure, notice: &Notice) -> std::io::Result<()> {
        let Some(known) = self.nodes.get(&node).filter(|known| !known.path.is_empty()) else {
            return Ok(());
        };
        // A graph fails because of something inside, which was told.
        if known.inner {
            return Ok(());
        }
        let log = self
            .runs
            .join(notice.run.as_str())
            .join(format!("{node}-{}", known.attempt))
            .join("log");
        let (bad, line) =
            (style::ERROR, printable(&format!("{}: {failure}", known.path)).into_owned());
        let end = end_of(&log);
        let out = &mut self.context.terminal.out;
        writeln!(out, "  {bad}{:<9}{bad:#} {line}", "failed")?;
        for line in &end {
            writeln!(out, "      {}", printable(line))?;
        }
        if !end.is_empty() {
            writeln!(out, "      {}all of it: {}{:#}", style::DIM, log.display(), style::DIM)?;
        }
        Ok(())
    }

    fn run(&mut self, state: RunState, notice: &Notice, at: Timestamp) -> std::io::Result<()> {
        let look = match state {
            RunState::Running => style::HEADING,
            RunState::Succeeded | RunState::Skipped => style::GOOD,
            RunState::Failed | RunState::Canceled => style::ERROR,
            RunState::Pending | RunState::Canceling | RunState::Paused => style::WARNING,
        };
        let took = self.begun.filter(|_| state.is_final());
        let took = took.map(|begun| format!(" in {}", seconds(begun, at))).unwrap_or_default();
        writeln!(self.context.terminal.out, "{}: {look}{state}{look:#}{took}", notice.run)
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> String {
    format!("{:.1} s", (to - from).total(jiff::Unit::Second).unwrap_or(0.0))
}

/// The last lines of a log.
fn end_of(log: &Path) -> Vec<String> {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].iter().map(|line| (*line).to_owned()).collect()
}
