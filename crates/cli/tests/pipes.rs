//! Far ends that close or fill up.

use std::path::Path;

use crate::common::TestEnvironment;

#[test]
fn a_closed_pipe_is_quiet() {
    let environment = TestEnvironment::new();
    for command in ["--help", "completions zsh", "", "--color always --help"] {
        // `true` reads nothing: the pipe is closed before or while lightship writes.
        let script = format!("\"$LIGHTSHIP\" {command} | true; echo ${{PIPESTATUS[0]}}");
        let run = environment.shell(&script);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("0\n", ""), "{command}");
    }
    let run = environment.shell("set -o pipefail; \"$LIGHTSHIP\" --help | head -1");
    assert_eq!((run.code(), run.stderr.as_str()), (0, ""));
    assert_eq!(run.stdout.lines().count(), 1);
}

#[test]
fn closed_streams_do_no_harm() {
    let environment = TestEnvironment::new();
    assert_eq!(environment.shell("\"$LIGHTSHIP\" adit 2>&-").code(), 2);
}

#[test]
fn a_full_disk_is_the_machines_fault() {
    if !Path::new("/dev/full").exists() {
        eprintln!("skipped: this machine has no /dev/full");
        return;
    }
    let environment = TestEnvironment::new();
    for command in ["--help", "completions bash", "--version"] {
        let run = environment.shell(&format!("\"$LIGHTSHIP\" {command} > /dev/full"));
        assert_eq!(run.code(), 5, "{}", run.stderr);
        assert!(run.stderr.contains("cannot write to standard output"), "{}", run.stderr);
    }
}
