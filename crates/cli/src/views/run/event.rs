//! What happens, for programs: a JSON object a line.

use lightship_engine::{Change, Event, Notice};
use serde::Serialize;
use serde_json::{Value, json};

use super::tree::RunTree;
use crate::render::json::Schema;

const SCHEMA: Schema = Schema { command: "run.event", version: 1 };

#[derive(Serialize)]
struct Line<'l> {
    schema: Schema,
    run: &'l str,
    seq: u64,
    at: String,
    event: &'static str,
    task: Option<&'l str>,
    attempt: Option<u32>,
    outputs: Option<Value>,
    failure: Option<Value>,
    cached_from: Option<&'l str>,
    changes: Vec<Value>,
}

/// A notice that the tree has taken in, without a line end.
pub fn line(tree: &RunTree, notice: &Notice) -> String {
    let event = &notice.recorded.event;
    let mut line = Line {
        schema: SCHEMA,
        run: notice.run.as_str(),
        seq: notice.recorded.seq.0,
        at: notice.recorded.at.to_string(),
        event: event.name(),
        task: None,
        attempt: None,
        outputs: None,
        failure: None,
        cached_from: None,
        changes: notice.changes.iter().filter_map(|change| self::change(tree, change)).collect(),
    };
    let path = |node| tree.node(node).map(|node| node.path.as_str());
    match event {
        Event::Starting { node, attempt, .. }
        | Event::Stopped { node, attempt }
        | Event::Lost { node, attempt } => {
            (line.task, line.attempt) = (path(*node), Some(attempt.get()));
        }
        Event::Cached { node, outputs, from } => {
            (line.task, line.cached_from) = (path(*node), Some(from.as_str()));
            line.outputs = Some(json!(outputs.produced));
        }
        Event::Succeeded { node, attempt, outputs } => {
            (line.task, line.attempt) = (path(*node), Some(attempt.get()));
            line.outputs = Some(json!(outputs.produced));
        }
        Event::Failed { node, attempt, failure } => {
            (line.task, line.attempt) = (path(*node), Some(attempt.get()));
            line.failure = Some(json!(failure));
        }
        Event::Waited { node } | Event::RerunRequested { node, .. } => line.task = path(*node),
        Event::Begun
        | Event::CancelRequested
        | Event::DeadlinePassed
        | Event::PauseRequested
        | Event::ResumeRequested
        | Event::RetryRequested => {}
    }
    serde_json::to_string(&line).expect("keys are texts and numbers are JSON's own")
}

fn change(tree: &RunTree, change: &Change) -> Option<Value> {
    let path = |node| tree.node(node).map(|node| node.path.as_str());
    Some(match change {
        Change::Created { node, .. } => json!({"task": path(*node)?, "state": "WAITING"}),
        Change::State { node, state } => json!({"task": path(*node)?, "state": state}),
        Change::Failed { node, failure } => {
            json!({"task": path(*node)?, "state": "FAILED", "message": failure.message})
        }
        Change::Run(state) => json!({"run": state}),
        // The tree has forgotten it already; it comes again under the same path.
        Change::Dropped { .. } => return None,
    })
}
