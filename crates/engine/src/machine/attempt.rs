//! The beginning of a run, and what is heard of attempts.

use std::sync::Arc;

use super::node::NodeState;
use super::settle::{End, Settle, Work};
use super::{Illegal, StopReason, illegal};
use crate::event::Outputs;
use crate::id::{AttemptNumber, NodeId};
use crate::state::{Failure, RunState, TaskState};

impl Settle<'_> {
    pub(super) fn begun(&mut self) -> Result<(), Illegal> {
        if self.state.run != RunState::Pending {
            return Err(Illegal::Run { what: "begun", state: self.state.run });
        }
        self.state.begun = Some(self.at);
        self.set_run(RunState::Running);
        self.work.push_back(Work::Decide(NodeId::ROOT));
        Ok(())
    }

    pub(super) fn starting(&mut self, node: NodeId, attempt: AttemptNumber) -> Result<(), Illegal> {
        self.must_be_startable(node)?;
        let made = self.state.node(node).attempts;
        if attempt != AttemptNumber::after(made) {
            return Err(self.wrong_attempt(node, attempt, made));
        }
        self.node(node).attempts = attempt.get();
        self.set(node, NodeState::Attempt);
        Ok(())
    }

    pub(super) fn cached(&mut self, node: NodeId, outputs: &Arc<Outputs>) -> Result<(), Illegal> {
        self.must_be_startable(node)?;
        self.succeed(node, outputs);
        Ok(())
    }

    pub(super) fn succeeded(
        &mut self,
        node: NodeId,
        attempt: AttemptNumber,
        outputs: &Arc<Outputs>,
    ) -> Result<(), Illegal> {
        self.must_be_at(node, attempt)?;
        self.succeed(node, outputs);
        Ok(())
    }

    fn succeed(&mut self, node: NodeId, outputs: &Arc<Outputs>) {
        let contents = outputs.contents.iter().map(|(uri, content)| (uri.clone(), *content));
        self.state.contents.extend(contents);
        self.end(node, End::Succeeded(Arc::clone(outputs)));
    }

    pub(super) fn failed(
        &mut self,
        node: NodeId,
        attempt: AttemptNumber,
        failure: &Failure,
    ) -> Result<(), Illegal> {
        self.must_be_at(node, attempt)?;
        self.fail(node, Arc::new(failure.clone()));
        Ok(())
    }

    pub(super) fn stopped(&mut self, node: NodeId, attempt: AttemptNumber) -> Result<(), Illegal> {
        self.must_be_at(node, attempt)?;
        self.end(node, End::Canceled);
        Ok(())
    }

    pub(super) fn lost(&mut self, node: NodeId, attempt: AttemptNumber) -> Result<(), Illegal> {
        self.must_be_at(node, attempt)?;
        if self.is_stopped(node) {
            self.end(node, End::Canceled);
        } else {
            self.ready(node);
        }
        Ok(())
    }

    pub(super) fn waited(&mut self, node: NodeId) -> Result<(), Illegal> {
        self.exists(node)?;
        match self.state.node(node).state {
            NodeState::Backoff(_) => {
                self.try_again(node);
                Ok(())
            }
            NodeState::Waiting
            | NodeState::Ready
            | NodeState::Attempt
            | NodeState::Open
            | NodeState::Succeeded(_)
            | NodeState::Skipped
            | NodeState::Failed(_)
            | NodeState::Omitted
            | NodeState::Canceled
            | NodeState::Dropped => Err(self.wrong_task(node, "waited for")),
        }
    }

    pub(super) fn exists(&self, node: NodeId) -> Result<(), Illegal> {
        self.state.live(node).map(|_| ()).ok_or(Illegal::NoSuchNode(node))
    }

    fn must_be_startable(&self, node: NodeId) -> Result<(), Illegal> {
        self.exists(node)?;
        match self.state.run {
            RunState::Running | RunState::Canceling => {}
            state @ (RunState::Pending
            | RunState::Succeeded
            | RunState::Skipped
            | RunState::Failed
            | RunState::Canceled
            | RunState::Paused) => return Err(Illegal::Run { what: "given new attempts", state }),
        }
        if matches!(self.state.node(node).state, NodeState::Ready) {
            Ok(())
        } else {
            Err(self.wrong_task(node, "started"))
        }
    }

    fn must_be_at(&self, node: NodeId, attempt: AttemptNumber) -> Result<(), Illegal> {
        self.exists(node)?;
        let place = self.state.node(node);
        if !matches!(place.state, NodeState::Attempt) {
            return Err(self.wrong_task(node, "ended"));
        }
        if place.attempts != attempt.get() {
            return Err(self.wrong_attempt(node, attempt, place.attempts));
        }
        Ok(())
    }

    fn wrong_task(&self, node: NodeId, what: &'static str) -> Illegal {
        let state = self.state.task_state(node).unwrap_or(TaskState::Waiting);
        Illegal::Task { place: illegal::place(&self.state.path(node)), what, state }
    }

    fn wrong_attempt(&self, node: NodeId, attempt: AttemptNumber, current: u32) -> Illegal {
        Illegal::Attempt { place: illegal::place(&self.state.path(node)), attempt, current }
    }

    /// Whether the run is being ended before its time.
    pub(super) fn stop_reason(&self) -> Option<StopReason> {
        self.state.stop
    }
}
