//! What can go wrong with a project's files.

use std::io;
use std::path::PathBuf;

use lightship_base::{Category, Diagnose, Hint};
use lightship_codec::tar::PathError;

/// Why a project's files cannot be collected. Paths named `path: String` begin in its folder.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The operating system refused.
    #[error("cannot {attempted} {}", path.display())]
    Io {
        /// What was tried: `read`, `list`.
        attempted: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A symbolic link leads out of the project.
    #[error("link {path} leads out of the project, to {target}")]
    LinkOut {
        /// The link.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// Something that has no content to put into an image.
    #[error("{path} is {kind}, which no image can hold")]
    Special {
        /// Which.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// A name that no image can have.
    #[error("{path} cannot be in an image")]
    Path {
        /// Which.
        path: String,
        /// Why not.
        source: PathError,
    },
    /// Copies that contradict each other.
    #[error("{file} would be a file and, with {below}, a folder")]
    FileAndFolder {
        /// Place of the file in the image.
        file: String,
        /// What lies below it.
        below: String,
    },
    /// A folder that can hardly be a project.
    #[error("there are more than {most} files in {}", folder.display())]
    TooMany {
        /// Which.
        folder: PathBuf,
        /// How many are looked at.
        most: usize,
    },
}

impl Diagnose for AppError {
    fn category(&self) -> Category {
        match self {
            Self::Io { source, .. } => Category::of_io(source),
            Self::LinkOut { .. }
            | Self::Special { .. }
            | Self::Path { .. }
            | Self::FileAndFolder { .. }
            | Self::TooMany { .. } => Category::BadInput,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        let exclude = |path: &str| {
            Hint::new(format!(
                "leave it out: `exclude = [\"{path}\"]` below [app] in lightship.toml"
            ))
        };
        match self {
            Self::LinkOut { path, .. } => {
                vec![exclude(path), Hint::new("or put what it leads to into the project")]
            }
            Self::Special { path, .. } | Self::Path { path, .. } => vec![exclude(path)],
            Self::FileAndFolder { .. } => {
                vec![Hint::new("let the Dockerfile copy them to different places")]
            }
            Self::TooMany { .. } => {
                vec![Hint::new(
                    "name the project's own folder, or list what is no part of it in .dockerignore",
                )]
            }
            Self::Io { .. } => Vec::new(),
        }
    }
}
