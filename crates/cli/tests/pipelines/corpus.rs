//! Every pipeline of the shared corpus that is meant to run ends as `corpus.txt` says. One that cannot run here is in
//! that list with its reason, and fails with it: one that could run after all would be noticed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::corpus;
use crate::build::stock::machine;
use crate::common::{Run, TestEnvironment};

/// What stands for images here that only a registry has.
const SETTINGS: &str = r#"
[images]
alpine = "native"
"ghcr.io/containerd/busybox" = "native"
"python:3.11" = { base = "native", python = "3.11" }
"python:alpine3.9" = { base = "native", python = "3.11" }
"registry.access.redhat.com/ubi9/python-311:latest" = { base = "native", python = "3.11" }

[secrets.test-secret-1]
username = { env = "USERNAME" }
"#;

/// How a pipeline ends.
#[derive(Debug, Default)]
struct End<'t> {
    state: &'t str,
    /// What the output says besides.
    says: &'t str,
    /// Arguments of the run; `{tmp}` is a folder for temporary files.
    arguments: &'t str,
}

/// The list: `PIPELINE | STATE | TEXT | ARGUMENTS`.
fn expected() -> BTreeMap<&'static str, End<'static>> {
    let lines = include_str!("corpus.txt").lines();
    let lines = lines.filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let one = |line: &'static str| {
        let mut words = line.split('|').map(str::trim);
        let mut next = || words.next().unwrap_or_default();
        (next(), End { state: next(), says: next(), arguments: next() })
    };
    lines.map(one).collect()
}

/// The state that a run ended in.
fn state(run: &Run) -> &'static str {
    let states = ["SUCCEEDED", "SKIPPED", "FAILED", "CANCELED"];
    let ended = |state: &&str| run.stdout.lines().any(|line| line.contains(&format!(": {state}")));
    states.into_iter().find(ended).unwrap_or("REFUSED")
}

/// Runs all pipelines of a folder; all that end otherwise than the list says are told at once.
fn run_all(folder: &str) {
    let Some(path) = corpus(folder) else { return };
    let Some(environment) = shared_machine() else { return };
    let mut names: Vec<String> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| std::path::Path::new(name).extension().is_some_and(|kind| kind == "yaml"))
        .collect();
    names.sort();
    let expected = expected();
    let listed = expected.keys().filter(|name| name.starts_with(&format!("{folder}/"))).count();
    assert_eq!(names.len(), listed, "corpus.txt has not all of {folder}");
    let mut wrong = Vec::new();
    for name in names {
        let name = format!("{folder}/{name}");
        let path = corpus(&name).unwrap();
        let end = &expected[name.as_str()];
        let temporary = environment.temporary().display().to_string();
        let arguments = end.arguments.replace("{tmp}", &temporary);
        let line = format!("--quiet run {} --no-cache {arguments}", path.display());
        let run = environment.run(&line);
        let code = match end.state {
            "SUCCEEDED" => 0,
            "REFUSED" => 3,
            _ => 1,
        };
        let said = format!("{}{}", run.stdout, run.stderr);
        let fine = state(&run) == end.state && run.code() == code && said.contains(end.says);
        if !fine {
            wrong.push(format!("{name}: not {end:?} but\n{}", run.seen()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A machine whose images of steps are built once, and stay in the target folder. Several tests may use it at once.
fn shared_machine() -> Option<TestEnvironment> {
    let mut environment = machine()?;
    environment.allow(Duration::from_mins(5));
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pipelines-tests/home");
    fs::create_dir_all(&home).unwrap();
    environment.set("LIGHTSHIP_HOME", home.to_str().unwrap());
    environment.set("USERNAME", "somebody");
    fs::write(environment.work().join("lightship.toml"), SETTINGS).unwrap();
    Some(environment)
}

#[test]
fn essential() {
    run_all("essential");
}

#[test]
fn critical() {
    run_all("critical");
}

#[test]
fn parallel_and_nested() {
    run_all("parallel_and_nested");
}

#[test]
fn local_execution() {
    run_all("local_execution");
}

#[test]
fn failing() {
    run_all("failing");
}

#[test]
fn invalid() {
    run_all("invalid");
}
