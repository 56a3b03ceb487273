//! What the engine runs: a pipeline whose names are resolved, whose texts are parsed, and in which nothing is wrong that
//! can be known before a run.
//!
//! A plan is not unrolled. A component that is used at several places has one graph, and a loop has one body, so a
//! plan is as large as its file.

mod executor;
mod kubernetes;
mod platform;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use executor::{
    Accelerator, Amount, Container, CreateVolume, DeleteVolume, Executor, ExecutorKind, Importer,
    Resources, Variable,
};
pub use kubernetes::{
    EmptyDir, EphemeralVolume, InitContainer, KeyToVariable, Kubernetes, Metadata, NodeAffinity,
    ObjectAsEnv, ObjectAsVolume, PodAffinity, Requirement, SecurityContext, SharedMemory,
    Toleration, VolumeMount, WorkloadResources,
};
pub use platform::{PipelineConfig, WORKSPACE_PATH, Workspace};

use crate::arena::{Arena, ComponentId, DagId, ExecutorId, TaskId};
use crate::condition::{Condition, Selector};
use crate::template::Constant;
use crate::value::{ParameterType, Shown, ValueError, same};

/// A pipeline that is ready to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The pipeline's own name: what runs and caches are filed under.
    pub name: String,
    /// A name for people.
    pub display_name: Option<String>,
    /// What it does, in its author's words.
    pub description: Option<String>,
    /// Where artifacts go unless a run says otherwise: a URI.
    pub default_root: Option<String>,
    /// `kfp-2.17.0`; empty where it does not say.
    pub sdk_version: String,
    /// The component that is the whole pipeline; always a graph.
    pub root: ComponentId,
    /// What the pipeline wants of its platform as a whole.
    pub config: PipelineConfig,
    /// All components that the root leads to.
    pub components: Arena<ComponentId, Component>,
    /// All graphs.
    pub dags: Arena<DagId, Dag>,
    /// All tasks of all graphs.
    pub tasks: Arena<TaskId, Task>,
    /// All executors.
    pub executors: Arena<ExecutorId, Executor>,
}

impl Plan {
    /// The graph that a run begins with.
    pub fn root_dag(&self) -> (DagId, &Dag) {
        match self.components[self.root].body {
            Body::Dag(dag) => (dag, &self.dags[dag]),
            Body::Executor(_) => unreachable!("a root without a graph does not compile"),
        }
    }

    /// The component that a task runs.
    pub fn component_of(&self, task: TaskId) -> &Component {
        &self.components[self.tasks[task].component]
    }

    /// The executor of a task; none where it is a graph.
    pub fn executor_of(&self, task: TaskId) -> Option<&Executor> {
        match self.component_of(task).body {
            Body::Dag(_) => None,
            Body::Executor(executor) => Some(&self.executors[executor]),
        }
    }

    /// The graph of a task; none where it is an executor.
    pub fn dag_of(&self, task: TaskId) -> Option<DagId> {
        match self.component_of(task).body {
            Body::Dag(dag) => Some(dag),
            Body::Executor(_) => None,
        }
    }
}

/// What is run at one or more places (*PipelineSpec*, `ComponentSpec`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// Its key in the pipeline: `comp-train`; `root` for the root.
    pub name: String,
    /// What it takes.
    pub inputs: Inputs,
    /// What it gives.
    pub outputs: Outputs,
    /// What it does.
    pub body: Body,
    /// What of the task's configuration it hands on to work that it starts elsewhere.
    pub passthroughs: Vec<Passthrough>,
}

/// What a component does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// It runs tasks.
    Dag(DagId),
    /// It runs something.
    Executor(ExecutorId),
}

/// What a component takes, by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// Values.
    pub parameters: BTreeMap<String, InputParameter>,
    /// Files and folders.
    pub artifacts: BTreeMap<String, InputArtifact>,
}

/// What a component gives, by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Values. The one of a loop is that of all its rounds: a list.
    pub parameters: BTreeMap<String, ParameterType>,
    /// Files and folders.
    pub artifacts: BTreeMap<String, OutputArtifact>,
}

/// A value that a component takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputParameter {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// What it is when nobody gives it: already of its type.
    pub default: Option<Value>,
    /// Whether it may be missing altogether.
    pub optional: bool,
    /// The only values there are; all, if empty.
    pub literals: Vec<Value>,
    /// What it means, in the author's words.
    pub description: Option<String>,
}

impl InputParameter {
    /// Whether a value of its type is one of those that it may have.
    pub fn allows(&self, value: &Value) -> Result<(), ValueError> {
        if self.literals.is_empty() || self.literals.iter().any(|literal| same(literal, value)) {
            return Ok(());
        }
        let allowed = self.literals.iter().map(Value::to_string).collect();
        Err(ValueError::NotAllowed { got: Shown::of(value), allowed })
    }
}

/// A file or folder that a component takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputArtifact {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ArtifactType,
    /// Whether it is any number of them.
    pub list: bool,
    /// Whether it may be missing.
    pub optional: bool,
}

/// A file or folder that a component gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputArtifact {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ArtifactType,
    /// Whether it is any number of them.
    pub list: bool,
    /// What is known about it beforehand.
    pub metadata: serde_json::Map<String, Value>,
}

/// The type of an artifact (*PipelineSpec*, `ArtifactTypeSchema`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ArtifactType {
    /// `system.Dataset`, or a schema written out as YAML.
    pub schema: Schema,
    /// `0.0.1`; empty where it is not given.
    pub version: String,
}

/// What names an artifact's type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schema {
    /// A registered name: `system.Model`.
    Title(String),
    /// A schema, as YAML.
    Instance(String),
    /// The address of one, which is deprecated.
    Uri(String),
}

impl ArtifactType {
    /// `system.Artifact` 0.0.1: what everything is.
    pub fn generic() -> Self {
        Self { schema: Schema::Title("system.Artifact".to_owned()), version: "0.0.1".to_owned() }
    }

    /// `system.Model`; empty for a schema without a name.
    pub fn title(&self) -> &str {
        match &self.schema {
            Schema::Title(title) => title,
            Schema::Instance(_) | Schema::Uri(_) => "",
        }
    }
}

/// A part of a task's configuration that a component asks for (*PipelineSpec*, `TaskConfigPassthrough`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passthrough {
    /// Which part.
    pub field: PassthroughField,
    /// Whether it holds for the task itself as well.
    pub apply_to_task: bool,
}

/// The parts of a task's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PassthroughField {
    /// Nothing.
    None,
    /// Requests and limits.
    Resources,
    /// Variables.
    Env,
    /// Where it may run.
    KubernetesAffinity,
    /// What it bears with.
    KubernetesTolerations,
    /// Which nodes.
    KubernetesNodeSelector,
    /// What is mounted.
    KubernetesVolumes,
}

/// Tasks that depend on each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dag {
    /// Its tasks, each after all that it needs.
    pub tasks: Vec<TaskId>,
    /// Where its outputs come from.
    pub outputs: DagOutputs,
}

/// Where the outputs of a graph come from, by name. What is a list of a loop's rounds is so because the *task* is a
/// loop; here it is the output of one round.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DagOutputs {
    /// Values.
    pub parameters: BTreeMap<String, OutputSource>,
    /// Files and folders.
    pub artifacts: BTreeMap<String, OutputSource>,
    /// Values that are themselves lists of a loop's rounds, however deep below. A loop around joins them into one list.
    pub collected: BTreeSet<String>,
}

/// Where one output of a graph comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputSource {
    /// From this task.
    One(TaskOutput),
    /// From the first of these tasks that ran: `OneOf`.
    OneOf(Vec<TaskOutput>),
}

impl OutputSource {
    /// All tasks that it may come from.
    pub fn candidates(&self) -> &[TaskOutput] {
        match self {
            Self::One(only) => std::slice::from_ref(only),
            Self::OneOf(several) => several,
        }
    }
}

/// An output of a task of the same graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskOutput {
    /// The task.
    pub task: TaskId,
    /// The output's name.
    pub key: String,
}

/// One task of a graph (*PipelineSpec*, `PipelineTaskSpec`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its key in the graph: unique there.
    pub name: String,
    /// What people call it; the key where nothing else is given.
    pub display_name: String,
    /// The graph that it belongs to.
    pub dag: DagId,
    /// What it runs.
    pub component: ComponentId,
    /// Tasks of the same graph that must have ended before it: those that are named, and those whose outputs or status
    /// it takes. Each once, in the order of the graph.
    pub needs: Vec<TaskId>,
    /// When it runs.
    pub trigger: Trigger,
    /// Whether it is the task of an exit handler: it runs whatever happened, and what happened stays.
    pub exit: bool,
    /// Whether it runs once for each of several items.
    pub iterator: Option<Iterator>,
    /// What happens when it fails.
    pub retry: Retry,
    /// Whether an earlier run's outputs will do.
    pub caching: Caching,
    /// Where its input values come from, by name. Also names that the component does not declare: placeholders and
    /// conditions speak of them.
    pub parameters: BTreeMap<String, ParameterBinding>,
    /// Where its input artifacts come from, by name.
    pub artifacts: BTreeMap<String, ArtifactSource>,
    /// What Kubernetes is told about it; none for graphs, and where nothing is said.
    pub kubernetes: Option<Box<Kubernetes>>,
}

/// When a task runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// What must have become of all that it needs.
    pub strategy: Strategy,
    /// What must be true then, over the task's inputs. One that is false makes the task skipped. The condition of a
    /// loop is asked once, before it.
    pub condition: Option<Condition>,
}

/// What must have become of upstream tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// All succeeded.
    #[default]
    AllSucceeded,
    /// All ended, whatever became of them.
    AllCompleted,
}

/// A loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Iterator {
    /// What there is a round for.
    pub items: Items,
    /// The input of the component that gets the item of a round.
    pub item_input: String,
    /// How many rounds run at the same time at most; none for all.
    pub limit: Option<u32>,
}

/// What a loop has a round for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Items {
    /// These values; placeholders in them speak of the task's other inputs.
    Raw(Vec<Constant>),
    /// The elements of this input parameter of the task: a list, or a text that is a JSON list.
    Parameter(String),
    /// The artifacts of this input of the task.
    Artifact(String),
}

/// What happens when a task fails.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// How often it is tried again; 0 for never.
    pub limit: u32,
    /// How long to wait before the first time.
    pub backoff: Duration,
    /// How much longer each time: the wait is multiplied by it.
    pub factor: f64,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { limit: 0, backoff: Duration::ZERO, factor: 2.0, longest: Duration::from_secs(3600) }
    }
}

impl Retry {
    /// How long to wait before retry number `retry`, from 1.
    pub fn wait(&self, retry: u32) -> Duration {
        let doublings = i32::try_from(retry.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.backoff.as_secs_f64() * self.factor.powi(doublings);
        Duration::try_from_secs_f64(seconds).unwrap_or(self.longest).min(self.longest)
    }
}

/// Whether an earlier run's outputs will do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caching {
    /// Whether to look for them at all.
    pub enabled: bool,
    /// A key of the author's own instead of everything that goes into one.
    pub key: Option<String>,
}

/// Where one input value of a task comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParameterBinding {
    /// Where the value is.
    pub source: ParameterSource,
    /// Which part of it is meant; all, if none.
    pub selector: Option<Selector>,
}

/// Where a value is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterSource {
    /// An input of the component around the task.
    Input(String),
    /// An output of another task of the graph.
    Output(TaskOutput),
    /// It is written in the pipeline.
    Constant(Constant),
    /// How another task of the graph ended.
    FinalStatus(TaskId),
}

/// Where an input artifact is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactSource {
    /// An input of the component around the task.
    Input(String),
    /// An output of another task of the graph.
    Output(TaskOutput),
}
