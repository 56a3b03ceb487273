//! What is known of a run from its beginning.

use std::sync::Arc;

use lightship_base::Timestamp;
use lightship_ir::Plan;
use lightship_ir::exchange::Inputs;
use lightship_ir::template::Facts;
use serde::{Deserialize, Serialize};

use crate::cache::CacheRules;
use crate::event::shared;
use crate::id::RunId;

/// What is known of a run from its beginning, and does not change. A plan that a task was run again with is in an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The run.
    pub id: RunId,
    /// A name for people.
    pub name: String,
    /// The experiment that it belongs to.
    pub experiment: String,
    /// When it was made.
    pub created: Timestamp,
    /// What it runs.
    #[serde(with = "shared")]
    pub plan: Arc<Plan>,
    /// What it was given: see [`lightship_ir::bind::run`].
    pub inputs: Inputs,
    /// What texts can say about it. The fields about tasks are filled in for each of them.
    pub facts: Facts,
    /// How it is run.
    pub options: RunOptions,
}

/// How a run is run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunOptions {
    /// Most attempts of this run at the same time; as many as fit, if none.
    pub max_parallel: Option<u32>,
    /// Whether results of earlier runs will do.
    pub cache: CacheRules,
}
