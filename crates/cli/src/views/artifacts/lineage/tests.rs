//! A small history, with names that nobody should trust.

use super::*;

fn point(output: &str, steps: Vec<Step>) -> Point {
    Point {
        uri: format!("/a/{output}"),
        kind: Some("system.Dataset".to_owned()),
        output: Some(output.to_owned()),
        digest: Some(Digest::of(output.as_bytes())),
        bytes: Some(ByteSize(1_234)),
        repeated: false,
        cut: false,
        steps,
    }
}

fn step(relation: &'static str, run: &str, task: &str, artifacts: Vec<(&str, Point)>) -> Step {
    let artifacts = artifacts.into_iter();
    Step {
        relation,
        run: Some(run.to_owned()),
        task: Some(task.to_owned()),
        name: Some("data".to_owned()),
        state: (relation == "used_by").then_some("SUCCEEDED"),
        cached_from: None,
        created: None,
        artifacts: artifacts
            .map(|(name, artifact)| Link { name: name.to_owned(), artifact })
            .collect(),
        at: Timestamp::from_second(1_000).ok(),
    }
}

fn history() -> LineageDocument {
    let source = point("raw", vec![step("made_by", "run-1", "prep", Vec::new())]);
    let again = Point { repeated: true, steps: Vec::new(), ..source.clone() };
    let unknown = Point {
        kind: None,
        output: None,
        digest: None,
        bytes: None,
        ..point("elsewhere\u{1b}[2J", Vec::new())
    };
    let inputs = vec![("data", source), ("more", again), ("config", unknown)];
    let up = point("model", vec![step("made_by", "run-1", "loop[2]/train", inputs)]);
    let cached = Step {
        cached_from: Some("run-1".to_owned()),
        ..step("used_by", "run-2", "serve", Vec::new())
    };
    let failed = Step { state: Some("FAILED"), ..step("used_by", "run-1", "ev\"al|", Vec::new()) };
    let copy = Step {
        run: None,
        task: None,
        name: None,
        ..step("same_content", "", "", vec![("model", point("copy", Vec::new()))])
    };
    let down = Point { cut: true, ..point("model", vec![cached, failed, copy]) };
    LineageDocument { up: Some(up), down: Some(down) }
}

#[test]
fn a_history_is_a_tree() {
    let now = Timestamp::from_second(1_090).unwrap();
    for (name, glyphs) in [("unicode", Glyphs::Unicode), ("ascii", Glyphs::Ascii)] {
        let look = Look { width: None, glyphs, live: false };
        let text = history().text(now, &look);
        insta::assert_snapshot!(name, anstream::adapter::strip_str(&text).to_string());
    }
    let look = Look { width: None, glyphs: Glyphs::Ascii, live: false };
    let alone = LineageDocument { up: None, down: Some(point("model", Vec::new())) };
    assert!(alone.text(now, &look).contains("no task used it"));
}

#[test]
fn a_history_can_be_drawn() {
    insta::assert_snapshot!("dot", dot(&history()));
    insta::assert_snapshot!("mermaid", mermaid(&history()));
}
