//! What cannot happen, and small things by hand.

use serde_json::{Value, json};

use super::sim::{Sim, exit_one, header, plan_of, well};
use crate::machine::Illegal;
use crate::{AttemptNumber, Event, Failure, NodeId, Reason, RunState, TaskState};
use lightship_ir::Package;

/// A pipeline of tasks that run `comp`; each with what it says besides.
pub(super) fn pipeline(tasks: &[(&str, Value)]) -> Package {
    pipeline_of("busybox", tasks)
}

fn pipeline_of(image: &str, tasks: &[(&str, Value)]) -> Package {
    let task = |(name, more): &(&str, Value)| {
        let mut task = json!({"taskInfo": {"name": name}, "componentRef": {"name": "comp"}});
        for (key, value) in more.as_object().unwrap() {
            task[key] = value.clone();
        }
        ((*name).to_owned(), task)
    };
    let tasks: serde_json::Map<_, _> = tasks.iter().map(task).collect();
    Package::of_values(vec![json!({
        "pipelineInfo": {"name": "p"},
        "root": {"dag": {"tasks": tasks}},
        "components": {"comp": {"executorLabel": "exec"}},
        "deploymentSpec": {"executors": {"exec": {"container": {"image": image}}}},
    })])
    .unwrap()
}

fn sim(tasks: &[(&str, Value)]) -> Sim {
    let mut sim = Sim::new(header(plan_of(&pipeline(tasks)), &[]));
    sim.feed(Event::Begun).unwrap();
    sim
}

const FIRST: AttemptNumber = AttemptNumber::FIRST;

#[test]
fn illegal_events_change_nothing() {
    let mut sim = sim(&[("a", json!({})), ("b", json!({"dependentTasks": ["a"]}))]);
    let (a, b) = (sim.state.find("a").unwrap(), sim.state.find("b").unwrap());
    let failure = Failure::new(Reason::Exit(1), "no");
    let second = AttemptNumber::of_number(2).unwrap();
    let illegal = [
        Event::Begun,
        Event::Starting { node: b, attempt: FIRST, lookup: None },
        Event::Starting { node: a, attempt: second, lookup: None },
        Event::Failed { node: a, attempt: FIRST, failure },
        Event::Lost { node: NodeId::of_number(99), attempt: FIRST },
        Event::Waited { node: a },
        Event::ResumeRequested,
        Event::RetryRequested,
        Event::RerunRequested { node: a, plan: None },
    ];
    let before = format!("{:?}", sim.state);
    for event in illegal {
        let error = sim.feed(event.clone()).unwrap_err();
        assert!(!error.to_string().is_empty());
        assert_eq!(format!("{:?}", sim.state), before, "{event:?}");
    }
}

#[test]
fn terminate_is_for_runs_that_go_on() {
    let mut sim = sim(&[("a", json!({}))]);
    sim.feed(Event::PauseRequested).unwrap();
    let a = sim.state.find("a").unwrap();
    let start = Event::Starting { node: a, attempt: FIRST, lookup: None };
    assert!(matches!(sim.feed(start), Err(Illegal::Run { state: RunState::Paused, .. })));
    sim.feed(Event::CancelRequested).unwrap();
    assert_eq!(sim.state.run_state(), RunState::Canceled);
    let again = sim.feed(Event::CancelRequested).unwrap_err();
    assert_eq!(again.to_string(), "a run that is CANCELED cannot be cancelled");
}

#[test]
fn a_run_can_be_cancelled_before_it_begins_and_retried_then() {
    let mut sim = Sim::new(header(plan_of(&pipeline(&[("a", json!({}))])), &[]));
    sim.feed(Event::CancelRequested).unwrap();
    assert_eq!(sim.state.run_state(), RunState::Canceled);
    sim.feed(Event::RetryRequested).unwrap();
    assert_eq!(sim.finish(&well), RunState::Succeeded);
}

#[test]
fn retries_wait_longer_each_time_and_end() {
    let retry = json!({"maxRetryCount": 3, "backoffDuration": "10s", "backoffFactor": 3, "backoffMaxDuration": "60s"});
    let mut sim = sim(&[("a", json!({"retryPolicy": retry}))]);
    assert_eq!(sim.finish(&exit_one), RunState::Failed);
    let a = sim.state.find("a").unwrap();
    assert_eq!(sim.state.attempts(a), 4);
    insta::assert_snapshot!(sim.log, @r"
    run RUNNING
    RUNNING    
    READY      a
    RUNNING    a
    BACKOFF    a
    READY      a
    RUNNING    a
    BACKOFF    a
    READY      a
    RUNNING    a
    BACKOFF    a
    READY      a
    RUNNING    a
    FAILED     a: it ended with status 1
    FAILED     : task `a`: it ended with status 1
    run FAILED
    ");
}

#[test]
fn a_lost_attempt_is_no_retry() {
    let mut sim = sim(&[("a", json!({"retryPolicy": {"maxRetryCount": 1}}))]);
    let a = sim.state.find("a").unwrap();
    sim.happen(0, &exit_one);
    for _ in 0..5 {
        sim.crash();
        sim.happen(0, &exit_one);
    }
    assert_eq!(sim.finish(&exit_one), RunState::Failed);
    // One, five lost, and one retry.
    assert_eq!(sim.state.attempts(a), 7);
}

#[test]
fn what_took_too_long_fails() {
    let mut sim = sim(&[("a", json!({})), ("b", json!({"dependentTasks": ["a"]}))]);
    sim.happen(0, &well);
    sim.feed(Event::DeadlinePassed).unwrap();
    assert_eq!(sim.finish(&well), RunState::Failed);
    let b = sim.state.find("b").unwrap();
    assert_eq!(sim.state.task_state(b), Some(TaskState::Canceled));
}

#[test]
fn another_plan_of_the_same_shape_is_taken_and_any_other_refused() {
    let tasks = [("a", json!({})), ("b", json!({"dependentTasks": ["a"]})), ("c", json!({}))];
    let mut sim = sim(&tasks);
    sim.finish(&|path, _| exit_one(path, 0).filter(|_| path == "b"));
    let b = sim.state.find("b").unwrap();

    let fewer = plan_of(&pipeline(&tasks[..2]));
    let event = Event::RerunRequested { node: b, plan: Some(Box::new(fewer.as_ref().clone())) };
    let error = sim.feed(event).unwrap_err().to_string();
    assert!(error.contains("the pipeline has another number of tasks"), "{error}");
    assert_eq!(sim.state.run_state(), RunState::Failed);

    // Another order in the file.
    let turned = [tasks[2].clone(), tasks[0].clone(), tasks[1].clone()];
    let plan = plan_of(&pipeline_of("mended", &turned));
    let event = Event::RerunRequested { node: b, plan: Some(Box::new(plan.as_ref().clone())) };
    sim.feed(event).unwrap();
    assert_eq!(sim.finish(&well), RunState::Succeeded);
    let attempts = ["a", "b", "c"].map(|name| sim.state.attempts(sim.state.find(name).unwrap()));
    assert_eq!(attempts, [1, 2, 1]);
    let before = sim.ends();
    sim.crash();
    assert_eq!(sim.ends(), before);
}

#[test]
fn long_chains_take_no_stack() {
    let names: Vec<String> = (0..20_000).map(|at| format!("t{at}")).collect();
    let condition = json!({"triggerPolicy": {"condition": "false"}});
    let task = |at: usize| match at {
        0 => condition.clone(),
        _ => json!({"dependentTasks": [names[at - 1]]}),
    };
    let tasks: Vec<(&str, Value)> =
        names.iter().enumerate().map(|(at, name)| (name.as_str(), task(at))).collect();
    let sim = sim(&tasks);
    assert_eq!(sim.state.run_state(), RunState::Succeeded);
    assert_eq!(sim.ends()["t19999"], TaskState::Skipped);
}
