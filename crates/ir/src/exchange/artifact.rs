//! One artifact (*PipelineSpec*, `RuntimeArtifact`).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::path::{local_path, workspace_path};
use crate::plan::{ArtifactType, Schema};
use crate::value::normal;

/// The key of the metadata that says that an artifact's content is in the run's workspace.
pub(super) const IN_WORKSPACE: &str = "_kfp_workspace";

/// A file or folder that a task made or takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its name; before the task ran, the name of the output.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ArtifactType,
    /// Where it is.
    pub uri: String,
    /// What is known about it.
    pub metadata: Map<String, Value>,
    /// Where the task put it instead of where it was told: an absolute path in the task's file system.
    pub custom_path: Option<String>,
}

impl Artifact {
    /// Where a task sees it: an absolute path in the task's file system.
    pub fn path(&self) -> String {
        if let Some(path) = self.custom_path.as_deref().filter(|path| !path.is_empty()) {
            return path.to_owned();
        }
        if self.in_workspace() { workspace_path(&self.uri) } else { local_path(&self.uri) }
    }

    /// Whether its content is in the run's workspace.
    pub fn in_workspace(&self) -> bool {
        self.metadata.get(IN_WORKSPACE) == Some(&Value::Bool(true))
    }

    /// Marks its content as being in the run's workspace.
    pub fn put_in_workspace(&mut self) {
        self.metadata.insert(IN_WORKSPACE.to_owned(), Value::Bool(true));
    }

    /// As a task is told of it.
    pub(crate) fn to_json(&self) -> Value {
        let mut kind = Map::new();
        match &self.kind.schema {
            Schema::Title(title) => kind.insert("schemaTitle".into(), json!(title)),
            Schema::Instance(schema) => kind.insert("instanceSchema".into(), json!(schema)),
            Schema::Uri(uri) => kind.insert("schemaUri".into(), json!(uri)),
        };
        if !self.kind.version.is_empty() {
            kind.insert("schemaVersion".into(), json!(self.kind.version));
        }
        let mut artifact = json!({
            "name": self.name,
            "type": kind,
            "uri": self.uri,
            "metadata": normal(&Value::Object(self.metadata.clone())),
        });
        if let (Some(path), Some(map)) = (&self.custom_path, artifact.as_object_mut()) {
            map.insert("customPath".into(), json!(path));
        }
        artifact
    }
}
