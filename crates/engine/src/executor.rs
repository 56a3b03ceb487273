//! Who runs attempts: a sandbox, processes of this machine, later a cluster.

use std::sync::Arc;

use lightship_ir::exchange::{Inputs, Produced};
use lightship_ir::template::Facts;
use lightship_ir::{ParameterBinding, Plan, TaskId};
use serde_json::Value;

use crate::Pending;
use crate::id::{AttemptId, RunId};
use crate::state::Failure;

/// Runs attempts. It knows nothing of runs, their order or their state: it gets a [`Launch`] and gives an [`Outcome`].
///
/// **What a crash may do.** The driver has recorded the intent of an attempt before [`Executor::start`] is called, and
/// records its outcome some time after [`Executor::wait`] gave it. Between these two Lightship may be killed. So:
///
/// - an attempt's outcome is kept until [`Executor::forget`]: whoever waits again gets it again;
/// - [`Executor::find`] tells, after a restart, every attempt of a run that still runs or whose outcome is kept. An
///   attempt that it does not tell is *lost*, and the driver repeats it: an executor whose processes end with it has
///   nothing to tell, and must have ended them;
/// - no attempt has the same [`AttemptId`] twice.
pub trait Executor: Send + Sync {
    /// What the result of a task depends on besides what is in the plan and its inputs: the image by digest, say. Two
    /// tasks with the same answer and the same inputs give the same.
    fn environment<'a>(
        &'a self,
        launch: &'a Launch,
    ) -> Pending<'a, Result<Environment, StartError>>;

    /// Starts an attempt. When this returns it runs, or never will.
    fn start<'a>(&'a self, launch: &'a Launch) -> Pending<'a, Result<(), StartError>>;

    /// Waits for the end of an attempt that was started or found, and tells it. May be asked again.
    fn wait<'a>(&'a self, attempt: &'a AttemptId) -> Pending<'a, Outcome>;

    /// Tells an attempt to end, or ends it. Returns at once; [`Executor::wait`] tells when it has ended. Of an attempt
    /// that has ended already nothing comes.
    fn stop<'a>(&'a self, attempt: &'a AttemptId, how: Stop) -> Pending<'a, ()>;

    /// All attempts of a run that still run, or have ended without being forgotten.
    fn find<'a>(&'a self, run: &'a RunId) -> Pending<'a, Vec<AttemptId>>;

    /// The outcome of this attempt is durable: it need not be kept. Logs stay.
    fn forget<'a>(&'a self, attempt: &'a AttemptId) -> Pending<'a, ()>;

    /// What an attempt printed, from byte `from` on. Waits until there is something, or the attempt has ended.
    fn logs<'a>(
        &'a self,
        attempt: &'a AttemptId,
        from: u64,
    ) -> Pending<'a, Result<LogChunk, LogError>>;
}

/// All that an executor is told of an attempt.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The attempt.
    pub id: AttemptId,
    /// The plan that the task is of.
    pub plan: Arc<Plan>,
    /// The task: [`Plan::executor_of`] says what it runs, [`Plan::component_of`] what it gives.
    pub task: TaskId,
    /// Where it is in the run: `for-loop-1[3]/train`.
    pub path: String,
    /// What it is given.
    pub inputs: Inputs,
    /// What its texts can say.
    pub facts: Facts,
    /// The URI below which its outputs go: for [`lightship_ir::exchange::Outputs::below`].
    pub root: String,
    /// The names that Kubernetes would be told, with their values: see [`Launch::name`].
    pub names: Vec<(ParameterBinding, Value)>,
}

impl Launch {
    /// The value of a name in [`lightship_ir::Kubernetes`]: of a secret, a volume, a config map.
    pub fn name(&self, binding: &ParameterBinding) -> Option<&Value> {
        self.names.iter().find(|(known, _)| known == binding).map(|(_, value)| value)
    }
}

/// What a result depends on besides plan and inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Environment {
    /// All of it, in one text: an image's digest.
    Known(String),
    /// Nobody can say. The result is not cached.
    Unknown,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It gave what it should.
    Succeeded(Produced),
    /// It failed.
    Failed(Failure),
    /// It ended because it was told to.
    Stopped,
    /// It is gone, and how it ended is not known.
    Lost,
}

/// How an attempt is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It is told, and may clean up.
    Ask,
    /// It ends now, and all that it started.
    Kill,
}

/// Why an attempt cannot start. The task fails with it, and is retried by its policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct StartError(pub Failure);

/// A piece of what an attempt printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChunk {
    /// Bytes, as they were printed; not always text.
    pub bytes: Vec<u8>,
    /// Where the next piece begins.
    pub next: u64,
    /// Whether this was the last one.
    pub end: bool,
}

/// Why there is nothing to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Nobody knows such an attempt, or its logs were removed.
    #[error("there are no logs of attempt {0}")]
    Unknown(AttemptId),
    /// They cannot be read.
    #[error("the logs of attempt {attempt} cannot be read: {why}")]
    Unreadable {
        /// Of which attempt.
        attempt: AttemptId,
        /// Why not.
        why: String,
    },
}
