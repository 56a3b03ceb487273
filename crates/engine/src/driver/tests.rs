//! The driver with the twins: what is durable, what is repeated, and what is not.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lightship_base::ByteSize;
use lightship_ir::quantity::Cpu;
use serde_json::{Value, json};

use super::{DriveError, Driver, Point, Probe, Settings, Verdict, World, replay};
use crate::testing::{
    MemoryArtifacts, MemoryStore, ScriptedExecutor, Step, TokioClock, header, plan,
};
use crate::{
    Artifacts, AttemptId, CacheRules, Event, Executor, Failure, Header, Launch, Notice, Reason,
    RunState, Store, TaskState,
};

/// Runs something whose waits take no time.
fn run<F: Future>(future: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(future)
}

struct Scene {
    store: Arc<MemoryStore>,
    executor: Arc<ScriptedExecutor>,
    artifacts: Arc<MemoryArtifacts>,
    clock: Arc<TokioClock>,
}

impl Scene {
    fn new(script: impl Fn(&Launch) -> Step + Send + Sync + 'static) -> Self {
        Self {
            store: Arc::default(),
            executor: Arc::new(ScriptedExecutor::new(script)),
            artifacts: Arc::default(),
            clock: Arc::new(TokioClock::start()),
        }
    }

    fn driver(&self) -> Driver {
        self.driver_with(None, 8)
    }

    fn driver_with(&self, probe: Option<Arc<dyn Probe>>, attempts: u32) -> Driver {
        let world = World {
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            executor: Arc::clone(&self.executor) as Arc<dyn Executor>,
            artifacts: Arc::clone(&self.artifacts) as _,
            clock: Arc::clone(&self.clock) as _,
            probe,
        };
        let memory = ByteSize(1 << 30);
        let grace = Duration::from_secs(10);
        Driver::new(world, Settings { cpu: Cpu(2000), memory, attempts, grace })
    }

    async fn events(&self, run: &str) -> Vec<Event> {
        let known = replay(self.store.as_ref(), &run.parse().unwrap()).await.unwrap();
        known.notices.iter().map(|notice| notice.recorded.event.clone()).collect()
    }

    fn started(&self) -> Vec<String> {
        self.executor.started().into_iter().map(|(_, path)| path).collect()
    }
}

/// A pipeline of tasks that run `comp`, each with what it says besides.
fn pipeline(tasks: &[(&str, Value)]) -> Header {
    header("run-1", plan(document(tasks, &json!({"image": "busybox"}))))
}

fn document(tasks: &[(&str, Value)], container: &Value) -> Value {
    let task = |(name, more): &(&str, Value)| {
        let mut task = json!({"taskInfo": {"name": name}, "componentRef": {"name": "comp"}});
        for (key, value) in more.as_object().unwrap() {
            task[key] = value.clone();
        }
        ((*name).to_owned(), task)
    };
    let tasks: serde_json::Map<_, _> = tasks.iter().map(task).collect();
    let kind = json!({"schemaTitle": "system.Model", "schemaVersion": "0.0.1"});
    json!({
        "pipelineInfo": {"name": "p"},
        "root": {"dag": {"tasks": tasks}},
        "components": {"comp": {
            "executorLabel": "exec",
            "outputDefinitions": {"artifacts": {"model": {"artifactType": kind}}},
        }},
        "deploymentSpec": {"executors": {"exec": {"container": container}}},
    })
}

fn chain() -> Header {
    pipeline(&[
        ("a", json!({})),
        ("b", json!({"dependentTasks": ["a"]})),
        ("c", json!({"dependentTasks": ["b"]})),
    ])
}

#[test]
fn live_and_replayed_look_the_same() {
    run(async {
        let scene = Scene::new(|_| Step::After(Duration::from_secs(1)));
        let handle = scene.driver().submit(chain()).await.unwrap();
        let mut follower = handle.follow();
        let waiting = tokio::spawn(handle.wait());
        let mut live: Vec<Arc<Notice>> = Vec::new();
        while let Some(notice) = follower.next().await.unwrap() {
            live.push(notice);
        }
        assert_eq!(waiting.await.unwrap().unwrap(), RunState::Succeeded);
        let known = replay(scene.store.as_ref(), &"run-1".parse().unwrap()).await.unwrap();
        assert_eq!(live, known.notices);
        let names: Vec<&str> = live.iter().map(|notice| notice.recorded.event.name()).collect();
        let each = ["starting", "succeeded"];
        assert_eq!(names, [&["begun"][..], &each, &each, &each].concat());
        assert_eq!(scene.executor.remembered(), 0, "outcomes that are durable are not kept twice");
    });
}

/// Halts a driver when it comes to a point with the task `b`, once.
struct HaltAt(Point, Mutex<bool>);

impl Probe for HaltAt {
    fn reached(&self, point: Point, attempt: &AttemptId) -> Verdict {
        let mut done = self.1.lock().unwrap();
        let here = point == self.0 && attempt.node.number() == 2 && !*done;
        *done |= here;
        if here { Verdict::Halt } else { Verdict::GoOn }
    }
}

fn halted_and_resumed(point: Point, lost: bool) -> (Vec<String>, Vec<Event>) {
    run(async {
        let scene = Scene::new(|_| Step::After(Duration::from_secs(1)));
        let probe = Arc::new(HaltAt(point, Mutex::new(false)));
        let handle = scene.driver_with(Some(probe), 8).submit(chain()).await.unwrap();
        let error = handle.wait().await.unwrap_err();
        assert!(matches!(error, DriveError::Halted(at) if at == point), "{error}");
        if lost {
            scene.executor.lose_everything();
        }
        let handle = scene.driver().resume(&"run-1".parse().unwrap()).await.unwrap();
        assert_eq!(handle.wait().await.unwrap(), RunState::Succeeded, "{point}");
        (scene.started(), scene.events("run-1").await)
    })
}

#[test]
fn nothing_finished_is_repeated_wherever_it_dies() {
    for (point, name) in Point::ALL {
        for lost in [false, true] {
            let (started, events) = halted_and_resumed(point, lost);
            let succeeded = |event: &&Event| matches!(event, Event::Succeeded { .. });
            let reported: Vec<_> = events.iter().filter(succeeded).collect();
            assert_eq!(reported.len(), 3, "{name}: none is reported twice");
            let lost_attempts =
                events.iter().filter(|event| matches!(event, Event::Lost { .. })).count();
            // What was only intended is gone in any case; what ran is gone if its executor is. The end of a task and the
            // intent of the next one become durable together: before the intent it is `a` that can be lost, and after
            // the outcome `c` was intended and not started.
            let expected = match point {
                Point::AfterIntent | Point::AfterOutcome => 1,
                Point::BeforeIntent | Point::AfterStart | Point::BeforeOutcome => usize::from(lost),
            };
            assert_eq!(lost_attempts, expected, "{name}, lost {lost}");
            let starts = |task: &str| started.iter().filter(|path| *path == task).count();
            let (a, b) = match point {
                Point::BeforeIntent => (1 + expected, 1),
                Point::AfterIntent | Point::AfterOutcome => (1, 1),
                Point::AfterStart | Point::BeforeOutcome => (1, 1 + expected),
            };
            assert_eq!((starts("a"), starts("b"), starts("c")), (a, b, 1), "{name}, lost {lost}");
        }
    }
}

#[test]
fn who_does_not_listen_is_killed_after_a_while() {
    run(async {
        let exit = json!({
            "dependentTasks": ["exit-handler-1"],
            "triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"},
        });
        let script = |launch: &Launch| match launch.path.as_str() {
            "a" => Step::UntilAsked,
            "exit-handler-1" => Step::Hang,
            _ => Step::Succeed,
        };
        let scene = Scene::new(script);
        let tasks = [("a", json!({})), ("exit-handler-1", json!({})), ("x", exit)];
        let handle = scene.driver().submit(pipeline(&tasks)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        handle.cancel().await.unwrap();
        let again = handle.cancel().await.unwrap_err();
        assert_eq!(again.to_string(), "a run that is CANCELING cannot be cancelled");
        let before = tokio::time::Instant::now();
        assert_eq!(handle.wait().await.unwrap(), RunState::Canceled);
        assert_eq!(before.elapsed().as_secs(), 10);
        assert_eq!(scene.started().last().unwrap(), "x");
    });
}

#[test]
fn a_task_that_takes_too_long_fails() {
    run(async {
        let scene = Scene::new(|_| Step::Hang);
        let pipeline = document(&[("a", json!({}))], &json!({"image": "busybox"}));
        let platform = json!({"platforms": {"kubernetes": {"deploymentSpec": {"executors": {
            "exec": {"activeDeadlineSeconds": 30},
        }}}}});
        let package = lightship_ir::Package::of_values(vec![pipeline, platform]).unwrap();
        let header = header("run-1", lightship_ir::Plan::compile(&package).unwrap());
        let handle = scene.driver().submit(header).await.unwrap();
        assert_eq!(handle.wait().await.unwrap(), RunState::Failed);
        let known = replay(scene.store.as_ref(), &"run-1".parse().unwrap()).await.unwrap();
        let failure = known.state.failure(known.state.find("a").unwrap()).unwrap();
        assert_eq!(failure, &Failure::new(Reason::Deadline, "it took longer than 30 s"));
    });
}

#[test]
fn backoff_waits_and_survives_a_restart() {
    run(async {
        let fails = |launch: &Launch| match launch.id.attempt.get() {
            1 | 2 => Step::Fail(Failure::new(Reason::Exit(1), "it ended with status 1")),
            _ => Step::Succeed,
        };
        let scene = Scene::new(fails);
        let retry = json!({"maxRetryCount": 2, "backoffDuration": "100s"});
        let driver = scene.driver();
        let tasks = [("a", json!({"retryPolicy": retry}))];
        let handle = driver.submit(pipeline(&tasks)).await.unwrap();
        let before = tokio::time::Instant::now();
        tokio::time::sleep(Duration::from_secs(150)).await;
        handle.abandon();
        let second = scene.driver().resume(&"run-1".parse().unwrap()).await.unwrap();
        assert_eq!(second.wait().await.unwrap(), RunState::Succeeded);
        assert_eq!(before.elapsed().as_secs(), 300);
    });
}

#[test]
fn of_two_drivers_one_stops_before_it_acts() {
    run(async {
        let scene = Scene::new(|_| Step::After(Duration::from_secs(5)));
        let first = scene.driver().submit(chain()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let second = scene.driver().resume(&"run-1".parse().unwrap()).await.unwrap();
        let ends = [first.wait().await, second.wait().await];
        let well = ends.iter().filter(|end| matches!(end, Ok(RunState::Succeeded))).count();
        let refused = ends.iter().filter(|end| matches!(end, Err(DriveError::Store(_)))).count();
        assert_eq!((well, refused), (1, 1));
        assert_eq!(scene.started(), ["a", "b", "c"]);
    });
}

#[test]
fn requests_bound_what_runs_at_the_same_time() {
    let most = |container: Value, attempts: u32, max_parallel: Option<u32>| {
        run(async {
            let scene = Scene::new(|_| Step::After(Duration::from_secs(1)));
            let names: Vec<String> = (0..8).map(|at| format!("t{at}")).collect();
            let tasks: Vec<_> = names.iter().map(|name| (name.as_str(), json!({}))).collect();
            let mut header = header("run-1", plan(document(&tasks, &container)));
            header.options.max_parallel = max_parallel;
            let handle = scene.driver_with(None, attempts).submit(header).await.unwrap();
            assert_eq!(handle.wait().await.unwrap(), RunState::Succeeded);
            let (mut open, mut most) = (BTreeSet::new(), 0);
            for event in scene.events("run-1").await {
                match event {
                    Event::Starting { node, .. } => drop(open.insert(node)),
                    Event::Succeeded { node, .. } => drop(open.remove(&node)),
                    _ => {}
                }
                most = most.max(open.len());
            }
            most
        })
    };
    let asking = |cpu: &str, memory: &str| {
        json!({"image": "busybox", "resources": {
            "resourceCpuRequest": cpu, "resourceMemoryLimit": memory,
        }})
    };
    assert_eq!(most(json!({"image": "busybox"}), 3, None), 3);
    assert_eq!(most(json!({"image": "busybox"}), 8, Some(2)), 2);
    assert_eq!(most(asking("500m", "1Mi"), 8, None), 4);
    assert_eq!(most(asking("100m", "512Mi"), 8, None), 2);
    assert_eq!(most(asking("64", "1Ti"), 8, None), 1, "too much is all there is");
}

#[test]
fn results_are_found_again_as_long_as_they_are_there() {
    run(async {
        let scene = Scene::new(|_| Step::Succeed);
        let cached = json!({"cachingOptions": {"enableCache": true}});
        let tasks = [("a", cached)];
        let uri = "mem://p/run-1/a/1-1/model";
        scene.artifacts.put(uri, "weights");
        let driver = scene.driver();
        let submit = |id: &str, rules: CacheRules, container: Value| {
            let mut header = header(id, plan(document(&tasks, &container)));
            header.options.cache = rules;
            driver.submit(header)
        };
        let names = |events: Vec<Event>| -> Vec<&str> { events.iter().map(Event::name).collect() };
        let on = CacheRules::default;
        let image = json!({"image": "busybox"});

        submit("run-1", on(), image.clone()).await.unwrap().wait().await.unwrap();
        submit("run-2", on(), image.clone()).await.unwrap().wait().await.unwrap();
        assert_eq!(names(scene.events("run-2").await), ["begun", "cached"]);
        submit("run-3", CacheRules::Off, image.clone()).await.unwrap().wait().await.unwrap();
        assert_eq!(names(scene.events("run-3").await), ["begun", "starting", "succeeded"]);

        // Other code is told apart, and what is different is told.
        let other = json!({"image": "busybox", "args": ["more"]});
        submit("run-4", on(), other).await.unwrap().wait().await.unwrap();
        let events = scene.events("run-4").await;
        let Event::Starting { lookup: Some(lookup), .. } = &events[1] else { panic!("{events:?}") };
        assert_eq!(lookup.changed, ["arguments"]);

        // Too old, and gone.
        tokio::time::sleep(Duration::from_secs(100)).await;
        let young = CacheRules::On { max_age: Some(Duration::from_mins(1)) };
        submit("run-5", young, image.clone()).await.unwrap().wait().await.unwrap();
        assert_eq!(scene.events("run-5").await.len(), 3);
        for uri in
            ["mem://p/run-1/a/1-1/model", "mem://p/run-3/a/1-1/model", "mem://p/run-5/a/1-1/model"]
        {
            scene.artifacts.put(uri, "others");
        }
        submit("run-6", on(), image.clone()).await.unwrap().wait().await.unwrap();
        assert_eq!(names(scene.events("run-6").await), ["begun", "cached"], "run 5 left nothing");
    });
}

#[test]
fn one_task_runs_again_with_other_code() {
    run(async {
        let scene = Scene::new(|launch| match launch.plan.executors.iter().next() {
            Some((_, executor)) if executor.name == "exec" && launch.path == "b" => {
                match &launch.plan.display_name {
                    Some(_) => Step::Succeed,
                    None => Step::Fail(Failure::new(Reason::Exit(1), "no")),
                }
            }
            _ => Step::Succeed,
        });
        let driver = scene.driver();
        let ended = driver.submit(chain()).await.unwrap().wait().await.unwrap();
        assert_eq!(ended, RunState::Failed);
        let id = "run-1".parse().unwrap();
        let known = replay(scene.store.as_ref(), &id).await.unwrap();
        let node = known.state.find("b").unwrap();
        let mut mended = known.header.plan.as_ref().clone();
        mended.display_name = Some("mended".to_owned());
        let handle = driver.rerun(&id, node, Some(mended)).await.unwrap();
        assert_eq!(handle.wait().await.unwrap(), RunState::Succeeded);
        assert_eq!(scene.started(), ["a", "b", "b", "c"]);
        let known = replay(scene.store.as_ref(), &id).await.unwrap();
        let states: BTreeMap<String, Option<TaskState>> = known
            .state
            .nodes()
            .map(|node| (known.state.path(node), known.state.task_state(node)))
            .collect();
        assert!(states.values().all(|state| *state == Some(TaskState::Succeeded)), "{states:?}");
        let error = driver.retry(&id).await.map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "a run that is SUCCEEDED cannot be retried");
    });
}

#[test]
fn a_pause_starts_nothing_more() {
    run(async {
        let scene = Scene::new(|_| Step::After(Duration::from_secs(10)));
        let handle = scene.driver().submit(chain()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        handle.pause().await.unwrap();
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(scene.started(), ["a"]);
        handle.unpause().await.unwrap();
        assert_eq!(handle.wait().await.unwrap(), RunState::Succeeded);
    });
}

/// A graph that runs again has new places on the same path, and their attempts count from 1 again.
#[test]
fn no_attempt_of_a_rerun_meets_the_folders_of_another() {
    run(async {
        let scene = Scene::new(|_| Step::Succeed);
        let mut document = document(
            &[
                ("a", json!({})),
                ("inner", json!({"dependentTasks": ["a"], "componentRef": {"name": "graph"}})),
            ],
            &json!({"image": "busybox"}),
        );
        document["components"]["graph"] =
            json!({"dag": {"tasks": {"b": {"componentRef": {"name": "comp"}}}}});
        let driver = scene.driver();
        let handle = driver.submit(header("run-1", plan(document))).await.unwrap();
        assert_eq!(handle.wait().await.unwrap(), RunState::Succeeded);
        let id = "run-1".parse().unwrap();
        let known = replay(scene.store.as_ref(), &id).await.unwrap();
        let a = known.state.find("a").unwrap();
        driver.rerun(&id, a, None).await.unwrap().wait().await.unwrap();
        assert_eq!(scene.started(), ["a", "inner/b", "a", "inner/b"]);
        let started = scene.executor.started();
        let root = |(id, path): &(AttemptId, String)| scene.artifacts.root("p", path, id);
        let roots: BTreeSet<String> = started.iter().map(root).collect();
        assert_eq!(roots.len(), started.len(), "{roots:?}");
    });
}

/// A result is its outputs. What comes with them in the run's own folder would be missing.
#[test]
fn nothing_is_taken_from_the_cache_where_tasks_share_a_workspace() {
    run(async {
        let scene = Scene::new(|_| Step::Succeed);
        let cached = json!({"cachingOptions": {"enableCache": true, "cacheKey": "v1"}});
        let pipeline = document(&[("a", cached)], &json!({"image": "busybox"}));
        let config = json!({"pipelineConfig": {"workspace": {"size": "1Gi"}}});
        let platform = json!({"platforms": {"kubernetes": config}});
        let package = lightship_ir::Package::of_values(vec![pipeline, platform]).unwrap();
        let plan = lightship_ir::Plan::compile(&package).unwrap();
        assert!(plan.config.workspace.is_some());
        for id in ["run-1", "run-2"] {
            let handle = scene.driver().submit(header(id, plan.clone())).await.unwrap();
            assert_eq!(handle.wait().await.unwrap(), RunState::Succeeded);
        }
        assert_eq!(scene.started(), ["a", "a"]);
        assert!(scene.store.cache(None).await.unwrap().is_empty());
    });
}

#[test]
fn an_attempt_that_is_lost_while_the_run_goes_on_has_failed() {
    run(async {
        let scene = Scene::new(|_| Step::UntilAsked);
        let retry = json!({"retryPolicy": {"maxRetryCount": 1}});
        let handle = scene.driver().submit(pipeline(&[("a", retry)])).await.unwrap();
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            scene.executor.lose_everything();
        }
        assert_eq!(handle.wait().await.unwrap(), RunState::Failed);
        assert_eq!(scene.started(), ["a", "a"], "each counts like one that failed");
        let known = replay(scene.store.as_ref(), &"run-1".parse().unwrap()).await.unwrap();
        let failure = known.state.failure(known.state.find("a").unwrap()).unwrap();
        assert_eq!(failure.reason, Reason::Executor);
    });
}

#[test]
fn a_run_that_has_ended_says_so_to_who_cancels_it() {
    run(async {
        let scene = Scene::new(|_| Step::Succeed);
        let handle = scene.driver().submit(chain()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let error = handle.cancel().await.unwrap_err();
        assert_eq!(error.to_string(), "a run that is SUCCEEDED cannot be cancelled");
        assert_eq!(handle.wait().await.unwrap(), RunState::Succeeded);
    });
}

#[test]
fn a_changed_plan_brings_its_own_deadline() {
    run(async {
        let scene = Scene::new(|launch| match launch.id.attempt.get() {
            1 => Step::Succeed,
            _ => Step::UntilAsked,
        });
        let handle = scene.driver().submit(chain()).await.unwrap();
        handle.wait().await.unwrap();
        let id = "run-1".parse().unwrap();
        let known = replay(scene.store.as_ref(), &id).await.unwrap();
        let mut changed = known.header.plan.as_ref().clone();
        changed.config.deadline = Some(Duration::from_mins(1));
        let node = known.state.find("c").unwrap();
        let before = tokio::time::Instant::now();
        let handle = scene.driver().rerun(&id, node, Some(changed)).await.unwrap();
        assert_eq!(handle.wait().await.unwrap(), RunState::Failed);
        assert_eq!(before.elapsed().as_secs(), 60);
    });
}
