//! What a pipeline as a whole wants of its platform (*PipelineSpec*, `PipelineConfig`).

use std::time::Duration;

use lightship_base::ByteSize;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a task sees the run's shared folder.
pub const WORKSPACE_PATH: &str = "/kfp-workspace";

/// What a pipeline as a whole wants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PipelineConfig {
    /// A folder that all tasks of a run share.
    pub workspace: Option<Workspace>,
    /// How long the run's record is kept after its end.
    pub ttl_on_completion: Option<Duration>,
    /// The same after success; goes before the other.
    pub ttl_on_success: Option<Duration>,
    /// The same after failure; goes before the other.
    pub ttl_on_failure: Option<Duration>,
    /// How long the run may take.
    pub deadline: Option<Duration>,
}

/// A folder that all tasks of a run share; they see it at [`WORKSPACE_PATH`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workspace {
    /// How large it may become.
    pub size: ByteSize,
    /// What Kubernetes is told about its volume, as it was written.
    pub volume_patch: Option<Value>,
}
