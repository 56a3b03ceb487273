//! What is known where a task stands: answers [`Scope`] for the binding of its inputs.

use lightship_ir::bind::{self, InputError, InputFault, Scope};
use lightship_ir::exchange::{Artifact, FinalStatus, Inputs};
use lightship_ir::template::Facts;
use lightship_ir::{ParameterBinding, TaskId};
use serde_json::Value;

use super::node::{Instance, Loop, NodeState};
use super::{NodeId, State};

/// One graph of a run, seen from inside.
pub(super) struct GraphScope<'s> {
    pub(super) state: &'s State,
    pub(super) graph: NodeId,
}

impl State {
    /// What a task is given. It is the same each time, so nobody has to keep it.
    pub fn inputs(&self, node: NodeId) -> Result<Inputs, InputError> {
        let place = self.node(node);
        let (Some(task), Some(parent)) = (place.task, place.parent) else {
            return Ok(self.inputs.as_ref().clone());
        };
        if let (Instance::Loop(around), Instance::Item(item)) =
            (&self.node(parent).instance, &place.instance)
        {
            let mut inputs = around.inputs.as_ref().clone();
            inputs.parameters.extend(item.parameters.clone());
            inputs.artifacts.extend(item.artifacts.clone());
            return Ok(inputs);
        }
        let scope = GraphScope { state: self, graph: parent };
        bind::inputs(self.plan(), task, &scope, &self.facts(node))
    }

    /// What texts of a task can say.
    pub fn facts(&self, node: NodeId) -> Facts {
        let mut facts = self.facts.clone();
        if let Some(task) = self.task(node) {
            facts.task_name.clone_from(&self.plan().tasks[task].name);
            facts.task_id = format!("{}-{node}", self.id);
        }
        facts
    }

    /// The value of a name that Kubernetes would be told about a task: of a secret, say.
    pub fn name_value(&self, node: NodeId, name: &ParameterBinding) -> Result<Value, InputFault> {
        let nothing = || InputFault::Nothing("a name outside of any graph".to_owned());
        let (graph, task) = self.graph_around(node).zip(self.task(node)).ok_or_else(nothing)?;
        let scope = GraphScope { state: self, graph };
        bind::name(self.plan(), task, name, &scope, &self.facts(node))
    }

    /// The graph that a task or round stands in.
    fn graph_around(&self, node: NodeId) -> Option<NodeId> {
        let parent = self.parent(node)?;
        if self.round(node).is_some() { self.parent(parent) } else { Some(parent) }
    }
}

impl<'s> GraphScope<'s> {
    /// What a round has not of its own is the loop's.
    fn around(&self) -> Option<&'s Loop> {
        let parent = self.state.node(self.graph).parent?;
        match &self.state.node(parent).instance {
            Instance::Loop(around) => Some(around),
            Instance::None | Instance::Item(_) | Instance::Graph(_) => None,
        }
    }

    fn look_up<T>(&self, of: impl Fn(&'s Inputs) -> Option<&'s T>) -> Option<&'s T>
    where
        T: ?Sized,
    {
        let own = self.state.graph(self.graph)?;
        of(&own.inputs).or_else(|| self.around().and_then(|around| of(&around.inputs)))
    }

    fn sibling(&self, task: TaskId) -> Option<NodeId> {
        let graph = self.state.graph(self.graph)?;
        graph.children.get(self.state.blueprint.position(task)).copied()
    }

    fn sibling_outputs(&self, task: TaskId) -> Option<&'s crate::event::Outputs> {
        self.state.node(self.sibling(task)?).state.outputs()
    }
}

impl Scope for GraphScope<'_> {
    fn parameter(&self, name: &str) -> Option<&Value> {
        self.look_up(|inputs| inputs.parameters.get(name))
    }

    fn artifacts(&self, name: &str) -> Option<&[Artifact]> {
        self.look_up(|inputs| inputs.artifacts.get(name).map(Vec::as_slice))
    }

    fn output(&self, task: TaskId, key: &str) -> Option<&Value> {
        self.sibling_outputs(task)?.produced.parameters.get(key)
    }

    fn output_artifacts(&self, task: TaskId, key: &str) -> Option<&[Artifact]> {
        self.sibling_outputs(task)?.produced.artifacts.get(key).map(Vec::as_slice)
    }

    fn final_status(&self, task: TaskId) -> Option<FinalStatus> {
        let node = self.state.node(self.sibling(task)?);
        let (state, error) = match &node.state {
            NodeState::Succeeded(_) => ("SUCCEEDED", None),
            NodeState::Failed(failure) => {
                ("FAILED", Some((failure.reason.status_code(), failure.message.clone())))
            }
            NodeState::Skipped | NodeState::Omitted => ("SKIPPED", None),
            NodeState::Canceled => ("CANCELLED", None),
            NodeState::Waiting
            | NodeState::Ready
            | NodeState::Attempt
            | NodeState::Open
            | NodeState::Backoff(_)
            | NodeState::Dropped => return None,
        };
        Some(FinalStatus {
            state: state.to_owned(),
            task: self.state.plan().tasks[task].name.clone(),
            job_resource_name: self.state.facts.job_resource_name.clone(),
            error,
        })
    }
}
