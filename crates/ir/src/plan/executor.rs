//! What a task without tasks of its own does.

use lightship_base::ByteSize;
use serde::{Deserialize, Serialize};

use crate::plan::ArtifactType;
use crate::quantity::Cpu;
use crate::template::{Argument, Constant, Template};

/// What runs (*PipelineSpec*, `PipelineDeploymentConfig.ExecutorSpec`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Executor {
    /// Its key in the pipeline: `exec-train`.
    pub name: String,
    /// What it is.
    pub kind: ExecutorKind,
}

/// The kinds of executors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutorKind {
    /// A command in an image.
    Container(Container),
    /// An artifact that exists already.
    Importer(Importer),
    /// A volume that is made. The SDK writes it as a container whose image is `argostub/createpvc`.
    CreateVolume(CreateVolume),
    /// A volume that is removed: `argostub/deletepvc`.
    DeleteVolume(DeleteVolume),
}

/// A command in an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// The image's reference. May have placeholders: `set_container_image` takes a parameter.
    pub image: Template,
    /// The program and its first arguments; the image's own entry point, if empty.
    pub command: Vec<Argument>,
    /// More arguments.
    pub args: Vec<Argument>,
    /// Variables, in order.
    pub env: Vec<Variable>,
    /// What it needs and may have.
    pub resources: Resources,
    /// A command before the cache is asked, which nothing upstream runs either.
    pub pre_cache_check: Vec<String>,
}

/// One variable of the environment. `$(NAME)` in it is another one's value, as in Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Template,
}

/// What a container needs and may have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// CPUs that it needs.
    pub cpu_request: Option<Amount<Cpu>>,
    /// CPUs that it may use.
    pub cpu_limit: Option<Amount<Cpu>>,
    /// Memory that it needs.
    pub memory_request: Option<Amount<ByteSize>>,
    /// Memory that it may use.
    pub memory_limit: Option<Amount<ByteSize>>,
    /// Graphics processors and the like.
    pub accelerator: Option<Accelerator>,
}

/// A quantity that is known, or follows from the task's inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount<T> {
    /// This much.
    Fixed(T),
    /// What this renders to.
    Template(Template),
}

/// Devices of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accelerator {
    /// `nvidia.com/gpu`.
    pub kind: Template,
    /// How many.
    pub count: Amount<u64>,
}

/// An artifact that exists already (*PipelineSpec*, `ImporterSpec`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Importer {
    /// Where it is. Placeholders speak of the task's inputs.
    pub uri: Template,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ArtifactType,
    /// What is known about it. Placeholders speak of the task's inputs.
    pub metadata: Constant,
    /// Whether it becomes a new artifact each time.
    pub reimport: bool,
    /// Whether its content is put into the workspace.
    pub download_to_workspace: bool,
}

/// A volume that is made, from the task's input parameters `pvc_name`, `pvc_name_suffix`, `access_modes`, `size`,
/// `storage_class_name`, `volume_name`, `annotations` and `data_source`. Its output parameter `name` is the volume's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateVolume {}

/// A volume that is removed: the one that the task's input parameter `pvc_name` names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteVolume {}
