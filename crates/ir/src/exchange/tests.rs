//! What a task is given and what it gives back.

use serde_json::json;

use super::*;
use crate::plan::{ArtifactType, OutputArtifact, Schema};
use crate::value::ParameterType;

fn declared() -> plan::Outputs {
    let kind =
        ArtifactType { schema: Schema::Title("system.Model".into()), version: "0.0.1".into() };
    let model = OutputArtifact { kind, list: false, metadata: serde_json::Map::new() };
    plan::Outputs {
        parameters: [
            ("flag".to_owned(), ParameterType::Boolean),
            ("list".to_owned(), ParameterType::List),
            ("n".to_owned(), ParameterType::NumberInteger),
            ("text".to_owned(), ParameterType::String),
        ]
        .into(),
        artifacts: [("model".to_owned(), model)].into(),
    }
}

fn exchange() -> Exchange {
    let outputs = Outputs::below("s3://bucket/root/task?region=x", &declared());
    Exchange { outputs, ..Exchange::default() }
}

fn written(account: &str, files: &[(&str, &str)]) -> Written {
    Written {
        account: (!account.is_empty()).then(|| account.as_bytes().to_vec()),
        parameters: files
            .iter()
            .map(|(n, text)| ((*n).to_owned(), text.as_bytes().to_vec()))
            .collect(),
    }
}

#[test]
fn outputs_are_provisioned() {
    let exchange = exchange();
    assert_eq!(exchange.outputs.artifacts["model"].uri, "s3://bucket/root/task/model");
    assert_eq!(exchange.outputs.file, "/s3/bucket/root/task/output_metadata.json");
    assert_eq!(exchange.outputs.folders(), ["/s3/bucket/root/task", "/tmp/kfp/outputs"]);
    insta::assert_snapshot!(exchange.to_json(), @r#"{"inputs":{},"outputs":{"parameters":{"flag":{"outputFile":"/tmp/kfp/outputs/flag"},"list":{"outputFile":"/tmp/kfp/outputs/list"},"n":{"outputFile":"/tmp/kfp/outputs/n"},"text":{"outputFile":"/tmp/kfp/outputs/text"}},"artifacts":{"model":{"artifacts":[{"name":"model","type":{"schemaTitle":"system.Model","schemaVersion":"0.0.1"},"uri":"s3://bucket/root/task/model","metadata":{}}]}},"outputFile":"/s3/bucket/root/task/output_metadata.json"}}"#);
}

#[test]
fn the_account_goes_before_the_files() {
    let account = r#"{"parameterValues": {"n": 3.0, "text": 5, "list": null}, "artifacts": {"model": {"artifacts":
        [{"name": "m", "uri": "s3://else", "metadata": {"loss": NaN, "text": "NaN\""}, "custom_path": "/tmp/m"}]}}}"#;
    let files = [("n", "9"), ("flag", " True\n"), ("list", "[1]")];
    let error = collect(&declared(), &exchange(), &written(account, &files)).unwrap_err();
    assert_eq!(error[0].to_string(), "output parameter `list`: expected LIST, got null");
    let account = account.replace(r#", "list": null"#, "");
    let produced = collect(&declared(), &exchange(), &written(&account, &files)).unwrap();
    let parameters = json!(produced.parameters);
    assert_eq!(parameters, json!({"flag": true, "list": [1], "n": 3, "text": "5"}));
    let model = &produced.artifacts["model"][0];
    assert_eq!((model.uri.as_str(), model.path().as_str()), ("s3://else", "/tmp/m"));
    assert_eq!(model.metadata["loss"], json!("NaN"));
}

#[test]
fn what_was_promised_and_not_given_is_told() {
    let of = |account: &str, files: &[(&str, &str)]| {
        let errors = collect(&declared(), &exchange(), &written(account, files)).unwrap_err();
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let files = [("n", "2.5"), ("flag", "maybe"), ("list", "{}"), ("text", "")];
    insta::assert_snapshot!(of("", &files), @r#"
output parameter `flag`: `maybe` cannot be read as BOOLEAN
output parameter `list`: expected LIST, got the object {}
output parameter `n`: expected NUMBER_INTEGER, got the number 2.5
"#);
    insta::assert_snapshot!(of(r#"{"parameterValues": {"n": 1}}"#, &[]), @r#"
the task wrote no value for its output parameter `flag`
the task wrote no value for its output parameter `list`
the task wrote no value for its output parameter `text`
"#);
    insta::assert_snapshot!(of("{", &[]), @"the task's account of its outputs cannot be read: EOF while parsing an object at line 1 column 1");
    insta::assert_snapshot!(of(r#"{"artifacts": 3}"#, &[]), @"the task's account of its outputs cannot be read: invalid type: integer `3`, expected a map at line 1 column 15");
}

#[test]
fn uris_have_their_places() {
    let cases = [
        ("gs://b/x", "/gcs/b/x"),
        ("minio://b/x", "/minio/b/x"),
        ("s3://b/x", "/s3/b/x"),
        ("oci://reg.io/a/b:1", "/oci/reg.io_a_b:1/models"),
        ("/data/x", "/data/x"),
        ("https://host/x", "https://host/x"),
    ];
    for (uri, path) in cases {
        assert_eq!(local_path(uri), path);
    }
    assert_eq!(workspace_path("s3://b/x"), "/kfp-workspace/.artifacts/s3/b/x");
}

#[test]
fn metrics_are_understood() {
    let artifact = |title: &str, metadata: serde_json::Value| Artifact {
        name: String::new(),
        kind: ArtifactType { schema: Schema::Title(title.into()), version: String::new() },
        uri: String::new(),
        metadata: metadata.as_object().unwrap().clone(),
        custom_path: None,
    };
    let metrics = artifact("system.Metrics", json!({"accuracy": 0.9, "note": "ok", "nested": {}}));
    assert_eq!(json!(metrics.shown()), json!({"metrics": {"accuracy": 0.9, "note": "ok"}}));
    let classification = json!({
        "confidenceMetrics": [
            {"confidenceThreshold": "Infinity", "recall": 0, "falsePositiveRate": 0},
            {"confidenceThreshold": 0.5, "recall": 0.8},
            "broken",
        ],
        "confusionMatrix": {"annotationSpecs": [{"displayName": "a"}, {"displayName": "b"}],
            "rows": [{"row": [3, 1]}, {"row": [0, 4]}]},
    });
    let Some(Shown::Classification { roc, confusion }) =
        artifact("system.ClassificationMetrics", classification.clone()).shown()
    else {
        panic!("no classification")
    };
    assert_eq!(roc.len(), 2);
    assert!(roc[0].confidence_threshold.is_infinite());
    assert_eq!(confusion.unwrap().rows, [[3.0, 1.0], [0.0, 4.0]]);
    let sliced =
        json!({"evaluationSlices": [{"slice": "s", "sliceClassificationMetrics": classification}]});
    let shown = artifact("system.SlicedClassificationMetrics", sliced).shown();
    assert!(matches!(shown, Some(Shown::Sliced(all)) if all[0].roc.len() == 2));
    assert_eq!(artifact("system.HTML", json!({})).shown(), Some(Shown::Html));
    assert_eq!(artifact("system.Dataset", json!({})).shown(), None);
}

#[test]
fn a_final_status_is_what_the_sdk_reads() {
    let status = FinalStatus {
        state: "FAILED".into(),
        task: "exit-handler-1".into(),
        job_resource_name: "p-1".into(),
        error: Some((9, "no".into())),
    };
    insta::assert_snapshot!(status.to_json(), @r#"{"state":"FAILED","error":{"code":9,"message":"no"},"pipelineJobResourceName":"p-1","pipelineTaskName":"exit-handler-1"}"#);
}
