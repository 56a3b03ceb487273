//! Runs that go, and what stays of them.

use std::fs;
use std::path::PathBuf;

use super::{Machine, Pipeline};

/// One that makes a model.
fn model() -> Pipeline {
    Pipeline::new("model").cached("train", &[], "echo weights > $1; echo trained").model("train")
}

fn artifacts(machine: &Machine) -> Vec<PathBuf> {
    let mut open = vec![machine.environment.work().join("home/artifacts")];
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files
}

#[test]
fn what_others_need_stays_until_nobody_does() {
    let machine = Machine::new();
    machine.write("model.yaml", &model());
    machine.run(0, "run model.yaml");
    let first = machine.latest();
    machine.run(0, "run model.yaml");
    let second = machine.latest();
    let shown = machine.show(&second);
    assert_eq!(shown["tasks"][0]["cached_from"], first.as_str());
    let folder = |run: &str| machine.environment.work().join("home/runs").join(run);
    let made = artifacts(&machine);
    let model = made.iter().find(|path| path.ends_with("train/1-1/model")).unwrap();
    assert_eq!(fs::read_to_string(model).unwrap(), "weights\n");

    let would = machine.json(&format!("runs rm {first} --dry-run"));
    assert!(folder(&first).exists(), "nothing goes");
    let removed = machine.json(&format!("runs rm {first}"));
    assert_eq!(would["freed_bytes"], removed["freed_bytes"]);
    assert_eq!(removed["kept_bytes"], 8);
    assert!(model.exists() && !folder(&first).exists());
    machine.run(2, &format!("runs show {first}"));
    assert_eq!(machine.json("runs ls")["total"], 1);

    // The cache still knows the result.
    machine.run(0, "run model.yaml");
    assert_eq!(machine.show("latest")["tasks"][0]["cached_from"], first.as_str());

    // Nothing but the result of the cache needs it now.
    machine.run(2, "runs rm --all");
    let removed = machine.json("runs rm --all --yes");
    assert_eq!(removed["runs"].as_array().unwrap().len(), 2);
    assert!(model.exists());
    machine.run(0, "run model.yaml");
    assert_eq!(machine.show("latest")["tasks"][0]["cached_from"], first.as_str());
}

#[test]
fn results_go_as_well_if_asked() {
    let machine = Machine::new();
    machine.write("model.yaml", &model());
    machine.run(0, "run model.yaml");
    assert!(!artifacts(&machine).is_empty());
    let none = machine.json("runs rm --older-than 1h --yes");
    assert_eq!(none["runs"].as_array().unwrap().len(), 0);
    let text = machine.run(0, "runs rm latest --results");
    assert!(text.stdout.contains("removed 1 run, "), "{}", text.stdout);
    assert!(artifacts(&machine).is_empty());
    machine.run(0, "run model.yaml");
    assert!(machine.show("latest")["tasks"][0]["cached_from"].is_null());

    // What a removal left behind that was killed.
    let stray = machine.environment.work().join("home/runs/model-00000000/1-1");
    fs::create_dir_all(&stray).unwrap();
    fs::write(stray.join("log"), "12345").unwrap();
    let removed = machine.json("runs rm --older-than 1h --yes");
    assert_eq!(removed["leftover_bytes"], 5);
    assert!(!stray.exists());
    assert_eq!(machine.json("runs ls")["total"], 1);
}
