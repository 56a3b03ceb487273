//! What the SDK can say and its local runner cannot run, or says nothing of.

use std::fs;

use lightship_engine::{RunState, TaskState};
use serde_json::json;

use super::{PYTHON, Sdk};

#[test]
fn loops_branches_and_optional_inputs() {
    let Some(sdk) = Sdk::open() else { return };
    // What loops in loops collect is one list: (2 + 4 + 6) twice, and 10 + 20 three times.
    assert_eq!(sdk.run("loops", &[]).gave(), json!({"Output": 114}));
    assert_eq!(sdk.run("loops", &[("items", "[5]")]).gave(), json!({"Output": 50}));
    assert_eq!(sdk.run("loops", &[("items", "[]")]).gave(), json!({"Output": 0}));
    assert_eq!(
        sdk.run("optional_inputs", &[]).gave(),
        json!({
            "a": "a default None True", "b": "b given 3 False", "c": "c default None True",
        })
    );
    let given = sdk.run("optional_inputs", &[("text", "mine")]).gave();
    assert_eq!(given["c"], "c mine None True");
}

#[test]
fn failures_that_are_expected() {
    let Some(sdk) = Sdk::open() else { return };
    let ignored = sdk.run("ignored_failure", &[]);
    assert_eq!(ignored.tasks("after-failure"), [(TaskState::Succeeded, 1)], "{}", ignored.said());
    assert_eq!(ignored.tasks("fail"), [(TaskState::Failed, 1)]);

    let failed = sdk.run("exit_after_failure", &[("text", "broken-on-purpose")]);
    assert_eq!(failed.state, RunState::Failed);
    assert_eq!(failed.tasks("report"), [(TaskState::Succeeded, 1)]);
    assert!(failed.said().contains("broken-on-purpose"), "{}", failed.said());

    let _ = fs::remove_dir_all(sdk.home.join("volumes/kept"));
    let retried = sdk.run("retried", &[]);
    assert_eq!(retried.gave(), json!({"Output": 3}));
    assert_eq!(retried.tasks("fails-at-first"), [(TaskState::Succeeded, 3)]);
}

#[test]
fn importers_and_containers() {
    let Some(sdk) = Sdk::open() else { return };
    let file = sdk.environment.work().join("data.txt");
    fs::write(&file, "seven 7").unwrap();
    let imported = sdk.run("imported", &[("uri", file.to_str().unwrap())]);
    assert_eq!(imported.gave(), json!({"Output": 7}));

    let said = sdk.run("containers", &[]).gave();
    let digest = |text: &str| lightship_base::Digest::of(text.as_bytes()).hex();
    assert_eq!(said["with_title"]["content"][""], digest("Dear Dr Ada"));
    assert_eq!(said["without"]["content"][""], digest("Dear Mx Ada"));
}

#[test]
fn notebooks() {
    let Some(sdk) = Sdk::open() else { return };
    let name = format!("notebook-{}", sdk.environment.work().display());
    let ended = sdk.run_file("notebook.py", &name, &[("number", "7")], "--no-cache");
    assert_eq!(ended.gave(), json!({"Output": 49}));
}

#[test]
fn settings_of_steps() {
    let Some(sdk) = Sdk::open() else { return };
    assert_eq!(sdk.run("variables", &[]).gave(), json!({"Output": "hello"}));
    assert_eq!(sdk.run("kubernetes_settings", &[]).gave(), json!({"Output": "True True True"}));
    // Nothing stands for the secret here.
    let secrets = sdk.environment.run(&format!("run pipelines.py:secrets --python {PYTHON}"));
    assert_ne!(secrets.code(), 0);
    let said = format!("{}{}", secrets.stdout, secrets.stderr);
    assert!(said.contains("login"), "{said}");

    // The first time nothing is known of this home's pipeline but what earlier tests left.
    let first = sdk.run_with("caching", &[], "").gave();
    let second = sdk.run_with("caching", &[], "").gave();
    let anew = sdk.run("caching", &[]).gave();
    assert_eq!(first["kept"], second["kept"]);
    assert_ne!(first["fresh"], second["fresh"]);
    assert_ne!(first["kept"], anew["kept"]);
}

#[test]
fn every_pipeline_is_baked() {
    let Some(sdk) = Sdk::open() else { return };
    for function in
        ["artifacts", "own_environment", "loops", "retried", "kubernetes_settings", "secrets"]
    {
        let run = sdk.bake(function);
        assert_eq!(run.code(), 0, "{}{}", run.stdout, run.stderr);
        let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        for step in told["steps"].as_array().unwrap() {
            assert!(step["kept"].is_null(), "{function}: {step}");
        }
        // What was baked compiles again, with the SDK's own reader.
        let check = "import sys; from kfp import components; components.load_component_from_file('baked.yaml')";
        sdk.environment.peer(PYTHON, &["-W", "ignore", "-c", check]);
    }
}
