//! A store that can only be read: a bind mount without the right to write, in a namespace of the
//! test's own. Permission bits would not do: tests may run as root.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use lightship_base::{Category, Diagnose, Digest, Quiet};
use lightship_cas::{Cas, GcOptions, RefKind, RefValue, VerifyOptions};

const THINGS: RefKind = RefKind::new("things");

const SCRIPT: &str =
    r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@""#;

#[test]
fn a_read_only_store_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let namespace = ["--user", "--map-root-user", "--mount"];
    let possible = Command::new("unshare").args(namespace).arg("true").status();
    if !possible.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this machine gives ordinary users no mount namespace");
        return;
    }
    let cas = Cas::open(folder.path()).unwrap();
    let digest = cas.lease().unwrap().put(b"blob").unwrap();
    cas.set_ref(THINGS, "a", &RefValue { roots: vec![digest], data: 1.into() }).unwrap();
    let mut process = Command::new("unshare")
        .args(namespace)
        .args(["sh", "-c", SCRIPT, "sh"])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "inside", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(folder.path().to_str().unwrap().as_bytes()).unwrap();
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
    let digest = Digest::of(b"blob");
    let none = |_: &Digest| Ok(Vec::new());
    assert_eq!(cas.read(&digest, 9).unwrap(), b"blob");
    assert_eq!(cas.list_refs(THINGS).unwrap().len(), 1);
    assert_eq!(cas.usage(&none).unwrap().reachable.count, 1);
    assert!(cas.verify(&none, VerifyOptions::default(), &Quiet).unwrap().is_clean());
    let dry = GcOptions { dry_run: true, ..GcOptions::default() };
    assert_eq!(cas.gc(&none, dry).unwrap().kept.count, 1);
    let value = RefValue { roots: vec![digest], data: 1.into() };
    let refusals = [cas.lease().unwrap_err(), cas.set_ref(THINGS, "b", &value).unwrap_err()];
    for error in refusals {
        assert_eq!(error.category(), Category::Machine);
        assert!(error.hints()[0].to_string().contains("read-only"), "{error:?}");
    }
}
