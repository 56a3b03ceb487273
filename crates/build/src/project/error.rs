//! Why a folder is no project that can be built.

use std::io;
use std::path::PathBuf;

use lightship_base::{Category, Diagnose, Hint};
use lightship_dockerfile::ParseError;
use lightship_dockerfile::ignore::IgnoreError;

use super::evidence::Evidence;
use super::python::{PythonRange, PythonVersion};

/// What went wrong while a project was looked at.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The operating system refused.
    #[error("cannot read {}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is not what its name says.
    #[error("{from}: {message}")]
    Invalid {
        /// Where.
        from: Evidence,
        /// What is wrong.
        message: String,
    },
    /// A Dockerfile makes no sense.
    #[error("{file}, {source}")]
    Dockerfile {
        /// Which.
        file: String,
        /// Why not.
        source: ParseError,
    },
    /// A file of patterns makes no sense.
    #[error("{file}, {source}")]
    Ignore {
        /// Which.
        file: String,
        /// Why not.
        source: IgnoreError,
    },
    /// A file that the settings name is not there.
    #[error("{setting} names {file}, which is not there")]
    Missing {
        /// Which setting: `[python] requirements`.
        setting: &'static str,
        /// Which file.
        file: String,
    },
    /// Several files could hold the requirements.
    #[error("cannot tell which requirements are meant: there are {}", files.join(", "))]
    ManyRequirements {
        /// Which.
        files: Vec<String>,
    },
    /// The settings mix kinds of requirements.
    #[error("requirements are one lock or project file, or requirements files: {}", files.join(", "))]
    MixedRequirements {
        /// Which.
        files: Vec<String>,
    },
    /// A version that the project itself refuses.
    #[error("Python {version} ({chosen}) is not in {range} ({required})")]
    Python {
        /// What was chosen.
        version: PythonVersion,
        /// Where that is written.
        chosen: Evidence,
        /// What the project takes.
        range: PythonRange,
        /// Where that is written.
        required: Evidence,
    },
    /// Settings that do not go together.
    #[error("{what}")]
    Settings {
        /// Which, and why not.
        what: &'static str,
    },
    /// A place in the image that none can have.
    #[error("`{path}` cannot be a place in an image")]
    Place {
        /// Which.
        path: String,
        /// Why not.
        source: lightship_codec::tar::PathError,
    },
}

impl Diagnose for ProjectError {
    fn category(&self) -> Category {
        match self {
            Self::Io { source, .. } => Category::of_io(source),
            Self::Invalid { .. } | Self::Dockerfile { .. } | Self::Ignore { .. } => {
                Category::BadInput
            }
            Self::Missing { .. }
            | Self::Settings { .. }
            | Self::ManyRequirements { .. }
            | Self::MixedRequirements { .. }
            | Self::Python { .. }
            | Self::Place { .. } => Category::Usage,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::ManyRequirements { files } => {
                let first = files.first().map_or("requirements.txt", String::as_str);
                vec![Hint::new(format!(
                    "write `requirements = [\"{first}\"]` below [python] in lightship.toml"
                ))]
            }
            Self::Python { .. } => vec![Hint::new(
                "write `version` below [python] in lightship.toml, or change what the project takes",
            )],
            Self::Dockerfile { source, .. } => source.hints(),
            Self::Io { .. }
            | Self::Invalid { .. }
            | Self::Ignore { .. }
            | Self::Missing { .. }
            | Self::Settings { .. }
            | Self::MixedRequirements { .. }
            | Self::Place { .. } => Vec::new(),
        }
    }
}
