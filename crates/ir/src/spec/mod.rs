//! The documents' JSON shapes: the only place that knows them (*PipelineSpec*, *PlatformSpec*,
//! *KubernetesExecutorConfig*). Names are taken in both spellings of protobuf's JSON, `componentRef` and
//! `component_ref`; fields that are not known are no error.

mod component;
mod executor;
mod kubernetes;
mod node;
mod platform;
mod task;

use serde_json::Value;

pub(crate) use executor::{ExecutorSpec, ImporterUri};
pub(crate) use kubernetes::kubernetes;
pub(crate) use node::{Faults, Node};
pub(crate) use platform::pipeline_config;

use crate::plan::{Inputs, Outputs, Passthrough, Retry, Strategy};
use crate::problem::{Fault, Place};

/// A pipeline as its document says it.
#[derive(Debug)]
pub(crate) struct PipelineSpec {
    pub(crate) name: String,
    pub(crate) display_name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) default_root: Option<String>,
    pub(crate) sdk_version: String,
    pub(crate) root: ComponentSpec,
    pub(crate) components: Vec<(String, ComponentSpec)>,
    pub(crate) executors: Vec<(String, ExecutorSpec)>,
}

#[derive(Debug)]
pub(crate) struct ComponentSpec {
    pub(crate) inputs: Inputs,
    pub(crate) outputs: Outputs,
    pub(crate) body: BodySpec,
    pub(crate) passthroughs: Vec<Passthrough>,
}

#[derive(Debug)]
pub(crate) enum BodySpec {
    Dag(DagSpec),
    Executor(String),
}

#[derive(Debug, Default)]
pub(crate) struct DagSpec {
    pub(crate) tasks: Vec<(String, TaskSpec)>,
    pub(crate) parameters: Vec<(String, OutputSpec)>,
    pub(crate) artifacts: Vec<(String, OutputSpec)>,
}

/// Where an output of a graph comes from.
#[derive(Debug)]
pub(crate) struct OutputSpec {
    pub(crate) sources: Vec<TaskOutputSpec>,
    pub(crate) one_of: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct TaskOutputSpec {
    pub(crate) task: String,
    pub(crate) key: String,
}

#[derive(Debug)]
pub(crate) struct TaskSpec {
    pub(crate) display_name: Option<String>,
    pub(crate) component: String,
    pub(crate) dependent: Vec<String>,
    pub(crate) cached: bool,
    pub(crate) cache_key: Option<String>,
    pub(crate) condition: Option<String>,
    pub(crate) strategy: Strategy,
    pub(crate) iterator: Option<IteratorSpec>,
    pub(crate) retry: Retry,
    pub(crate) parameters: Vec<(String, BindingSpec)>,
    pub(crate) artifacts: Vec<(String, ArtifactBindingSpec)>,
}

#[derive(Debug)]
pub(crate) struct IteratorSpec {
    pub(crate) items: ItemsSpec,
    pub(crate) item_input: String,
    pub(crate) limit: Option<u32>,
}

#[derive(Debug)]
pub(crate) enum ItemsSpec {
    Raw(String),
    Parameter(String),
    Artifact(String),
}

#[derive(Debug, Clone)]
pub(crate) struct BindingSpec {
    pub(crate) source: SourceSpec,
    pub(crate) selector: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) enum SourceSpec {
    Input(String),
    Output(TaskOutputSpec),
    Constant(Value),
    FinalStatus(String),
}

#[derive(Debug)]
pub(crate) enum ArtifactBindingSpec {
    Input(String),
    Output(TaskOutputSpec),
}

/// Reads a pipeline's document. Whatever is wrong is in `faults`; what is returned then is of no use.
pub(crate) fn read(document: &Value, faults: &Faults) -> PipelineSpec {
    let node = Node::of(document, Place::default(), faults);
    let version = node.get("schemaVersion");
    if let Some(text) = version.text().filter(|text| !text.starts_with("2.")) {
        version.fault(Fault::SchemaVersion(text));
    }
    let info = node.get("pipelineInfo");
    let executors = node.get("deploymentSpec").get("executors");
    let components = node.get("components").entries();
    let components = components.into_iter().map(|(name, node)| (name, component::read(&node)));
    let executors =
        executors.entries().into_iter().map(|(name, node)| (name, executor::read(&node)));
    PipelineSpec {
        name: info.get("name").required_text(),
        display_name: info.get("displayName").text(),
        description: info.get("description").text(),
        default_root: node.get("defaultPipelineRoot").text(),
        sdk_version: node.get("sdkVersion").text().unwrap_or_default(),
        root: component::read(&node.get("root")),
        components: components.collect(),
        executors: executors.collect(),
    }
}
