//! What is shown of runs.

use super::{Machine, Pipeline};

/// What differs from one time to the next.
fn filtered(machine: &Machine) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(&regex_of(&machine.environment.work().display().to_string()), "WORK");
    settings.add_filter(r"-[0-9a-f]{8}\b", "-ID");
    settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, \d+ (s|min) ago", "TIME");
    settings.add_filter(r"\b\d+(\.\d)? s\b", "SECONDS");
    // Columns are as wide as what is in them.
    settings.add_filter(r" {3,}", "  ");
    settings
}

fn regex_of(text: &str) -> String {
    text.replace('.', "\\.")
}

#[test]
fn a_run_that_fails_says_what_and_why_and_what_to_do() {
    let machine = Machine::new();
    let pipeline = Pipeline::new("fails")
        .step("fine", &[], "echo all is well")
        .step("bad", &["fine"], "echo begins; echo 'no such column: age' >&2; exit 3")
        .step("after", &["bad"], "true");
    machine.write("fails.yaml", &pipeline);
    let run = machine.run(1, "run fails.yaml --name nightly --experiment churn");
    assert!(run.stdout.contains("no such column: age"), "{}", run.stdout);
    filtered(&machine).bind(|| {
        insta::assert_snapshot!("ls", machine.run(0, "runs ls --state failed").stdout);
        insta::assert_snapshot!("show_failed", machine.run(0, "runs show").stdout);
    });
    for none in ["--state succeeded", "--experiment other", "--name daily"] {
        assert_eq!(machine.json(&format!("runs ls {none}"))["total"], 0, "{none}");
    }
    assert_eq!(machine.json("runs ls --experiment churn --name night")["total"], 1);
}

#[test]
fn logs_are_exact() {
    let machine = Machine::new();
    let pipeline = Pipeline::new("prints")
        .step("plain", &[], "printf 'one\\ntwo'")
        .step("odd", &["plain"], "printf '10%%\\r20%%\\n\\033[31mred\\033[0m\\007\\n'")
        .step("silent", &["odd"], "true");
    machine.write("prints.yaml", &pipeline);
    machine.run(0, "run prints.yaml");
    let logs = |what: &str| machine.run(0, &format!("--quiet runs logs latest {what}")).stdout;
    assert_eq!(logs("plain"), "one\ntwo");
    assert_eq!(logs("odd"), "10%\r20%\n\u{1b}[31mred\u{1b}[0m\u{7}\n");
    assert_eq!(logs("silent"), "");
    assert_eq!(
        logs(""),
        "plain | one\nplain | two\nodd | 10%\r20%\nodd | \u{1b}[31mred\u{1b}[0m\u{7}\n"
    );
    let refused = machine.run(2, "runs logs latest plain --attempt 2");
    assert!(
        refused.stderr.contains("has no attempt 2 of `plain`: there were 1"),
        "{}",
        refused.stderr
    );
    // A terminal shows what it would obey.
    let shown = machine.environment.shell(
        "script --quiet --return --command \"$LIGHTSHIP --color never runs logs latest odd\" /dev/null",
    );
    let shown = shown.stdout.replace('\r', "");
    assert!(shown.starts_with("20%\nred"), "{shown}");
    assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown}");
}

#[test]
fn a_large_loop_is_one_line_and_its_failures_are_shown() {
    let machine = Machine::new();
    let script = "echo item $1; [ $1 != 7 ] && [ $1 != 9 ]";
    machine.write("loop.yaml", &Pipeline::new("loop").step("work", &[], script).for_each(12));
    machine.run(1, "run loop.yaml");
    let shown = machine.run(0, "runs show").stdout;
    assert!(shown.contains("12 rounds: 10 done, 2 failed"), "{shown}");
    assert!(shown.contains("[7]") && shown.contains("[9]") && !shown.contains("[8]"), "{shown}");
    assert!(machine.run(0, "runs show latest --all").stdout.contains("[8]"));
    let document = machine.show("latest");
    assert_eq!(document["tasks"].as_array().unwrap().len(), 25);
    assert_eq!(document["failures"].as_array().unwrap().len(), 2);
    let log = machine.run(0, "runs logs latest [7]/work").stdout;
    assert_eq!(log, "item 7\n");
    let many = machine.run(2, "runs logs latest work");
    assert!(many.stderr.contains("may mean any of for-loop-1[0]/work"), "{}", many.stderr);
    let whole = machine.run(0, "runs logs latest for-loop-1").stdout;
    assert_eq!(whole.lines().count(), 12);
}

#[test]
fn graphs_are_drawn_in_four_languages() {
    let machine = Machine::new();
    let pipeline = Pipeline::new("drawn")
        .step("load", &[], "true")
        .step("work", &["load"], "true")
        .exit("cleanup", "true");
    machine.write("drawn.yaml", &pipeline);
    let drawn = |what: &str| machine.run(0, &format!("runs graph {what}")).stdout;
    insta::assert_snapshot!("graph_text", drawn("drawn.yaml"));
    insta::assert_snapshot!("graph_dot", drawn("drawn.yaml --format dot"));
    insta::assert_snapshot!("graph_mermaid", drawn("drawn.yaml --format mermaid"));
    machine.run(0, "run drawn.yaml");
    filtered(&machine).bind(|| {
        insta::assert_snapshot!("graph_run", drawn("latest"));
    });
    let document = machine.json("runs graph latest");
    assert_eq!(document["tasks"][0]["tasks"][1]["after"][0], "load");
    assert_eq!(document["tasks"][0]["tasks"][1]["state"], "SUCCEEDED");
    machine.run(3, "runs graph missing.yaml");
    machine.run(2, "runs graph missing");
}
