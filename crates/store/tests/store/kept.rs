//! What is kept and found again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lightship_base::Timestamp;
use lightship_engine::driver::replay;
use lightship_engine::testing::{Step, header, loops, plan};
use lightship_engine::{
    Batch, CacheRules, Failure, Order, Reason, RunQuery, RunState, Sort, Store, StoreFault,
    TaskState,
};
use lightship_store::SqliteStore;
use serde_json::{Value, json};

use crate::{Scene, block_on};

/// `train` makes a model and metrics; `serve` reads the model.
fn pipeline() -> Value {
    let artifact =
        |kind: &str| json!({"artifactType": {"schemaTitle": kind, "schemaVersion": "0.0.1"}});
    let accuracy = json!({
        "artifactType": {"schemaTitle": "system.Metrics", "schemaVersion": "0.0.1"},
        "metadata": {"accuracy": 0.9, "note": "good"},
    });
    json!({
        "pipelineInfo": {"name": "churn"},
        "root": {"dag": {"tasks": {
            "train": {
                "taskInfo": {"name": "train"},
                "componentRef": {"name": "comp-train"},
                "cachingOptions": {"enableCache": true},
            },
            "serve": {
                "taskInfo": {"name": "serve"},
                "componentRef": {"name": "comp-serve"},
                "dependentTasks": ["train"],
                "inputs": {"artifacts": {"model": {
                    "taskOutputArtifact": {"producerTask": "train", "outputArtifactKey": "model"},
                }}},
            },
        }}},
        "components": {
            "comp-train": {
                "executorLabel": "exec",
                "outputDefinitions": {"artifacts": {
                    "model": artifact("system.Model"), "metrics": accuracy,
                }},
            },
            "comp-serve": {
                "executorLabel": "exec",
                "inputDefinitions": {"artifacts": {"model": artifact("system.Model")}},
            },
        },
        "deploymentSpec": {"executors": {"exec": {"container": {"image": "busybox"}}}},
    })
}

#[test]
fn artifacts_know_who_made_and_who_used_them() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path(), |_| Step::Succeed);
    let uri = "mem://churn/run-1/train/1-1/model";
    scene.artifacts.put(uri, "weights");
    let driver = scene.driver();
    block_on(async {
        for id in ["run-1", "run-2"] {
            let handle = driver.submit(header(id, plan(pipeline()))).await.unwrap();
            assert_eq!(handle.wait().await.unwrap(), RunState::Succeeded);
        }
        let made = scene.store.producers(uri).await.unwrap();
        let [made] = &made[..] else { panic!("{made:?}") };
        assert_eq!(
            (made.run.as_str(), made.task.as_str(), made.output.as_str()),
            ("run-1", "train", "model")
        );
        let content = made.content.unwrap();
        assert_eq!(content.size.0, 7);
        assert_eq!(scene.store.with_content(content.digest).await.unwrap().len(), 1);

        let users = scene.store.consumers(uri).await.unwrap();
        let users: Vec<_> =
            users.iter().map(|user| (user.run.as_str(), user.task.as_str())).collect();
        assert_eq!(
            users,
            [("run-1", "serve"), ("run-2", "serve")],
            "the second run took it from the cache"
        );

        let first = "run-1".parse().unwrap();
        let metrics = scene.store.metrics(&first).await.unwrap();
        let [metric] = &metrics[..] else { panic!("{metrics:?}") };
        assert_eq!((metric.task.as_str(), metric.name.as_str()), ("train", "accuracy"));
        let second = scene.store.metrics(&"run-2".parse().unwrap()).await.unwrap();
        assert_eq!(second, metrics, "what a result of the cache measured counts as well");

        let tasks = scene.store.tasks(&"run-2".parse().unwrap()).await.unwrap();
        let train = tasks.iter().find(|task| task.name == "train").unwrap();
        assert_eq!((train.state, train.attempts), (TaskState::Succeeded, 0));
        assert_eq!(train.cached_from.as_ref(), Some(&first));
    });
}

#[test]
fn tables_say_what_events_say() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |launch: &lightship_engine::Launch| {
        if launch.path.ends_with("[3]/work") {
            Step::Fail(Failure::new(Reason::Exit(3), "it ended with status 3"))
        } else {
            Step::Succeed
        }
    };
    let scene = Scene::new(folder.path(), fails);
    block_on(async {
        let header = header("run-1", loops(&[4, 5]));
        let id = header.id.clone();
        let driver = scene.driver();
        assert_eq!(driver.submit(header).await.unwrap().wait().await.unwrap(), RunState::Failed);
        for again in [false, true] {
            if again {
                driver.retry(&id).await.unwrap().wait().await.unwrap();
                let root = lightship_engine::NodeId::ROOT;
                driver.rerun(&id, root, None).await.unwrap().wait().await.unwrap();
            }
            let known = replay(scene.store.as_ref(), &id).await.unwrap();
            let tasks = scene.store.tasks(&id).await.unwrap();
            assert_eq!(tasks.len(), known.state.nodes().count());
            for task in tasks {
                assert_eq!(Some(task.state), known.state.task_state(task.node), "{}", task.node);
                assert_eq!(task.parent, known.state.parent(task.node));
                assert_eq!(task.round, known.state.round(task.node));
                assert_eq!(task.attempts, known.state.attempts(task.node));
                let failure = known.state.failure(task.node).map(ToString::to_string);
                assert_eq!(task.failure, failure);
                assert_eq!(task.ended.is_some(), task.state.is_final());
            }
        }
    });
}

/// A place that runs again keeps its number. What it read and gave before goes.
#[test]
fn what_ran_again_reads_and_gives_what_it_does_now() {
    let folder = tempfile::tempdir().unwrap();
    let fail = Arc::new(AtomicBool::new(false));
    let script = {
        let fail = Arc::clone(&fail);
        move |launch: &lightship_engine::Launch| {
            if fail.load(Ordering::Relaxed) && launch.path == "train" {
                Step::Fail(Failure::new(Reason::Exit(1), "it ended with status 1"))
            } else {
                Step::Succeed
            }
        }
    };
    let scene = Scene::new(folder.path(), script);
    block_on(async {
        let mut header = header("run-1", plan(pipeline()));
        header.options.cache = CacheRules::Off;
        let (id, store) = (header.id.clone(), &scene.store);
        let driver = scene.driver();
        driver.submit(header).await.unwrap().wait().await.unwrap();
        let uri = |attempt: u32| format!("mem://churn/run-1/train/1-{attempt}/model");
        assert_eq!(store.artifacts(Some(&id), None).await.unwrap().len(), 2);
        assert_eq!(store.consumers(&uri(1)).await.unwrap().len(), 1);

        fail.store(true, Ordering::Relaxed);
        let known = replay(store.as_ref(), &id).await.unwrap();
        let train = known.state.find("train").unwrap();
        let again = driver.rerun(&id, train, None).await.unwrap();
        assert_eq!(again.wait().await.unwrap(), RunState::Failed);
        assert!(store.artifacts(Some(&id), None).await.unwrap().is_empty(), "it gave nothing now");
        assert!(store.metrics(&id).await.unwrap().is_empty());
        assert!(store.consumers(&uri(1)).await.unwrap().is_empty(), "nothing reads it any more");

        fail.store(false, Ordering::Relaxed);
        driver.retry(&id).await.unwrap().wait().await.unwrap();
        let all = store.artifacts(Some(&id), Some("system.Model")).await.unwrap();
        assert_eq!(all.iter().map(|row| row.uri.clone()).collect::<Vec<_>>(), [uri(3)]);
        assert_eq!(store.consumers(&uri(3)).await.unwrap().len(), 1);
    });
}

#[test]
fn failures_name_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("runs.db")).unwrap();
    block_on(async {
        let header = header("churn-1", loops(&[1]));
        let batch = Batch { run: header.id.clone(), records: Vec::new() };
        let error = store.append(batch).await.unwrap_err().to_string();
        assert!(error.starts_with("cannot append events of run churn-1 in "), "{error}");
        store.create(&header, &[]).await.unwrap();
        let error = store.create(&header, &[]).await.unwrap_err().to_string();
        assert!(error.starts_with("cannot create run churn-1 in "), "{error}");
    });
}

#[test]
fn runs_are_listed_by_page_experiment_state_and_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("runs.db")).unwrap();
    block_on(async {
        for at in 0..30 {
            let mut header = header(&format!("run-{at:02}"), loops(&[1]));
            header.name = format!("name {}", 30 - at);
            header.experiment = if at % 2 == 0 { "even" } else { "odd" }.to_owned();
            header.created = Timestamp::from_second(at).unwrap();
            store.create(&header, &[]).await.unwrap();
            let again = store.create(&header, &[]).await.unwrap_err();
            assert!(matches!(again.fault, StoreFault::Exists));
        }
        let all = store.runs(&RunQuery::default()).await.unwrap();
        assert_eq!((all.total, all.items.len(), all.items[0].id.as_str()), (30, 20, "run-00"));
        let query = RunQuery {
            experiment: Some("odd".to_owned()),
            states: vec![RunState::Pending, RunState::Running],
            name_contains: Some("name 1".to_owned()),
            sort: Sort { by: Order::Name, descending: true },
            limit: Some(2),
            offset: 1,
        };
        let page = store.runs(&query).await.unwrap();
        let names: Vec<&str> = page.items.iter().map(|run| run.name.as_str()).collect();
        assert_eq!((page.total, &names[..]), (6, &["name 17", "name 15"][..]));
        assert!(store.remove(&"run-07".parse().unwrap()).await.unwrap());
        assert!(!store.remove(&"run-07".parse().unwrap()).await.unwrap());
        assert_eq!(store.runs(&RunQuery::default()).await.unwrap().total, 29);
    });
}

#[test]
fn results_are_kept_until_they_are_removed_or_expire() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path(), |_| Step::Succeed);
    block_on(async {
        let mut header = header("run-1", plan(pipeline()));
        header.options.cache = CacheRules::Off;
        scene.driver().submit(header).await.unwrap().wait().await.unwrap();
        let store = Arc::clone(&scene.store);
        let kept = store.cache(Some("churn")).await.unwrap();
        assert_eq!(kept.len(), 1, "only tasks that may be cached are");
        assert!(store.cache(Some("other")).await.unwrap().is_empty());
        let entry = &kept[0];
        let found = store.cached(entry.key, Timestamp::MIN).await.unwrap();
        assert_eq!(found.as_ref(), Some(entry));
        assert!(store.cached(entry.key, Timestamp::MAX).await.unwrap().is_none());
        assert_eq!(store.latest("churn", "comp-train").await.unwrap().as_ref(), Some(entry));
        assert_eq!(store.expire(entry.created).await.unwrap(), 0);
        assert_eq!(store.expire(Timestamp::MAX).await.unwrap(), 1);
        assert!(!store.uncache(entry.key).await.unwrap());
    });
}
