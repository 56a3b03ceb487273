//! What holds for the reader and the compiler of pipelines: nothing panics, what compiles can be stored and read again,
//! its graphs are in order, its documents come back as they were written, and values go through it.

use std::collections::BTreeMap;

use lightship_ir::bind::{self, Given, Scope};
use lightship_ir::exchange::{Artifact, Exchange, FinalStatus, Outputs, Written, collect};
use lightship_ir::lightweight::recognise;
use lightship_ir::template::{Context, Facts};
use lightship_ir::value::ParameterType;
use lightship_ir::{ArtifactType, ExecutorKind, Package, Plan, Schema, TaskId};
use serde_json::{Value, json};

pub(crate) fn check(input: &[u8]) {
    let Ok(package) = Package::read(input) else { return };
    let again = Package::read(package.to_yaml().as_bytes());
    assert_eq!(again.as_ref().map(Package::pipeline), Ok(package.pipeline()));
    assert_eq!(again.as_ref().map(Package::platform), Ok(package.platform()));
    for container in package.containers() {
        if let Ok(found) = recognise(&container.command, &container.args) {
            assert!(!found.command("python3").is_empty());
            let _ = found.shell_uses();
        }
    }
    match Plan::compile(&package) {
        Ok(plan) => check_plan(&plan),
        Err(problems) => assert!(problems.iter().count() > 0 && !problems.to_string().is_empty()),
    }
}

fn check_plan(plan: &Plan) {
    let stored = serde_json::to_string(plan).expect("a plan is JSON");
    assert_eq!(&serde_json::from_str::<Plan>(&stored).expect("and comes back"), plan);
    for (_, dag) in plan.dags.iter() {
        for (at, task) in dag.tasks.iter().enumerate() {
            assert!(plan.tasks[*task].needs.iter().all(|need| dag.tasks[..at].contains(need)));
        }
    }
    let _ = bind::run(plan, &[("a".to_owned(), Given::Text("1".to_owned()))]);
    for known in [Known::all(plan), Known::default()] {
        for (id, _) in plan.tasks.iter() {
            check_task(plan, id, &known);
        }
        for (id, _) in plan.dags.iter() {
            let _ = bind::outputs(plan, id, &known);
        }
    }
}

/// A task from what it is given to what it gave.
fn check_task(plan: &Plan, id: TaskId, known: &Known) {
    let component = plan.component_of(id);
    let facts = Facts::default();
    let inputs = bind::inputs(plan, id, known, &facts).unwrap_or_default();
    let outputs = Outputs::below("s3://bucket/task", &component.outputs);
    let exchange = Exchange { inputs, outputs };
    let _ = exchange.to_json();
    if let Some(Ok(items)) = bind::items(plan, id, &exchange.inputs, &facts) {
        for item in items.iter().take(ROUNDS) {
            let _ = bind::round(plan, id, item);
        }
    }
    let context = Context { exchange: &exchange, facts: &facts, declared: &component.inputs };
    if let Some(condition) = &plan.tasks[id].trigger.condition {
        let _ = condition.holds(&exchange);
    }
    if let Some(ExecutorKind::Container(container)) =
        plan.executor_of(id).map(|executor| &executor.kind)
    {
        for argument in container.command.iter().chain(&container.args) {
            let _ = argument.render(&context);
        }
    }
    // A task that gives what it declares has given it.
    let account = json!({"parameterValues": known.values(&component.outputs.parameters)});
    let account = Some(account.to_string().into_bytes());
    let written = Written { account, ..Written::default() };
    if let Ok(produced) = collect(&component.outputs, &exchange, &written) {
        assert!(
            component.outputs.parameters.keys().all(|name| produced.parameters.contains_key(name))
        );
        let _ = bind::collected(plan, id, [&produced, &produced]);
    }
}

/// Of a loop, so many rounds are tried.
const ROUNDS: usize = 4;

/// What is known around a task: a value of its type for each output, or nothing.
#[derive(Default)]
struct Known {
    outputs: BTreeMap<(TaskId, String), Value>,
    artifacts: Vec<Artifact>,
    value: Option<Value>,
}

impl Known {
    fn all(plan: &Plan) -> Self {
        let mut outputs = BTreeMap::new();
        for (id, _) in plan.tasks.iter() {
            for (name, kind) in &plan.component_of(id).outputs.parameters {
                outputs.insert((id, name.clone()), value_of(*kind));
            }
        }
        let artifact = Artifact {
            name: "data".to_owned(),
            kind: ArtifactType {
                schema: Schema::Title("system.Metrics".to_owned()),
                version: String::new(),
            },
            uri: "s3://bucket/data".to_owned(),
            metadata: serde_json::Map::new(),
            custom_path: None,
        };
        Self { outputs, artifacts: vec![artifact], value: Some(json!([1, {"a": "b"}])) }
    }

    fn values(&self, declared: &BTreeMap<String, ParameterType>) -> BTreeMap<String, Value> {
        let given = declared.iter().filter(|_| self.value.is_some());
        given.map(|(name, kind)| (name.clone(), value_of(*kind))).collect()
    }
}

fn value_of(kind: ParameterType) -> Value {
    match kind {
        ParameterType::NumberDouble => json!(0.5),
        ParameterType::NumberInteger => json!(3),
        ParameterType::String => json!("{{$.inputs.parameters['a']}} é"),
        ParameterType::Boolean => json!(true),
        ParameterType::List => json!([1, "a", null]),
        ParameterType::Struct | ParameterType::TaskConfig => json!({"a": [1]}),
        ParameterType::TaskFinalStatus => json!({"state": "FAILED"}),
    }
}

impl Scope for Known {
    fn parameter(&self, _: &str) -> Option<&Value> {
        self.value.as_ref()
    }
    fn artifacts(&self, _: &str) -> Option<&[Artifact]> {
        self.value.as_ref().map(|_| &self.artifacts[..])
    }
    fn output(&self, task: TaskId, key: &str) -> Option<&Value> {
        self.outputs.get(&(task, key.to_owned()))
    }
    fn output_artifacts(&self, _: TaskId, _: &str) -> Option<&[Artifact]> {
        self.value.as_ref().map(|_| &self.artifacts[..])
    }
    fn final_status(&self, _: TaskId) -> Option<FinalStatus> {
        None
    }
}
