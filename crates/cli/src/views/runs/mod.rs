//! Runs of pipelines, as a person reads them and as a program reads them.

pub mod graph;
pub mod list;
pub mod removed;
pub mod show;
pub mod time;
pub mod tree;

use anstyle::Style;
use lightship_engine::{RunState, TaskState};

use crate::render::style;

/// How the state of a run looks.
pub fn run_style(state: RunState) -> Style {
    match state {
        RunState::Succeeded | RunState::Skipped => style::GOOD,
        RunState::Failed => style::ERROR,
        RunState::Canceled | RunState::Canceling | RunState::Paused => style::WARNING,
        RunState::Pending | RunState::Running => style::PLAIN,
    }
}

/// The state of a task in a word, and how it looks: the words that `lightship run` uses.
pub fn task_word(state: TaskState, cached: bool) -> (&'static str, Style) {
    match state {
        TaskState::Succeeded if cached => ("cached", style::DIM),
        TaskState::Succeeded => ("done", style::GOOD),
        TaskState::Skipped => ("skipped", style::DIM),
        TaskState::Omitted => ("not run", style::DIM),
        TaskState::Canceled => ("canceled", style::WARNING),
        TaskState::Failed => ("failed", style::ERROR),
        TaskState::Running => ("running", style::PLAIN),
        TaskState::Backoff => ("retry", style::WARNING),
        TaskState::Ready => ("ready", style::PLAIN),
        TaskState::Waiting => ("waiting", style::DIM),
    }
}
