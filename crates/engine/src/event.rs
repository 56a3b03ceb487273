//! What happens in a run. Events are all that is kept: the same events make the same state.

use std::collections::BTreeMap;
use std::sync::Arc;

use lightship_base::{ByteSize, Digest, Timestamp};
use lightship_ir::Plan;
use lightship_ir::exchange::Produced;
use serde::{Deserialize, Serialize};

use crate::cache::Lookup;
use crate::id::{AttemptNumber, NodeId, RunId, Seq};
use crate::state::{Failure, RunState, TaskState};

/// The version of what [`Event::to_json`] writes. One that is known here stays readable for ever.
pub const EVENT_VERSION: u32 = 1;

/// Something that happened to a run, or was decided about it from outside. What follows from it is no event: the
/// machine finds it out again whenever the event is replayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The run begins.
    Begun,
    /// The intent: this attempt is about to start. Whether it did is not known before its outcome.
    Starting {
        /// The task.
        node: NodeId,
        /// The attempt: one more than there were.
        attempt: AttemptNumber,
        /// What its result is found by later on; none where it is not kept. Where the run takes earlier results, the
        /// cache was asked for it and had none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lookup: Option<Box<Lookup>>,
    },
    /// The task's outputs were those of an earlier run; nothing ran.
    Cached {
        /// The task.
        node: NodeId,
        /// The outputs.
        #[serde(with = "shared")]
        outputs: Arc<Outputs>,
        /// The run that they are from.
        from: RunId,
    },
    /// An attempt succeeded.
    Succeeded {
        /// The task.
        node: NodeId,
        /// The attempt.
        attempt: AttemptNumber,
        /// What it gave.
        #[serde(with = "shared")]
        outputs: Arc<Outputs>,
    },
    /// An attempt failed.
    Failed {
        /// The task.
        node: NodeId,
        /// The attempt.
        attempt: AttemptNumber,
        /// Why.
        failure: Failure,
    },
    /// An attempt ended because it was told to.
    Stopped {
        /// The task.
        node: NodeId,
        /// The attempt.
        attempt: AttemptNumber,
    },
    /// An attempt is gone and left no outcome: what ran it ended with Lightship. It is repeated, and no retry is used up.
    Lost {
        /// The task.
        node: NodeId,
        /// The attempt.
        attempt: AttemptNumber,
    },
    /// The time before another attempt is over.
    Waited {
        /// The task, graph or loop.
        node: NodeId,
    },
    /// Somebody wants the run to end.
    CancelRequested,
    /// The run took longer than it may.
    DeadlinePassed,
    /// Somebody wants nothing more to start.
    PauseRequested,
    /// Somebody wants it to go on.
    ResumeRequested,
    /// Somebody wants what failed or was cancelled to be tried again.
    RetryRequested,
    /// Somebody wants a task, and all that depends on it, to run again.
    RerunRequested {
        /// The task.
        node: NodeId,
        /// With this plan from now on; with the same as before, if none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<Box<Plan>>,
    },
}

/// What a task gave, and what its artifacts contain.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Parameters and artifacts.
    pub produced: Produced,
    /// What is at an artifact's URI, by URI. One whose content is not there, or which nobody looked at, is not here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contents: BTreeMap<String, Content>,
}

/// What an artifact contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Content {
    /// Its digest: of a file its bytes', of a folder one of names and contents.
    pub digest: Digest,
    /// All bytes of it.
    pub size: ByteSize,
}

/// An event with its place and time.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its place among the events of its run.
    pub seq: Seq,
    /// When it was recorded.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What followed from an event: for terminals, pages and projections. Whoever applies the changes of all events in
/// order knows every task and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// There is a place more, which waits.
    Created {
        /// It.
        node: NodeId,
        /// The graph or loop that it is in; none for the root.
        parent: Option<NodeId>,
        /// The task's name in its graph.
        name: Arc<str>,
        /// Which round of the loop `parent` it is, from 0; none where it is a task of a graph.
        round: Option<u32>,
    },
    /// A place has another state.
    State {
        /// Which.
        node: NodeId,
        /// What it is now; never failed.
        state: TaskState,
    },
    /// A place failed for good.
    Failed {
        /// Which.
        node: NodeId,
        /// Why.
        failure: Arc<Failure>,
    },
    /// A place is no more, because the graph or loop that it was in begins anew.
    Dropped {
        /// Which.
        node: NodeId,
    },
    /// The run has another state.
    Run(RunState),
}

/// An event and what followed from it: what everybody sees who looks on. The same live and replayed.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// The run.
    pub run: RunId,
    /// The event.
    pub recorded: Recorded,
    /// What followed from it, in order.
    pub changes: Vec<Change>,
}

impl Event {
    /// What it is, in a word: `succeeded`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Starting { .. } => "starting",
            Self::Cached { .. } => "cached",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Stopped { .. } => "stopped",
            Self::Lost { .. } => "lost",
            Self::Waited { .. } => "waited",
            Self::CancelRequested => "cancel_requested",
            Self::DeadlinePassed => "deadline_passed",
            Self::PauseRequested => "pause_requested",
            Self::ResumeRequested => "resume_requested",
            Self::RetryRequested => "retry_requested",
            Self::RerunRequested { .. } => "rerun_requested",
        }
    }

    /// The attempt that it is about: its beginning or its end; none where it is about something else.
    pub fn attempt(&self) -> Option<(NodeId, AttemptNumber)> {
        match self {
            Self::Starting { node, attempt, .. }
            | Self::Succeeded { node, attempt, .. }
            | Self::Failed { node, attempt, .. }
            | Self::Stopped { node, attempt }
            | Self::Lost { node, attempt } => Some((*node, *attempt)),
            Self::Begun
            | Self::Cached { .. }
            | Self::Waited { .. }
            | Self::CancelRequested
            | Self::DeadlinePassed
            | Self::PauseRequested
            | Self::ResumeRequested
            | Self::RetryRequested
            | Self::RerunRequested { .. } => None,
        }
    }

    /// The text that a store keeps.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("keys are texts and numbers are JSON's own")
    }

    /// The event of a text that a store kept.
    pub fn from_json(version: u32, text: &str) -> Result<Self, EventError> {
        if version > EVENT_VERSION {
            return Err(EventError::Newer(version));
        }
        serde_json::from_str(text).map_err(|error| EventError::Unreadable(error.to_string()))
    }
}

/// Why a stored event cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// A later version of Lightship wrote it.
    #[error("it has version {0}; only versions up to {EVENT_VERSION} are known here")]
    Newer(u32),
    /// It is damaged.
    #[error("it is damaged: {0}")]
    Unreadable(String),
}

/// Things that several hold are written like things that one holds.
pub(crate) mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        value: &Arc<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        T::serialize(value, serializer)
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}
