//! What ends a command about a pipeline.

use std::path::PathBuf;

use lightship_base::{Category, Diagnose, Hint};
use lightship_exec::Undeclared;
use lightship_ir::bind::RunErrors;
use lightship_ir::{PackageError, Problems};

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
            Self::Store(error) => error.category(),
            Self::Drive(error) => error.category(),
            Self::Push { .. } | Self::Parameters { .. } | Self::Undeclared { .. } => {
                Category::Usage
            }
            Self::Stand { .. } => Category::Machine,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Package { source, .. } => source.hints(),
            Self::Problems { source, .. } => source.hints(),
            Self::Inputs { source, .. } => source.hints(),
            Self::Store(error) => error.hints(),
            Self::Drive(error) => error.hints(),
            Self::Parameters { .. } | Self::Undeclared { .. } => Vec::new(),
            Self::Stand { .. } => {
                vec![Hint::new("name an image that is there under [images] in lightship.toml")]
            }
            Self::Push { .. } => vec![Hint::new("write one such as localhost:5000/team")],
        }
    }
}

/// One after the other, for a sentence.
fn list(missing: &[Undeclared]) -> String {
    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
