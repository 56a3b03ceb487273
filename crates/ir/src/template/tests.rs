//! Placeholders, well formed and not.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::exchange::{Artifact, Exchange};
use crate::plan::{ArtifactType, InputParameter, Inputs, OutputArtifact, Outputs};
use crate::value::ParameterType;

fn exchange() -> Exchange {
    let mut exchange = Exchange::default();
    let parameters = json!({"n": 3.0, "t": "a \"b\"", "l": [1.0, "x"], "s": "{\"k\": [10, 20]}", "b": true, "z": null});
    for (name, value) in parameters.as_object().unwrap() {
        exchange.inputs.parameters.insert(name.clone(), value.clone());
    }
    let metadata = json!({"k": 1.0}).as_object().unwrap().clone();
    let artifact = Artifact {
        name: "data".into(),
        kind: ArtifactType::generic(),
        uri: "s3://bucket/x".into(),
        metadata,
        custom_path: None,
    };
    exchange.inputs.artifacts.insert("data".into(), vec![artifact]);
    exchange.inputs.artifacts.insert("none".into(), Vec::new());
    let model = OutputArtifact {
        kind: ArtifactType::generic(),
        list: false,
        metadata: serde_json::Map::new(),
    };
    let declared = Outputs {
        parameters: [("p".to_owned(), ParameterType::String)].into(),
        artifacts: [("model".to_owned(), model)].into(),
    };
    exchange.outputs = crate::exchange::Outputs::below("minio://root/run/task", &declared);
    exchange
}

fn declared() -> Inputs {
    let optional = InputParameter {
        kind: ParameterType::String,
        default: None,
        optional: true,
        literals: Vec::new(),
        description: None,
    };
    Inputs { parameters: [("absent".to_owned(), optional)].into(), ..Inputs::default() }
}

fn facts() -> Facts {
    Facts { job_name: "My run".into(), job_id: "1234".into(), ..Facts::default() }
}

fn rendered(argument: &str) -> Result<Vec<String>, String> {
    let argument = Argument::parse(argument).map_err(|error| error.to_string())?;
    let (exchange, facts, declared) = (exchange(), facts(), declared());
    let context = Context { exchange: &exchange, facts: &facts, declared: &declared };
    argument.render(&context).map_err(|error| error.to_string())
}

#[test]
fn texts_are_completed() {
    let cases = [
        ("plain {text} {{ x }}", "plain {text} {{ x }}"),
        ("{{$.inputs.parameters['n']}}", "3"),
        ("<{{$.inputs.parameters['t']}}|{{$.inputs.parameters['b']}}>", "<a \"b\"|true>"),
        ("{{$.inputs.parameters[''l'']}}", r#"[1,"x"]"#),
        ("{{$.inputs.parameters[\"l\"][1]}}", "x"),
        ("{{$.inputs.parameters['s']['k'][1]}}", "20"),
        ("{{$.inputs.parameters['t'].json_escape[1]}}", "a \\\"b\\\""),
        ("{{$.inputs.parameters['z']}}{{$.inputs.parameters['absent']}}", ""),
        ("{{$.inputs.parameters['unknown']}}", "{{$.inputs.parameters['unknown']}}"),
        (
            "{{$.inputs.artifacts['data'].uri}} {{$.inputs.artifacts['data'].path}}",
            "s3://bucket/x /s3/bucket/x",
        ),
        ("{{$.inputs.artifacts['data'].metadata['k']}}", "1"),
        ("{{$.outputs.artifacts['model'].path}}", "/minio/root/run/task/model"),
        ("{{$.outputs.parameters['p'].output_file}}", "/tmp/kfp/outputs/p"),
        ("{{$.outputs.output_file}}", "/minio/root/run/task/output_metadata.json"),
        ("{{$.pipeline_job_name}}/{{$.pipeline_job_uuid}}", "My run/1234"),
        ("{{$.Values.helm}} {{$x}}", "{{$.Values.helm}} {{$x}}"),
    ];
    for (text, expected) in cases {
        assert_eq!(rendered(text), Ok(vec![expected.to_owned()]), "{text}");
    }
}

#[test]
fn the_whole_exchange_is_json() {
    let all = rendered("{{$}}").unwrap().remove(0);
    insta::assert_snapshot!(all, @r#"{"inputs":{"parameterValues":{"b":true,"l":[1,"x"],"n":3,"s":"{\"k\": [10, 20]}","t":"a \"b\"","z":null},"artifacts":{"data":{"artifacts":[{"name":"data","type":{"schemaTitle":"system.Artifact","schemaVersion":"0.0.1"},"uri":"s3://bucket/x","metadata":{"k":1}}]},"none":{"artifacts":[]}}},"outputs":{"parameters":{"p":{"outputFile":"/tmp/kfp/outputs/p"}},"artifacts":{"model":{"artifacts":[{"name":"model","type":{"schemaTitle":"system.Artifact","schemaVersion":"0.0.1"},"uri":"minio://root/run/task/model","metadata":{}}]}},"outputFile":"/minio/root/run/task/output_metadata.json"}}"#);
    assert_eq!(serde_json::from_str::<Value>(&all).unwrap(), exchange().to_json());
}

#[test]
fn structures_are_unfolded() {
    let cases: [(&str, &[&str]); 10] = [
        (r#"{"Concat": ["a=", "{{$.inputs.parameters['n']}}"]}"#, &["a=3"]),
        (
            r#"{"IfPresent": {"InputName": "n", "Then": ["--n", "{{$.inputs.parameters['n']}}"]}}"#,
            &["--n", "3"],
        ),
        (r#"{"IfPresent": {"InputName": "z", "Then": ["--z"]}}"#, &[]),
        (r#"{"IfPresent": {"InputName": "none", "Then": "yes", "Else": "no"}}"#, &["no"]),
        (r#"{"IfPresent": {"InputName": "data", "Then": "yes"}}"#, &["yes"]),
        (
            r#"{"Concat": ["x", {"IfPresent": {"InputName": "absent", "Then": "1", "Else": {"Concat": ["2", "3"]}}}]}"#,
            &["x23"],
        ),
        (r#"{"Concat": ["x", {"IfPresent": {"InputName": "absent", "Then": "1"}}]}"#, &["x"]),
        ("{\"IfPresent\":\n {\"InputName\": \"n\", \"Then\": []}}", &[]),
        (r#"{"other": 1}"#, &[r#"{"other": 1}"#]),
        ("{not json", &["{not json"]),
    ];
    for (argument, expected) in cases {
        assert_eq!(
            rendered(argument),
            Ok(expected.iter().map(ToString::to_string).collect()),
            "{argument}"
        );
    }
}

#[test]
fn what_makes_no_sense_says_why() {
    let of = |argument: &str| match rendered(argument) {
        Ok(value) => panic!("{argument} is {value:?}"),
        Err(error) => format!("{argument}\n  {error}"),
    };
    let told: Vec<String> = [
        "{{$.inputs.parameters[n]}}",
        "{{$.inputs.parameters['n'}}",
        "{{$.inputs.parameter['n']}}",
        "{{$.inputs.artifacts['data'].pth}}",
        "{{$.outputs.parameters['p']}}",
        "{{$.pipeline_job_nam}}",
        "{{$.inputs.parameters['s']['x']}}",
        "{{$.inputs.parameters['n'].json_escape[9]}}",
        "{{$.inputs",
        r#"{"IfPresent": {"Then": "x"}}"#,
        r#"{"Concat": "x"}"#,
        r#"{"Concat": [1]}"#,
        r#"{"Concat": ["a""#,
        r#"{"Concat": ["{{$.inputs.x}}"]}"#,
    ]
    .into_iter()
    .map(of)
    .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
{{$.inputs.parameters[n]}}
  `{{$.inputs.parameters[n]}}` is no placeholder
{{$.inputs.parameters['n'}}
  `{{$.inputs.parameters['n'}}` is no placeholder
{{$.inputs.parameter['n']}}
  `{{$.inputs.parameter['n']}}` is no placeholder
{{$.inputs.artifacts['data'].pth}}
  `{{$.inputs.artifacts['data'].pth}}` is no placeholder
{{$.outputs.parameters['p']}}
  `{{$.outputs.parameters['p']}}` is no placeholder
{{$.pipeline_job_nam}}
  there is no placeholder `pipeline_job_nam` (nearest: `pipeline_job_name`)
{{$.inputs.parameters['s']['x']}}
  `{{$.inputs.parameters['s']['x']}}`: there is nothing at ['x']
{{$.inputs.parameters['n'].json_escape[9]}}
  `{{$.inputs.parameters['n'].json_escape[9]}}` is no placeholder
{{$.inputs
  `{{$.inputs` is no placeholder
{"IfPresent": {"Then": "x"}}
  the argument begins like `IfPresent` and is none: `InputName` is missing
{"Concat": "x"}
  the argument begins like `Concat` and is none: `Concat` takes a list, `IfPresent` an object
{"Concat": [1]}
  the argument begins like `Concat` and is none: a part is neither a text nor an object with one key
{"Concat": ["a"
  the argument begins like `Concat` and is none: EOF while parsing a list at line 1 column 15
{"Concat": ["{{$.inputs.x}}"]}
  `{{$.inputs.x}}` is no placeholder
"#);
}

#[test]
fn constants_keep_their_shape() {
    let value = json!({"a": ["{{$.inputs.parameters['n']}}", 1.5, null], "b": "plain"});
    let constant = Constant::parse(&value).unwrap();
    let (exchange, facts, declared) = (exchange(), facts(), declared());
    let context = Context { exchange: &exchange, facts: &facts, declared: &declared };
    assert_eq!(constant.render(&context).unwrap(), json!({"a": ["3", 1.5, null], "b": "plain"}));
    let stored = serde_json::to_value(&constant).unwrap();
    assert_eq!(stored, value);
    assert_eq!(serde_json::from_value::<Constant>(stored).unwrap(), constant);
    assert!(Constant::parse(&json!({"a": 1})).unwrap().is_literal());
}

proptest! {
    #[test]
    fn a_text_without_placeholders_is_itself(text in "[^$]*") {
        let template = Template::parse(&text).unwrap();
        prop_assert!(template.is_literal());
        let argument = Argument::lenient(&text);
        prop_assert_eq!(argument.source(), text.as_str());
    }

    #[test]
    fn any_text_can_be_read_leniently_and_is_kept(text in "(\\{\\{\\$|\\}\\}|\\.inputs|\\.parameters|\\['n'\\]|[a-z'\\[\\]{}. ]){0,12}") {
        let template = Template::lenient(&text);
        prop_assert_eq!(template.text(), text.as_str());
        let (exchange, facts, declared) = (exchange(), facts(), declared());
        let context = Context { exchange: &exchange, facts: &facts, declared: &declared };
        drop(template.render(&context));
    }

    #[test]
    fn values_between_literals_are_where_they_were(before in "[a-z{} ]*", after in "[a-z{} ]*") {
        let argument = format!("{before}{{{{$.inputs.parameters['n']}}}}{after}");
        prop_assert_eq!(Template::parse(&argument).map(|t| t.placeholders().count()), Ok(1));
    }
}
