//! Folders as people have them, and what is made of them.

use std::fs;
use std::path::Path;

use lightship_base::Diagnose as _;
use tempfile::TempDir;

use super::*;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn read(files: &[(&str, &str)]) -> Result<Project, ProjectError> {
    let folder = folder(files);
    let settings = Settings {
        image: ImageSettings { name: Some("test".to_owned()), ..ImageSettings::default() },
        ..Settings::default()
    };
    Project::read(folder.path(), settings, None)
}

/// What a person reads about a mistake.
fn mistake(files: &[(&str, &str)]) -> String {
    let error = read(files).unwrap_err();
    let hints: String = error.hints().iter().map(|hint| format!("\n  try: {hint}")).collect();
    format!("{error}{hints}\n")
}

#[test]
fn the_churn_project() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/churn-pipeline");
    let project = Project::read(&folder, Settings::default(), None).unwrap();
    insta::assert_snapshot!(init(&project));
    let collected = crate::app::collect(&folder, &project.app).unwrap();
    let paths: Vec<String> =
        collected.parcel.items.iter().map(|item| item.path.to_string()).collect();
    assert!(paths.contains(&"/app/job.py".to_owned()), "{paths:?}");
    assert!(paths.contains(&"/app/churn/model.py".to_owned()) || paths.len() > 10, "{paths:?}");
}

#[test]
fn a_project_with_everything() {
    let project = read(&[
        ("requirements/prod.txt", "numpy\n"),
        ("requirements/dev.txt", "pytest\n"),
        (".python-version", "3.12\n"),
        ("setup.cfg", "[options]\npython_requires = >=3.10\n"),
        (".dockerignore", "tests\n"),
        (
            "Dockerfile",
            "FROM python:3.11-slim-bookworm\nWORKDIR /srv\n\
             RUN apt-get update && apt-get install -y gcc libpq-dev libgomp1=12.2 ffmpeg\n\
             COPY requirements/prod.txt /tmp/req.txt\nRUN pip install -r /tmp/req.txt gunicorn\n\
             COPY src /srv/src\nCOPY job.py .\nENV PATH=/x:$PATH MODE=\"a \\\"b\\\"\" PIP_NO_CACHE_DIR=1\n\
             RUN useradd app\nUSER app\nEXPOSE 8080\nLABEL org.example.team=ml\n\
             CMD python job.py --port $PORT\n",
        ),
    ])
    .unwrap();
    insta::assert_snapshot!(init(&project));
    assert!(project.shell && project.app.copies.len() == 3 && !project.app.ignore.is_empty());
    assert!(project.python.takes("3.11.4".parse().unwrap()));
    assert!(!project.python.takes("3.12".parse().unwrap()));
}

/// The command that becomes of a Dockerfile's last lines and settings, and what is said about it.
fn command(dockerfile: &str, image: ImageSettings) -> String {
    let folder = folder(&[("Dockerfile", &format!("FROM x\nCOPY . .\n{dockerfile}"))]);
    let settings = Settings { image, ..Settings::default() };
    let project = Project::read(folder.path(), settings, None).unwrap();
    let words = |line: &Option<Inferred<CommandLine>>| {
        line.as_ref().map_or("-".to_owned(), |line| line.value.to_string())
    };
    let notes: String = project.notes.iter().map(|note| format!("\n{note}")).collect();
    format!("{} {}{notes}", words(&project.entry.entrypoint), words(&project.entry.cmd))
}

#[test]
fn entry_points_and_commands_meet_as_docker_says() {
    let own = |words: &[&str]| ImageSettings {
        cmd: CommandLine::new(words.iter().map(|word| (*word).to_owned()).collect()).ok(),
        ..ImageSettings::default()
    };
    let none = ImageSettings::default;
    assert_eq!(command("CMD [\"a\"]\nENTRYPOINT [\"b\"]\n", none()), r#"["b"] ["a"]"#);
    assert_eq!(command("ENTRYPOINT [\"b\"]\nCMD [\"a\"]\n", own(&["c"])), r#"["b"] ["c"]"#);
    assert_eq!(command("CMD [\"a\"]\n", own(&["c"])), r#"- ["c"]"#);
    assert_eq!(
        command("ENTRYPOINT b --x\nCMD [\"a\"]\n", none()),
        "[\"b\", \"--x\"] -\nDockerfile:4: CMD does not count: an ENTRYPOINT without brackets takes no \
         arguments"
    );
}

#[test]
fn credentials_of_a_dockerfile_stay_out() {
    let text = "FROM x\nENV PIP_INDEX_URL=https://bob:hunter2@mirror.invalid/ MODE=a\n\
                ENV API_TOKEN=hunter2 DB=postgres://bob:hunter2@db.invalid/x\n\
                LABEL where=https://hunter2@mirror.invalid/\n";
    let project = read(&[("Dockerfile", text), ("requirements.txt", "")]).unwrap();
    let names: Vec<&str> = project.env.keys().map(String::as_str).collect();
    assert_eq!(names, ["API_TOKEN", "MODE"]);
    assert!(project.labels.is_empty());
    let notes: Vec<String> = project.notes.iter().map(ToString::to_string).collect();
    assert!(!notes.concat().contains("hunter2"), "{notes:?}");
    for name in ["API_TOKEN", "DB", "where"] {
        assert!(notes.iter().any(|note| note.contains(&format!(" {name} "))), "{name}: {notes:?}");
    }
}

#[test]
fn a_modern_project() {
    let project = read(&[
        (
            "pyproject.toml",
            "[project]\nname = \"churn\"\nrequires-python = \">=3.11,<3.14\"\ndependencies = [\"numpy\"]\n\
             [project.scripts]\nchurn = \"churn.cli:main\"\n",
        ),
        ("main.py", "if __name__ == \"__main__\":\n    pass\n"),
    ])
    .unwrap();
    insta::assert_snapshot!(init(&project));
}

#[test]
fn requirements_are_found_by_rank() {
    let found = |names: &[&str]| {
        let files: Vec<(&str, &str)> = names
            .iter()
            .map(|name| match *name {
                "pyproject.toml" => (*name, "[project]\ndependencies = []\n"),
                "setup.cfg" => (*name, "[options]\ninstall_requires =\n  numpy\n  pandas\n"),
                "Pipfile.lock" => {
                    (*name, "{\"_meta\": {\"requires\": {\"python_version\": \"3.11\"}}}")
                }
                "Dockerfile" => (*name, "FROM x\nCOPY . .\nRUN pip install -r b.txt\n"),
                name => (name, ""),
            })
            .collect();
        let project = read(&files).unwrap();
        format!("{:?} from {}", project.requirements.value, project.requirements.from)
    };
    let all = [
        "uv.lock",
        "pylock.toml",
        "poetry.lock",
        "Pipfile.lock",
        "pyproject.toml",
        "requirements.txt",
        "requirements-dev.txt",
        "setup.cfg",
        "setup.py",
    ];
    let mut told: String = (0..5).map(|from| found(&all[from..]) + "\n").collect();
    for names in [
        &["requirements.txt", "requirements-dev.txt", "setup.cfg"][..],
        &["requirements-prod.txt", "setup.cfg"],
        &["requirements/base.txt"],
        &["requirements.txt", "b.txt", "Dockerfile"],
        &["requirements.txt", "Dockerfile"],
        &["setup.cfg"],
        &["setup.py"],
        &[],
    ] {
        told += &(found(names) + "\n");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_lock_knows_its_python() {
    let project =
        read(&[("Pipfile.lock", "{\"_meta\": {\"requires\": {\"python_version\": \"3.11\"}}}")]);
    let version = project.unwrap().python.version.unwrap();
    assert_eq!(
        (version.value.to_string().as_str(), version.from.to_string().as_str()),
        ("3.11", "Pipfile.lock")
    );
    let project = read(&[("pyproject.toml", "[tool.poetry.dependencies]\npython = \"^3.10\"\n")]);
    let range = project.unwrap().python.range.unwrap();
    assert_eq!(range.value.to_string(), ">=3.10,<4.0");
    assert_eq!(range.from.to_string(), "pyproject.toml:2");
    let project = read(&[("uv.lock", "requires-python = \">=3.12\"\n")]).unwrap();
    assert!(project.python.takes(PythonVersion::of(3, 12)));
    assert!(!project.python.takes(PythonVersion::of(3, 11)));
}

#[test]
fn only_settings_insist_on_a_patch() {
    let project = read(&[("Dockerfile", "FROM python:3.11.9-slim\n")]).unwrap();
    assert!(project.python.takes("3.11.2".parse().unwrap()));
    assert_eq!(
        project.notes[0].to_string(),
        "Dockerfile:1: Python 3.11.9 is taken as any 3.11; [python] version insists"
    );
    let version = Some("3.11.9".parse().unwrap());
    let settings = Settings {
        python: PythonSettings { version, ..PythonSettings::default() },
        ..Settings::default()
    };
    let folder = folder(&[]);
    let project = Project::read(folder.path(), settings, None).unwrap();
    assert!(!project.python.takes("3.11.2".parse().unwrap()));
}

#[test]
fn mistakes_say_what_to_write() {
    let cases: [&[(&str, &str)]; 7] = [
        &[("requirements-a.txt", ""), ("requirements-b.txt", "")],
        &[
            ("pyproject.toml", "[project]\nrequires-python = \">=3.12\"\n"),
            ("runtime.txt", "python-3.11.9"),
        ],
        &[("pyproject.toml", "[project\n")],
        &[("Dockerfile", "FROM x\nRUM y\n")],
        &[(".dockerignore", "a\n[\n")],
        &[("Pipfile.lock", "{\n")],
        &[("uv.lock", "x = \n")],
    ];
    let told: String = cases.into_iter().map(mistake).collect();
    insta::assert_snapshot!(told);
    let folder = folder(&[("a.txt", ""), ("uv.lock", "")]);
    let settings = |files: &[&str]| Settings {
        python: PythonSettings {
            requirements: files.iter().map(|file| (*file).to_owned()).collect(),
            ..PythonSettings::default()
        },
        ..Settings::default()
    };
    let told = |files: &[&str]| {
        Project::read(folder.path(), settings(files), None).map(|p| p.requirements.value)
    };
    assert_eq!(told(&["a.txt"]).unwrap(), Requirements::Files(vec!["a.txt".to_owned()]));
    assert_eq!(
        told(&["b.txt"]).unwrap_err().to_string(),
        "[python] requirements names b.txt, which is not there"
    );
    assert!(matches!(told(&["a.txt", "uv.lock"]), Err(ProjectError::MixedRequirements { .. })));
}

#[test]
fn what_runs_is_found() {
    let entry = |files: &[(&str, &str)]| {
        let project = read(files).unwrap();
        let command = |line: &Option<Inferred<CommandLine>>| {
            line.as_ref()
                .map_or("-".to_owned(), |line| format!("{} from {}", line.value, line.from))
        };
        let notes: String = project.notes.iter().map(|note| format!("  {note}\n")).collect();
        let shell = if project.shell { " with a shell" } else { "" };
        format!(
            "{} | {}{shell}\n{notes}",
            command(&project.entry.entrypoint),
            command(&project.entry.cmd)
        )
    };
    let guard = "import os\nif __name__ == '__main__':\n    pass\n";
    let cases: [&[(&str, &str)]; 8] = [
        &[],
        &[("job.py", guard), ("app.py", "x = 1\n")],
        &[("job.py", guard), ("main.py", guard)],
        &[("__main__.py", "")],
        &[("pyproject.toml", "[project.scripts]\na = \"pkg.cli:app.run\"\n"), ("job.py", guard)],
        &[("pyproject.toml", "[project.scripts]\na = \"x:y\"\nb = \"x:z\"\n")],
        &[("Dockerfile", "FROM x\nENTRYPOINT exec python -m 'a b'\nCMD [\"--x\"]\n")],
        &[("Dockerfile", "FROM x\nENTRYPOINT [\"a\"]\nCMD a && b\n"), ("job.py", guard)],
    ];
    insta::assert_snapshot!(cases.into_iter().map(entry).collect::<String>());
}

#[test]
fn copies_of_recipes_alone_say_nothing_about_the_source() {
    let project = read(&[("Dockerfile", "FROM x\nWORKDIR /w\nCOPY requirements.txt uv.lock ./\n")]);
    let project = project.unwrap();
    assert!(project.app.copies.is_empty());
    assert_eq!(project.app.destination.to_string(), "/w");
    assert_eq!(project.notes.len(), 1);
}
