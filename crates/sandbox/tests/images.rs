//! Images of all shapes: many layers, long paths, next to nothing inside.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests are tests too")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use common::{Bench, again};
use lightship_base::ByteSize;
use lightship_sandbox::{End, Error, Fault, Mount, MountContent, RootAccess, User};

/// More than `mount`'s one page of options holds with paths of this length.
const LAYERS: usize = 120;

/// Adds layers whose folders have paths of so many bytes.
fn with_layers(mut bench: Bench, path_bytes: usize) -> Bench {
    for number in 0..LAYERS {
        let mut folder = bench.folder.path().join(format!("layer-{number}-"));
        while folder.as_os_str().len() < path_bytes {
            let room = (path_bytes - folder.as_os_str().len()).min(100);
            folder = PathBuf::from(format!("{}{}/x", folder.display(), "y".repeat(room)));
        }
        fs::create_dir_all(folder.join("layers")).unwrap();
        fs::write(folder.join(format!("layers/{number}")), number.to_string()).unwrap();
        fs::write(folder.join("layers/top"), number.to_string()).unwrap();
        bench.root.layers.push(folder);
    }
    bench
}

#[test]
fn a_hundred_and_twenty_layers_are_joined() {
    // The second is too long for the new way of mounting, and takes the old one.
    for path_bytes in [110, 300] {
        let bench = with_layers(Bench::new(), path_bytes);
        let run = bench.sh("ls /layers | wc -l; cat /layers/top; mount | grep -c ' / '");
        assert_eq!(run.output, format!("{}\n{}1\n", LAYERS + 1, LAYERS - 1), "{}", run.complaints);
    }
}

#[test]
fn whiteouts_and_opaque_folders_hide_what_is_below() {
    let mut bench = Bench::new();
    let top = bench.folder.path().join("top");
    fs::create_dir_all(top.join("etc")).unwrap();
    let mode = rustix::fs::Mode::from(0);
    let gone = top.join("etc/group");
    rustix::fs::mknodat(rustix::fs::CWD, &gone, rustix::fs::FileType::CharacterDevice, mode, 0)
        .unwrap();
    fs::create_dir_all(top.join("home")).unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(top.join("home"), "user.overlay.opaque", b"y", flags).unwrap();
    bench.root.layers.push(top);
    let run = bench.sh("ls /etc/group; ls /home; cat /etc/passwd | wc -l");
    assert_eq!(run.output, "2\n");
    assert!(run.complaints.contains("No such file"));
}

#[test]
fn an_image_of_one_program_runs() {
    let mut bench = Bench::new();
    let bare = bench.folder.path().join("bare");
    fs::create_dir(&bare).unwrap();
    fs::copy(bench.layer().join("bin/busybox"), bare.join("busybox")).unwrap();
    bench.root.layers = vec![bare];
    bench.root.root.mode = 0o555;
    let mut spec = common::spec(&["/busybox", "id"]);
    spec.user = User("7:8".to_owned());
    assert_eq!(bench.run(spec).output, "uid=7 gid=8\n");
    let mut spec = common::spec(&["/busybox", "sh", "-c", "echo $HOME; pwd"]);
    spec.folder = PathBuf::from("/made/for/this");
    spec.root = RootAccess::ReadOnly;
    assert_eq!(bench.run(spec).output, "/\n/made/for/this\n");
    let error = bench.try_run(common::spec(&["sh"])).unwrap_err();
    assert_eq!(error.exit_code(), 127);
}

#[test]
fn output_of_any_kind_and_length_arrives() {
    let bench = Bench::new();
    let mut spec = common::spec(&["sh", "-c", "head -c 1000000000 /dev/zero"]);
    spec.limits.time = Some(std::time::Duration::from_secs(100));
    let streams = lightship_sandbox::Streams {
        output: lightship_sandbox::Stream::Pipe,
        ..lightship_sandbox::Streams::default()
    };
    let mut sandbox = bench.launcher.start(&bench.root, spec, streams).unwrap();
    let mut output = sandbox.output.take().unwrap();
    assert_eq!(std::io::copy(&mut output, &mut std::io::sink()).unwrap(), 1_000_000_000);
    assert_eq!(sandbox.wait().unwrap().end, End::Exited(0));
}

#[test]
fn a_disk_that_is_full_is_told() {
    // Only root can make a small disk.
    if !again::is_root() {
        return;
    }
    let bench = Bench::new();
    let mut spec =
        common::spec(&["sh", "-c", "dd if=/dev/zero of=/small/x bs=1M count=3; echo $?"]);
    spec.mounts = vec![lightship_sandbox::Mount {
        target: PathBuf::from("/small"),
        content: lightship_sandbox::MountContent::Memory(lightship_base::ByteSize(1 << 20)),
    }];
    let run = bench.run(spec);
    assert_eq!(run.output, "1\n");
    assert!(run.complaints.contains("No space left"), "{}", run.complaints);
}

#[test]
fn two_hundred_starts_leave_nothing() {
    let bench = Bench::new();
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count();
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    let before = (mounts(), descriptors());
    for _ in 0..200 {
        assert_eq!(bench.run(common::spec(&["true"])).outcome.end, End::Exited(0));
    }
    assert_eq!((mounts(), descriptors()), before);
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
    assert!(children().is_empty(), "{:?}", children());
}

/// Helpers that this process has not waited for.
fn children() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let of_task = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).ok();
    let ids = tasks.filter_map(of_task).collect::<String>();
    ids.split_whitespace()
        .filter(|id| Path::new("/proc").join(id).exists())
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_folder_that_nobody_may_enter_is_no_obstacle() {
    let bench = Bench::new();
    let run = bench.sh("mkdir -p /tmp/a/b; echo x > /tmp/a/b/c; chmod 0 /tmp/a/b /tmp/a");
    assert_eq!(run.outcome.end, End::Exited(0), "{}", run.complaints);
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
    let locked = bench.layer().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    assert_eq!(bench.sh("ls -d /locked").output, "/locked\n");
}

/// What becomes of a script that may write ten megabytes.
fn writing(bench: &Bench, script: &str, mounts: Vec<Mount>) -> common::Run {
    let mut spec = common::spec(&["sh", "-c", script]);
    spec.mounts = mounts;
    spec.limits.disk = Some(TEN);
    spec.limits.time = Some(std::time::Duration::from_secs(20));
    bench.run(spec)
}

const TEN: ByteSize = ByteSize(10 << 20);

#[test]
fn files_without_a_name_are_counted() {
    let bench = Bench::new();
    let two = "exec 3>/tmp/a 4>/tmp/b; rm /tmp/a /tmp/b; for fd in 3 4; do \
        dd if=/dev/zero bs=1M count=6 >&$fd 2>/dev/null; done; ls /tmp; sleep 100";
    let run = writing(&bench, two, Vec::new());
    assert_eq!((run.outcome.end, run.output.as_str()), (End::OutOfDisk(TEN), ""));
    // Each once, however many hold it; and what is in memory is none of the disk's.
    let shared = "exec 3>/tmp/a 4>/dev/shm/b; rm /tmp/a /dev/shm/b; \
        for fd in 3 4; do dd if=/dev/zero bs=1M count=6 >&$fd 2>/dev/null; done; \
        sleep 2 & sleep 2 & sleep 2; echo over";
    let run = writing(&bench, shared, Vec::new());
    assert_eq!((run.outcome.end, run.output.as_str()), (End::Exited(0), "over\n"));
}

#[test]
fn one_file_cannot_outgrow_the_limit() {
    let bench = Bench::new();
    // In blocks of 512 bytes, and a page more: what reaches it is over the limit.
    let run = writing(&bench, "ulimit -f", Vec::new());
    assert_eq!(run.output, format!("{}\n", (TEN.0 + 4096) / 512));
    let script = "dd if=/dev/zero of=/tmp/x bs=1M count=300 2>/dev/null; sleep 100";
    assert_eq!(writing(&bench, script, Vec::new()).outcome.end, End::OutOfDisk(TEN));
}

#[test]
fn files_of_names_hold_little() {
    let bench = Bench::new();
    let script = "echo 127.0.0.1 me >> /etc/hosts && grep -c me /etc/hosts; \
        for name in hosts hostname; do cat /bin/busybox >> /etc/$name; dd if=/dev/zero bs=1M \
        count=3 >> /etc/$name; echo $?; done 2>/dev/null";
    assert_eq!(bench.sh(script).output, "1\n1\n1\n");
}

#[test]
fn copied_files_are_counted_and_pipes_refused() {
    let bench = Bench::new();
    let source = bench.folder.path().join("source");
    fs::write(&source, "original").unwrap();
    let mount = |source: &Path, target: &str| Mount {
        target: PathBuf::from(target),
        content: MountContent::CopyOnWrite(source.to_owned()),
    };
    let script = "cat /a; for name in a b; do dd if=/dev/zero of=/$name bs=1M count=6; done \
        2>/dev/null; sleep 100";
    let run = writing(&bench, script, vec![mount(&source, "/a"), mount(&source, "/b")]);
    assert_eq!((run.outcome.end, run.output.as_str()), (End::OutOfDisk(TEN), "original"));
    assert_eq!(fs::read(&source).unwrap(), b"original");

    let pipe = bench.folder.path().join("pipe");
    make_pipe(&pipe);
    for source in [pipe.as_path(), Path::new("/dev/zero")] {
        let mut spec = common::spec(&["true"]);
        spec.mounts = vec![mount(source, "/a")];
        let error = bench.try_run(spec).unwrap_err();
        assert!(matches!(&error, Error::Start(failure) if failure.fault == Fault::Request));
        assert!(error.to_string().ends_with("it is neither a file nor a folder"), "{error}");
    }
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
}

fn make_pipe(path: &Path) {
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from(0o755));
    rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).unwrap();
}

#[test]
fn folders_too_deep_to_look_into_exceed_the_limit() {
    let bench = Bench::new();
    let deep = |levels: u32| {
        let script = format!(
            "cd /tmp; n=0; while [ $n -lt {levels} ]; do mkdir d; cd d; n=$((n+1)); done; sleep 2"
        );
        writing(&bench, &script, Vec::new()).outcome.end
    };
    assert_eq!(deep(100), End::Exited(0));
    assert_eq!(deep(250), End::OutOfDisk(TEN));
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn again_as_an_ordinary_user() {
    again::as_ordinary_user("again_as");
}

#[test]
fn again_as_root_of_subordinate_ids() {
    again::as_root_of_subordinate_ids("again_as");
}
