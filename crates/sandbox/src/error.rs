//! Why a command did not run.

use std::io;
use std::path::{Path, PathBuf};

use lightship_base::{Category, Diagnose, Hint};

use crate::failure::{Failure, Fault};
use crate::snapshot;

/// Why a command did not run in an image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused something around the sandbox.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted: `open`, `lock`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The helper cannot be started or talked to.
    #[error("cannot {attempt} the sandbox's helper {}", program.display())]
    Helper {
        /// `start`, `talk to`.
        attempt: &'static str,
        /// The helper.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The helper ended without a word: it was killed.
    #[error("the sandbox's helper ended before the command did; somebody killed it")]
    HelperGone,
    /// The sandbox or the program could not be started.
    #[error("{0}")]
    Start(Failure),
    /// The image's file system could not be made.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// What a command that runs programs exits with for it: 127 where the program is not there, 126
    /// where it cannot be executed, else 125.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Start(Failure { fault: Fault::NoSuchProgram, .. }) => 127,
            Self::Start(Failure { fault: Fault::NotExecutable, .. }) => 126,
            Self::Start(_)
            | Self::Io { .. }
            | Self::Helper { .. }
            | Self::HelperGone
            | Self::Snapshot(_) => 125,
        }
    }
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::Io { .. } | Self::Helper { .. } | Self::HelperGone => Category::Machine,
            Self::Snapshot(error) => error.category(),
            Self::Start(failure) => match failure.fault {
                Fault::Machine | Fault::NoOverlay => Category::Machine,
                Fault::Request | Fault::NoSuchProgram | Fault::NotExecutable => Category::BadInput,
            },
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Start(failure) => failure.hint.iter().map(Hint::new).collect(),
            Self::Snapshot(error) => error.hints(),
            Self::Io { .. } | Self::Helper { .. } | Self::HelperGone => Vec::new(),
        }
    }
}
