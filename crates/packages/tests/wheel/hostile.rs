//! Wheels that are there to do harm, and broken ones: each is refused, and the message says why.

use lightship_base::{Category, Diagnose as _};
use lightship_packages::wheel::{Error, Flaw, InstallOptions, Scripts, Wheel, install};

use crate::make::scheme;
use crate::zipped::{Draft, Member, NAME, described, flaw};

fn options() -> InstallOptions {
    InstallOptions { scripts: Scripts::All, requested: false }
}

/// What is wrong once a wheel that could be opened is installed.
fn install_flaw(draft: &Draft) -> Flaw {
    let error = install(&draft.open().unwrap(), &scheme(), &options()).unwrap_err();
    assert_eq!(error.category(), Category::BadInput);
    let Error::Refused { flaw, .. } = error else { panic!("{error}") };
    flaw
}

#[test]
fn the_draft_is_sound() {
    let wheel = Draft::new().open().unwrap();
    let installed = install(&wheel, &scheme(), &options()).unwrap();
    assert_eq!(installed.parcel.package.name, "demo-pkg");
    assert_eq!(installed.parcel.items.len(), 4);
}

#[test]
fn names_that_lead_elsewhere() {
    let long = "x".repeat(256);
    for (name, word) in [
        (&b"../x.py"[..], "`..`"),
        (b"demo_pkg/../../x.py", "`..`"),
        (b"/etc/passwd", "absolute"),
        (b"C:/x.py", "drive"),
        (b"c:x.py", "drive"),
        (b"demo_pkg\\x.py", "backslash"),
        (b"demo_pkg/\x1b[2J.py", "control"),
        (b"demo_pkg/a\0b.py", "control"),
        (b"demo_pkg/\xff.py", "UTF-8"),
        (b"./", "no name"),
        (long.as_bytes(), "file system"),
    ] {
        let mut draft = Draft::new();
        draft.unlisted.push(Member { mode: 0, ..Member::new(name, "") });
        let message = draft.flaw().to_string();
        assert!(message.contains(word), "{name:?}: {message}");
        assert!(!message.contains('\x1b'), "{message:?}");
    }
    // Not even RECORD may say such a thing.
    for row in ["../x.py,sha256=,0\n", "/etc/passwd,,\n", "a\\b,,\n"] {
        let draft = Draft { rows: row.to_owned(), ..Draft::new() };
        assert!(matches!(draft.flaw(), Flaw::UnsafeName { .. }), "{row}");
    }
}

#[test]
fn one_name_twice() {
    for name in ["demo_pkg/__init__.py", "demo_pkg//__init__.py", "./demo_pkg/__init__.py"] {
        let draft = Draft::new().file(name, "x = 1\n");
        assert!(matches!(draft.flaw(), Flaw::Duplicate(_)), "{name}: {}", draft.flaw());
    }
    let draft = Draft::new().file("demo_pkg/__init__.py/x", "");
    assert_eq!(draft.flaw(), Flaw::FileAndFolder("demo_pkg/__init__.py".into()));
    // Names that differ in case are two names on Linux, and in honest wheels.
    assert!(Draft::new().file("demo_pkg/__INIT__.py", "").open().is_ok());
}

#[test]
fn members_that_are_no_files() {
    let member = |change: &dyn Fn(&mut Member)| {
        let mut member = Member::new("demo_pkg/x", "y");
        change(&mut member);
        Draft::new().with(member).flaw()
    };
    let name = || "demo_pkg/x".to_owned();
    assert_eq!(member(&|m| m.mode = 0o120_777), Flaw::Special(name()));
    assert_eq!(member(&|m| m.mode = 0o020_666), Flaw::Special(name()));
    assert_eq!(member(&|m| m.mode = 0o040_755), Flaw::Special(name()));
    assert_eq!(member(&|m| m.flags = 1), Flaw::Encrypted(name()));
    assert_eq!(member(&|m| m.method = 12), Flaw::Method(name()));
    assert_eq!(member(&|m| m.method = 99), Flaw::Method(name()));
    let full_folder = member(&|m| m.name = b"demo_pkg/x/".to_vec());
    assert_eq!(full_folder, Flaw::Special("demo_pkg/x/".into()));
}

#[test]
fn an_archive_that_contradicts_itself() {
    let lie = |change: &dyn Fn(&mut Member)| {
        let mut member = Member::new("demo_pkg/x", "yyyy".repeat(100));
        change(&mut member);
        Draft::new().with(member).flaw()
    };
    let contradiction = Flaw::Contradiction("demo_pkg/x".into());
    assert_eq!(lie(&|m| m.local_name = Some(b"demo_pkg/y".to_vec())), contradiction);
    assert_eq!(lie(&|m| m.local_name = Some(b"demo_pkg/xy".to_vec())), contradiction);
    assert_eq!(lie(&|m| m.claims = Some(1 << 20)), contradiction);
    assert_eq!(lie(&|m| m.claims = Some(1 << 40)), contradiction, "in the zip64 way");
    assert_eq!(lie(&|m| m.claims = Some(u64::MAX)), contradiction);
    assert_eq!(lie(&|m| (m.method, m.claims) = (0, Some(4))), contradiction);
    assert_eq!(lie(&|m| m.overlaps = true), contradiction);
}

#[test]
fn bombs_are_seen_before_anything_is_unpacked() {
    // 5 MB that claim to be deflated from as much as deflate could possibly pack into them.
    let mut bomb = Member::new("demo_pkg/x", vec![0; 5_000_000]);
    bomb.method = 0;
    let mut bytes = Draft::new().with(bomb).bytes();
    let claim = 5_000_000u32.to_le_bytes();
    let method_and_size = |at: usize, method: usize, size: usize, bytes: &mut [u8]| {
        bytes[at + method] = 8;
        let huge = (5_000_000u64 * 1_000).min(u64::from(u32::MAX) - 1);
        bytes[at + size..at + size + 4]
            .copy_from_slice(&u32::try_from(huge).unwrap().to_le_bytes());
    };
    let find = |bytes: &[u8], sign: &[u8], size: usize| {
        (0..bytes.len() - 50)
            .find(|at| bytes[*at..].starts_with(sign) && bytes[at + size..at + size + 4] == claim)
            .unwrap()
    };
    let local = find(&bytes, b"PK\x03\x04", 22);
    method_and_size(local, 8, 22, &mut bytes);
    let central = find(&bytes, b"PK\x01\x02", 24);
    method_and_size(central, 10, 24, &mut bytes);
    let Flaw::Bomb { packed, unpacked } = flaw(bytes.clone()) else { panic!("{}", flaw(bytes)) };
    assert!(packed < 6_000_000 && unpacked > 4 << 30);
}

#[test]
fn archives_with_more_or_less_than_an_archive() {
    let sound = Draft::new().bytes();
    for cut in [0, 1, 21, 22, sound.len() / 2, sound.len() - 1] {
        assert!(matches!(flaw(sound[..cut].to_vec()), Flaw::Zip(_)), "{cut}");
    }
    let mut before = b"#!/bin/sh\n".to_vec();
    before.extend(&sound);
    let refused = flaw(before);
    assert!(matches!(refused, Flaw::Zip(_) | Flaw::Contradiction(_)), "{refused}");
    assert!(matches!(
        flaw(b"PK\x05\x06".iter().copied().chain([0; 18]).collect()),
        Flaw::DistInfo(0)
    ));
}

#[test]
fn record_and_archive_disagree() {
    let x = || "demo_pkg/x".to_owned();
    let mut unlisted = Draft::new();
    unlisted.unlisted.push(Member::new(x(), ""));
    assert_eq!(unlisted.flaw(), Flaw::Unrecorded(x()));
    let only = Draft { rows: "demo_pkg/x,sha256=aaaa,1\n".to_owned(), ..Draft::new() };
    assert_eq!(only.flaw(), Flaw::RecordedOnly(x()));

    let row = |row: &str| {
        let member = Member { row: Some(row.to_owned()), ..Member::new(x(), "y") };
        Draft::new().with(member)
    };
    let other = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    assert_eq!(row(",").flaw(), Flaw::NoDigest(x()));
    for kind in ["md5", "sha512"] {
        let flaw = Flaw::OtherDigest { member: x(), kind: kind.to_owned() };
        assert_eq!(row(&format!("{kind}=1B2M2Y8AsgTpgAmY7PhCfg,1")).flaw(), flaw);
    }
    assert_eq!(row("sha256=short,1").flaw(), Flaw::NoDigest(x()));
    assert_eq!(row(&format!("sha256={other},2")).flaw(), Flaw::OtherSize(x()));
    let twice = Draft { rows: format!("demo_pkg/__init__.py,sha256={other},6\n"), ..Draft::new() };
    assert!(matches!(twice.flaw(), Flaw::Unreadable { file: "RECORD", .. }));
    let quote = Draft { rows: "\"demo_pkg".to_owned(), ..Draft::new() };
    assert!(matches!(quote.flaw(), Flaw::Unreadable { file: "RECORD", .. }));

    // A wrong digest shows when the bytes are read, before the last of them is handed out.
    let wheel = row(&format!("sha256={other},1")).open().unwrap();
    let file = wheel.files().iter().find(|file| file.path.as_bytes() == b"demo_pkg/x").unwrap();
    let error = file.content.read(10).unwrap_err().to_string();
    assert!(error.contains("demo_pkg/x") && error.contains("digest"), "{error}");
}

#[test]
fn bytes_that_are_more_or_fewer_than_claimed() {
    for (claims, word) in [(3, "longer"), (5, "ends before")] {
        let member = Member { claims: Some(claims), ..Member::new("demo_pkg/x", "yyyy") };
        let wheel = Draft::new().with(member).open().unwrap();
        let file = wheel.files().iter().find(|f| f.path.as_bytes() == b"demo_pkg/x").unwrap();
        let error = file.content.read(1 << 20).unwrap_err().to_string();
        assert!(error.contains(word), "{claims}: {error}");
    }
}

#[test]
fn folders_and_descriptions_of_other_distributions() {
    let foreign = Draft::new().file("other-1.0.data/scripts/x", "");
    assert_eq!(foreign.flaw(), Flaw::ForeignFolder("other-1.0.data".into()));
    let newer = Draft::new().file("demo_pkg-1.1.data/data/x", "");
    assert_eq!(newer.flaw(), Flaw::ForeignFolder("demo_pkg-1.1.data".into()));
    let both =
        Draft::new().file("demo.pkg-1.0.data/data/x", "").file("Demo_Pkg-1.0.data/data/y", "");
    assert!(matches!(both.flaw(), Flaw::ForeignFolder(_)));
    let second = Draft::new().file("other-1.0.dist-info/METADATA", "");
    assert_eq!(second.flaw(), Flaw::DistInfo(2));

    let metadata = |text: &str| {
        let name = described("METADATA");
        Draft::new().without(&name).file(&name, text).flaw()
    };
    for text in
        ["Name: other\nVersion: 1.0\n", "Name: demo-pkg\nVersion: 1.1\n", "Name: demo-pkg\n"]
    {
        assert!(matches!(metadata(text), Flaw::OtherMetadata { .. }), "{text}");
    }
    assert!(matches!(metadata("Version: 1.0\n"), Flaw::Unreadable { file: "METADATA", .. }));
    let wheel = |text: &str| {
        let name = described("WHEEL");
        Draft::new().without(&name).file(&name, text).flaw()
    };
    assert_eq!(wheel("Wheel-Version: 2.0\n"), Flaw::Format("2.0".into()));
    assert!(matches!(wheel("Root-Is-Purelib: true\n"), Flaw::Unreadable { file: "WHEEL", .. }));
    assert_eq!(Draft::new().without(&described("WHEEL")).flaw(), Flaw::Missing("WHEEL"));
    assert_eq!(Draft::new().without(&described("METADATA")).flaw(), Flaw::Missing("METADATA"));
    let unrecorded = Draft { record: false, ..Draft::new() };
    assert_eq!(unrecorded.flaw(), Flaw::Missing("RECORD"));
}

#[test]
fn programs_that_would_be_something_else() {
    let points = |line: &str| {
        Draft::new().file(&described("entry_points.txt"), &format!("[console_scripts]\n{line}\n"))
    };
    assert!(matches!(points("../../etc/cron.d/x = a:b").flaw(), Flaw::EntryPoint(_)));
    assert!(matches!(points("x = a:b()").flaw(), Flaw::EntryPoint(_)));
    assert_eq!(install_flaw(&points("python3 = a:b")), Flaw::Interpreter("python3".into()));
    let script = Draft::new().file("demo_pkg-1.0.data/scripts/python3.11", "");
    assert_eq!(install_flaw(&script), Flaw::Interpreter("python3.11".into()));
}

#[test]
fn files_that_would_not_stay_in_their_folders() {
    let data = |name: &str| Draft::new().file(&format!("demo_pkg-1.0.data/{name}"), "");
    assert!(matches!(install_flaw(&data("loose")), Flaw::UnknownScheme(_)));
    assert!(matches!(install_flaw(&data("stdlib/os.py")), Flaw::UnknownScheme(_)));
    let twice = install_flaw(&data("purelib/demo_pkg/__init__.py"));
    assert!(matches!(twice, Flaw::Collision(_)), "{twice}");
    let below = install_flaw(&data("platlib/demo_pkg/__init__.py/x"));
    assert!(matches!(below, Flaw::FileAndFolder(_)), "{below}");
    for name in ["data/lib/python3.11/os.py", "data/bin/python", "data/bin/python3-config"] {
        let flaw = install_flaw(&data(name));
        assert!(matches!(flaw, Flaw::Interpreter(_)), "{name}: {flaw}");
    }
    let site = "data/lib/python3.11/dist-packages";
    for name in [
        "purelib/demo_pkg-1.0.dist-info/RECORD",
        "platlib/demo_pkg-1.0.dist-info/direct_url.json",
        "purelib/other-2.0.dist-info/METADATA",
        &format!("{site}/other-2.0.dist-info/METADATA"),
    ] {
        let flaw = install_flaw(&data(name));
        assert!(matches!(flaw, Flaw::Describes(_)), "{name}: {flaw}");
    }
}

#[test]
fn an_interpreter_that_no_first_line_can_name() {
    let wheel = Draft::new().open().unwrap();
    for interpreter in ["python3", "/a b/python3", "/a\nb", "", &format!("/{}", "x".repeat(130))] {
        let scheme =
            lightship_packages::wheel::Scheme { interpreter: interpreter.to_owned(), ..scheme() };
        let error = install(&wheel, &scheme, &options()).unwrap_err();
        assert!(!error.hints().is_empty(), "{error}");
    }
}

#[test]
fn files_that_are_not_there_or_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file of a store");
    let name = NAME.parse().unwrap();
    let missing = Wheel::open(&file, &name).unwrap_err();
    assert!(matches!(missing, Error::Io { attempt: "read", .. }), "{missing}");
    assert_eq!(missing.category(), Category::BadInput);
    assert_eq!(missing.to_string(), format!("cannot read wheel {NAME}"));

    // A file that shrinks while it is read ends in an error, not in fewer bytes.
    let draft =
        Draft::new().with(Member { method: 0, ..Member::new("demo_pkg/z", "y".repeat(100_000)) });
    std::fs::write(&file, draft.bytes()).unwrap();
    let wheel = Wheel::open(&file, &name).unwrap();
    std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(2_000).unwrap();
    let big = wheel.files().iter().find(|file| file.path.as_bytes() == b"demo_pkg/z").unwrap();
    let error = big.content.read(1 << 20).unwrap_err().to_string();
    assert!(error.contains("demo_pkg/z: it ends before"), "{error}");
}
