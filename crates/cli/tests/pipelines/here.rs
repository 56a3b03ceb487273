//! What steps find on this machine instead of in a cluster.

use std::fs;
use std::path::Path;

use lightship_testkit::docker_registry::{DockerRegistry, RegistryOptions};
use serde_json::{Value, json};

use crate::common::{Run, TestEnvironment};
use crate::run::busybox;

/// A pipeline of one task, which runs a script in an image.
fn pipeline(image: &str, script: &str) -> Value {
    json!({
        "pipelineInfo": {"name": "p"},
        "root": {"dag": {"tasks": {"ask": {
            "taskInfo": {"name": "ask"}, "componentRef": {"name": "ask"},
        }}}},
        "components": {"ask": {"executorLabel": "ask"}},
        "deploymentSpec": {"executors": {"ask": {"container": {
            "image": image, "command": ["sh", "-c", script],
        }}}},
    })
}

/// One whose step takes a key of a secret.
fn takes_a_secret(script: &str) -> String {
    let name = json!({"runtimeValue": {"constant": "login"}});
    let pipeline = pipeline("nowhere.invalid/tool:1", script);
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
    fs::write(environment.work().join("p.yaml"), takes_a_secret("true")).unwrap();
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

/// Whether any file below a folder has this text.
fn has(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()).any(|entry| {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            return has(&path, text);
        }
        fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|at| at == text.as_bytes()))
    })
}

#[test]
fn another_image_stands_for_one_and_a_secret_goes_nowhere_but_to_its_step() {
    let environment = TestEnvironment::new();
    environment.put("box", &*busybox());
    // Not in one piece: the script is in the record.
    let script = "test \"$PASSWORD\" = hush'-'hush && echo well";
    fs::write(environment.work().join("p.yaml"), takes_a_secret(script)).unwrap();
    fs::write(environment.work().join("password.txt"), "hush-hush").unwrap();
    let settings = "[images]\n\"nowhere.invalid/tool:1\" = \"oci:box\"\n\
                    [secrets.login]\npassword = { file = \"password.txt\" }\n";
    fs::write(environment.work().join("lightship.toml"), settings).unwrap();
    let home = environment.work().join("home");
    for executor in ["sandbox", "process"] {
        let run =
            environment.run(&format!("--home {} run p.yaml --executor {executor}", home.display()));
        assert_eq!(run.code(), 0, "{}", run.seen());
        assert!(run.stdout.contains("SUCCEEDED"), "{}", run.seen());
        let warned = run.stderr.contains("steps run without a sandbox");
        assert_eq!(warned, executor == "process", "{}", run.seen());
        assert!(!run.seen().contains("hush-hush"));
    }
    assert!(home.join("runs.sqlite").is_file() && !has(&home, "hush-hush"));
}

#[test]
fn images_are_pulled_and_one_that_cannot_be_is_told_with_a_way_out() {
    let Some(registry) = DockerRegistry::start(&RegistryOptions::default()) else { return };
    let environment = TestEnvironment::new();
    environment.put("box", &*busybox());
    let name = format!("{}/team/tool:1", registry.name());
    environment.json(0, &format!("image copy oci:box docker://{name}"));
    let run = |image: &str| -> Run {
        let text = pipeline(image, "echo here").to_string();
        fs::write(environment.work().join("p.json"), text).unwrap();
        environment.run("--quiet run p.json")
    };
    let pulled = run(&name);
    assert!(pulled.code() == 0 && pulled.stdout.contains("SUCCEEDED"), "{}", pulled.seen());
    let missing = run(&name.replace("tool", "missing"));
    assert_eq!(missing.code(), 1);
    for part in ["ask: its image", "team/missing:1 cannot be had", "[images] in lightship.toml"] {
        assert!(missing.stdout.contains(part), "{}", missing.seen());
    }
}
