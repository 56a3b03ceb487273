//! Files, good and bad.

use std::io::Write;

use proptest::prelude::*;
use serde_json::json;

use super::*;

const SMALL: &str = "pipelineInfo:\n  name: x\nroot: {dag: {tasks: {}}}\n";

fn values(text: &str) -> Value {
    match yaml::documents(text) {
        Ok(mut documents) => documents.remove(0),
        Err(error) => json!(error.to_string()),
    }
}

#[test]
fn plain_texts_have_the_types_of_the_core_schema() {
    let text = "[1, -2, +3, 0x10, 0o17, 1.5, 1e3, .5, 1.0, true, False, null, ~, yes, 012, 1_000, 2020-01-01, '1', \"a\\n\", 1.2.3, 18446744073709551615, 99999999999999999999, !!str 5, 0b1, 5., e5]";
    let expected = json!([
        1,
        -2,
        3,
        16,
        15,
        1.5,
        1000.0,
        0.5,
        1.0,
        true,
        false,
        null,
        null,
        "yes",
        12,
        "1_000",
        "2020-01-01",
        "1",
        "a\n",
        "1.2.3",
        u64::MAX,
        1e20,
        "5",
        "0b1",
        5.0,
        "e5"
    ]);
    assert_eq!(values(text), expected);
}

#[test]
fn anchors_aliases_and_merges_are_followed() {
    let text = "base: &b {a: 1, c: [x]}\nuse: *b\nmerged: {<<: *b, a: 2}\n? key\n: 1: one\n";
    let expected = json!({
        "base": {"a": 1, "c": ["x"]}, "use": {"a": 1, "c": ["x"]}, "merged": {"a": 2, "c": ["x"]}, "key": {"1": "one"}
    });
    assert_eq!(values(text), expected);
}

#[test]
fn what_is_no_yaml_is_told_with_its_place() {
    let laughs = |n: usize| {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for at in 1..n {
            let alias = format!("*a{}", at - 1);
            text += &format!("a{at}: &a{at} [{}]\n", vec![alias; 10].join(","));
        }
        text
    };
    let told: Vec<String> = [
        "a: [1, 2\nb: 3\n",
        "a: 1\na: 2\n",
        "a: .nan\n",
        "{[1]: 2}\n",
        "a: b: c\n",
        "a: *missing\n",
        "\ta: 1\n",
        "a: 'open\n",
        "<<: 3\n",
        "a: &x [*x]\n",
        &laughs(9),
        &"[".repeat(200),
        "---\n---\n---\n---\na: 1\n",
    ]
    .into_iter()
    .map(|text| format!("{:?}\n  {}", text.chars().take(20).collect::<String>(), values(text)))
    .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
"a: [1, 2\nb: 3\n"
  "line 2, column 2: illegal placement of ':' indicator"
"a: 1\na: 2\n"
  "line 2, column 1: key `a` stands twice"
"a: .nan\n"
  "line 1, column 4: JSON has no number `.nan`"
"{[1]: 2}\n"
  "line 1, column 2: a key must be a plain text"
"a: b: c\n"
  "line 1, column 5: mapping values are not allowed in this context"
"a: *missing\n"
  "line 1, column 4: while parsing node, found unknown anchor"
"\ta: 1\n"
  {"a":1}
"a: 'open\n"
  "line 1, column 4: while scanning a quoted scalar, found unexpected end of stream"
"<<: 3\n"
  "line 1, column 1: `<<` takes a map or a list of maps"
"a: &x [*x]\n"
  "line 1, column 8: an alias stands within its own anchor"
"a0: &a0 [x,x,x,x,x,x"
  "line 7, column 10: the text stands for more values than a pipeline can have"
"[[[[[[[[[[[[[[[[[[[["
  "line 1, column 102: values are nested too deeply"
"---\n---\n---\n---\na: 1"
  "the file has more than two documents: a pipeline, and what it wants of a platform"
"#);
}

/// A text or a key of a megabyte that is named a thousand times, an anchor within an anchor within an anchor, and JSON,
/// whose reader does not count.
#[test]
fn a_small_file_does_not_stand_for_more_than_memory_holds() {
    let long = "x".repeat(1 << 20);
    let aliases = vec!["*a"; 1000].join(",");
    let nested = (0..90).map(|at| format!("[&n{at} ")).collect::<String>();
    for text in [
        format!("a: &a '{long}'\nb: [{aliases}]\n"),
        format!("a: &a {{'{long}': 1}}\nb: [{aliases}]\n"),
        format!("a: {nested}'{long}{long}'{}\n", "]".repeat(90)),
    ] {
        let error = Package::read(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("more values than a pipeline can have"), "{error}");
    }
    assert!(!yaml::is_bounded_json(&format!("{{\"a\": [{}]}}", vec!["[]"; 1_000_000].join(","))));
    assert!(yaml::is_bounded_json(&format!("{{\"a\": \"\\\"{}\"}}", ",".repeat(2_000_000))));
    let fine = format!("{SMALL}x: ['{long}', '{long}']\n");
    assert!(Package::read(fine.as_bytes()).is_ok());
}

#[test]
fn one_two_or_three_documents() {
    let two = format!("# a comment\n{SMALL}---\nplatforms: {{}}\n");
    let package = Package::read(two.as_bytes()).unwrap();
    assert_eq!(package.platform(), Some(&json!({"platforms": {}})));
    assert!(package.to_yaml().starts_with("# a comment\npipelineInfo:\n"));
    let three = format!("{two}---\na: 1\n");
    assert_eq!(Package::read(three.as_bytes()), Err(PackageError::TooManyDocuments));
    let wrapped =
        r#"{"pipeline_spec": {"pipelineInfo": {"name": "x"}}, "platform_spec": {"platforms": {}}}"#;
    let package = Package::read(wrapped.as_bytes()).unwrap();
    assert_eq!(package.pipeline(), &json!({"pipelineInfo": {"name": "x"}}));
    assert!(package.platform().is_some());
}

#[test]
fn what_is_no_pipeline_says_so() {
    let of = |bytes: &[u8]| Package::read(bytes).unwrap_err().to_string();
    let told = [
        of(b""),
        of(b"# only a comment\n"),
        of(b"a: 1\n"),
        of(b"text\n"),
        of(b"[]"),
        of(b"\x89PNG\r\n\x1a\n\xff"),
        of(b"PK\x03\x04broken"),
        of(b"\x1f\x8bbroken"),
        of(&zipped(&[("readme.txt", "x")])),
        of(&zipped(&[("a.yaml", SMALL), ("b.yaml", SMALL)])),
    ];
    insta::assert_snapshot!(told.join("\n"), @r#"
the file is empty
the file is empty
the file is no compiled pipeline: it has neither `pipelineInfo` nor `root`
the file is no compiled pipeline: it has neither `pipelineInfo` nor `root`
the file is no compiled pipeline: it has neither `pipelineInfo` nor `root`
the file is neither text nor an archive that is known: YAML, JSON, zip or tar.gz
the file looks like a zip archive but cannot be read: invalid Zip archive: Could not find EOCD
the file looks like a tar.gz archive but cannot be read: unexpected end of file
the archive holds no .yaml, .yml or .json file
the archive holds several pipelines: a.yaml, b.yaml
"#);
}

fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn tarred(files: &[(&str, &str)]) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let mut tar = tar::Builder::new(gzip);
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

#[test]
fn archives_are_opened() {
    let plain = Package::read(SMALL.as_bytes()).unwrap();
    let others = [("notes.txt", "x"), ("dir/pipeline.yaml", SMALL), ("other.yaml", "a: 1")];
    for bytes in [
        zipped(&[("x.yml", SMALL)]),
        zipped(&others),
        tarred(&[("x.json", SMALL)]),
        tarred(&others),
    ] {
        assert_eq!(Package::read(&bytes).as_ref(), Ok(&plain));
    }
}

#[test]
fn a_container_is_changed_and_all_else_stays() {
    let text = "pipelineInfo: {name: x}\ndeploymentSpec:\n  executors:\n    e:\n      container: {image: old, command: [a], x-own: 1}\n    i:\n      importer: {}\n";
    let mut package = Package::read(text.as_bytes()).unwrap();
    let containers = package.containers();
    assert_eq!((containers.len(), containers[0].image.as_str()), (1, "old"));
    let edit = ContainerEdit {
        image: Some("new@sha256:0".into()),
        command: Some(vec!["python3".into(), "import x\n\nprint('é')\n".into()]),
        args: None,
    };
    package.edit_container("e", edit).unwrap();
    insta::assert_snapshot!(package.to_yaml(), @r#"
pipelineInfo:
  name: x
deploymentSpec:
  executors:
    e:
      container:
        image: "new@sha256:0"
        command:
        - python3
        - |
          import x

          print('é')
        x-own: 1
    i:
      importer: {}
"#);
    let error = package.edit_container("i", ContainerEdit::default()).unwrap_err();
    assert_eq!(error.to_string(), "executor `i` is no container of the pipeline");
}

fn json_values() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "\\PC{0,12}",
        "[ \n\ta#:'\"|>-]{0,12}",
        any::<String>(),
        Just("yes".to_owned()),
        Just("1e5".to_owned()),
        Just("- a\n  b\n\n".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no others", |f| f.is_finite()).prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..5).prop_map(|entries| Value::Object(
                entries.into_iter().filter(|(k, _)| k != "<<").collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_again(value in json_values()) {
        let pipeline = json!({"root": value});
        let package = Package::of_values(vec![pipeline.clone()]).unwrap();
        let text = package.to_yaml();
        let again = Package::read(text.as_bytes());
        prop_assert_eq!(again.as_ref().map(Package::pipeline), Ok(&pipeline), "{}", text);
    }
}
