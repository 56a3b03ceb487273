//! What follows from an event: one thing after the other, until nothing does. Neither a long chain of tasks nor a deep
//! one takes stack.

use std::collections::VecDeque;
use std::sync::Arc;

use lightship_base::Timestamp;
use lightship_ir::{Body, Task};

use super::node::{Instance, Node, NodeState, Part};
use super::{Command, Effects, State, StopReason};
use crate::event::{Change, Outputs};
use crate::id::{AttemptNumber, NodeId};
use crate::state::{Failure, RunState};

/// An event that is being taken.
pub(super) struct Settle<'s> {
    pub(super) state: &'s mut State,
    pub(super) at: Timestamp,
    pub(super) work: VecDeque<Work>,
    effects: Effects,
}

/// Something to look at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    /// All that this one needs has ended.
    Decide(NodeId),
    /// A loop may have room for another round.
    Advance(NodeId),
    /// All of this graph or loop has ended.
    Finish(NodeId),
    /// What failed in it is tried again.
    Reopen(NodeId),
}

/// How something ends.
#[derive(Debug)]
pub(super) enum End {
    Succeeded(Arc<Outputs>),
    Skipped,
    Failed(Arc<Failure>),
    Omitted,
    Canceled,
}

impl<'s> Settle<'s> {
    pub(super) fn new(state: &'s mut State, at: Timestamp) -> Self {
        Self { state, at, work: VecDeque::new(), effects: Effects::default() }
    }

    /// Everything that follows.
    pub(super) fn run(mut self) -> Effects {
        while let Some(work) = self.work.pop_front() {
            match work {
                Work::Decide(node) => self.decide(node),
                Work::Advance(node) => self.advance(node),
                Work::Finish(node) => self.finish(node),
                Work::Reopen(node) => self.reopen(node),
            }
        }
        self.effects
    }

    pub(super) fn node(&mut self, node: NodeId) -> &mut Node {
        &mut self.state.nodes[node.index()]
    }

    /// The plan's task of a place; none for the root.
    pub(super) fn task(&self, node: NodeId) -> Option<&Task> {
        self.state.node(node).task.map(|task| &self.state.plan().tasks[task])
    }

    pub(super) fn change(&mut self, change: Change) {
        self.effects.changes.push(change);
    }

    pub(super) fn command(&mut self, command: Command) {
        self.effects.commands.push(command);
    }

    pub(super) fn set(&mut self, node: NodeId, state: NodeState) {
        match &state {
            NodeState::Failed(failure) => {
                let failure = Arc::clone(failure);
                self.change(Change::Failed { node, failure });
            }
            other => {
                let public = other.public();
                self.effects.changes.extend(public.map(|state| Change::State { node, state }));
            }
        }
        self.node(node).state = state;
    }

    pub(super) fn set_run(&mut self, run: RunState) {
        self.state.run = run;
        self.change(Change::Run(run));
    }

    /// A new place below another one.
    pub(super) fn create(&mut self, node: Node) -> NodeId {
        let id = NodeId::at(self.state.nodes.len());
        let name = node.task.map_or_else(|| Arc::from(""), |task| self.state.blueprint.name(task));
        self.change(Change::Created { node: id, parent: node.parent, name, round: node.round });
        self.state.nodes.push(node);
        self.state.places += 1;
        id
    }

    /// A task may start.
    pub(super) fn ready(&mut self, node: NodeId) {
        self.set(node, NodeState::Ready);
        self.command(Command::Start(node));
    }

    /// Whether nothing of this part may start any more.
    pub(super) fn is_stopped(&self, node: NodeId) -> bool {
        self.state.stop.is_some() && self.state.node(node).part == Part::Main
    }

    /// It failed: for now, or for good.
    pub(super) fn fail(&mut self, node: NodeId, failure: Arc<Failure>) {
        let own = self.task(node).filter(|task| self.tries_itself(node, task));
        let retry = own.map(|task| task.retry).unwrap_or_default();
        let retries = self.state.node(node).retries;
        if self.is_stopped(node) || !failure.reason.may_pass() || retries >= retry.limit {
            return self.end(node, End::Failed(failure));
        }
        self.node(node).retries = retries + 1;
        let wait = retry.wait(retries + 1);
        // Whole seconds would lose short waits; beyond what a clock can say it is for ever anyhow.
        let until = jiff::SignedDuration::try_from(wait).ok();
        let until = until.and_then(|wait| self.at.checked_add(wait).ok()).unwrap_or(Timestamp::MAX);
        if wait.is_zero() {
            self.try_again(node);
        } else {
            self.set(node, NodeState::Backoff(until));
            self.command(Command::Wait(node, until));
        }
    }

    /// Whether the policy of its task is for this very place. A loop and its rounds have one policy between them: where
    /// a round is a graph the loop tries it again, and where it is a task it does so itself. Both would multiply.
    fn tries_itself(&self, node: NodeId, task: &Task) -> bool {
        let place = self.state.node(node);
        match (&place.instance, place.round) {
            (Instance::Graph(_), Some(_)) => false,
            (Instance::Loop(_), _) => {
                let component = &self.state.plan().components[task.component];
                matches!(component.body, Body::Dag(_))
            }
            (Instance::None | Instance::Item(_) | Instance::Graph(_), _) => true,
        }
    }

    /// The wait before another attempt is over.
    pub(super) fn try_again(&mut self, node: NodeId) {
        match self.state.node(node).instance {
            Instance::None | Instance::Item(_) => self.ready(node),
            Instance::Graph(_) | Instance::Loop(_) => {
                self.set(node, NodeState::Open);
                self.work.push_back(Work::Reopen(node));
            }
        }
    }

    /// It ended. What waits for it is looked at.
    pub(super) fn end(&mut self, node: NodeId, end: End) {
        if self.state.node(node).state.is_final() {
            return;
        }
        let state = match end {
            End::Succeeded(outputs) => NodeState::Succeeded(outputs),
            End::Skipped => NodeState::Skipped,
            End::Failed(failure) => NodeState::Failed(failure),
            End::Omitted => NodeState::Omitted,
            End::Canceled => NodeState::Canceled,
        };
        self.set(node, state);
        match self.state.node(node).parent {
            None => self.end_run(),
            Some(parent) => self.tell(parent, node),
        }
    }

    fn tell(&mut self, parent: NodeId, node: NodeId) {
        let blueprint = Arc::clone(&self.state.blueprint);
        let task = self.state.node(node).task;
        match &mut self.node(parent).instance {
            Instance::None | Instance::Item(_) => {}
            Instance::Loop(around) => {
                around.active = around.active.saturating_sub(1);
                self.work.push_back(Work::Advance(parent));
            }
            Instance::Graph(graph) => {
                graph.open = graph.open.saturating_sub(1);
                let finished = graph.open == 0;
                let waiting = task.map_or(&[][..], |task| blueprint.dependents(task));
                let waiting: Vec<NodeId> = waiting.iter().map(|at| graph.children[*at]).collect();
                for dependent in waiting {
                    let other = self.node(dependent);
                    other.pending = other.pending.saturating_sub(1);
                    if other.pending == 0 {
                        self.work.push_back(Work::Decide(dependent));
                    }
                }
                if finished {
                    self.work.push_back(Work::Finish(parent));
                }
            }
        }
    }

    fn end_run(&mut self) {
        let root = self.state.node(NodeId::ROOT);
        let run = match (&root.state, self.state.stop) {
            (_, Some(StopReason::Canceled)) | (NodeState::Canceled, None) => RunState::Canceled,
            (NodeState::Succeeded(_), None) => RunState::Succeeded,
            (NodeState::Skipped, None) => RunState::Skipped,
            (_, Some(StopReason::Deadline))
            | (
                NodeState::Failed(_)
                | NodeState::Omitted
                | NodeState::Waiting
                | NodeState::Ready
                | NodeState::Attempt
                | NodeState::Open
                | NodeState::Backoff(_)
                | NodeState::Dropped,
                None,
            ) => RunState::Failed,
        };
        self.set_run(run);
        self.command(Command::Finished(run));
    }

    /// Tells an attempt to stop.
    pub(super) fn stop_attempt(&mut self, node: NodeId) {
        if let Some(attempt) = AttemptNumber::of_number(self.state.node(node).attempts) {
            self.command(Command::Stop(node, attempt));
        }
    }
}
