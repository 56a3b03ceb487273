//! What a task gave back: its own account of it, the files of its parameters, and what it had promised.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Artifact, Exchange};
use crate::plan;
use crate::value::{ParameterType, ValueError};

/// What a task wrote, as its caller read it. Files that are not there are not here.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// The content of [`Outputs::file`](super::Outputs::file).
    pub account: Option<Vec<u8>>,
    /// The contents of the files of [`Outputs::parameters`](super::Outputs::parameters), by the parameter's name.
    pub parameters: BTreeMap<String, Vec<u8>>,
}

/// What a task gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Produced {
    /// Each declared parameter, of its type.
    pub parameters: BTreeMap<String, Value>,
    /// Each declared artifact. Whether its content is there is for the caller to see; upstream only warns if it is not.
    pub artifacts: BTreeMap<String, Vec<Artifact>>,
}

/// Why a task that ended well gave not what it had promised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    /// Its account is no JSON of the right shape.
    #[error("the task's account of its outputs cannot be read: {0}")]
    Account(String),
    /// It gave no value for a parameter.
    #[error("the task wrote no value for its output parameter `{0}`")]
    Missing(String),
    /// It gave a value of another type.
    #[error("output parameter `{name}`: {error}")]
    Value {
        /// Which.
        name: String,
        /// Why not.
        error: ValueError,
    },
    /// It gave bytes that are no text.
    #[error("output parameter `{0}` is not UTF-8 text")]
    NotText(String),
}

/// Puts together what a task gave. Its account goes before the files of parameters; all that is wrong is told.
pub fn collect(
    declared: &plan::Outputs,
    exchange: &Exchange,
    written: &Written,
) -> Result<Produced, Vec<OutputError>> {
    let account = match &written.account {
        None => Account::default(),
        Some(bytes) => Account::read(bytes).map_err(|why| vec![OutputError::Account(why)])?,
    };
    let mut errors = Vec::new();
    let mut produced = Produced::default();
    for (name, kind) in &declared.parameters {
        match parameter(name, *kind, &account, written) {
            Ok(value) => drop(produced.parameters.insert(name.clone(), value)),
            Err(error) => errors.push(error),
        }
    }
    for (name, provisioned) in &exchange.outputs.artifacts {
        let said = account.artifacts.get(name).map_or(&[][..], Vec::as_slice);
        produced.artifacts.insert(name.clone(), artifacts(provisioned, said));
    }
    if errors.is_empty() { Ok(produced) } else { Err(errors) }
}

fn parameter(
    name: &str,
    kind: ParameterType,
    account: &Account,
    written: &Written,
) -> Result<Value, OutputError> {
    let wrong = |error| OutputError::Value { name: name.to_owned(), error };
    if let Some(value) = account.parameters.get(name) {
        return kind.coerced(value.clone()).map_err(wrong);
    }
    let bytes =
        written.parameters.get(name).ok_or_else(|| OutputError::Missing(name.to_owned()))?;
    let text = str::from_utf8(bytes).map_err(|_| OutputError::NotText(name.to_owned()))?;
    kind.parsed(text).map_err(wrong)
}

/// The artifact as it was before the task, with what the task says about it; more of them, where it says so.
fn artifacts(provisioned: &Artifact, said: &[Said]) -> Vec<Artifact> {
    let merged = |said: &Said| {
        let mut artifact = provisioned.clone();
        artifact.metadata.extend(said.metadata.clone());
        if !said.uri.is_empty() {
            artifact.uri.clone_from(&said.uri);
        }
        if !said.name.is_empty() {
            artifact.name.clone_from(&said.name);
        }
        artifact.custom_path = said.custom_path.clone().filter(|path| !path.is_empty());
        artifact
    };
    if said.is_empty() { vec![provisioned.clone()] } else { said.iter().map(merged).collect() }
}

/// *ExecutorOutput*. Both spellings of a name count, as everywhere in protobuf's JSON; null is nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Account {
    #[serde(
        rename = "parameterValues",
        alias = "parameter_values",
        deserialize_with = "or_default"
    )]
    parameters: Map<String, Value>,
    #[serde(deserialize_with = "lists")]
    artifacts: BTreeMap<String, Vec<Said>>,
}

/// What a task says about one artifact.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    uri: String,
    #[serde(deserialize_with = "or_default")]
    metadata: Map<String, Value>,
    #[serde(alias = "customPath")]
    custom_path: Option<String>,
}

fn or_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn lists<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Vec<Said>>, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct List {
        #[serde(deserialize_with = "or_default")]
        artifacts: Vec<Said>,
    }
    let lists: Option<BTreeMap<String, List>> = Option::deserialize(deserializer)?;
    Ok(lists.unwrap_or_default().into_iter().map(|(name, list)| (name, list.artifacts)).collect())
}

impl Account {
    fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
        serde_json::from_str(text)
            .or_else(|error| serde_json::from_str(&with_numbers_as_texts(text)).map_err(|_| error))
            .map_err(|error| error.to_string())
    }
}

/// Python writes `NaN` and `Infinity` where a metric is one, which is no JSON. A run should not fail at its end for
/// that, so they become texts.
fn with_numbers_as_texts(text: &str) -> String {
    let (mut fixed, mut rest, mut quoted) = (String::with_capacity(text.len()), text, false);
    while let Some(next) = rest.chars().next() {
        let word = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| rest.starts_with(word));
        let length = match (quoted, next, word) {
            (true, '\\', _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            (false, _, Some(word)) => word.len(),
            (_, next, _) => next.len_utf8(),
        };
        quoted ^= next == '"';
        let piece = &rest[..length];
        match word.filter(|_| !quoted) {
            Some(word) => fixed.extend(["\"", word, "\""]),
            None => fixed.push_str(piece),
        }
        rest = &rest[length..];
    }
    fixed
}
