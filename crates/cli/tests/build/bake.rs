//! Pipelines whose steps have their packages already: compiled ones that lie beside the project, by nobody here.

use std::fs;
use std::path::{Path, PathBuf};

use lightship_ir::Package;
use lightship_testkit::docker_registry::skip;
use serde_json::{Value, json};

use super::refusal;
use super::stock::Stocked;
use crate::common::LIGHTSHIP;

/// A compiled pipeline beside the project.
pub(super) fn pipeline(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/kfp");
    let path = folder.join(name);
    if !path.is_file() {
        skip("no shared corpus beside the project");
        return None;
    }
    Some(path)
}

#[test]
fn a_step_starts_without_pip_and_gives_what_it_should() {
    let Some(stocked) = Stocked::open() else { return };
    let environment = &stocked.environment;
    let Some(path) = pipeline("critical/add_numbers.yaml") else { return };
    let baked = environment.json(0, &format!("bake {} -o baked.yaml", path.display()));
    assert_eq!(baked["pipeline"], "add-numbers");
    assert_eq!(
        baked["steps"],
        json!([{
            "executor": "exec-add-numbers", "image": "python:3.11", "baked": 0, "kept": null,
        }])
    );
    let reference = baked["images"][0]["reference"].as_str().unwrap();
    assert!(reference.starts_with("localhost/steps/") && reference.contains("@sha256:"));

    let text = fs::read_to_string(environment.work().join("baked.yaml")).unwrap();
    assert!(text.contains(reference) && !text.contains("pip install"), "{text}");
    assert!(text.starts_with("# PIPELINE DEFINITION\n# Name: add-numbers\n"), "{text}");

    // The same again is the same, and quick to say.
    let again = environment.json(0, "bake baked.yaml -o again.yaml");
    assert_eq!(again["steps"][0]["kept"]["failed"], false);
    let package = Package::read(text.as_bytes()).unwrap();
    let step = &package.containers()[0];
    assert_eq!(step.command[..2], ["python3", "-c"]);
    let outputs = json!({
        "parameters": {"Output": {"outputFile": "/tmp/kfp/outputs/Output"}},
        "outputFile": "/tmp/out/output_metadata.json",
    });
    let input = json!({"inputs": {"parameterValues": {"a": 2, "b": 40}}, "outputs": outputs});
    let args = step.args.iter().map(|word| word.replace("{{$}}", &input.to_string()));
    let words: Vec<String> = step.command[1..].iter().cloned().chain(args).collect();
    // What the step does, and then what it wrote.
    let program = "import subprocess, sys\n\
                   subprocess.run([sys.executable, *sys.argv[1:]], check=True, capture_output=True)\n\
                   print(open('/tmp/out/output_metadata.json').read())";
    let name = reference.split('@').next().unwrap();
    let mut arguments = vec!["--quiet", "image", "run", "--entrypoint", "python3", name, "--"];
    arguments.extend(["-c", program]);
    arguments.extend(words.iter().map(String::as_str));
    let said = environment.peer(LIGHTSHIP, &arguments);
    let account: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(account["parameterValues"]["Output"], 42);
}

#[test]
fn what_is_no_pipeline_is_refused_and_nothing_is_written() {
    let environment = crate::common::TestEnvironment::new();
    for name in ["empty_file.yaml", "invalid_yaml.yaml", "no_name.yaml"] {
        let Some(path) = pipeline(&format!("invalid/{name}")) else { return };
        let said = refusal(&environment, 3, &format!("bake {} -o baked.yaml", path.display()));
        assert!(said.contains(name), "{said}");
    }
    let said = refusal(&environment, 3, "bake missing.yaml -o baked.yaml");
    assert!(said.contains("missing.yaml"), "{said}");
    fs::write(environment.work().join("p.yaml"), "root: {dag: {}}\npipelineInfo: {name: p}\n")
        .unwrap();
    let said = refusal(&environment, 2, "bake p.yaml -o baked.yaml --push Not/A/Registry");
    insta::assert_snapshot!(said);
    assert!(!environment.work().join("baked.yaml").exists());
}
