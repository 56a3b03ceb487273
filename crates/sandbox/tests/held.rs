//! A command whose files wait for its caller.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests are tests too")]

mod common;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use common::Bench;
use lightship_sandbox::{End, Spec, Streams};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

/// A script that holds its files.
fn holding(script: &str) -> Spec {
    let mut spec = common::spec(&["sh", "-c", script]);
    spec.hold = true;
    spec
}

#[test]
fn files_of_a_command_that_ended_well_are_there_until_they_are_released() {
    let bench = Bench::new();
    let spec = holding("mkdir /new; echo inner > /new/file; ln -s /new/file /etc/link");
    let sandbox = bench.launcher.start(&bench.root, spec, Streams::default()).unwrap();
    let held = sandbox.wait_held().unwrap();
    let open = |path: &str| {
        let root = held.root().unwrap();
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        openat2(root, Path::new(path), flags, Mode::empty(), ResolveFlags::IN_ROOT)
    };
    let mut text = String::new();
    std::fs::File::from(open("/etc/link").unwrap()).read_to_string(&mut text).unwrap();
    assert_eq!(text, "inner\n");
    // What is mounted there is seen as well.
    assert!(open("/proc/self/../1/status").is_ok() || open("/proc/version").is_ok());
    assert!(open("/missing").is_err());
    assert_eq!(held.release().unwrap().end, End::Exited(0));
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn nothing_that_it_started_goes_on_meanwhile() {
    let bench = Bench::new();
    let spec = holding("(while :; do echo more >> /log; done) & sleep 0.2");
    let sandbox = bench.launcher.start(&bench.root, spec, Streams::default()).unwrap();
    let held = sandbox.wait_held().unwrap();
    let size = || {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let log = openat2(
            held.root().unwrap(),
            Path::new("/log"),
            flags,
            Mode::empty(),
            ResolveFlags::IN_ROOT,
        );
        rustix::fs::fstat(log.unwrap()).unwrap().st_size
    };
    let before = size();
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(size(), before);
    held.release().unwrap();
}

#[test]
fn one_that_failed_or_whose_caller_does_not_look_holds_nothing() {
    let bench = Bench::new();
    let start = |script: &str| {
        bench.launcher.start(&bench.root, holding(script), Streams::default()).unwrap()
    };
    let held = start("exit 3").wait_held().unwrap();
    assert!(held.root().is_none());
    assert_eq!(held.release().unwrap().end, End::Exited(3));
    assert_eq!(start("true").wait().unwrap().end, End::Exited(0));
    drop(start("true").wait_held().unwrap());
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn again_as_an_ordinary_user() {
    common::again::as_ordinary_user("again_as");
}
