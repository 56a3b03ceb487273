//! What comes out of a graph, and of all rounds of a loop.

use serde_json::Value;

use super::Scope;
use crate::arena::{DagId, TaskId};
use crate::exchange::Produced;
use crate::plan::Plan;

/// The outputs of a graph whose tasks have ended. What comes from tasks that did not run is not there; of several that
/// an output may come from, the first that ran counts.
pub fn outputs(plan: &Plan, dag: DagId, scope: &dyn Scope) -> Produced {
    let declared = &plan.dags[dag].outputs;
    let mut produced = Produced::default();
    for (name, source) in &declared.parameters {
        let value = source.candidates().iter().find_map(|from| scope.output(from.task, &from.key));
        if let Some(value) = value {
            produced.parameters.insert(name.clone(), value.clone());
        }
    }
    for (name, source) in &declared.artifacts {
        let found = source.candidates().iter();
        let found = found.filter_map(|from| scope.output_artifacts(from.task, &from.key)).next();
        if let Some(artifacts) = found {
            produced.artifacts.insert(name.clone(), artifacts.to_vec());
        }
    }
    produced
}

/// The outputs of a loop: for each output the list of those of its rounds, in the order of the items. A round whose
/// output is missing adds nothing.
///
/// Of loops within loops upstream makes one flat list, however deep they are; so it is here.
pub fn collected<'r>(
    plan: &Plan,
    task: TaskId,
    rounds: impl IntoIterator<Item = &'r Produced>,
) -> Produced {
    let component = plan.component_of(task);
    let collected = plan.dag_of(task).map(|dag| &plan.dags[dag].outputs.collected);
    let mut all = Produced::default();
    let mut lists: Vec<(&String, bool, Vec<Value>)> = Vec::new();
    for name in component.outputs.parameters.keys() {
        lists.push((name, collected.is_some_and(|names| names.contains(name)), Vec::new()));
        all.parameters.insert(name.clone(), Value::Null);
    }
    for name in component.outputs.artifacts.keys() {
        all.artifacts.insert(name.clone(), Vec::new());
    }
    for round in rounds {
        for (name, flat, list) in &mut lists {
            match round.parameters.get(*name) {
                Some(Value::Array(inner)) if *flat => list.extend(inner.iter().cloned()),
                Some(value) => list.push(value.clone()),
                None => {}
            }
        }
        for (name, artifacts) in &round.artifacts {
            all.artifacts.entry(name.clone()).or_default().extend(artifacts.iter().cloned());
        }
    }
    for (name, _, list) in lists {
        all.parameters.insert(name.clone(), Value::Array(list));
    }
    all
}
