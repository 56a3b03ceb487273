//! Pipelines whose steps have their packages already: compiled ones that lie beside the project, by nobody here.

use std::fs;
use std::path::{Path, PathBuf};

use lightship_ir::Package;
use lightship_testkit::docker_registry::{DockerRegistry, RegistryOptions, skip};
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
    let mut steps = baked["steps"].clone();
    // What the image weighs is known where its registry answers.
    steps[0].as_object_mut().unwrap().remove("image_bytes").unwrap();
    assert_eq!(
        steps,
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
    let mut arguments = vec!["--quiet", "image", "run", "--entrypoint", "python3", reference, "--"];
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

/// A pipeline of one lightweight step for each of these: what it installs, and what its function does.
fn steps(steps: &[(&str, &str)]) -> String {
    let pip = "python3 -m pip install --quiet --no-warn-script-location";
    let run = "program_path=$(mktemp -d)\n\nprintf \"%s\" \"$0\" > \"$program_path/ephemeral_component.py\"\n\
               _KFP_RUNTIME=true python3 -m kfp.dsl.executor_main --component_module_path \
               \"$program_path/ephemeral_component.py\" \"$@\"\n";
    let executor = |(at, (packages, body)): (usize, &(&str, &str))| {
        let words: Vec<String> =
            packages.split_whitespace().map(|package| format!("'{package}'")).collect();
        let own = match words.len() {
            0 => String::new(),
            _ => format!("{pip} {} && ", words.join(" ")),
        };
        let script = format!("{own}{pip} 'kfp==2.14.6' '--no-deps' && \"$0\" \"$@\"");
        let source = format!("import kfp\nfrom kfp.dsl import *\n\ndef step():\n{body}\n");
        let container = json!({
            "image": "python:3.11",
            "command": ["sh", "-c", script, "sh", "-ec", run, source],
            "args": ["--executor_input", "{{$}}", "--function_to_execute", "step"],
        });
        (format!("exec-{at}"), json!({ "container": container }))
    };
    let executors: serde_json::Map<String, Value> =
        steps.iter().enumerate().map(executor).collect();
    let names = || executors.keys().map(|name| name.trim_start_matches("exec-"));
    let component =
        |at: &str| (format!("comp-{at}"), json!({"executorLabel": format!("exec-{at}")}));
    let task = |at: &str| {
        let component = json!({"name": format!("comp-{at}")});
        (
            format!("step-{at}"),
            json!({"componentRef": component, "taskInfo": {"name": format!("step-{at}")}}),
        )
    };
    let components: serde_json::Map<String, Value> = names().map(component).collect();
    let tasks: serde_json::Map<String, Value> = names().map(task).collect();
    let document = json!({
        "pipelineInfo": {"name": "steps"},
        "schemaVersion": "2.1.0",
        "components": components,
        "deploymentSpec": {"executors": executors},
        "root": {"dag": {"tasks": tasks}},
    });
    document.to_string()
}

/// The digests of the images, in the order of their steps.
fn digests(report: &Value) -> Vec<String> {
    let images = report["images"].as_array().unwrap();
    let of = |step: &Value| {
        let at = step["baked"].as_u64().unwrap_or_else(|| panic!("{step}"));
        let reference = images[usize::try_from(at).unwrap()]["reference"].as_str().unwrap();
        reference.split_once('@').unwrap().1.to_owned()
    };
    report["steps"].as_array().unwrap().iter().map(of).collect()
}

const SETS: [(&str, &str); 4] = [
    ("six", "    import six"),
    ("markupsafe six", "    import markupsafe"),
    ("", "    import json"),
    ("markupsafe", "    import markupsafe, csv"),
];

#[test]
fn baked_together_and_one_by_one_steps_get_the_same_images() {
    let Some(mut stocked) = Stocked::open() else { return };
    stocked.forget_results();
    let one = |environment: &crate::common::TestEnvironment, home: &str, sets: &[(&str, &str)]| {
        fs::write(environment.work().join("p.yaml"), steps(sets)).unwrap();
        digests(&environment.json(0, &format!("--home {home} bake p.yaml -o baked.yaml")))
    };
    stocked.environment.allow(std::time::Duration::from_mins(3));
    let other = stocked.environment.work().join("other").display().to_string();
    let home = stocked.home().display().to_string();
    stocked.environment.peer("cp", &["-a", "--reflink=auto", &home, &other]);
    stocked.environment.set("LIGHTSHIP_JOBS", "4");
    let together = one(&stocked.environment, &home, &SETS);
    stocked.environment.set("LIGHTSHIP_JOBS", "1");
    let apart: Vec<String> =
        SETS.iter().rev().flat_map(|set| one(&stocked.environment, &other, &[*set])).collect();
    assert_eq!(together, apart.into_iter().rev().collect::<Vec<_>>());
    // And what is locked stays so, whichever comes first.
    let backwards: Vec<(&str, &str)> = SETS.into_iter().rev().collect();
    let again = one(&stocked.environment, &other, &backwards);
    assert_eq!(again.into_iter().rev().collect::<Vec<_>>(), together);
}

#[test]
fn a_step_that_lacks_what_it_imports_stays_as_it_is() {
    let Some(mut stocked) = Stocked::open() else { return };
    stocked.environment.allow(std::time::Duration::from_mins(2));
    let environment = &stocked.environment;
    let tries = "    from typing import TYPE_CHECKING\n    if TYPE_CHECKING:\n        import never\n\
                 \x20   try:\n        import elsewhere\n    except ImportError:\n        import json\n\
                 \x20   import six";
    let pipeline = steps(&[("six", tries), ("six", "    import six\n    import nowhere.deep")]);
    fs::write(environment.work().join("p.yaml"), &pipeline).unwrap();
    let report = environment.json(1, "bake p.yaml -o baked.yaml --verify");
    let steps = report["steps"].as_array().unwrap();
    let (fine, lacking) = (&steps[0], &steps[1]);
    assert_eq!(fine["verified"]["passed"], true, "{fine}");
    let remarks = fine["verified"]["remarks"].to_string();
    assert!(remarks.contains("elsewhere") && !remarks.contains("never"), "{remarks}");
    assert!(fine["kept"].is_null() && lacking["baked"].is_null());
    assert_eq!(
        lacking["kept"],
        json!({
            "reason": "in its image it cannot import nowhere.deep: ModuleNotFoundError: No module named 'nowhere' \
                       (imported in exec-1.py:6)",
            "failed": true,
        })
    );
    assert_eq!(
        lacking["verified"]["hints"],
        json!(["add the package that has `nowhere` to `packages_to_install` of its component"])
    );
    let baked = fs::read(environment.work().join("baked.yaml")).unwrap();
    let containers = Package::read(&baked).unwrap().containers();
    let images: Vec<bool> =
        containers.iter().map(|one| one.image.starts_with("localhost/steps/")).collect();
    assert_eq!((images, containers[1].image.as_str()), (vec![true, false], "python:3.11"));
}

#[test]
fn images_that_were_pushed_are_there_by_digest_for_whoever_pulls() {
    let Some(registry) = DockerRegistry::start(&RegistryOptions::default()) else { return };
    let Some(mut stocked) = Stocked::open() else { return };
    stocked.environment.allow(std::time::Duration::from_mins(2));
    let environment = &stocked.environment;
    fs::write(environment.work().join("p.yaml"), steps(&SETS)).unwrap();
    let shelf = format!("{}/team", registry.name());
    let report = environment.json(0, &format!("bake p.yaml -o baked.yaml --push {shelf}"));
    let package = Package::read(&fs::read(environment.work().join("baked.yaml")).unwrap()).unwrap();
    let named: Vec<String> = package.containers().into_iter().map(|one| one.image).collect();
    let repository = format!("{shelf}/steps");
    let expected: Vec<String> =
        digests(&report).into_iter().map(|digest| format!("{repository}@{digest}")).collect();
    assert_eq!(named, expected);
    // Another machine has nothing but these names.
    let step = "import kfp.dsl.executor_main, markupsafe; print(markupsafe.escape('<'))";
    let line = ["--quiet", "--home", "elsewhere", "image", "run", "--entrypoint", "python3"];
    let name = format!("docker://{}", named[1]);
    let rest = ["--env", "_KFP_RUNTIME=true", name.as_str(), "--", "-c", step];
    assert_eq!(environment.peer(LIGHTSHIP, &[&line[..], &rest[..]].concat()), "&lt;\n");
    // The second time nothing is sent, and the names are the same.
    let again = environment.run(&format!("bake p.yaml -o again.yaml --push {shelf}"));
    assert_eq!(again.code(), 0, "{}", again.stderr);
    let [first, second] =
        ["baked.yaml", "again.yaml"].map(|name| fs::read(environment.work().join(name)).unwrap());
    assert!(first == second);
}
