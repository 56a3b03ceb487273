//! What a task's result depends on, part by part, so that somebody can be told which part made the difference.
//!
//! Texts count as they are written: what placeholders stand for is in the inputs. So a command that names the run's id is
//! the same in every run, as it is upstream. Where artifacts are does not count, what they contain does.

use std::collections::BTreeMap;

use lightship_base::{Digest, Key};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::arena::TaskId;
use crate::exchange::Inputs;
use crate::plan::{Container, ExecutorKind, Importer, Plan};
use crate::template::Argument;
use crate::value::normal;

/// Raised when the same parts are put together in another way.
const RULES: &str = "lightship task 1";

/// Everything that a task's result depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    parts: Vec<Part>,
}

/// One thing that a task's result depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// `image`, `command`, `parameter lr`, `artifact dataset` and so on: unique in its fingerprint.
    pub name: String,
    /// What it is.
    pub digest: Digest,
    /// The same for people, where a line can say it: `3`, an image's name, the digests of contents. Counts for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Part {
    /// Whether both say the same of the same thing.
    pub fn agrees(&self, other: &Self) -> bool {
        (&self.name, self.digest) == (&other.name, other.digest)
    }
}

/// The longest text of a part, in characters: it is for a line of a terminal, and is kept for every result.
const LONGEST_TEXT: usize = 120;

/// What is known about a task only where it runs.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'e> {
    /// What stands for the image's content: a digest, or a reference where nothing better is known.
    pub image: &'e str,
    /// Volumes that outlive the task.
    pub volumes: &'e [MountedVolume],
    /// The digests of input artifacts' contents, by the input's name and in its order.
    pub artifacts: &'e BTreeMap<String, Vec<Digest>>,
}

/// A volume as a task sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountedVolume {
    /// Its name.
    pub name: String,
    /// The folder in it that is mounted; all of it, if empty.
    pub sub_path: String,
    /// Where it is mounted.
    pub path: String,
}

/// The fingerprint of a task with these inputs. None where the content of an input artifact is not known, and for
/// tasks that are graphs.
///
/// An author's own key stands for what a task does and what it is given. It counts within a pipeline, as it does
/// upstream, and for the same component with the same outputs: another one's result is no result of this task.
pub fn fingerprint(
    plan: &Plan,
    task: TaskId,
    inputs: &Inputs,
    evidence: &Evidence<'_>,
) -> Option<Fingerprint> {
    let executor = plan.executor_of(task)?;
    let (task, component) = (&plan.tasks[task], plan.component_of(task));
    let mut parts = Parts::default();
    parts.add("component", Key::of("component").with(&component.name));
    if let Some(key) = &task.caching.key {
        parts.add("pipeline", Key::of("pipeline").with(&plan.name));
        parts.tell("key", Key::of("key").with(key), key);
        parts.outputs(component);
        return Some(Fingerprint { parts: parts.0 });
    }
    match &executor.kind {
        ExecutorKind::Container(container) => parts.container(container, evidence.image),
        ExecutorKind::Importer(importer) => parts.importer(importer),
        ExecutorKind::CreateVolume(_) => parts.add("command", Key::of("create volume")),
        ExecutorKind::DeleteVolume(_) => parts.add("command", Key::of("delete volume")),
    }
    for (name, value) in &inputs.parameters {
        let value = canonical(value);
        parts.tell(&format!("parameter {name}"), Key::of("parameter").with(&value), &value);
    }
    for (name, artifacts) in &inputs.artifacts {
        let mut key = Key::of("artifacts");
        let digests = evidence.artifacts.get(name).map_or(&[][..], Vec::as_slice);
        for (at, artifact) in artifacts.iter().enumerate() {
            key.add(digests.get(at)?.as_bytes());
            key.add(artifact.kind.title());
            key.add(canonical(&Value::Object(artifact.metadata.clone())));
        }
        let texts: Vec<String> = digests.iter().map(Digest::short).collect();
        parts.tell(&format!("artifact {name}"), key, &texts.join(", "));
    }
    parts.outputs(component);
    let volumes = evidence.volumes.iter();
    let volumes = volumes.fold(Key::of("volumes"), |key, volume| {
        key.with(&volume.name).with(&volume.sub_path).with(&volume.path)
    });
    parts.add("volumes", volumes);
    Some(Fingerprint { parts: parts.0 })
}

impl Fingerprint {
    /// Its parts; the order is that of the task.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The key that results are filed under.
    pub fn key(&self) -> Digest {
        let parts = self.parts.iter();
        parts
            .fold(Key::of(RULES), |key, part| key.with(&part.name).with(part.digest.as_bytes()))
            .finish()
    }
}

#[derive(Default)]
struct Parts(Vec<Part>);

impl Parts {
    fn add(&mut self, name: &str, key: Key) {
        self.0.push(Part { name: name.to_owned(), digest: key.finish(), text: None });
    }

    /// One that a line can say. What is longer is cut: it may then look alike and be different.
    fn tell(&mut self, name: &str, key: Key, text: &str) {
        let mut short: String = text.chars().take(LONGEST_TEXT).collect();
        if short.len() < text.len() {
            short.push('…');
        }
        self.0.push(Part { name: name.to_owned(), digest: key.finish(), text: Some(short) });
    }

    fn container(&mut self, container: &Container, image: &str) {
        let words = |key: Key, words: &[Argument]| {
            words.iter().fold(key, |key, word| key.with(word.source()))
        };
        self.tell(
            "image",
            Key::of("image").with(image),
            &image_text(container.image.text(), image),
        );
        self.add("command", words(Key::of("command"), &container.command));
        self.add("arguments", words(Key::of("arguments"), &container.args));
        let variables = container.env.iter();
        let variables = variables.fold(Key::of("variables"), |key, variable| {
            key.with(&variable.name).with(variable.value.text())
        });
        self.add("variables", variables);
    }

    fn importer(&mut self, importer: &Importer) {
        let metadata = canonical(&Value::from(importer.metadata.clone()));
        let key = Key::of("importer").with(importer.uri.text()).with(importer.kind.title());
        self.add("import", key.with(metadata));
    }

    fn outputs(&mut self, component: &crate::plan::Component) {
        let mut key = Key::of("outputs");
        for (name, kind) in &component.outputs.parameters {
            key.add(name);
            key.add(kind.name());
        }
        key.number(component.outputs.artifacts.len() as u64);
        for (name, artifact) in &component.outputs.artifacts {
            key.add(name);
            key.add(artifact.kind.title());
            key.add(&artifact.kind.version);
            key.add(canonical(&Value::Object(artifact.metadata.clone())));
        }
        self.add("outputs", key);
    }
}

/// An image for people: what it is called, and which one that was.
fn image_text(reference: &str, evidence: &str) -> String {
    if reference.contains(evidence) {
        return reference.to_owned();
    }
    let which =
        evidence.parse().map_or_else(|_| evidence.to_owned(), |digest: Digest| digest.short());
    format!("{reference} ({which})")
}

/// The same text for the same value: keys in order, numbers without a fraction as integers.
fn canonical(value: &Value) -> String {
    fn write(value: &Value, out: &mut String) {
        match value {
            Value::Array(items) => {
                out.push('[');
                for item in items {
                    write(item, out);
                    out.push(',');
                }
                out.push(']');
            }
            Value::Object(map) => {
                let mut keys: Vec<&String> = map.keys().collect();
                keys.sort();
                out.push('{');
                for key in keys {
                    out.push_str(&Value::from(key.as_str()).to_string());
                    out.push(':');
                    write(&map[key], out);
                    out.push(',');
                }
                out.push('}');
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                out.push_str(&value.to_string());
            }
        }
    }
    let mut text = String::new();
    write(&normal(value), &mut text);
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_keys_and_the_spelling_of_numbers_do_not_count() {
        let a = json!({"b": [1.0, "x"], "a": null});
        let b = json!({"a": null, "b": [1, "x"]});
        assert_eq!(canonical(&a), canonical(&b));
        assert_ne!(canonical(&json!(["1"])), canonical(&json!([1])));
    }
}
