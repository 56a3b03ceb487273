//! Cancelling, pausing, and what takes too long.

use super::node::{NodeState, Part};
use super::settle::{End, Settle, Work};
use super::{Illegal, StopReason};
use crate::id::NodeId;
use crate::state::RunState;

impl Settle<'_> {
    pub(super) fn cancel(&mut self) -> Result<(), Illegal> {
        let state = self.state.run;
        if !state.can_be_canceled() {
            return Err(Illegal::Run { what: "cancelled", state });
        }
        if self.stop_reason().is_some() {
            // It is being ended for another reason already; what runs has been told.
            self.state.stop = Some(StopReason::Canceled);
            self.set_run(RunState::Canceling);
            return Ok(());
        }
        self.stop(StopReason::Canceled, RunState::Canceling);
        Ok(())
    }

    pub(super) fn deadline(&mut self) -> Result<(), Illegal> {
        let goes_on = matches!(self.state.run, RunState::Running | RunState::Paused);
        if !goes_on || self.stop_reason().is_some() {
            return Err(Illegal::Run { what: "ended for its deadline", state: self.state.run });
        }
        self.stop(StopReason::Deadline, RunState::Running);
        Ok(())
    }

    pub(super) fn pause(&mut self) -> Result<(), Illegal> {
        if self.state.run != RunState::Running || self.stop_reason().is_some() {
            return Err(Illegal::Run { what: "paused", state: self.state.run });
        }
        self.set_run(RunState::Paused);
        Ok(())
    }

    pub(super) fn resume(&mut self) -> Result<(), Illegal> {
        if self.state.run != RunState::Paused {
            return Err(Illegal::Run { what: "resumed", state: self.state.run });
        }
        self.set_run(RunState::Running);
        Ok(())
    }

    fn stop(&mut self, reason: StopReason, run: RunState) {
        self.state.stop = Some(reason);
        self.set_run(run);
        for index in 0..self.state.nodes.len() {
            let node = NodeId::at(index);
            let place = self.state.node(node);
            // Exit tasks are left alone: they run yet.
            if place.part == Part::Exit {
                continue;
            }
            match place.state {
                NodeState::Waiting | NodeState::Ready | NodeState::Backoff(_) => {
                    self.end(node, End::Canceled);
                }
                NodeState::Attempt => self.stop_attempt(node),
                NodeState::Open => self.work.push_back(Work::Advance(node)),
                NodeState::Succeeded(_)
                | NodeState::Skipped
                | NodeState::Failed(_)
                | NodeState::Omitted
                | NodeState::Canceled
                | NodeState::Dropped => {}
            }
        }
    }
}
