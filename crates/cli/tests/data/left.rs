//! Two tasks, of which one takes what the other makes; then loops that measure.

use std::fs;

use super::{Scene, list, word};

const PREPARED: &str = "latest/preprocess/output_dataset_one";
const MODEL: &str = "latest/train/model";

#[test]
fn artifacts_are_listed_shown_copied_and_followed() {
    let Some(scene) = Scene::open("essential/lightweight_python_functions_pipeline.yaml") else {
        return;
    };
    scene.run("-p message=hello");
    let all = scene.json("artifacts ls");
    let mut names = list(&all["artifacts"], |entry| {
        format!("{}/{}", word(&entry["task"]), word(&entry["output"]))
    });
    names.sort();
    assert_eq!(
        names,
        ["preprocess/output_dataset_one", "preprocess/output_dataset_two_path", "train/model"]
    );
    let models = scene.json("artifacts ls --run latest --type model");
    assert_eq!(list(&models["artifacts"], |entry| word(&entry["type"])), ["system.Model"]);

    // One of them, by three names.
    let shown = scene.json(&format!("artifacts show {PREPARED} --check"));
    assert_eq!((shown["bytes"].as_u64(), shown["intact"].as_bool()), (Some(5), Some(true)));
    assert_eq!(shown["content"]["text"], "hello");
    let mut inputs = list(&shown["consumers"], |user| {
        format!("{}: {}", word(&user["task"]), word(&user["input"]))
    });
    inputs.sort();
    assert_eq!(inputs, ["train: dataset_one_path"]);
    for name in
        [word(&shown["uri"]), word(&shown["digest"]), word(&shown["digest"])[7..17].to_owned()]
    {
        assert_eq!(
            scene.json(&format!("artifacts show {name}"))["digest"],
            shown["digest"],
            "{name}"
        );
    }
    let text = scene.text(&format!("artifacts show {MODEL} --lines 2"));
    for part in [
        "system.Model",
        "train, in run ",
        "no task used it",
        "accuracy",
        "0.9",
        "Step 0",
        "and more",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }

    // Copies.
    let work = scene.environment().work();
    let copied = scene.environment().run(&format!("artifacts get {PREPARED} -o copy"));
    assert_eq!(copied.code(), 0, "{}", copied.stderr);
    assert_eq!(fs::read_to_string(work.join("copy")).unwrap(), "hello");
    let refused = scene.complaint(2, &format!("artifacts get {MODEL} -o copy"));
    assert!(refused.contains("copy exists") && refused.contains("--force"), "{refused}");
    scene.text(&format!("artifacts get {MODEL} -o copy --force"));
    assert!(fs::read_to_string(work.join("copy")).unwrap().starts_with("Step 0\n"));
    assert_eq!(scene.text(&format!("artifacts get {PREPARED} -o -")), "hello");

    again(&scene);
    spoilt(&scene, &word(&shown["uri"]));
}

/// The same again is taken, and belongs to who made it.
fn again(scene: &Scene) {
    scene.run("-p message=hello");
    let again = scene.json(&format!("artifacts show {MODEL}"));
    let first = word(&again["run"]);
    assert_eq!(
        list(&scene.json("artifacts ls --run latest")["artifacts"], |entry| word(&entry["run"])),
        [&*first; 3]
    );
    let up = scene.json(&format!("artifacts lineage {MODEL} --up"));
    let made = &up["up"]["steps"][0];
    assert_eq!((word(&made["task"]), word(&made["run"])), ("train".to_owned(), first.clone()));
    let sources = list(&made["artifacts"], |link| word(&link["artifact"]["steps"][0]["task"]));
    assert_eq!(sources, ["preprocess", "preprocess"]);
    let down = scene.json(&format!("artifacts lineage {PREPARED} --down"));
    let users = list(&down["down"]["steps"], |step| {
        (word(&step["task"]), step["cached_from"].as_str().map(str::to_owned))
    });
    let train = |from: Option<&String>| ("train".to_owned(), from.cloned());
    assert_eq!(users, [train(None), train(Some(&first))]);
    let tree = scene.text(&format!("artifacts lineage {PREPARED}"));
    assert!(tree.contains("cached from ") && tree.contains("model"), "{tree}");
    assert!(scene.text(&format!("artifacts lineage {MODEL} --format dot")).starts_with("digraph "));
}

/// What somebody changed is told and not handed out; what is gone as well.
fn spoilt(scene: &Scene, uri: &str) {
    fs::write(uri, "HELLO").unwrap();
    assert_eq!(
        scene.environment().json(1, &format!("artifacts show {PREPARED} --check"))["intact"],
        false
    );
    let changed = scene.complaint(3, &format!("artifacts get {PREPARED} -o other"));
    assert!(changed.contains("was changed since its task made it"), "{changed}");
    assert!(!scene.environment().work().join("other").exists());
    fs::remove_file(uri).unwrap();
    let gone = scene.complaint(3, &format!("artifacts get {PREPARED} -o other"));
    assert!(gone.contains("is gone"), "{gone}");
    assert!(scene.text(&format!("artifacts show {PREPARED}")).contains("nothing is at"));
}

#[test]
fn the_cache_says_what_it_has_and_why_a_task_ran() {
    let Some(scene) = Scene::open("essential/lightweight_python_functions_pipeline.yaml") else {
        return;
    };
    let first = scene.run("-p message=hello --explain-cache").stdout;
    assert!(first.contains("preprocess: ran, because it never ran before"), "{first}");
    let second = scene.run("-p message=hello --explain-cache").stdout;
    assert!(second.contains("every task was taken from it"), "{second}");
    let other = scene.run("-p message=other --explain-cache").stdout;
    for part in [
        "preprocess: ran, because input parameter message is \"other\" (was \"hello\")",
        "train: ran, because input parameter message is \"other\" (was \"hello\"); input artifact dataset_one_path changed: ",
    ] {
        assert!(other.contains(part), "{part} in {other}");
    }
    let off = scene.run("-p message=hello --no-cache --explain-cache").stdout;
    assert!(off.contains("train: ran, because caching is off for this run"), "{off}");

    let states = |line: &str| list(&scene.json(line)["results"], |kept| word(&kept["state"]));
    assert_eq!(states("cache ls"), ["ready"; 6]);
    assert_eq!(states("cache ls --task train --check"), ["ready"; 3]);
    let model = word(&scene.json(&format!("artifacts show {MODEL}"))["uri"]);
    fs::write(&model, "x").unwrap();
    assert_eq!(states("cache ls --task train")[0], "changed");
    fs::remove_file(&model).unwrap();
    assert_eq!(states("cache ls --task train")[0], "gone");
    let gone = scene.run("-p message=hello --explain-cache").stdout;
    assert!(
        gone.contains(&format!("train: ran, because its output model is gone from {model}")),
        "{gone}"
    );
    assert!(!gone.contains("preprocess: ran"), "{gone}");

    let key = word(&scene.json("cache ls --task preprocess")["results"][0]["key"]);
    let dry = scene.json(&format!("cache rm {} --dry-run", &key[7..20]));
    assert_eq!((dry["results"].as_u64(), dry["dry_run"].as_bool()), (Some(2), Some(true)));
    assert_eq!(scene.json(&format!("cache rm {}", &key[7..20]))["results"], 2);
    assert_eq!(scene.json("cache rm --older-than 30d")["results"], 0);
    assert_eq!(scene.json("cache rm --pipeline other")["results"], 0);
    assert_eq!(scene.json("cache rm --all")["results"], 5);
    let never = scene.run("-p message=hello --explain-cache --cache-ttl 7d").stdout;
    assert!(never.contains("its results were removed"), "{never}");
}

#[test]
fn runs_are_compared() {
    let Some(scene) = Scene::open("essential/lightweight_python_functions_pipeline.yaml") else {
        return;
    };
    scene.run("-p message=hello --name one");
    scene.run("-p message=other --name two");
    let runs =
        list(&scene.json("artifacts ls --type Model")["artifacts"], |entry| word(&entry["run"]));
    let [second, first] = &runs[..] else { panic!("{runs:?}") };
    let compared = scene.json(&format!("runs compare {first} latest"));
    assert_eq!(list(&compared["runs"], |run| word(&run["id"])), [first.clone(), second.clone()]);
    assert_eq!(list(&compared["inputs"], |row| word(&row["name"])), ["message"]);
    assert_eq!(compared["inputs"][0]["values"], serde_json::json!(["\"hello\"", "\"other\""]));
    let mut artifacts = list(&compared["artifacts"], |row| word(&row["name"]));
    artifacts.sort();
    assert_eq!(
        artifacts,
        ["preprocess/output_dataset_one", "preprocess/output_dataset_two_path", "train/model"]
    );
    assert_eq!(compared["plan"], serde_json::json!([]));
    assert_eq!(list(&compared["tasks"], |row| word(&row["name"])), ["preprocess", "train"]);
    let text = scene.text(&format!("runs compare {first} {second}"));
    assert!(text.contains("Inputs that differ") && text.contains("two"), "{text}");
    let same = scene.text(&format!("runs compare {first} {first}"));
    assert!(same.contains("inputs, artifacts and plans are the same"), "{same}");
}

#[test]
fn what_loops_measured_is_shown_and_compared() {
    let Some(scene) = Scene::open("essential/pipeline_with_metrics_outputs.yaml") else { return };
    scene.run("--no-cache");
    let metrics = scene.json("artifacts ls --run latest --type Metrics");
    let mut tasks = list(&metrics["artifacts"], |entry| word(&entry["task"]));
    tasks.sort();
    assert_eq!(
        tasks,
        ["for-loop-2[0]/output-metrics-2", "for-loop-2[1]/output-metrics-2", "output-metrics"]
    );
    let name = "latest/for-loop-2[1]/output-metrics-2/metrics";
    let accuracy =
        scene.json(&format!("artifacts show {name}"))["metadata"]["accuracy"].as_f64().unwrap();
    let text = scene.text(&format!("artifacts show {name}"));
    let line = text.lines().find(|line| line.contains("accuracy")).unwrap();
    assert!(line.ends_with(&format!(" {accuracy}")), "{text}");

    // Taken from the cache, its numbers are those of this run as well.
    scene.run("");
    let first = word(&metrics["artifacts"][0]["run"]);
    let compared = scene.json(&format!("runs compare {first} latest"));
    assert_eq!(compared["metrics"].as_array().unwrap().len(), 3);
    assert_eq!(
        list(&compared["tasks"], |row| row["values"][1]["cached"].as_bool()),
        [Some(true); 3]
    );
    let near = scene.complaint(2, "artifacts show latest/output-metric/metrics");
    assert!(near.contains("did you mean `output-metrics`?"), "{near}");
    let known = scene.complaint(2, "artifacts show latest/output-metrics/model");
    assert!(known.contains("try: it has metrics"), "{known}");
}
