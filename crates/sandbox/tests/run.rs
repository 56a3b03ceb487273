//! Commands in a root file system of busybox.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests are tests too")]

mod common;

use common::Bench;
use lightship_sandbox::{End, User};

#[test]
fn a_command_runs_and_says_how_it_ended() {
    let bench = Bench::new();
    let run = bench.sh("echo hello; echo bad >&2; exit 3");
    assert_eq!((run.output.as_str(), run.complaints.as_str()), ("hello\n", "bad\n"));
    assert_eq!(run.outcome.end, End::Exited(3));
    assert_eq!(bench.leftovers(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn it_is_who_it_shall_be() {
    let bench = Bench::new();
    let mut spec = common::spec(&["id"]);
    spec.user = User("app".to_owned());
    let run = bench.run(spec);
    // An ordinary user without subordinate ids has no groups to give.
    let groups = if common::again::is_root() { " groups=50(staff)" } else { "" };
    assert_eq!(run.output, format!("uid=1000(app) gid=1000(app){groups}\n"));
}

#[test]
fn its_pipes_are_its_own_to_open_again() {
    let bench = Bench::new();
    let mut spec = common::spec(&["sh", "-c", "echo log >/dev/stdout; echo bad >/dev/stderr"]);
    spec.user = User("app".to_owned());
    let run = bench.run(spec);
    assert_eq!((run.output.as_str(), run.complaints.as_str()), ("log\n", "bad\n"));
}

#[test]
fn again_as_an_ordinary_user() {
    common::again::as_ordinary_user("again_as");
}

#[test]
fn again_as_root_of_subordinate_ids() {
    common::again::as_root_of_subordinate_ids("again_as");
}

#[test]
fn again_as_in_a_container_that_refuses_overlayfs() {
    common::again::on_overlayfs("again_as");
}

#[test]
fn again_as_root_without_user_namespaces() {
    common::again::without_user_namespaces("again_as");
}
