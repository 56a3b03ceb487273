//! The whole churn project, some 150 distributions: what is in its image, held against what other installers
//! make of the same lock.
//!
//! Much is fetched, once for a machine, and much is read: see `.config/nextest.toml` for the time that takes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lightship_base::Digest;
use lightship_packages::lock::Lock;
use lightship_testkit::docker_registry::skip;
use serde_json::{Value, json};

use super::stock::machine;
use crate::common::{LIGHTSHIP, TestEnvironment};

/// For one command, in a debug binary, while everything has to be fetched first.
const LONGEST: Duration = Duration::from_mins(5);

/// Once more than this is kept between runs, it is made anew: in bytes.
const MOST_KEPT: u64 = 8 << 30;

/// Everything that wheels bring is wanted, commands too, and nothing that is made here.
const SETTINGS: &str = "[python]\nrequirements = [\"requirements-clean.txt\"]\n\
    bytecode = \"none\"\nscripts = \"all\"\n[build]\ncompression = \"zstd:1\"\n";

/// A machine that has built the project: as `churn`, into a store that stays between runs.
struct Whole {
    environment: TestEnvironment,
    report: Value,
    lock: Lock,
    /// This machine's own Python of the lock's version.
    interpreter: String,
}

impl Whole {
    /// Builds it; nothing, and a line on standard error, where that cannot be done.
    fn open() -> Option<Self> {
        let mut environment = machine()?;
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("whole-tests");
        fs::create_dir_all(&kept).unwrap();
        // The tests of this file share what was fetched and made, one after another.
        let turn = File::create(kept.join("turn")).unwrap();
        turn.lock().unwrap();
        for (name, folder) in
            [("LIGHTSHIP_HOME", "home"), ("UV_CACHE_DIR", "uv"), ("PIP_CACHE_DIR", "pip")]
        {
            environment.set(name, kept.join(folder).to_str().unwrap());
        }
        environment.allow(LONGEST);
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/churn-pipeline");
        environment.peer("cp", &["-r", example.to_str().unwrap(), "churn"]);
        let project = environment.work().join("churn");
        fs::write(project.join("lightship.toml"), SETTINGS).unwrap();
        let report = build(&environment, &kept, &project);
        let lock = fs::read_to_string(project.join("lightship.lock")).unwrap();
        let lock = Lock::parse(&lock, "lightship.lock").unwrap();
        let series = lock.python.as_ref().unwrap().version.rsplit_once('.').unwrap().0;
        let interpreter = format!("/usr/bin/python{series}");
        if !Path::new(&interpreter).exists() {
            skip(&format!(
                "the lock is for Python {series}, and this machine has no {interpreter}"
            ));
            return None;
        }
        Some(Self { environment, report, lock, interpreter })
    }

    /// Every distribution by its normalised name, with its version and the digest of its file.
    fn pins(&self) -> BTreeMap<&str, (&str, &Digest)> {
        let wheels = self.lock.wheels.iter().map(|one| (&one.name, &one.version, &one.file.sha256));
        let sdists = self.lock.sdists.iter().map(|one| (&one.name, &one.version, &one.file.sha256));
        wheels.chain(sdists).map(|(name, version, file)| (&**name, (&**version, file))).collect()
    }

    /// Has uv install the very files of the lock; `place` are the words that say where.
    fn install(&self, place: &[&str]) {
        let work = self.environment.work();
        let (mut pins, mut tools) = (String::new(), String::new());
        for (name, (version, file)) in self.pins() {
            writeln!(pins, "{name}=={version} --hash={file}").unwrap();
        }
        // What is built from source is built with the same tools.
        for tool in self.lock.sdists.iter().flat_map(|one| &one.build) {
            writeln!(tools, "{}=={}", tool.name, tool.version).unwrap();
        }
        fs::write(work.join("pins.txt"), pins).unwrap();
        fs::write(work.join("tools.txt"), tools).unwrap();
        let words = ["pip", "install", "--quiet", "--no-deps", "--require-hashes"];
        let files = ["-r", "pins.txt", "--build-constraints", "tools.txt"];
        self.environment.peer("uv", &[&words, &files[..], place].concat());
    }

    /// Runs a script of these tests in the image.
    fn inside(&self, script: &str, volumes: &[&str], arguments: &[&str]) -> String {
        let script = format!("{}:/script.py:ro", this_folder().join(script).display());
        let volumes = [&[script.as_str()], volumes].concat();
        let volumes = volumes.into_iter().flat_map(|volume| ["--volume", volume]);
        let words: Vec<&str> = ["--quiet", "image", "run"]
            .into_iter()
            .chain(volumes)
            .chain(["churn", "--", "python", "/script.py"])
            .chain(arguments.iter().copied())
            .collect();
        self.environment.peer(LIGHTSHIP, &words)
    }
}

fn this_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/build/whole")
}

/// Builds with the lock and the store that an earlier run left; if that fails, with nothing. What another
/// binary made of packages is not used.
fn build(environment: &TestEnvironment, kept: &Path, project: &Path) -> Value {
    let home = kept.join("home");
    let (own, kept_lock) = (project.join("lightship.lock"), kept.join("lightship.lock"));
    if is_large(environment) {
        fs::remove_dir_all(&home).unwrap();
    }
    if !is_made_by_this_binary(kept) {
        for kind in ["layers", "recipes", "bytecode"] {
            let _ = fs::remove_dir_all(home.join("store/refs").join(kind));
        }
    }
    let _ = fs::copy(&kept_lock, &own);
    let line = "--quiet build churn -t churn --format json";
    let mut run = environment.run(line);
    if !run.status.success() {
        let _ = (fs::remove_dir_all(&home), fs::remove_file(&own));
        run = environment.run(line);
    }
    assert_eq!((run.code(), run.stderr.as_str()), (0, ""));
    fs::copy(&own, &kept_lock).unwrap();
    serde_json::from_str(&run.stdout).unwrap()
}

fn is_large(environment: &TestEnvironment) -> bool {
    let usage = environment.json(0, "store df");
    let bytes = ["reachable", "unreachable"].map(|part| usage[part]["bytes"].as_u64().unwrap());
    bytes.iter().sum::<u64>() > MOST_KEPT
}

/// Whether the store was left by this very binary; from now on it is.
fn is_made_by_this_binary(kept: &Path) -> bool {
    let binary = fs::metadata(LIGHTSHIP).unwrap();
    let stamp = format!("{} {:?}", binary.len(), binary.modified().unwrap());
    let before = fs::read_to_string(kept.join("made-by"));
    fs::write(kept.join("made-by"), &stamp).unwrap();
    before.is_ok_and(|before| before == stamp)
}

#[test]
fn every_module_imports_or_fails_as_in_a_virtual_environment() {
    let Some(whole) = Whole::open() else { return };
    let environment = &whole.environment;
    let venv = environment.work().join("venv");
    environment.peer("uv", &["venv", "--quiet", "--python", &whole.interpreter, "venv"]);
    whole.install(&["--python", "venv/bin/python"]);
    // Programs of this machine (git) are no part of a virtual environment.
    let outside = |arguments: &[&str]| {
        let script = this_folder().join("imports.py");
        let path = format!("PATH={}", venv.join("bin").display());
        let home = format!("HOME={}", environment.work().display());
        let words = ["-i", &path, &home, "venv/bin/python", script.to_str().unwrap()];
        environment.peer("env", &[&words, arguments].concat())
    };
    let names = outside(&["list"]);
    let outcomes = |text: &str| -> BTreeMap<String, String> { serde_json::from_str(text).unwrap() };
    let there = outcomes(&outside(&["try", &names]));
    let here = outcomes(&whole.inside("imports.py", &[], &["try", &names]));

    assert_eq!(here, there);
    let listed: Vec<String> = serde_json::from_str(&names).unwrap();
    assert_eq!(here.keys().collect::<Vec<_>>(), listed.iter().collect::<Vec<_>>());
    let fine = here.values().filter(|outcome| *outcome == "fine").count();
    assert!(fine > whole.pins().len(), "{fine} of {}", here.len());
}

#[test]
fn what_is_installed_is_what_pip_would_install_without_what_pruning_names() {
    let Some(whole) = Whole::open() else { return };
    let environment = &whole.environment;
    whole.install(&["--python", &whole.interpreter, "--target", "target"]);
    let target = format!("{}:/target:ro", environment.work().join("target").display());
    let said = whole.inside("installed.py", &[&target], &["/target"]);
    let said: Value = serde_json::from_str(&said).unwrap();

    assert_eq!(said["other"], json!([]));
    assert_eq!(said["false_records"], json!([]));
    assert_eq!(said["image"], said["target"]);
    let pins: BTreeSet<(String, String)> =
        whole.pins().iter().map(|(name, (version, _))| pin(name, version)).collect();
    let installed = said["image"].as_object().unwrap();
    let installed: BTreeSet<(String, String)> =
        installed.iter().map(|(name, version)| pin(name, version.as_str().unwrap())).collect();
    assert_eq!(installed, pins);

    // To the byte what the report names. Documentation of the base has the same name there.
    let named = whole.report["left_out"].as_array().unwrap();
    let less = said["left_out"].as_object().unwrap();
    for (category, less) in less.iter().filter(|(category, _)| *category != "docs") {
        let report = named.iter().find(|one| one["category"] == **category).unwrap();
        assert_eq!(json!([report["files"], report["bytes"]]), *less, "{category}");
    }
    for category in ["tests", "debug", "stubs", "headers"] {
        assert!(less.contains_key(category), "{less:?}");
    }
}

#[test]
fn the_lock_has_what_pip_would_resolve_no_more_and_no_less() {
    let Some(whole) = Whole::open() else { return };
    let environment = &whole.environment;
    // Versions are the lock's, because indexes go on: what the requirements need of them is pip's to say.
    let constraints: String =
        whole.pins().iter().map(|(name, (version, _))| format!("{name}=={version}\n")).collect();
    fs::write(environment.work().join("constraints.txt"), constraints).unwrap();
    let venv = ["venv", "--quiet", "--seed", "--python", &whole.interpreter, "with-pip"];
    environment.peer("uv", &venv);
    let words = "-m pip install --quiet --dry-run --ignore-installed --report pip.json \
        -r churn/requirements-clean.txt -c constraints.txt";
    environment.peer("with-pip/bin/python", &words.split_whitespace().collect::<Vec<_>>());
    let said = fs::read_to_string(environment.work().join("pip.json")).unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    let resolved = said["install"].as_array().unwrap().iter().map(|one| {
        let part = |name: &str| one["metadata"][name].as_str().unwrap();
        pin(part("name"), part("version"))
    });
    let pins = whole.pins();
    let pins = pins.iter().map(|(name, (version, _))| pin(name, version));
    assert_eq!(resolved.collect::<BTreeSet<_>>(), pins.collect::<BTreeSet<_>>());
}

/// A name as *PEP 503* normalises it, and a version.
fn pin(name: &str, version: &str) -> (String, String) {
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    (words.collect::<Vec<_>>().join("-").to_lowercase(), version.to_owned())
}
