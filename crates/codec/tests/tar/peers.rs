//! GNU tar, Python's `tarfile` and the `tar` crate read what we write.

use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use lightship_codec::tar::{Entry, EntryKind, Fragment, Mtime, SparseMap, TarWriter};
use tempfile::TempDir;

use crate::listing::{ours, pythons, run};

/// Entries that between them need every feature of the writer. Device nodes are kept apart: only root
/// can unpack them.
fn entries() -> Vec<(Entry, Vec<u8>)> {
    let long = |name: &str| format!("folder/{}/{name}", "sub/".repeat(50).trim_end_matches('/'));
    let file = |path: &[u8], content: &[u8]| {
        let size = content.len() as u64;
        let entry =
            Entry { mode: 0o644, size, real_size: size, ..Entry::new(path, EntryKind::File) };
        (entry, content.to_vec())
    };
    let empty = |entry| (entry, Vec::new());
    let folder = Entry { mode: 0o2755, ..Entry::new("folder/", EntryKind::Directory) };
    let mut timed = file(b"timed", b"1");
    timed.0.mtime = Mtime { secs: 1_700_000_000, nanos: 123_456_789 };
    let mut early = file(b"before 1970", b"2");
    early.0.mtime = Mtime { secs: -2, nanos: 500_000_000 };
    let mut owned = file(b"owned", &[3; 513]);
    (owned.0.uid, owned.0.gid) = (3_000_000, 5);
    owned.0.user_name = "\u{fc}ser".into();
    owned.0.group_name = vec![b'g'; 40];
    let mut attributes = file(b"attributes", b"");
    attributes.0.mode = 0o4711;
    attributes.0.xattrs.insert(b"user.b".to_vec(), b"\x00\x01=\n\xff".to_vec());
    attributes.0.xattrs.insert(b"user.a".to_vec(), b"text".to_vec());
    let (sparse, stored) = sparse_entry(b"holes");
    vec![
        empty(folder),
        file(b"plain", b"content\n"),
        file(long("file").as_bytes(), b"prefix or pax"),
        file(long(&"n".repeat(120)).as_bytes(), b"pax"),
        file(b"caf\xe9", b"short, not UTF-8"),
        file(&[&b"folder/"[..], &b"caf\xe9".repeat(30)].concat(), b"long, not UTF-8"),
        file("\u{e9}t\u{e9}".repeat(40).as_bytes(), b"long, UTF-8"),
        timed,
        early,
        owned,
        attributes,
        (sparse, stored),
        (sparse_entry(&b"caf\xe9 holes".repeat(12)).0, sparse_entry(b"").1),
        empty(link("symlink", EntryKind::Symlink, b"../elsewhere")),
        empty(link("far", EntryKind::Symlink, &[b't'; 300])),
        empty(link("hard", EntryKind::HardLink, b"plain")),
        empty(link("far hard", EntryKind::HardLink, long("file").as_bytes())),
        empty(Entry { mode: 0o600, ..Entry::new("fifo", EntryKind::Fifo) }),
    ]
}

fn link(path: &str, kind: EntryKind, target: &[u8]) -> Entry {
    Entry { mode: 0o777, link_target: target.to_vec(), ..Entry::new(path, kind) }
}

/// Begins and ends with a hole.
fn sparse_entry(path: &[u8]) -> (Entry, Vec<u8>) {
    let ranges = [(4096, 512), (65536, 1000)];
    let fragments = ranges.map(|(offset, length)| Fragment { offset, length }).to_vec();
    let map = SparseMap::new(fragments, 1 << 20).unwrap();
    let entry = Entry {
        mode: 0o600,
        size: 1512,
        real_size: 1 << 20,
        sparse: Some(map),
        ..Entry::new(path, EntryKind::File)
    };
    (entry, (0..1512_u32).map(|at| (at % 251) as u8 + 1).collect())
}

fn devices() -> Vec<(Entry, Vec<u8>)> {
    let device = |path: &str, kind, device| {
        (Entry { device, mode: 0o660, ..Entry::new(path, kind) }, Vec::new())
    };
    vec![
        device("null", EntryKind::CharDevice, (1, 3)),
        device("disk", EntryKind::BlockDevice, (4095, 1_048_575)),
        device("strange", EntryKind::CharDevice, (3_000_000, 16_777_216)),
    ]
}

fn write(entries: &[(Entry, Vec<u8>)]) -> Vec<u8> {
    let mut writer = TarWriter::new(Vec::new());
    for (entry, content) in entries {
        writer.append(entry, &mut &content[..]).unwrap();
    }
    writer.finish().unwrap()
}

fn save(folder: &TempDir, archive: &[u8]) -> std::path::PathBuf {
    let path = folder.path().join("archive.tar");
    fs::write(&path, archive).unwrap();
    path
}

#[test]
fn python_reads_what_we_write() {
    let archive = write(&[entries(), devices()].concat());
    let folder = TempDir::new().unwrap();
    let path = save(&folder, &archive);
    let read = pythons(&path);
    assert_eq!(read.len(), entries().len() + devices().len());
    assert_eq!(read, ours(&archive));
}

#[test]
fn gnu_tar_lists_what_we_write() {
    let folder = TempDir::new().unwrap();
    let path = save(&folder, &write(&[entries(), devices()].concat()));
    let output = run(
        Command::new("tar")
            .args(["--list", "-vv", "--numeric-owner", "--full-time", "--xattrs"])
            .args(["--quoting-style=escape", "--warning=no-unknown-keyword", "--file"])
            .arg(path),
        b"",
    );
    let text = String::from_utf8(output).unwrap();
    let words: Vec<String> =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for expected in [
        "drwxr-sr-x 0/0 0 1970-01-01 00:00:00 folder/",
        "-rw-r--r-- 0/0 16 1970-01-01 00:00:00 caf\\351",
        "-rw-r--r-- 0/0 1 2023-11-14 22:13:20.123456789 timed",
        "-rw-r--r-- 3000000/5 513 1970-01-01 00:00:00 owned",
        "-rws--x--x* 0/0 0 1970-01-01 00:00:00 attributes",
        "x: 4 user.a",
        "x: 5 user.b",
        "-rw------- 0/0 1048576 1970-01-01 00:00:00 holes",
        "lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 symlink -> ../elsewhere",
        "hrwxrwxrwx 0/0 0 1970-01-01 00:00:00 hard link to plain",
        "prw------- 0/0 0 1970-01-01 00:00:00 fifo",
        "crw-rw---- 0/0 1,3 1970-01-01 00:00:00 null",
        "brw-rw---- 0/0 4095,1048575 1970-01-01 00:00:00 disk",
        "crw-rw---- 0/0 3000000,16777216 1970-01-01 00:00:00 strange",
    ] {
        assert!(words.iter().any(|line| line == expected), "{expected}\nis not in\n{text}");
    }
    let far = format!("far -> {}", "t".repeat(300));
    assert!(words.iter().any(|line| line.ends_with(&far)), "{text}");
}

#[test]
fn gnu_tar_unpacks_what_we_write() {
    let folder = TempDir::new().unwrap();
    let path = save(&folder, &write(&entries()));
    let target = folder.path().join("unpacked");
    fs::create_dir(&target).unwrap();
    run(
        Command::new("tar")
            .args(["--extract", "--no-same-owner", "--warning=no-unknown-keyword"])
            .args(["--preserve-permissions", "--file"])
            .arg(path)
            .arg("--directory")
            .arg(&target),
        b"",
    );
    for (entry, content) in entries() {
        let path = target.join(std::ffi::OsStr::from_bytes(&entry.path));
        let found = fs::symlink_metadata(&path).unwrap();
        match entry.kind {
            EntryKind::File => {
                let mut expected = Vec::new();
                match &entry.sparse {
                    Some(map) => {
                        let mut expanded = lightship_codec::tar::Expanded::new(&content[..], map);
                        expanded.read_to_end(&mut expected).unwrap();
                    }
                    None => expected = content,
                }
                assert!(fs::read(&path).unwrap() == expected, "{}", path.display());
                assert_eq!(found.permissions().mode() & 0o7777, entry.mode, "{}", path.display());
                let time = (found.mtime(), found.mtime_nsec());
                assert_eq!(time, (entry.mtime.secs, i64::from(entry.mtime.nanos)));
            }
            EntryKind::Symlink => {
                let target = fs::read_link(&path).unwrap();
                assert_eq!(target.as_os_str().as_bytes(), entry.link_target);
            }
            EntryKind::HardLink => {
                let original = target.join(std::ffi::OsStr::from_bytes(&entry.link_target));
                assert_eq!(found.ino(), fs::metadata(original).unwrap().ino());
            }
            EntryKind::Directory => assert!(found.is_dir()),
            EntryKind::Fifo => assert_eq!(found.mode() & 0o170_000, 0o010_000),
            EntryKind::CharDevice | EntryKind::BlockDevice => panic!("there are none"),
        }
    }
    let holes = fs::metadata(target.join("holes")).unwrap();
    assert!(holes.blocks() * 512 < holes.len(), "a hole must be unpacked as a hole");
}

/// The `tar` crate knows neither pax sparse files nor large device numbers.
#[test]
fn the_tar_crate_reads_what_we_write() {
    let mut ordinary = [entries(), devices()].concat();
    ordinary.retain(|(entry, _)| entry.sparse.is_none() && entry.path != b"strange");
    let archive = write(&ordinary);
    let mut peer = tar::Archive::new(&archive[..]);
    let mut count = 0;
    for (found, (entry, content)) in peer.entries().unwrap().zip(&ordinary) {
        let mut found = found.unwrap();
        assert_eq!(&*found.path_bytes(), &entry.path[..]);
        let target = found.link_name_bytes().map(|target| target.to_vec()).unwrap_or_default();
        assert_eq!(target, entry.link_target);
        assert_eq!(found.header().mode().unwrap(), entry.mode);
        assert_eq!(found.size(), entry.size);
        if entry.kind.is_device() {
            let numbers = (found.header().device_major(), found.header().device_minor());
            assert_eq!((numbers.0.unwrap().unwrap(), numbers.1.unwrap().unwrap()), entry.device);
        }
        let mut bytes = Vec::new();
        found.read_to_end(&mut bytes).unwrap();
        assert_eq!(&bytes, content);
        count += 1;
    }
    assert_eq!(count, ordinary.len());
}
