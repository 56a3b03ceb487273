//! Commands that do not behave: each is ended, and nothing of it stays.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests are tests too")]

mod common;

use std::path::PathBuf;
use std::time::Duration;

use common::Bench;
use lightship_base::ByteSize;
use lightship_sandbox::{End, Fault, Grace};

#[test]
fn a_command_that_hangs_is_told_to_end() {
    let bench = Bench::new();
    let mut spec = common::spec(&["sleep", "1000"]);
    let limit = Duration::from_millis(200);
    spec.limits.time = Some(limit);
    let run = bench.run(spec);
    assert_eq!(run.outcome.end, End::OutOfTime(limit));
    assert_eq!(run.outcome.end.exit_code(), 124);
}

#[test]
fn one_that_ignores_signals_is_killed() {
    let bench = Bench::new();
    let mut spec = common::spec(&["sh", "-c", "trap '' TERM INT HUP; while :; do sleep 1; done"]);
    let limit = Duration::from_millis(200);
    spec.limits.time = Some(limit);
    spec.limits.grace = Grace(Duration::from_millis(300));
    assert_eq!(bench.run(spec).outcome.end, End::OutOfTime(limit));
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn whoever_is_told_to_end_has_the_grace_for_it() {
    let bench = Bench::new();
    let mut spec =
        common::spec(&["sh", "-c", "trap '' TERM INT; echo ready; while :; do sleep 0.1; done"]);
    spec.limits.grace = Grace(Duration::from_millis(300));
    for signals in [&[15][..], &[2, 2, 2]] {
        let streams = lightship_sandbox::Streams {
            output: lightship_sandbox::Stream::Pipe,
            ..lightship_sandbox::Streams::default()
        };
        let mut sandbox = bench.launcher.start(&bench.root, spec.clone(), streams).unwrap();
        let mut ready = [0; 5];
        let mut output = sandbox.output.take().unwrap();
        std::io::Read::read_exact(&mut output, &mut ready).unwrap();
        for signal in signals {
            sandbox.signaller().send(*signal);
        }
        assert_eq!(sandbox.wait().unwrap().end, End::Signalled(9));
    }
}

#[test]
fn limits_above_what_is_allowed_are_what_is_allowed() {
    let bench = Bench::new();
    let mut spec = common::spec(&["true"]);
    spec.limits.processes = Some(1 << 30);
    assert_eq!(bench.run(spec).outcome.end, End::Exited(0));
}

#[test]
fn a_host_name_is_one_word() {
    let bench = Bench::new();
    let mut spec = common::spec(&["true"]);
    spec.host_name = "x\n6.6.6.6 localhost".to_owned();
    let error = bench.try_run(spec).unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot call the machine `x\\n6.6.6.6 localhost`: \
         a host name is 1 to 64 letters, digits, dots and hyphens"
    );
}

#[test]
fn daemons_end_with_the_command() {
    let bench = Bench::new();
    // A double fork in a session of its own, holding the pipe: would it live, reading would never end.
    let run = bench.sh("setsid sh -c '(sleep 1000 &) &'; echo done");
    assert_eq!(run.output, "done\n");
}

#[test]
fn orphans_are_waited_for_and_signals_arrive() {
    let bench = Bench::new();
    let run =
        bench.sh("for i in 1 2 3 4 5; do (true &); done; sleep 0.2; ps -o stat | grep -c ^Z; true");
    assert_eq!(run.output.trim(), "0", "zombies stay");
    let streams = lightship_sandbox::Streams {
        output: lightship_sandbox::Stream::Pipe,
        ..lightship_sandbox::Streams::default()
    };
    let spec = common::spec(&[
        "sh",
        "-c",
        "trap 'echo got; exit 9' USR1; echo ready; while :; do sleep 0.1; done",
    ]);
    let mut sandbox = bench.launcher.start(&bench.root, spec, streams).unwrap();
    let output = sandbox.output.take().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(output));
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    sandbox.signaller().send(10);
    assert_eq!(lines.next().unwrap().unwrap(), "got");
    assert_eq!(sandbox.wait().unwrap().end, End::Exited(9));
}

#[test]
fn a_fork_bomb_is_bounded() {
    if common::again::is_unbounded() {
        eprintln!(
            "skipped: on this kernel, root without control groups has no limit that holds at once"
        );
        return;
    }
    let bench = Bench::new();
    let mut spec = common::spec(&["sh", "-c", "f() { f | f & }; f; sleep 1; echo over"]);
    spec.limits.processes = Some(64);
    spec.limits.time = Some(Duration::from_secs(20));
    spec.limits.grace = Grace(Duration::from_millis(100));
    let run = bench.run(spec);
    // However it ended: it ended, and with it everything.
    assert!(run.outcome.run_time < Duration::from_mins(1));
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn no_more_processes_than_allowed() {
    if common::again::is_unbounded() {
        eprintln!("skipped: on this kernel, root without control groups is only counted");
        return;
    }
    let bench = Bench::new();
    let mut spec = common::spec(&[
        "sh",
        "-c",
        "i=0; while [ $i -lt 1000 ]; do sleep 20 & i=$((i+1)); done; echo all; exit 0",
    ]);
    spec.limits.processes = Some(64);
    spec.limits.grace = Grace(Duration::from_millis(100));
    let run = bench.run(spec);
    // The shell was refused one, or process 1 counted too many.
    let end = run.outcome.end;
    assert!(matches!(end, End::Exited(2) | End::OutOfProcesses(64)), "{end:?}");
    assert_eq!(run.output, "");
}

#[test]
fn one_that_eats_memory_is_stopped() {
    let bench = Bench::new();
    // `dd` takes a buffer of its block's size.
    let mut spec = common::spec(&["dd", "if=/dev/zero", "of=/dev/null", "bs=400M", "count=1"]);
    spec.limits.memory = Some(ByteSize(64 << 20));
    let run = bench.run(spec);
    // Killed by its group, or refused the memory where no group can be written.
    assert!(matches!(run.outcome.end, End::OutOfMemory | End::Exited(1)), "{run:?}");
}

#[test]
fn one_that_writes_gigabytes_is_stopped() {
    let bench = Bench::new();
    let mut spec = common::spec(&[
        "sh",
        "-c",
        "while :; do dd if=/dev/zero of=/tmp/$RANDOM bs=1M count=8 2>/dev/null; sleep 0.05; done",
    ]);
    let limit = ByteSize(30 << 20);
    spec.limits.disk = Some(limit);
    spec.limits.time = Some(Duration::from_mins(1));
    assert_eq!(bench.run(spec).outcome.end, End::OutOfDisk(limit));
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn a_program_that_cannot_run_is_explained() {
    let bench = Bench::new();
    let layer = bench.layer();
    std::fs::write(layer.join("bin/text"), "no program\n").unwrap();
    std::fs::write(layer.join("bin/script"), "#!/usr/bin/python3\n").unwrap();
    let elf = std::fs::read(layer.join("bin/busybox")).unwrap();
    let mut foreign = elf[..4096].to_vec();
    foreign[18] = 22;
    std::fs::write(layer.join("bin/foreign"), foreign).unwrap();
    for name in ["text", "script", "foreign"] {
        let path = layer.join("bin").join(name);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path, mode).unwrap();
    }
    std::fs::write(layer.join("bin/locked"), "").unwrap();
    let why = |program: &str| {
        let error = bench.try_run(common::spec(&[program])).unwrap_err();
        let lightship_sandbox::Error::Start(failure) = &error else { panic!("{error}") };
        format!("{} {:?}", error, (failure.fault, error.exit_code()))
    };
    let cases: Vec<String> =
        ["nothing", "/nothing", "/tmp", "locked", "text", "script", "foreign"].map(why).into();
    let host = lightship_oci::spec::Platform::host().architecture;
    insta::assert_snapshot!(cases.join("\n").replace(&host, "HOST"), @r"
    cannot run nothing: no folder of PATH has it (/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin) (NoSuchProgram, 127)
    cannot run /nothing: the image has no such file (NoSuchProgram, 127)
    cannot run /tmp: it is a folder (NotExecutable, 126)
    cannot run /bin/locked: it is not executable for this user, or lies where nothing is (NotExecutable, 126)
    cannot run /bin/text: it is neither a program nor a script that begins with `#!` (NotExecutable, 126)
    cannot run /bin/script: it needs /usr/bin/python3, which the image does not have (NoSuchProgram, 127)
    cannot run /bin/foreign: it is made for s390x, and this machine is HOST (NotExecutable, 126)
    ");
    let error = bench.try_run(common::spec(&[])).unwrap_err();
    assert!(matches!(error, lightship_sandbox::Error::Start(f) if f.fault == Fault::Request));
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn a_machine_without_namespaces_is_told_of() {
    let limit = std::fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap();
    if limit.trim() != "0" {
        return common::again::alone_without_namespaces("a_machine_without_namespaces_is_told_of");
    }
    let bench = Bench::new();
    if common::again::has_other_ids() {
        return; // root, who needs none
    }
    let error = bench.try_run(common::spec(&["true"])).unwrap_err();
    let hint = lightship_base::Diagnose::hints(&error)[0].to_string();
    let said = format!("{error}; {hint}");
    assert_eq!(
        said,
        "cannot begin new namespaces: this machine allows no more of them (user.max_user_namespaces); \
         `lightship doctor` says what this machine lacks and how to allow it"
    );
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn a_sandbox_that_nobody_waits_for_is_killed() {
    let bench = Bench::new();
    let streams = lightship_sandbox::Streams::default();
    let sandbox =
        bench.launcher.start(&bench.root, common::spec(&["sleep", "1000"]), streams).unwrap();
    drop(sandbox);
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
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

#[test]
fn again_as_where_no_control_groups_are() {
    common::again::without_control_groups("again_as");
}
