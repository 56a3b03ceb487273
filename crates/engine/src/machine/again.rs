//! Trying again what failed, and running again what somebody changed.
//!
//! Whatever comes after something that runs again runs again as well: its inputs may be others. What nothing of that
//! concerns stays as it is. A place keeps its number and its attempts go on counting; what was inside of a graph or loop
//! that begins anew gets new numbers. So no two attempts of a run have both in common, and none meets the log or the
//! folders of another.

use std::collections::VecDeque;

use lightship_ir::exchange::Inputs;
use lightship_ir::{Plan, TaskId};

use super::Illegal;
use super::node::{Instance, NodeState, Todo};
use super::settle::{End, Settle, Work};
use crate::event::Change;
use crate::id::NodeId;
use crate::state::RunState;

/// How something runs again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// What failed in it, and what comes after that.
    WhatFailed,
    /// All of it.
    FromTheStart,
}

impl Settle<'_> {
    pub(super) fn retry(&mut self) -> Result<(), Illegal> {
        match self.state.run {
            RunState::Failed | RunState::Canceled => {
                self.state.stop = None;
                self.state.begun = Some(self.at);
                self.node(NodeId::ROOT).retries = 0;
                self.set_run(RunState::Running);
                self.work.push_back(Work::Reopen(NodeId::ROOT));
                Ok(())
            }
            state @ (RunState::Pending
            | RunState::Running
            | RunState::Succeeded
            | RunState::Skipped
            | RunState::Canceling
            | RunState::Paused) => Err(Illegal::Run { what: "retried", state }),
        }
    }

    pub(super) fn rerun(&mut self, node: NodeId, plan: Option<&Plan>) -> Result<(), Illegal> {
        if !self.state.run.is_final() {
            return Err(Illegal::Run { what: "run again in part", state: self.state.run });
        }
        self.exists(node)?;
        if let Some(plan) = plan {
            self.replan(plan)?;
        }
        self.state.stop = None;
        self.state.begun = Some(self.at);
        self.set_run(RunState::Running);
        self.again_from(node);
        Ok(())
    }

    /// Tries again what failed in it. A task that failed is itself what failed.
    pub(super) fn reopen(&mut self, node: NodeId) {
        let place = self.state.node(node);
        match (&place.instance, place.round, &place.state) {
            // Its item was none that the loop's component takes; it is that still.
            (Instance::None, Some(_), NodeState::Failed(failure)) => {
                let failure = std::sync::Arc::clone(failure);
                self.set(node, NodeState::Waiting);
                self.end(node, End::Failed(failure));
            }
            (Instance::None, _, _) => {
                self.node(node).retries = 0;
                self.set(node, NodeState::Waiting);
                self.work.push_back(Work::Decide(node));
            }
            (Instance::Item(_), _, _) => {
                self.node(node).retries = 0;
                self.ready(node);
            }
            (Instance::Graph(_), _, _) => {
                let failed = self.parts_after(node, NodeState::is_unfinished);
                self.renew(node, &failed, None, How::WhatFailed);
            }
            (Instance::Loop(_), _, _) => self.reopen_loop(node),
        }
    }

    fn reopen_loop(&mut self, node: NodeId) {
        let Instance::Loop(around) = &self.state.node(node).instance else { return };
        let unfinished = |round: &NodeId| self.state.node(*round).state.is_unfinished();
        let again = around.rounds.iter().copied().filter(unfinished).map(Todo::Again);
        let mut todo: VecDeque<Todo> = again.collect();
        self.open(node);
        if let Instance::Loop(around) = &mut self.node(node).instance {
            // Rounds that were to be tried again when it was cancelled are among those above.
            let new = std::mem::take(&mut around.todo);
            todo.extend(new.into_iter().filter(|todo| matches!(todo, Todo::New(_))));
            around.todo = todo;
            around.active = 0;
        }
        self.work.push_back(Work::Advance(node));
    }

    /// Which tasks of a graph are `chosen`, or come after one that is.
    fn parts_after(&self, graph: NodeId, chosen: impl Fn(&NodeState) -> bool) -> Vec<bool> {
        let Some(body) = self.state.graph(graph) else { return Vec::new() };
        let plan = self.state.plan();
        let mut after = vec![false; body.children.len()];
        for (at, task) in plan.dags[body.dag].tasks.iter().enumerate() {
            let position = |need: &TaskId| self.state.blueprint.position(*need);
            after[at] = chosen(&self.state.node(body.children[at]).state)
                || plan.tasks[*task].needs.iter().any(|need| after[position(need)]);
        }
        after
    }

    /// Opens a graph again: these of its tasks run again; another one may be running already.
    fn renew(&mut self, graph: NodeId, again: &[bool], running: Option<usize>, how: How) {
        let Some(body) = self.state.graph(graph) else { return };
        let (dag, children) = (body.dag, body.children.clone());
        let plan = std::sync::Arc::clone(self.state.plan());
        self.open(graph);
        let open = again.iter().filter(|again| **again).count() + usize::from(running.is_some());
        if let Instance::Graph(body) = &mut self.node(graph).instance {
            body.open = u32::try_from(open).unwrap_or(u32::MAX);
        }
        for (at, task) in plan.dags[dag].tasks.iter().enumerate().filter(|(at, _)| again[*at]) {
            let unsettled = |need: &&TaskId| {
                let position = self.state.blueprint.position(**need);
                again[position] || running == Some(position)
            };
            let pending = plan.tasks[*task].needs.iter().filter(unsettled).count();
            let child = children[at];
            self.node(child).pending = u32::try_from(pending).unwrap_or(u32::MAX);
            self.renew_task(child, how);
        }
        // All of it had ended well before somebody cancelled.
        if open == 0 {
            self.work.push_back(Work::Finish(graph));
        }
    }

    fn renew_task(&mut self, node: NodeId, how: How) {
        let place = self.state.node(node);
        let free = place.pending == 0;
        let has_parts = matches!(place.instance, Instance::Graph(_) | Instance::Loop(_));
        if how == How::WhatFailed && free && has_parts && place.state.is_unfinished() {
            self.node(node).retries = 0;
            self.work.push_back(Work::Reopen(node));
            return;
        }
        self.forget(node);
        self.set(node, NodeState::Waiting);
        if free {
            self.work.push_back(Work::Decide(node));
        }
    }

    /// Runs a place again, all that comes after it, and all that comes after what is around it.
    fn again_from(&mut self, node: NodeId) {
        let place = self.state.node(node);
        let (parent, round, task) = (place.parent, place.round, place.task);
        let Some(parent) = parent else {
            self.forget(node);
            self.set(node, NodeState::Waiting);
            return self.work.push_back(Work::Decide(node));
        };
        if let (Some(_), Some(task)) = (round, task) {
            self.round_again(node, task);
        } else {
            let position = self.position(node);
            let after = self.those_after(parent, position);
            self.renew(parent, &after, None, How::FromTheStart);
        }
        let mut inner = if round.is_some() { node } else { parent };
        while let Some(outer) = self.state.node(inner).parent {
            if matches!(self.state.node(outer).instance, Instance::Graph(_)) {
                let position = self.position(inner);
                let mut after = self.those_after(outer, position);
                if let Some(own) = after.get_mut(position) {
                    *own = false;
                }
                self.renew(outer, &after, Some(position), How::FromTheStart);
            } else {
                self.open(outer);
                if let Instance::Loop(around) = &mut self.node(outer).instance {
                    around.active += 1;
                }
            }
            inner = outer;
        }
    }

    fn round_again(&mut self, round: NodeId, task: TaskId) {
        let own = match &self.state.node(round).instance {
            Instance::Graph(graph) => graph.inputs.as_ref().clone(),
            Instance::Item(own) => own.as_ref().clone(),
            Instance::None | Instance::Loop(_) => Inputs::default(),
        };
        self.forget(round);
        self.begin_body(round, task, own);
    }

    fn position(&self, node: NodeId) -> usize {
        self.state.node(node).task.map_or(0, |task| self.state.blueprint.position(task))
    }

    /// The task at this position of a graph, and those that come after it.
    fn those_after(&self, graph: NodeId, position: usize) -> Vec<bool> {
        let Some(body) = self.state.graph(graph) else { return Vec::new() };
        let plan = self.state.plan();
        let mut after = vec![false; body.children.len()];
        for (at, task) in plan.dags[body.dag].tasks.iter().enumerate() {
            let needs = plan.tasks[*task].needs.iter();
            let mut needs = needs.map(|need| self.state.blueprint.position(*need));
            after[at] = at == position || needs.any(|need| after[need]);
        }
        after
    }

    fn open(&mut self, node: NodeId) {
        if !matches!(self.state.node(node).state, NodeState::Open) {
            self.set(node, NodeState::Open);
        }
    }

    /// Drops all places inside of one.
    fn forget(&mut self, node: NodeId) {
        self.node(node).retries = 0;
        let mut stack = vec![node];
        while let Some(next) = stack.pop() {
            match std::mem::replace(&mut self.node(next).instance, Instance::None) {
                Instance::None | Instance::Item(_) => {}
                Instance::Graph(graph) => stack.extend(graph.children),
                Instance::Loop(around) => {
                    let new = around.todo.iter().filter(|todo| matches!(todo, Todo::New(_)));
                    self.state.places -= new.count();
                    stack.extend(around.rounds);
                }
            }
            if next != node {
                self.state.places -= 1;
                self.node(next).state = NodeState::Dropped;
                self.change(Change::Dropped { node: next });
            }
        }
    }
}
