//! Made wheels of every shape that is allowed: what they become, and that nothing leaves its folder.

use std::collections::BTreeSet;
use std::io::Read as _;

use lightship_base::Digest;
use lightship_packages::parcel::{Item, ItemKind};
use lightship_packages::wheel::{
    InstallOptions, Installed, Normalised, Scripts, Wheel, install, normalise,
};
use proptest::prelude::*;

use crate::make::{path, printed, python, scheme, unpack};
use crate::zipped::{Draft, Member, described, open};

fn rich() -> Draft {
    let executable = Member { mode: 0o100_755, ..Member::new("demo_pkg/tool", "#!/bin/sh\n") };
    Draft::new()
        .with(executable)
        .with(Member { mode: 0o040_755, method: 0, ..Member::new("demo_pkg/", "") })
        .file("demo_pkg/odd, \"name\".py", "")
        .file("demo_pkg-1.0.data/scripts/run.py", "#!python\nprint('ran')\n")
        .file("demo_pkg-1.0.data/scripts/plain", "#!/bin/sh\n")
        .file("demo_pkg-1.0.data/headers/demo.h", "")
        .file("demo_pkg-1.0.data/data/share/demo/x.json", "{}")
        .file("demo_pkg-1.0.data/platlib/demo_native.so", "")
        .file(
            &described("entry_points.txt"),
            "[console_scripts]\ndemo = demo_pkg:main\n[gui_scripts]\ndemo-gui = demo_pkg:main\n",
        )
        .file(&described("INSTALLER"), "somebody\n")
        .file(&described("direct_url.json"), "{}")
        .file(&described("top_level.txt"), "demo_pkg\n\ndemo_native\n")
}

fn installed(wheel: &Wheel, scripts: Scripts, requested: bool) -> Installed {
    install(wheel, &scheme(), &InstallOptions { scripts, requested }).unwrap()
}

fn names(items: &[Item]) -> Vec<String> {
    items.iter().map(|item| item.path.to_string()).collect()
}

#[test]
fn everything_finds_its_folder() {
    let wheel = rich().open().unwrap();
    assert_eq!(wheel.top_level(), ["demo_pkg", "demo_native"]);
    let all = installed(&wheel, Scripts::All, true);
    let site = "/usr/local/lib/python3.11/dist-packages";
    let mut expected = vec![
        "/usr/local/bin/demo".to_owned(),
        "/usr/local/bin/demo-gui".to_owned(),
        "/usr/local/bin/plain".to_owned(),
        "/usr/local/bin/run.py".to_owned(),
        "/usr/local/include/python3.11/demo-pkg/demo.h".to_owned(),
        "/usr/local/share/demo/x.json".to_owned(),
    ];
    for file in ["__init__.py", "odd, \"name\".py", "tool"] {
        expected.push(format!("{site}/demo_pkg/{file}"));
    }
    for file in ["INSTALLER", "METADATA", "REQUESTED", "WHEEL", "entry_points.txt", "top_level.txt"]
    {
        expected.push(format!("{site}/demo_pkg-1.0.dist-info/{file}"));
    }
    expected.push(format!("{site}/demo_native.so"));
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(sorted(names(&all.parcel.items)), sorted(expected));
    let executables: Vec<String> = all
        .parcel
        .items
        .iter()
        .filter(|item| matches!(item.kind, ItemKind::File { mode: 0o755, .. }))
        .map(|item| item.path.to_string())
        .filter(|name| !name.starts_with("/usr/local/bin/"))
        .collect();
    assert_eq!(executables, [format!("{site}/demo_pkg/tool")]);
}

#[test]
fn programs_come_only_when_asked_for() {
    let wheel = rich().open().unwrap();
    let none = installed(&wheel, Scripts::None, false);
    assert_eq!(none.left_out, ["demo", "demo-gui", "plain", "run.py"]);
    let bin = |installed: &Installed| {
        let folder = path("usr/local/bin");
        let mut items = installed.parcel.items.iter();
        items.find(|item| item.path.starts_with(&folder)).map(|item| item.path.to_string())
    };
    assert_eq!(bin(&none), None);
    assert!(names(&none.parcel.items).contains(&"/usr/local/share/demo/x.json".to_owned()));
    let one = installed(&wheel, Scripts::Named(BTreeSet::from(["demo".to_owned()])), false);
    assert_eq!(bin(&one).as_deref(), Some("/usr/local/bin/demo"));
    assert_eq!(one.left_out, ["demo-gui", "plain", "run.py"]);
}

#[test]
fn record_follows_what_became_of_the_files() {
    let wheel = rich().open().unwrap();
    let mut one = installed(&wheel, Scripts::All, false);
    one.parcel.items.retain(|item| !item.path.as_bytes().ends_with(b"/tool"));
    let added = path("usr/local/lib/python3.11/dist-packages/demo_pkg/new.py");
    one.parcel.items.push(Item::made(added.clone(), *b"new"));
    let changed = path("usr/local/share/demo/x.json");
    let digest_of = |path: &_| (*path == changed).then(|| (Digest::of(b"cut"), 3));
    let record = one.record(&one.parcel.items, &digest_of);
    let record = String::from_utf8(record).unwrap();
    let row = |start: &str| record.lines().find(|line| line.starts_with(start)).unwrap_or("");
    assert_eq!(row("demo_pkg/tool"), "");
    assert_eq!(row("demo_pkg/new.py"), "demo_pkg/new.py,,", "unknown");
    assert!(row("../../../share/demo/x.json,sha256=").ends_with(",3"), "{record}");
    assert!(row("../../../bin/run.py,sha256=").ends_with(",35"), "{record}");
    assert!(row("\"demo_pkg/odd, \"\"name\"\".py\",sha256=").ends_with(",0"), "{record}");
    assert_eq!(row("demo_pkg-1.0.dist-info/RECORD"), "demo_pkg-1.0.dist-info/RECORD,,");
    let order = record.lines().map(|line| line.trim_start_matches('"').split(',').next());
    assert!(order.is_sorted(), "{record}");
    assert_eq!(record.lines().count(), one.parcel.items.len() + 1);
}

#[test]
fn programs_run() {
    let folder = tempfile::tempdir().unwrap();
    let interpreter = printed(&python("import sys; print(sys.executable, end='')", &[], None));
    let draft = Draft::new()
        .without("demo_pkg/__init__.py")
        .file("demo_pkg/__init__.py", "def main():\n    print('called')\n    return 3\n")
        .file("demo_pkg-1.0.data/scripts/run.py", "#!python\nprint('ran')\n")
        .file(&described("entry_points.txt"), "[console_scripts]\ndemo = demo_pkg:main\n");
    let scheme = lightship_packages::wheel::Scheme { interpreter, ..scheme() };
    let options = InstallOptions { scripts: Scripts::All, requested: false };
    let one = install(&draft.open().unwrap(), &scheme, &options).unwrap();
    unpack(&one.into_parcel(), folder.path());
    let run = |name: &str| {
        std::process::Command::new(folder.path().join("usr/local/bin").join(name))
            .env("PYTHONPATH", folder.path().join("usr/local/lib/python3.11/dist-packages"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap()
    };
    let demo = run("demo");
    assert_eq!((&demo.stdout[..], demo.status.code()), (&b"called\n"[..], Some(3)));
    assert_eq!(run("run.py").stdout, b"ran\n");
}

fn normalised(wheel: &Wheel) -> (Vec<u8>, Normalised) {
    let mut bytes = Vec::new();
    let what = normalise(wheel, &mut bytes).unwrap();
    assert_eq!((what.digest, what.size), (Digest::of(&bytes), bytes.len() as u64));
    (bytes, what)
}

#[test]
fn one_content_has_one_normal_form() {
    let draft = rich();
    let mut turned = draft.clone();
    turned.members.reverse();
    for member in &mut turned.members {
        member.method = 0;
    }
    assert_ne!(draft.bytes(), turned.bytes());
    let (bytes, what) = normalised(&draft.open().unwrap());
    assert_eq!(normalised(&turned.open().unwrap()).1, what);
    // It is a wheel again, and its own normal form.
    let again = open(bytes.clone()).unwrap();
    assert_eq!(normalised(&again).0, bytes);
    assert_eq!(names(&installed(&again, Scripts::All, true).parcel.items), {
        names(&installed(&draft.open().unwrap(), Scripts::All, true).parcel.items)
    });
    // Fixed for good: another figure here means that every lock of a built wheel is void.
    let small = normalised(&Draft::new().open().unwrap()).1;
    insta::assert_snapshot!(format!("{} {}", small.size, small.digest), @"957 sha256:e060fd7b98742c3f40b83eee4b1713374fc0647a59df7e9d3bd805efeafab0f5");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(crate::zipped::NAME);
    std::fs::write(&file, &bytes).unwrap();
    let code = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                print(sorted({(i.date_time, i.create_system, oct(i.external_attr >> 16), i.compress_type) for i in z.infolist()}))\n\
                print(z.namelist()[-1])";
    let answer = printed(&python(code, &[&file], None));
    assert_eq!(
        answer,
        "[((1980, 1, 1, 0, 0, 0), 3, '0o100644', 0), ((1980, 1, 1, 0, 0, 0), 3, '0o100755', 0)]\n\
         demo_pkg-1.0.dist-info/RECORD\n"
    );
}

#[test]
fn several_threads_read_at_once() {
    let big = "0123456789abcdef".repeat(40_000);
    let wheel = Draft::new().file("demo_pkg/big", &big).open().unwrap();
    let content =
        &wheel.files().iter().find(|f| f.path.as_bytes() == b"demo_pkg/big").unwrap().content;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut text = String::new();
                content.open().unwrap().read_to_string(&mut text).unwrap();
                assert!(text == big);
            });
        }
    });
}

/// Names of parts that have a meaning to somebody.
const PARTS: [&str; 22] = [
    "..",
    ".",
    "",
    "a",
    "b",
    "python",
    "python3",
    "purelib",
    "platlib",
    "scripts",
    "headers",
    "data",
    "lib",
    "python3.11",
    "dist-packages",
    "bin",
    "RECORD",
    "C:",
    "demo_pkg",
    "demo_pkg-1.0.data",
    "demo_pkg-1.0.dist-info",
    "etc\\x",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_file_leaves_its_folders(
        files in prop::collection::vec(prop::collection::vec(0..PARTS.len(), 1..6), 0..6),
        in_data in any::<bool>(),
    ) {
        let mut draft = Draft::new();
        for parts in files {
            let name = parts.iter().map(|part| PARTS[*part]).collect::<Vec<_>>().join("/");
            let name = if in_data { format!("demo_pkg-1.0.data/{name}") } else { name };
            draft = draft.file(name.trim_end_matches('/'), "#!python\n");
        }
        let Ok(wheel) = draft.open() else { return Ok(()) };
        let options = InstallOptions { scripts: Scripts::All, requested: true };
        let Ok(installed) = install(&wheel, &scheme(), &options) else { return Ok(()) };
        let scheme = scheme();
        let folders = [&scheme.purelib, &scheme.platlib, &scheme.scripts, &scheme.headers, &scheme.data];
        let parcel = installed.into_parcel();
        let mut seen = BTreeSet::new();
        for item in &parcel.items {
            prop_assert!(folders.iter().any(|folder| item.path.starts_with(folder)), "{}", item.path);
            prop_assert!(item.path.components().all(|part| part != b".." && !part.contains(&b'\\')));
            prop_assert!(seen.insert(item.path.clone()), "{} twice", item.path);
            let ItemKind::File { content, .. } = &item.kind else { panic!("{item:?}") };
            prop_assert_eq!(content.read(1 << 20).unwrap().len() as u64, content.size());
        }
        for item in &parcel.items {
            prop_assert!(item.path.ancestors().all(|folder| !seen.contains(&folder)));
        }
    }

    #[test]
    fn damaged_wheels_are_refused_or_read(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = rich().bytes();
        for (place, byte) in damage {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(wheel) = open(bytes) {
            for file in wheel.files() {
                // Never other bytes than RECORD's.
                if let Ok(read) = file.content.read(1 << 20) {
                    prop_assert_eq!(Digest::of(&read), file.digest);
                }
            }
        }
    }
}
