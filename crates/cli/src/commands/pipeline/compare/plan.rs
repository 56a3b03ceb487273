//! How plans differ: tasks that only one has, and what is different of the others.

use std::collections::BTreeMap;

use lightship_ir::template::Argument;
use lightship_ir::{DagId, ExecutorKind, Plan, TaskId};

use crate::views::compare::Row;

/// What a task is, part by part, as a text that is the same for the same: `image`, `code`, `needs` and so on.
pub(super) type Parts = BTreeMap<&'static str, String>;

/// A pipeline within a pipeline may stand at many places; no more of them are compared.
const MOST_TASKS: usize = 10_000;

/// All tasks of a plan, by their paths: `for-loop-1/train`.
pub(super) fn parts(plan: &Plan) -> BTreeMap<String, Parts> {
    let mut found = BTreeMap::new();
    add(plan, plan.root_dag().0, "", &mut found);
    found
}

fn add(plan: &Plan, dag: DagId, around: &str, found: &mut BTreeMap<String, Parts>) {
    for task in &plan.dags[dag].tasks {
        if found.len() >= MOST_TASKS {
            return;
        }
        let name = &plan.tasks[*task].name;
        let path = if around.is_empty() { name.clone() } else { format!("{around}/{name}") };
        found.insert(path.clone(), of(plan, *task));
        if let Some(inner) = plan.dag_of(*task) {
            add(plan, inner, &path, found);
        }
    }
}

fn of(plan: &Plan, id: TaskId) -> Parts {
    let task = &plan.tasks[id];
    let needs: Vec<&str> = task.needs.iter().map(|need| plan.tasks[*need].name.as_str()).collect();
    let mut parts = Parts::from([
        ("needs", needs.join(", ")),
        ("condition", format!("{:?}", task.trigger)),
        ("loop", format!("{:?}", task.iterator)),
        ("retries", format!("{:?}", task.retry)),
        ("caching", format!("{:?}", task.caching)),
        ("inputs", inputs(plan, id)),
    ]);
    let Some(executor) = plan.executor_of(id) else { return parts };
    match &executor.kind {
        ExecutorKind::Container(container) => {
            let words = |words: &[Argument]| {
                words.iter().map(|word| word.source().to_owned()).collect::<Vec<_>>().join("\0")
            };
            parts.insert("image", container.image.text().to_owned());
            parts.insert("code", words(&container.command));
            parts.insert("arguments", words(&container.args));
            parts.insert("variables", format!("{:?}", container.env));
            parts.insert("resources", format!("{:?}", container.resources));
        }
        ExecutorKind::Importer(importer) => {
            parts.insert("import", importer.uri.text().to_owned());
        }
        ExecutorKind::CreateVolume(_) | ExecutorKind::DeleteVolume(_) => {
            parts.insert("code", executor.name.clone());
        }
    }
    parts
}

/// Where inputs come from, with tasks by name: their numbers are another plan's.
fn inputs(plan: &Plan, id: TaskId) -> String {
    use lightship_ir::{ArtifactSource, ParameterSource};
    let task = &plan.tasks[id];
    let parameters = task.parameters.iter().map(|(name, binding)| {
        let from = match &binding.source {
            ParameterSource::Input(input) => format!("input {input}"),
            ParameterSource::Output(output) => {
                format!("{}/{}", plan.tasks[output.task].name, output.key)
            }
            ParameterSource::Constant(constant) => format!("{constant:?}"),
            ParameterSource::FinalStatus(task) => format!("end of {}", plan.tasks[*task].name),
        };
        format!("{name} = {from} {:?}", binding.selector)
    });
    let artifacts = task.artifacts.iter().map(|(name, source)| match source {
        ArtifactSource::Input(input) => format!("{name} = input {input}"),
        ArtifactSource::Output(output) => {
            format!("{name} = {}/{}", plan.tasks[output.task].name, output.key)
        }
    });
    parameters.chain(artifacts).collect::<Vec<_>>().join("\n")
}

/// A row for each task that is not the same in all plans: of the first what it lacks is nothing, of others which parts
/// are not those of the first.
pub(super) fn differences(plans: &[BTreeMap<String, Parts>]) -> Vec<Row<Vec<String>>> {
    let Some((first, others)) = plans.split_first() else { return Vec::new() };
    let mut names: Vec<&String> = plans.iter().flat_map(|plan| plan.keys()).collect();
    names.sort();
    names.dedup();
    let mut rows = Vec::new();
    for name in names {
        let base = first.get(name);
        let mut values = vec![base.map(|_| Vec::new())];
        for other in others {
            values.push(match (base, other.get(name)) {
                (_, None) => None,
                (None, Some(_)) => Some(vec!["added".to_owned()]),
                (Some(base), Some(other)) => Some(changed(base, other)),
            });
        }
        let same = values.iter().all(|value| value.as_ref().is_some_and(Vec::is_empty));
        if !same {
            rows.push(Row { name: name.clone(), values });
        }
    }
    rows
}

fn changed(base: &Parts, other: &Parts) -> Vec<String> {
    let mut names: Vec<&&str> = base.keys().chain(other.keys()).collect();
    names.sort();
    names.dedup();
    let is_other = |name: &&&&str| base.get(**name) != other.get(**name);
    names.iter().filter(is_other).map(|name| (**name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use lightship_ir::{Package, Plan};
    use serde_json::{Value, json};

    use super::*;

    fn plan(tasks: &[(&str, &str)], image: &str) -> Plan {
        let task = |(name, needs): &(&str, &str)| {
            let mut task = json!({"taskInfo": {"name": name}, "componentRef": {"name": "comp"}});
            if !needs.is_empty() {
                task["dependentTasks"] = json!([needs]);
            }
            ((*name).to_owned(), task)
        };
        let tasks: serde_json::Map<String, Value> = tasks.iter().map(task).collect();
        let document = json!({
            "pipelineInfo": {"name": "p"},
            "root": {"dag": {"tasks": {"inner": {
                "taskInfo": {"name": "inner"}, "componentRef": {"name": "graph"},
            }}}},
            "components": {"comp": {"executorLabel": "exec"}, "graph": {"dag": {"tasks": tasks}}},
            "deploymentSpec": {"executors": {"exec": {"container": {
                "image": image, "command": ["true"],
            }}}},
        });
        Plan::compile(&Package::of_values(vec![document]).unwrap()).unwrap()
    }

    #[test]
    fn tasks_are_compared_by_path_and_part() {
        let plans = [
            plan(&[("a", ""), ("b", "a")], "busybox"),
            plan(&[("a", ""), ("b", ""), ("c", "")], "busybox"),
            plan(&[("b", "")], "alpine"),
        ];
        let rows = differences(&plans.each_ref().map(parts));
        let shown: Vec<String> = rows
            .iter()
            .map(|row| {
                let cell = |value: &Option<Vec<String>>| match value {
                    None => "-".to_owned(),
                    Some(parts) => parts.join("+"),
                };
                let cells: Vec<String> = row.values.iter().map(cell).collect();
                format!("{}: {}", row.name, cells.join(" | "))
            })
            .collect();
        assert_eq!(
            shown,
            ["inner/a:  |  | -", "inner/b:  | needs | image+needs", "inner/c: - | added | -"]
        );
        assert!(differences(&[parts(&plans[0]), parts(&plans[0])]).is_empty());
    }
}
