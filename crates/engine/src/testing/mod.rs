//! Twins of the traits that live in memory: for tests and benches, here and in the rooms above.

mod artifacts;
mod clock;
mod executor;
mod store;

pub use artifacts::MemoryArtifacts;
pub use clock::TokioClock;
#[cfg(test)]
pub(crate) use executor::some;
pub use executor::{ScriptedExecutor, Step};
pub use store::MemoryStore;

use std::sync::Arc;

use lightship_base::Timestamp;
use lightship_ir::bind;
use lightship_ir::template::Facts;
use lightship_ir::{Package, Plan};
use serde_json::{Value, json};

use crate::run::{Header, RunOptions};

/// A run of a plan whose inputs all have defaults.
///
/// # Panics
///
/// If an input has none, or the id cannot name a run.
pub fn header(id: &str, plan: Plan) -> Header {
    let inputs = bind::run(&plan, &[]).unwrap_or_else(|error| panic!("{error}"));
    Header {
        id: id.parse().unwrap_or_else(|error| panic!("{error}")),
        name: id.to_owned(),
        experiment: "Default".to_owned(),
        created: Timestamp::UNIX_EPOCH,
        plan: Arc::new(plan),
        inputs,
        facts: Facts { job_resource_name: format!("p-{id}"), ..Facts::default() },
        options: RunOptions::default(),
    }
}

/// A plan of a pipeline's document.
///
/// # Panics
///
/// If it is none.
pub fn plan(document: Value) -> Plan {
    let package = Package::of_values(vec![document]).unwrap_or_else(|error| panic!("{error}"));
    Plan::compile(&package).unwrap_or_else(|error| panic!("{error}"))
}

/// A loop over as many items as `rounds` says, each of which is one task; around it another loop for each further
/// number.
pub fn loops(rounds: &[usize]) -> Plan {
    let mut components = serde_json::Map::new();
    components.insert(
        "work".into(),
        json!({
            "executorLabel": "exec",
            "inputDefinitions": {"parameters": {"item": {"parameterType": "NUMBER_INTEGER"}}},
            "outputDefinitions": {"parameters": {"Output": {"parameterType": "NUMBER_INTEGER"}}},
        }),
    );
    let item = json!({"parameters": {"item": {"parameterType": "NUMBER_INTEGER"}}});
    let mut body = json!({"work": {
        "taskInfo": {"name": "work"},
        "componentRef": {"name": "work"},
        "inputs": {"parameters": {"item": {"componentInputParameter": "item"}}},
    }});
    for (depth, rounds) in rounds.iter().enumerate() {
        let name = format!("loop-{depth}");
        let items: Vec<usize> = (0..*rounds).collect();
        let raw = json!(items).to_string();
        components.insert(name.clone(), json!({"dag": {"tasks": body}, "inputDefinitions": item}));
        body = json!({name.clone(): {
            "taskInfo": {"name": name},
            "componentRef": {"name": name},
            "parameterIterator": {"items": {"raw": raw}, "itemInput": "item"},
        }});
    }
    plan(json!({
        "pipelineInfo": {"name": "loops"},
        "root": {"dag": {"tasks": body}},
        "components": components,
        "deploymentSpec": {"executors": {"exec": {"container": {"image": "busybox"}}}},
    }))
}
