//! A changed pipeline under a run that has begun: other code in the same tasks.

use std::collections::HashMap;
use std::sync::Arc;

use lightship_ir::{DagId, Plan, TaskId};

use super::Illegal;
use super::blueprint::Blueprint;
use super::node::Instance;
use super::settle::Settle;
use crate::id::NodeId;

/// What becomes of the places, worked out before any of them is touched.
#[derive(Default)]
struct Moves {
    tasks: Vec<(NodeId, TaskId)>,
    graphs: Vec<(NodeId, DagId, Box<[NodeId]>)>,
}

impl Settle<'_> {
    pub(super) fn replan(&mut self, plan: &Plan) -> Result<(), Illegal> {
        let moves = self.moves(plan)?;
        for (node, task) in moves.tasks {
            self.node(node).task = Some(task);
        }
        for (node, dag, children) in moves.graphs {
            if let Instance::Graph(graph) = &mut self.node(node).instance {
                graph.dag = dag;
                graph.children = children;
            }
        }
        self.state.blueprint = Arc::new(Blueprint::of(Arc::new(plan.clone())));
        Ok(())
    }

    fn moves(&self, plan: &Plan) -> Result<Moves, Illegal> {
        let mut moves = Moves::default();
        let mut open = vec![(NodeId::ROOT, None)];
        while let Some((node, task)) = open.pop() {
            match &self.state.node(node).instance {
                Instance::None | Instance::Item(_) => {}
                Instance::Loop(around) => {
                    let Some(task) = task else { continue };
                    moves.tasks.extend(around.rounds.iter().map(|round| (*round, task)));
                    open.extend(around.rounds.iter().map(|round| (*round, Some(task))));
                }
                Instance::Graph(graph) => {
                    let dag = match task {
                        None => Some(plan.root_dag().0),
                        Some(task) => plan.dag_of(task),
                    };
                    let Some(dag) = dag else { return Err(self.other(node, "is no graph now")) };
                    let found = self.matched(node, graph.dag, plan, dag)?;
                    let children: Vec<NodeId> =
                        found.iter().map(|(at, _)| graph.children[*at]).collect();
                    let tasks = children.iter().copied().zip(found.iter().map(|(_, task)| *task));
                    moves.tasks.extend(tasks.clone());
                    open.extend(tasks.map(|(child, task)| (child, Some(task))));
                    moves.graphs.push((node, dag, children.into()));
                }
            }
        }
        Ok(moves)
    }

    /// For each task of the new graph its position in the old one.
    fn matched(
        &self,
        node: NodeId,
        old: DagId,
        plan: &Plan,
        new: DagId,
    ) -> Result<Vec<(usize, TaskId)>, Illegal> {
        let before = self.state.plan();
        let old: HashMap<&str, usize> = before.dags[old]
            .tasks
            .iter()
            .enumerate()
            .map(|(at, task)| (before.tasks[*task].name.as_str(), at))
            .collect();
        let new = &plan.dags[new].tasks;
        if old.len() != new.len() {
            return Err(self.other(node, "has another number of tasks"));
        }
        let graph = self.state.graph(node);
        new.iter()
            .map(|task| {
                let name = plan.tasks[*task].name.as_str();
                let at = old.get(name).copied();
                let was = at
                    .zip(graph)
                    .and_then(|(at, graph)| self.state.node(*graph.children.get(at)?).task);
                match at.zip(was) {
                    Some((at, was)) if same_shape(before, was, plan, *task) => Ok((at, *task)),
                    Some(_) | None => {
                        Err(self.other(node, &format!("has `{name}` at another place, or not")))
                    }
                }
            })
            .collect()
    }

    fn other(&self, node: NodeId, what: &str) -> Illegal {
        let path = self.state.path(node);
        let place = if path.is_empty() { "the pipeline".to_owned() } else { format!("`{path}`") };
        Illegal::OtherPlan(format!("{place} {what}"))
    }
}

/// Whether two tasks are of one kind and need tasks of the same names.
fn same_shape(before: &Plan, old: TaskId, plan: &Plan, new: TaskId) -> bool {
    let names = |plan: &Plan, task: TaskId| {
        let needs = plan.tasks[task].needs.iter();
        let mut names: Vec<String> = needs.map(|need| plan.tasks[*need].name.clone()).collect();
        names.sort();
        names
    };
    let (a, b) = (&before.tasks[old], &plan.tasks[new]);
    a.iterator.is_some() == b.iterator.is_some()
        && before.dag_of(old).is_some() == plan.dag_of(new).is_some()
        && names(before, old) == names(plan, new)
}
