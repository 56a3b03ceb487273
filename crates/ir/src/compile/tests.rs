//! Pipelines that cannot run, and what the user is told; plans of those that can.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::arena::Id;
use crate::plan::{Amount, Body, ExecutorKind, Items, OutputSource, Plan, Strategy};
use crate::{Package, TaskId};

/// Two steps, `prepare` and `train`, of which the second takes what the first gives.
const GOOD: &str = r#"
pipelineInfo: {name: good}
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
components:
  comp-prepare:
    executorLabel: exec-prepare
    inputDefinitions:
      parameters: {rows: {parameterType: NUMBER_INTEGER, defaultValue: 10.0, isOptional: true}}
    outputDefinitions:
      artifacts: {data: {artifactType: {schemaTitle: system.Dataset, schemaVersion: 0.0.1}}}
      parameters: {count: {parameterType: NUMBER_INTEGER}, name: {parameterType: STRING}}
  comp-train:
    executorLabel: exec-train
    inputDefinitions:
      artifacts: {data: {artifactType: {schemaTitle: system.Dataset}}}
      parameters:
        lr: {parameterType: NUMBER_DOUBLE}
        mode: {parameterType: STRING, literals: [fast, slow], defaultValue: fast}
        tags: {parameterType: LIST, isOptional: true}
deploymentSpec:
  executors:
    exec-prepare: {container: {image: a, command: [run, "{{$.inputs.parameters['rows']}}"]}}
    exec-train:
      container:
        image: b
        args: ["{{$.inputs.artifacts['data'].path}}", '{"IfPresent": {"InputName": "tags", "Then": ["--tags"]}}']
        env: [{name: A, value: 1}]
        resources: {resourceCpuLimit: 500m, memoryLimit: 0.5, accelerator: {type: nvidia.com/gpu, count: '2'}}
root:
  inputDefinitions:
    parameters: {lr: {parameterType: NUMBER_DOUBLE, defaultValue: 0.1, isOptional: true}}
  dag:
    tasks:
      prepare:
        componentRef: {name: comp-prepare}
        cachingOptions: {enableCache: true}
      train:
        componentRef: {name: comp-train}
        dependentTasks: [prepare]
        inputs:
          artifacts: {data: {taskOutputArtifact: {producerTask: prepare, outputArtifactKey: data}}}
          parameters:
            lr: {componentInputParameter: lr}
            mode: {runtimeValue: {constant: slow}}
        retryPolicy: {maxRetryCount: 2, backoffDuration: 5s}
        triggerPolicy: {condition: "inputs.parameter_values['lr'] > 0"}
"#;

fn compile(pipeline: &Value) -> Result<Plan, String> {
    let package = Package::of_values(vec![pipeline.clone()]).map_err(|error| error.to_string())?;
    Plan::compile(&package).map_err(|error| error.to_string())
}

fn good() -> Value {
    Package::read(GOOD.as_bytes()).unwrap().pipeline().clone()
}

/// The good one with a value put somewhere; null takes away.
fn with(changes: &[(&str, Value)]) -> Value {
    let mut pipeline = good();
    for (pointer, value) in changes {
        let pointer = format!("/{pointer}");
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = pipeline.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}"));
        let map = parent.as_object_mut().unwrap();
        if value.is_null() {
            drop(map.shift_remove(key));
        } else {
            drop(map.insert(key.into(), value.clone()));
        }
    }
    pipeline
}

#[test]
fn a_plan_says_what_the_pipeline_says() {
    let plan = compile(&good()).unwrap();
    let (_, dag) = plan.root_dag();
    let names: Vec<&str> = dag.tasks.iter().map(|id| plan.tasks[*id].name.as_str()).collect();
    assert_eq!(names, ["prepare", "train"]);
    let train = &plan.tasks[dag.tasks[1]];
    assert_eq!(train.needs, [dag.tasks[0]]);
    assert_eq!(
        (train.retry.limit, train.retry.wait(1).as_secs(), train.retry.wait(3).as_secs()),
        (2, 5, 20)
    );
    assert!(plan.tasks[dag.tasks[0]].caching.enabled);
    let ExecutorKind::Container(container) = &plan.executor_of(dag.tasks[1]).unwrap().kind else {
        panic!()
    };
    assert_eq!(container.resources.cpu_limit, Some(Amount::Fixed(crate::quantity::Cpu(500))));
    assert_eq!(
        container.resources.memory_limit,
        Some(Amount::Fixed(lightship_base::ByteSize(500_000_000)))
    );
    assert_eq!(container.resources.accelerator.as_ref().unwrap().count, Amount::Fixed(2));
    assert_eq!(container.env[0].value.text(), "1");
}

#[test]
fn snake_case_says_the_same() {
    fn snake(value: &Value) -> Value {
        const FIELDS: [&str; 12] = [
            "componentRef",
            "dependentTasks",
            "taskOutputArtifact",
            "producerTask",
            "outputArtifactKey",
            "inputDefinitions",
            "outputDefinitions",
            "executorLabel",
            "parameterType",
            "deploymentSpec",
            "retryPolicy",
            "maxRetryCount",
        ];
        match value {
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| {
                    let known = FIELDS.contains(&key.as_str());
                    let key = key.chars().fold(String::new(), |mut name, c| {
                        if known && c.is_ascii_uppercase() {
                            name.push('_');
                        }
                        name.push(if known { c.to_ascii_lowercase() } else { c });
                        name
                    });
                    (key, snake(value))
                })
                .collect(),
            Value::Array(items) => items.iter().map(snake).collect(),
            other => other.clone(),
        }
    }
    let snaked = snake(&good());
    assert!(snaked.get("deployment_spec").is_some());
    assert_eq!(compile(&snaked), compile(&good()));
}

#[test]
fn what_cannot_run_is_told_with_task_and_field() {
    let mut told = String::new();
    for case in include_str!("broken.txt").lines() {
        let (pointer, value) = case.split_once(" = ").expect(case);
        let value: Value = serde_json::from_str(value).expect(case);
        let error = compile(&with(&[(pointer, value)])).expect_err(case);
        writeln!(told, "{case}\n  {}", error.replace('\n', "\n  ")).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let pipeline = with(&[
        ("root/dag/tasks/train/componentRef", json!({"name": "comp-trian"})),
        (
            "root/dag/tasks/prepare/inputs",
            json!({"parameters": {"rows": {"componentInputParameter": "x"}}}),
        ),
        ("root/dag/tasks/prepare/dependentTasks", json!(["train"])),
    ]);
    let package = Package::of_values(vec![pipeline]).unwrap();
    let problems = Plan::compile(&package).unwrap_err();
    assert_eq!(problems.iter().count(), 3, "{problems}");
}

/// Names and faults of a file that is made of nothing else: what each costs, and how many are kept, is bounded.
#[test]
fn a_hostile_file_costs_neither_memory_nor_time() {
    let long = "n".repeat(1 << 20);
    let reference = json!({"name": format!("{long}m")});
    let mut pipeline = with(&[("root/dag/tasks/train/componentRef", reference)]);
    pipeline["components"][&long] = json!({"executorLabel": "exec-prepare"});
    let told = compile(&pipeline).unwrap_err();
    assert!(told.len() < 1000 && told.contains("there is no component `nnn"), "{}", told.len());

    let mut tasks = serde_json::Map::new();
    for at in 0..20_000 {
        let name = format!("{at:0>120}");
        let task = json!({"componentRef": {"name": "comp-prepare"}, "dependentTasks": [format!("{name}x")]});
        tasks.insert(name, task);
    }
    let told = compile(&with(&[("root/dag", json!({"tasks": tasks}))])).unwrap_err();
    assert!(told.starts_with("at least 500 things are wrong with the pipeline:"), "{told:.100}");
    assert!(told.contains("(nearest: `"), "the first ones have their suggestions");

    let args: Vec<Value> = vec![json!([]); 300_000];
    let told =
        compile(&with(&[("deploymentSpec/executors/exec-train/container/args", json!(args))]));
    assert!(told.unwrap_err().starts_with("at least 500"));
    let told = compile(&with(&[("components", json!(vec![long; 10]))])).unwrap_err();
    assert!(told.len() < 1000, "{}", told.len());
}

#[test]
fn a_component_cannot_use_itself() {
    let inner = json!({"dag": {"tasks": {"again": {"componentRef": {"name": "comp-loop"}}}}});
    let pipeline = with(&[
        ("components/comp-loop", inner),
        ("root/dag/tasks/start", json!({"componentRef": {"name": "comp-loop"}})),
    ]);
    assert_eq!(
        compile(&pipeline).unwrap_err(),
        "root › start › again › componentRef: component `comp-loop` uses itself"
    );
}

#[test]
fn what_is_nested_too_deeply_is_refused() {
    let mut pipeline =
        with(&[("root/dag/tasks/start", json!({"componentRef": {"name": "comp-0"}}))]);
    for at in 0..100 {
        let next = if at == 99 { "comp-prepare".to_owned() } else { format!("comp-{}", at + 1) };
        let graph = json!({"dag": {"tasks": {"t": {"componentRef": {"name": next}}}}});
        pipeline["components"][format!("comp-{at}")] = graph;
    }
    assert!(compile(&pipeline).unwrap_err().ends_with("graphs are nested more than 64 deep"));
}

/// A loop of 100 rounds within a loop of 100 rounds: the plan has two graphs and one task that does something.
#[test]
fn loops_are_not_unrolled() {
    let items: Vec<u32> = (0..100).collect();
    let raw = Value::from(items).to_string();
    let number = json!({"parameterType": "NUMBER_INTEGER"});
    let inner = json!({
        "inputDefinitions": {"parameters": {"j": number}},
        "outputDefinitions": {"parameters": {"all": {"parameterType": "LIST"}}},
        "dag": {
            "tasks": {"work": {"componentRef": {"name": "comp-prepare"}, "inputs": {"parameters": {"rows": {"componentInputParameter": "j"}}}}},
            "outputs": {"parameters": {"all": {"valueFromParameter": {"producerSubtask": "work", "outputParameterKey": "count"}}}},
        },
    });
    let outer = json!({
        "inputDefinitions": {"parameters": {"i": number}},
        "outputDefinitions": {"parameters": {"all": {"parameterType": "LIST"}}},
        "dag": {
            "tasks": {"inner": {"componentRef": {"name": "comp-inner"}, "parameterIterator": {"items": {"raw": raw}, "itemInput": "j"}, "iteratorPolicy": {"parallelismLimit": 7}}},
            "outputs": {"parameters": {"all": {"valueFromParameter": {"producerSubtask": "inner", "outputParameterKey": "all"}}}},
        },
    });
    let pipeline = with(&[
        ("components/comp-inner", inner),
        ("components/comp-outer", outer),
        (
            "root/dag/tasks/outer",
            json!({"componentRef": {"name": "comp-outer"}, "parameterIterator": {"items": {"raw": raw}, "itemInput": "i"}}),
        ),
    ]);
    let plan = compile(&pipeline).unwrap();
    assert_eq!((plan.dags.len(), plan.tasks.len()), (3, 5));
    let outer = plan.tasks.iter().find(|(_, task)| task.name == "outer").unwrap().1;
    let iterator = outer.iterator.as_ref().unwrap();
    assert!(matches!(&iterator.items, Items::Raw(items) if items.len() == 100));
    let Body::Dag(dag) = plan.components[outer.component].body else { panic!() };
    assert!(plan.dags[dag].outputs.collected.contains("all"));
    let OutputSource::One(from) = &plan.dags[dag].outputs.parameters["all"] else { panic!() };
    let inner = &plan.tasks[from.task];
    assert_eq!(inner.iterator.as_ref().unwrap().limit, Some(7));
    let Body::Dag(dag) = plan.components[inner.component].body else { panic!() };
    assert!(plan.dags[dag].outputs.collected.is_empty());
}

#[test]
fn exit_tasks_are_known() {
    let pipeline = with(&[
        (
            "components/comp-x",
            json!({"dag": {"tasks": {"t": {"componentRef": {"name": "comp-prepare"}}}}}),
        ),
        ("root/dag/tasks/exit-handler-1", json!({"componentRef": {"name": "comp-x"}})),
        (
            "root/dag/tasks/bye",
            json!({
                "componentRef": {"name": "comp-prepare"},
                "dependentTasks": ["exit-handler-1"],
                "inputs": {"parameters": {"pipelinechannel--s": {"taskFinalStatus": {"producerTask": "exit-handler-1"}}}},
                "triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"},
            }),
        ),
        (
            "root/dag/tasks/ignores",
            json!({
                "componentRef": {"name": "comp-prepare"},
                "dependentTasks": ["train"],
                "triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"},
            }),
        ),
    ]);
    let plan = compile(&pipeline).unwrap();
    let of = |name: &str| plan.tasks.iter().find(|(_, task)| task.name == name).unwrap().1;
    assert!(of("bye").exit && !of("ignores").exit && !of("train").exit);
    assert_eq!(of("ignores").trigger.strategy, Strategy::AllCompleted);
    assert_eq!(TaskId::at(3).index(), 3);
}

const PLATFORM: &str = r#"{"platforms": {"kubernetes": {
  "deploymentSpec": {"executors": {"exec-train": {
    "secretAsEnv": [{"secretNameParameter": {"componentInputParameter": "secret"},
                     "keyToEnv": [{"secretKey": "k", "envVar": "K"}], "optional": true}],
    "secretAsVolume": [{"secretName": "old", "mountPath": "/s"}],
    "pvcMount": [{"pvcNameParameter": {"taskOutputParameter": {"producerTask": "prepare", "outputParameterKey": "name"}},
                  "mountPath": "/data", "subPath": "x"}],
    "tolerations": [{"key": "gpu", "operator": "Exists", "tolerationSeconds": "30"}],
    "nodeSelector": {"labels": {"disk": "ssd"}},
    "enabledSharedMemory": {"volumeName": "shm", "size": "2Gi"},
    "activeDeadlineSeconds": "60",
    "securityContext": {"runAsUser": "1000"},
    "emptyDirMounts": [{"volumeName": "e", "mountPath": "/e", "sizeLimit": "1Gi"}],
    "initContainers": [{"name": "i", "image": "busybox", "restartPolicy": "Always"}]
  }}},
  "pipelineConfig": {"workspace": {"size": "1Gi"}, "resourceTtlOnCompletion": 100}
}}}"#;

#[test]
fn kubernetes_is_read_and_its_names_are_found() {
    let platform: Value = serde_json::from_str(PLATFORM).unwrap();
    let pipeline =
        with(&[("root/inputDefinitions/parameters/secret", json!({"parameterType": "STRING"}))]);
    let plan =
        Plan::compile(&Package::of_values(vec![pipeline, platform.clone()]).unwrap()).unwrap();
    let train = plan.tasks.iter().find(|(_, task)| task.name == "train").unwrap().1;
    let kubernetes = train.kubernetes.as_ref().unwrap();
    let told = |value: &dyn std::fmt::Debug| format!("{value:?}");
    let binding = |source: &str| format!("ParameterBinding {{ source: {source}, selector: None }}");
    assert_eq!(told(&kubernetes.secret_env[0].name), binding("Input(\"secret\")"));
    assert_eq!(
        told(&kubernetes.secret_volumes[0].name),
        binding("Constant(Plain(String(\"old\")))")
    );
    let output = "Output(TaskOutput { task: t0, key: \"name\" })";
    assert_eq!(told(&kubernetes.volumes[0].name), binding(output));
    assert_eq!(kubernetes.tolerations[0].seconds, Some(30));
    assert_eq!(kubernetes.shared_memory.as_ref().unwrap().size.unwrap().bytes(), 2 << 30);
    assert_eq!(kubernetes.empty_dirs[0].size_limit.unwrap().bytes(), 1 << 30);
    assert_eq!(
        (kubernetes.deadline.unwrap().as_secs(), kubernetes.security.user),
        (60, Some(1000))
    );
    assert!(kubernetes.init_containers[0].sidecar && kubernetes.node_selector["disk"] == "ssd");
    assert_eq!(plan.config.workspace.as_ref().unwrap().size.bytes(), 1 << 30);
    let error = Plan::compile(&Package::of_values(vec![good(), platform]).unwrap()).unwrap_err();
    insta::assert_snapshot!(error, @"root › train › kubernetes.secretAsEnv[0].secretNameParameter: the component around it has no input parameter `secret`");
}
