//! What a run may have at the same time, and how often something is tried.

use serde_json::{Value, json};

use super::sim::{Sim, exit_one, header, well};
use crate::event::Event;
use crate::machine::begin::MOST_PLACES;
use crate::state::{Reason, RunState, TaskState};
use crate::testing::{loops, plan};

fn begun(plan: lightship_ir::Plan) -> Sim {
    let mut sim = Sim::new(header(plan.into(), &[]));
    sim.feed(Event::Begun).unwrap();
    sim
}

/// A task `make` that gives a list, and a loop over it whose rounds are tasks; both of it for each of these items.
fn over_output(items: &str) -> Value {
    let list = json!({"parameters": {"Output": {"parameterType": "LIST"}}});
    let item = json!({"parameters": {"item": {"parameterType": "NUMBER_INTEGER"}}});
    let source =
        json!({"taskOutputParameter": {"producerTask": "make", "outputParameterKey": "Output"}});
    json!({
        "pipelineInfo": {"name": "loops"},
        "root": {"dag": {"tasks": {"outer": {
            "componentRef": {"name": "both"},
            "parameterIterator": {"items": {"raw": items}, "itemInput": "item"},
        }}}},
        "components": {
            "both": {"inputDefinitions": item, "dag": {"tasks": {
                "make": {"componentRef": {"name": "make"}},
                "inner": {
                    "componentRef": {"name": "work"},
                    "inputs": {"parameters": {"list": source}},
                    "parameterIterator": {"items": {"inputParameter": "list"}, "itemInput": "item"},
                    "retryPolicy": {"maxRetryCount": 2},
                },
            }}},
            "make": {"executorLabel": "exec", "outputDefinitions": list},
            "work": {"executorLabel": "exec", "inputDefinitions": item},
        },
        "deploymentSpec": {"executors": {"exec": {"container": {"image": "busybox"}}}},
    })
}

#[test]
fn a_loop_that_is_too_much_fails_before_it_fills_the_memory() {
    let mut sim = begun(plan(over_output("[1, 2]")));
    sim.outputs.insert("make".to_owned(), json!(vec![0; MOST_PLACES / 3 * 2]));
    for _ in 0..4 {
        sim.happen(0, &well);
    }
    let state = |path: &str| sim.state.task_state(sim.state.find(path).unwrap());
    assert_eq!(state("outer[0]/inner"), Some(TaskState::Running), "the first one fits in");
    assert_eq!(state("outer[1]/inner"), Some(TaskState::Failed));
    let failure = sim.state.failure(sim.state.find("outer[1]/inner").unwrap()).unwrap();
    assert_eq!(failure.reason, Reason::Inputs);
    assert!(failure.message.contains("more than 1000000 at the same time"), "{failure}");
    assert!(sim.state.nodes().count() < 20_000);
}

#[test]
fn what_is_no_more_makes_room() {
    let mut sim = begun(loops(&[50, 60]));
    assert_eq!(sim.finish(&well), RunState::Succeeded);
    for _ in 0..3 {
        assert_eq!(sim.state.places, sim.state.nodes().count());
        let again = sim.state.find("loop-1").unwrap();
        sim.feed(Event::RerunRequested { node: again, plan: None }).unwrap();
        sim.feed(Event::CancelRequested).unwrap();
        sim.finish(&well);
        sim.feed(Event::RetryRequested).unwrap();
        assert_eq!(sim.finish(&well), RunState::Succeeded);
    }
}

/// A loop and its rounds have one policy between them.
#[test]
fn a_round_that_is_a_task_is_tried_as_often_as_its_policy_says() {
    let mut sim = begun(plan(over_output("[1]")));
    sim.outputs.insert("make".to_owned(), json!([1, 2]));
    let fails = |path: &str, at: u32| exit_one(path, at).filter(|_| !path.ends_with("make"));
    assert_eq!(sim.finish(&fails), RunState::Failed);
    for path in ["outer[0]/inner[0]", "outer[0]/inner[1]"] {
        assert_eq!(sim.state.attempts(sim.state.find(path).unwrap()), 3, "{path}");
    }
}

#[test]
fn what_is_illegal_names_the_task_by_its_path() {
    let mut sim = begun(loops(&[1, 2]));
    let node = sim.state.find("loop-1[1]/loop-0[0]/work").unwrap_or_else(|| {
        let all: Vec<String> = sim.state.nodes().map(|node| sim.state.path(node)).collect();
        panic!("{all:?}")
    });
    let error = sim.feed(Event::Waited { node }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "task `loop-1[1]/loop-0[0]/work` is READY, so it cannot be waited for"
    );
}
