//! Whether an earlier run's outputs will do: keys by content, in parts with names.

use std::time::Duration;

use lightship_base::{Digest, Key, Timestamp};
use lightship_ir::exchange::Inputs;
use lightship_ir::value::normal;
use lightship_ir::{Plan, TaskId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::Outputs;
use crate::id::{NodeId, RunId};

/// How a run uses the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheRules {
    /// Every task of it runs. Its results are kept for others.
    Off,
    /// Tasks that allow it take results that are not older than this; of any age, if none.
    On {
        /// The oldest result that will do.
        max_age: Option<Duration>,
    },
}

impl Default for CacheRules {
    fn default() -> Self {
        Self::On { max_age: None }
    }
}

/// What a result is found by: a digest of everything that it follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CacheKey(pub Digest);

/// One thing that a result follows from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What it is: `environment`, `command`, `parameter n`, `artifact n`.
    pub name: String,
    /// Its content.
    pub digest: Digest,
}

/// What the cache was asked for a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    /// The key.
    pub key: CacheKey,
    /// What it is made of.
    pub parts: Vec<Part>,
    /// The names of parts that are not those of the task's latest result; empty where it never had one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
}

/// A result that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheEntry {
    /// What it is found by.
    pub key: CacheKey,
    /// What the key is made of.
    pub parts: Vec<Part>,
    /// The pipeline that made it.
    pub pipeline: String,
    /// The task that made it.
    pub task: String,
    /// The run that made it.
    pub run: RunId,
    /// Where in that run.
    pub node: NodeId,
    /// When.
    pub created: Timestamp,
    /// The result.
    pub outputs: Outputs,
}

/// The key of a task that is about to run.
///
/// An artifact counts by its content, wherever it is; one whose content is not known counts by its URI. `environment` is
/// what the executor says that the result depends on besides ([`crate::Executor::environment`]): the image by digest.
pub(crate) fn lookup(
    plan: &Plan,
    task: TaskId,
    inputs: &Inputs,
    environment: &str,
    content: impl Fn(&str) -> Option<Digest>,
) -> Lookup {
    let mut parts = Vec::new();
    let mut part = |name: String, digest: Digest| parts.push(Part { name, digest });
    if let Some(own) = &plan.tasks[task].caching.key {
        part("cache key of its author".to_owned(), Digest::of(own.as_bytes()));
    }
    part("environment".to_owned(), Digest::of(environment.as_bytes()));
    part("command".to_owned(), of_json(&plan.executor_of(task)));
    part("outputs".to_owned(), of_json(&plan.component_of(task).outputs));
    if plan.tasks[task].kubernetes.is_some() {
        part("kubernetes".to_owned(), of_json(&plan.tasks[task].kubernetes));
    }
    for (name, value) in &inputs.parameters {
        part(format!("parameter {name}"), of_json(&canonical(&normal(value))));
    }
    for (name, artifacts) in &inputs.artifacts {
        let mut key = Key::of("artifacts");
        for artifact in artifacts {
            key.add(of_json(&artifact.kind).to_string());
            key.add(of_json(&canonical(&Value::Object(artifact.metadata.clone()))).to_string());
            match content(&artifact.uri) {
                Some(digest) => key.add(digest.to_string()),
                None => key.add(&artifact.uri),
            }
        }
        part(format!("artifact {name}"), key.finish());
    }
    Lookup { key: key_of(plan, task, &parts), parts, changed: Vec::new() }
}

/// An author's own key stands for everything but the component's name.
fn key_of(plan: &Plan, task: TaskId, parts: &[Part]) -> CacheKey {
    let mut key = Key::of("task result 1");
    key.add(&plan.component_of(task).name);
    let own = plan.tasks[task].caching.key.is_some();
    for part in if own { &parts[..1] } else { parts } {
        key.add(&part.name);
        key.add(part.digest.to_string());
    }
    CacheKey(key.finish())
}

/// The names of the parts in which a key differs from that of an earlier result.
pub(crate) fn changed(now: &[Part], before: &[Part]) -> Vec<String> {
    let same = |part: &&Part, others: &[Part]| others.iter().any(|other| *part == other);
    let mut names: Vec<String> =
        now.iter().filter(|part| !same(part, before)).map(|part| part.name.clone()).collect();
    let gone = before.iter().filter(|part| !now.iter().any(|other| other.name == part.name));
    names.extend(gone.map(|part| part.name.clone()));
    names
}

fn of_json<T: Serialize>(value: &T) -> Digest {
    let bytes = serde_json::to_vec(value).expect("keys are texts and numbers are JSON's own");
    Digest::of(&bytes)
}

/// The same value with the keys of its objects in one order.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            let field = |(key, value): (&String, &Value)| (key.clone(), canonical(value));
            Value::Object(fields.into_iter().map(field).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
