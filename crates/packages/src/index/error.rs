//! Why an index does not help.

use std::path::PathBuf;

use lightship_base::{Category, Diagnose, Hint};

use crate::fetch;

/// Why a distribution's file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Getting it, or a page about it, failed.
    #[error(transparent)]
    Fetch(#[from] fetch::Error),
    /// A page of an index makes no sense.
    #[error("the page of the index `{label}` about {project} makes no sense: {reason}")]
    Page {
        /// Which index.
        label: String,
        /// Which project.
        project: String,
        /// What is wrong.
        reason: String,
    },
    /// No index has it.
    #[error("no configured index has {file}")]
    NowhereFound {
        /// Which file.
        file: String,
        /// The label that the lock gives.
        label: String,
        /// Labels of the indexes that were asked.
        asked: Vec<String>,
    },
    /// An index has a file of this name, and it is another one.
    #[error("the index `{label}` has {file}, but not with the digest of the lock")]
    OtherDigest {
        /// Which file.
        file: String,
        /// Which index.
        label: String,
    },
    /// A file of the user's cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The store failed.
    #[error("cannot keep {what} in the local store")]
    Store {
        /// What.
        what: String,
        /// Why not.
        source: lightship_cas::Error,
    },
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::Fetch(error) => error.category(),
            Self::Page { .. } | Self::OtherDigest { .. } => Category::BadInput,
            Self::NowhereFound { .. } => Category::Network,
            Self::Io { source, .. } => Category::of_io(source),
            Self::Store { source, .. } => source.category(),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Fetch(error) => error.hints(),
            Self::Store { source, .. } => source.hints(),
            Self::Page { .. } | Self::Io { .. } => Vec::new(),
            Self::OtherDigest { .. } => vec![Hint::new(
                "the lock was changed, or the index replaced the file: lock again with `lightship lock --upgrade`",
            )],
            Self::NowhereFound { label, asked, .. } if asked.contains(label) => vec![Hint::new(
                "the index may have deleted it: resolve anew with `lightship lock --upgrade`",
            )],
            Self::NowhereFound { label, .. } => vec![Hint::new(format!(
                "the lock has it from the index `{label}`: configure an index of this name, in pip's or uv's settings or in `[index]` of lightship.toml"
            ))],
        }
    }
}
