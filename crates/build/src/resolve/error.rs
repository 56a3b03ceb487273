//! Why requirements do not become a lock.

use std::path::{Path, PathBuf};

use lightship_base::{Category, Diagnose, Hint};
use lightship_packages::pylock::ChoiceError;

/// Why requirements do not become a lock.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no uv.
    #[error(
        "cannot resolve Python requirements: `uv` is neither along PATH nor a module of python3"
    )]
    NoUv,
    /// The uv that is there cannot do what is needed.
    #[error("{} is uv {version}, and version {needed} or a newer one is needed", program.display())]
    OldUv {
        /// Which uv.
        program: PathBuf,
        /// Its version.
        version: String,
        /// The oldest that will do.
        needed: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted: `read`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A program cannot be run on this machine.
    #[error("cannot run {}", program.display())]
    Program {
        /// Which.
        program: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A command cannot be run in the sandbox.
    #[error("cannot {attempt} in the sandbox")]
    Sandbox {
        /// What it was for.
        attempt: &'static str,
        /// Why not.
        source: Box<lightship_sandbox::Error>,
    },
    /// The Python to resolve for cannot be used.
    #[error("cannot resolve for the image's Python: {reason}")]
    Python {
        /// Why not.
        reason: String,
    },
    /// A line of a requirements file makes no sense, or asks for what cannot be locked.
    #[error("{}:{line}: {reason}", file.display())]
    Requirement {
        /// Which file.
        file: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// No set of versions fits all requirements.
    #[error("the requirements cannot be met\n{explanation}")]
    Unsatisfiable {
        /// uv's explanation.
        explanation: String,
    },
    /// uv, or a build, failed otherwise.
    #[error("cannot {attempt}: uv {end}\n{complaint}")]
    Failed {
        /// What it was for.
        attempt: &'static str,
        /// How it ended.
        end: String,
        /// What it said, without what may be secret.
        complaint: String,
        /// What to do about it, where a package's own code failed.
        hint: Option<&'static str>,
    },
    /// A document about packages makes no sense.
    #[error(transparent)]
    Document(#[from] lightship_packages::lock::Error),
    /// A lock of another tool does not fit the target, or what is asked of it.
    #[error("cannot use {lock}: {reason}")]
    Lock {
        /// Which lock.
        lock: String,
        /// Why not.
        reason: ChoiceError,
    },
    /// A distribution is of a kind that cannot be locked.
    #[error("{name} comes from {from}, which is not supported yet")]
    Unsupported {
        /// Which distribution.
        name: String,
        /// `a git repository`, `the folder ../lib`.
        from: String,
    },
    /// A package has an index of its own, which the requirements do not let it come from.
    #[error(
        "{name} has to come from the index {index} alone, and the requirements have it come from elsewhere"
    )]
    NotAtHome {
        /// Which distribution.
        name: String,
        /// The label of its index.
        index: String,
    },
    /// A distribution has no file that fits.
    #[error("{name} {version} has no wheel that fits and no source distribution")]
    NoFile {
        /// Which distribution.
        name: String,
        /// Its version.
        version: String,
    },
    /// The file that an index offers is not one that the user's own lock allows.
    #[error("{file} is not among the files that {lock} allows for {name}")]
    NotAllowed {
        /// Which file.
        file: String,
        /// Of which distribution.
        name: String,
        /// The user's lock: `poetry.lock`.
        lock: String,
    },
    /// The file that an index offers has none of the hashes in the requirements.
    #[error("{file} has none of the hashes that the requirements have for {name}")]
    OtherHash {
        /// Which file.
        file: String,
        /// Of which distribution.
        name: String,
    },
    /// Every distribution has to have a hash, and one has none.
    #[error(
        "{name} is needed and has no hash in the requirements, and `--require-hashes` wants one for everything"
    )]
    NoHash {
        /// Which distribution.
        name: String,
    },
    /// The project asks for more than its `uv.lock` has.
    #[error("{} does not have {} yet, which pyproject.toml asks for", lock.display(), names.join(", "))]
    Behind {
        /// The lock.
        lock: PathBuf,
        /// The distributions that it lacks.
        names: Vec<String>,
    },
    /// An index or the store failed.
    #[error(transparent)]
    Index(#[from] lightship_packages::index::Error),
    /// The store failed.
    #[error("cannot keep {what} in the local store")]
    Store {
        /// What.
        what: String,
        /// Why not.
        source: lightship_cas::Error,
    },
    /// A source distribution did not become a wheel.
    #[error("cannot build {file}: {reason}")]
    Build {
        /// The source distribution.
        file: String,
        /// Why not.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl Error {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::NoUv | Self::OldUv { .. } | Self::Program { .. } => Category::Machine,
            Self::Io { source, .. } => Category::of_io(source),
            Self::Sandbox { source, .. } => source.category(),
            Self::Python { .. }
            | Self::Requirement { .. }
            | Self::Unsatisfiable { .. }
            | Self::Failed { .. }
            | Self::Lock { .. }
            | Self::Unsupported { .. }
            | Self::NotAtHome { .. }
            | Self::NoFile { .. }
            | Self::NotAllowed { .. }
            | Self::OtherHash { .. }
            | Self::NoHash { .. }
            | Self::Behind { .. }
            | Self::Build { .. } => Category::BadInput,
            Self::Document(error) => error.category(),
            Self::Index(error) => error.category(),
            Self::Store { source, .. } => source.category(),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::NoUv => vec![Hint::new(
                "install the Python package `uv`, for example with `python3 -m pip install --user uv`",
            )],
            Self::OldUv { .. } => {
                vec![Hint::new("update it: `uv self update`, or the way it was installed")]
            }
            Self::Lock { reason, .. } => vec![Hint::new(match reason {
                ChoiceError::Python { .. } => {
                    "choose a Python that it is for with `python`, or make the lock anew"
                }
                ChoiceError::Environment { .. } | ChoiceError::Ambiguous { .. } => {
                    "make the lock anew with its own tool, for the image's platform"
                }
                ChoiceError::Unknown { .. } => "mend `groups` or `extras` below [python]",
            })],
            Self::Unsupported { .. } => vec![Hint::new(
                "build a wheel of it, put it in a folder, and name the folder with `--find-links` in the requirements",
            )],
            Self::NotAtHome { index, .. } => {
                vec![Hint::new(format!("mend `packages` below [index.{index}]"))]
            }
            Self::NoFile { .. } => vec![Hint::new("choose another version, Python or platform")],
            Self::NotAllowed { .. } => {
                vec![Hint::new(
                    "make that lock anew with its own tool, or remove it to resolve anew",
                )]
            }
            Self::OtherHash { .. } => vec![Hint::new(
                "pin the version that the hashes are of (`name==version`); where it is pinned, the file is not the one that they were made for",
            )],
            Self::NoHash { .. } => vec![Hint::new(
                "name it with its version and hash, as `uv pip compile --generate-hashes` does",
            )],
            Self::Behind { .. } => vec![Hint::new("run `uv lock`")],
            Self::Sandbox { source, .. } => source.hints(),
            Self::Document(error) => error.hints(),
            Self::Index(error) => error.hints(),
            Self::Store { source, .. } => source.hints(),
            Self::Build { hint, .. } => hint.iter().map(Hint::new).collect(),
            Self::Failed { hint, .. } => hint.iter().map(|hint| Hint::new(*hint)).collect(),
            Self::Io { .. }
            | Self::Program { .. }
            | Self::Python { .. }
            | Self::Requirement { .. }
            | Self::Unsatisfiable { .. } => Vec::new(),
        }
    }
}
