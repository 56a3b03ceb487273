//! What runs left behind: where it comes from, what became of it, and results that later runs may take.

use lightship_base::{Digest, Timestamp};
use lightship_engine::testing::{Step, header, plan};
use lightship_engine::{CacheRules, RunState, Store};
use lightship_store::{ArtifactPoint, ArtifactQuery, Direction, Relation, ResultQuery, paths};
use serde_json::{Value, json};

use crate::{Scene, block_on};

/// `prep` makes data, two rounds of `train` make models of it, `serve` takes what an importer found at the first model.
fn pipeline() -> Value {
    let of = |kind: &str| json!({"artifactType": {"schemaTitle": kind, "schemaVersion": "0.0.1"}});
    let metrics = json!({
        "artifactType": {"schemaTitle": "system.Metrics", "schemaVersion": "0.0.1"},
        "metadata": {"accuracy": 0.9},
    });
    let task = |name: &str, more: Value| {
        let mut task = json!({
            "taskInfo": {"name": name}, "componentRef": {"name": format!("comp-{name}")},
            "cachingOptions": {"enableCache": true},
        });
        for (key, value) in more.as_object().unwrap() {
            task[key] = value.clone();
        }
        task
    };
    let from = |task: &str, output: &str| json!({"taskOutputArtifact": {"producerTask": task, "outputArtifactKey": output}});
    json!({
        "pipelineInfo": {"name": "churn"},
        "root": {"dag": {"tasks": {
            "prep": task("prep", json!({})),
            "train": task("train", json!({
                "dependentTasks": ["prep"],
                "parameterIterator": {"items": {"raw": "[1, 2]"}, "itemInput": "rounds"},
                "inputs": {"artifacts": {"data": from("prep", "data")}},
            })),
            "serve": task("serve", json!({
                "dependentTasks": ["prep"],
                "inputs": {"artifacts": {"data": from("prep", "data")}},
            })),
        }}},
        "components": {
            "comp-prep": {"executorLabel": "exec", "outputDefinitions": {"artifacts": {
                "data": of("system.Dataset"), "numbers": metrics,
            }}},
            "comp-train": {"executorLabel": "exec",
                "inputDefinitions": {"artifacts": {"data": of("system.Dataset")},
                    "parameters": {"rounds": {"parameterType": "NUMBER_INTEGER"}}},
                "outputDefinitions": {"artifacts": {"model": of("system.Model")}}},
            "comp-serve": {"executorLabel": "exec",
                "inputDefinitions": {"artifacts": {"data": of("system.Dataset")}}},
        },
        "deploymentSpec": {"executors": {"exec": {"container": {"image": "busybox"}}}},
    })
}

/// Two runs of it, of which the second takes everything from the cache; then one that takes nothing.
fn scene(folder: &std::path::Path) -> Scene {
    let scene = Scene::new(folder, |_| Step::Succeed);
    for run in ["run-1", "run-3"] {
        scene.artifacts.put(format!("mem://churn/{run}/prep/1-1/data"), "1,2,3");
        for round in 0..2 {
            let uri = format!("mem://churn/{run}/train[{round}]/{}-1/model", 4 + round);
            scene.artifacts.put(uri, format!("weights {run} {round}"));
        }
    }
    block_on(async {
        for id in ["run-1", "run-2", "run-3"] {
            let mut header = header(id, plan(pipeline()));
            if id == "run-3" {
                header.options.cache = CacheRules::Off;
            }
            let handle = scene.driver().submit(header).await.unwrap();
            assert_eq!(handle.wait().await.unwrap(), RunState::Succeeded);
        }
    });
    scene
}

const DATA: &str = "mem://churn/run-1/prep/1-1/data";
const MODEL: &str = "mem://churn/run-1/train[0]/4-1/model";

/// A line for each artifact and step.
fn told(point: &ArtifactPoint, indent: usize, out: &mut String) {
    let marks = [(point.repeated, " (again)"), (point.cut, " (cut)")];
    let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
    out.push_str(&format!("{:indent$}{}{marks}\n", "", point.uri));
    for step in &point.steps {
        let line = match &step.relation {
            Relation::MadeBy { run, path, output, .. } => {
                format!("made by {run}/{path} as {output}")
            }
            Relation::UsedBy { run, path, input, state, cached_from, .. } => {
                let from =
                    cached_from.as_ref().map(|run| format!(" from {run}")).unwrap_or_default();
                format!("used by {run}/{path} as {input}: {state}{from}")
            }
            Relation::SameContent => "same content".to_owned(),
        };
        out.push_str(&format!("{:indent$}  {line}\n", ""));
        for (name, inner) in &step.artifacts {
            out.push_str(&format!("{:indent$}    {name}:\n", ""));
            told(inner, indent + 6, out);
        }
    }
}

#[test]
fn artifacts_are_followed_both_ways_through_cached_tasks_and_across_runs() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene(folder.path());
    block_on(async {
        let follow = async |uri: &str, direction, depth| {
            let mut text = String::new();
            told(&scene.store.lineage(uri, direction, depth).await.unwrap(), 0, &mut text);
            text
        };
        let up = follow("mem://churn/run-3/train[1]/5-1/model", Direction::Up, None).await;
        assert_eq!(
            up,
            "mem://churn/run-3/train[1]/5-1/model
  made by run-3/train[1] as model
    data:
      mem://churn/run-3/prep/1-1/data
        made by run-3/prep as data
        same content
          data:
            mem://churn/run-1/prep/1-1/data
              made by run-1/prep as data
"
        );
        let down = follow(DATA, Direction::Down, None).await;
        for line in [
            "  used by run-1/serve as data: SUCCEEDED\n",
            "  used by run-1/train[0] as data: SUCCEEDED\n    model:\n      mem://churn/run-1/train[0]/4-1/model\n",
            "  used by run-2/train[0] as data: SUCCEEDED from run-1\n    model:\n      mem://churn/run-1/train[0]/4-1/model (again)\n",
            "  same content\n    data:\n      mem://churn/run-3/prep/1-1/data\n        used by run-3/serve as data",
        ] {
            assert!(down.contains(line), "{line}\nin\n{down}");
        }
        let cut = follow(MODEL, Direction::Up, Some(1)).await;
        assert!(cut.ends_with("mem://churn/run-1/prep/1-1/data (cut)\n"), "{cut}");
        let nothing = follow("mem://nowhere", Direction::Up, None).await;
        assert_eq!(nothing, "mem://nowhere\n");
    });
}

#[test]
fn artifacts_are_found_by_type_pipeline_text_and_digest() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene(folder.path());
    block_on(async {
        let find = async |query: ArtifactQuery| -> Vec<String> {
            let found = scene.store.find_artifacts(&query).await.unwrap();
            found
                .into_iter()
                .map(|row| format!("{}/{}/{}", row.run, row.path, row.output))
                .collect()
        };
        let all = || ArtifactQuery::default();
        assert_eq!(find(all()).await.len(), 8);
        let newest = find(ArtifactQuery { limit: Some(1), ..all() }).await;
        assert!(newest[0].starts_with("run-3/train["), "{newest:?}");
        let models = ["run-1/train[0]/model", "run-1/train[1]/model"];
        for kind in ["system.Model", "model", "Model"] {
            let run = Some("run-1".parse().unwrap());
            let mut found = find(ArtifactQuery { kind: Some(kind.into()), run, ..all() }).await;
            found.sort();
            assert_eq!(found, models);
        }
        assert!(find(ArtifactQuery { pipeline: Some("other".into()), ..all() }).await.is_empty());
        assert_eq!(find(ArtifactQuery { text: Some("prep".into()), ..all() }).await.len(), 4);

        let digest = Digest::of(b"1,2,3").hex();
        let like = async |digits: &str| scene.store.with_digest_like(digits, 10).await.unwrap();
        let found = like(&digest[..8]).await;
        let runs: Vec<&str> = found.iter().map(|row| row.run.as_str()).collect();
        assert_eq!(runs, ["run-3", "run-1"]);
        assert_eq!(like(&digest).await.len(), 2);
        assert!(like("0000000000").await.is_empty());
    });
}

#[test]
fn what_was_taken_and_measured_counts_for_the_run_that_took_it() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene(folder.path());
    block_on(async {
        let id = "run-2".parse().unwrap();
        let places = paths(&scene.store.tasks(&id).await.unwrap());
        let taken = scene.store.taken(&id).await.unwrap();
        let taken: Vec<&str> = taken.iter().map(|taken| places[&taken.node].as_str()).collect();
        assert_eq!(taken.len(), 4, "{taken:?}");
        assert!(taken.contains(&"train[1]") && taken.contains(&"prep"), "{taken:?}");
        assert!(scene.store.taken(&"run-1".parse().unwrap()).await.unwrap().is_empty());
        let [metric] = &scene.store.metrics(&id).await.unwrap()[..] else { panic!("one") };
        assert_eq!((metric.path.as_str(), metric.name.as_str()), ("prep", "accuracy"));
        assert!(scene.store.artifacts(Some(&id), None).await.unwrap().is_empty());
    });
}

#[test]
fn results_are_found_and_forgotten_by_key_pipeline_task_and_age() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene(folder.path());
    block_on(async {
        let all = ResultQuery::default;
        let count = async |query: ResultQuery| scene.store.results(&query).await.unwrap().len();
        assert_eq!(count(all()).await, 8);
        assert_eq!(count(ResultQuery { task: Some("train".into()), ..all() }).await, 4);
        assert_eq!(count(ResultQuery { task: Some("comp-train".into()), ..all() }).await, 4);
        assert_eq!(count(ResultQuery { limit: Some(3), ..all() }).await, 3);
        let run = Some("run-3".parse().unwrap());
        assert_eq!(count(ResultQuery { not_of: run, ..all() }).await, 4);
        assert_eq!(count(ResultQuery { before: Some(Timestamp::UNIX_EPOCH), ..all() }).await, 0);
        assert_eq!(count(ResultQuery { pipeline: Some("other".into()), ..all() }).await, 0);

        let entries = scene.store.results(&all()).await.unwrap();
        let prep = entries.iter().find(|entry| entry.task == "comp-prep").unwrap();
        let keys = vec![prep.key.0.hex()[..12].to_owned(), "0000000000".to_owned()];
        let query = ResultQuery { keys, ..all() };
        assert_eq!(count(query.clone()).await, 2, "the same key, made twice");
        assert_eq!(scene.store.forget(&query).await.unwrap(), 2);
        assert_eq!(scene.store.forget(&query).await.unwrap(), 0);
        assert_eq!(scene.store.forget(&all()).await.unwrap(), 6);
        assert!(scene.store.cache(None).await.unwrap().is_empty());
    });
}
