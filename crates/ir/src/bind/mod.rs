//! Values on their way: into a run, into each of its tasks, into the rounds of a loop, and out of graphs and loops.
//!
//! All of it is a function of what is known. Who keeps what is known answers [`Scope`].

mod outputs;
mod rounds;
mod run;
mod task;

use serde_json::Value;

pub use outputs::{collected, outputs};
pub use rounds::{Item, items, round, without_items};
pub use run::{Given, RunError, RunErrors, run};
pub use task::{inputs, name};

use crate::arena::TaskId;
use crate::condition::ConditionError;
use crate::exchange::{Artifact, FinalStatus};
use crate::template::RenderError;
use crate::value::ValueError;

/// What is known within one graph of a run, at one place and in one round of the loops around it.
pub trait Scope {
    /// An input parameter of the component around. None where it has none; null where it may be missing and is.
    fn parameter(&self, name: &str) -> Option<&Value>;
    /// An input artifact of the component around, or all of a list of them.
    fn artifacts(&self, name: &str) -> Option<&[Artifact]>;
    /// An output parameter of a task of the graph; none where it did not run.
    fn output(&self, task: TaskId, key: &str) -> Option<&Value>;
    /// An output of a task of the graph, which is one artifact or a list; none where it did not run.
    fn output_artifacts(&self, task: TaskId, key: &str) -> Option<&[Artifact]>;
    /// How a task of the graph ended.
    fn final_status(&self, task: TaskId) -> Option<FinalStatus>;
}

/// Why a task has not all that it needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("input `{input}`: {fault}")]
pub struct InputError {
    /// Which input.
    pub input: String,
    /// What is wrong with it.
    pub fault: InputFault,
}

/// What can be wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputFault {
    /// Nothing is known where it should come from.
    #[error("{0} has no value")]
    Nothing(String),
    /// It must have a value, and where it comes from is null.
    #[error("it is required, and what is given is null")]
    Null,
    /// It is of another type.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The selector has no value.
    #[error("`{selector}`: {error}")]
    Selector {
        /// The selector, as it was written.
        selector: String,
        /// Why not.
        error: ConditionError,
    },
    /// A placeholder has no value.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The items of a loop are no list.
    #[error("a loop takes a list, and this is none")]
    NoList,
    /// A loop over more than memory should hold.
    #[error("a loop of {0} rounds is more than {max}", max = rounds::MAX_ITEMS)]
    TooMany(usize),
}

impl InputFault {
    pub(crate) fn of(self, input: &str) -> InputError {
        InputError { input: input.to_owned(), fault: self }
    }
}

#[cfg(test)]
mod tests;
