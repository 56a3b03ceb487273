//! A disk that is really full: a small memory file system, mounted in a namespace of the test's own.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use lightship_base::{Category, Diagnose, Digest, Quiet};
use lightship_cas::{Cas, Error, GcOptions, RefKind, RefValue, VerifyOptions};

const THINGS: RefKind = RefKind::new("things");

/// Mounts 1 MiB at `$1`, then runs the rest.
const SCRIPT: &str = r#"mount -t tmpfs -o size=1m tmpfs "$1" && shift && exec "$@""#;

#[test]
fn a_full_disk_is_told_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let namespace = ["--user", "--map-root-user", "--mount"];
    let possible = Command::new("unshare").args(namespace).arg("true").status();
    if !possible.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this machine gives ordinary users no mount namespace");
        return;
    }
    let mut process = Command::new("unshare")
        .args(namespace)
        .args(["sh", "-c", SCRIPT, "sh"])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "inside", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let place = folder.path().join("store");
    process.stdin.take().unwrap().write_all(place.to_str().unwrap().as_bytes()).unwrap();
    assert!(process.wait().unwrap().success());
}

#[test]
#[ignore = "a process of the test above; does nothing without a place"]
fn inside() {
    let mut place = String::new();
    std::io::stdin().read_to_string(&mut place).unwrap();
    if place.is_empty() {
        return;
    }
    let cas = Cas::open(&PathBuf::from(place)).unwrap();
    let lease = cas.lease().unwrap();
    let kept = lease.put(b"kept").unwrap();
    let value = RefValue { roots: vec![kept], data: "x".into() };
    cas.set_ref(THINGS, "before", &value).unwrap();
    let large = vec![7; 3 << 20];
    is_told(&lease.put(&large).unwrap_err());

    // Fill it to the last byte: leases and names fail too, and leave nothing behind.
    let filler = cas.root().join("tmp/filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 512]).is_ok() {}
    let error = (0..10_000_u32)
        .find_map(|number| lease.protect(&Digest::of(&number.to_be_bytes())).err())
        .expect("the lease's file cannot grow for ever");
    is_told(&error);
    let wordy = RefValue { roots: vec![kept], data: "x".repeat(9_000).into() };
    is_told(&cas.set_ref(THINGS, "before", &wordy).unwrap_err());
    assert_eq!(cas.get_ref(THINGS, "before").unwrap(), Some(value));

    // A collection needs no space, and the lease is still whole: `gc` can read it.
    let report = cas.gc(&|_| Ok(Vec::new()), GcOptions::default()).unwrap();
    assert_eq!((report.temporary.count, report.kept.count, report.freed.count), (1, 1, 0));
    drop(file);
    lease.put(b"there is space again").unwrap();
    let verified = cas.verify(&|_| Ok(Vec::new()), VerifyOptions::default(), &Quiet).unwrap();
    assert!(verified.is_clean());
}

#[track_caller]
fn is_told(error: &Error) {
    assert!(matches!(error, Error::Io { path, .. } if path.is_absolute()), "{error:?}");
    assert_eq!(error.category(), Category::Machine);
    assert!(error.hints()[0].to_string().contains("store gc"), "{error:?}");
}
