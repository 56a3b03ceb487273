//! What ends a command about a pipeline.

use std::path::PathBuf;

use lightship_base::{Category, Diagnose, Hint};
use lightship_engine::RunId;
use lightship_exec::Undeclared;
use lightship_ir::bind::RunErrors;
use lightship_ir::{PackageError, Problems};

use super::compile::CompileError;

/// Why a pipeline cannot be baked or run.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The file is no pipeline.
    #[error("{} is no pipeline that can be read", path.display())]
    Package {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: PackageError,
    },
    /// The pipeline cannot run.
    #[error("{} cannot run", path.display())]
    Problems {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong with it.
        source: Problems,
    },
    /// The inputs of a run make no sense.
    #[error("{} cannot run with these parameters", path.display())]
    Inputs {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong with them.
        source: RunErrors,
    },
    /// A file of parameters that is none.
    #[error("{} has no parameters: it must be a JSON object of names and values", path.display())]
    Parameters {
        /// The file.
        path: PathBuf,
    },
    /// A pipeline in Python cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// Steps take secrets or config maps that nothing stands for.
    #[error("{} takes what nothing stands for on this machine: {}", path.display(), list(missing))]
    Undeclared {
        /// The file.
        path: PathBuf,
        /// What.
        missing: Vec<Undeclared>,
    },
    /// An image that takes another one's place cannot be built.
    #[error("cannot make what stands for the image {image}: {reason}")]
    Stand {
        /// The image.
        image: String,
        /// Why not.
        reason: String,
    },
    /// The record of runs cannot be read or written.
    #[error(transparent)]
    Store(#[from] lightship_engine::StoreError),
    /// A run cannot go on.
    #[error(transparent)]
    Drive(#[from] lightship_engine::driver::DriveError),
    /// Another process drives a run.
    #[error("{}", driven(run, *process))]
    Driven {
        /// The run.
        run: RunId,
        /// The process, if it has said so.
        process: Option<u32>,
    },
    /// Words that name no run, or several.
    #[error(transparent)]
    Name(#[from] super::runs::NameError),
    /// Images that the steps of a run need are gone.
    #[error("run {run} cannot go on: its steps need {}, which the local store does not have any more", images.join(", "))]
    ImagesGone {
        /// The run.
        run: RunId,
        /// What the pipeline calls them.
        images: Vec<String>,
    },
    /// What is asked of a run cannot be done where it stands.
    #[error("run {run} {why}")]
    Standing {
        /// The run.
        run: RunId,
        /// How it stands.
        why: String,
        /// What can be done instead.
        hint: String,
    },
    /// Many runs would be removed, and nobody said that this is meant.
    #[error("{count} runs would be removed")]
    Unconfirmed {
        /// How many.
        count: usize,
    },
    /// Something that a run left behind cannot be found, read or copied.
    #[error(transparent)]
    Find(#[from] super::FindError),
    /// A place to push to that is none.
    #[error("`--push {place}` is no registry with a path: {reason}")]
    Push {
        /// What was written.
        place: String,
        /// Why not.
        reason: String,
    },
}

impl Diagnose for PipelineError {
    fn category(&self) -> Category {
        match self {
            Self::Package { source, .. } => source.category(),
            Self::Problems { source, .. } => source.category(),
            Self::Inputs { source, .. } => source.category(),
            Self::Compile(error) => error.category(),
            Self::Store(error) => error.category(),
            Self::Drive(error) => error.category(),
            Self::Find(error) => error.category(),
            Self::ImagesGone { .. } => Category::BadInput,
            Self::Name(_)
            | Self::Driven { .. }
            | Self::Standing { .. }
            | Self::Unconfirmed { .. }
            | Self::Push { .. }
            | Self::Undeclared { .. }
            | Self::Parameters { .. } => Category::Usage,
            Self::Stand { .. } => Category::Machine,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Package { source, .. } => source.hints(),
            Self::Problems { source, .. } => source.hints(),
            Self::Inputs { source, .. } => source.hints(),
            Self::Compile(error) => error.hints(),
            Self::Store(error) => error.hints(),
            Self::Drive(error) => error.hints(),
            Self::Find(error) => error.hints(),
            Self::Parameters { .. } | Self::Undeclared { .. } => Vec::new(),
            Self::Stand { .. } => {
                vec![Hint::new("name an image that is there under [images] in lightship.toml")]
            }
            Self::Name(error) => error.hints(),
            Self::Driven { run, .. } => vec![Hint::new(format!(
                "look on with `lightship runs logs {run} --follow`, wait with `lightship runs wait {run}`, or end it with `lightship runs cancel {run}`"
            ))],
            Self::ImagesGone { .. } => vec![Hint::new(
                "run the pipeline's file again with `lightship run`: images are made anew, and what is finished comes from the cache",
            )],
            Self::Standing { hint, .. } => vec![Hint::new(hint.clone())],
            Self::Unconfirmed { .. } => {
                vec![Hint::new(
                    "see which with `--dry-run`; if they are the right ones, add `--yes`",
                )]
            }
            Self::Push { .. } => vec![Hint::new("write one such as localhost:5000/team")],
        }
    }
}

fn driven(run: &RunId, process: Option<u32>) -> String {
    match process {
        Some(process) => format!("process {process} drives run {run} now"),
        None => format!("another process drives run {run} now"),
    }
}

/// One after the other, for a sentence.
fn list(missing: &[Undeclared]) -> String {
    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
