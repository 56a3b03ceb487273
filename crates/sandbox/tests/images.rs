//! Images of all shapes: many layers, long paths, next to nothing inside.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests are tests too")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use common::{Bench, again};
use lightship_sandbox::{End, RootAccess, User};

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

#[test]
fn again_as_an_ordinary_user() {
    again::as_ordinary_user("again_as");
}

#[test]
fn again_as_root_of_subordinate_ids() {
    again::as_root_of_subordinate_ids("again_as");
}
