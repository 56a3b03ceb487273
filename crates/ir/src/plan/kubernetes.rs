//! What Kubernetes is told about a task (*kubernetes_executor_config.proto*, `KubernetesExecutorConfig`). On one
//! machine some of it has a stand-in, and the rest means nothing.
//!
//! Names may come from parameters. Those are looked up like inputs of the task: in the component around it.

use std::collections::BTreeMap;
use std::time::Duration;

use lightship_base::ByteSize;
use serde::{Deserialize, Serialize};

use crate::plan::ParameterBinding;

/// All that Kubernetes is told about a task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kubernetes {
    /// Secrets as folders.
    pub secret_volumes: Vec<ObjectAsVolume>,
    /// Secrets as variables.
    pub secret_env: Vec<ObjectAsEnv>,
    /// Config maps as folders.
    pub config_map_volumes: Vec<ObjectAsVolume>,
    /// Config maps as variables.
    pub config_map_env: Vec<ObjectAsEnv>,
    /// Volumes that exist.
    pub volumes: Vec<VolumeMount>,
    /// Volumes that live as long as the task.
    pub ephemeral_volumes: Vec<EphemeralVolume>,
    /// Folders that live as long as the task.
    pub empty_dirs: Vec<EmptyDir>,
    /// More shared memory than the 64 MB of a container.
    pub shared_memory: Option<SharedMemory>,
    /// Labels that a node must have.
    pub node_selector: BTreeMap<String, String>,
    /// The same from a parameter that is an object; goes before the other.
    pub node_selector_json: Option<ParameterBinding>,
    /// Which nodes it wants.
    pub node_affinity: Vec<NodeAffinity>,
    /// Which pods it wants beside it, or not.
    pub pod_affinity: Vec<PodAffinity>,
    /// What it bears with.
    pub tolerations: Vec<Toleration>,
    /// Labels and annotations.
    pub metadata: Metadata,
    /// Variables whose values are fields of the pod: name and path.
    pub field_env: Vec<(String, String)>,
    /// Secrets that the image's registry asks for.
    pub image_pull_secrets: Vec<ParameterBinding>,
    /// `Always`, `Never` or `IfNotPresent`.
    pub image_pull_policy: Option<String>,
    /// How long the task may take.
    pub deadline: Option<Duration>,
    /// As whom it runs.
    pub security: SecurityContext,
    /// Containers that run before it, or beside it.
    pub init_containers: Vec<InitContainer>,
}

/// A secret or config map as a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectAsVolume {
    /// Its name.
    pub name: ParameterBinding,
    /// Where the folder is.
    pub path: String,
    /// Whether it may be missing.
    pub optional: bool,
}

/// A secret or config map as variables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectAsEnv {
    /// Its name.
    pub name: ParameterBinding,
    /// Which of its keys become which variables.
    pub keys: Vec<KeyToVariable>,
    /// Whether it may be missing.
    pub optional: bool,
}

/// A key that becomes a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyToVariable {
    /// The key.
    pub key: String,
    /// The variable.
    pub variable: String,
}

/// A volume that exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VolumeMount {
    /// Its name.
    pub name: ParameterBinding,
    /// Where it is mounted.
    pub path: String,
    /// The folder in it that is mounted; the volume itself, if empty.
    pub sub_path: String,
}

/// A volume that lives as long as the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EphemeralVolume {
    /// Its name within the task.
    pub name: String,
    /// Where it is mounted.
    pub path: String,
    /// `ReadWriteOnce` and the like.
    pub access_modes: Vec<String>,
    /// How large it is.
    pub size: ByteSize,
    /// Its storage class; the cluster's own, if none.
    pub storage_class: Option<String>,
    /// Labels and annotations.
    pub metadata: Metadata,
}

/// A folder that lives as long as the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmptyDir {
    /// Its name within the task.
    pub name: String,
    /// Where it is mounted.
    pub path: String,
    /// `Memory`, or nothing.
    pub medium: Option<String>,
    /// How large it may become.
    pub size_limit: Option<ByteSize>,
}

/// Shared memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SharedMemory {
    /// Its name within the task.
    pub name: String,
    /// How large it may become.
    pub size: Option<ByteSize>,
}

/// Labels and annotations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// Which nodes a task wants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeAffinity {
    /// By label.
    pub expressions: Vec<Requirement>,
    /// By field.
    pub fields: Vec<Requirement>,
    /// How much it wants them; a must, if none.
    pub weight: Option<i32>,
    /// The whole of it from a parameter; goes before the other.
    pub json: Option<ParameterBinding>,
}

/// Which pods a task wants beside it, or not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PodAffinity {
    /// By label.
    pub expressions: Vec<Requirement>,
    /// By exact label.
    pub labels: BTreeMap<String, String>,
    /// What *beside* means: `kubernetes.io/hostname`.
    pub topology_key: String,
    /// In these namespaces.
    pub namespaces: Vec<String>,
    /// In namespaces like these.
    pub namespace_expressions: Vec<Requirement>,
    /// In namespaces with these labels.
    pub namespace_labels: BTreeMap<String, String>,
    /// How much it wants them; a must, if none.
    pub weight: Option<i32>,
    /// Whether it wants them elsewhere.
    pub anti: bool,
}

/// `key operator values`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// The label or field.
    pub key: String,
    /// `In`, `Exists`, `Gt` and so on.
    pub operator: String,
    /// What it is compared with.
    pub values: Vec<String>,
}

/// What a task bears with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Toleration {
    /// The taint's key.
    pub key: String,
    /// `Exists` or `Equal`.
    pub operator: String,
    /// The taint's value.
    pub value: String,
    /// `NoSchedule` and the like.
    pub effect: String,
    /// For how long.
    pub seconds: Option<i64>,
    /// The whole of it from a parameter; goes before the other.
    pub json: Option<ParameterBinding>,
}

/// As whom a task runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityContext {
    /// User id.
    pub user: Option<i64>,
    /// Group id.
    pub group: Option<i64>,
    /// Whether root is refused.
    pub non_root: Option<bool>,
}

/// A container that runs before the task, or beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitContainer {
    /// Its name within the task.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Its entry point.
    pub command: Vec<String>,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its variables: names and values.
    pub env: Vec<(String, String)>,
    /// Volumes of the task that it sees: name and place.
    pub mounts: Vec<(String, String)>,
    /// Whether it keeps running beside the task.
    pub sidecar: bool,
    /// What it needs and may have.
    pub resources: WorkloadResources,
}

/// Kubernetes quantities by resource, as they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadResources {
    /// What it needs.
    pub requests: BTreeMap<String, String>,
    /// What it may have.
    pub limits: BTreeMap<String, String>,
}
