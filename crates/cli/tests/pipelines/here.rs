//! What steps find on this machine instead of in a cluster.

use std::fs;

use serde_json::json;

use crate::common::TestEnvironment;

/// A pipeline whose only step takes a key of a secret and prints it.
fn takes_a_secret() -> String {
    let name = json!({"runtimeValue": {"constant": "login"}});
    let pipeline = json!({
        "pipelineInfo": {"name": "p"},
        "root": {"dag": {"tasks": {"ask": {
            "taskInfo": {"name": "ask"}, "componentRef": {"name": "ask"},
        }}}},
        "components": {"ask": {"executorLabel": "ask"}},
        "deploymentSpec": {"executors": {"ask": {"container": {
            "image": "nowhere.invalid/tool:1", "command": ["true"],
        }}}},
    });
    let env = json!([{"keyToEnv": [{"secretKey": "password", "envVar": "PASSWORD"}],
                      "secretNameParameter": name}]);
    let executors = json!({"ask": {"secretAsEnv": env}});
    let platform =
        json!({"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}});
    format!("---\n{pipeline}\n---\n{platform}\n")
}

/// What is said about a run that cannot begin, with the settings as they are.
fn refused(settings: &str) -> String {
    let environment = TestEnvironment::new();
    fs::write(environment.work().join("p.yaml"), takes_a_secret()).unwrap();
    fs::write(environment.work().join("lightship.toml"), settings).unwrap();
    let run = environment.run("run p.yaml");
    assert_eq!(run.code(), 2, "{}", run.seen());
    assert_eq!(run.stdout, "");
    run.stderr
}

#[test]
fn secrets_that_nobody_declared_are_missed_before_anything_runs() {
    let undeclared = refused("");
    assert!(
        undeclared.contains("task `ask`, secretAsEnv: it takes the secret `login`"),
        "{undeclared}"
    );
    assert!(undeclared.contains("[secrets.login] in lightship.toml"), "{undeclared}");
    let key = refused("[secrets.login]\nuser = { env = \"HOME\" }\n");
    assert!(key.contains("takes `password` of the secret `login`"), "{key}");
    let variable = refused("[secrets.login]\npassword = { env = \"NO_SUCH\" }\n");
    assert!(variable.contains("the variable NO_SUCH is not set"), "{variable}");
    let file = refused("[secrets.login]\npassword = { file = \"missing.txt\" }\n");
    assert!(file.contains("missing.txt"), "{file}");
    let literal = refused("[secrets.login]\npassword = \"hush\"\n");
    assert!(literal.contains("lightship.toml:2") && !literal.contains("hush"), "{literal}");
}
