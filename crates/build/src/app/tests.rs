//! Folders as people have them, and what of them goes into an image.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use lightship_base::Diagnose as _;
use tempfile::TempDir;

use super::*;

/// A folder with these files; a name that ends with a slash is an empty folder.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        write(folder.path(), name, text);
    }
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    if name.ends_with('/') {
        fs::create_dir_all(path).unwrap();
        return;
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn options() -> AppOptions {
    AppOptions::to("churn", RootPath::parse(b"/app").unwrap())
}

/// One line a name: kind, mode, place.
fn listing(collected: &Collected) -> String {
    let lines = collected.parcel.items.iter().map(|item| match &item.kind {
        ItemKind::Folder { mode } => format!("d {mode:04o} {}\n", item.path),
        ItemKind::File { mode, content } => {
            format!("f {mode:04o} {} {}\n", item.path, content.size())
        }
        ItemKind::Symlink(target) => {
            format!("l      {} -> {}\n", item.path, String::from_utf8_lossy(target))
        }
    });
    lines.collect()
}

fn report(collected: &Collected) -> String {
    let left = collected.left_out.iter().map(|left| {
        let more = if left.at_least { " or more" } else { "" };
        let (rule, names) = (left.rule.words(), left.examples.join(" "));
        format!("out: {rule}: {} files, {}{more}: {names}\n", left.files, left.bytes)
    });
    let warnings = collected.warnings.iter().map(|warning| format!("warning: {warning}\n"));
    left.chain(warnings).collect()
}

fn everything(collected: &Collected) -> String {
    format!("{}{}", listing(collected), report(collected))
}

fn patterns(list: &[&str]) -> Patterns {
    Patterns::of(list).unwrap()
}

fn copy(sources: &[&str], destination: &str, into_folder: bool) -> CopyRule {
    CopyRule {
        sources: sources.iter().map(|source| (*source).to_owned()).collect(),
        destination: RootPath::parse(destination.as_bytes()).unwrap(),
        into_folder,
    }
}

const MESSY: &[(&str, &str)] = &[
    ("job.py", "print(1)\n"),
    ("churn/__init__.py", ""),
    ("churn/model.py", "x = 1\n"),
    ("churn/__pycache__/model.cpython-311.pyc", "bytes"),
    ("certs/ca.pem", "-----BEGIN CERTIFICATE-----\nMII\n"),
    ("certs/server.pem", "-----BEGIN CERTIFICATE-----\nMII\n-----BEGIN PRIVATE KEY-----\nMII\n"),
    (".git/HEAD", "ref: refs/heads/main\n"),
    (".git/refs/heads/main", "0123456789012345678901234567890123456789\n"),
    (".gitignore", "x\n"),
    (".env", "PASSWORD=1\n"),
    (".env.example", "PASSWORD=\n"),
    ("environment/bin/python", "elf"),
    ("environment/pyvenv.cfg", ""),
    ("env/settings.py", ""),
    ("web/dist/index.html", "<p>"),
    ("dist/churn-1-py3-none-any.whl", "zip"),
    ("node_modules/a/index.js", ""),
    ("Dockerfile", "FROM python:3.11\n"),
    ("lightship.toml", ""),
    ("empty/", ""),
    (".vscode/settings.json", "{}"),
];

#[test]
fn a_messy_folder_becomes_its_source() {
    let folder = folder(MESSY);
    insta::assert_snapshot!(everything(&collect(folder.path(), &options()).unwrap()));
}

#[test]
fn secrets_stay_out_and_are_named() {
    let key = "{\"private_key\": \"-----BEGIN PRIVATE KEY-----\\nMII\"}";
    let folder = folder(&[
        ("job.py", ""),
        ("conf/prod.env", "A=1"),
        (".streamlit/secrets.toml", "a = 1"),
        (".streamlit/config.toml", "a = 1"),
        ("robot.json", key),
        ("plain.json", "{}"),
        (".aws/credentials", "x"),
    ]);
    let collected = collect(folder.path(), &options()).unwrap();
    let paths: Vec<String> =
        collected.parcel.items.iter().map(|item| item.path.to_string()).collect();
    for (name, is_in) in [
        ("/app/plain.json", true),
        ("/app/.streamlit/config.toml", true),
        ("/app/.streamlit/secrets.toml", false),
        ("/app/robot.json", false),
        ("/app/conf/prod.env", false),
        ("/app/.aws/credentials", false),
    ] {
        assert_eq!(paths.iter().any(|path| path == name), is_in, "{name}: {paths:?}");
    }
    let report = report(&collected);
    for name in ["conf/prod.env", ".streamlit/secrets.toml", "robot.json", ".aws/"] {
        assert!(report.contains(&format!("warning: {name} ")), "{name}: {report}");
    }
    let included = AppOptions { include: patterns(&["robot.json"]), ..options() };
    let collected = collect(folder.path(), &included).unwrap();
    assert!(collected.parcel.items.iter().any(|item| item.path.to_string() == "/app/robot.json"));
}

#[test]
fn patterns_leave_out_and_bring_back() {
    let folder = folder(MESSY);
    let options = AppOptions {
        ignore: patterns(&["churn", "!churn/model.py", "web"]),
        include: patterns(&[".env", "environment/bin", "web/dist", "env"]),
        exclude: patterns(&["env/*", "certs"]),
        ..options()
    };
    insta::assert_snapshot!(everything(&collect(folder.path(), &options).unwrap()));
}

#[test]
fn a_dockerfiles_copies_are_all_there_is() {
    let folder = folder(MESSY);
    let copies = vec![
        copy(&["job.py"], "/srv/run.py", false),
        copy(&["./churn/"], "/srv/churn", false),
        copy(&["env", "cert*/*.pem"], "/srv/more", true),
        copy(&["job.py"], "/srv", true),
    ];
    let destination = RootPath::parse(b"srv").unwrap();
    let options = AppOptions {
        copies,
        destination,
        include: patterns(&["web/dist/index.html"]),
        ..options()
    };
    insta::assert_snapshot!(everything(&collect(folder.path(), &options).unwrap()));
}

#[test]
fn copies_that_contradict_each_other_are_refused() {
    let folder = folder(MESSY);
    let copies = vec![copy(&["job.py"], "/srv", false), copy(&["churn"], "/srv/churn", false)];
    let error = collect(folder.path(), &AppOptions { copies, ..options() }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/srv would be a file and, with /srv/churn/__init__.py, a folder"
    );
}

#[test]
fn modes_and_links_are_kept_as_far_as_they_mean_something() {
    let folder = folder(&[("start.sh", "#!"), ("a/b/c.py", ""), ("private.txt", "x")]);
    let mode = |name: &str, mode| {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("start.sh", 0o4700);
    mode("private.txt", 0o600);
    symlink("../../start.sh", folder.path().join("a/b/up")).unwrap();
    symlink("missing", folder.path().join("a/dangling")).unwrap();
    symlink("b", folder.path().join("a/folder")).unwrap();
    insta::assert_snapshot!(listing(&collect(folder.path(), &options()).unwrap()));
}

#[test]
fn what_leads_out_or_is_no_file_is_refused() {
    let told = |name: &str, make: &dyn Fn(&Path)| {
        let folder = folder(&[("a/x.py", "")]);
        make(&folder.path().join(name));
        let error = collect(folder.path(), &options()).unwrap_err();
        let hints: String = error.hints().iter().map(|hint| format!("\n  try: {hint}")).collect();
        let left_out = AppOptions { exclude: patterns(&[name]), ..options() };
        assert!(collect(folder.path(), &left_out).is_ok());
        format!("{error}{hints}\n")
    };
    let mut all = told("a/up", &|path| symlink("../../data", path).unwrap());
    all += &told("abs", &|path| symlink("/etc/passwd", path).unwrap());
    all += &told("sock", &|path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()));
    all += &told("pipe", &|path| {
        rustix::fs::mknodat(
            rustix::fs::CWD,
            path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
    });
    insta::assert_snapshot!(all);
    let missing = collect(Path::new("/nonexistent/project"), &options()).unwrap_err();
    assert_eq!(missing.to_string(), "cannot list /nonexistent/project");
}

#[test]
fn large_files_are_worth_a_word() {
    let large = folder(&[("model.bin", ""), ("rows.csv", ""), ("small.csv", "1\n")]);
    for (name, size) in [("model.bin", LARGE.0), ("rows.csv", LARGE_DATA.0)] {
        fs::File::create(large.path().join(name)).unwrap().set_len(size).unwrap();
    }
    insta::assert_snapshot!(report(&collect(large.path(), &options()).unwrap()));
    let nothing = folder(&[("Dockerfile", "FROM x")]);
    insta::assert_snapshot!(report(&collect(nothing.path(), &options()).unwrap()), @r"
    out: build recipes: 1 files, 6 B: Dockerfile
    warning: no file of the project goes into the image
    ");
}

#[test]
fn the_fingerprint_is_that_of_names_modes_and_bytes() {
    let print = |folder: &Path| {
        fingerprint(&collect(folder, &options()).unwrap().parcel).unwrap().to_string()
    };
    let (one, other) = (folder(MESSY), folder(MESSY));
    let before = print(one.path());
    assert_eq!(before, print(other.path()));
    write(other.path(), ".git/index", "changed");
    write(other.path(), "churn/__pycache__/new.pyc", "changed");
    assert_eq!(before, print(other.path()), "what stays out does not count");
    write(other.path(), "job.py", "print(2)\n");
    assert_ne!(before, print(other.path()));
    write(other.path(), "job.py", "print(1)\n");
    assert_eq!(before, print(other.path()), "times do not count");
    fs::set_permissions(other.path().join("job.py"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_ne!(before, print(other.path()));
}

#[test]
fn a_file_that_changes_meanwhile_is_an_error() {
    let folder = folder(&[("a.py", "1234")]);
    let collected = collect(folder.path(), &options()).unwrap();
    let content = |collected: &Collected| match &collected.parcel.items[1].kind {
        ItemKind::File { content, .. } => content.clone(),
        ItemKind::Folder { .. } | ItemKind::Symlink(_) => panic!("a.py is a file"),
    };
    let content = content(&collected);
    assert_eq!(content.read(10).unwrap(), b"1234");
    write(folder.path(), "a.py", "12345");
    let error = content.read(10).unwrap_err().to_string();
    assert!(error.ends_with("a.py changed while the image was made"), "{error}");
    fs::remove_file(folder.path().join("a.py")).unwrap();
    assert!(content.open().is_err());
    symlink("/etc/passwd", folder.path().join("a.py")).unwrap();
    assert!(content.open().is_err());
}

#[test]
fn gits_files_say_which_revision_this_is() {
    const ONE: &str = "0123456789abcdef0123456789abcdef01234567";
    let found = |folder: &Path| revision(folder).unwrap();
    let none = folder(&[("a.py", "")]);
    assert_eq!(found(none.path()), None);

    let repository = folder(&[(".git/HEAD", "ref: refs/heads/main\n"), ("sub/a.py", "")]);
    let path = repository.path();
    assert_eq!(found(path), None, "no commit yet");
    write(path, ".git/packed-refs", &format!("# pack-refs\n{ONE} refs/heads/main\n^{ONE}\n"));
    assert_eq!(found(path).as_deref(), Some(ONE));
    assert_eq!(found(&path.join("sub")).as_deref(), Some(ONE));
    let two = ONE.replace('0', "f");
    write(path, ".git/refs/heads/main", &format!("{two}\n"));
    assert_eq!(found(path), Some(two.clone()), "a loose reference is newer than a packed one");

    let worktree = folder(&[]);
    write(path, ".git/worktrees/w/HEAD", "ref: refs/heads/main\n");
    write(path, ".git/worktrees/w/commondir", "../..\n");
    let link = format!("gitdir: {}\n", path.join(".git/worktrees/w").display());
    write(worktree.path(), ".git", &link);
    assert_eq!(found(worktree.path()), Some(two));

    for head in [ONE, "ref: ../../etc/passwd", "ref: refs/heads/../../../x", "nonsense", ""] {
        write(path, ".git/HEAD", head);
        let expected = (head == ONE).then_some(ONE);
        assert_eq!(found(path).as_deref(), expected, "{head}");
    }
}
