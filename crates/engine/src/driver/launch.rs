//! What an executor is told of an attempt.

use std::sync::Arc;

use lightship_ir::exchange::{Artifact, Exchange, Inputs};
use lightship_ir::template::Context;
use lightship_ir::{
    Amount, ExecutorKind, Kubernetes, ParameterBinding, Resources, TaskId, quantity,
};

use super::room::Need;
use super::run::RunLoop;
use crate::executor::Launch;
use crate::id::{AttemptId, NodeId};
use crate::state::{Failure, Reason};
use crate::store::Use;

/// Why something that waits for its turn cannot be launched: it has no task, or a name that it needs has no value.
type Unlaunchable = Box<Failure>;

impl RunLoop {
    /// All that an executor is told of the next attempt of a task.
    pub(super) fn launch(&self, node: NodeId, task: TaskId) -> Result<Launch, Unlaunchable> {
        let wrong = |text: String| Box::new(Failure::new(Reason::Inputs, text));
        let attempt = self.state.next_attempt(node);
        let id = AttemptId { run: self.header.id.clone(), node, attempt };
        let path = self.state.path(node);
        let plan = Arc::clone(self.state.plan());
        let inputs = self.state.inputs(node).map_err(|error| wrong(error.to_string()))?;
        let mut names = Vec::new();
        for (what, binding) in plan.tasks[task].kubernetes.as_deref().into_iter().flat_map(bindings)
        {
            let value = self.state.name_value(node, binding);
            let value = value.map_err(|error| wrong(format!("the name of its {what}: {error}")))?;
            names.push((binding.clone(), value));
        }
        let root = self.shared.world.artifacts.root(&plan.name, &path, &id);
        let facts = self.state.facts(node);
        Ok(Launch { id, plan, task, path, inputs, facts, root, names })
    }
}

/// What a task asks for. A limit stands for a request that is not made, as it does in Kubernetes.
pub(super) fn need(launch: &Launch) -> Need {
    let Some(ExecutorKind::Container(container)) =
        launch.plan.executor_of(launch.task).map(|executor| &executor.kind)
    else {
        return Need::default();
    };
    let Resources { cpu_request, cpu_limit, memory_request, memory_limit, accelerator: _ } =
        &container.resources;
    let cpu = cpu_request.as_ref().or(cpu_limit.as_ref());
    let memory = memory_request.as_ref().or(memory_limit.as_ref());
    Need {
        cpu: amount(launch, cpu, quantity::cpu).map_or(0, |cpu| cpu.0),
        memory: amount(launch, memory, quantity::memory).map_or(0, |memory| memory.0),
    }
}

/// A quantity; none where its text is none, which is the executor's to refuse.
fn amount<T: Copy>(
    launch: &Launch,
    amount: Option<&Amount<T>>,
    read: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    match amount? {
        Amount::Fixed(value) => Some(*value),
        Amount::Template(template) => {
            let exchange = Exchange { inputs: launch.inputs.clone(), ..Exchange::default() };
            let declared = &launch.plan.component_of(launch.task).inputs;
            let context = Context { exchange: &exchange, facts: &launch.facts, declared };
            read(&template.render(&context).ok()?)
        }
    }
}

/// The artifacts that a task reads.
pub(super) fn uses(node: NodeId, inputs: &Inputs) -> Vec<Use> {
    let used = |(input, list): (&String, &Vec<Artifact>)| {
        let used =
            |artifact: &Artifact| Use { node, input: input.clone(), uri: artifact.uri.clone() };
        list.iter().map(used).collect::<Vec<Use>>()
    };
    inputs.artifacts.iter().flat_map(used).collect()
}

/// All names of what a task uses, and what they name. Where it is scheduled, and who fetches its image, has names as
/// well; these mean something to a cluster only, so nobody is asked for their values here.
fn bindings(kubernetes: &Kubernetes) -> impl Iterator<Item = (&'static str, &ParameterBinding)> {
    let objects = [
        ("secret", &kubernetes.secret_volumes, &kubernetes.secret_env),
        ("config map", &kubernetes.config_map_volumes, &kubernetes.config_map_env),
    ];
    let objects = objects.into_iter().flat_map(|(what, volumes, env)| {
        let volumes = volumes.iter().map(|volume| &volume.name);
        volumes.chain(env.iter().map(|env| &env.name)).map(move |name| (what, name))
    });
    objects.chain(kubernetes.volumes.iter().map(|volume| ("volume", &volume.name)))
}
