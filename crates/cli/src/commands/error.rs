//! Everything that can end a command, on top of what the libraries say.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use lightship_base::{Category, Diagnose, Digest, Hint};
use lightship_build::{base, prune};
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
    /// A pipeline cannot be baked or run.
    #[error(transparent)]
    Pipeline(#[from] super::PipelineError),
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
    /// The executable of an image for one.
    #[error(transparent)]
    Program(#[from] lightship_build::program::ProgramError),
    /// The web files of an image for them.
    #[error(transparent)]
    Site(#[from] lightship_build::web::SiteError),
    /// Byte code could not be made.
    #[error(transparent)]
    Bytecode(#[from] lightship_build::bytecode::Error),
    /// A project's settings make no sense.
    #[error(transparent)]
    ProjectFile(#[from] crate::settings::project::ProjectError),
    /// A project's other files make no sense.
    #[error(transparent)]
    Project(#[from] lightship_build::project::ProjectError),
    /// There is no such folder.
    #[error("there is no project at {}: it is no folder", path.display())]
    NoProject {
        /// What was named.
        path: PathBuf,
    },
    /// Something that the settings ask for, and that is not there yet.
    #[error("{what} cannot be built yet")]
    NotYet {
        /// What.
        what: &'static str,
    },
    /// Distributions are wanted without what they require, where another tool has chosen it already.
    #[error("`no-deps` in lightship.toml means nothing where {lock} says which packages there are")]
    NoDepsOfLock {
        /// The file of that tool.
        lock: String,
    },
    /// A category that nobody knows.
    #[error("there is no category `{name}`")]
    UnknownCategory {
        /// What was written.
        name: String,
    },
    /// A platform that no lock can have.
    #[error("`{platform}` is no platform to build for")]
    Platform {
        /// What was written.
        platform: String,
    },
    /// A platform that images are not built for.
    #[error("images for {platform} cannot be built: those for linux/amd64 and linux/arm64 can")]
    OtherPlatform {
        /// Which.
        platform: String,
    },
    /// An index of the settings cannot be used. Its address may hold a secret and is not shown.
    #[error("the index `{label}` cannot be used: {reason}")]
    BadIndex {
        /// Its label.
        label: String,
        /// Why not.
        reason: String,
    },
    /// The base's Python is not what the project takes.
    #[error("the project wants Python {wanted} ({from}), and the base has {found}")]
    OtherPython {
        /// What is wanted.
        wanted: String,
        /// Who says so.
        from: String,
        /// What is there.
        found: String,
    },
    /// The archive of an interpreter cannot be found from its settings. Its address is not shown.
    #[error("the archive under `[base] interpreter` cannot be used: {reason}")]
    BadArchive {
        /// Why not.
        reason: String,
    },
    /// The base of the lock is not where its reference leads any more.
    #[error("the base image {reference} is {found} now, and the lock has {locked}")]
    OtherBase {
        /// As the settings call it.
        reference: String,
        /// The digest of the lock.
        locked: Digest,
        /// The digest that is there.
        found: Digest,
    },
    /// The lock is built on an image, and the settings name none.
    #[error("the lock is built on the image {reference}, and the settings name none")]
    NoBasePlace {
        /// As the settings called it.
        reference: String,
    },
    /// A source with native code, for a machine that is not this one.
    #[error(
        "{file} comes as source with code for a compiler, and what is compiled here does not run on {platform}"
    )]
    NativeElsewhere {
        /// The source distribution.
        file: String,
        /// What is built for.
        platform: String,
    },
    /// No Python of this machine answers for that of an image which cannot run here.
    #[error(
        "{platform} needs {wanted}, and for this machine there is {}: only the same one can stand for it",
        found.as_deref().unwrap_or("none")
    )]
    NoTwin {
        /// The package that has it, and its version.
        wanted: String,
        /// What is built for.
        platform: String,
        /// The same of this machine.
        found: Option<String>,
    },
    /// The lock may not be changed and does not fit.
    #[error("{} cannot be used as it is: {}", path.display(), reasons.join("; "))]
    Outdated {
        /// The lock.
        path: PathBuf,
        /// Why not.
        reasons: Vec<String>,
    },
    /// A folder of packages is built from, and the lock does not fit the project.
    #[error("{} cannot be used as it is: {}", path.display(), reasons.join("; "))]
    OutdatedForVendor {
        /// The lock.
        path: PathBuf,
        /// Why not.
        reasons: Vec<String>,
    },
    /// The local store has files that are not what they were when they were put there.
    #[error("the local store's copy of {} is damaged", files.join(", "))]
    Spoilt {
        /// Names of files of the lock.
        files: Vec<String>,
    },
    /// What is there was written by somebody.
    #[error("{} is there already", path.display())]
    WouldOverwrite {
        /// The file.
        path: PathBuf,
    },
    /// Packages would lie among the project's own files.
    #[error("{} is the project's own folder", path.display())]
    AmongTheProject {
        /// The folder.
        path: PathBuf,
    },
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
            Self::Pipeline(error) => error.category(),
            Self::Check(error) => error.category(),
            Self::Lean(error) => error.category(),
            Self::Resolve(error) => error.category(),
            Self::Trust(error) => error.category(),
            Self::Lock(error) => error.category(),
            Self::App(error) => error.category(),
            Self::Program(error) => error.category(),
            Self::Site(error) => error.category(),
            Self::Reference(error) => error.category(),
            Self::Bytecode(error) => error.category(),
            Self::Project(error) => error.category(),
            Self::ProjectFile(error) => error.category(),
            Self::Outdated { .. }
            | Self::OutdatedForVendor { .. }
            | Self::Spoilt { .. }
            | Self::OtherBase { .. }
            | Self::NoBasePlace { .. }
            | Self::NoTwin { .. }
            | Self::NativeElsewhere { .. } => Category::BadInput,
            Self::ProjectAudit { .. }
            | Self::NoProject { .. }
            | Self::NotYet { .. }
            | Self::UnknownCategory { .. }
            | Self::NoDepsOfLock { .. }
            | Self::Platform { .. }
            | Self::OtherPlatform { .. }
            | Self::BadIndex { .. }
            | Self::OtherPython { .. }
            | Self::BadArchive { .. }
            | Self::WouldOverwrite { .. }
            | Self::AmongTheProject { .. }
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
            Self::Pipeline(error) => error.hints(),
            Self::Check(error) => error.hints(),
            Self::Lean(error) => error.hints(),
            Self::Resolve(error) => error.hints(),
            Self::Trust(error) => error.hints(),
            Self::Lock(error) => error.hints(),
            Self::App(error) => error.hints(),
            Self::Program(error) => error.hints(),
            Self::Site(error) => error.hints(),
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
            Self::Bytecode(error) => error.hints(),
            Self::Project(error) => error.hints(),
            Self::ProjectFile(error) => error.hints(),
            Self::NoDepsOfLock { lock } => vec![Hint::new(format!(
                "leave them out with the tool that makes {lock}, or name other requirements in [python]"
            ))],
            Self::UnknownCategory { .. } => vec![categories()],
            Self::OtherPython { .. } => vec![Hint::new(
                "say which one under `[python] version`: other suites of the mirror are then tried",
            )],
            Self::OtherBase { .. } => vec![Hint::new(
                "lock again with `lightship lock --upgrade`, or let the reference mean the old image again",
            )],
            Self::Spoilt { .. } => vec![Hint::new(
                "`lightship store verify --remove-corrupt` removes it; the next build fetches it again",
            )],
            Self::OutdatedForVendor { .. } => vec![Hint::new(
                "where there is a network, run `lightship lock` and `lightship vendor` anew",
            )],
            Self::Outdated { .. } | Self::NoBasePlace { .. } => {
                vec![Hint::new("run `lightship lock`, or the same command without `--locked`")]
            }
            Self::NativeElsewhere { .. } => vec![Hint::new(
                "build on a machine of that platform, or put a wheel of it into a `--find-links` folder",
            )],
            Self::NoTwin { .. } => vec![Hint::new(
                "lock again, for both platforms: `lightship lock --platform linux/amd64`, and linux/arm64",
            )],
            Self::WouldOverwrite { .. } => vec![Hint::new(
                "see what would be written with `--print`, and take from it what you need",
            )],
            Self::AmongTheProject { .. } => vec![Hint::new("name a folder for packages alone")],
            Self::NotYet { .. } => vec![Hint::new("leave it away")],
            Self::Output(_)
            | Self::Io { .. }
            | Self::NoProject { .. }
            | Self::Platform { .. }
            | Self::OtherPlatform { .. }
            | Self::BadIndex { .. } => Vec::new(),
            Self::BadArchive { .. } => vec![Hint::new(
                "write a path from the project's folder, or an address that ends in the archive's name",
            )],
        }
    }
}

fn categories() -> Hint {
    let own = prune::Category::ALL.map(prune::Category::name);
    let base = base::Category::ALL.map(base::Category::name);
    let mut names: Vec<&str> = own.into_iter().chain(base).collect();
    names.sort_unstable();
    names.dedup();
    Hint::new(format!("those that there are: {}", names.join(", ")))
}
