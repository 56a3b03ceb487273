//! Pipelines that nobody here wrote, where they lie beside the project: which of their steps get an image.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lightship_build::bake::{Base, Fate, Steps};
use lightship_ir::Package;
use lightship_testkit::docker_registry::skip;

/// All pipelines of the corpus that can be read, by their names.
fn corpus() -> Vec<(String, Package)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/kfp");
    let (mut open, mut files) = (vec![folder.clone()], Vec::<PathBuf>::new());
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(&path).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    if files.is_empty() {
        skip("no shared corpus beside the project");
    }
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&folder).ok()?.to_string_lossy().into_owned();
        Some((name, Package::read(&std::fs::read(&path).ok()?).ok()?))
    };
    files.into_iter().filter_map(read).collect()
}

#[test]
fn every_lightweight_step_on_python_3_11_is_recognised_and_planned() {
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut lightweight = 0;
    for (name, package) in corpus() {
        let steps = Steps::of(&package);
        for (step, container) in steps.steps.iter().zip(package.containers()) {
            // What makes a step lightweight, read as a person would: it installs, or the SDK's executor runs it.
            let words = container.command.iter().chain(&container.args);
            let text = words.map(String::as_str).collect::<Vec<_>>().join("\n");
            let signs = ["pip install", "executor_main"].iter().any(|sign| text.contains(sign));
            match &step.fate {
                Fate::Baked { environment, .. } => {
                    let wanted = &steps.environments[*environment];
                    assert!(signs, "{name}: {} is no lightweight step", step.executor);
                    if step.image.starts_with("python:3.11") {
                        assert_eq!(wanted.base, Base::Native { major: 3, minor: 11 });
                        lightweight += 1;
                    }
                    let files = steps.folder(*environment);
                    let text = |wanted: &str| {
                        let file = files.iter().find(|(name, _)| *name == wanted);
                        file.map(|(_, text)| text.as_str()).unwrap_or_default()
                    };
                    assert!(text("lightship.toml").contains("requirements.txt"), "{name}");
                    for line in wanted.requirements() {
                        assert!(text("requirements.txt").contains(line), "{name}: {line}");
                    }
                    assert!(
                        step.check().unwrap().is_some() || !text("lightship.profile").is_empty()
                    );
                }
                Fate::Kept(reason) => {
                    let on_it = step.image.starts_with("python:3.11");
                    assert!(!signs || !on_it, "{name}: {} stays: {reason}", step.executor);
                    *reasons.entry(reason.to_string()).or_default() += 1;
                }
            }
        }
    }
    let shown: Vec<String> =
        reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    if lightweight > 0 {
        insta::assert_snapshot!(format!("{lightweight} on 3.11\n{}", shown.join("\n")));
    }
}
