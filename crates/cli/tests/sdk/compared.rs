//! The same pipelines here and with the SDK's own local runner (`SubprocessRunner`, without environments of its own):
//! the same end and the same outputs.

use std::fs;

use serde_json::{Value, json};

use super::ended::same;
use super::{PYTHON, Sdk};

/// Pipelines and parameters that are not their defaults.
///
/// Not here is what that runner cannot run, or runs otherwise:
/// - `loops`: what `Collected` gathers of a loop within a loop is a list of lists there, and one flat list on a
///   cluster, of which the steps are told;
/// - `ignored_failure`: it looks for the output of a task that failed, and ends;
/// - `optional_inputs`: it cannot write a constant that is absent;
/// - `retried`: it tries once, and knows no volumes;
/// - `containers`: it runs lightweight Python components alone;
/// - `variables` of Kubernetes, `secrets`: it passes over the second document;
/// - `caching`: each value is another one.
const COMPARED: [(&str, &[(&str, &str)]); 17] = [
    ("parameters_of_all_types", &[]),
    ("parameters_of_all_types", &[("i", "-7"), ("b", "false"), ("s", "x")]),
    ("artifacts", &[]),
    ("artifacts", &[("text", "other")]),
    ("paths", &[]),
    ("metrics", &[]),
    ("nested", &[]),
    ("nested", &[("a", "41")]),
    ("branches", &[]),
    ("branches", &[("n", "1")]),
    ("branches", &[("n", "9")]),
    ("loop_of_pipelines", &[]),
    ("collected_artifacts", &[]),
    ("loop_over_records", &[]),
    ("exit_after_failure", &[]),
    ("exit_after_success", &[]),
    ("own_environment", &[]),
];

#[test]
fn the_local_runner_and_this_one_agree() {
    let Some(sdk) = Sdk::open() else { return };
    let work = sdk.environment.work();
    let wanted: Vec<Value> = COMPARED
        .iter()
        .map(|(function, parameters)| {
            let typed = parameters.iter().map(|(name, text)| {
                let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(*text));
                ((*name).to_owned(), value)
            });
            json!([function, typed.collect::<serde_json::Map<_, _>>()])
        })
        .collect();
    fs::create_dir(work.join("local")).unwrap();
    let script = work.join("local.py");
    let file = work.join("pipelines.py");
    let wanted = Value::from(wanted).to_string();
    // Steps of that runner say `python3`, and mean the one that it runs in.
    let arguments = [script.to_str().unwrap(), file.to_str().unwrap(), "local", &wanted];
    let said = sdk.environment.peer(PYTHON, &arguments);
    let answers: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), COMPARED.len());
    for ((function, parameters), theirs) in COMPARED.iter().zip(&answers) {
        assert_eq!(theirs["function"], *function);
        let ours = sdk.run(function, parameters);
        let what = format!("{function} {parameters:?}: {theirs} and {}", ours.said());
        assert_eq!(theirs["succeeded"], ours.succeeded(), "{what}");
        if ours.succeeded() {
            let outputs = json!(ours.outputs);
            assert!(same(&theirs["outputs"], &outputs), "{what}: {outputs}");
        }
    }
}
