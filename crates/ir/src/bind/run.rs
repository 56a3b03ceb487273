//! What a run is given.

use std::fmt;

use lightship_base::{Category, Diagnose, Hint};
use serde_json::{Map, Value};

use crate::exchange::{Artifact, Inputs};
use crate::plan::{InputParameter, Plan};
use crate::problem::Unknown;
use crate::value::{ParameterType, ValueError};

/// One input of a run, as it was given.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// As a person types it: read by the input's type.
    Text(String),
    /// As JSON.
    Json(Value),
}

/// All inputs of a run: those that are given, and for the others what the pipeline says. An input that may be missing
/// and has no default is null. An artifact is given by its URI.
pub fn run(plan: &Plan, given: &[(String, Given)]) -> Result<Inputs, RunErrors> {
    let declared = &plan.components[plan.root].inputs;
    let mut inputs = Inputs::default();
    let mut errors = Vec::new();
    for (name, value) in given {
        if let Some(parameter) = declared.parameters.get(name) {
            match parameter_value(parameter, value) {
                Ok(value) => drop(inputs.parameters.insert(name.clone(), value)),
                Err(error) => errors.push(RunError::Value { name: name.clone(), error }),
            }
        } else if let Some(artifact) = declared.artifacts.get(name) {
            let uri = match value {
                Given::Text(uri) | Given::Json(Value::String(uri)) => uri.clone(),
                Given::Json(_) => {
                    errors.push(RunError::Uri(name.clone()));
                    continue;
                }
            };
            let artifact = Artifact {
                name: name.clone(),
                kind: artifact.kind.clone(),
                uri,
                metadata: Map::new(),
                custom_path: None,
            };
            inputs.artifacts.entry(name.clone()).or_default().push(artifact);
        } else {
            let known = declared.parameters.keys().chain(declared.artifacts.keys());
            errors.push(RunError::Unknown(Unknown::among(name, known.map(String::as_str))));
        }
    }
    let wrong = |name: &String| {
        errors.iter().any(|e| matches!(e, RunError::Value { name: n, .. } if n == name))
    };
    let mut missing = Vec::new();
    for (name, parameter) in &declared.parameters {
        if inputs.parameters.contains_key(name) || wrong(name) {
            continue;
        }
        match (&parameter.default, parameter.optional) {
            (Some(default), _) => drop(inputs.parameters.insert(name.clone(), default.clone())),
            (None, true) => drop(inputs.parameters.insert(name.clone(), Value::Null)),
            (None, false) => {
                missing.push(RunError::Missing { name: name.clone(), kind: parameter.kind })
            }
        }
    }
    for (name, artifact) in &declared.artifacts {
        if !artifact.optional && !inputs.artifacts.contains_key(name) {
            missing.push(RunError::MissingArtifact(name.clone()));
        }
    }
    errors.append(&mut missing);
    if errors.is_empty() { Ok(inputs) } else { Err(RunErrors(errors)) }
}

fn parameter_value(parameter: &InputParameter, given: &Given) -> Result<Value, ValueError> {
    let value = match given {
        Given::Text(text) => parameter.kind.parsed(text)?,
        Given::Json(Value::Null) if parameter.optional => return Ok(Value::Null),
        Given::Json(value) => parameter.kind.coerced(value.clone())?,
    };
    parameter.allows(&value).map(|()| value)
}

/// Why an input of a run cannot be what it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The pipeline has no such input.
    #[error("the pipeline has no parameter {0}")]
    Unknown(Unknown),
    /// It is no value of its type.
    #[error("parameter `{name}`: {error}")]
    Value {
        /// Which.
        name: String,
        /// Why not.
        error: ValueError,
    },
    /// It must be given and is not.
    #[error("parameter `{name}` ({kind}) has no default and is not given")]
    Missing {
        /// Which.
        name: String,
        /// Its type.
        kind: ParameterType,
    },
    /// An artifact that must be given and is not.
    #[error("the pipeline takes the artifact `{0}`, which is not given")]
    MissingArtifact(String),
    /// An artifact that is given as something else than a URI.
    #[error("artifact `{0}` is given by its URI, which is a text")]
    Uri(String),
}

/// Everything that is wrong with what a run was given: never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunErrors(Vec<RunError>);

impl RunErrors {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &RunError> {
        self.0.iter()
    }
}

impl fmt::Display for RunErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if at > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for RunErrors {}

impl Diagnose for RunErrors {
    fn category(&self) -> Category {
        Category::Usage
    }

    fn hints(&self) -> Vec<Hint> {
        let hint = |error: &RunError| match error {
            RunError::Missing { name, .. } => Some(format!("give it with `--param {name}=…`")),
            RunError::MissingArtifact(name) => {
                Some(format!("give the artifact's URI with `--param {name}=…`"))
            }
            RunError::Unknown(_) | RunError::Value { .. } | RunError::Uri(_) => None,
        };
        self.0.iter().filter_map(hint).map(Hint::new).collect()
    }
}
