//! From one store into a folder, and from the folder into another store.

use lightship_packages::lock::{BuildRequirement, Deb, Sdist, Wheel};

use super::*;

fn file(name: &str, content: &[u8]) -> LockedFile {
    LockedFile {
        name: name.to_owned(),
        sha256: Digest::of(content),
        size: Some(content.len() as u64),
    }
}

fn wheel(platform: &str, content: &[u8]) -> Wheel {
    Wheel {
        name: "a".to_owned(),
        version: "1".to_owned(),
        file: file("a-1-py3-none-any.whl", content),
        index: "default".to_owned(),
        depends: Vec::new(),
        platforms: vec![platform.parse().unwrap()],
    }
}

const CONTENTS: [&[u8]; 6] = [b"deb", b"wheel", b"other wheel", b"source", b"tool", b"built"];

/// A package of every kind; two platforms have different files of one name.
fn lock() -> Lock {
    let [deb, one, two, source, tool, built] = CONTENTS;
    let deb = Deb {
        name: "libc6".to_owned(),
        version: "2".to_owned(),
        architecture: "all".to_owned(),
        file: "pool/main/libc6_2_all.deb".to_owned(),
        size: deb.len() as u64,
        sha256: Digest::of(deb),
        archive: "Debian".to_owned(),
        depends: Vec::new(),
        reason: "a test".to_owned(),
        platforms: Vec::new(),
    };
    let tool = BuildRequirement {
        name: "tool".to_owned(),
        version: "1".to_owned(),
        file: file("tool-1-py3-none-any.whl", tool),
        index: "default".to_owned(),
    };
    let sdist = Sdist {
        name: "s".to_owned(),
        version: "1".to_owned(),
        file: file("s-1.tar.gz", source),
        index: "default".to_owned(),
        depends: Vec::new(),
        platforms: Vec::new(),
        build: vec![tool],
        built: Some(file("s-1-py3-none-any.whl", built)),
    };
    Lock {
        platforms: vec!["linux/amd64".parse().unwrap(), "linux/arm64".parse().unwrap()],
        debs: vec![deb],
        wheels: vec![wheel("linux/amd64", one), wheel("linux/arm64", two)],
        sdists: vec![sdist],
        ..Lock::default()
    }
}

struct Places {
    _root: tempfile::TempDir,
    folder: PathBuf,
    full: Lease,
    empty: Lease,
}

fn places() -> Places {
    let root = tempfile::tempdir().unwrap();
    let store = |name: &str| Cas::open(&root.path().join(name)).unwrap().lease().unwrap();
    let (full, empty) = (store("full"), store("empty"));
    for content in CONTENTS {
        full.put(content).unwrap();
    }
    Places { folder: root.path().join("vendor"), _root: root, full, empty }
}

#[test]
fn what_is_written_can_be_read_into_an_empty_store() {
    let Places { _root, folder, full, empty } = places();
    let bytes = CONTENTS.iter().map(|content| content.len() as u64).sum();
    let written = write(&lock(), &full.cas(), &folder).unwrap();
    assert_eq!(written, Written { files: 6, bytes, ..Written::default() });
    let again = write(&lock(), &full.cas(), &folder).unwrap();
    assert_eq!(again, Written { files: 6, bytes, present: 6, removed: 0 });
    assert_eq!(fs::read(folder.join("deb/libc6_2_all.deb")).unwrap(), b"deb");
    assert_eq!(fs::read(folder.join("sdist/s-1.tar.gz")).unwrap(), b"source");
    let kept = fs::read_to_string(folder.join(FILE_NAME)).unwrap();
    assert_eq!(kept, lock().to_toml().unwrap());
    read(&lock(), &folder, &empty).unwrap();
    for content in CONTENTS {
        assert!(empty.cas().contains(&Digest::of(content)).unwrap());
    }
}

#[test]
fn the_list_names_every_file_with_its_digest() {
    let Places { _root, folder, full, .. } = places();
    write(&lock(), &full.cas(), &folder).unwrap();
    let list = fs::read(folder.join(LIST)).unwrap();
    let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
    let files = list["files"].as_array().unwrap();
    assert_eq!(files.len(), 6);
    for listed in files {
        let content = fs::read(folder.join(listed["file"].as_str().unwrap())).unwrap();
        assert_eq!(listed["sha256"], Digest::of(&content).hex());
        assert_eq!(listed["size"], content.len());
    }
}

#[test]
fn what_is_missing_is_named_unless_the_store_has_it() {
    let Places { _root, folder, full, empty } = places();
    write(&lock(), &full.cas(), &folder).unwrap();
    fs::remove_file(folder.join("deb/libc6_2_all.deb")).unwrap();
    fs::remove_file(folder.join("sdist/s-1.tar.gz")).unwrap();
    let error = read(&lock(), &folder, &empty).unwrap_err();
    let VendorError::Lacking { names, .. } = error else { panic!("{error}") };
    assert_eq!(names, ["libc6_2_all.deb"]);
    empty.put(b"deb").unwrap();
    read(&lock(), &folder, &empty).unwrap();
}

#[test]
fn another_content_under_a_name_is_not_taken() {
    let Places { _root, folder, full, empty } = places();
    write(&lock(), &full.cas(), &folder).unwrap();
    let path = folder.join("deb/libc6_2_all.deb");
    fs::write(&path, b"bad").unwrap();
    let error = read(&lock(), &folder, &empty).unwrap_err();
    assert!(matches!(error, VendorError::Store { path: of, .. } if of == path));
    assert!(!empty.cas().contains(&Digest::of(b"bad")).unwrap());
    // Writing mends it.
    assert_eq!(write(&lock(), &full.cas(), &folder).unwrap().present, 5);
    read(&lock(), &folder, &empty).unwrap();
}

#[test]
fn a_damaged_store_is_not_passed_on() {
    let Places { _root, folder, full, .. } = places();
    let blob = full.cas().blob_path(&Digest::of(b"deb"));
    fs::remove_file(&blob).unwrap();
    fs::write(&blob, b"bad").unwrap();
    let error = write(&lock(), &full.cas(), &folder).unwrap_err();
    assert!(matches!(error, VendorError::Io { action: "write", .. }), "{error}");
    assert!(!folder.join("deb/libc6_2_all.deb").exists());
}

#[test]
fn many_missing_files_are_few_words() {
    let names: Vec<String> = (0..5).map(|n| format!("n{n}.whl")).collect();
    let error = VendorError::Lacking { folder: "v".into(), names };
    assert_eq!(error.to_string(), "v lacks n0.whl, n1.whl, n2.whl and 2 more files of the lock");
}

#[test]
fn only_what_an_earlier_run_wrote_goes() {
    let Places { _root, folder, full, .. } = places();
    let other = tempfile::tempdir().unwrap();
    write(&lock(), &full.cas(), &folder).unwrap();
    let path = |name: &str| folder.join(name);
    let own = path("wheel/own-1-py3-none-any.whl");
    fs::write(&own, "not of any lock").unwrap();
    fs::write(path("wheel/tool-1-py3-none-any.whl"), "somebody's own").unwrap();
    // A list that somebody changed removes nothing elsewhere.
    fs::write(other.path().join("x"), "x").unwrap();
    std::os::unix::fs::symlink(other.path(), path("sdist/link")).unwrap();
    let list = fs::read_to_string(path(LIST)).unwrap();
    let x = Digest::of(b"x").hex();
    let evil = ["sdist/link/x", "../x", "deb/../../x"]
        .map(|file| format!("{{ \"file\": \"{file}\", \"sha256\": \"{x}\" }},"));
    fs::write(
        path(LIST),
        list.replacen("\"files\": [", &format!("\"files\": [{}", evil.concat()), 1),
    )
    .unwrap();

    let mut less = lock();
    less.sdists.clear();
    let written = write(&less, &full.cas(), &folder).unwrap();
    assert_eq!(written.removed, 2, "the source and what was built of it");
    assert!(!path("sdist/s-1.tar.gz").exists() && !path("wheel/s-1-py3-none-any.whl").exists());
    assert!(own.exists() && path("wheel/tool-1-py3-none-any.whl").exists());
    assert!(path("deb/libc6_2_all.deb").exists() && other.path().join("x").exists());
    assert_eq!(write(&less, &full.cas(), &folder).unwrap().removed, 0);
}
