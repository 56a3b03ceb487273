//! What is shown of a run that is told step by step.

use std::sync::Arc;

use lightship_base::Timestamp;
use lightship_engine::{
    AttemptNumber, Change, Event, Failure, NodeId, Notice, Outputs, Reason, Recorded, RunState,
    Seq, TaskState,
};
use serde_json::{Value, json};

use super::{Frame, RunTree, Trouble, frame, lines};
use crate::render::{Glyphs, Look};

/// A run that is told step by step, a second between two steps.
struct Story {
    tree: RunTree,
    told: i64,
    lines: Vec<String>,
    events: Vec<Value>,
}

impl Story {
    fn new() -> Self {
        let tree = RunTree::new("churn-1".parse().unwrap());
        Self { tree, told: 0, lines: Vec::new(), events: Vec::new() }
    }

    fn tell(&mut self, event: Event, changes: Vec<Change>) {
        self.told += 1;
        let recorded =
            Recorded { seq: Seq(self.told.cast_unsigned()), at: second(self.told), event };
        let notice = Notice { run: self.tree.run.clone(), recorded, changes };
        self.tree.apply(&notice);
        self.lines.extend(lines(&self.tree, &notice));
        self.events.push(serde_json::from_str(&super::event(&self.tree, &notice)).unwrap());
    }

    fn starts(&mut self, number: u32, attempt: u32) {
        let attempt = AttemptNumber::of_number(attempt).unwrap();
        let starting = Event::Starting { node: at(number), attempt, lookup: None };
        self.tell(starting, vec![state(number, TaskState::Running)]);
    }

    fn succeeds(&mut self, number: u32, outputs: &Value) {
        let attempt = AttemptNumber::FIRST;
        let outputs = outputs_of(outputs);
        let succeeded = Event::Succeeded { node: at(number), attempt, outputs };
        self.tell(succeeded, vec![state(number, TaskState::Succeeded)]);
    }

    fn picture(&self, height: usize, glyphs: Glyphs) -> String {
        let look = Look { width: Some(72), glyphs, live: true };
        let printed = |node: NodeId, attempt| Some(format!("log of {node}-{attempt}\u{1b}[2J"));
        let picture = Frame { now: second(self.told + 1), look, height, printed: &printed };
        plain(&frame(&self.tree, &picture))
    }
}

fn plain(lines: &[String]) -> String {
    let plain: Vec<String> =
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
    plain.join("\n")
}

fn second(second: i64) -> Timestamp {
    Timestamp::new(1_700_000_000 + second, 0).unwrap()
}

fn at(number: u32) -> NodeId {
    NodeId::of_number(number)
}

fn state(number: u32, state: TaskState) -> Change {
    Change::State { node: at(number), state }
}

fn new(number: u32, parent: u32, name: &str, round: Option<u32>) -> Change {
    Change::Created { node: at(number), parent: Some(at(parent)), name: name.into(), round }
}

fn outputs_of(parameters: &Value) -> Arc<Outputs> {
    let document = json!({"produced": {"parameters": parameters, "artifacts": {}}});
    Arc::new(serde_json::from_value(document).unwrap())
}

/// A task, a loop of ten and a task after it; the third round fails.
fn story() -> Story {
    let mut story = Story::new();
    let first = vec![
        Change::Run(RunState::Running),
        new(1, 0, "prepare", None),
        new(2, 0, "for-loop-1", None),
        new(3, 0, "report", None),
    ];
    story.tell(Event::Begun, first);
    story.starts(1, 1);
    story.succeeds(1, &json!({"rows": 120, "name": "a\u{1b}b"}));
    let mut rounds = vec![state(2, TaskState::Running)];
    for round in 0..10 {
        rounds.push(new(10 + 2 * round, 2, "for-loop-1", Some(round)));
        rounds.push(new(11 + 2 * round, 10 + 2 * round, "train", None));
    }
    story.tell(Event::Waited { node: at(2) }, rounds);
    for round in [0, 1, 2] {
        story.starts(11 + 2 * round, 1);
        story.tell(Event::Waited { node: at(0) }, vec![state(10 + 2 * round, TaskState::Running)]);
    }
    for round in [0, 1] {
        story.succeeds(11 + 2 * round, &json!({}));
        let done = vec![state(10 + 2 * round, TaskState::Succeeded)];
        story.tell(Event::Waited { node: at(0) }, done);
    }
    story.starts(15, 2);
    story
}

fn fail(story: &mut Story) {
    let failure = Failure::new(Reason::Exit(3), "its command ended with exit code 3");
    let attempt = AttemptNumber::of_number(2).unwrap();
    let failed = Event::Failed { node: at(15), attempt, failure: failure.clone() };
    let inside = Failure::new(Reason::Inside, "`train` failed");
    let mut changes = vec![
        Change::Failed { node: at(15), failure: Arc::new(failure) },
        Change::Failed { node: at(14), failure: Arc::new(inside.clone()) },
        Change::Failed { node: at(2), failure: Arc::new(inside) },
        state(3, TaskState::Omitted),
    ];
    changes.push(Change::Run(RunState::Failed));
    story.tell(failed, changes);
}

#[test]
fn a_tree_while_it_runs() {
    let story = story();
    insta::assert_snapshot!(story.picture(40, Glyphs::Unicode), @r#"
    churn-1  RUNNING  15 s  3 of 12 tasks
      ✓ prepare         1.0 s  name = a\u{1b}b, rows = 120
      ● for-loop-1       11 s  2 of 10
        ✓ [0] train     6.0 s
        ✓ [1] train     6.0 s
        ● [2] train     1.0 s  attempt 2  log of 15-2\u{1b}[2J
        ○ [3] train
        ○ [4] train
        ○ [5] train
        … 4 more               waiting
      ○ report
    "#);
}

#[test]
fn what_runs_is_seen_however_little_room_there_is() {
    let story = story();
    insta::assert_snapshot!(story.picture(9, Glyphs::Ascii), @r#"
    churn-1  RUNNING  15 s  3 of 12 tasks
      + prepare         1.0 s  name = a\u{1b}b, rows = 120
      > for-loop-1       11 s  2 of 10
        ... 2 more             done
        > [2] train     1.0 s  attempt 2  log of 15-2\u{1b}[2J
        ... 7 more             waiting
      . report
    "#);
    for height in 1..30 {
        assert!(story.picture(height, Glyphs::Ascii).lines().count() <= height.max(1));
    }
    assert!(
        story.picture(5, Glyphs::Ascii).contains("> [2] train"),
        "it is what somebody waits for"
    );
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let mut story = story();
    fail(&mut story);
    for width in 20..120 {
        let look = Look { width: Some(width), glyphs: Glyphs::Unicode, live: true };
        let printed = |_, _| Some("a line that is longer than any terminal ".repeat(9));
        let picture = Frame { now: second(90), look, height: 50, printed: &printed };
        for line in plain(&frame(&story.tree, &picture)).lines() {
            assert!(crate::render::text::width(line) <= width, "{width}: {line}");
        }
    }
}

#[test]
fn a_log_has_a_line_for_each_end() {
    let mut story = story();
    fail(&mut story);
    insta::assert_snapshot!(plain(&story.lines), @r#"
    churn-1: RUNNING
      done      prepare  1.0 s  name = a\u{1b}b, rows = 120
      done      for-loop-1[0]/train  6.0 s
      done      for-loop-1[1]/train  6.0 s
      failed    for-loop-1[2]/train  1.0 s: its command ended with exit code 3
      not run   report
    churn-1: FAILED in 15 s
    "#);
}

#[test]
fn programs_see_every_event() {
    let mut story = story();
    fail(&mut story);
    let last = story.events.last().unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(last).unwrap(), @r#"
    {
      "schema": "lightship.run.event/1",
      "run": "churn-1",
      "seq": 16,
      "at": "2023-11-14T22:13:36Z",
      "event": "failed",
      "task": "for-loop-1[2]/train",
      "attempt": 2,
      "outputs": null,
      "failure": {
        "reason": {
          "exit": 3
        },
        "message": "its command ended with exit code 3"
      },
      "cached_from": null,
      "changes": [
        {
          "task": "for-loop-1[2]/train",
          "state": "FAILED",
          "message": "its command ended with exit code 3"
        },
        {
          "task": "for-loop-1[2]",
          "state": "FAILED",
          "message": "`train` failed"
        },
        {
          "task": "for-loop-1",
          "state": "FAILED",
          "message": "`train` failed"
        },
        {
          "task": "report",
          "state": "OMITTED"
        },
        {
          "run": "FAILED"
        }
      ]
    }
    "#);
    assert_eq!(i64::try_from(story.events.len()).unwrap(), story.told);
}

#[test]
fn a_failure_says_what_ran_and_what_to_do() {
    let mut story = story();
    fail(&mut story);
    let package = lightship_ir::Package::of_values(vec![json!({
        "pipelineInfo": {"name": "churn"},
        "root": {"dag": {"tasks": {
            "prepare": task("work"), "report": task("work"),
            "for-loop-1": {
                "taskInfo": {"name": "for-loop-1"}, "componentRef": {"name": "rounds"},
                "parameterIterator": {"items": {"raw": "[1]"}, "itemInput": "item"},
            },
        }}},
        "components": {
            "work": {"executorLabel": "exec"},
            "rounds": {
                "dag": {"tasks": {"train": task("work")}},
                "inputDefinitions": {"parameters": {"item": {"parameterType": "NUMBER_INTEGER"}}},
            },
        },
        "deploymentSpec": {"executors": {"exec": {"container": {
            "image": "python:3.11",
            "command": ["sh", "-ec", "program_path=$(mktemp -d)\nprintf \"%s\" \"$0\" > x\n"],
            "args": ["--executor_input", "{{$}}"],
        }}}},
    })])
    .unwrap();
    let plan = lightship_ir::Plan::compile(&package).unwrap();
    let printed = |_, attempt| vec![format!("Traceback of attempt {attempt}"), "\u{7}".to_owned()];
    let troubles = Trouble::all(&story.tree, &plan, &printed);
    assert_eq!(troubles.len(), 1, "graphs fail because of what is in them");
    insta::assert_snapshot!(plain(&[troubles[0].text(&story.tree.run)]), @r#"

    for-loop-1[2]/train: its command ended with exit code 3
      image    python:3.11
      command  sh -ec 'program_path=$(mktemp -d)...' --executor_input '{{$}}'
      | Traceback of attempt 2
      | \u{7}
      all of it: lightship runs logs churn-1 'for-loop-1[2]/train'
      next: mend the step and run the pipeline again (what succeeded is taken from the cache), or, if it was a matter of chance, lightship runs retry churn-1
    "#);
}

fn task(component: &str) -> Value {
    json!({"taskInfo": {"name": "t"}, "componentRef": {"name": component}})
}
