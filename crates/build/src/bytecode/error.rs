//! Why byte code could not be made at all. That single files have none is no error.

use std::time::Duration;

use lightship_base::{Category, Diagnose, Hint};

/// Why byte code could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A package's file could not be read.
    #[error("cannot read {path} to make its byte code")]
    Content {
        /// Which file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The image's Python could not be started.
    #[error("cannot run the image's {program} to make byte code")]
    Sandbox {
        /// Which program.
        program: String,
        /// Why not.
        source: lightship_sandbox::Error,
    },
    /// It was started and did not get as far as the first file.
    #[error("the image's {program} {reason} before it compiled anything")]
    Interpreter {
        /// Which program.
        program: String,
        /// How it ended, as half a sentence.
        reason: String,
    },
    /// All together took too long.
    #[error("{attempt} took longer than {} s", limit.as_secs())]
    Time {
        /// What was attempted.
        attempt: &'static str,
        /// How long it may take.
        limit: Duration,
    },
    /// The store failed.
    #[error("cannot keep the byte code of {package}")]
    Store {
        /// Of which package.
        package: String,
        /// Why not.
        source: lightship_cas::Error,
    },
    /// This machine gives no more threads.
    #[error("cannot start a thread to {attempt}")]
    Thread {
        /// What it was for.
        attempt: &'static str,
        /// Why not.
        reason: String,
    },
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::Content { source, .. } => Category::of_io(source),
            Self::Sandbox { source, .. } => source.category(),
            Self::Store { source, .. } => source.category(),
            Self::Interpreter { .. } | Self::Time { .. } => Category::BadInput,
            Self::Thread { .. } => Category::Machine,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        let without = "build without byte code: `bytecode = \"none\"`";
        match self {
            Self::Sandbox { source, .. } => source.hints(),
            Self::Store { source, .. } => source.hints(),
            Self::Interpreter { .. } | Self::Time { .. } => vec![Hint::new(without)],
            Self::Content { .. } | Self::Thread { .. } => Vec::new(),
        }
    }
}
