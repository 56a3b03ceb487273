//! Values on their way.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::*;
use crate::arena::TaskId;
use crate::exchange::{Inputs, Produced};
use crate::plan::{ArtifactType, Plan};
use crate::template::Facts;
use crate::{Evidence, MountedVolume, Package, fingerprint};

const PIPELINE: &str = r#"
pipelineInfo: {name: p}
components:
  comp-make:
    executorLabel: e
    outputDefinitions: {parameters: {out: {parameterType: STRUCT}, text: {parameterType: STRING}}, artifacts: {data: {artifactType: {schemaTitle: system.Dataset}}}}
  comp-use:
    executorLabel: e
    inputDefinitions:
      artifacts: {data: {artifactType: {schemaTitle: system.Dataset}, isOptional: true}}
      parameters:
        n: {parameterType: NUMBER_INTEGER, isOptional: true}
        text: {parameterType: STRING, isOptional: true, defaultValue: none}
        part: {parameterType: STRING, isOptional: true}
        list: {parameterType: LIST, isOptional: true}
        status: {parameterType: TASK_FINAL_STATUS, isOptional: true}
  comp-graph:
    inputDefinitions: {parameters: {a: {parameterType: STRING, isOptional: true}, b: {parameterType: NUMBER_INTEGER, isOptional: true, defaultValue: 5.0}, item: {parameterType: NUMBER_INTEGER}}}
    outputDefinitions: {parameters: {o: {parameterType: LIST}}, artifacts: {data: {isArtifactList: true}}}
    dag:
      tasks: {make: {componentRef: {name: comp-make}}, other: {componentRef: {name: comp-make}}}
      outputs:
        parameters: {o: {valueFromOneof: {parameterSelectors: [{producerSubtask: make, outputParameterKey: text}, {producerSubtask: other, outputParameterKey: text}]}}}
        artifacts: {data: {artifactSelectors: [{producerSubtask: make, outputArtifactKey: data}]}}
deploymentSpec: {executors: {e: {container: {image: i, args: ["{{$}}"]}}}}
root:
  inputDefinitions:
    artifacts: {seed: {artifactType: {schemaTitle: system.Dataset}}}
    parameters:
      lr: {parameterType: NUMBER_DOUBLE}
      name: {parameterType: STRING, defaultValue: x}
      maybe: {parameterType: STRING, isOptional: true}
      items: {parameterType: LIST, defaultValue: [1.0, 2.0]}
      mode: {parameterType: STRING, defaultValue: a, literals: [a, b]}
  dag:
    tasks:
      make: {componentRef: {name: comp-make}}
      use:
        componentRef: {name: comp-use}
        inputs:
          artifacts: {data: {taskOutputArtifact: {producerTask: make, outputArtifactKey: data}}}
          parameters:
            n: {taskOutputParameter: {producerTask: make, outputParameterKey: out}, parameterExpressionSelector: 'parseJson(string_value)["n"]'}
            text: {runtimeValue: {constant: "<{{$.inputs.parameters['pipelinechannel--lr']}}|{{$.pipeline_job_name}}|{{$.inputs.parameters['pipelinechannel--maybe']}}>"}}
            part: {componentInputParameter: items}
            list: {componentInputParameter: items}
            status: {taskFinalStatus: {producerTask: make}}
            pipelinechannel--lr: {componentInputParameter: lr}
            pipelinechannel--maybe: {componentInputParameter: maybe}
      plain: {componentRef: {name: comp-use}, inputs: {parameters: {n: {componentInputParameter: maybe}}}}
      loop:
        componentRef: {name: comp-graph}
        inputs: {parameters: {a: {componentInputParameter: maybe}, all: {componentInputParameter: items}}}
        parameterIterator: {items: {inputParameter: all}, itemInput: item}
      raw:
        componentRef: {name: comp-graph}
        inputs: {parameters: {pipelinechannel--lr: {componentInputParameter: lr}}}
        parameterIterator: {items: {raw: '[4, 5]'}, itemInput: item}
"#;

fn plan() -> Plan {
    let text = PIPELINE
        .replace("n: {componentInputParameter: maybe}", "text: {componentInputParameter: maybe}");
    Plan::compile(&Package::read(text.as_bytes()).unwrap())
        .unwrap_or_else(|error| panic!("{error}"))
}

#[derive(Default)]
struct Known {
    inputs: Inputs,
    outputs: HashMap<(TaskId, String), Value>,
    artifacts: HashMap<(TaskId, String), Vec<Artifact>>,
}

impl Scope for Known {
    fn parameter(&self, name: &str) -> Option<&Value> {
        self.inputs.parameters.get(name)
    }
    fn artifacts(&self, name: &str) -> Option<&[Artifact]> {
        self.inputs.artifacts.get(name).map(Vec::as_slice)
    }
    fn output(&self, task: TaskId, key: &str) -> Option<&Value> {
        self.outputs.get(&(task, key.to_owned()))
    }
    fn output_artifacts(&self, task: TaskId, key: &str) -> Option<&[Artifact]> {
        self.artifacts.get(&(task, key.to_owned())).map(Vec::as_slice)
    }
    fn final_status(&self, _: TaskId) -> Option<FinalStatus> {
        Some(FinalStatus {
            state: "SUCCEEDED".into(),
            task: "make".into(),
            job_resource_name: "p-1".into(),
            error: None,
        })
    }
}

fn artifact(uri: &str) -> Artifact {
    Artifact {
        name: "data".into(),
        kind: ArtifactType::generic(),
        uri: uri.into(),
        metadata: Map::new(),
        custom_path: None,
    }
}

fn task(plan: &Plan, name: &str) -> TaskId {
    plan.tasks.iter().find(|(_, task)| task.name == name).unwrap().0
}

fn known(plan: &Plan) -> Known {
    let given = [("lr", "0.5"), ("seed", "s3://b/seed")];
    let given = given.map(|(name, text)| (name.to_owned(), Given::Text(text.to_owned())));
    let make = plan.root_dag().1.tasks[0];
    Known {
        inputs: run(plan, &given).unwrap(),
        outputs: [((make, "out".to_owned()), json!({"n": 3.0}))].into(),
        artifacts: [((make, "data".to_owned()), vec![artifact("s3://b/data")])].into(),
    }
}

fn facts() -> Facts {
    Facts { job_name: "Run".into(), ..Facts::default() }
}

#[test]
fn a_run_is_given_its_inputs() {
    let plan = plan();
    let inputs = known(&plan).inputs;
    assert_eq!(
        json!(inputs.parameters),
        json!({"items": [1.0, 2.0], "lr": 0.5, "maybe": null, "mode": "a", "name": "x"})
    );
    assert_eq!(inputs.artifacts["seed"][0].uri, "s3://b/seed");
    let json =
        [("lr", json!(1)), ("maybe", json!(null)), ("seed", json!("x")), ("items", json!([]))];
    let inputs =
        run(&plan, &json.map(|(name, value)| (name.to_owned(), Given::Json(value)))).unwrap();
    assert_eq!(inputs.parameters["lr"], json!(1));
}

#[test]
fn what_a_run_cannot_be_given_is_told() {
    use lightship_base::Diagnose as _;
    let text = |name: &str, text: &str| (name.to_owned(), Given::Text(text.to_owned()));
    let given = [text("lrr", "1"), text("items", "1,2"), text("mode", "c")];
    let errors = run(&plan(), &given).unwrap_err();
    let hints: Vec<String> = errors.hints().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(format!("{errors}\n{}", hints.join("\n")), @r#"
the pipeline has no parameter `lrr` (nearest: `lr`)
parameter `items`: `1,2` cannot be read as LIST
parameter `mode`: the text "c" is not one of "a", "b"
parameter `lr` (NUMBER_DOUBLE) has no default and is not given
the pipeline takes the artifact `seed`, which is not given
give it with `--param lr=…`
give the artifact's URI with `--param seed=…`
"#);
}

#[test]
fn a_task_is_given_its_inputs() {
    let plan = plan();
    let known = known(&plan);
    let inputs = inputs(&plan, task(&plan, "use"), &known, &facts()).unwrap();
    insta::assert_snapshot!(json!(inputs.parameters), @r#"{"list":[1.0,2.0],"n":3,"part":"[1,2]","pipelinechannel--lr":0.5,"pipelinechannel--maybe":null,"status":{"state":"SUCCEEDED","error":{},"pipelineJobResourceName":"p-1","pipelineTaskName":"make"},"text":"<0.5|Run|>"}"#);
    assert_eq!(inputs.artifacts["data"][0].uri, "s3://b/data");
}

#[test]
fn what_is_not_given_has_its_default() {
    let plan = plan();
    let known = known(&plan);
    let simple = inputs(&plan, task(&plan, "plain"), &known, &facts()).unwrap();
    assert_eq!(json!(simple.parameters), json!({"text": "none"}));
    let graph = inputs(&plan, task(&plan, "loop"), &known, &facts()).unwrap();
    assert_eq!(json!(graph.parameters), json!({"a": null, "all": [1.0, 2.0], "b": 5}));
}

#[test]
fn what_is_missing_is_told() {
    let plan = plan();
    let mut known = known(&plan);
    let told =
        |known: &Known| inputs(&plan, task(&plan, "use"), known, &facts()).unwrap_err().to_string();
    let make = plan.root_dag().1.tasks[0];
    known.outputs.insert((make, "out".into()), json!({"n": "three"}));
    assert_eq!(told(&known), "input `n`: expected NUMBER_INTEGER, got the text \"three\"");
    known.outputs.insert((make, "out".into()), json!({}));
    assert_eq!(told(&known), "input `n`: `parseJson(string_value)[\"n\"]`: there is no key `n`");
    known.outputs.clear();
    let mut needed = plan.clone();
    let component = needed.tasks[task(&plan, "use")].component;
    let n = needed.components[component].inputs.parameters.get_mut("n").unwrap();
    n.optional = false;
    let error = inputs(&needed, task(&plan, "use"), &known, &facts()).unwrap_err();
    assert_eq!(error.to_string(), "input `n`: output `out` of task `make` has no value");
}

/// `.ignore_upstream_failure()` is for tasks whose inputs have defaults.
#[test]
fn what_did_not_run_gives_nothing_and_the_default_stands_for_it() {
    let mut plan = plan();
    let (id, mut known) = (task(&plan, "use"), known(&plan));
    plan.tasks[id].trigger.strategy = crate::plan::Strategy::AllCompleted;
    known.outputs.clear();
    known.artifacts.clear();
    let given = inputs(&plan, id, &known, &facts()).unwrap();
    assert_eq!(given.parameters.get("n"), None, "an optional one is not there");
    assert!(given.artifacts.is_empty());
    let mut defaulted = plan.clone();
    let component = defaulted.tasks[id].component;
    let n = defaulted.components[component].inputs.parameters.get_mut("n").unwrap();
    (n.optional, n.default) = (false, Some(json!(9)));
    let given = inputs(&defaulted, id, &known, &facts()).unwrap();
    assert_eq!(given.parameters["n"], json!(9));
}

#[test]
fn names_for_kubernetes_are_looked_up_around_the_task() {
    let plan = plan();
    let (id, mut known) = (task(&plan, "use"), known(&plan));
    let named = |known: &Known, name_of: &str| {
        let binding = &plan.tasks[id].parameters[name_of];
        name(&plan, id, binding, known, &facts()).map_err(|fault| fault.to_string())
    };
    assert_eq!(named(&known, "pipelinechannel--lr"), Ok(json!(0.5)));
    assert_eq!(named(&known, "n"), Ok(json!(3)), "selectors count");
    known.outputs.clear();
    assert_eq!(named(&known, "n"), Err("output `out` of task `make` has no value".to_owned()));
}

#[test]
fn who_ignores_failures_does_without_what_they_did_not_give() {
    let whatever =
        "\n      use:\n        triggerPolicy: {strategy: ALL_UPSTREAM_TASKS_COMPLETED}\n";
    let text = PIPELINE
        .replace("n: {componentInputParameter: maybe}", "text: {componentInputParameter: maybe}");
    let given = |text: &str| {
        let plan = Plan::compile(&Package::read(text.as_bytes()).unwrap()).unwrap();
        let mut known = known(&plan);
        known.outputs.clear();
        inputs(&plan, task(&plan, "use"), &known, &facts())
    };
    let ignoring = given(&text.replace("\n      use:\n", whatever)).unwrap();
    assert!(!ignoring.parameters.contains_key("n"));
    let error = given(&text).unwrap_err().to_string();
    assert_eq!(error, "input `n`: output `out` of task `make` has no value");
}

#[test]
fn loops_have_rounds() {
    let plan = plan();
    let known = known(&plan);
    let id = task(&plan, "loop");
    let whole = inputs(&plan, id, &known, &facts()).unwrap();
    let all = items(&plan, id, &whole, &facts()).unwrap().unwrap();
    assert_eq!(all, [Item::Parameter(json!(1.0)), Item::Parameter(json!(2.0))]);
    let shared = without_items(whole.clone(), &plan.tasks[id].iterator.as_ref().unwrap().items);
    assert_eq!(json!(shared.parameters), json!({"a": null, "b": 5}));
    let one = round(&plan, id, &all[1]).unwrap();
    assert_eq!(json!(one.parameters), json!({"item": 2}));
    let error = round(&plan, id, &Item::Parameter(json!("x"))).unwrap_err();
    assert_eq!(error.to_string(), "input `item`: expected NUMBER_INTEGER, got the text \"x\"");
    let mut text = whole.clone();
    text.parameters.insert("all".into(), json!("[7]"));
    assert_eq!(items(&plan, id, &text, &facts()).unwrap().unwrap(), [Item::Parameter(json!(7))]);
    text.parameters.insert("all".into(), json!({}));
    assert_eq!(
        items(&plan, id, &text, &facts()).unwrap().unwrap_err().to_string(),
        "input `all`: a loop takes a list, and this is none"
    );
    let raw = task(&plan, "raw");
    let whole = inputs(&plan, raw, &known, &facts()).unwrap();
    assert_eq!(items(&plan, raw, &whole, &facts()).unwrap().unwrap().len(), 2);
    assert_eq!(items(&plan, task(&plan, "use"), &whole, &facts()), None);
}

#[test]
fn graphs_and_loops_give_what_ran() {
    let plan = plan();
    let id = task(&plan, "loop");
    let dag = plan.dag_of(id).unwrap();
    let [make, other] = plan.dags[dag].tasks[..] else { panic!() };
    let mut known = Known::default();
    known.outputs.insert((other, "text".into()), json!("from other"));
    let second = outputs(&plan, dag, &known);
    assert_eq!(json!(second.parameters), json!({"o": "from other"}));
    assert!(second.artifacts.is_empty());
    known.outputs.insert((make, "text".into()), json!("from make"));
    known.artifacts.insert((make, "data".into()), vec![artifact("a")]);
    let first = outputs(&plan, dag, &known);
    let rounds = [&first, &Produced::default(), &second];
    let all = collected(&plan, id, rounds);
    assert_eq!(json!(all.parameters), json!({"o": ["from make", "from other"]}));
    assert_eq!(all.artifacts["data"].len(), 1);
    let none = collected(&plan, id, []);
    assert_eq!(json!(none.parameters), json!({"o": []}));
    assert!(none.artifacts["data"].is_empty());
}

#[test]
fn fingerprints_differ_in_what_is_different() {
    let plan = plan();
    let id = task(&plan, "use");
    let mut inputs = inputs(&plan, id, &known(&plan), &facts()).unwrap();
    let digests = [("data".to_owned(), vec![lightship_base::Digest::of(b"1")])].into();
    let evidence = Evidence { image: "sha256:1", volumes: &[], artifacts: &digests };
    let first = fingerprint(&plan, id, &inputs, &evidence).unwrap();
    inputs.artifacts.get_mut("data").unwrap()[0].uri = "elsewhere".into();
    assert_eq!(fingerprint(&plan, id, &inputs, &evidence).unwrap().key(), first.key());
    inputs.parameters.insert("n".into(), json!(4));
    inputs.parameters.insert("new".into(), json!(4));
    inputs.parameters.remove("part");
    let digests = [("data".to_owned(), vec![lightship_base::Digest::of(b"2")])].into();
    let mut volume =
        MountedVolume { name: "pvc".into(), sub_path: String::new(), path: "/data".into() };
    let volumes = [volume.clone()];
    let evidence = Evidence { image: "sha256:2", artifacts: &digests, volumes: &volumes };
    let second = fingerprint(&plan, id, &inputs, &evidence).unwrap();
    assert_ne!(second.key(), first.key());
    let other: Vec<&str> = second
        .parts()
        .iter()
        .filter(|part| !first.parts().contains(part))
        .map(|part| part.name.as_str())
        .collect();
    assert_eq!(other, ["image", "parameter n", "parameter new", "artifact data", "volumes"]);
    volume.sub_path = "inner".into();
    let inner = Evidence { volumes: &[volume], ..evidence };
    assert_ne!(fingerprint(&plan, id, &inputs, &inner).unwrap().key(), second.key());
    let nothing = Evidence { artifacts: &std::collections::BTreeMap::new(), ..evidence };
    assert_eq!(fingerprint(&plan, id, &inputs, &nothing), None);
}

/// Two pipelines may call component and key alike and mean different things.
#[test]
fn an_authors_key_counts_within_its_pipeline_and_for_its_outputs() {
    let mut plan = plan();
    let id = task(&plan, "make");
    plan.tasks[id].caching.key = Some("v1".to_owned());
    let none = std::collections::BTreeMap::new();
    let evidence = Evidence { image: "sha256:1", volumes: &[], artifacts: &none };
    let key = |plan: &Plan, image: &str| {
        let evidence = Evidence { image, ..evidence };
        fingerprint(plan, id, &Inputs::default(), &evidence).unwrap().key()
    };
    let first = key(&plan, "sha256:1");
    assert_eq!(key(&plan, "sha256:2"), first, "it stands for image and code");
    let mut other = plan.clone();
    other.name = "q".to_owned();
    assert_ne!(key(&other, "sha256:1"), first);
    let mut other = plan.clone();
    let component = plan.tasks[id].component;
    other.components[component].outputs.parameters.remove("text");
    assert_ne!(key(&other, "sha256:1"), first);
}
