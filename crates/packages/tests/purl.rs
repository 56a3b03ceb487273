//! The cases of the specification itself, where the shared corpus lies beside the project.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::path::Path;

use lightship_packages::purl::Purl;
use serde_json::Value;

#[test]
fn cases_of_the_specification() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/purl");
    let Ok(files) = fs::read_dir(&folder) else {
        support::skip("no shared corpus beside the project");
        return;
    };
    let mut cases = 0;
    for file in files {
        let path = file.unwrap().path();
        let document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for case in document["tests"].as_array().unwrap() {
            check(case);
            cases += 1;
        }
    }
    assert!(cases > 0, "the corpus holds no case");
    println!("{cases} cases");
}

fn check(case: &Value) {
    let input = &case["input"];
    let purl = match case["test_type"].as_str().unwrap() {
        "build" => Ok(build(input)),
        _ => input.as_str().unwrap().parse::<Purl>(),
    };
    if case["expected_failure"] == true {
        assert!(purl.is_err(), "{case}");
        return;
    }
    let purl = purl.unwrap();
    let expected = &case["expected_output"];
    if expected.is_string() {
        assert_eq!(purl.to_string(), expected.as_str().unwrap(), "{case}");
    } else {
        assert_eq!(parts(&purl), *expected, "{case}");
    }
}

fn build(parts: &Value) -> Purl {
    let text = |key: &str| parts[key].as_str().unwrap_or_default().to_owned();
    let mut purl = Purl::new(&text("type"), &text("name"))
        .with_namespace(&text("namespace"))
        .with_version(&text("version"))
        .with_subpath(&text("subpath"));
    for (key, value) in parts["qualifiers"].as_object().into_iter().flatten() {
        purl = purl.with_qualifier(key, value.as_str().unwrap());
    }
    purl
}

fn parts(purl: &Purl) -> Value {
    let qualifiers = (!purl.qualifiers().is_empty()).then(|| purl.qualifiers());
    serde_json::json!({
        "type": purl.kind(),
        "namespace": purl.namespace(),
        "name": purl.name(),
        "version": purl.version(),
        "qualifiers": qualifiers,
        "subpath": purl.subpath(),
    })
}
