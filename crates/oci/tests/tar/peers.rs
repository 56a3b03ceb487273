//! GNU tar, Python's `tarfile` and the `tar` crate read what we write and write what we read.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use lightship_oci::tar::{Entry, EntryKind, Fragment, Mtime, SparseMap, TarReader, TarWriter};
use tempfile::TempDir;

use crate::listing::{Listed, ours, python, pythons, run};

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
                        let mut expanded = lightship_oci::tar::Expanded::new(&content[..], map);
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

#[test]
fn we_read_what_the_tar_crate_writes() {
    let mut builder = tar::Builder::new(Vec::new());
    let content = b"some content".repeat(100);
    let path = format!("long/{}", "path/".repeat(60)) + "end";
    for (header, path) in [
        (tar::Header::new_gnu(), path.as_str()),
        (tar::Header::new_ustar(), "short"),
        (tar::Header::new_old(), "old"),
    ] {
        let mut header = header;
        header.set_size(content.len() as u64);
        header.set_mode(0o640);
        header.set_mtime(1_234_567_890);
        builder.append_data(&mut header, path, &content[..]).unwrap();
    }
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    let target = "target/".repeat(40);
    builder.append_link(&mut header, "link", &target).unwrap();
    let records = [("SCHILY.xattr.user.x", &b"\0\xff"[..]), ("mtime", b"5.5")];
    builder.append_pax_extensions(records).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_size(0);
    builder.append_data(&mut header, "with pax", &b""[..]).unwrap();
    let archive = builder.into_inner().unwrap();

    let mut reader = TarReader::new(&archive[..]);
    for expected in [path.as_str(), "short", "old"] {
        let entry = reader.next_entry().unwrap().unwrap();
        assert_eq!(entry.path, expected.as_bytes());
        assert_eq!((entry.mode, entry.mtime.secs, entry.size), (0o640, 1_234_567_890, 1200));
        let mut bytes = Vec::new();
        reader.data().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, content);
    }
    let link = reader.next_entry().unwrap().unwrap();
    assert_eq!((link.kind, link.link_target), (EntryKind::Symlink, target.into_bytes()));
    let last = reader.next_entry().unwrap().unwrap();
    assert_eq!(last.xattrs[&b"user.x"[..]], b"\0\xff");
    assert_eq!(last.mtime, Mtime { secs: 5, nanos: 500_000_000 });
    assert_eq!(reader.next_entry().unwrap(), None);
}

/// A tree with a bit of everything that needs no privileges.
fn tree(root: &Path, max_name: usize) {
    let deep = root.join("deep/".repeat(12));
    fs::create_dir_all(&deep).unwrap();
    fs::write(root.join("plain"), b"content").unwrap();
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"caf\xe9")), b"x").unwrap();
    fs::write(root.join("n".repeat(max_name)), vec![1; 70_000]).unwrap();
    fs::write(deep.join("file"), b"").unwrap();
    fs::hard_link(root.join("plain"), root.join("hard")).unwrap();
    symlink("t".repeat(max_name), root.join("symlink")).unwrap();
    let mut holes = fs::File::create(root.join("holes")).unwrap();
    for at in 1..60_u8 {
        holes.seek(SeekFrom::Start(u64::from(at) * 32_768)).unwrap();
        holes.write_all(&[at; 4096]).unwrap();
    }
    holes.set_len(2_000_000).unwrap();
}

#[test]
fn we_read_what_gnu_tar_writes() {
    for (format, max_name) in [
        (&["--format=v7"][..], 90),
        (&["--format=oldgnu", "--sparse"], 200),
        (&["--format=gnu", "--sparse"], 200),
        (&["--format=ustar"], 90),
        (&["--format=posix"], 200),
        (&["--format=posix", "--sparse", "--sparse-version=0.0"], 200),
        (&["--format=posix", "--sparse", "--sparse-version=0.1"], 200),
        (&["--format=posix", "--sparse", "--sparse-version=1.0"], 200),
        (&["--format=posix", "--pax-option=delete=mtime,mtime=12345.5"], 200),
    ] {
        let folder = TempDir::new().unwrap();
        let root = folder.path().join("tree");
        fs::create_dir(&root).unwrap();
        tree(&root, max_name);
        let path = folder.path().join("archive.tar");
        let mut command = Command::new("tar");
        command.args(format).args(["--create", "--sort=name", "--file"]).arg(&path);
        run(command.arg("--directory").arg(&root).arg("."), b"");
        let archive = fs::read(&path).unwrap();
        let listed = ours(&archive);
        assert_eq!(listed, pythons(&path), "{format:?}");
        assert_eq!(listed.len(), 1 + 12 + 7, "{format:?}");
        let size = |listed: &Listed| (listed.kind == '-').then_some(listed.size);
        assert!(listed.iter().any(|listed| size(listed) == Some(2_000_000)), "{format:?}");
        check_times(&archive, &root, format);
    }
}

/// Pax times are exact to the nanosecond, others to the second.
fn check_times(archive: &[u8], root: &Path, format: &[&str]) {
    let exact = format[0] == "--format=posix";
    let overridden = format.iter().any(|option| option.contains("mtime"));
    let mut reader = TarReader::new(archive);
    while let Some(entry) = reader.next_entry().unwrap() {
        let path = root.join(std::ffi::OsStr::from_bytes(&entry.path));
        let found = fs::symlink_metadata(path).unwrap();
        let nanos = u32::try_from(found.mtime_nsec()).unwrap();
        let expected = match (overridden, exact) {
            (true, _) => Mtime { secs: 12345, nanos: 500_000_000 },
            (false, true) => Mtime { secs: found.mtime(), nanos },
            (false, false) => Mtime { secs: found.mtime(), nanos: 0 },
        };
        assert_eq!(entry.mtime, expected, "{format:?}");
    }
}

const MAKE: &str = r#"
import io, sys, tarfile
formats = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
name = sys.stdin.read()
with tarfile.open(sys.argv[1], "w", format=formats[name], encoding="utf-8", errors="surrogateescape") as out:
    def add(path, kind=tarfile.REGTYPE, content=b"", **fields):
        info = tarfile.TarInfo(path)
        info.type, info.size = kind, len(content)
        for key, value in fields.items(): setattr(info, key, value)
        out.addfile(info, io.BytesIO(content))
    add("plain", content=b"x" * 600, mode=0o4755, uid=1000, gid=100, uname="user", gname="group", mtime=1700000000)
    add("caf\udce9", content=b"y")
    add("folder/", tarfile.DIRTYPE, mode=0o1777)
    add("prefix/" * 20 + "name", content=b"z")
    add("contiguous", tarfile.CONTTYPE, content=b"c" * 512)
    add("hard", tarfile.LNKTYPE, linkname="plain")
    add("soft", tarfile.SYMTYPE, linkname="../\u00e9")
    add("char", tarfile.CHRTYPE, devmajor=1, devminor=3)
    add("block", tarfile.BLKTYPE, devmajor=259, devminor=200000)
    add("fifo", tarfile.FIFOTYPE)
    if name != "ustar":
        add("n" * 300, content=b"long")
        add("far", tarfile.SYMTYPE, linkname="t" * 300)
        add("owned", uid=1 << 33, gid=1 << 40)
        add("early", mtime=-86400)
    if name == "pax":
        add("fraction", mtime=-1.5)
        add("attributes", pax_headers={"SCHILY.xattr.user.a": "b", "comment": "c"})
"#;

#[test]
fn we_read_what_python_writes() {
    for (format, count) in [("ustar", 10), ("gnu", 14), ("pax", 16)] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("archive.tar");
        python(MAKE, &path, format.as_bytes());
        let listed = ours(&fs::read(&path).unwrap());
        assert_eq!(listed.len(), count, "{format}");
        assert_eq!(listed, pythons(&path), "{format}");
    }
}

/// Written by libarchive's `bsdtar` (`--format=pax --read-sparse`) from a tree made for this.
const LIBARCHIVE: &[u8] = include_bytes!("fixtures/libarchive-pax.tar.gz");

#[test]
fn we_read_what_libarchive_writes() {
    let mut archive = Vec::new();
    flate2::read::GzDecoder::new(LIBARCHIVE).read_to_end(&mut archive).unwrap();
    let folder = TempDir::new().unwrap();
    assert_eq!(ours(&archive), pythons(&save(&folder, &archive)));

    let mut reader = TarReader::new(&archive[..]);
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        entries.push(entry);
    }
    let find = |path: &[u8]| entries.iter().find(|entry| entry.path == path).unwrap();
    let plain = find(b"d/plain");
    assert_eq!(plain.mtime, Mtime { secs: 1_600_000_000, nanos: 123_456_789 });
    assert_eq!((plain.mode, plain.uid, plain.gid), (0o4755, 1000, 100));
    assert_eq!((&plain.user_name[..], &plain.group_name[..]), (&b"user"[..], &b"group"[..]));
    assert_eq!(plain.xattrs[&b"user.note"[..]], b"\x01\0=\n\xff");
    assert_eq!(plain.xattrs[&b"user.empty"[..]], b"");
    assert_eq!(find(b"d/").mtime, Mtime { secs: 1, nanos: 500_000_000 });
    assert_eq!(find(&[&b"d/"[..], &b"caf\xe9".repeat(40)].concat()).size, 1);
    assert_eq!(find(b"d/zhard").link_target, b"d/plain");
    assert_eq!(find(b"d/fifo").kind, EntryKind::Fifo);
    let sparse = find(b"d/sparse");
    assert_eq!((sparse.size, sparse.real_size), (4096, 1 << 20));
    assert_eq!(entries.len(), 8);
}
