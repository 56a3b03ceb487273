//! The pipelines that nobody here wrote, where they lie beside the project: each one is read, compiled, bound and
//! written back, and each of its lightweight steps is recognised.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lightship_ir::bind::{self, Given};
use lightship_ir::lightweight::{NotLightweight, recognise};
use lightship_ir::value::ParameterType;
use lightship_ir::{Package, Plan};
use lightship_testkit::docker_registry::skip;

/// All files below the corpus' folder with their names in it, in order; none where there is no corpus.
fn corpus() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/kfp");
    let folder = if folder.is_dir() { folder } else { PathBuf::from("/nowhere") };
    let (mut open, mut files) = (vec![folder.clone()], Vec::new());
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(&path).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path
                    .strip_prefix(&folder)
                    .expect("it was found there")
                    .to_string_lossy()
                    .into_owned();
                files.push((name, path));
            }
        }
    }
    files.sort();
    if files.is_empty() {
        skip("no shared corpus beside the project");
    }
    files
}

fn valid() -> Vec<(String, Package)> {
    let read = |(name, path): (String, PathBuf)| {
        let package = Package::read(&std::fs::read(path).expect("it was found"));
        let package = package.unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, package)
    };
    corpus().into_iter().filter(|(name, _)| !name.starts_with("invalid/")).map(read).collect()
}

#[test]
fn every_valid_pipeline_compiles_and_binds() {
    for (name, package) in valid() {
        let plan = Plan::compile(&package).unwrap_or_else(|error| panic!("{name}: {error}"));
        let stored = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&stored).unwrap(), plan, "{name}");
        let inputs = bind::run(&plan, &required(&plan)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(inputs.parameters.len(), plan.components[plan.root].inputs.parameters.len());
    }
}

/// Something for every input that must be given.
fn required(plan: &Plan) -> Vec<(String, Given)> {
    let inputs = &plan.components[plan.root].inputs;
    let parameters = inputs.parameters.iter().filter(|(_, i)| i.default.is_none() && !i.optional);
    let text = |kind: ParameterType| match kind {
        ParameterType::NumberDouble | ParameterType::NumberInteger => "3",
        ParameterType::String => "text",
        ParameterType::Boolean => "true",
        ParameterType::List => "[]",
        ParameterType::Struct | ParameterType::TaskFinalStatus | ParameterType::TaskConfig => "{}",
    };
    let parameters = parameters.map(|(name, input)| (name.clone(), text(input.kind)));
    let artifacts = inputs.artifacts.iter().filter(|(_, input)| !input.optional);
    let artifacts = artifacts.map(|(name, _)| (name.clone(), "s3://bucket/artifact"));
    parameters.chain(artifacts).map(|(name, text)| (name, Given::Text(text.to_owned()))).collect()
}

#[test]
fn what_is_written_back_says_the_same() {
    for (name, package) in valid() {
        let again = Package::read(package.to_yaml().as_bytes());
        let again = again.unwrap_or_else(|error| panic!("{name}: {error}\n{}", package.to_yaml()));
        assert_eq!(again, package, "{name}");
        assert_eq!(again.to_yaml(), package.to_yaml(), "{name}");
    }
}

#[test]
fn the_invalid_ones_are_refused_with_a_reason() {
    let mut told = BTreeMap::new();
    for (name, path) in corpus().into_iter().filter(|(name, _)| name.starts_with("invalid/")) {
        let package = Package::read(&std::fs::read(path).expect("it was found"));
        let error = match package {
            Err(error) => error.to_string(),
            Ok(package) => Plan::compile(&package).unwrap_err().to_string(),
        };
        told.insert(name, error);
    }
    if told.is_empty() {
        return;
    }
    insta::assert_debug_snapshot!(told, @r#"
{
    "invalid/empty_file.yaml": "the file is empty",
    "invalid/invalid_yaml.yaml": "root › echo › componentRef: there is no component `comp-echo`",
    "invalid/no_name.yaml": "pipelineInfo.name: it is missing",
}
"#);
}

/// Counts, and prints who is not recognised and why.
#[test]
fn every_lightweight_step_on_python_3_11_is_recognised() {
    let (mut recognised, mut plain, mut others) = (0, 0, Vec::new());
    for (name, package) in valid() {
        for container in package.containers() {
            let place = format!("{name}: {} ({})", container.executor, container.image);
            let by_sdk = container.command.iter().any(|word| word.contains("executor_main"));
            match recognise(&container.command, &container.args) {
                Ok(found) => {
                    recognised += 1;
                    let sdk = found.kfp().next().is_some();
                    assert!(sdk || !by_sdk, "{place}: no kfp among {:?}", found.installs);
                    assert!(!found.starts_shell(), "{place}");
                }
                Err(NotLightweight::Plain) if !by_sdk => plain += 1,
                Err(reason) => {
                    println!("{place}: {reason}");
                    others.push((place, by_sdk));
                }
            }
        }
    }
    println!("{recognised} recognised, {plain} install nothing, {} not: see above", others.len());
    assert!(!others.iter().any(|(_, by_sdk)| *by_sdk), "{others:?}");
}
