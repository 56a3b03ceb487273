//! `lightship verify` on images of Python: what the source imports, in the image and beside it.

use std::fs;

use serde_json::{Value, json};

use crate::common::TestEnvironment;
use crate::common::python::{PACKAGES_FOLDER, python_image};

const MAIN: &str = "\
import json
import good
from good import there, absent
import helper
from missing.part import thing
import crash
import leave
import after
try:
    import faster
except ImportError:
    faster = None
if __name__ == '__main__':
    print('started')
";

fn image(config: &Value) -> std::sync::Arc<dyn lightship_oci::Source> {
    let installed = |name: &str| format!("{PACKAGES_FOLDER}/{name}");
    let files = [
        ("app/main.py", MAIN.to_owned()),
        ("app/helper.py", "import late_failure\n".to_owned()),
        ("app/tests/test_main.py", "import pytest\n".to_owned()),
        ("app/.venv/lib/site-packages/other.py", "import nobody\n".to_owned()),
        (&installed("good.py"), "print('noise on standard output')\nthere = 1\n".to_owned()),
        (
            &installed("crash.py"),
            "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n".to_owned(),
        ),
        (&installed("leave.py"), "import os\nos._exit(9)\n".to_owned()),
        (
            &installed("after.py"),
            "import threading\nthreading.Thread(target=lambda: input()).start()\n".to_owned(),
        ),
        (&installed("late_failure.py"), "def f():\n    return {}['key']\nf()\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    python_image(&files, config)
}

/// Module, whether it is optional, and why it cannot be imported, of the check of imports.
fn modules(report: &Value) -> Vec<String> {
    let verdicts = report["verdicts"].as_array().unwrap();
    let imports = verdicts.iter().find(|verdict| verdict["check"]["kind"] == "imports").unwrap();
    let line = |module: &Value| {
        let optional = if module["optional"] == true { " (optional)" } else { "" };
        let error = module["error"].as_str().unwrap_or("fine");
        format!("{}{optional}: {error}", module["module"].as_str().unwrap())
    };
    imports["modules"].as_array().unwrap().iter().map(line).collect()
}

const EXPECTED: [&str; 8] = [
    "after: fine",
    "crash: the interpreter was ended by signal 11 while importing it",
    "faster (optional): ModuleNotFoundError: No module named 'faster'",
    "good: ImportError: cannot import name 'absent' from 'good' (/usr/lib/python3/dist-packages/good.py)",
    "json: fine",
    "late_failure: KeyError: 'key'",
    "leave: the interpreter ended with code 9 while importing it",
    "missing.part: ModuleNotFoundError: No module named 'missing'",
];

#[test]
fn an_images_own_source_says_what_must_import() {
    let environment = TestEnvironment::new();
    let config = json!({"Entrypoint": ["python3", "main.py"], "WorkingDir": "/app"});
    environment.put("app", &*image(&config));
    let report = environment.json(1, "verify oci:app");
    assert_eq!(modules(&report), EXPECTED);
    assert_eq!(report["summary"], json!({"passed": 0, "failed": 2, "could_not_run": 0}));
    let run = environment.run("--quiet verify oci:app");
    let text: String = run
        .seen()
        .lines()
        .map(|line| {
            let timed = line.strip_suffix(" s)").and_then(|line| line.rsplit_once(" ("));
            timed.map_or(line, |(line, _)| line).to_owned() + "\n"
        })
        .filter(|line| !line.starts_with("note: ") || line.contains("developers"))
        .collect();
    insta::assert_snapshot!(text);
}

#[test]
fn a_projects_source_says_what_must_import() {
    let environment = TestEnvironment::new();
    environment.put("app", &*image(&json!({"Cmd": ["python3", "-c", "print('hello')"]})));
    let project = environment.work().join("project");
    fs::create_dir_all(project.join("tests")).unwrap();
    fs::write(project.join("main.py"), MAIN).unwrap();
    fs::write(project.join("helper.py"), "import late_failure\n").unwrap();
    fs::write(project.join("tests/test_main.py"), "import pytest\n").unwrap();
    fs::write(project.join("broken.py"), "import (\n").unwrap();
    let report = environment.json(1, "verify project --image oci:app");
    assert_eq!(modules(&report), EXPECTED);
    assert_eq!(report["summary"], json!({"passed": 1, "failed": 1, "could_not_run": 0}));
    let remarks = report["remarks"].to_string();
    assert!(
        remarks.contains("broken.py") && remarks.contains("1 file that only developers"),
        "{remarks}"
    );
}

#[test]
fn modules_and_tracebacks_are_told_in_a_line_or_three() {
    let environment = TestEnvironment::new();
    let config = json!({"Cmd": ["python3", "main.py"], "WorkingDir": "/app"});
    environment.put("app", &*image(&config));
    let run = environment.run(
        "--quiet verify oci:app --import json --import late_failure --import os.path --run python3",
    );
    assert_eq!(run.code(), 1);
    assert!(run.stdout.contains("late_failure: KeyError: 'key'\n"), "{}", run.stdout);
    assert!(
        run.stdout.contains("--entrypoint python3 oci:app -- -c 'import late_failure'"),
        "{}",
        run.stdout
    );
    fs::write(
        environment.work().join("checks.toml"),
        "[[verify.check]]\nrun = [\"python3\", \"-c\", \"import helper\"]\n",
    )
    .unwrap();
    let report = environment.json(1, "verify oci:app --checks checks.toml");
    let expected = json!([
        "  File \"/app/helper.py\", line 1, in <module>",
        "    import late_failure",
        "KeyError: 'key'"
    ]);
    assert_eq!(report["verdicts"][0]["lines"], expected);
}
