//! What of an archive is what, and which archives are refused.

use lightship_packages::parcel::Content;

use super::*;

/// A program for 64-bit x86 that asks for nothing: the head of an ELF file (*gABI, ELF Header*) without
/// segments.
fn program(machine: u8) -> Vec<u8> {
    let mut bytes = vec![0; 128];
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    bytes[16] = 2;
    bytes[18] = machine;
    bytes[20] = 1;
    bytes[52] = 64;
    bytes[54] = 56;
    bytes
}

fn file(path: &str, mode: u32, bytes: impl Into<Vec<u8>>) -> Item {
    let kind = ItemKind::File { mode, content: Content::bytes(bytes) };
    Item { path: layout::path(path), kind }
}

fn archive() -> Vec<Item> {
    vec![
        file("python/bin/python3.12", 0o755, program(62)),
        Item::link(layout::path("python/bin/python3"), "python3.12"),
        file("python/bin/python3.12-config", 0o755, "#!/bin/sh"),
        file("python/bin/pip3", 0o755, "#!"),
        file("python/include/python3.12/patchlevel.h", 0o644, "#define PY_VERSION  \"3.12.4+\"\n"),
        file("python/lib/libpython3.12.so.1.0", 0o755, "x"),
        file("python/lib/tcl8.6/init.tcl", 0o644, "x"),
        file("python/lib/python3.12/os.py", 0o644, "x"),
        file("python/lib/python3.12/tkinter/__init__.py", 0o644, "x"),
        file("python/lib/python3.12/unittest/test/test_x.py", 0o644, "x"),
        file("python/lib/python3.12/unittest/case.py", 0o644, "x"),
        file("python/lib/python3.12/site-packages/README.txt", 0o644, "x"),
        file("python/lib/python3.12/site-packages/pip/__init__.py", 0o644, "12345"),
        file(
            "python/lib/python3.12/site-packages/pip-24.0.dist-info/RECORD",
            0o644,
            "pip/__init__.py,sha256=x,5\n../../../bin/pip3,,\npip-24.0.dist-info/RECORD,,\n",
        ),
    ]
}

fn refused(change: impl FnOnce(&mut Vec<Item>)) -> String {
    let mut items = archive();
    change(&mut items);
    lay_out(items, "cpython.tar.gz", "amd64", &BTreeSet::new()).unwrap_err().to_string()
}

#[test]
fn an_installation_comes_to_lie_under_local() {
    let made = lay_out(archive(), "cpython.tar.gz", "amd64", &BTreeSet::new()).unwrap();
    let mut paths: Vec<String> =
        made.parcel.items.iter().map(|item| item.path.to_string()).collect();
    paths.sort();
    assert_eq!(
        paths,
        [
            "/usr/local/bin/python",
            "/usr/local/bin/python3",
            "/usr/local/bin/python3.12",
            "/usr/local/lib/python3.12/os.py",
            "/usr/local/lib/python3.12/unittest/case.py",
        ]
    );
    assert_eq!(made.parcel.package.version, "3.12.4");
    assert_eq!(made.python.version, (3, 12));
    assert_eq!(made.python.scheme.interpreter, "/usr/local/bin/python3.12");
    assert_eq!(made.python.scheme.data.to_string(), "/usr/local");
    let dropped: Vec<_> =
        made.dropped.iter().map(|one| (one.name.as_str(), one.version.as_str())).collect();
    assert_eq!(dropped, [("pip", "24.0")]);
    let left: Vec<(&str, u64)> =
        made.left_out.iter().map(|one| (one.category.as_str(), one.files)).collect();
    assert_eq!(left, [("development", 3), ("packaging", 1), ("tests", 1), ("tk", 2)]);

    let keep = BTreeSet::from([Category::Tk, Category::Development]);
    let kept = lay_out(archive(), "cpython.tar.gz", "amd64", &keep).unwrap();
    let has = |path: &str| {
        kept.parcel.items.iter().any(|item| item.path.to_string() == format!("/{path}"))
    };
    assert!(has("usr/local/lib/tcl8.6/init.tcl"));
    assert!(has("usr/local/include/python3.12/patchlevel.h"));
}

#[test]
fn what_is_no_such_archive_is_refused() {
    let add = |item: Item| move |items: &mut Vec<Item>| items.push(item);
    let told = [
        refused(add(file("etc/passwd", 0o644, "x"))),
        refused(add(Item::link(layout::path("python/lib/x"), "/etc"))),
        refused(add(Item::link(layout::path("python/lib/x"), "../../usr"))),
        refused(add(Item::link(layout::path("python/x"), "a/../../python2/x"))),
        refused(|items| items.retain(|item| !item.path.to_string().ends_with("3.12"))),
        refused(|items| items.retain(|item| !item.path.to_string().ends_with("os.py"))),
        refused(|items| items[0] = file("python/bin/python3.12", 0o755, program(183))),
        refused(|items| items[0] = file("python/bin/python3.12", 0o755, "#!/bin/sh")),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn bytes_that_are_no_archive_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::fs::write(&path, b"no archive at all").unwrap();
    let archive = Archive { name: "x.tar.gz", sha256: Digest::of(b""), path: &path };
    let error = open(archive, "amd64", &BTreeSet::new(), folder.path()).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the interpreter's archive x.tar.gz");
}
