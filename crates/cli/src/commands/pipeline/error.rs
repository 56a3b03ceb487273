//! What ends a command about a pipeline.

use std::path::PathBuf;

use lightship_base::{Category, Diagnose, Hint};
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
            Self::Push { .. } => Category::Usage,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Package { source, .. } => source.hints(),
            Self::Problems { source, .. } => source.hints(),
            Self::Push { .. } => vec![Hint::new("write one such as localhost:5000/team")],
        }
    }
}
