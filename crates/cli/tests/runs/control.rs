//! Signals, and orders of other processes.

use super::{Machine, Pipeline, three};

#[test]
fn the_first_interrupt_ends_a_run_in_order() {
    let machine = Machine::new();
    machine.write("three.yaml", &three());
    let process = machine.start("run three.yaml");
    machine.until("begun", "second");
    process.signal(&machine, "INT");
    let said = process.ends(1);
    assert!(said.contains("once more leaves at once"), "{said}");
    assert_eq!(machine.lines("done"), ["first", "cleanup"]);
    let shown = machine.show("latest");
    assert_eq!(
        (shown["state"].as_str(), shown["interrupted"].as_bool()),
        (Some("CANCELED"), Some(false))
    );
    let states: Vec<(&str, &str)> = shown["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| (task["path"].as_str().unwrap(), task["state"].as_str().unwrap()))
        .collect();
    assert_eq!(
        states,
        [
            ("exit-handler-1", "CANCELED"),
            ("cleanup", "SUCCEEDED"),
            ("exit-handler-1/first", "SUCCEEDED"),
            ("exit-handler-1/second", "CANCELED"),
            ("exit-handler-1/third", "CANCELED"),
        ]
    );
}

#[test]
fn the_second_interrupt_leaves_a_run_that_can_be_gone_on_with() {
    let machine = Machine::new();
    // One that does not listen.
    let deaf = "trap 'echo asked >> /data/begun' TERM; echo deaf >> /data/begun; \
                while true; do sleep 0.02; done";
    let pipeline =
        Pipeline::new("deaf").step("deaf", &[], deaf).exit("cleanup", "echo cleanup >> /data/done");
    machine.write("deaf.yaml", &pipeline);
    let process = machine.start("run deaf.yaml");
    machine.until("begun", "deaf");
    process.signal(&machine, "TERM");
    machine.until("begun", "asked");
    process.signal(&machine, "INT");
    let said = process.ends(130);
    let run = machine.latest();
    assert!(said.contains(&format!("go on with: lightship runs resume {run}")), "{said}");
    let shown = machine.show(&run);
    assert_eq!(
        (shown["state"].as_str(), shown["interrupted"].as_bool()),
        (Some("CANCELING"), Some(true))
    );
    assert!(machine.lines("done").is_empty());

    machine.run(1, &format!("runs resume {run}"));
    assert_eq!(machine.state(&run), "CANCELED");
    assert_eq!(machine.lines("done"), ["cleanup"]);
    assert_eq!(machine.lines("begun"), ["deaf", "asked"], "it did not begin again");
}

#[test]
fn the_end_of_the_terminal_leaves_a_run_at_once() {
    let machine = Machine::new();
    machine.write("three.yaml", &three());
    let process = machine.start("run three.yaml");
    machine.until("begun", "second");
    process.signal(&machine, "HUP");
    process.ends(129);
    assert_eq!(machine.lines("done"), ["first"]);
    let shown = machine.show("latest");
    let stands = (shown["state"].as_str(), shown["interrupted"].as_bool());
    assert_eq!(stands, (Some("RUNNING"), Some(true)));
}

#[test]
fn another_process_ends_a_run_and_waits_for_its_end() {
    let machine = Machine::new();
    machine.write("three.yaml", &three());
    let process = machine.start("run three.yaml");
    machine.until("begun", "second");
    let run = machine.run(0, "runs cancel latest --wait");
    assert!(run.stderr.contains("is CANCELED"), "{}", run.stderr);
    let said = process.ends(1);
    assert!(said.contains("another process wants the run to end"), "{said}");
    assert_eq!(machine.lines("done"), ["first", "cleanup"]);
    // The request is not there any more when somebody tries it again.
    machine.go();
    machine.run(0, "runs retry latest");
    assert_eq!(machine.lines("done"), ["first", "cleanup", "second", "third", "cleanup"]);
    let run = machine.run(2, "runs cancel latest");
    assert!(run.stderr.contains("is SUCCEEDED"), "{}", run.stderr);
}

#[test]
fn two_processes_never_drive_one_run() {
    let machine = Machine::new();
    machine.write("three.yaml", &three());
    let process = machine.start("run three.yaml --name both");
    machine.until("begun", "second");
    let number = process.child.id().to_string();
    for line in
        ["runs resume latest", "runs retry latest", "runs rerun latest first", "runs rm latest"]
    {
        let run = machine.run(2, line);
        let expected = format!("process {number} drives run");
        assert!(run.stderr.contains(&expected), "{line}: {}", run.stderr);
    }
    let removed = machine.json("runs rm --all --yes");
    assert_eq!(removed["driven"].as_array().unwrap().len(), 1);
    assert_eq!(machine.show("latest")["process"].to_string(), number);
    assert_eq!(machine.run(124, "runs wait latest --timeout 0.3").stdout, "");

    let waiting = machine.start("runs wait latest");
    let following = machine.start("runs logs latest second --follow");
    machine.go();
    process.ends(0);
    waiting.ends(0);
    assert_eq!(following.ends(0), "second begins\n");
    machine.run(0, "runs wait latest");
}

#[test]
fn nothing_starts_during_a_pause() {
    let machine = Machine::new();
    machine.write("three.yaml", &three());
    let process = machine.start("run three.yaml");
    machine.until("begun", "second");
    machine.run(0, "runs pause latest");
    assert_eq!(machine.state("latest"), "PAUSED");
    machine.run(2, "runs pause latest");
    machine.go();
    machine.until("done", "second");
    let ended = || machine.show("latest")["counts"]["SUCCEEDED"].as_u64();
    super::until(|| ended() == Some(2), "the end of the second");
    assert_eq!(machine.lines("begun"), ["first", "second"]);
    machine.run(0, "runs unpause latest");
    process.ends(0);
    assert_eq!(machine.lines("done"), ["first", "second", "third", "cleanup"]);
    machine.run(2, "runs unpause latest");
}
