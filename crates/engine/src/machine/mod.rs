//! The machine: state and event in, state and commands out, or *illegal event*. It asks nobody for anything, neither
//! clock nor disk, so that replaying a run's events gives the same state to the last detail.
//!
//! A plan is not unrolled ahead. A place of the run ([`NodeId`]) comes into being when the graph or loop around it
//! begins.
//!
//! **What becomes of a task** when all that it needs has ended:
//! - one of these failed, was cancelled or never ran: the task is *omitted*;
//! - one of these was skipped: it is *skipped*;
//! - else its inputs are bound, which may fail, and its condition is asked, which may fail or skip it. Then it runs.
//!
//! A task whose strategy is *all completed* does not look at what became of others. No decision is made before all
//! needs have ended: which of them was first must not matter.
//!
//! **A graph** succeeds if nothing in it failed, also when all of it was skipped. It fails, when all of it has ended, if
//! something failed; so an exit task, or one that ignores what failed before it, does not heal anything (upstream says
//! the same in its own tests). **A loop** runs all its rounds, whatever becomes of some, and is like a graph of them.
//!
//! **A retry policy** on a graph or loop tries what failed in it again, and keeps what succeeded.
//!
//! **Cancelling** tells running attempts to stop and cancels all that waits. Exit tasks run, if what they guard had
//! begun: upstream says that they do, and fails to, because a deadline of zero seconds is how it cancels.

mod again;
mod attempt;
mod begin;
mod blueprint;
mod decide;
mod illegal;
mod node;
mod outstanding;
mod replan;
mod scope;
mod settle;
mod stop;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use lightship_base::Timestamp;
use lightship_ir::exchange::Inputs;
use lightship_ir::template::Facts;
use lightship_ir::{Plan, TaskId};

use crate::event::{Change, Content, Event, Outputs};
use crate::id::{AttemptNumber, NodeId, RunId};
use crate::run::Header;
use crate::state::{Failure, RunState, TaskState};
use blueprint::Blueprint;
pub use illegal::Illegal;
use node::{Instance, Node, NodeState};
pub use outstanding::Outstanding;
use settle::Settle;

/// Everything that is known about a run.
#[derive(Debug, Clone)]
pub struct State {
    id: RunId,
    facts: Facts,
    inputs: Arc<Inputs>,
    blueprint: Arc<Blueprint>,
    run: RunState,
    /// Why nothing more starts; none while everything may.
    stop: Option<StopReason>,
    /// When it began, the last time that somebody made it.
    begun: Option<Timestamp>,
    nodes: Vec<Node>,
    /// Places that there are, and rounds that will be: see [`begin::MOST_PLACES`].
    places: usize,
    /// What is at the URIs of artifacts that the run made.
    contents: HashMap<String, Content>,
}

/// Why a run is ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StopReason {
    Canceled,
    Deadline,
}

/// What followed from an event.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    /// What is different now, for those who look on.
    pub changes: Vec<Change>,
    /// What is to be done.
    pub commands: Vec<Command>,
}

/// What is to be done for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Find the task's outputs in the cache ([`Event::Cached`]), or start an attempt ([`Event::Starting`]), when there
    /// is room.
    Start(NodeId),
    /// Tell this attempt to stop.
    Stop(NodeId, AttemptNumber),
    /// Say so ([`Event::Waited`]) when this moment has come.
    Wait(NodeId, Timestamp),
    /// Nothing: the run has ended in this state.
    Finished(RunState),
}

impl State {
    /// A run that has not begun.
    pub fn new(header: &Header) -> Self {
        Self {
            id: header.id.clone(),
            facts: header.facts.clone(),
            inputs: Arc::new(header.inputs.clone()),
            blueprint: Arc::new(Blueprint::of(Arc::clone(&header.plan))),
            run: RunState::Pending,
            stop: None,
            begun: None,
            nodes: vec![Node::root()],
            places: 1,
            contents: HashMap::new(),
        }
    }

    /// What a new run's first changes are: those that no event brings.
    pub fn first_changes(&self) -> Vec<Change> {
        let name: Arc<str> = Arc::from(self.plan().name.as_str());
        let root = Change::Created { node: NodeId::ROOT, parent: None, name, round: None };
        vec![root, Change::Run(RunState::Pending)]
    }

    /// Takes an event that was recorded at this time. An illegal one changes nothing.
    pub fn step(&mut self, at: Timestamp, event: &Event) -> Result<Effects, Illegal> {
        let mut settle = Settle::new(self, at);
        match event {
            Event::Begun => settle.begun()?,
            Event::Starting { node, attempt, lookup: _ } => settle.starting(*node, *attempt)?,
            Event::Cached { node, outputs, from: _ } => settle.cached(*node, outputs)?,
            Event::Succeeded { node, attempt, outputs } => {
                settle.succeeded(*node, *attempt, outputs)?;
            }
            Event::Failed { node, attempt, failure } => settle.failed(*node, *attempt, failure)?,
            Event::Stopped { node, attempt } => settle.stopped(*node, *attempt)?,
            Event::Lost { node, attempt } => settle.lost(*node, *attempt)?,
            Event::Waited { node } => settle.waited(*node)?,
            Event::CancelRequested => settle.cancel()?,
            Event::DeadlinePassed => settle.deadline()?,
            Event::PauseRequested => settle.pause()?,
            Event::ResumeRequested => settle.resume()?,
            Event::RetryRequested => settle.retry()?,
            Event::RerunRequested { node, plan } => settle.rerun(*node, plan.as_deref())?,
        }
        Ok(settle.run())
    }

    /// What becomes of the run.
    pub fn run_state(&self) -> RunState {
        self.run
    }

    /// When it began to run, the last time: deadlines count from there.
    pub fn begun_at(&self) -> Option<Timestamp> {
        self.begun
    }

    /// What it runs: the latest plan that it was given.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.blueprint.plan
    }

    /// The run.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// All places that there are, in the order in which they came into being.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        let live = self.nodes.iter().enumerate().filter(|(_, node)| node.is_live());
        live.map(|(index, _)| NodeId::at(index))
    }

    /// What became of a place; none where there is none.
    pub fn task_state(&self, node: NodeId) -> Option<TaskState> {
        self.live(node)?.state.public()
    }

    /// Why a place failed, if it did.
    pub fn failure(&self, node: NodeId) -> Option<&Failure> {
        self.live(node)?.state.failure().map(AsRef::as_ref)
    }

    /// The outputs of a place that succeeded.
    pub fn outputs(&self, node: NodeId) -> Option<&Outputs> {
        self.live(node)?.state.outputs()
    }

    /// The task of a place; none for the root.
    pub fn task(&self, node: NodeId) -> Option<TaskId> {
        self.live(node)?.task
    }

    /// The graph or loop that a place is in; none for the root.
    pub fn parent(&self, node: NodeId) -> Option<NodeId> {
        self.live(node)?.parent
    }

    /// Which round of its loop a place is, from 0.
    pub fn round(&self, node: NodeId) -> Option<u32> {
        self.live(node)?.round
    }

    /// How many attempts were made so far.
    pub fn attempts(&self, node: NodeId) -> u32 {
        self.live(node).map_or(0, |node| node.attempts)
    }

    /// The attempt that is under way, as far as is known.
    pub fn current_attempt(&self, node: NodeId) -> Option<AttemptNumber> {
        let node = self.live(node)?;
        matches!(node.state, NodeState::Attempt).then(|| AttemptNumber::of_number(node.attempts))?
    }

    /// The attempt that would be next.
    pub fn next_attempt(&self, node: NodeId) -> AttemptNumber {
        AttemptNumber::after(self.attempts(node))
    }

    /// What is at the URI of an artifact that the run made or found in the cache.
    pub fn content(&self, uri: &str) -> Option<&Content> {
        self.contents.get(uri)
    }

    /// Where a place is, in words: `for-loop-1[3]/train`; empty for the root.
    pub fn path(&self, node: NodeId) -> String {
        let mut steps = Vec::new();
        let mut next = Some(node);
        while let Some(node) = next.and_then(|id| self.live(id)) {
            match (node.task, node.round) {
                (Some(_), Some(round)) => steps.push(format!("[{round}]")),
                (Some(task), None) => steps.push(format!("/{}", self.plan().tasks[task].name)),
                (None, _) => {}
            }
            next = node.parent;
        }
        let path: String = steps.into_iter().rev().collect();
        path.strip_prefix('/').map(str::to_owned).unwrap_or(path)
    }

    /// The place of this path: see [`State::path`].
    pub fn find(&self, path: &str) -> Option<NodeId> {
        let last = path.rsplit(['/', '[']).next()?.trim_end_matches(']');
        let ends = |node: &NodeId| match (self.task(*node), self.round(*node)) {
            (Some(_), Some(round)) => round.to_string() == last,
            (Some(task), None) => self.plan().tasks[task].name == last,
            (None, _) => false,
        };
        self.nodes().filter(ends).find(|node| self.path(*node) == path)
    }

    fn live(&self, node: NodeId) -> Option<&Node> {
        self.nodes.get(node.index()).filter(|node| node.is_live())
    }

    fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node.index()]
    }

    fn graph(&self, node: NodeId) -> Option<&node::Graph> {
        match &self.node(node).instance {
            Instance::Graph(graph) => Some(graph),
            Instance::None | Instance::Item(_) | Instance::Loop(_) => None,
        }
    }
}
