//! What one artifact looks like, of every type, from tasks that nobody should trust.

use lightship_base::{ByteSize, Digest};
use lightship_engine::Artifact;
use lightship_ir::{ArtifactType, Schema as TypeSchema};
use serde_json::json;

use super::*;
use crate::render::Glyphs;
use crate::views::artifacts::content::Form;

fn document(kind: &str, metadata: &Value, content: Preview) -> ShowDocument {
    let metadata = metadata.as_object().unwrap().clone();
    let kind_of =
        ArtifactType { schema: TypeSchema::Title(kind.to_owned()), version: "0.0.1".to_owned() };
    let artifact = Artifact {
        name: "result".to_owned(),
        kind: kind_of,
        uri: "/home/artifacts/p/run-1/train/2/result".to_owned(),
        metadata: metadata.clone(),
        custom_path: None,
    };
    let is_nothing = matches!(content, Preview::Nothing);
    ShowDocument {
        entry: Entry {
            kind: kind.to_owned(),
            name: artifact.name.clone(),
            uri: artifact.uri.clone(),
            digest: (!is_nothing).then(|| Digest::of(b"x")),
            bytes: (!is_nothing).then_some(ByteSize(4_096)),
            run: "run-1".to_owned(),
            pipeline: "p".to_owned(),
            task: "for-loop-1[3]/train".to_owned(),
            attempt: 2,
            output: "result".to_owned(),
            created: None,
            metadata,
            at: Timestamp::from_second(1_000_000).ok(),
        },
        image: Some("python:3.11".to_owned()),
        producer_known: true,
        intact: None,
        consumers: Vec::new(),
        same_content: Vec::new(),
        area_under_curve: None,
        content,
        shown: artifact.shown(),
    }
}

fn shown(document: &ShowDocument, width: usize) -> String {
    let look = Look { width: Some(width), glyphs: Glyphs::Unicode, live: false };
    let text = document.text(Timestamp::from_second(1_007_200).unwrap(), 8, &look);
    let plain = anstream::adapter::strip_str(&text).to_string();
    assert!(plain.chars().all(|c| c == '\n' || !c.is_control()), "{plain:?}");
    plain
}

fn text(form: Form, text: &str) -> Preview {
    Preview::Text { form, text: text.to_owned(), more: false }
}

#[test]
fn metrics_and_classification_are_drawn() {
    let metrics =
        json!({"accuracy": 0.953_333_3, "epochs": 3, "note": "ok\u{1b}[31m", "big": 1.5e12});
    insta::assert_snapshot!(
        "metrics",
        shown(&document("system.Metrics", &metrics, Preview::Nothing), 80)
    );

    let classification = json!({
        "confidenceMetrics": [
            {"confidenceThreshold": "Infinity"},
            {"confidenceThreshold": 0.8, "recall": 0.6, "falsePositiveRate": 0.05},
            {"confidenceThreshold": 0.1, "recall": 1.0, "falsePositiveRate": 0.4},
        ],
        "confusionMatrix": {
            "annotationSpecs": [{"displayName": "cat"}, {"displayName": "dog\u{202e}"}],
            "rows": [{"row": [38, 2]}, {"row": [5, 30]}],
        },
        "extra": "said",
    });
    let document_of =
        |metadata: &Value| document("system.ClassificationMetrics", metadata, Preview::Nothing);
    insta::assert_snapshot!("classification", shown(&document_of(&classification), 60));
    let nothing =
        shown(&document_of(&json!({"confidenceMetrics": "no", "confusionMatrix": 7})), 60);
    assert!(nothing.contains("no curve and no matrix were logged"), "{nothing}");
}

#[test]
fn pages_texts_folders_and_bytes_are_shown_as_far_as_they_can() {
    let evil = "a,b\u{1b}]0;owned\u{7}\n1,2\t\u{9b}3\n".repeat(6);
    let mut dataset = document("system.Dataset", &json!({"rows": 12}), text(Form::Plain, &evil));
    dataset.consumers = vec![
        User {
            run: "run-1".to_owned(),
            task: "serve".to_owned(),
            input: "data".to_owned(),
            state: "FAILED",
            cached_from: None,
        },
        User {
            run: "run-2".to_owned(),
            task: "serve".to_owned(),
            input: "data".to_owned(),
            state: "SUCCEEDED",
            cached_from: Some("run-1".to_owned()),
        },
    ];
    dataset.intact = Some(false);
    dataset.same_content = vec!["/other/a".to_owned(), "/other/b".to_owned()];
    insta::assert_snapshot!("dataset", shown(&dataset, 60));

    let page = "<h1>Report</h1><script>x</script><p>Fine &amp; well</p>";
    let page = document("system.HTML", &json!({}), text(Form::Html, page));
    insta::assert_snapshot!("html", shown(&page, 60));
    let markdown = document("system.Markdown", &json!({}), text(Form::Markdown, "# Hi\n\n*there*"));
    assert!(shown(&markdown, 60).ends_with("Content\n  Hi\n  there\n"), "{}", shown(&markdown, 60));

    let folder = Preview::Folder {
        entries: vec![("a/".to_owned(), None), ("w\u{1b}".to_owned(), Some(ByteSize(12)))],
        more: 3,
    };
    insta::assert_snapshot!("folder", shown(&document("system.Model", &json!({}), folder), 60));
    for (preview, words) in [
        (Preview::Gone, "gone: nothing is at"),
        (Preview::Elsewhere, "not on this machine"),
        (Preview::Binary { kind: Some("a pickle") }, "a pickle"),
        (Preview::Unreadable { why: "no right\u{1b}".to_owned() }, r"no right\u{1b}"),
        (Preview::Nothing, "left no content"),
    ] {
        let text = shown(&document("system.Model", &json!({}), preview), 60);
        assert!(text.contains(words), "{text}");
    }
}
