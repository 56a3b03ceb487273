//! Tasks.

use std::time::Duration;

use super::{
    ArtifactBindingSpec, BindingSpec, ItemsSpec, IteratorSpec, Node, SourceSpec, TaskOutputSpec,
    TaskSpec,
};
use crate::plan::{Retry, Strategy};
use crate::problem::{Fault, Unknown};

pub(super) fn read(node: &Node<'_>) -> TaskSpec {
    let caching = node.get("cachingOptions");
    let trigger = node.get("triggerPolicy");
    let inputs = node.get("inputs");
    let parameters = inputs.get("parameters").entries().into_iter();
    let artifacts = inputs.get("artifacts").entries().into_iter();
    TaskSpec {
        display_name: node.get("taskInfo").get("name").text(),
        component: node.get("componentRef").get("name").required_text(),
        dependent: node.get("dependentTasks").texts(),
        cached: caching.get("enableCache").flag(),
        cache_key: caching.get("cacheKey").text(),
        condition: trigger.get("condition").text(),
        strategy: strategy(&trigger.get("strategy")),
        iterator: iterator(node),
        retry: retry(&node.get("retryPolicy")),
        parameters: parameters.filter_map(|(name, node)| Some((name, binding(&node)?))).collect(),
        artifacts: artifacts.filter_map(|(name, node)| Some((name, artifact(&node)?))).collect(),
    }
}

fn strategy(node: &Node<'_>) -> Strategy {
    const NAMES: [(&str, Strategy); 3] = [
        ("TRIGGER_STRATEGY_UNSPECIFIED", Strategy::AllSucceeded),
        ("ALL_UPSTREAM_TASKS_SUCCEEDED", Strategy::AllSucceeded),
        ("ALL_UPSTREAM_TASKS_COMPLETED", Strategy::AllCompleted),
    ];
    let Some(name) = node.text() else { return Strategy::default() };
    let found = NAMES.iter().find(|(known, _)| *known == name);
    found.map_or_else(
        || {
            let known = NAMES.iter().map(|(known, _)| *known);
            node.fault(Fault::UnknownValue(Unknown::among(&name, known)));
            Strategy::default()
        },
        |(_, strategy)| *strategy,
    )
}

fn retry(node: &Node<'_>) -> Retry {
    let default = Retry::default();
    let count = node.get("maxRetryCount");
    let limit = count.integer().map(u32::try_from).unwrap_or(Ok(0)).unwrap_or_else(|_| {
        count.fault(Fault::Bounds { got: "a negative number".into(), why: "it counts retries" });
        0
    });
    let factor = node.get("backoffFactor").number().filter(|factor| *factor != 0.0);
    let longest = node.get("backoffMaxDuration").duration().filter(|longest| !longest.is_zero());
    Retry {
        limit,
        backoff: node.get("backoffDuration").duration().unwrap_or(Duration::ZERO),
        factor: factor
            .filter(|factor| *factor > 0.0 && factor.is_finite())
            .unwrap_or(default.factor),
        longest: longest.unwrap_or(default.longest).min(default.longest),
    }
}

fn iterator(node: &Node<'_>) -> Option<IteratorSpec> {
    let (parameter, artifact) = (node.get("parameterIterator"), node.get("artifactIterator"));
    let (iterator, items) = if !parameter.is_absent() {
        let items = parameter.get("items");
        (
            &parameter,
            match (items.get("raw").text(), items.get("inputParameter").text()) {
                (Some(raw), _) => Some(ItemsSpec::Raw(raw)),
                (None, Some(input)) => Some(ItemsSpec::Parameter(input)),
                (None, None) => None,
            },
        )
    } else if !artifact.is_absent() {
        let input = artifact.get("items").get("inputArtifact").text();
        (&artifact, input.map(ItemsSpec::Artifact))
    } else {
        return None;
    };
    if items.is_none() {
        iterator.get("items").fault(Fault::Missing);
    }
    let limit = node.get("iteratorPolicy").get("parallelismLimit");
    let rounds = limit.integer().unwrap_or(0);
    let rounds = u32::try_from(rounds).unwrap_or_else(|_| {
        limit.fault(Fault::Bounds { got: rounds.to_string(), why: "it counts rounds of a loop" });
        0
    });
    Some(IteratorSpec {
        items: items?,
        item_input: iterator.get("itemInput").required_text(),
        limit: Some(rounds).filter(|rounds| *rounds > 0),
    })
}

/// Where a value comes from. Also used by Kubernetes' document, whose names come from the same places.
pub(super) fn binding(node: &Node<'_>) -> Option<BindingSpec> {
    let source = source(node);
    if source.is_none() {
        node.fault(Fault::NoneOf(&[
            "`componentInputParameter`",
            "`taskOutputParameter`",
            "`runtimeValue`",
            "`taskFinalStatus`",
        ]));
    }
    Some(BindingSpec { source: source?, selector: node.get("parameterExpressionSelector").text() })
}

fn source(node: &Node<'_>) -> Option<SourceSpec> {
    let (output, value) = (node.get("taskOutputParameter"), node.get("runtimeValue"));
    let status = node.get("taskFinalStatus");
    if let Some(input) = node.get("componentInputParameter").text() {
        return Some(SourceSpec::Input(input));
    }
    if !output.is_absent() {
        return Some(SourceSpec::Output(task_output_parameter(&output)));
    }
    if !status.is_absent() {
        return Some(SourceSpec::FinalStatus(status.get("producerTask").required_text()));
    }
    if !value.is_absent() {
        return Some(runtime_value(&value));
    }
    None
}

pub(super) fn task_output_parameter(node: &Node<'_>) -> TaskOutputSpec {
    TaskOutputSpec {
        task: node.get("producerTask").required_text(),
        key: node.get("outputParameterKey").required_text(),
    }
}

/// *ValueOrRuntimeParameter*: a value, one wrapped as it was before 2.0, or an input of the component around.
fn runtime_value(node: &Node<'_>) -> SourceSpec {
    if let Some(input) = node.get("runtimeParameter").text() {
        return SourceSpec::Input(input);
    }
    let old = node.get("constantValue");
    let wrapped = ["stringValue", "intValue", "doubleValue"].into_iter();
    let wrapped = wrapped.filter(|_| !old.is_absent()).find_map(|key| old.get(key).value());
    let constant = node.get("constant").value().or(wrapped);
    SourceSpec::Constant(constant.cloned().unwrap_or_default())
}

fn artifact(node: &Node<'_>) -> Option<ArtifactBindingSpec> {
    if let Some(input) = node.get("componentInputArtifact").text() {
        return Some(ArtifactBindingSpec::Input(input));
    }
    let output = node.get("taskOutputArtifact");
    if output.is_absent() {
        node.fault(Fault::NoneOf(&["`componentInputArtifact`", "`taskOutputArtifact`"]));
        return None;
    }
    Some(ArtifactBindingSpec::Output(TaskOutputSpec {
        task: output.get("producerTask").required_text(),
        key: output.get("outputArtifactKey").required_text(),
    }))
}
