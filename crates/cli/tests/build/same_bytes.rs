//! The same input gives the same bytes, and what has not changed is not made again.

use std::fs;

use super::stock::Stocked;
use super::{layers, refusal, text};

#[test]
fn nothing_of_the_machine_gets_into_the_image() {
    let Some(stocked) = Stocked::open() else { return };
    let environment = &stocked.environment;
    stocked.forget_results();
    // Another home, another folder, other rights, one thread, another clock and language.
    let script = "umask 077
        mkdir -p far/away && cp -r project far/away/other && mv home elsewhere
        chmod 600 far/away/other/*
        touch -d 1999-12-31 far/away/other/report.py
        cd far/away/other
        TZ=Asia/Kathmandu LC_ALL=C LIGHTSHIP_JOBS=1 LIGHTSHIP_HOME=../../../elsewhere \
            $LIGHTSHIP --quiet build --locked --format json -t other:v2";
    let run = environment.shell(script);
    assert_eq!((run.code(), run.stderr.as_str()), (0, ""));
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    for ((title, digest, kept), first) in layers(&report).iter().zip(layers(&stocked.report)) {
        assert_eq!((*title, *digest), (first.0, first.1));
        assert!(!kept, "{title} was to be made again");
    }
    assert_eq!(text(&report, "digest"), text(&stocked.report, "digest"));
}

#[test]
fn what_has_not_changed_is_kept_and_locked_means_locked() {
    let Some(stocked) = Stocked::open() else { return };
    let environment = &stocked.environment;
    let project = stocked.project();
    let lock = fs::read(project.join("lightship.lock")).unwrap();

    let again = environment.json(0, "build project --locked --offline -t app:v1");
    assert_eq!(text(&again, "digest"), text(&stocked.report, "digest"));
    assert!(layers(&again).iter().all(|(_, _, kept)| *kept), "{:?}", layers(&again));

    fs::write(project.join("report.py"), format!("{}# changed\n", super::PROGRAM)).unwrap();
    let changed = environment.json(0, "build project --locked --offline -t app:v2");
    assert_ne!(text(&changed, "digest"), text(&stocked.report, "digest"));
    assert_eq!(layers(&changed).len(), layers(&again).len());
    for (new, old) in layers(&changed).iter().zip(layers(&again)) {
        let own = new.0 == "project";
        assert_eq!((new.1 != old.1, !new.2), (own, own), "{new:?}");
    }

    // Of an empty store, each says what it lacks.
    let said = refusal(environment, 4, "--home empty build project --locked --offline -t app:v1");
    assert!(said.contains(".deb is not in the local store"), "{said}");
    assert!(said.contains("--offline"), "{said}");
    fs::remove_file(project.join("lightship.lock")).unwrap();
    let said = refusal(environment, 4, "--home empty build project --offline -t app:v1");
    assert!(said.contains("is not in the local store"), "{said}");
    let said = refusal(environment, 3, "build project --locked -t app:v1");
    assert!(said.contains("lightship.lock cannot be used as it is: there is none"), "{said}");
    assert!(!project.join("lightship.lock").exists());

    fs::write(project.join("lightship.lock"), &lock).unwrap();
    fs::write(project.join("requirements.txt"), "six\n").unwrap();
    let said = refusal(environment, 3, "build project --locked -t app:v1");
    assert!(said.contains("`requirements` has changed") && said.contains("--locked"), "{said}");
    assert_eq!(fs::read(project.join("lightship.lock")).unwrap(), lock);
}

#[test]
fn a_further_requirement_leaves_the_rest_of_the_lock_alone() {
    let Some(stocked) = Stocked::open() else { return };
    let (environment, project) = (&stocked.environment, stocked.project());
    let path = project.join("lightship.lock");
    let lock = fs::read_to_string(&path).unwrap();
    // No archive would say so: where it stays, the base was not chosen again.
    let (before, after) = lock.split_once("needs it\"").expect("packages need packages");
    fs::write(&path, format!("{before}needed it\"{after}")).unwrap();

    let requirements = fs::read_to_string(project.join("requirements.txt")).unwrap();
    fs::write(project.join("requirements.txt"), format!("{requirements}six\n")).unwrap();
    let more = environment.json(0, "build project -t app:v1");
    let lock = fs::read_to_string(&path).unwrap();
    assert!(lock.contains("needed it\"") && lock.contains("name = \"six\""), "{lock}");
    for (title, _, kept) in layers(&more) {
        assert!(kept || title == "project" || title.contains("package"), "{title} was made again");
    }

    // With the requirements of before, the image of before.
    fs::write(project.join("requirements.txt"), requirements).unwrap();
    let back = environment.json(0, "build project -t app:v1");
    assert_eq!(text(&back, "digest"), text(&stocked.report, "digest"));
    let upgraded = environment.run("lock project --upgrade");
    assert_eq!(upgraded.code(), 0, "{}", upgraded.seen());
    assert!(!fs::read_to_string(&path).unwrap().contains("needed it\""));
}

#[test]
fn a_dry_run_writes_nothing_and_a_lock_has_the_python_that_is_asked_for() {
    let Some(stocked) = Stocked::open() else { return };
    let (environment, project) = (&stocked.environment, stocked.project());
    let path = project.join("lightship.lock");
    let lock = fs::read(&path).unwrap();
    let requirements = fs::read_to_string(project.join("requirements.txt")).unwrap();
    fs::write(project.join("requirements.txt"), format!("{requirements}six\n")).unwrap();
    let plan = environment.json(0, "build project --dry-run");
    assert!(plan.to_string().contains("\"six\""), "{plan}");
    assert_eq!(fs::read(&path).unwrap(), lock);
    fs::write(project.join("requirements.txt"), requirements).unwrap();

    let name = "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.99\"\n";
    let pyproject = format!("{name}dynamic = [\"dependencies\"]\n");
    fs::write(project.join("pyproject.toml"), pyproject).unwrap();
    let said = refusal(environment, 3, "build project --locked -t app:v1");
    assert!(said.contains(">=3.99") && said.contains("--locked"), "{said}");
    assert_eq!(fs::read(&path).unwrap(), lock);
}

#[test]
fn what_the_project_brings_wins_whatever_was_built_before() {
    let Some(stocked) = Stocked::open() else { return };
    let (environment, project) = (&stocked.environment, stocked.project());
    let site = "/usr/local/lib/python3.11/dist-packages";
    let python = stocked.report.to_string();
    if !python.contains("Python 3.11") {
        return; // Another suite's Python looks elsewhere.
    }
    fs::create_dir(project.join("markupsafe")).unwrap();
    fs::write(project.join("markupsafe/__init__.py"), "OURS = True\n").unwrap();
    let settings = fs::read_to_string(project.join("lightship.toml")).unwrap_or_default();
    let apart = environment.json(0, "build project -t app:v1");
    fs::write(
        project.join("lightship.toml"),
        format!("{settings}\n[app]\ndestination = \"{site}\"\n"),
    )
    .unwrap();
    let among = environment.json(0, "build project -t app:v2");
    assert_ne!(text(&apart, "digest"), text(&among, "digest"));
    let line = "image run app:v2 -- python3 -c print(__import__('markupsafe').OURS)";
    let run = environment.run(line);
    assert_eq!((run.code(), run.stdout.as_str()), (0, "True\n"), "{}", run.stderr);
    // Where the store remembers nothing of it, the same.
    stocked.forget_results();
    let again = environment.json(0, "build project -t app:v3");
    assert_eq!(text(&again, "digest"), text(&among, "digest"));
}
