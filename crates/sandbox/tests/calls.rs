//! System calls that no command has any business with, made by Debian's perl inside, as root there and
//! as somebody else.
#![cfg(target_arch = "x86_64")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Bench, again};
use lightship_sandbox::User;

/// What is called, its number and arguments, and the error it must end in: 1 is refused, 38 does not exist.
const CALLS: &[(&str, &str, i32)] = &[
    ("keyctl, the caller's session keyring", "250, 0, -3, 0", 1),
    ("add_key", "248, $text, $text, $text, 4, -4", 1),
    ("request_key", "249, $text, $text, $text, -4", 1),
    ("ptrace, process 1", "101, 16, 1, 0, 0", 1),
    ("process_vm_readv, process 1", "310, 1, 0, 0, 0, 0, 0", 1),
    ("kcmp", "312, 1, 2, 0, 0, 0", 1),
    ("pidfd_getfd", "438, 0, 0, 0", 1),
    ("bpf", "321, 0, $text, 16", 1),
    ("perf_event_open", "298, $text, 0, -1, -1, 0", 1),
    ("userfaultfd", "323, 0", 1),
    ("io_uring_setup", "425, 8, $text", 1),
    ("unshare, a user namespace", "272, 0x10000000", 1),
    ("unshare, a mount namespace", "272, 0x20000", 1),
    ("setns", "308, 0, 0", 1),
    ("clone, a user namespace", "56, 0x10000011, 0, 0, 0, 0", 1),
    ("clone3, which hides its flags", "435, $text, 64", 38),
    ("mount", "165, $text, $text, $text, 0, 0", 1),
    ("umount2", "166, $text, 0", 1),
    ("pivot_root", "155, $text, $text", 1),
    ("chroot", "161, $text", 1),
    ("fsopen", "430, $text, 0", 1),
    ("open_tree", "428, -100, $text, 1", 1),
    ("move_mount", "429, -100, $text, -100, $text, 0", 1),
    ("mount_setattr", "442, -100, $text, 0, 0, 0", 1),
    ("open_tree_attr", "467, -100, $text, 1, $text, 32", 1),
    ("open_by_handle_at", "304, -100, $text, 0", 1),
    ("init_module", "175, $text, 0, $text", 1),
    ("kexec_load", "246, 0, 0, 0, 0", 1),
    ("reboot, to enable Ctrl-Alt-Del", "169, 0xfee1dead, 672274793, 0x89abcdef, 0", 1),
    ("swapoff", "168, $text", 1),
    ("acct", "163, 0", 1),
    ("syslog", "103, 10, 0, 0", 1),
    ("settimeofday", "164, 0, 0", 1),
    ("iopl", "172, 3", 1),
    ("personality, with a fixed layout", "135, 0x0040000", 1),
    ("socket, of the kernel's ciphers", "41, 38, 5, 0", 1),
    ("socket, to the hypervisor", "41, 40, 1, 0", 1),
    ("socket, of raw packets", "41, 17, 3, 0", 1),
    ("socket, of a field bus", "41, 29, 3, 1", 1),
    ("socket, of a radio", "41, 31, 3, 1", 1),
    ("socket, to a cluster", "41, 30, 2, 0", 1),
    ("socket, of a family with high bits", "41, 0x100000026, 5, 0", 1),
    ("socketpair, in a cluster", "53, 30, 2, 0, $text", 1),
    ("ioctl, typing into a terminal", "16, 0, 0x5412, $text", 1),
    ("ioctl, the same with high bits", "16, 0, 0x100005412, $text", 1),
    ("mbind", "237, 0, 0, 0, 0, 0, 0", 1),
    ("set_mempolicy", "238, 0, 0, 0", 1),
    ("a call that nobody has thought of yet", "600, 0", 38),
];

#[test]
fn calls_that_open_walls_are_refused() {
    for user in ["0", "1000"] {
        let bench = Bench::new();
        copy_perl(bench.layer());
        let script: String = CALLS
            .iter()
            .map(|(_, call, _)| {
                format!("$! = 0; $r = syscall({call}); print $r, ' ', $! + 0, qq(\\n);")
            })
            .collect();
        let mut spec =
            common::spec(&["/usr/bin/perl", "-e", &format!("$text = qq(/tmp\\0x64); {script}")]);
        spec.user = User(user.to_owned());
        let run = bench.run(spec);
        let answers: Vec<&str> = run.output.lines().collect();
        assert_eq!(answers.len(), CALLS.len(), "{}", run.complaints);
        let wrong: Vec<_> = CALLS
            .iter()
            .zip(answers)
            .filter(|((_, _, error), answer)| *answer != format!("-1 {error}"))
            .map(|((name, ..), answer)| format!("{name}: {answer}"))
            .collect();
        assert_eq!(wrong, Vec::<String>::new(), "as {user}");
    }
}

#[test]
fn sockets_of_everyday_families_are_made() {
    let bench = Bench::new();
    copy_perl(bench.layer());
    // Streams between processes and over both internets; routing questions to the kernel.
    let everyday = [(1, 1), (2, 1), (10, 1), (2, 2), (16, 3)];
    let script: String = everyday
        .iter()
        .map(|(family, kind)| format!("print syscall(41, {family}, {kind}, 0) > 2, qq(\\n);"))
        .collect();
    let pair = "$two = qq(\\0) x 8; print syscall(53, 1, 1, 0, $two) == 0, qq(\\n)";
    let run = bench.run(common::spec(&["/usr/bin/perl", "-e", &format!("{script}{pair}")]));
    assert_eq!(run.output, "1\n".repeat(everyday.len() + 1), "{}", run.complaints);
}

#[test]
fn calls_of_another_table_end_the_program() {
    let bench = Bench::new();
    copy_perl(bench.layer());
    // The x32 table's `getpid`: the same processor, other numbers, which no filter here knows.
    let call = "$r = syscall(0x40000000 + 39); print $r, ' ', $! + 0";
    let run = bench.run(common::spec(&["/usr/bin/perl", "-e", call]));
    assert!(run.output == "-1 38" || !run.outcome.end.is_success(), "{run:?}");
}

/// Debian's perl, which every Debian has, with the libraries that it needs.
fn copy_perl(layer: &Path) {
    let program = "/usr/bin/perl";
    let listed = Command::new("ldd").arg(program).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let libraries = listed.split_whitespace().filter(|word| word.starts_with('/'));
    for file in libraries.chain([program]) {
        let copy = layer.join(file.trim_start_matches('/'));
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(file, copy).unwrap();
    }
}

#[test]
fn again_as_an_ordinary_user() {
    again::as_ordinary_user("again_as");
}

#[test]
fn again_as_root_of_subordinate_ids() {
    again::as_root_of_subordinate_ids("again_as");
}

#[test]
fn again_as_root_without_user_namespaces() {
    again::without_user_namespaces("again_as");
}
