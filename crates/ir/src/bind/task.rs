//! What a task is given.

use serde_json::Value;

use super::{InputError, InputFault, Scope};
use crate::arena::TaskId;
use crate::exchange::{Artifact, Exchange, Inputs};
use crate::plan::{
    ArtifactSource, Body, Component, ParameterBinding, ParameterSource, Plan, Strategy, Task,
    TaskOutput,
};
use crate::template::{Context, Facts};
use crate::value::ParameterType;

/// All inputs of a task, of the types that its component declares. For a loop these are the inputs of the loop as a
/// whole: see [`items`](super::items) and [`round`](super::round).
///
/// - A name that the component does not declare keeps its value: conditions and placeholders speak of it.
/// - An optional input that nobody gives has its default. Without one it is not there for an executor, and null for a
///   graph, whose tasks may hand it on.
/// - The same holds where it comes from a task that did not run or failed: a task that ignores what failed before it,
///   or an exit task, goes on with its own defaults.
/// - An input of the type `TASK_CONFIG` is not there: it tells how Kubernetes was asked to run the task.
pub fn inputs(
    plan: &Plan,
    task: TaskId,
    scope: &dyn Scope,
    facts: &Facts,
) -> Result<Inputs, InputError> {
    let (component, task) = (plan.component_of(task), &plan.tasks[task]);
    let mut inputs = Inputs::default();
    for (name, binding) in &task.parameters {
        match found(plan, binding, scope) {
            Ok(Some(value)) => drop(inputs.parameters.insert(name.clone(), value)),
            Ok(None) => {}
            // The SDK lets a task take only what it can do without from one that may have failed.
            Err(InputFault::Nothing(_)) if may_lack(task, component, name, &binding.source) => {}
            Err(fault) => return Err(fault.of(name)),
        }
    }
    inputs = with_constants(task, component, inputs, facts)?;
    for (name, source) in &task.artifacts {
        let optional = component.inputs.artifacts.get(name).is_none_or(|input| input.optional);
        match artifacts(source, scope) {
            Some(artifacts) => drop(inputs.artifacts.insert(name.clone(), artifacts.to_vec())),
            None if optional => {}
            None => return Err(InputFault::Nothing(named_artifact(plan, source)).of(name)),
        }
    }
    typed(task, component, &mut inputs)?;
    Ok(inputs)
}

/// The value of a name that Kubernetes would be told about a task: of a secret, a volume, a config map. Names are looked
/// up around the task; what it is given itself is none of their business.
pub fn name(
    plan: &Plan,
    task: TaskId,
    binding: &ParameterBinding,
    scope: &dyn Scope,
    facts: &Facts,
) -> Result<Value, InputFault> {
    if let Some(value) = found(plan, binding, scope)? {
        return Ok(value);
    }
    let ParameterSource::Constant(constant) = &binding.source else { return Ok(Value::Null) };
    let declared = &plan.component_of(task).inputs;
    let value = constant.render(&Context { exchange: &Exchange::default(), facts, declared })?;
    selected(binding, value)
}

/// Whether a task runs whatever became of others, and can do without what one of them did not give.
fn may_lack(task: &Task, component: &Component, name: &str, source: &ParameterSource) -> bool {
    let declared = component.inputs.parameters.get(name);
    let may = declared.is_none_or(|input| input.optional || input.default.is_some());
    let whatever = task.trigger.strategy == Strategy::AllCompleted;
    whatever && may && matches!(source, ParameterSource::Output(_))
}

/// The value of a binding, of which a constant with placeholders has none yet.
fn found(
    plan: &Plan,
    binding: &ParameterBinding,
    scope: &dyn Scope,
) -> Result<Option<Value>, InputFault> {
    let value = match &binding.source {
        ParameterSource::Constant(constant) => match constant.literal() {
            Some(value) => value.clone(),
            None => return Ok(None),
        },
        ParameterSource::Input(name) => {
            let value = scope.parameter(name).cloned();
            value.ok_or_else(|| {
                InputFault::Nothing(format!("input `{name}` of the graph around it"))
            })?
        }
        ParameterSource::Output(output) => {
            let value = scope.output(output.task, &output.key).cloned();
            value.ok_or_else(|| InputFault::Nothing(named_output(plan, output)))?
        }
        ParameterSource::FinalStatus(task) => {
            let nothing =
                || InputFault::Nothing(format!("the status of task `{}`", plan.tasks[*task].name));
            scope.final_status(*task).ok_or_else(nothing)?.to_json()
        }
    };
    selected(binding, value).map(Some)
}

fn selected(binding: &ParameterBinding, value: Value) -> Result<Value, InputFault> {
    let Some(selector) = binding.selector.as_ref().filter(|_| !value.is_null()) else {
        return Ok(value);
    };
    let wrong = |error| InputFault::Selector { selector: selector.source().to_owned(), error };
    selector.select(&value).map_err(wrong)
}

/// Constants speak of the other inputs, so they come last.
fn with_constants(
    task: &Task,
    component: &Component,
    inputs: Inputs,
    facts: &Facts,
) -> Result<Inputs, InputError> {
    let mut exchange = Exchange { inputs, ..Exchange::default() };
    let mut rendered = Vec::new();
    for (name, binding) in &task.parameters {
        let ParameterSource::Constant(constant) = &binding.source else { continue };
        if constant.is_literal() {
            continue;
        }
        let context = Context { exchange: &exchange, facts, declared: &component.inputs };
        let value =
            constant.render(&context).map_err(|error| InputFault::Render(error).of(name))?;
        let value = selected(binding, value).map_err(|fault| fault.of(name))?;
        rendered.push((name.clone(), value));
    }
    exchange.inputs.parameters.extend(rendered);
    Ok(exchange.inputs)
}

fn artifacts<'s>(source: &ArtifactSource, scope: &'s dyn Scope) -> Option<&'s [Artifact]> {
    match source {
        ArtifactSource::Input(name) => scope.artifacts(name),
        ArtifactSource::Output(output) => scope.output_artifacts(output.task, &output.key),
    }
}

fn named_output(plan: &Plan, output: &TaskOutput) -> String {
    format!("output `{}` of task `{}`", output.key, plan.tasks[output.task].name)
}

fn named_artifact(plan: &Plan, source: &ArtifactSource) -> String {
    match source {
        ArtifactSource::Input(name) => format!("input `{name}` of the graph around it"),
        ArtifactSource::Output(output) => named_output(plan, output),
    }
}

/// Gives every declared input its type, and its default where it has no value.
fn typed(task: &Task, component: &Component, inputs: &mut Inputs) -> Result<(), InputError> {
    let graph = matches!(component.body, Body::Dag(_));
    let item = task.iterator.as_ref().map(|iterator| iterator.item_input.as_str());
    for (name, declared) in &component.inputs.parameters {
        if declared.kind == ParameterType::TaskConfig || item == Some(name) {
            continue;
        }
        let given = inputs.parameters.remove(name);
        let null = matches!(given, Some(Value::Null));
        let value = match given.filter(|value| !value.is_null()) {
            Some(value) => {
                let value = declared.kind.coerced(value);
                let value = value.and_then(|value| declared.allows(&value).map(|()| value));
                Some(value.map_err(|error| InputFault::Value(error).of(name))?)
            }
            None if null && !declared.optional => return Err(InputFault::Null.of(name)),
            None => declared.default.clone().or(graph.then_some(Value::Null)),
        };
        if let Some(value) = value {
            inputs.parameters.insert(name.clone(), value);
        }
    }
    Ok(())
}
