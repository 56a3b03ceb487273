//! Processes that are killed in the middle of a run, and others that go on with it.

use super::{Machine, Pipeline, three};

/// How often each line is there.
fn times(lines: &[String], line: &str) -> usize {
    lines.iter().filter(|known| *known == line).count()
}

#[test]
fn what_was_finished_is_not_repeated_and_what_was_lost_is() {
    let machine = Machine::new();
    machine.write("three.yaml", &three());
    let process = machine.start("run three.yaml");
    machine.until("begun", "second");
    process.kill();
    let run = machine.latest();
    let shown = machine.show(&run);
    assert_eq!(
        (shown["state"].as_str(), shown["interrupted"].as_bool()),
        (Some("RUNNING"), Some(true))
    );
    let listed = machine.run(0, "runs ls");
    assert!(listed.stdout.contains("INTERRUPTED"), "{}", listed.stdout);
    let waited = machine.run(2, "runs wait latest");
    assert!(waited.stderr.contains("no process drives it"), "{}", waited.stderr);

    machine.go();
    machine.run(0, &format!("runs resume {run}"));
    assert_eq!(machine.lines("done"), ["first", "second", "third", "cleanup"]);
    assert_eq!(machine.lines("begun"), ["first", "second", "second", "third"]);
    let shown = machine.show(&run);
    let tasks = shown["tasks"].as_array().unwrap();
    let second = tasks.iter().find(|task| task["path"] == "exit-handler-1/second").unwrap();
    assert_eq!((second["attempts"].as_u64(), second["lost"].as_u64()), (Some(2), Some(1)));
    let again = machine.run(2, &format!("runs resume {run}"));
    assert!(again.stderr.contains("has ended: it is SUCCEEDED"), "{}", again.stderr);
}

/// At each step of a run: while it runs.
#[test]
fn a_run_that_is_killed_at_every_step_comes_to_its_end() {
    let machine = Machine::new();
    let names = ["a", "b", "c", "d"];
    let mut pipeline = Pipeline::new("killed");
    for (at, name) in names.iter().enumerate() {
        // The first time it waits to be killed.
        let script = format!(
            "echo {name} >> /data/begun; \
             if [ ! -e /data/seen-{name} ]; then echo > /data/seen-{name}; sleep 1000; fi; \
             echo {name} >> /data/done"
        );
        let after = at.checked_sub(1).map(|before| names[before]);
        pipeline = pipeline.step(name, after.as_slice(), &script);
    }
    machine.write("killed.yaml", &pipeline);
    let mut line = "run killed.yaml".to_owned();
    for name in names {
        let process = machine.start(&line);
        machine.until("begun", name);
        let seen = || machine.data(&format!("seen-{name}")).exists();
        super::until(seen, name);
        process.kill();
        line = "runs resume latest".to_owned();
    }
    machine.run(0, &line);
    assert_eq!(machine.lines("done"), names);
    let begun = machine.lines("begun");
    assert_eq!(names.map(|name| times(&begun, name)), [2, 2, 2, 2]);
    assert_eq!(machine.json("runs ls")["total"], 1);
}

#[test]
fn a_run_that_nobody_drives_is_ended_by_who_asks() {
    let machine = Machine::new();
    machine.write("three.yaml", &three());
    let process = machine.start("run three.yaml");
    machine.until("begun", "second");
    process.kill();
    machine.run(0, "runs cancel latest");
    assert_eq!(machine.state("latest"), "CANCELED");
    assert_eq!(machine.lines("done"), ["first", "cleanup"]);
    assert_eq!(machine.lines("begun"), ["first", "second"]);
}

#[test]
fn the_same_pipeline_again_says_how_to_go_on_instead() {
    let machine = Machine::new();
    machine.write("three.yaml", &three());
    let process = machine.start("run three.yaml");
    machine.until("begun", "second");
    process.kill();
    let first = machine.latest();
    machine.go();
    let again = machine.run(0, "run three.yaml");
    let expected = format!("lightship runs resume {first}");
    assert!(again.stderr.contains(&expected), "{}", again.stderr);
    let third = machine.run(0, "run three.yaml");
    assert_eq!(third.stderr, "", "the latest one has ended");
}

#[test]
fn what_failed_is_tried_again_and_changed_code_is_run_again() {
    let machine = Machine::new();
    let pipeline = |last: &str| {
        Pipeline::new("mend")
            .cached("first", &[], "echo first >> /data/done")
            .step("second", &["first"], "echo second >> /data/done; [ -e /data/go ]")
            .cached("third", &["second"], last)
    };
    machine.write("mend.yaml", &pipeline("echo third >> /data/done"));
    machine.run(1, "run mend.yaml");
    assert_eq!(machine.lines("done"), ["first", "second"]);
    machine.run(1, "runs retry latest");
    machine.go();
    machine.run(0, "runs retry latest");
    assert_eq!(machine.lines("done"), ["first", "second", "second", "second", "third"]);

    // The cache knows it, and somebody wants it all the same.
    machine.run(0, "runs rerun latest third");
    assert_eq!(machine.lines("done").last().unwrap(), "third");
    assert_eq!(machine.lines("done").len(), 6);
    machine.write("changed.yaml", &pipeline("echo changed >> /data/done"));
    machine.run(0, "runs rerun latest second --pipeline changed.yaml");
    assert_eq!(machine.lines("done")[6..], ["second", "changed"]);
    let other = Pipeline::new("mend").step("first", &[], "true");
    machine.write("other.yaml", &other);
    let refused = machine.run(2, "runs rerun latest first --pipeline other.yaml");
    assert!(refused.stderr.contains("has other tasks than the run"), "{}", refused.stderr);
    let unknown = machine.run(2, "runs rerun latest thrid");
    assert!(unknown.stderr.contains("did you mean `third`"), "{}", unknown.stderr);
}

#[test]
fn images_of_a_run_that_has_not_ended_stay_and_one_that_is_gone_is_named() {
    let machine = Machine::new();
    let images = machine.json("image ls");
    let digest = images["images"][0]["digest"].as_str().unwrap().to_owned();
    machine.run(0, "image tag box localhost/steps/x:latest");
    machine.run(0, "image rm box");
    let mut pipeline = Pipeline::new("held");
    pipeline.image = format!("localhost/steps/x@{digest}");
    machine.write("held.yaml", &pipeline.step("second", &[], super::WAITS));
    let process = machine.start("run held.yaml");
    machine.until("begun", "second");
    process.kill();
    let run = machine.latest();
    machine.run(0, "image rm localhost/steps/x");
    machine.run(0, "store gc");
    let process = machine.start("runs resume latest");
    super::until(|| machine.lines("begun").len() == 2, "the second attempt");
    process.kill();
    // Somebody insists.
    machine.run(0, &format!("image rm localhost/runs/{run}:0"));
    machine.run(0, "store gc");
    let refused = machine.run(3, "runs resume latest");
    assert!(refused.stderr.contains(&format!("localhost/steps/x@{digest}")), "{}", refused.stderr);
    assert!(refused.stderr.contains("`lightship run`"), "{}", refused.stderr);
}
