//! Why something that a run left behind cannot be found, read or copied.

use std::path::PathBuf;

use lightship_base::{Category, Diagnose, Digest, Hint};

use crate::commands::Error;
use crate::commands::pipeline::PipelineError;

/// Why something that a run left behind cannot be found, read or copied.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// No run at all.
    #[error("there are no runs yet")]
    NoRuns,
    /// No run of this name.
    #[error("there is no run `{text}`")]
    NoRun {
        /// What was written.
        text: String,
        /// The one that is nearest.
        near: Option<String>,
    },
    /// Several.
    #[error("`{text}` may be any of these runs: {}", ids.join(", "))]
    ManyRuns {
        /// What was written.
        text: String,
        /// Some of them.
        ids: Vec<String>,
    },
    /// No reference at all.
    #[error("`{text}` names no artifact")]
    NoReference {
        /// What was written.
        text: String,
    },
    /// The run has no such task.
    #[error("run {run} has no task `{task}`")]
    NoTask {
        /// The run.
        run: String,
        /// What was written.
        task: String,
        /// The one that is nearest.
        near: Option<String>,
    },
    /// The task has no such artifact.
    #[error("task {task} of run {run} has no artifact `{output}`")]
    NoOutput {
        /// The run.
        run: String,
        /// The task.
        task: String,
        /// What was written.
        output: String,
        /// Those that it has.
        known: Vec<String>,
        /// What became of the task.
        state: &'static str,
    },
    /// No artifact has such a digest.
    #[error("no artifact has a digest that begins with {digits}")]
    NoDigest {
        /// What was written.
        digits: String,
    },
    /// Several have.
    #[error("several digests begin with {digits}: {}", digests.join(", "))]
    ManyDigests {
        /// What was written.
        digits: String,
        /// They.
        digests: Vec<String>,
    },
    /// Nobody made anything there.
    #[error("no run made an artifact at {uri}")]
    NoUri {
        /// Where.
        uri: String,
    },
    /// No result has such a key.
    #[error("no result is kept whose key begins with {digits}")]
    NoKey {
        /// What was written.
        digits: String,
    },
    /// Not on this machine.
    #[error("artifact {uri} is not on this machine")]
    Elsewhere {
        /// Where.
        uri: String,
    },
    /// There was never any content.
    #[error("artifact {uri} has no content: its task left nothing there")]
    Empty {
        /// Where.
        uri: String,
    },
    /// It was there.
    #[error("artifact {uri} is gone: nothing is there any more")]
    Gone {
        /// Where.
        uri: String,
    },
    /// It is something different now.
    #[error(
        "artifact {uri} was changed since its task made it: it had {was} then, and {} now",
        now.map_or_else(|| "something that is no file".to_owned(), |digest| digest.to_string())
    )]
    Changed {
        /// Where.
        uri: String,
        /// What it had.
        was: Digest,
        /// What it has.
        now: Option<Digest>,
    },
    /// A folder cannot be printed.
    #[error("artifact {uri} is a folder, which standard output cannot take")]
    Folder {
        /// Where.
        uri: String,
    },
    /// Something is there already.
    #[error("{} exists", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
}

impl From<FindError> for Error {
    fn from(error: FindError) -> Self {
        PipelineError::from(error).into()
    }
}

impl Diagnose for FindError {
    fn category(&self) -> Category {
        match self {
            Self::NoRuns
            | Self::NoRun { .. }
            | Self::ManyRuns { .. }
            | Self::NoReference { .. }
            | Self::NoTask { .. }
            | Self::NoOutput { .. }
            | Self::NoDigest { .. }
            | Self::ManyDigests { .. }
            | Self::NoUri { .. }
            | Self::NoKey { .. }
            | Self::Folder { .. }
            | Self::Exists { .. } => Category::Usage,
            Self::Elsewhere { .. }
            | Self::Empty { .. }
            | Self::Gone { .. }
            | Self::Changed { .. } => Category::BadInput,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        let text = match self {
            Self::NoRuns => "run a pipeline: `lightship run PIPELINE`".to_owned(),
            Self::NoRun { near: Some(near), .. } | Self::NoTask { near: Some(near), .. } => {
                format!("did you mean `{near}`?")
            }
            Self::NoRun { near: None, .. } => {
                "`latest` is the last run; `lightship artifacts ls` shows runs".to_owned()
            }
            Self::NoTask { near: None, run, .. } => {
                format!("`lightship artifacts ls --run {run}` shows the tasks that made something")
            }
            Self::ManyRuns { .. } => "write more of the id".to_owned(),
            Self::NoReference { .. } => {
                "write RUN/TASK/OUTPUT such as latest/train/model, at least 6 digits of a digest, or a URI"
                    .to_owned()
            }
            Self::NoOutput { known, state, .. } if known.is_empty() => {
                format!("it made none: the task is {state}")
            }
            Self::NoOutput { known, .. } => format!("it has {}", known.join(", ")),
            Self::NoDigest { .. } | Self::NoUri { .. } => {
                "`lightship artifacts ls` shows what there is".to_owned()
            }
            Self::ManyDigests { .. } => "write more digits".to_owned(),
            Self::NoKey { .. } => "`lightship cache ls` shows all keys".to_owned(),
            Self::Elsewhere { .. } => "copy it with the tool of the place that it is in".to_owned(),
            Self::Empty { .. } => {
                "`lightship artifacts show` shows its metadata, which is all there is".to_owned()
            }
            Self::Gone { .. } | Self::Changed { .. } => {
                "run its pipeline again: the task runs, because its result is not there any more"
                    .to_owned()
            }
            Self::Folder { .. } => "give a folder with `-o DIR`".to_owned(),
            Self::Exists { .. } => "replace it with `--force`, or give another place".to_owned(),
        };
        vec![Hint::new(text)]
    }
}
