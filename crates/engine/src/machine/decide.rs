//! What becomes of a task when all that it needs has ended.

use std::sync::Arc;

use lightship_ir::bind::{self, Item};
use lightship_ir::exchange::{Exchange, Inputs};
use lightship_ir::{Body, DagId, Strategy, Task};

use super::node::{Node, NodeState, Part};
use super::settle::{End, Settle};
use crate::id::NodeId;
use crate::state::{Failure, Reason};

/// What becomes of it.
enum Decision {
    End(End),
    Start,
    Graph(DagId, Inputs),
    Loop(Inputs, Vec<Item>),
}

impl Settle<'_> {
    pub(super) fn decide(&mut self, node: NodeId) {
        if !matches!(self.state.node(node).state, NodeState::Waiting) {
            return;
        }
        match self.decision(node) {
            Decision::End(End::Failed(failure)) => self.fail(node, failure),
            Decision::End(end) => self.end(node, end),
            Decision::Start => self.ready(node),
            Decision::Graph(dag, inputs) => self.begin_graph(node, dag, inputs),
            Decision::Loop(inputs, items) => self.begin_loop(node, inputs, items),
        }
    }

    fn decision(&self, node: NodeId) -> Decision {
        let Some(task) = self.task(node) else {
            let (dag, _) = self.state.plan().root_dag();
            return Decision::Graph(dag, self.state.inputs.as_ref().clone());
        };
        if let Some(end) = self.upstream(node, task) {
            return Decision::End(end);
        }
        let failed = |reason, message: String| {
            Decision::End(End::Failed(Arc::new(Failure::new(reason, message))))
        };
        let inputs = match self.state.inputs(node) {
            Ok(inputs) => inputs,
            Err(error) => return failed(Reason::Inputs, error.to_string()),
        };
        let inputs = match &task.trigger.condition {
            None => inputs,
            Some(condition) => {
                let exchange = Exchange { inputs, ..Exchange::default() };
                match condition.holds(&exchange) {
                    Ok(true) => exchange.inputs,
                    Ok(false) => return Decision::End(End::Skipped),
                    Err(error) => {
                        let message = format!("condition `{}`: {error}", condition.source());
                        return failed(Reason::Condition, message);
                    }
                }
            }
        };
        let Some(id) = self.state.node(node).task else { return Decision::Start };
        let plan = self.state.plan();
        match bind::items(plan, id, &inputs, &self.state.facts(node)) {
            Some(Ok(items)) => return Decision::Loop(inputs, items),
            Some(Err(error)) => return failed(Reason::Inputs, error.to_string()),
            None => {}
        }
        match plan.component_of(id).body {
            Body::Executor(_) => Decision::Start,
            Body::Dag(dag) => Decision::Graph(dag, inputs),
        }
    }

    /// How a task ends for the sake of what it needs; none where that does not keep it from running.
    fn upstream(&self, node: NodeId, task: &Task) -> Option<End> {
        let siblings = || task.needs.iter().filter_map(|need| self.sibling(node, *need));
        if self.is_stopped(node) {
            return Some(End::Canceled);
        }
        match task.trigger.strategy {
            Strategy::AllSucceeded => {
                if siblings().any(|need| need.state.is_unfinished()) {
                    return Some(End::Omitted);
                }
                let skipped = |need: &Node| matches!(need.state, NodeState::Skipped);
                siblings().any(skipped).then_some(End::Skipped)
            }
            // Where nothing had begun when the run was cancelled there is nothing to clean up.
            Strategy::AllCompleted => {
                let canceled = self.state.stop.is_some() && self.begins_exit(node);
                (canceled && !siblings().any(Node::has_begun)).then_some(End::Canceled)
            }
        }
    }

    /// Whether it is an exit task itself, and not something inside of one.
    fn begins_exit(&self, node: NodeId) -> bool {
        let place = self.state.node(node);
        let around = place.parent.map(|parent| self.state.node(parent).part);
        place.part == Part::Exit && around == Some(Part::Main)
    }

    fn sibling(&self, node: NodeId, need: lightship_ir::TaskId) -> Option<&Node> {
        let graph = self.state.graph(self.state.node(node).parent?)?;
        let child = *graph.children.get(self.state.blueprint.position(need))?;
        Some(self.state.node(child))
    }
}
