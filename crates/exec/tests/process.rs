//! Steps without walls: they work, and nothing of them outlives them.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod common;

use std::fs;
use std::time::Duration;

use common::{Bench, both_outputs, kubernetes, pipeline, step, with_outputs};
use lightship_engine::{Reason, RunState};
use serde_json::json;

#[test]
fn artifacts_and_parameters_go_from_step_to_step() {
    let bench = Bench::without_walls();
    let first = with_outputs("echo original > $0; echo x > $1");
    let vandal = json!({"image": "busybox",
                        "command": ["sh", "-c", "cat $0; echo spoilt > $0"],
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
    assert_eq!(ran.outputs[0].produced.parameters["text"], "x\n");
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}

#[test]
fn ends_are_told_as_they_are() {
    let reason = |script: &str| Bench::without_walls().step(script, &json!({})).failure().reason;
    assert_eq!(reason("exit 3"), Reason::Exit(3));
    assert_eq!(reason("kill -9 $$"), Reason::Signal(9));
    let ran = Bench::without_walls().run(vec![
        pipeline(&[("a", step("trap '' TERM; while :; do sleep 1; done"), json!({}), json!({}))]),
        kubernetes("a", &json!({"activeDeadlineSeconds": "1"})),
    ]);
    assert_eq!(ran.failure().reason, Reason::Deadline);
}

#[test]
fn nothing_outlives_a_step() {
    // One that leaves its group, its session and its parent.
    let script = "setsid sh -c 'sleep 4242 & sleep 4242' & sleep 0.2";
    let ran = Bench::without_walls().step(script, &json!({}));
    assert_eq!(ran.state, RunState::Succeeded, "{ran:?}");
    assert!(!somebody_sleeps(4242));
    let long = "setsid sleep 4343 & sleep 4343";
    let pipeline = pipeline(&[("a", step(long), json!({}), json!({}))]);
    let ran = Bench::without_walls().run_while(vec![pipeline], |handle| async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(somebody_sleeps(4343));
        handle.cancel().await.unwrap();
    });
    assert_eq!(ran.state, RunState::Canceled);
    assert!(!somebody_sleeps(4343));
}

/// Whether a process of this machine sleeps for so many seconds.
fn somebody_sleeps(seconds: u32) -> bool {
    let wanted = format!("sleep\0{seconds}\0");
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.any(|line| line == wanted.as_bytes())
}

#[test]
fn what_needs_walls_is_refused() {
    let wishes = json!({"emptyDirMounts": [{"volumeName": "v", "mountPath": "/data"}]});
    let ran = Bench::without_walls().run(vec![
        pipeline(&[("a", step("true"), json!({}), json!({}))]),
        kubernetes("a", &wishes),
    ]);
    let failure = ran.failure();
    assert_eq!(failure.reason, Reason::Start);
    assert!(failure.message.contains("/data") && failure.message.contains("--executor process"));
}
