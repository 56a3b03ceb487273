//! Compiled pipelines of others that run here, from baked images, and what is recorded of them.

use std::time::Duration;

use super::bake::pipeline;
use super::stock::Stocked;

#[test]
fn pipelines_end_as_they_should_and_the_second_time_nothing_runs() {
    let Some(mut stocked) = Stocked::open() else { return };
    let Some(fails) = pipeline("failing/pipeline_with_exit_handler.yaml") else { return };
    let Some(works) = pipeline("critical/add_numbers.yaml") else { return };
    stocked.environment.allow(Duration::from_mins(3));
    let environment = &stocked.environment;
    let run = |code: i32, path: &std::path::Path, more: &str| {
        let run = environment.run(&format!("--quiet run {} {more}", path.display()));
        assert_eq!(run.code(), code, "{}{}", run.stdout, run.stderr);
        environment.json(0, "runs show")
    };
    let shown = run(1, &fails, "");
    let ends: Vec<(&str, &str)> = shown["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| (task["path"].as_str().unwrap(), task["state"].as_str().unwrap()))
        .collect();
    assert_eq!(
        ends,
        [
            ("exit-handler-1", "FAILED"),
            ("print-op", "SUCCEEDED"),
            ("exit-handler-1/fail-op", "FAILED"),
            ("exit-handler-1/print-op-2", "SUCCEEDED"),
        ]
    );
    let failure = &shown["failures"][0];
    assert_eq!(failure["path"], "exit-handler-1/fail-op");
    let log = failure["log"].as_array().unwrap();
    assert_eq!(log.last().unwrap(), "Task failed.", "the end of what it printed");
    let logs = environment.run("runs logs latest fail-op");
    assert!(logs.stdout.ends_with("Task failed.\n"), "{}", logs.stdout);

    let first = run(0, &works, "-p a=2 -p b=40");
    let second = run(0, &works, "-p a=2 -p b=40");
    assert_eq!(second["tasks"][0]["cached_from"], first["id"]);
    assert_eq!(second["tasks"][0]["outputs"], first["tasks"][0]["outputs"]);
    assert_eq!(second["tasks"][0]["outputs"]["Output"], 42);
    assert_eq!(second["tasks"][0]["attempts"], 0);
    assert_eq!(environment.json(0, "runs ls")["total"], 3);
    // Nothing holds an image of a run that has ended.
    let names = environment.run("image ls").stdout;
    assert!(!names.contains("localhost/runs/"), "{names}");
}
