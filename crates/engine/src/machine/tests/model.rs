//! Random pipelines, and what should become of them, found out the naive way: by recursion over the pipeline as it was
//! made up, one task after the other.

use std::collections::BTreeMap;

use lightship_ir::Package;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::TaskState;

/// A graph that was made up.
#[derive(Debug, Clone)]
pub(super) struct MadeGraph(pub(super) Vec<Made>);

/// A task that was made up.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) body: MadeBody,
    /// Which of those before it, it needs.
    pub(super) needs: Vec<usize>,
    pub(super) condition: Option<bool>,
    pub(super) all_completed: bool,
    pub(super) retries: u32,
    /// Whether an exit task guards it.
    pub(super) guarded: bool,
}

#[derive(Debug, Clone)]
pub(super) enum MadeBody {
    /// How often it fails, before it does not.
    Task(u32),
    Graph(MadeGraph),
    Loop(MadeGraph, u32, Option<u32>),
}

impl Made {
    pub(super) fn name(&self, at: usize) -> String {
        match self.body {
            MadeBody::Graph(_) if self.guarded => format!("exit-handler-{at}"),
            MadeBody::Task(_) | MadeBody::Graph(_) | MadeBody::Loop(..) => format!("t{at}"),
        }
    }

    fn is_guarded(&self) -> bool {
        self.guarded && matches!(self.body, MadeBody::Graph(_))
    }
}

pub(super) fn graphs() -> BoxedStrategy<MadeGraph> {
    let leaf = made((0..4_u32).prop_map(MadeBody::Task).boxed());
    let task = leaf.prop_recursive(3, 40, 5, |inner| {
        let graph = graph_of(inner.clone());
        let body = prop_oneof![
            3 => (0..4_u32).prop_map(MadeBody::Task),
            1 => graph.clone().prop_map(MadeBody::Graph),
            1 => (graph, 0..4_u32, prop::option::of(1..3_u32))
                .prop_map(|(graph, rounds, limit)| MadeBody::Loop(graph, rounds, limit)),
        ];
        made(body.boxed())
    });
    graph_of(task.boxed())
}

fn graph_of(inner: BoxedStrategy<Made>) -> BoxedStrategy<MadeGraph> {
    prop::collection::vec(inner, 1..5)
        .prop_map(|mut tasks| {
            for (at, task) in tasks.iter_mut().enumerate() {
                task.needs =
                    task.needs.iter().filter(|_| at > 0).map(|need| need % at.max(1)).collect();
                task.needs.sort_unstable();
                task.needs.dedup();
            }
            MadeGraph(tasks)
        })
        .boxed()
}

fn made(body: BoxedStrategy<MadeBody>) -> BoxedStrategy<Made> {
    let needs = prop::collection::vec(0..8_usize, 0..3);
    let condition = prop_oneof![4 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let often = |weight: f64| prop::bool::weighted(weight);
    (body, needs, condition, often(0.2), 0..3_u32, often(0.6))
        .prop_map(|(body, needs, condition, all_completed, retries, guarded)| Made {
            body,
            needs,
            condition,
            all_completed,
            retries,
            guarded,
        })
        .boxed()
}

/// The pipeline as the SDK would write it.
pub(super) fn package(graph: &MadeGraph) -> Package {
    let mut components = Map::new();
    components.insert("comp-task".into(), json!({"executorLabel": "exec-task"}));
    let root = component(graph, "r", &mut components);
    let document = json!({
        "pipelineInfo": {"name": "made-up"},
        "root": root,
        "components": components,
        "deploymentSpec": {"executors": {"exec-task": {"container": {"image": "busybox"}}}},
        "schemaVersion": "2.1.0",
    });
    Package::of_values(vec![document]).unwrap()
}

fn component(graph: &MadeGraph, name: &str, components: &mut Map<String, Value>) -> Value {
    let mut tasks = Map::new();
    for (at, made) in graph.0.iter().enumerate() {
        let inner = match &made.body {
            MadeBody::Task(_) => "comp-task".to_owned(),
            MadeBody::Graph(graph) | MadeBody::Loop(graph, ..) => {
                let inner = format!("{name}-{at}");
                let mut spec = component(graph, &inner, components);
                if matches!(made.body, MadeBody::Loop(..)) {
                    let item = json!({"parameters": {"item": {"parameterType": "NUMBER_INTEGER"}}});
                    spec["inputDefinitions"] = item;
                }
                components.insert(inner.clone(), spec);
                inner
            }
        };
        let needs: Vec<String> = made.needs.iter().map(|need| graph.0[*need].name(*need)).collect();
        let task = task(&made.name(at), &inner, &needs, made);
        tasks.insert(made.name(at), task);
        if made.is_guarded() {
            let exit = format!("x{at}");
            let mut task =
                json!({"taskInfo": {"name": exit}, "componentRef": {"name": "comp-task"}});
            task["dependentTasks"] = json!([made.name(at)]);
            task["triggerPolicy"] = json!({"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"});
            tasks.insert(exit, task);
        }
    }
    json!({"dag": {"tasks": tasks}})
}

fn task(name: &str, component: &str, needs: &[String], made: &Made) -> Value {
    let mut task = json!({"taskInfo": {"name": name}, "componentRef": {"name": component}});
    task["dependentTasks"] = json!(needs);
    task["retryPolicy"] = json!({"maxRetryCount": made.retries});
    let mut trigger = Map::new();
    if made.all_completed {
        trigger.insert("strategy".into(), json!("ALL_UPSTREAM_TASKS_COMPLETED"));
    }
    if let Some(holds) = made.condition {
        task["inputs"] = json!({"parameters": {
            "pipelinechannel--flag": {"runtimeValue": {"constant": holds}},
        }});
        let condition = "inputs.parameter_values['pipelinechannel--flag'] == true";
        trigger.insert("condition".into(), json!(condition));
    }
    task["triggerPolicy"] = Value::Object(trigger);
    if let MadeBody::Loop(_, rounds, limit) = &made.body {
        let items: Vec<u32> = (0..*rounds).collect();
        let raw = serde_json::to_string(&items).unwrap();
        task["parameterIterator"] = json!({"items": {"raw": raw}, "itemInput": "item"});
        if let Some(limit) = limit {
            task["iteratorPolicy"] = json!({"parallelismLimit": limit});
        }
    }
    task
}

/// What should become of each place.
#[derive(Default)]
pub(super) struct Model {
    pub(super) ends: BTreeMap<String, TaskState>,
    /// How often each task has failed so far.
    failures: BTreeMap<String, u32>,
}

impl Model {
    pub(super) fn of(graph: &MadeGraph) -> Self {
        let mut model = Self::default();
        let end = model.graph(graph, "");
        model.ends.insert(String::new(), end);
        model
    }

    fn graph(&mut self, graph: &MadeGraph, path: &str) -> TaskState {
        let mut ends: Vec<TaskState> = Vec::new();
        for (at, made) in graph.0.iter().enumerate() {
            let own = joined(path, &made.name(at));
            let needs: Vec<TaskState> = made.needs.iter().map(|need| ends[*need]).collect();
            let end = self.task(made, &needs, &own);
            self.ends.insert(own, end);
            ends.push(end);
            if made.is_guarded() {
                let exit = joined(path, &format!("x{at}"));
                self.ends.insert(exit, TaskState::Succeeded);
            }
        }
        if ends.contains(&TaskState::Failed) { TaskState::Failed } else { TaskState::Succeeded }
    }

    fn task(&mut self, made: &Made, needs: &[TaskState], path: &str) -> TaskState {
        if !made.all_completed {
            if needs.iter().any(|need| matches!(need, TaskState::Failed | TaskState::Omitted)) {
                return TaskState::Omitted;
            }
            if needs.contains(&TaskState::Skipped) {
                return TaskState::Skipped;
            }
        }
        if made.condition == Some(false) {
            return TaskState::Skipped;
        }
        match &made.body {
            MadeBody::Task(fails) => {
                let before = self.failures.entry(path.to_owned()).or_default();
                for _ in 0..=made.retries {
                    if *before >= *fails {
                        return TaskState::Succeeded;
                    }
                    *before += 1;
                }
                TaskState::Failed
            }
            MadeBody::Graph(graph) => self.tried(made.retries, |model| model.graph(graph, path)),
            MadeBody::Loop(graph, rounds, _) => self.tried(made.retries, |model| {
                let mut end = TaskState::Succeeded;
                for round in 0..*rounds {
                    let own = format!("{path}[{round}]");
                    let became = model.graph(graph, &own);
                    model.ends.insert(own, became);
                    if became == TaskState::Failed {
                        end = TaskState::Failed;
                    }
                }
                end
            }),
        }
    }

    fn tried(&mut self, retries: u32, mut once: impl FnMut(&mut Self) -> TaskState) -> TaskState {
        let mut end = once(self);
        for _ in 0..retries {
            if end != TaskState::Failed {
                break;
            }
            end = once(self);
        }
        end
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}
