//! Random pipelines with random outcomes in random order.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::model::{Made, MadeBody, MadeGraph, Model, graphs, package};
use super::sim::{Sim, header, plan_of, well};
use crate::{Event, Failure, Reason, RunState, TaskState};

/// How often each task fails, by the path that it has without the numbers of rounds.
fn script(graph: &MadeGraph) -> impl Fn(&str, u32) -> Option<Failure> {
    let mut fails = BTreeMap::new();
    collect(graph, "", &mut fails);
    move |path, before| {
        let path: String = without_rounds(path);
        let fails = fails.get(&path).copied().unwrap_or(0);
        (before < fails).then(|| Failure::new(Reason::Exit(1), "it ended with status 1"))
    }
}

fn without_rounds(path: &str) -> String {
    let mut inside = false;
    let keep = |c: &char| {
        inside = *c == '[' || (inside && *c != ']');
        !inside && *c != ']'
    };
    path.chars().filter(keep).collect()
}

fn collect(graph: &MadeGraph, path: &str, fails: &mut BTreeMap<String, u32>) {
    for (at, made) in graph.0.iter().enumerate() {
        let own = format!("{path}/{}", made.name(at));
        let own = own.trim_start_matches('/').to_owned();
        match &made.body {
            MadeBody::Task(often) => drop(fails.insert(own, *often)),
            MadeBody::Graph(inner) | MadeBody::Loop(inner, ..) => collect(inner, &own, fails),
        }
    }
}

/// The same pipeline, in which nothing fails.
fn healthy(graph: &MadeGraph) -> MadeGraph {
    let well = |made: &Made| {
        let body = match &made.body {
            MadeBody::Task(_) => MadeBody::Task(0),
            MadeBody::Graph(inner) => MadeBody::Graph(healthy(inner)),
            MadeBody::Loop(inner, rounds, limit) => MadeBody::Loop(healthy(inner), *rounds, *limit),
        };
        Made { body, ..made.clone() }
    };
    MadeGraph(graph.0.iter().map(well).collect())
}

fn begun(graph: &MadeGraph) -> Sim {
    let mut sim = Sim::new(header(plan_of(&package(graph)), &[]));
    sim.feed(Event::Begun).unwrap();
    sim
}

fn run_state(model: &Model) -> RunState {
    if model.ends[""] == TaskState::Failed { RunState::Failed } else { RunState::Succeeded }
}

/// Loops never have more rounds open than they may.
fn limits_hold(graph: &MadeGraph, sim: &Sim) -> bool {
    fn limits(graph: &MadeGraph, path: &str, all: &mut BTreeMap<String, u32>) {
        for (at, made) in graph.0.iter().enumerate() {
            let own = format!("{path}/{}", made.name(at)).trim_start_matches('/').to_owned();
            match &made.body {
                MadeBody::Task(_) => {}
                MadeBody::Graph(inner) => limits(inner, &own, all),
                MadeBody::Loop(inner, _, limit) => {
                    all.extend(limit.map(|limit| (own.clone(), limit)));
                    limits(inner, &own, all);
                }
            }
        }
    }
    let mut all = BTreeMap::new();
    limits(graph, "", &mut all);
    let mut open: BTreeMap<String, u32> = BTreeMap::new();
    for (path, state) in sim.ends() {
        if state == TaskState::Running && path.ends_with(']') {
            let around = path.rsplit_once('[').map_or("", |(around, _)| around);
            *open.entry(around.to_owned()).or_default() += 1;
        }
    }
    open.iter().all(|(path, open)| all.get(&without_rounds(path)).is_none_or(|limit| open <= limit))
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20_000, cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_order_what_should_become_of_tasks_does(
        graph in graphs(),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 64),
    ) {
        let model = Model::of(&graph);
        let mut sim = begun(&graph);
        let script = script(&graph);
        let mut at = 0;
        while !sim.todo.is_empty() {
            prop_assert!(limits_hold(&graph, &sim));
            let next = picks[at % picks.len()].index(sim.todo.len());
            sim.happen(next, &script);
            at += 1;
        }
        prop_assert_eq!(sim.state.run_state(), run_state(&model));
        prop_assert_eq!(sim.ends(), model.ends);
    }

    #[test]
    fn a_crash_at_any_event_changes_nothing(
        graph in graphs(),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 64),
        crashes in prop::collection::vec(0..60_usize, 1..4),
    ) {
        let model = Model::of(&graph);
        let script = script(&graph);
        let mut sim = begun(&graph);
        let mut at = 0;
        while !sim.todo.is_empty() {
            if crashes.contains(&at) {
                sim.crash();
            }
            at += 1;
            if let Some(last) = sim.todo.len().checked_sub(1) {
                let next = picks[at % picks.len()].index(last + 1);
                sim.happen(next, &script);
            }
        }
        prop_assert_eq!(sim.state.run_state(), run_state(&model));
        prop_assert_eq!(sim.ends(), model.ends);
        let replayed = sim.ends();
        sim.crash();
        prop_assert_eq!(sim.ends(), replayed);
        prop_assert!(sim.todo.is_empty());
    }

    #[test]
    fn a_cancelled_run_ends_and_can_be_retried(
        graph in graphs(),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 64),
        cancel in 0..40_usize,
    ) {
        let script = script(&graph);
        let mut sim = begun(&graph);
        let mut pick = {
            let mut at = 0;
            move |of: usize| { at += 1; picks[at % picks.len()].index(of) }
        };
        for _ in 0..cancel {
            if !sim.todo.is_empty() {
                let next = pick(sim.todo.len());
                sim.happen(next, &script);
            }
        }
        if sim.state.run_state().can_be_canceled() {
            sim.feed(Event::CancelRequested).unwrap();
            prop_assert_eq!(sim.finish_by(&mut pick, &script), RunState::Canceled);
        } else {
            prop_assert!(sim.feed(Event::CancelRequested).is_err());
        }
        for (path, state) in sim.ends() {
            prop_assert!(state.is_final(), "{} is {}", path, state);
        }
        if sim.state.run_state() != RunState::Succeeded {
            sim.feed(Event::RetryRequested).unwrap();
            prop_assert_eq!(sim.finish_by(&mut pick, &well), RunState::Succeeded);
            prop_assert_eq!(sim.ends(), Model::of(&healthy(&graph)).ends);
        }
    }

    #[test]
    fn any_task_can_run_again(
        graph in graphs(),
        which in any::<prop::sample::Index>(),
    ) {
        let graph = healthy(&graph);
        let mut sim = begun(&graph);
        prop_assert_eq!(sim.finish(&well), RunState::Succeeded);
        let before = sim.ends();
        let nodes: Vec<_> = sim.state.nodes().collect();
        let node = nodes[which.index(nodes.len())];
        sim.feed(Event::RerunRequested { node, plan: None }).unwrap();
        prop_assert_eq!(sim.finish(&well), RunState::Succeeded);
        prop_assert_eq!(sim.ends(), before.clone());
        sim.crash();
        prop_assert_eq!(sim.ends(), before);
    }
}
