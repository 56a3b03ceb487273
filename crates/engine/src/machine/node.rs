//! One place of a run, as the machine keeps it. There may be a hundred thousand, so they are small.

use std::collections::VecDeque;
use std::sync::Arc;

use lightship_base::Timestamp;
use lightship_ir::bind::Item;
use lightship_ir::exchange::Inputs;
use lightship_ir::{DagId, TaskId};

use crate::event::Outputs;
use crate::id::NodeId;
use crate::state::{Failure, TaskState};

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) parent: Option<NodeId>,
    /// None for the root only. A round has the task of its loop.
    pub(super) task: Option<TaskId>,
    pub(super) round: Option<u32>,
    pub(super) part: Part,
    pub(super) state: NodeState,
    /// How much of what it needs has not ended.
    pub(super) pending: u32,
    pub(super) attempts: u32,
    /// Attempts after failures, since it last began from the start.
    pub(super) retries: u32,
    pub(super) instance: Instance,
}

/// Which part of a run something belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What ends when the run is cancelled.
    Main,
    /// An exit task, or something inside of one.
    Exit,
}

#[derive(Debug, Clone)]
pub(super) enum NodeState {
    Waiting,
    /// A task may start.
    Ready,
    /// An attempt runs.
    Attempt,
    /// A graph or loop runs.
    Open,
    Backoff(Timestamp),
    Succeeded(Arc<Outputs>),
    Skipped,
    Failed(Arc<Failure>),
    Omitted,
    Canceled,
    /// It is no more.
    Dropped,
}

/// What a place is, once it has begun.
#[derive(Debug, Clone)]
pub(super) enum Instance {
    /// A task, or something that has not begun.
    None,
    /// A round that is a task: what it has of its own.
    Item(Box<Inputs>),
    Graph(Box<Graph>),
    Loop(Box<Loop>),
}

#[derive(Debug, Clone)]
pub(super) struct Graph {
    pub(super) dag: DagId,
    /// Its inputs; of a round the item only, because all else is the loop's.
    pub(super) inputs: Arc<Inputs>,
    /// In the order of the graph's tasks.
    pub(super) children: Box<[NodeId]>,
    /// How many have not ended.
    pub(super) open: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Loop {
    /// Its inputs without the items.
    pub(super) inputs: Arc<Inputs>,
    /// In the order of the items; those that were started.
    pub(super) rounds: Vec<NodeId>,
    pub(super) todo: VecDeque<Todo>,
    /// How many are under way.
    pub(super) active: u32,
}

/// A round that has to start.
#[derive(Debug, Clone)]
pub(super) enum Todo {
    New(Item),
    Again(NodeId),
}

impl Node {
    pub(super) fn root() -> Self {
        Self::new(None, None, None, Part::Main)
    }

    pub(super) fn new(
        parent: Option<NodeId>,
        task: Option<TaskId>,
        round: Option<u32>,
        part: Part,
    ) -> Self {
        Self {
            parent,
            task,
            round,
            part,
            state: NodeState::Waiting,
            pending: 0,
            attempts: 0,
            retries: 0,
            instance: Instance::None,
        }
    }

    pub(super) fn is_live(&self) -> bool {
        !matches!(self.state, NodeState::Dropped)
    }

    /// Whether anything of it ever ran.
    pub(super) fn has_begun(&self) -> bool {
        self.attempts > 0 || !matches!(self.instance, Instance::None)
    }
}

impl NodeState {
    pub(super) fn public(&self) -> Option<TaskState> {
        Some(match self {
            Self::Waiting => TaskState::Waiting,
            Self::Ready => TaskState::Ready,
            Self::Attempt | Self::Open => TaskState::Running,
            Self::Backoff(_) => TaskState::Backoff,
            Self::Succeeded(_) => TaskState::Succeeded,
            Self::Skipped => TaskState::Skipped,
            Self::Failed(_) => TaskState::Failed,
            Self::Omitted => TaskState::Omitted,
            Self::Canceled => TaskState::Canceled,
            Self::Dropped => return None,
        })
    }

    pub(super) fn is_final(&self) -> bool {
        self.public().is_none_or(TaskState::is_final)
    }

    /// Whether trying again may make something better of it.
    pub(super) fn is_unfinished(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Omitted | Self::Canceled)
    }

    pub(super) fn failure(&self) -> Option<&Arc<Failure>> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Waiting
            | Self::Ready
            | Self::Attempt
            | Self::Open
            | Self::Backoff(_)
            | Self::Succeeded(_)
            | Self::Skipped
            | Self::Omitted
            | Self::Canceled
            | Self::Dropped => None,
        }
    }

    pub(super) fn outputs(&self) -> Option<&Outputs> {
        match self {
            Self::Succeeded(outputs) => Some(outputs),
            Self::Waiting
            | Self::Ready
            | Self::Attempt
            | Self::Open
            | Self::Backoff(_)
            | Self::Skipped
            | Self::Failed(_)
            | Self::Omitted
            | Self::Canceled
            | Self::Dropped => None,
        }
    }
}
