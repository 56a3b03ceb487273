//! Packages made here, honest and hostile.

use std::io::{Cursor, Write};
use std::os::unix::fs::PermissionsExt as _;

use lightship_base::{Diagnose as _, Digest};
use lightship_codec::compression::{CompressionLevel, encoder};
use lightship_codec::tar::{Entry, EntryKind, TarWriter};

use super::*;
use crate::parcel::ItemKind;

const CONTROL: &str = "Package: sample\nVersion: 1:2.0-3\nArchitecture: all\nDepends: libc6\n";

/// A tar of names with what they hold.
#[derive(Default)]
struct Tar(Vec<(Entry, Vec<u8>)>);

impl Tar {
    fn entry(mut self, path: &str, kind: EntryKind, change: impl FnOnce(&mut Entry)) -> Self {
        let mut entry = Entry::new(path, kind);
        entry.mode = 0o755;
        change(&mut entry);
        self.0.push((entry, Vec::new()));
        self
    }

    fn folder(self, path: &str) -> Self {
        self.entry(path, EntryKind::Directory, |_| {})
    }

    fn link(self, path: &str, kind: EntryKind, target: &str) -> Self {
        self.entry(path, kind, |entry| entry.link_target = target.into())
    }

    fn file(mut self, path: &str, mode: u32, content: impl Into<Vec<u8>>) -> Self {
        let content = content.into();
        let mut entry = Entry::new(path, EntryKind::File);
        entry.mode = mode;
        entry.size = content.len() as u64;
        entry.real_size = entry.size;
        self.0.push((entry, content));
        self
    }

    fn bytes(self) -> Vec<u8> {
        let mut writer = TarWriter::new(Vec::new());
        for (entry, content) in self.0 {
            writer.append(&entry, &mut Cursor::new(content)).unwrap();
        }
        writer.finish().unwrap()
    }
}

fn control() -> Tar {
    Tar::default().folder("./").file("./control", 0o644, CONTROL)
}

fn compressed(level: &str, bytes: &[u8]) -> Vec<u8> {
    let level: CompressionLevel = level.parse().unwrap();
    let mut encoder = encoder(Vec::new(), level, 1).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in members {
        let size = content.len();
        let header = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 100_644);
        bytes.extend(header.bytes());
        bytes.extend(*content);
        if size % 2 == 1 {
            bytes.push(b'\n');
        }
    }
    bytes
}

fn deb(data: Tar) -> Vec<u8> {
    let members = [
        ("debian-binary", &b"2.0\n"[..]),
        ("control.tar", &control().bytes()),
        ("data.tar", &data.bytes()),
    ];
    ar(&members)
}

fn read(bytes: &[u8]) -> Result<Deb, ErrorKind> {
    Deb::read(bytes, tempfile::tempdir().unwrap().path())
}

fn show(deb: &Deb) -> Vec<String> {
    let lines = deb.items.iter().map(|item| match &item.kind {
        ItemKind::Folder { mode } => format!("{} folder {mode:o}", item.path),
        ItemKind::Symlink(target) => format!("{} -> {}", item.path, target.escape_ascii()),
        ItemKind::File { mode, content } => {
            let text = content.read(100).unwrap();
            format!("{} {mode:o} {}", item.path, text.escape_ascii())
        }
    });
    lines.collect()
}

#[test]
fn everything_that_a_package_says_is_found() {
    let control = control()
        .file("./md5sums", 0o644, "d41d8  usr/bin/x\n")
        .file("./conffiles", 0o644, "/etc/x.conf\nremove-on-upgrade /etc/old\n")
        .file("./postinst", 0o755, "#!/bin/sh\ntrue\n")
        .file("./preinst", 0o755, "#!/bin/sh\n")
        .file("./symbols", 0o644, "not kept")
        .file("./triggers", 0o644, "activate-noawait ldconfig\n");
    let data = Tar::default()
        .folder("./")
        .folder("./usr/")
        .entry("./tmp/", EntryKind::Directory, |entry| entry.mode = 0o1777)
        .file("./usr/x", 0o4755, "text")
        .file("./usr/empty", 0o644, "")
        .link("./usr/same", EntryKind::HardLink, "./usr/x")
        .link("./usr/soft", EntryKind::Symlink, "/etc/../x");
    let bytes = ar(&[
        ("debian-binary/", b"2.0\nmore\n"),
        ("_gpgorigin", b"odd"),
        ("control.tar.gz", &compressed("gzip", &control.bytes())),
        ("_private", b""),
        ("data.tar.zst", &compressed("zstd", &data.bytes())),
        ("_after", b"abc"),
    ]);
    let deb = read(&bytes).unwrap();
    assert_eq!(deb.id().version, "1:2.0-3");
    assert_eq!(deb.control.text(), CONTROL);
    assert_eq!(deb.md5sums, b"d41d8  usr/bin/x\n");
    assert_eq!(deb.conffiles, [RootPath::parse(b"etc/x.conf").unwrap()]);
    let kinds: Vec<&str> = deb.scripts.iter().map(|script| script.kind.name()).collect();
    assert_eq!(kinds, ["preinst", "postinst"]);
    assert_eq!(deb.script(ScriptKind::Postinst).unwrap().text, "#!/bin/sh\ntrue\n");
    assert_eq!(deb.triggers, "activate-noawait ldconfig\n");
    assert_eq!(
        show(&deb),
        [
            "/usr folder 755",
            "/tmp folder 1777",
            "/usr/x 755 text",
            "/usr/empty 644 ",
            "/usr/same 755 text",
            "/usr/soft -> /etc/../x"
        ]
    );
    assert_eq!(deb.without_set_id, [RootPath::parse(b"usr/x").unwrap()]);
}

#[test]
fn files_larger_than_memory_wait_on_disk() {
    let big: Vec<u8> = (0..2_000_000_u32).map(|i| (i % 253) as u8).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.deb");
    let data = Tar::default().file("a", 0o644, "first").file("b", 0o644, big.clone());
    std::fs::write(&path, deb(data.link("c", EntryKind::HardLink, "b"))).unwrap();
    let deb = Deb::open(&path, folder.path()).unwrap();
    let content = |at: usize| match &deb.items[at].kind {
        ItemKind::File { content, .. } => content.read(u64::MAX).unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(content(0), b"first");
    assert!(content(1) == big && content(2) == big);
    let missing = Deb::open(&folder.path().join("none.deb"), folder.path()).unwrap_err();
    assert_eq!(missing.category(), lightship_base::Category::BadInput);
    let no_scratch = Deb::open(&path, &folder.path().join("none")).unwrap_err();
    assert!(matches!(no_scratch.kind, ErrorKind::Scratch(_)));
}

#[test]
fn members_out_of_order_twice_or_missing_are_refused() {
    let (control, data) = (control().bytes(), Tar::default().bytes());
    let version = ("debian-binary", &b"2.0\n"[..]);
    let message = |members: &[(&str, &[u8])]| read(&ar(members)).unwrap_err().to_string();
    let both = [version, ("control.tar", &control[..]), ("data.tar", &data[..])];
    assert!(read(&ar(&both)).is_ok());
    let cases = [
        (message(&[]), "it has no member `debian-binary`"),
        (message(&both[1..]), "its member `control.tar` stands where the format"),
        (message(&both[..2]), "it has no data"),
        (message(&[both[0], both[2], both[1]]), "its member `data.tar` stands where control files"),
        (message(&[both[0], both[1], both[2], both[2]]), "more than one `data.tar`"),
        (message(&[both[0], both[1], both[2], ("control.tar.gz", b"")]), "more than one `control"),
        (message(&[("debian-binary", b"3.0\n"), both[1], both[2]]), "version `3.0`"),
        (message(&[both[0], both[1], ("data.tar.lzma", b"")]), "its member `data.tar.lzma`"),
        (message(&[both[0], ("control.tar", &data), both[2]]), "it has no control paragraph"),
    ];
    for (message, expected) in cases {
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn hostile_data_is_refused_by_name() {
    let tar = Tar::default;
    let message = |data: Tar| {
        let error = Error { path: "x.deb".into(), kind: read(&deb(data)).unwrap_err() };
        assert_eq!(error.category(), lightship_base::Category::BadInput);
        format!(
            "{}: {}",
            error.kind,
            std::error::Error::source(&error.kind).map_or(String::new(), ToString::to_string)
        )
    };
    let cases = [
        (message(tar().file("../x", 0o644, "")), "`..`"),
        (message(tar().file("a", 0o644, "").link("b", EntryKind::HardLink, "../a")), "`..`"),
        (message(tar().link("b", EntryKind::HardLink, "a")), "/b is a hard link to `a`"),
        (message(tar().folder("d").link("b", EntryKind::HardLink, "d")), "hard link"),
        (message(tar().entry("dev/x", EntryKind::CharDevice, |_| {})), "/dev/x a character device"),
        (message(tar().entry("dev/y", EntryKind::BlockDevice, |_| {})), "/dev/y a block device"),
        (message(tar().entry("p", EntryKind::Fifo, |_| {})), "/p a named pipe"),
        (message(tar().file("a", 0o644, "").file("./a", 0o644, "")), "/a is in it twice"),
        (message(tar().folder("a").link("a", EntryKind::Symlink, "b")), "/a is in it twice"),
        (
            message(tar().link("a", EntryKind::Symlink, "/etc").file("a/b/passwd", 0o644, "")),
            "/a/b/passwd lies below /a",
        ),
        (
            message(tar().file("a/b", 0o644, "").link("a", EntryKind::Symlink, "/etc")),
            "/a/b lies below /a",
        ),
        (message(tar().folder(&"x/".repeat(300))), "too many folders"),
    ];
    for (message, expected) in cases {
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn every_cut_is_an_error_and_nothing_panics() {
    let whole = deb(Tar::default().folder("a").file("a/b", 0o644, "some bytes of content"));
    assert!(read(&whole).is_ok());
    for end in 0..whole.len() - 1 {
        assert!(read(&whole[..end]).is_err(), "cut at {end}");
    }
    for at in 0..whole.len() {
        let mut bent = whole.clone();
        bent[at] ^= 0x15;
        drop(read(&bent));
    }
}

#[test]
fn a_bomb_stops_at_its_limit() {
    // Control files have a small limit, so that the test need not unpack gigabytes.
    let zeros = vec![0; 65 << 20];
    let bomb = control().file("./md5sums", 0o644, zeros).bytes();
    let bytes = ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar.zst", &compressed("zstd:1", &bomb)),
        ("data.tar", &Tar::default().bytes()),
    ]);
    assert!(bytes.len() < 100_000);
    let error = read(&bytes).unwrap_err();
    assert!(matches!(error, ErrorKind::TooLarge { .. }), "{error:?}");
}

#[test]
fn a_broken_stream_is_told_from_a_broken_tar() {
    let mut packed = compressed("gzip", &Tar::default().file("a", 0o644, "content").bytes());
    let end = packed.len() - 5;
    packed[end] ^= 0xff;
    let control = control().bytes();
    let with = |data: &[u8]| {
        read(&ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar.gz", data)]))
    };
    let error = with(&packed).unwrap_err();
    assert!(matches!(error, ErrorKind::Decompress { .. }), "a wrong checksum: {error:?}");
    let error = with(&[7; 1024]).unwrap_err();
    assert!(matches!(error, ErrorKind::Tar { .. }), "no tar: {error:?}");
}

/// A package as Debian makes it, which holds two megabytes that compress to one.
fn made_by_dpkg(folder: &std::path::Path, compression: &str) -> std::path::PathBuf {
    let tree = folder.join("tree");
    std::fs::create_dir_all(tree.join("DEBIAN")).unwrap();
    std::fs::create_dir_all(tree.join("usr/share/sample")).unwrap();
    std::fs::write(
        tree.join("DEBIAN/control"),
        format!("{CONTROL}Maintainer: x\nDescription: x\n"),
    )
    .unwrap();
    let script = tree.join("DEBIAN/postinst");
    std::fs::write(&script, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let digests = (0_u32..32 * 1024).map(|n| Digest::of(&n.to_le_bytes()).hex());
    let bytes: String = digests.collect();
    std::fs::write(tree.join("usr/share/sample/noise"), bytes).unwrap();
    let link = tree.join("usr/share/sample/same");
    if !link.is_symlink() {
        std::os::unix::fs::symlink("noise", link).unwrap();
    }
    let package = folder.join(format!("{compression}.deb"));
    let output = std::process::Command::new("dpkg-deb")
        .args(["--root-owner-group", "-Z", compression, "--build"])
        .args([&tree, &package])
        .output()
        .expect("this machine has dpkg-deb");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    package
}

#[test]
fn a_repacked_package_is_the_same_package() {
    let folder = tempfile::tempdir().unwrap();
    let package = made_by_dpkg(folder.path(), "xz");
    let mut quick = Vec::new();
    assert!(repack(&package, folder.path(), &mut quick).unwrap());
    assert!(quick.windows(12).any(|bytes| bytes == b"data.tar.zst"));

    let (before, after) = (Deb::open(&package, folder.path()).unwrap(), read(&quick).unwrap());
    assert_eq!(before.control.text(), after.control.text());
    assert_eq!(before.scripts, after.scripts);
    assert_eq!(before.items.len(), 5);
    assert_eq!(before.items.len(), after.items.len());
    for (before, after) in before.items.iter().zip(&after.items) {
        assert_eq!(before.path, after.path);
        match (&before.kind, &after.kind) {
            (
                ItemKind::File { mode, content },
                ItemKind::File { mode: same_mode, content: same },
            ) => {
                assert_eq!(mode, same_mode);
                assert_eq!(content.identity(), same.identity());
                assert!(content.read(1 << 22).unwrap() == same.read(1 << 22).unwrap());
            }
            (before, after) => assert_eq!(format!("{before:?}"), format!("{after:?}")),
        }
    }
}

#[test]
fn what_is_quick_already_or_broken_is_not_repacked() {
    let folder = tempfile::tempdir().unwrap();
    let quick = made_by_dpkg(folder.path(), "gzip");
    let mut written = Vec::new();
    assert!(!repack(&quick, folder.path(), &mut written).unwrap());
    assert!(!written.windows(8).any(|bytes| bytes == b"data.tar"), "what is quick is not read");
    let mut bytes = std::fs::read(made_by_dpkg(folder.path(), "xz")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&quick, &bytes).unwrap();
    assert!(repack(&quick, folder.path(), &mut Vec::new()).is_err());
}
