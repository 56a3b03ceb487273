//! What becomes of runs and tasks, and why a task failed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of a run (*KFP v2beta1, `RuntimeState`*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunState {
    /// It is known and has not begun.
    Pending,
    /// Tasks run, or can.
    Running,
    /// All that should run succeeded.
    Succeeded,
    /// Nothing of it had to run.
    Skipped,
    /// A task failed for good, or the run took longer than it may.
    Failed,
    /// It is being ended: running tasks are told to stop, and exit tasks run.
    Canceling,
    /// It was ended before its time.
    Canceled,
    /// What runs goes on; nothing else starts.
    Paused,
}

impl RunState {
    /// All states, in the order of the API's own list.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Running,
        Self::Succeeded,
        Self::Skipped,
        Self::Failed,
        Self::Canceling,
        Self::Canceled,
        Self::Paused,
    ];

    /// The name it has in the API: `SUCCEEDED`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Skipped => "SKIPPED",
            Self::Failed => "FAILED",
            Self::Canceling => "CANCELING",
            Self::Canceled => "CANCELED",
            Self::Paused => "PAUSED",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing more happens by itself.
    pub fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Skipped | Self::Failed | Self::Canceled => true,
            Self::Pending | Self::Running | Self::Canceling | Self::Paused => false,
        }
    }

    /// Whether it can be terminated (*KFP v2beta1, `TerminateRun`*).
    pub fn can_be_canceled(self) -> bool {
        match self {
            Self::Pending | Self::Running | Self::Paused => true,
            Self::Succeeded | Self::Skipped | Self::Failed | Self::Canceling | Self::Canceled => {
                false
            }
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The state of a task, graph, loop or round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskState {
    /// What it needs has not ended.
    Waiting,
    /// It may start as soon as there is room.
    Ready,
    /// It runs.
    Running,
    /// It failed and is tried again after a while.
    Backoff,
    /// It did what it should, now or in an earlier run.
    Succeeded,
    /// Its condition was false, or something that it needs was skipped.
    Skipped,
    /// It failed for good.
    Failed,
    /// It never ran, because something that it needs failed or was cancelled.
    Omitted,
    /// It was stopped, or would have run, when the run was cancelled.
    Canceled,
}

impl TaskState {
    /// All states.
    pub const ALL: [Self; 9] = [
        Self::Waiting,
        Self::Ready,
        Self::Running,
        Self::Backoff,
        Self::Succeeded,
        Self::Skipped,
        Self::Failed,
        Self::Omitted,
        Self::Canceled,
    ];

    /// `SUCCEEDED`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Ready => "READY",
            Self::Running => "RUNNING",
            Self::Backoff => "BACKOFF",
            Self::Succeeded => "SUCCEEDED",
            Self::Skipped => "SKIPPED",
            Self::Failed => "FAILED",
            Self::Omitted => "OMITTED",
            Self::Canceled => "CANCELED",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing more happens to it by itself.
    pub fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Skipped | Self::Failed | Self::Omitted | Self::Canceled => true,
            Self::Waiting | Self::Ready | Self::Running | Self::Backoff => false,
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a task failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct Failure {
    /// What kind of failure.
    pub reason: Reason,
    /// A sentence for people.
    pub message: String,
}

impl Failure {
    /// A failure.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// The kinds of failures of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// An input has no value, or one of another type.
    Inputs,
    /// Its condition has no value.
    Condition,
    /// A task in the graph or a round of the loop failed.
    Inside,
    /// It could not be started.
    Start,
    /// It ended with this status.
    Exit(i32),
    /// A signal of this number ended it.
    Signal(i32),
    /// It gave not what it had promised.
    Outputs,
    /// It took longer than it may.
    Deadline,
    /// It took more memory than it may.
    Memory,
    /// It filled the disk, or what it may have of it.
    Disk,
    /// What ran it failed, through no fault of the task.
    Executor,
}

impl Reason {
    /// Whether another attempt may end otherwise. What follows from the pipeline and its values does not.
    pub fn may_pass(self) -> bool {
        match self {
            Self::Inputs | Self::Condition => false,
            Self::Inside
            | Self::Start
            | Self::Exit(_)
            | Self::Signal(_)
            | Self::Outputs
            | Self::Deadline
            | Self::Memory
            | Self::Disk
            | Self::Executor => true,
        }
    }

    /// The code of *google.rpc.Status* that comes nearest, for tasks that ask how others ended.
    pub fn status_code(self) -> i32 {
        match self {
            Self::Exit(_) | Self::Signal(_) | Self::Inside => 2,
            Self::Inputs | Self::Condition | Self::Outputs => 3,
            Self::Deadline => 4,
            Self::Memory | Self::Disk => 8,
            Self::Start => 9,
            Self::Executor => 13,
        }
    }
}
