//! What a task is given and what it gives back (*PipelineSpec*, `ExecutorInput` and `ExecutorOutput`). The JSON shapes
//! of both are in this folder only.

mod artifact;
mod metrics;
mod output;
mod path;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use artifact::Artifact;
pub use metrics::{Confusion, Metrics, RocPoint, Shown, Slice};
pub use output::{OutputError, Produced, Written, collect};
pub use path::{local_path, workspace_path};

use crate::plan;
use crate::value::normal;

/// Where a task finds the folder for the files of its output parameters.
pub const PARAMETER_FOLDER: &str = "/tmp/kfp/outputs";

/// What a task is given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Its inputs.
    pub inputs: Inputs,
    /// Where its outputs go.
    pub outputs: Outputs,
}

/// A task's inputs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// Values by name. An optional one that nobody gave is not there.
    pub parameters: BTreeMap<String, Value>,
    /// Artifacts by name.
    pub artifacts: BTreeMap<String, Vec<Artifact>>,
}

/// Where a task's outputs go.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// The file of each output parameter: an absolute path in the task's file system.
    pub parameters: BTreeMap<String, String>,
    /// Each output artifact as it is before the task: with its URI.
    pub artifacts: BTreeMap<String, Artifact>,
    /// The file for everything that a task says about its outputs: an absolute path in its file system. The SDK takes
    /// the folder of this file for the local form of the task's URI.
    pub file: String,
}

impl Outputs {
    /// The outputs of a component, below `root`, the task's own URI: `<pipeline root>/<pipeline>/<run>/<task>/<id>`. A
    /// query at its end, which says how to reach a bucket, is no part of the artifacts' URIs.
    pub fn below(root: &str, declared: &plan::Outputs) -> Self {
        let root = root.split_once('?').map_or(root, |(root, _)| root).trim_end_matches('/');
        let parameter = |name: &String| (name.clone(), format!("{PARAMETER_FOLDER}/{name}"));
        let artifact = |(name, declared): (&String, &plan::OutputArtifact)| {
            let artifact = Artifact {
                name: name.clone(),
                kind: declared.kind.clone(),
                uri: format!("{root}/{name}"),
                metadata: declared.metadata.clone(),
                custom_path: None,
            };
            (name.clone(), artifact)
        };
        Self {
            parameters: declared.parameters.keys().map(parameter).collect(),
            artifacts: declared.artifacts.iter().map(artifact).collect(),
            file: format!("{}/output_metadata.json", local_path(root)),
        }
    }

    /// Folders that must be there before the task starts, in the task's file system: those of all files that it may
    /// write. Each once, in order.
    pub fn folders(&self) -> Vec<String> {
        let artifacts = self.artifacts.values().map(Artifact::path);
        let files = self.parameters.values().cloned().chain(artifacts).chain([self.file.clone()]);
        let parent = |path: String| path.rsplit_once('/').map(|(parent, _)| parent.to_owned());
        let mut folders: Vec<String> = files.filter_map(parent).filter(|f| !f.is_empty()).collect();
        folders.sort();
        folders.dedup();
        folders
    }
}

impl Exchange {
    /// The JSON that `{{$}}` stands for. Numbers without a fraction are written as integers.
    pub fn to_json(&self) -> Value {
        let mut inputs = Map::new();
        if !self.inputs.parameters.is_empty() {
            let value = |(name, value): (&String, &Value)| (name.clone(), normal(value));
            inputs.insert(
                "parameterValues".into(),
                self.inputs.parameters.iter().map(value).collect(),
            );
        }
        if !self.inputs.artifacts.is_empty() {
            let list =
                |(name, list): (&String, &Vec<Artifact>)| (name.clone(), artifact_list(list));
            inputs.insert("artifacts".into(), self.inputs.artifacts.iter().map(list).collect());
        }
        let mut outputs = Map::new();
        if !self.outputs.parameters.is_empty() {
            let file =
                |(name, file): (&String, &String)| (name.clone(), json!({ "outputFile": file }));
            outputs.insert("parameters".into(), self.outputs.parameters.iter().map(file).collect());
        }
        if !self.outputs.artifacts.is_empty() {
            let one = |(name, artifact): (&String, &Artifact)| {
                (name.clone(), artifact_list(std::slice::from_ref(artifact)))
            };
            outputs.insert("artifacts".into(), self.outputs.artifacts.iter().map(one).collect());
        }
        outputs.insert("outputFile".into(), Value::String(self.outputs.file.clone()));
        json!({ "inputs": inputs, "outputs": outputs })
    }
}

fn artifact_list(artifacts: &[Artifact]) -> Value {
    json!({ "artifacts": artifacts.iter().map(Artifact::to_json).collect::<Vec<_>>() })
}

/// How a task ended, for those that ask (*PipelineSpec*, `PipelineTaskFinalStatus`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalStatus {
    /// `SUCCEEDED`, `FAILED`, `SKIPPED` or `CANCELLED`.
    pub state: String,
    /// The task's name.
    pub task: String,
    /// The run's name for machines.
    pub job_resource_name: String,
    /// What went wrong: a code of *google.rpc.Status* and a sentence.
    pub error: Option<(i32, String)>,
}

impl FinalStatus {
    /// The value that a task gets.
    pub fn to_json(&self) -> Value {
        let error = match &self.error {
            None => json!({}),
            Some((code, message)) => json!({ "code": code, "message": message }),
        };
        json!({
            "state": self.state,
            "error": error,
            "pipelineJobResourceName": self.job_resource_name,
            "pipelineTaskName": self.task,
        })
    }
}

#[cfg(test)]
mod tests;
