//! Why a lock makes no sense.

use lightship_base::{Category, Diagnose, Hint};

use super::VERSION;

/// Why a lock cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What is written at some place makes no sense.
    #[error("{file}:{line}: {message}")]
    Invalid {
        /// Which file.
        file: String,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// It was written by a newer Lightship.
    #[error("{file} has version {version} of the format, and this program reads up to {VERSION}")]
    Newer {
        /// Which file.
        file: String,
        /// Its version.
        version: u64,
    },
    /// Its parts contradict each other, or a part has what must never be in a lock.
    #[error("{place} in {file}: {reason}")]
    Inconsistent {
        /// Which file.
        file: String,
        /// Which entry: `wheel numpy`.
        place: String,
        /// What is wrong.
        reason: String,
    },
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::Invalid { .. } | Self::Newer { .. } | Self::Inconsistent { .. } => {
                Category::BadInput
            }
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Invalid { hint, .. } => hint.iter().map(Hint::new).collect(),
            Self::Newer { .. } => vec![Hint::new(
                "use the version of Lightship that wrote it, or make it anew with `lightship lock`",
            )],
            Self::Inconsistent { .. } => {
                vec![Hint::new("do not edit the lock: make it anew with `lightship lock`")]
            }
        }
    }
}
