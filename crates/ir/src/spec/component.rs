//! Components: what they take and give.

use serde_json::Value;

use super::{BodySpec, ComponentSpec, DagSpec, Node, OutputSpec, TaskOutputSpec, task};
use crate::plan::{
    ArtifactType, InputArtifact, InputParameter, Inputs, OutputArtifact, Outputs, Passthrough,
    PassthroughField, Schema,
};
use crate::problem::{Fault, Place};
use crate::value::ParameterType;

/// `place` is what its tasks are named below.
pub(super) fn read(node: &Node<'_>, place: &Place) -> ComponentSpec {
    let (dag, label) = (node.get("dag"), node.get("executorLabel"));
    let body = match (dag.is_absent(), label.text()) {
        (_, Some(label)) => BodySpec::Executor(label),
        (false, None) => BodySpec::Dag(dag_spec(&dag, place)),
        (true, None) => {
            node.fault(Fault::NoneOf(&["`dag`", "`executorLabel`"]));
            BodySpec::Dag(DagSpec::default())
        }
    };
    ComponentSpec {
        inputs: inputs(&node.get("inputDefinitions")),
        outputs: outputs(&node.get("outputDefinitions")),
        body,
        passthroughs: node
            .get("taskConfigPassthroughs")
            .items()
            .iter()
            .filter_map(passthrough)
            .collect(),
    }
}

fn inputs(node: &Node<'_>) -> Inputs {
    let (parameters, artifacts) = (named(&node.get("parameters")), named(&node.get("artifacts")));
    Inputs {
        parameters: parameters.map(|(name, node)| (name, input_parameter(&node))).collect(),
        artifacts: artifacts.map(|(name, node)| (name, input_artifact(&node))).collect(),
    }
}

/// What is declared, by name. A name becomes that of a file or folder wherever the task runs, so one that could lead
/// out of the folder that it is put in is refused here, for everybody who comes after.
fn named<'d>(node: &Node<'d>) -> impl Iterator<Item = (String, Node<'d>)> + use<'d> {
    let entries = node.entries();
    for (name, _) in &entries {
        let harmful = |c: char| c == '/' || c.is_control();
        if matches!(name.as_str(), "" | "." | "..") || name.contains(harmful) {
            node.fault(Fault::of_name(name));
        }
    }
    entries.into_iter()
}

fn input_parameter(node: &Node<'_>) -> InputParameter {
    let kind = parameter_type(node);
    let default = node.get("defaultValue");
    let coerced = default.value().and_then(|value| match kind.coerced(value.clone()) {
        Ok(value) => Some(value),
        Err(error) => {
            default.fault(error.into());
            None
        }
    });
    InputParameter {
        kind,
        default: coerced,
        optional: node.get("isOptional").flag(),
        literals: literals(&node.get("literals")),
        description: node.get("description").text(),
    }
}

/// The values that are allowed, as they are written.
fn literals(node: &Node<'_>) -> Vec<Value> {
    let literal = |item: Node<'_>| item.value().cloned();
    node.items().into_iter().filter_map(literal).collect()
}

/// The type, also where only the deprecated field says it. One that is not given is a text.
fn parameter_type(node: &Node<'_>) -> ParameterType {
    let new = node.get("parameterType");
    let field = if new.is_absent() { node.get("type") } else { new };
    let Some(name) = field.text() else {
        if field.is_absent() {
            field.fault(Fault::Missing);
        }
        return ParameterType::String;
    };
    ParameterType::named(&name).unwrap_or_else(|| {
        let known = ParameterType::ALL.iter().map(|(_, name)| *name);
        field.fault(Fault::of_value(&name, known));
        ParameterType::String
    })
}

fn input_artifact(node: &Node<'_>) -> InputArtifact {
    InputArtifact {
        kind: artifact_type(&node.get("artifactType")),
        list: node.get("isArtifactList").flag(),
        optional: node.get("isOptional").flag(),
    }
}

fn outputs(node: &Node<'_>) -> Outputs {
    let (parameters, artifacts) = (named(&node.get("parameters")), named(&node.get("artifacts")));
    let artifact = |node: &Node<'_>| OutputArtifact {
        kind: artifact_type(&node.get("artifactType")),
        list: node.get("isArtifactList").flag(),
        metadata: node
            .get("metadata")
            .value()
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default(),
    };
    Outputs {
        parameters: parameters.map(|(name, node)| (name, parameter_type(&node))).collect(),
        artifacts: artifacts.map(|(name, node)| (name, artifact(&node))).collect(),
    }
}

pub(super) fn artifact_type(node: &Node<'_>) -> ArtifactType {
    type Named = (&'static str, fn(String) -> Schema);
    let schemas: [Named; 3] = [
        ("schemaTitle", Schema::Title),
        ("instanceSchema", Schema::Instance),
        ("schemaUri", Schema::Uri),
    ];
    let found = schemas.into_iter().find_map(|(key, schema)| node.get(key).text().map(schema));
    let Some(schema) = found else { return ArtifactType::generic() };
    ArtifactType { schema, version: node.get("schemaVersion").text().unwrap_or_default() }
}

fn passthrough(node: &Node<'_>) -> Option<Passthrough> {
    const FIELDS: [(&str, PassthroughField); 7] = [
        ("NONE", PassthroughField::None),
        ("RESOURCES", PassthroughField::Resources),
        ("ENV", PassthroughField::Env),
        ("KUBERNETES_AFFINITY", PassthroughField::KubernetesAffinity),
        ("KUBERNETES_TOLERATIONS", PassthroughField::KubernetesTolerations),
        ("KUBERNETES_NODE_SELECTOR", PassthroughField::KubernetesNodeSelector),
        ("KUBERNETES_VOLUMES", PassthroughField::KubernetesVolumes),
    ];
    let field = node.get("field");
    let name = field.text()?;
    let found = FIELDS.iter().find(|(known, _)| *known == name);
    if found.is_none() {
        let known = FIELDS.iter().map(|(known, _)| *known);
        field.fault(Fault::of_value(&name, known));
    }
    found.map(|(_, field)| Passthrough {
        field: *field,
        apply_to_task: node.get("applyToTask").flag(),
    })
}

fn dag_spec(node: &Node<'_>, place: &Place) -> DagSpec {
    let outputs = node.get("outputs");
    let read_task = |(name, node): (String, Node<'_>)| {
        let task = task::read(&node.rebased(place.task(&name)));
        (name, task)
    };
    let tasks = node.get("tasks").entries().into_iter();
    let parameters = outputs.get("parameters").entries().into_iter();
    let artifacts = outputs.get("artifacts").entries().into_iter();
    DagSpec {
        tasks: tasks.map(read_task).collect(),
        parameters: parameters.map(|(name, node)| (name, parameter_output(&node))).collect(),
        artifacts: artifacts.map(|(name, node)| (name, artifact_output(&node))).collect(),
    }
}

fn parameter_output(node: &Node<'_>) -> OutputSpec {
    let (one, of) = (node.get("valueFromParameter"), node.get("valueFromOneof"));
    if !one.is_absent() {
        return OutputSpec { sources: vec![parameter_selector(&one)], one_of: false };
    }
    if of.is_absent() {
        node.fault(Fault::NoneOf(&["`valueFromParameter`", "`valueFromOneof`"]));
    }
    let sources = of.get("parameterSelectors").items();
    OutputSpec { sources: sources.iter().map(parameter_selector).collect(), one_of: true }
}

fn parameter_selector(node: &Node<'_>) -> TaskOutputSpec {
    TaskOutputSpec {
        task: node.get("producerSubtask").required_text(),
        key: node.get("outputParameterKey").required_text(),
    }
}

fn artifact_output(node: &Node<'_>) -> OutputSpec {
    let selectors = node.get("artifactSelectors");
    let selector = |node: &Node<'_>| TaskOutputSpec {
        task: node.get("producerSubtask").required_text(),
        key: node.get("outputArtifactKey").required_text(),
    };
    let sources: Vec<_> = selectors.items().iter().map(selector).collect();
    if sources.is_empty() {
        selectors.fault(Fault::Missing);
    }
    OutputSpec { one_of: sources.len() > 1, sources }
}
