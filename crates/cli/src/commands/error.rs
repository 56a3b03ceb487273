//! Everything that can end a command, on top of what the libraries say.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use lightship_base::{Category, Diagnose, Hint};
use lightship_oci::reference::ParseReferenceError;

use crate::exit_code::ExitCode;
use crate::settings::SettingsError;

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The environment makes no sense.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Standard output does not take what is written: a full disk, mostly. A closed pipe is no error.
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted: `create`, `write`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The machine does not give so many threads.
    #[error("cannot start {jobs} worker threads")]
    Threads {
        /// How many were asked for.
        jobs: NonZeroUsize,
        /// Why not.
        source: rayon::ThreadPoolBuildError,
    },
    /// An image could not be read, written or reshaped.
    #[error(transparent)]
    Oci(#[from] lightship_oci::Error),
    /// The local store failed.
    #[error(transparent)]
    Store(#[from] lightship_cas::Error),
    /// A command could not be run in an image.
    #[error(transparent)]
    Sandbox(#[from] lightship_sandbox::Error),
    /// An error of a command that runs a program: its exit code must not be taken for the program's.
    #[error(transparent)]
    Running(Box<Error>),
    /// An image could not be checked.
    #[error(transparent)]
    Check(#[from] super::CheckError),
    /// A lean image could not be made.
    #[error(transparent)]
    Lean(#[from] lightship_build::lean::Error),
    /// Requirements could not be resolved.
    #[error(transparent)]
    Resolve(#[from] lightship_build::resolve::Error),
    /// The keys of an archive.
    #[error(transparent)]
    Trust(#[from] lightship_packages::apt::TrustError),
    /// The lock.
    #[error(transparent)]
    Lock(#[from] lightship_packages::lock::Error),
    /// The project's own files.
    #[error(transparent)]
    App(#[from] lightship_build::app::AppError),
    /// There is no such OCI runtime.
    #[error("there is no OCI runtime `{}` on this machine", runtime.display())]
    NoSuchRuntime {
        /// What was asked for.
        runtime: PathBuf,
    },
    /// The words name no image.
    #[error(transparent)]
    Reference(#[from] ParseReferenceError),
    /// The audit of a project is a later issue's.
    #[error("{what} is a project; auditing projects is not there yet")]
    ProjectAudit {
        /// What was named.
        what: String,
    },
    /// A digest cannot name something new.
    #[error("an image cannot be stored under a digest as its name")]
    DigestAsName,
    /// A plain path does not say what to write there.
    #[error("it is not clear what to write to {}", path.display())]
    UnclearDestination {
        /// The path.
        path: PathBuf,
    },
    /// An archive whose image has no name was loaded without one.
    #[error("the image in {} has no name", path.display())]
    NamelessArchive {
        /// The archive.
        path: PathBuf,
    },
    /// An image known by its digest only has no registry in its name.
    #[error("an image named by its digest does not say where to push it")]
    NowhereToPush,
}

impl From<lightship_build::assemble::Error> for Error {
    fn from(error: lightship_build::assemble::Error) -> Self {
        Self::Lean(error.into())
    }
}

impl Error {
    /// Marks an error as one of a command that runs a program.
    pub(super) fn of_running(self) -> Self {
        Self::Running(Box::new(self))
    }

    /// The exit code that it deserves.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Running(error) => match &**error {
                Self::Sandbox(error) => ExitCode::Program(error.exit_code()),
                _ => ExitCode::Program(125),
            },
            _ => self.category().into(),
        }
    }

    /// An operating-system error on a path, ready for `map_err`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::Settings(error) => error.category(),
            Self::Output(_) | Self::Threads { .. } | Self::NoSuchRuntime { .. } => {
                Category::Machine
            }
            Self::Io { source, .. } => Category::of_io(source),
            Self::Oci(error) => error.category(),
            Self::Store(error) => error.category(),
            Self::Sandbox(error) => error.category(),
            Self::Running(error) => error.category(),
            Self::Check(error) => error.category(),
            Self::Lean(error) => error.category(),
            Self::Resolve(error) => error.category(),
            Self::Trust(error) => error.category(),
            Self::Lock(error) => error.category(),
            Self::App(error) => error.category(),
            Self::Reference(error) => error.category(),
            Self::ProjectAudit { .. }
            | Self::DigestAsName
            | Self::UnclearDestination { .. }
            | Self::NamelessArchive { .. }
            | Self::NowhereToPush => Category::Usage,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Settings(error) => error.hints(),
            Self::NoSuchRuntime { .. } => vec![Hint::new(
                "install it, give its path, or leave `--runtime` away: none is needed",
            )],
            Self::Threads { .. } => vec![Hint::new("set LIGHTSHIP_JOBS to a smaller number")],
            Self::Oci(error) => error.hints(),
            Self::Store(error) => error.hints(),
            Self::Sandbox(error) => error.hints(),
            Self::Running(error) => error.hints(),
            Self::Check(error) => error.hints(),
            Self::Lean(error) => error.hints(),
            Self::Resolve(error) => error.hints(),
            Self::Trust(error) => error.hints(),
            Self::Lock(error) => error.hints(),
            Self::App(error) => error.hints(),
            Self::Reference(error) => error.hints(),
            Self::ProjectAudit { .. } => vec![Hint::new(
                "name an image; a folder counts as one if it has an `oci-layout` file",
            )],
            Self::DigestAsName => vec![Hint::new("give a name such as `churn:v2`")],
            Self::UnclearDestination { path } => {
                let path = path.display();
                vec![Hint::new(format!(
                    "write oci:{path}, oci-archive:{path} or docker-archive:{path}"
                ))]
            }
            Self::NamelessArchive { .. } => vec![Hint::new("give it one with `--name`")],
            Self::NowhereToPush => vec![Hint::new("name the destination, too")],
            Self::Output(_) | Self::Io { .. } => Vec::new(),
        }
    }
}
