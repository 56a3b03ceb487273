//! Why a pipeline in Python could not be compiled.

use std::fmt;
use std::path::PathBuf;

use lightship_base::{Category, Diagnose, Hint};

use super::answer::Choice;

/// Why a pipeline in Python could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// `--python` names none.
    #[error("there is no Python at {}", python.display())]
    NoPython {
        /// What was named.
        python: PathBuf,
    },
    /// A Python cannot be started.
    #[error("cannot start {}", python.display())]
    Start {
        /// Which.
        python: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The Python that was asked for has no SDK.
    #[error("{} has no Kubeflow Pipelines SDK", python.display())]
    NoSdk {
        /// Which.
        python: PathBuf,
    },
    /// Pipelines of the first version are something else.
    #[error("the Kubeflow Pipelines SDK of {} is {version}, and pipelines need 2.0 or newer", python.display())]
    Old {
        /// Which Python.
        python: PathBuf,
        /// Its SDK's version.
        version: String,
    },
    /// The file defines no pipeline.
    #[error("{} has no pipeline", file.display())]
    NoPipeline {
        /// The file.
        file: PathBuf,
    },
    /// The file defines several.
    #[error("{} has {} pipelines: {}", file.display(), choices.len(), listed(choices))]
    Several {
        /// The file.
        file: PathBuf,
        /// All of them.
        choices: Vec<Choice>,
    },
    /// The file does not define the one that was asked for.
    #[error("{} has no pipeline `{function}`: it has {}", file.display(), listed(choices))]
    NoSuchFunction {
        /// The file.
        file: PathBuf,
        /// What was asked for.
        function: String,
        /// What there is.
        choices: Vec<Choice>,
    },
    /// The pipeline's code failed, or the SDK refused it.
    #[error("{} cannot be compiled", file.display())]
    Raised {
        /// The file.
        file: PathBuf,
        /// The module that was not found.
        missing: Option<String>,
        /// Where in the code, and why.
        source: Told,
    },
    /// The Python that ran the pipeline's code ended in the middle of it.
    #[error("{} cannot be compiled: its Python ended before that", file.display())]
    Died {
        /// The file.
        file: PathBuf,
        /// The last that was printed.
        #[source]
        said: Told,
    },
}

impl From<CompileError> for crate::commands::Error {
    fn from(error: CompileError) -> Self {
        Self::Pipeline(error.into())
    }
}

/// What Python said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told(pub(super) String);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Told {}

/// `train` (churn-retraining), `score`.
fn listed(choices: &[Choice]) -> String {
    let one = |choice: &Choice| {
        let Choice { function, name } = choice;
        if *name == function.replace('_', "-") {
            format!("`{function}`")
        } else {
            format!("`{function}` ({name})")
        }
    };
    choices.iter().map(one).collect::<Vec<_>>().join(", ")
}

impl Diagnose for CompileError {
    fn category(&self) -> Category {
        match self {
            Self::NoPython { .. } | Self::Several { .. } | Self::NoSuchFunction { .. } => {
                Category::Usage
            }
            Self::NoPipeline { .. } | Self::Raised { .. } | Self::Died { .. } => Category::BadInput,
            Self::NoSdk { .. } | Self::Old { .. } | Self::Start { .. } => Category::Machine,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::NoPython { .. } | Self::Start { .. } => {
                vec![Hint::new("name a Python that has `kfp`, or leave `--python` out")]
            }
            Self::NoSdk { python } => vec![Hint::new(format!(
                "install it with `{} -m pip install kfp`, or name another with `--python PATH`",
                python.display()
            ))],
            Self::Old { .. } => {
                vec![Hint::new("name a Python that has a newer `kfp` with `--python PATH`")]
            }
            Self::NoPipeline { .. } => vec![Hint::new(
                "decorate a function with `@dsl.pipeline` where the file is read, not inside another function",
            )],
            Self::Several { choices, .. } | Self::NoSuchFunction { choices, .. } => choices
                .first()
                .map(|choice| Hint::new(format!("write `--function {}`", choice.function)))
                .into_iter()
                .collect(),
            Self::Raised { missing: Some(module), .. } => vec![
                Hint::new(format!(
                    "install `{module}` beside `kfp` into an environment of yours, and name its Python with `--python PATH`"
                )),
                Hint::new("or name an image that has both with `--sdk-image IMAGE`"),
            ],
            Self::Raised { .. } | Self::Died { .. } => Vec::new(),
        }
    }
}
