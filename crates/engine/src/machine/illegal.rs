//! Events that cannot happen where the run stands.

use crate::id::{AttemptNumber, NodeId};
use crate::state::{RunState, TaskState};

/// Why an event is illegal. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// The run is in a state in which this does not happen.
    #[error("a run that is {state} cannot be {what}")]
    Run {
        /// What would happen to it: `cancelled`.
        what: &'static str,
        /// What it is.
        state: RunState,
    },
    /// There is no such place.
    #[error("the run has no place {0}")]
    NoSuchNode(NodeId),
    /// The task is in a state in which this does not happen.
    #[error("{place} is {state}, so it cannot be {what}")]
    Task {
        /// Which, in words: ``task `for-loop-1[3]/train` ``.
        place: String,
        /// What would happen to it: `started`.
        what: &'static str,
        /// What it is.
        state: TaskState,
    },
    /// Another attempt is under way.
    #[error("{place} is at attempt {current}, so nothing can be heard of attempt {attempt}")]
    Attempt {
        /// Which task, in words.
        place: String,
        /// Of which attempt something is heard.
        attempt: AttemptNumber,
        /// How many attempts there were.
        current: u32,
    },
    /// The changed plan is not that of the run with other code.
    #[error(
        "the changed pipeline has other tasks than the run: {0}; run it as a new run, whose unchanged tasks the cache knows"
    )]
    OtherPlan(String),
}

/// What people call a place of this path. Its number is told to nobody.
pub(super) fn place(path: &str) -> String {
    if path.is_empty() { "the pipeline".to_owned() } else { format!("task `{path}`") }
}
