//! `lightship build` from the outside: real packages, by way of this machine's own configuration.
//!
//! All that is fetched is fetched once for a machine and kept in the target folder ([`stock`]); a test
//! works on a copy. Where `uv` is missing, or apt has no archives, the tests say that they are skipped.

mod archive;
mod bad_input;
mod bake;
mod elsewhere;
mod image;
mod interrupted;
mod native_source;
mod onto;
mod own_indexes;
mod own_project;
mod profile;
mod programs;
mod same_bytes;
mod site;
pub(crate) mod stock;
mod whole;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::TestEnvironment;

/// What the project of these tests does.
const PROGRAM: &str = "import markupsafe\nimport six\n\nprint(markupsafe.escape('<'), six.PY3)\n";

const REQUIREMENTS: &str = "markupsafe\nsix\n";

/// Binaries that are made for tests compress slowly. Not with level 1, which the root that commands run in has:
/// then the base would be made already.
const SETTINGS: &str = "[build]\ncompression = \"zstd:2\"\n";

/// Writes a project into a new folder.
fn write_project(folder: &Path, requirements: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("report.py"), PROGRAM).unwrap();
    fs::write(folder.join("requirements.txt"), requirements).unwrap();
    fs::write(folder.join("lightship.toml"), SETTINGS).unwrap();
}

/// A part of the JSON report as text.
fn text<'a>(report: &'a Value, name: &str) -> &'a str {
    report[name].as_str().unwrap()
}

/// Title and digest of each layer, and whether an earlier build had made it.
fn layers(report: &Value) -> Vec<(&str, &str, bool)> {
    let layers = report["layers"].as_array().unwrap();
    let one = |layer: &'_ Value| layer["kept"].as_bool().unwrap();
    layers.iter().map(|layer| (text(layer, "title"), text(layer, "digest"), one(layer))).collect()
}

/// The entry of a wheel in a lock: its file's name, and the digits of its digest.
fn wheel(lock: &Path, name: &str) -> (String, String) {
    let lock = fs::read_to_string(lock).unwrap();
    let (_, entry) = lock.split_once(&format!("[[wheel]]\nname = \"{name}\"\n")).unwrap();
    let value = |key: &str| {
        let line = entry.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim_matches('"').to_owned()
    };
    (value("file = "), value("sha256 = ").replace("sha256:", ""))
}

/// Where a blob is in the store of this home.
fn blob(home: &Path, digits: &str) -> PathBuf {
    home.join("store/blobs/sha256").join(&digits[..2]).join(digits)
}

/// Writes over a blob, which is there for reading only.
fn spoil(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 16].fill(b'!');
    fs::write(path, bytes).unwrap();
}

/// What a failed build says, which is never a trace or a bug.
fn refusal(environment: &TestEnvironment, code: i32, line: &str) -> String {
    let run = environment.run(&format!("--quiet {line}"));
    assert_eq!((run.code(), run.stdout.as_str()), (code, ""), "{line}: {}", run.stderr);
    assert!(run.stderr.starts_with("error: "), "{line}: {}", run.stderr);
    for word in ["Traceback", "panicked", "bug", "\u{1b}"] {
        assert!(!run.stderr.contains(word), "{line}: {}", run.stderr);
    }
    run.stderr
}
