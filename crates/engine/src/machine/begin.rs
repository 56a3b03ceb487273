//! Graphs and loops: their beginning, their rounds, their end.

use std::sync::Arc;

use lightship_ir::bind::{self, Item};
use lightship_ir::exchange::{Inputs, Produced};
use lightship_ir::{Body, DagId, TaskId};

use super::node::{Graph, Instance, Loop, Node, NodeState, Part, Todo};
use super::scope::GraphScope;
use super::settle::{End, Settle, Work};
use crate::event::Outputs;
use crate::id::NodeId;
use crate::state::{Failure, Reason};

/// Rounds of a loop without a limit that are open at the same time: more than any machine runs, and few enough that a
/// loop of a million does not fill the memory with tasks that wait for their turn.
const OPEN_ROUNDS: u32 = 16_384;

/// Places that a run may have at the same time, rounds that wait for their turn included: far more than a loop of
/// 10,000 rounds or one of 100 in another of 100, and what fits into a machine's memory. The items of a loop may come
/// from a task, and loops in loops multiply; the one that would be too much fails, and Lightship does not.
pub(super) const MOST_PLACES: usize = 1_000_000;

impl Settle<'_> {
    pub(super) fn begin_graph(&mut self, node: NodeId, dag: DagId, inputs: Inputs) {
        let blueprint = Arc::clone(&self.state.blueprint);
        let tasks = &blueprint.plan.dags[dag].tasks;
        if let Err(failure) = self.room_for(tasks.len()) {
            return self.fail(node, failure);
        }
        let around = self.state.node(node).part;
        self.set(node, NodeState::Open);
        let first = self.state.nodes.len();
        let children = (first..first + tasks.len()).map(NodeId::at).collect();
        let open = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
        let graph = Graph { dag, inputs: Arc::new(inputs), children, open };
        self.node(node).instance = Instance::Graph(Box::new(graph));
        for task in tasks {
            let plan = &blueprint.plan.tasks[*task];
            let part = if plan.exit { Part::Exit } else { around };
            let mut child = Node::new(Some(node), Some(*task), None, part);
            child.pending = u32::try_from(plan.needs.len()).unwrap_or(u32::MAX);
            let free = child.pending == 0;
            let child = self.create(child);
            if free {
                self.work.push_back(Work::Decide(child));
            }
        }
        if tasks.is_empty() {
            self.work.push_back(Work::Finish(node));
        }
    }

    pub(super) fn begin_loop(&mut self, node: NodeId, inputs: Inputs, items: Vec<Item>) {
        if let Err(failure) = self.room_for(items.len()) {
            return self.fail(node, failure);
        }
        self.set(node, NodeState::Open);
        let iterator = self.task(node).and_then(|task| task.iterator.as_ref());
        let inputs = Arc::new(match iterator {
            // Ten thousand rounds should not each hold the list of ten thousand.
            Some(iterator) => bind::without_items(inputs, &iterator.items),
            None => inputs,
        });
        self.state.places += items.len();
        let rounds = Vec::with_capacity(items.len());
        let todo = items.into_iter().map(Todo::New).collect();
        self.node(node).instance =
            Instance::Loop(Box::new(Loop { inputs, rounds, todo, active: 0 }));
        self.work.push_back(Work::Advance(node));
    }

    /// Whether as many more places can be.
    fn room_for(&self, more: usize) -> Result<(), Arc<Failure>> {
        if self.state.places.saturating_add(more) <= MOST_PLACES {
            return Ok(());
        }
        let message = format!(
            "it has {more} tasks or rounds, and with these the run would have more than {MOST_PLACES} at the same time"
        );
        Err(Arc::new(Failure::new(Reason::Inputs, message)))
    }

    /// Starts as many rounds as there is room for.
    pub(super) fn advance(&mut self, node: NodeId) {
        if !matches!(self.state.node(node).state, NodeState::Open) {
            return;
        }
        let stopped = self.is_stopped(node);
        let limit = self.task(node).and_then(|task| task.iterator.as_ref()).and_then(|i| i.limit);
        let limit = limit.map_or(OPEN_ROUNDS, |limit| limit.max(1));
        loop {
            let Instance::Loop(around) = &mut self.node(node).instance else { return };
            if around.active == 0 && (stopped || around.todo.is_empty()) {
                self.work.push_back(Work::Finish(node));
                return;
            }
            if stopped || around.active >= limit {
                return;
            }
            let Some(todo) = around.todo.pop_front() else { return };
            around.active += 1;
            match todo {
                Todo::New(item) => self.begin_round(node, &item),
                Todo::Again(round) => self.work.push_back(Work::Reopen(round)),
            }
        }
    }

    fn begin_round(&mut self, around: NodeId, item: &Item) {
        let Some(task) = self.state.node(around).task else { return };
        let part = self.state.node(around).part;
        let Instance::Loop(body) = &self.state.node(around).instance else { return };
        let number = u32::try_from(body.rounds.len()).unwrap_or(u32::MAX);
        // It was counted with its loop.
        self.state.places -= 1;
        let round = self.create(Node::new(Some(around), Some(task), Some(number), part));
        if let Instance::Loop(body) = &mut self.node(around).instance {
            body.rounds.push(round);
        }
        let plan = Arc::clone(self.state.plan());
        // Only what is the round's own: the rest is found in the loop.
        match bind::round(&plan, task, item) {
            Ok(own) => self.begin_body(round, task, own),
            Err(error) => {
                let failure = Failure::new(Reason::Inputs, error.to_string());
                self.end(round, End::Failed(Arc::new(failure)));
            }
        }
    }

    /// Begins a round with what is its own.
    pub(super) fn begin_body(&mut self, round: NodeId, task: TaskId, own: Inputs) {
        match self.state.plan().component_of(task).body {
            Body::Dag(dag) => self.begin_graph(round, dag, own),
            Body::Executor(_) => {
                self.node(round).instance = Instance::Item(Box::new(own));
                self.ready(round);
            }
        }
    }

    /// All of a graph or loop has ended.
    pub(super) fn finish(&mut self, node: NodeId) {
        if !matches!(self.state.node(node).state, NodeState::Open) {
            return;
        }
        let parts: &[NodeId] = match &self.state.node(node).instance {
            Instance::None | Instance::Item(_) => &[],
            Instance::Graph(graph) if graph.open > 0 => return,
            Instance::Graph(graph) => &graph.children,
            Instance::Loop(around) if around.active > 0 => return,
            Instance::Loop(around) => &around.rounds,
        };
        let failed =
            |part: &NodeId| Some((*part, Arc::clone(self.state.node(*part).state.failure()?)));
        let failed = parts.iter().find_map(failed);
        if let Some((part, failure)) = failed {
            let failure = self.inside(part, &failure);
            return self.fail(node, Arc::new(failure));
        }
        if parts.iter().any(|part| self.state.node(*part).state.is_unfinished())
            || self.is_cut_short(node)
        {
            return self.end(node, End::Canceled);
        }
        let outputs = Outputs { produced: self.produced(node), ..Outputs::default() };
        self.end(node, End::Succeeded(Arc::new(outputs)));
    }

    /// Whether rounds are left that nobody will start.
    fn is_cut_short(&self, node: NodeId) -> bool {
        match &self.state.node(node).instance {
            Instance::Loop(around) => !around.todo.is_empty(),
            Instance::None | Instance::Item(_) | Instance::Graph(_) => false,
        }
    }

    /// The failure of a graph or loop, told by the first of its parts that failed.
    fn inside(&self, part: NodeId, failure: &Failure) -> Failure {
        let what = match (self.state.node(part).round, self.task(part)) {
            (Some(round), _) => format!("round {round}"),
            (None, Some(task)) => format!("task `{}`", task.name),
            (None, None) => "the run".to_owned(),
        };
        Failure::new(Reason::Inside, format!("{what}: {failure}"))
    }

    /// What comes out of a graph or loop that succeeded.
    fn produced(&self, node: NodeId) -> Produced {
        let plan = self.state.plan();
        match (&self.state.node(node).instance, self.state.node(node).task) {
            (Instance::Graph(graph), _) => {
                bind::outputs(plan, graph.dag, &GraphScope { state: self.state, graph: node })
            }
            (Instance::Loop(around), Some(task)) => {
                let outputs = |round: &NodeId| self.state.node(*round).state.outputs();
                let rounds = around.rounds.iter().filter_map(outputs).map(|all| &all.produced);
                bind::collected(plan, task, rounds)
            }
            (Instance::Loop(_), None) | (Instance::None | Instance::Item(_), _) => {
                Produced::default()
            }
        }
    }
}
