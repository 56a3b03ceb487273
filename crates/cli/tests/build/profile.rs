//! What a check loads and no reading of the source finds gets byte code in the next build.

use std::fs;

use super::stock::Stocked;
use super::{SETTINGS, layers, refusal, text, write_project};

/// Imports by a name that is made up on the way, and tells whether its byte code was there.
const PROGRAM: &str = "\
import importlib, os, six
print('cached', os.path.exists(importlib.import_module('color' + 'sys').__cached__))
";

#[test]
fn what_checks_load_gets_byte_code() {
    let Some(stocked) = Stocked::open() else { return };
    let environment = &stocked.environment;
    let project = environment.work().join("project");
    write_project(&project, "six\n");
    fs::write(project.join("report.py"), PROGRAM).unwrap();
    let settings = SETTINGS.to_owned() + "[[verify.check]]\nrun = \"python report.py\"\n";
    fs::write(project.join("lightship.toml"), settings).unwrap();
    let run = |image: &str| {
        let command = format!("--quiet image run {image} -- python report.py");
        environment.run(&command).stdout
    };

    // Nobody says what the image is called: it has the project's name.
    let first = environment.json(0, "build project");
    assert_eq!(run("project"), "cached False\n");
    let record = "verify ./project --record";
    let verdict = environment.json(0, record);
    assert_eq!(verdict["image"], "project:latest");
    let profile = || fs::read_to_string(project.join("lightship.profile")).unwrap();
    let names: Vec<_> =
        profile().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    assert!(names.contains(&"colorsys".to_owned()), "{names:?}");
    assert!(
        !names.iter().any(|name| name.starts_with("six") || name.contains("report")),
        "{names:?}"
    );
    assert_eq!(verdict["recorded"]["modules"], names.len());

    let second = environment.json(0, "build project");
    assert_ne!(text(&second, "digest"), text(&first, "digest"));
    let made: Vec<_> = layers(&second).into_iter().filter(|(.., kept)| !kept).collect();
    assert!(matches!(made[..], [(title, ..)] if title.starts_with("byte code")), "{made:?}");
    assert_eq!(run("project"), "cached True\n");

    let before = profile();
    let verdict = environment.json(0, record);
    assert_eq!((&verdict["recorded"]["modules"], profile()), (&serde_json::json!(0), before));
    let said = environment.run(record);
    assert!(said.stdout.contains("all modules that were loaded have byte code"), "{}", said.stdout);

    fs::write(project.join("lightship.profile"), "# ours\nno module\n").unwrap();
    let said = refusal(environment, 3, "build project");
    assert!(said.contains("lightship.profile:2") && said.contains("no module"), "{said}");
    let said = refusal(environment, 2, "verify project:latest --record");
    assert!(
        said.contains("in a project's folder") && said.contains("--image project:latest"),
        "{said}"
    );
}
