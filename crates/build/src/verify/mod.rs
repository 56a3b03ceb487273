//! Checks that an image does its work: commands, imports, HTTP probes, files.
//!
//! A [`Check`] is data. [`Subject::verify`] runs many of them in parallel, each in a sandbox of its own
//! with limits on time, memory, processes and disk, and gives a [`Verdict`] for each: passed, failed, or
//! that this machine could not find out. A check that fails shows the command that was run, how it
//! ended, and the lines that matter.
//!
//! Where nobody wrote checks, [`defaults`] are made: the entry point starts, and what the source
//! imports, imports.

mod answer;
pub(crate) mod capture;
mod check;
mod command;
pub mod defaults;
mod files;
mod http;
mod imports;
mod matter;
mod recording;
mod run;
mod source;
mod verdict;

pub use check::{
    Around, Check, CommandCheck, EntryPointCheck, Expected, ExpectedFile, FileKind, FilesCheck,
    HttpCheck, ImportItem, ImportsCheck, Kind, Pattern, Statuses, Streams,
};
pub use recording::Recording;
pub use run::{Limits, Subject, Watcher};
pub use verdict::{ModuleOutcome, Repeat, Status, Summary, Verdict};

use lightship_base::{Category, Diagnose, Hint};

/// Why checks could not be made at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The image's layers cannot be read.
    #[error(transparent)]
    Oci(#[from] lightship_oci::Error),
    /// The project's folder cannot be read.
    #[error(transparent)]
    Folder(#[from] lightship_audit::imports::FolderError),
    /// Nothing can be run in the image.
    #[error(transparent)]
    Sandbox(#[from] lightship_sandbox::Error),
    /// This machine gives no more threads.
    #[error("cannot start a thread to {attempt}")]
    Thread {
        /// What it was for.
        attempt: &'static str,
        /// Why not.
        source: std::io::Error,
    },
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::Oci(error) => error.category(),
            Self::Folder(error) => error.category(),
            Self::Sandbox(error) => error.category(),
            Self::Thread { .. } => Category::Machine,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Oci(error) => error.hints(),
            Self::Folder(error) => error.hints(),
            Self::Sandbox(error) => error.hints(),
            Self::Thread { .. } => vec![Hint::new("run fewer checks at once with `--jobs`")],
        }
    }
}
