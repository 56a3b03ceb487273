//! What came of a run, as its record has it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lightship_base::Digest;
use lightship_engine::machine::State;
use lightship_engine::{NodeId, RunQuery, RunState, Seq, Store as _, TaskState};
use lightship_ir::exchange::Artifact;
use lightship_store::{SqliteStore, TaskRow};
use serde_json::{Value, json};

use crate::common::Run;

/// The last run of a name.
pub(super) struct Ended {
    pub(super) state: RunState,
    /// Outputs of the pipeline: values of parameters, and of artifacts contents and metadata.
    pub(super) outputs: BTreeMap<String, Value>,
    tasks: Vec<TaskRow>,
    said: String,
}

impl Ended {
    /// Reads the record of a home. `run` is what the command said.
    pub(super) fn read(home: &Path, name: &str, run: &Run) -> Self {
        let said = format!("{}{}", run.stdout, run.stderr);
        let store = SqliteStore::open(&home.join("runs.sqlite")).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
        runtime.block_on(async {
            let query = RunQuery { name_contains: Some(name.to_owned()), ..RunQuery::default() };
            let runs = store.runs(&query).await.unwrap().items;
            let last = runs
                .iter()
                .filter(|run| run.name == name)
                .max_by_key(|run| run.created)
                .unwrap_or_else(|| panic!("{said}"));
            let header = store.header(&last.id).await.unwrap().unwrap();
            let mut machine = State::new(&header);
            for recorded in store.events(&last.id, Seq(0), usize::MAX).await.unwrap() {
                machine.step(recorded.at, &recorded.event).unwrap();
            }
            let tasks = store.tasks(&last.id).await.unwrap();
            let outputs = machine.outputs(NodeId::ROOT).map(|all| {
                let artifacts = all.produced.artifacts.iter().map(|(name, list)| {
                    let shown: Vec<Value> = list.iter().map(shown).collect();
                    let one = <[Value; 1]>::try_from(shown);
                    (name.clone(), one.map_or_else(Value::Array, |[one]| one))
                });
                all.produced.parameters.clone().into_iter().chain(artifacts).collect()
            });
            Self { state: last.state, outputs: outputs.unwrap_or_default(), tasks, said }
        })
    }

    pub(super) fn succeeded(&self) -> bool {
        self.state == RunState::Succeeded
    }

    /// The outputs of a run that must have succeeded.
    pub(super) fn gave(&self) -> Value {
        assert!(self.succeeded(), "{}", self.said);
        json!(self.outputs)
    }

    /// What became of the tasks of this name, and how many attempts each took.
    pub(super) fn tasks(&self, name: &str) -> Vec<(TaskState, u32)> {
        let named = self.tasks.iter().filter(|task| task.name == name);
        named.map(|task| (task.state, task.attempts)).collect()
    }

    /// Why it failed, in the words of the terminal.
    pub(super) fn said(&self) -> &str {
        &self.said
    }
}

/// An artifact as `local.py` shows one.
fn shown(artifact: &Artifact) -> Value {
    let mut content = BTreeMap::new();
    look(Path::new(&artifact.path()), "", &mut content);
    json!({"content": content, "metadata": artifact.metadata})
}

fn look(path: &Path, name: &str, content: &mut BTreeMap<String, String>) {
    if path.is_file() {
        content.insert(name.to_owned(), Digest::of(&fs::read(path).unwrap()).hex());
    } else if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let own = entry.file_name().into_string().unwrap();
            let below = if name.is_empty() { own } else { format!("{name}/{own}") };
            look(&entry.path(), &below, content);
        }
    }
}

/// Whether two values are the same where a number is a number: the local runner reads all of them as floats.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|two| same(value, two)))
        }
        (one, other) => one == other,
    }
}
