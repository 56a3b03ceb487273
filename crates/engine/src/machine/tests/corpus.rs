//! The semantics, sentence by sentence, on pipelines that nobody here wrote. Where they lie is beside the project, or in
//! the folder that `LIGHTSHIP_CORPUS` named when this was compiled.

use std::path::{Path, PathBuf};

use lightship_ir::Package;
use serde_json::{Value, json};

use super::sim::{Sim, exit_one, header, plan_of, well};
use crate::{Event, RunState};

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = option_env!("LIGHTSHIP_CORPUS").map_or(beside, PathBuf::from).join("kfp");
    if !folder.is_dir() {
        println!("skipped: no shared corpus beside the project");
        return None;
    }
    Some(folder)
}

/// A run of a pipeline that has begun; none without a corpus.
fn sim(file: &str, given: &[(&str, Value)]) -> Option<Sim> {
    let bytes = std::fs::read(corpus()?.join(file)).unwrap();
    let plan = plan_of(&Package::read(&bytes).unwrap());
    let mut sim = Sim::new(header(plan, given));
    sim.feed(Event::Begun).unwrap();
    Some(sim)
}

/// What became of everything, one line each.
fn ends(sim: &Sim) -> String {
    let mut text = format!("run {}\n", sim.state.run_state());
    for (path, state) in sim.ends() {
        text += &format!("{state:<10} {path}\n");
    }
    text
}

#[test]
fn exit_tasks_run_after_failure_and_the_run_stays_failed() {
    let Some(mut sim) = sim("failing/pipeline_with_exit_handler.yaml", &[]) else { return };
    sim.finish(&|path, _| exit_one(path, 0).filter(|_| path.ends_with("fail-op")));
    insta::assert_snapshot!(ends(&sim));
}

#[test]
fn several_exit_handlers_do_not_disturb_each_other() {
    let file = "failing/pipeline_with_multiple_exit_handlers.yaml";
    let Some(mut sim) = sim(file, &[]) else { return };
    sim.finish(&|path, _| exit_one(path, 0).filter(|_| path.ends_with("fail-op")));
    insta::assert_snapshot!(ends(&sim));
}

#[test]
fn exit_tasks_run_after_cancel_and_are_told() {
    let file = "pipeline_with_task_final_status_yaml.yaml";
    let Some(mut sim) = sim(file, &[]) else { return };
    sim.happen(0, &well);
    sim.feed(Event::CancelRequested).unwrap();
    assert_eq!(sim.state.run_state(), RunState::Canceling);
    sim.finish(&well);
    let status = sim.given("exit-op")["parameters"].clone();
    insta::assert_snapshot!(format!("{}{status:#}", ends(&sim)));
}

#[test]
fn an_exit_task_gets_the_final_status() {
    let file = "pipeline_with_task_final_status_yaml.yaml";
    let Some(mut sim) = sim(file, &[]) else { return };
    sim.finish(&|path, _| exit_one(path, 0).filter(|_| path.ends_with("/print-op")));
    let failed = sim.given("exit-op")["parameters"].clone();
    sim.feed(Event::RetryRequested).unwrap();
    sim.finish(&well);
    let exit = sim.state.find("exit-op").unwrap();
    assert_eq!(sim.state.attempts(exit), 2, "it is told of the retry as well");
    let succeeded = sim.given("exit-op")["parameters"].clone();
    insta::assert_snapshot!(format!("{failed:#}\n{succeeded:#}"));
}

#[test]
fn a_task_that_ignores_failure_runs_and_heals_nothing() {
    let file = "local_execution/local_execution_pipeline_with_ignore_upstream_failure.yaml";
    let Some(mut sim) = sim(file, &[]) else { return };
    sim.finish(&|path, _| exit_one(path, 0).filter(|_| path == "fail-always"));
    insta::assert_snapshot!(ends(&sim));
}

#[test]
fn what_depends_on_a_failure_never_runs_and_all_else_goes_on() {
    let Some(mut sim) = sim("essential/pipeline_with_after.yaml", &[]) else { return };
    sim.finish(&|path, _| exit_one(path, 0).filter(|_| path == "print-text"));
    insta::assert_snapshot!(ends(&sim));
}

#[test]
fn a_retry_keeps_what_succeeded() {
    let Some(mut sim) = sim("essential/pipeline_with_after.yaml", &[]) else { return };
    sim.finish(&|path, _| exit_one(path, 0).filter(|_| path == "print-text-2"));
    sim.log.clear();
    sim.feed(Event::RetryRequested).unwrap();
    sim.finish(&well);
    insta::assert_snapshot!(sim.log);
}

#[test]
fn retries_follow_the_policy() {
    let file = "local_execution/local_execution_pipeline_with_retry.yaml";
    let Some(mut sim) = sim(file, &[]) else { return };
    sim.finish(&|path, before| exit_one(path, 0).filter(|_| before < 2));
    insta::assert_snapshot!(sim.log);
}

#[test]
fn a_false_condition_skips_and_so_is_what_needs_it() {
    let Some(mut sim) = sim("essential/pipeline_with_nested_conditions.yaml", &[]) else { return };
    sim.outputs.insert("flip-coin-op".to_owned(), json!("heads"));
    sim.finish(&well);
    insta::assert_snapshot!(ends(&sim));
}

#[test]
fn one_of_takes_the_branch_that_ran() {
    let file = "if_elif_else_with_oneof_parameters.yaml";
    for side in ["heads", "tails", "draw"] {
        let Some(mut sim) = sim(file, &[]) else { return };
        let outputs = [
            ("flip-three-sided-die", json!(side)),
            ("print-and-return", json!("first")),
            ("print-and-return-2", json!("second")),
            ("print-and-return-3", json!("third")),
        ];
        sim.outputs.extend(outputs.map(|(name, value)| (name.to_owned(), value)));
        sim.finish(&well);
        let used = ["roll-die-pipeline/print-and-return-4", "print-and-return"]
            .map(|path| sim.state.find(path).map(|_| sim.given(path)["parameters"].clone()));
        insta::assert_snapshot!(side, format!("{}{used:?}", ends(&sim)));
    }
}

#[test]
fn loops_keep_their_limits() {
    let file = "pipeline_with_parallelfor_parallelism.yaml";
    let Some(mut sim) = sim(file, &[]) else { return };
    sim.finish(&well);
    insta::assert_snapshot!(sim.log);
}

#[test]
fn loops_in_loops_and_over_outputs() {
    let file = "parallel_and_nested/pipeline_with_loops.yaml";
    let Some(mut sim) = sim(file, &[]) else { return };
    sim.finish(&well);
    insta::assert_snapshot!(ends(&sim));
}

#[test]
fn a_loop_may_have_no_items() {
    let file = "critical/collected_parameters.yaml";
    let Some(mut sim) = sim(file, &[]) else { return };
    for task in ["split-ids", "split-chars", "split-words"] {
        sim.outputs.insert(task.to_owned(), json!([]));
    }
    sim.finish(&well);
    insta::assert_snapshot!(ends(&sim));
}

#[test]
fn fan_in_keeps_the_order_of_items_whatever_ended_first() {
    let Some(mut sim) = sim("collected_artifacts.yaml", &[]) else { return };
    // The last of what could happen, each time.
    sim.finish_by(&mut |of| of - 1, &well);
    let read: String = sim
        .ends()
        .keys()
        .filter(|path| path.contains("/read-"))
        .map(|path| format!("{path}: {}\n", sim.given(path)["artifacts"]))
        .collect();
    insta::assert_snapshot!(format!("{}{read}", ends(&sim)));
}

#[test]
fn graphs_in_graphs_give_optional_inputs_their_defaults() {
    for file in ["nil", "parent_level"] {
        let path = format!("parallel_and_nested/nested_pipeline_opt_inputs_{file}_compiled.yaml");
        let Some(mut sim) = sim(&path, &[]) else { return };
        sim.finish(&well);
        let given: String = sim
            .ends()
            .keys()
            .filter(|path| !path.is_empty())
            .map(|path| format!("{path}: {}\n", sim.given(path)["parameters"]))
            .collect();
        insta::assert_snapshot!(file, format!("{}{given}", ends(&sim)));
    }
}

#[test]
fn an_input_that_cannot_be_is_its_own_tasks_failure() {
    let Some(mut sim) = sim("critical/collected_parameters.yaml", &[]) else { return };
    sim.outputs.insert("split-ids".to_owned(), json!("no list"));
    sim.finish(&well);
    insta::assert_snapshot!(sim.log);
}

#[test]
fn every_pipeline_of_the_corpus_runs_to_its_end() {
    let Some(folder) = corpus() else { return };
    let mut open = vec![folder.clone()];
    let mut files = 0;
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let inner = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
            open.extend(inner.filter(|path| !path.ends_with("invalid")));
            continue;
        }
        let file = path.strip_prefix(&folder).unwrap().to_str().unwrap();
        for failing in [false, true] {
            let Some(mut sim) = sim(file, &[]) else { return };
            sim.finish(&|path, _| exit_one(path, 0).filter(|_| failing));
            assert!(sim.state.run_state().is_final(), "{file}");
            assert!(sim.ends().values().all(|state| state.is_final()), "{file}");
        }
        files += 1;
    }
    assert!(files > 50, "the corpus has many pipelines");
}
