//! A store that can only be read: a bind mount without the right to write, in a namespace of the
//! test's own, because tests may run as root, whom permission bits do not stop.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use lightship_base::{FixedClock, Timestamp};
use lightship_cas::Cas;
use lightship_oci::Source;
use lightship_oci::spec::Descriptor;
use lightship_oci::store::ImageStore;

use crate::fixture::{Fixture, LAYER, Place, name, read_all, reference};

const SCRIPT: &str =
    r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@""#;

#[test]
fn images_of_a_read_only_store_can_be_read() {
    let namespace = ["--user", "--map-root-user", "--mount"];
    let possible = Command::new("unshare").args(namespace).arg("true").status();
    if !possible.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this machine gives ordinary users no mount namespace");
        return;
    }
    let place = Place::new();
    place.add("churn", &Fixture::image("linux/amd64", &[b"layer"]));
    let mut process = Command::new("unshare")
        .args(namespace)
        .args(["sh", "-c", SCRIPT, "sh"])
        .arg(place.folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "read_only::inside", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let folder = place.folder.path().to_str().unwrap();
    process.stdin.take().unwrap().write_all(folder.as_bytes()).unwrap();
    assert!(process.wait().unwrap().success());
}

#[test]
#[ignore = "a process of the test above; does nothing without a place"]
fn inside() {
    let mut folder = String::new();
    std::io::stdin().read_to_string(&mut folder).unwrap();
    if folder.is_empty() {
        return;
    }
    let clock = Arc::new(FixedClock(Timestamp::UNIX_EPOCH));
    let store = ImageStore::new(Cas::open(Path::new(&folder)).unwrap(), clock);
    let source = store.source(&reference("churn")).unwrap();
    let image = Fixture::image("linux/amd64", &[b"layer"]);
    assert_eq!(source.document(&image.root, 1 << 20).unwrap(), image.root_bytes());
    assert_eq!(read_all(&source, &Descriptor::of(LAYER, b"layer"), 0), b"layer");
    assert_eq!(store.list().unwrap().len(), 1);
    assert!(store.destination(&name("new")).is_err());
    assert!(store.tag(&reference("churn"), &name("new")).is_err());
    assert!(store.remove(&reference("churn")).is_err());
}
