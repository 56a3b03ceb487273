//! Steps that do what they should not: each gives the task's own clear failure, and nothing of this machine or of other
//! tasks changes.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod common;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use common::{Bench, an_artifact, both_outputs, kubernetes, pipeline, step, with_outputs};
use lightship_engine::{Reason, RunState};
use serde_json::{Value, json};

/// What a step that writes both outputs in its own way fails with.
fn told(script: &str) -> String {
    let bench = Bench::new();
    let ran = bench.run(vec![pipeline(&[("a", with_outputs(script), json!({}), both_outputs())])]);
    let failure = ran.failure().clone();
    assert_eq!(failure.reason, Reason::Outputs, "{failure:?}");
    assert_eq!(bench.leftovers(), Vec::<String>::new());
    failure.message
}

#[test]
fn one_that_dies_by_a_signal() {
    let ran = Bench::new().step("kill -9 $$", &json!({}));
    assert_eq!(ran.failure().reason, Reason::Signal(9));
    let ran = Bench::new().step("echo so; exit 3", &json!({}));
    assert_eq!(ran.failure().reason, Reason::Exit(3));
    assert_eq!(ran.failure().message, "its command ended with code 3");
    assert_eq!(ran.log, b"so\n");
}

#[test]
fn one_that_takes_more_memory_than_it_may() {
    let mut greedy = step("yes 0123456789 | tail -c 1000000000 > /dev/null");
    greedy["resources"] = json!({"resourceMemoryLimit": "32M"});
    let ran = Bench::new().run(vec![pipeline(&[("a", greedy, json!({}), json!({}))])]);
    assert!(matches!(ran.failure().reason, Reason::Memory | Reason::Exit(_)), "{ran:?}");
}

#[test]
fn one_that_forks_without_end() {
    let bomb = "b() { b | b & }; b; sleep 100";
    let mut bomb = step(bomb);
    bomb["resources"] = json!({"resourceMemoryLimit": "64M"});
    let ran = Bench::new().run(vec![
        pipeline(&[("a", bomb, json!({}), json!({}))]),
        kubernetes("a", &json!({"activeDeadlineSeconds": "3"})),
    ]);
    let reason = ran.failure().reason;
    assert!(matches!(reason, Reason::Deadline | Reason::Memory | Reason::Exit(_)), "{ran:?}");
}

#[test]
fn one_that_runs_for_ever() {
    let ran = Bench::new().run(vec![
        pipeline(&[("a", step("sleep 1000"), json!({}), json!({}))]),
        kubernetes("a", &json!({"activeDeadlineSeconds": "1"})),
    ]);
    assert_eq!(ran.failure().reason, Reason::Deadline);
    // So does one that does not listen, until somebody cancels.
    let stubborn = "trap '' TERM; while :; do sleep 1; done";
    let pipeline = pipeline(&[("a", step(stubborn), json!({}), json!({}))]);
    let ran = Bench::new().run_while(vec![pipeline], |handle| async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        handle.cancel().await.unwrap();
    });
    assert_eq!(ran.state, RunState::Canceled);
}

#[test]
fn one_that_prints_without_end() {
    let script = "printf '\\377\\000binary\\n'; yes | head -c 200000000; echo the end; exit 1";
    let ran = Bench::new().step(&script.replace("printf", "echo -e"), &json!({}));
    assert_eq!(ran.failure().reason, Reason::Exit(1));
    let log = String::from_utf8_lossy(&ran.log);
    assert!(ran.log.len() < 20 << 20, "{}", ran.log.len());
    assert!(log.contains("binary") && log.ends_with("y\nthe end\n"));
    assert!(log.contains(" bytes are left out here]"));
}

#[test]
fn one_that_writes_no_output_or_another_kind() {
    assert_eq!(told("true"), "the task wrote no value for its output parameter `text`");
    let number = json!({"parameters": {"text": {"parameterType": "NUMBER_INTEGER"}}});
    let script = json!({
        "image": "busybox", "command": ["sh", "-c", "echo many > $0"],
        "args": ["{{$.outputs.parameters['text'].output_file}}"],
    });
    let ran = Bench::new().run(vec![pipeline(&[("a", script, json!({}), number)])]);
    assert_eq!(ran.failure().reason, Reason::Outputs);
    assert!(ran.failure().message.contains("`text`"), "{ran:?}");
    assert!(told("head -c 3 /bin/busybox > $1; echo -e '\\377' >> $1").contains("not UTF-8"));
}

#[test]
fn outputs_that_lead_out_of_the_sandbox() {
    let link = told("ln -s /etc/shadow $1");
    assert_eq!(link, "output parameter `text` cannot be read: it is a link");
    let pipe = told("mkfifo $1");
    assert_eq!(pipe, "output parameter `text` cannot be read: it is a device, a pipe or a socket");
    let folder = told("mkdir $1");
    assert_eq!(folder, "output parameter `text` cannot be read: it is a folder");
    let link = told("echo x > $1; ln -s /etc/shadow $0");
    assert!(link.starts_with("output artifact `data`: it is a link"), "{link}");
    let pipe = told("echo x > $1; mkfifo $0");
    assert!(pipe.starts_with("output artifact `data`: it is a device, a pipe"), "{pipe}");
    let account = told("echo x > $1; ln -s /etc/shadow ${0%/*}/output_metadata.json");
    assert!(account.starts_with("its account of its outputs"), "{account}");
    let large = told("echo x > $1; yes | head -c 20000000 > ${0%/*}/output_metadata.json");
    assert!(large.contains("has more than 16 MiB"), "{large}");
}

/// What an account says: where the artifact is.
fn says(key: &str, value: &str) -> String {
    let account = json!({"artifacts": {"data": {"artifacts": [{"name": "data", key: value}]}}});
    format!("echo x > $1; echo '{account}' > ${{0%/*}}/output_metadata.json")
}

#[test]
fn one_that_says_that_its_artifact_is_a_file_of_this_machine_gives_its_own() {
    let bench = Bench::new();
    let script = says("uri", "file:///etc/passwd");
    let ran = bench.run(vec![pipeline(&[("a", with_outputs(&script), json!({}), both_outputs())])]);
    let kept = PathBuf::from(&ran.outputs[0].produced.artifacts["data"][0].uri);
    assert!(kept.starts_with(bench.folder.path()));
    assert_eq!(fs::read_to_string(kept).unwrap(), "root:x:0:0::/root:/bin/sh\n");
    let all = told(&says("uri", "/"));
    assert!(all.contains("all of its file system"), "{all}");
}

#[test]
fn artifacts_elsewhere_in_the_sandbox_are_fetched_from_there() {
    let bench = Bench::new();
    let elsewhere = "mkdir -p /srv/data; echo inner > /srv/data/file; ln -s file /srv/data/link; ";
    let first = with_outputs(&(elsewhere.to_owned() + &says("custom_path", "/srv/data")));
    let then = json!({"image": "busybox", "command": ["sh", "-c", "cat $0/file $0/link; ls $0"],
                      "args": ["{{$.inputs.artifacts['data'].path}}"]});
    let input = json!({"artifacts": {"data": {"taskOutputArtifact":
        {"producerTask": "a", "outputArtifactKey": "data"}}}});
    let ran = bench.run(vec![pipeline(&[
        ("a", first, json!({}), both_outputs()),
        ("b", then, input, json!({})),
    ])]);
    assert_eq!(ran.state, RunState::Succeeded, "{ran:?}");
    let artifact = &ran.outputs[0].produced.artifacts["data"][0];
    assert_eq!(artifact.custom_path, None);
    let kept = PathBuf::from(&artifact.uri);
    assert_eq!(fs::read_to_string(kept.join("file")).unwrap(), "inner\n");
    assert!(kept.starts_with(bench.folder.path()));
    // Links are those of the step's own file system, however they are written.
    let script = "ln -s /etc /srv; ".to_owned() + &says("custom_path", "/srv/passwd");
    let bench = Bench::new();
    let ran = bench.run(vec![pipeline(&[("a", with_outputs(&script), json!({}), both_outputs())])]);
    let kept = &ran.outputs[0].produced.artifacts["data"][0].uri;
    assert_eq!(fs::read_to_string(kept).unwrap(), "root:x:0:0::/root:/bin/sh\n");
}

#[test]
fn one_that_writes_to_what_it_takes_changes_its_own_copy() {
    let bench = Bench::new();
    let first = with_outputs("echo original > $0; echo x > $1");
    let vandal = json!({"image": "busybox",
                        "command": ["sh", "-c", "echo spoilt > $0; cat $0; rm $0; true"],
                        "args": ["{{$.inputs.artifacts['data'].path}}"]});
    let input = json!({"artifacts": {"data": {"taskOutputArtifact":
        {"producerTask": "a", "outputArtifactKey": "data"}}}});
    let ran = bench.run(vec![pipeline(&[
        ("a", first, json!({}), both_outputs()),
        ("b", vandal, input, json!({})),
    ])]);
    assert_eq!(ran.state, RunState::Succeeded, "{ran:?}");
    let kept = &ran.outputs[0].produced.artifacts["data"][0].uri;
    assert_eq!(fs::read_to_string(kept).unwrap(), "original\n");
}

#[test]
fn outputs_with_odd_names() {
    let named = |name: &str| -> (Value, Value) {
        let script = json!({"image": "busybox", "command": ["sh", "-c", "echo x > \"$0\""],
            "args": [format!("{{{{$.outputs.artifacts['{name}'].path}}}}")]});
        let artifact = json!({"artifactType": {"schemaTitle": "system.Dataset"}});
        (script, json!({"artifacts": {name: artifact}}))
    };
    let (script, outputs) = named("two words; $(touch x) \u{e9}\u{1f6a2}");
    let ran = Bench::new().run(vec![pipeline(&[("a", script, json!({}), outputs)])]);
    assert_eq!(ran.state, RunState::Succeeded, "{ran:?}");
    for odd in ["../../outside", "..", "a/b"] {
        let (script, outputs) = named(odd);
        let document = pipeline(&[("a", script, json!({}), outputs)]);
        let package = lightship_ir::Package::of_values(vec![document]).unwrap();
        let refused = lightship_ir::Plan::compile(&package).unwrap_err().to_string();
        assert!(refused.contains("components.a.outputDefinitions.artifacts"), "{refused}");
    }
}

#[test]
fn volumes_do_not_lead_out_by_links() {
    let bench = Bench::new();
    let outside = bench.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let volume = bench.folder.path().join("volumes/shared");
    fs::create_dir_all(&volume).unwrap();
    std::os::unix::fs::symlink(&outside, volume.join("link")).unwrap();
    let name = json!({"runtimeValue": {"constant": "shared"}});
    let mount =
        json!({"pvcMount": [{"pvcNameParameter": name, "mountPath": "/data", "subPath": "link"}]});
    let ran = bench.run(vec![
        pipeline(&[("a", step("touch /data/x"), json!({}), json!({}))]),
        kubernetes("a", &mount),
    ]);
    assert!(ran.failure().message.contains("volume `shared`"), "{ran:?}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn what_it_leaves_running_is_gone_before_its_artifacts_are_taken() {
    let script = "echo first > $0; echo x > $1; (while :; do echo later >> $0; done) & exit 0";
    let bench = Bench::new();
    let ran = bench.run(vec![pipeline(&[("a", with_outputs(script), json!({}), both_outputs())])]);
    assert_eq!(ran.state, RunState::Succeeded, "{ran:?}");
    let artifact = &ran.outputs[0].produced.artifacts["data"][0];
    let content = ran.outputs[0].contents[&artifact.uri];
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(fs::metadata(&artifact.uri).unwrap().len(), content.size.bytes());
    let _ = an_artifact();
}
