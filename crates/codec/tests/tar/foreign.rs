//! We read what GNU tar, Python's `tarfile`, the `tar` crate and libarchive write.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;

use lightship_codec::tar::{EntryKind, Mtime, TarReader};
use tempfile::TempDir;

use crate::listing::{Listed, ours, python, pythons, run};

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
    let path = folder.path().join("archive.tar");
    fs::write(&path, &archive).unwrap();
    assert_eq!(ours(&archive), pythons(&path));

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
