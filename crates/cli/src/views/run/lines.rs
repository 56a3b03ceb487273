//! A line for whatever ended: for logs, pipes and terminals that cannot draw anything again.

use lightship_engine::{Change, Notice, TaskState};

use super::frame::{look_of, seconds, word};
use super::tree::RunTree;
use crate::render::style;
use crate::render::text::printable;

/// What a notice that the tree has taken in adds to the log: no line, or several.
pub fn lines(tree: &RunTree, notice: &Notice) -> Vec<String> {
    notice.changes.iter().filter_map(|change| line(tree, change)).collect()
}

fn line(tree: &RunTree, change: &Change) -> Option<String> {
    let (node, state) = match change {
        Change::State { node, state } => (tree.node(*node)?, *state),
        Change::Failed { node, .. } => (tree.node(*node)?, TaskState::Failed),
        Change::Run(state) => {
            let look = look_of(*state);
            let ended = tree.begun.zip(tree.ended);
            let took = ended.map(|(begun, ended)| format!(" in {}", seconds(begun, ended)));
            let took = took.unwrap_or_default();
            return Some(format!("{}: {look}{state}{look:#}{took}", tree.run));
        }
        Change::Created { .. } | Change::Dropped { .. } => return None,
    };
    // What became of a graph follows from its tasks, which were told of. The run itself has no path.
    if !node.is_task() || node.path.is_empty() {
        return None;
    }
    let (word, look) = match state {
        TaskState::Succeeded if node.cached => ("cached", style::DIM),
        TaskState::Succeeded => (word(state), style::GOOD),
        TaskState::Failed => (word(state), style::ERROR),
        TaskState::Skipped | TaskState::Omitted => (word(state), style::DIM),
        TaskState::Canceled | TaskState::Backoff => (word(state), style::WARNING),
        TaskState::Waiting | TaskState::Ready | TaskState::Running => return None,
    };
    let mut line = node.path.clone();
    let times = node.started.zip(node.ended).filter(|_| !node.cached);
    if let Some((started, ended)) = times {
        line += &format!("  {}", seconds(started, ended));
    }
    if let Some(failure) = node.failure.as_ref().filter(|_| state == TaskState::Failed) {
        line += &format!(": {failure}");
    } else if !node.outputs.is_empty() {
        line += &format!("  {}", node.outputs);
    }
    Some(format!("  {look}{word:<9}{look:#} {}", printable(&line)))
}
