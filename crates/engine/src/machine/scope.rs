//! What is known where a task stands: answers [`Scope`] for the binding of its inputs.

use std::collections::BTreeMap;
use std::sync::Arc;

use lightship_ir::bind::{self, InputError, Scope};
use lightship_ir::exchange::{Artifact, Exchange, FinalStatus, Inputs};
use lightship_ir::template::{Context, Facts};
use lightship_ir::{Items, ParameterBinding, ParameterSource, TaskId};
use serde_json::Value;

use super::node::{Instance, Loop, NodeState};
use super::{NodeId, State};

/// One graph of a run, seen from inside.
pub(super) struct GraphScope<'s> {
    pub(super) state: &'s State,
    pub(super) graph: NodeId,
}

/// Why a name that Kubernetes would be told has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing is known where it should come from.
    #[error("{0} has no value")]
    Nothing(String),
    /// A part of a value has none.
    #[error("{0}")]
    Value(String),
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
    pub fn name_value(&self, node: NodeId, name: &ParameterBinding) -> Result<Value, NameError> {
        let nothing = || NameError::Nothing(format!("what {name:?} names"));
        let graph = self.graph_around(node).ok_or_else(nothing)?;
        let scope = GraphScope { state: self, graph };
        let value = match &name.source {
            ParameterSource::Input(input) => scope.parameter(input).cloned().ok_or_else(nothing)?,
            ParameterSource::Output(from) => {
                scope.output(from.task, &from.key).cloned().ok_or_else(nothing)?
            }
            ParameterSource::FinalStatus(task) => {
                scope.final_status(*task).ok_or_else(nothing)?.to_json()
            }
            ParameterSource::Constant(constant) => {
                let exchange = Exchange {
                    inputs: self.inputs(node).unwrap_or_default(),
                    ..Exchange::default()
                };
                let facts = self.facts(node);
                let task = self.task(node).ok_or_else(nothing)?;
                let declared = &self.plan().component_of(task).inputs;
                let context = Context { exchange: &exchange, facts: &facts, declared };
                constant.render(&context).map_err(|error| NameError::Value(error.to_string()))?
            }
        };
        match name.selector.as_ref().filter(|_| !value.is_null()) {
            None => Ok(value),
            Some(selector) => {
                selector.select(&value).map_err(|error| NameError::Value(error.to_string()))
            }
        }
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

/// The inputs of a loop without what it has rounds for. A round's item takes the place of all items, and ten thousand
/// rounds should not each hold the list of ten thousand.
pub(super) fn without_items(mut inputs: Inputs, items: &Items) -> Arc<Inputs> {
    match items {
        Items::Raw(_) => {}
        Items::Parameter(name) => drop(inputs.parameters.remove(name)),
        Items::Artifact(name) => drop(inputs.artifacts.remove(name)),
    }
    let Inputs { parameters, artifacts } = inputs;
    Arc::new(Inputs { parameters, artifacts: artifacts.into_iter().collect::<BTreeMap<_, _>>() })
}
