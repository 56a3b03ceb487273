//! Why there is no verdict.

use std::path::PathBuf;

use lightship_base::{Category, Diagnose, Hint};
use lightship_build::verify::Error as VerifyError;

use crate::settings::project::{FILE_NAME, ProjectError};

/// Why there was nothing to check, or no verdict on everything.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The project's file makes no sense.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The checks could not be made at all.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A folder was named, and nobody says what its image is.
    #[error("{} is a project, and nothing says which image is its", folder.display())]
    NoImage {
        /// The folder.
        folder: PathBuf,
    },
    /// Modules shall be recorded, and no project was named.
    #[error("{subject} is an image: what it loads is recorded in a project's folder")]
    NoFolder {
        /// What was named.
        subject: String,
    },
    /// An image was named twice.
    #[error("{subject} is an image already; `--image` is for a project's folder")]
    TwoImages {
        /// The first.
        subject: String,
    },
    /// Nobody wrote a check, and none shall be made up.
    #[error("there is nothing to check")]
    Nothing,
    /// Nobody wrote a check, and none can be made up.
    #[error("there is nothing to check: {}", reasons.join("; "))]
    NothingByItself {
        /// Why not.
        reasons: Vec<String>,
    },
    /// This machine cannot find out.
    #[error("{count} of {all} checks could not run on this machine")]
    CouldNotRun {
        /// How many.
        count: usize,
        /// Of how many.
        all: usize,
    },
}

impl Diagnose for CheckError {
    fn category(&self) -> Category {
        match self {
            Self::Project(error) => error.category(),
            Self::Verify(error) => error.category(),
            Self::NoImage { .. }
            | Self::NoFolder { .. }
            | Self::TwoImages { .. }
            | Self::Nothing
            | Self::NothingByItself { .. } => Category::Usage,
            Self::CouldNotRun { .. } => Category::Machine,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Project(error) => error.hints(),
            Self::Verify(error) => error.hints(),
            Self::NoImage { .. } => vec![Hint::new(format!(
                "build it, name one with `--image`, or write `image = \"…\"` below [verify] in its {FILE_NAME}"
            ))],
            Self::NoFolder { subject } => {
                vec![Hint::new(format!(
                    "name the project's folder, and this as `--image {subject}`"
                ))]
            }
            Self::TwoImages { .. } => vec![Hint::new("leave one of them out")],
            Self::Nothing => vec![Hint::new(
                "leave out `--no-defaults`, or write a check: `--run`, `--import`, `--http`, `--file`",
            )],
            Self::NothingByItself { .. } => {
                vec![Hint::new("write a check: `--run`, `--import`, `--http`, `--file`")]
            }
            Self::CouldNotRun { .. } => {
                vec![Hint::new("`lightship doctor` says what this machine lacks")]
            }
        }
    }
}
