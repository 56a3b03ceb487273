//! Ways out of a sandbox, tried and refused; and what it can see.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests are tests too")]

mod common;

use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use common::Bench;
use lightship_sandbox::{End, Mount, MountContent, Network, RootAccess, User};

/// What the shell says of a command that is not there.
const MISSING: &str = "127";

/// Every line of the script says what it tried and with which code that ended: those that succeeded. A
/// command that is not there would be refused always, and tells nothing.
fn attempts(bench: &Bench, tries: &[&str]) -> String {
    let script: String =
        tries.iter().map(|attempt| format!("({attempt}) >/dev/null 2>&1; echo $?\n")).collect();
    let run = bench.sh(&script);
    let codes: Vec<&str> = run.output.lines().collect();
    assert_eq!(codes.len(), tries.len(), "{}", run.complaints);
    let ended = |with: &str| -> String {
        let results = tries.iter().zip(&codes).filter(|(_, code)| **code == with);
        results.map(|(attempt, _)| format!("{attempt}\n")).collect()
    };
    assert_eq!(ended(MISSING), "", "commands that are not inside");
    ended("0")
}

#[test]
fn a_way_that_is_open_would_be_told() {
    let bench = Bench::new();
    assert_eq!(attempts(&bench, &["true", "false", "touch /tmp/x"]), "true\ntouch /tmp/x\n");
}

#[test]
fn no_way_out_succeeds_also_for_root_inside() {
    let bench = Bench::new();
    let succeeded = attempts(
        &bench,
        &[
            "mount -t tmpfs none /tmp",
            "mount -t proc none /tmp",
            "mount --bind / /tmp",
            "mount -o remount,rw /proc/sys",
            "umount /proc",
            "umount /dev/null",
            "mknod /tmp/disk b 8 0",
            "mknod /tmp/mem c 1 1",
            "chroot / true",
            "unshare -m true",
            "unshare -U true",
            "unshare -n true",
            "unshare -p -f true",
            "echo 1 > /proc/sys/kernel/panic",
            "echo x > /proc/sys/kernel/core_pattern",
            "echo b > /proc/sysrq-trigger",
            "echo 1 > /proc/irq/default_smp_affinity",
            "touch /sys/kernel/x",
            "echo mem > /sys/power/state",
            "test -s /proc/kcore",
            "test -s /proc/keys",
            "test $(head -c 8 /proc/kmsg | wc -c) -gt 0",
            "test $(head -c 8 /proc/kpageflags | wc -c) -gt 0",
            "test $(head -c 8 /proc/kpagecount | wc -c) -gt 0",
            "test $(head -c 8 /proc/kpagecgroup | wc -c) -gt 0",
            "test $(head -c 8 /proc/pagetypeinfo | wc -c) -gt 0",
            "test $(head -c 8 /proc/slabinfo | wc -c) -gt 0",
            "test $(head -c 8 /proc/vmallocinfo | wc -c) -gt 0",
            "ls -d /sys/kernel/debug/*",
            "ls -d /sys/kernel/tracing/*",
            "ls /sys/firmware/* ",
            "test -e /dev/kmsg",
            "test -e /dev/mem",
            "ls -d /dev/[shv]d[a-z]",
            "cat /proc/1/environ",
            "readlink /proc/1/exe",
            "readlink /proc/1/cwd",
            "ls /proc/1/root/",
            "hostname changed",
            "ip link set lo down",
        ],
    );
    assert_eq!(succeeded, "");
}

#[test]
fn only_its_own_processes_are_seen() {
    let bench = Bench::new();
    let run = bench.sh("ls -d /proc/[0-9]*; kill -9 1; echo alive");
    // Process 1 and the shell, which lists before it starts `ls`. The kernel lets nobody inside kill process 1.
    assert_eq!(run.output, "/proc/1\n/proc/2\nalive\n", "{}", run.complaints);
    assert_eq!(run.outcome.end, End::Exited(0));
}

#[test]
fn links_of_the_image_lead_nowhere_outside() {
    let bench = Bench::new();
    let secret = bench.folder.path().join("secret");
    fs::write(&secret, "of the machine").unwrap();
    let layer = bench.layer().to_owned();
    std::os::unix::fs::symlink(bench.folder.path(), layer.join("out")).unwrap();
    let path = secret.display();
    let run = bench.sh(&format!(
        "cat {path} /out/secret ../../../../..{path} /proc/1/root{path} /proc/self/root{path}"
    ));
    assert!(!run.output.contains("of the machine"));
    // A mount's target is resolved inside: not on the machine's folder, but on one of the same name.
    let mut spec = common::spec(&["ls", "/out/there"]);
    let onto = |target: &str| Mount {
        target: PathBuf::from(target),
        content: MountContent::ReadOnly(layer.join("etc")),
    };
    spec.mounts = vec![onto("/out/there")];
    let error = bench.try_run(spec).unwrap_err().to_string();
    assert_eq!(error, "cannot make the folder /out inside: a link is there that leads nowhere");
    assert!(!bench.folder.path().join("there").exists());
    std::os::unix::fs::symlink("../../../../home", layer.join("up")).unwrap();
    let mut spec = common::spec(&["ls", "/home/there"]);
    spec.mounts = vec![onto("/up/there")];
    assert_eq!(bench.run(spec).output, "group\npasswd\n");
}

#[test]
fn an_image_with_links_for_system_folders_starts() {
    for (name, target) in [("proc", "/etc"), ("dev", "/nowhere"), ("sys", "../../..")] {
        let bench = Bench::new();
        std::os::unix::fs::symlink(target, bench.layer().join(name)).unwrap();
        let run = bench.sh("cat /proc/self/comm; echo x > /dev/null");
        assert_eq!(run.output, "cat\n", "{name}: {}", run.complaints);
        assert!(run.notes.iter().any(|note| note.0.contains(name)), "{:?}", run.notes);
    }
    let bench = Bench::new();
    let etc = bench.layer().join("etc");
    fs::remove_dir_all(&etc).unwrap();
    std::os::unix::fs::symlink("/home/app/nothing", &etc).unwrap();
    assert_eq!(bench.sh("echo fine").output, "fine\n");
}

#[test]
fn descriptors_and_variables_of_the_caller_stay_outside() {
    let bench = Bench::new();
    // Inherited on purpose by every child of this process.
    let open = fs::File::open("/etc/passwd").unwrap();
    rustix::io::fcntl_setfd(&open, rustix::io::FdFlags::empty()).unwrap();
    let run = bench.sh("ls -l /proc/self/fd; env");
    let leaked = format!(" {} -> ", open.as_raw_fd());
    assert!(!run.output.contains(&leaked), "{}", run.output);
    assert!(!run.output.contains("/etc/passwd"), "{}", run.output);
    let variables: Vec<_> = run.output.lines().filter(|line| line.contains('=')).collect();
    let known = ["PATH=", "HOME=", "HOSTNAME=", "PWD=", "SHLVL="];
    let strange = variables.iter().find(|line| !known.iter().any(|name| line.starts_with(name)));
    assert_eq!(strange, None);
}

#[test]
fn set_uid_programs_gain_nothing() {
    let bench = Bench::new();
    let copy = bench.layer().join("bin/id-as-root");
    fs::copy(bench.layer().join("bin/busybox"), &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o4755)).unwrap();
    fs::rename(&copy, bench.layer().join("bin/busybox-suid")).unwrap();
    let mut spec = common::spec(&[
        "/bin/busybox-suid",
        "sh",
        "-c",
        "id -u; grep -E '^(Cap|NoNew)' /proc/self/status",
    ]);
    spec.user = User("app".to_owned());
    let run = bench.run(spec);
    let none = "0000000000000000";
    for line in ["CapPrm:", "CapEff:", "CapInh:", "CapAmb:"] {
        assert!(run.output.contains(&format!("{line}\t{none}")), "{}", run.output);
    }
    assert!(
        run.output.starts_with("1000\n") && run.output.contains("NoNewPrivs:\t1"),
        "{}",
        run.output
    );
}

#[test]
fn root_inside_keeps_few_rights_and_two_filters() {
    let bench = Bench::new();
    let run = bench.sh("grep -E '^(CapBnd|CapEff|Seccomp_filters|NoNewPrivs)' /proc/self/status");
    // chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service
    let expected = "CapEff:\t00000000000005fb\nCapBnd:\t00000000000005fb\nNoNewPrivs:\t1\nSeccomp_filters:\t2\n";
    assert_eq!(run.output, expected);
}

#[test]
fn a_network_of_its_own_has_loopback_only() {
    let bench = Bench::new();
    let run = bench.sh("ls /sys/class/net; (echo hi | nc -l -p 8080 127.0.0.1 &) ; sleep 0.2; nc 127.0.0.1 8080 </dev/null; nc -w 1 192.0.2.1 80");
    assert!(run.output.starts_with("lo\nhi\n"), "{run:?}");
    assert_ne!(run.outcome.end, End::Exited(0));
    let mut spec = common::spec(&["sh", "-c", "ls /proc/self/ns/net -l; cat /etc/hosts"]);
    spec.network = Network::Host;
    let outside = fs::read_link("/proc/self/ns/net").unwrap();
    assert!(bench.run(spec).output.contains(outside.to_str().unwrap()));
}

#[test]
fn a_read_only_root_and_mounts_keep_their_promises() {
    let bench = Bench::new();
    let data = bench.folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("file"), "original").unwrap();
    let mount = |target: &str, content| Mount { target: PathBuf::from(target), content };
    let mut spec = common::spec(&[
        "sh",
        "-c",
        "touch /x; echo $?; touch /etc/x; echo $?; echo y > /ro/file; echo $?; echo y > /rw/new; echo $?; \
         echo y > /cow/file; cat /cow/file; echo z > /one; cat /one; echo m > /mem/x; cat /mem/x",
    ]);
    spec.root = RootAccess::ReadOnly;
    spec.mounts = vec![
        mount("/ro", MountContent::ReadOnly(data.clone())),
        mount("/rw", MountContent::Writable(data.clone())),
        mount("/cow", MountContent::CopyOnWrite(data.clone())),
        mount("/one", MountContent::CopyOnWrite(data.join("file"))),
        mount("/mem", MountContent::Memory(lightship_base::ByteSize(1 << 20))),
    ];
    let run = bench.run(spec);
    assert_eq!(run.output, "1\n1\n1\n0\ny\nz\nm\n", "{}", run.complaints);
    assert_eq!(fs::read_to_string(data.join("file")).unwrap(), "original");
    assert_eq!(fs::read_to_string(data.join("new")).unwrap(), "y\n");
}

#[test]
fn what_it_writes_is_gone_and_the_layers_are_untouched() {
    let bench = Bench::new();
    let run = bench.sh("echo x > /tmp/x; rm -r /home; mkdir -m 0 /locked; ls /");
    assert_eq!(run.outcome.end, End::Exited(0), "{}", run.complaints);
    assert!(bench.layer().join("home/app").is_dir() && !bench.layer().join("locked").exists());
    assert!(bench.sh("ls /home /tmp").output.contains("app"));
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn files_as_streams_are_no_doors() {
    let bench = Bench::new();
    let place = |name: &str| bench.folder.path().join(name);
    fs::write(place("in"), "given\n").unwrap();
    fs::write(place("out"), "earlier\n").unwrap();
    let open =
        |name: &str| fs::OpenOptions::new().read(true).append(true).open(place(name)).unwrap();
    let script = "cat; echo changed > /proc/self/fd/0; : > /proc/self/fd/1; chmod 777 /proc/self/fd/1; \
         echo bad >&2; echo last";
    let out = open("out");
    let streams = lightship_sandbox::Streams {
        input: lightship_sandbox::Stream::To(fs::File::open(place("in")).unwrap().into()),
        error: lightship_sandbox::Stream::To(out.try_clone().unwrap().into()),
        output: lightship_sandbox::Stream::To(out.into()),
    };
    let spec = common::spec(&["sh", "-c", script]);
    let sandbox = bench.launcher.start(&bench.root, spec, streams).unwrap();
    assert_eq!(sandbox.wait().unwrap().end, End::Exited(0));
    assert_eq!(fs::read_to_string(place("in")).unwrap(), "given\n");
    let written = fs::read_to_string(place("out")).unwrap();
    assert!(
        written.starts_with("earlier\ngiven\n") && written.ends_with("bad\nlast\n"),
        "{written}"
    );
    assert_eq!(fs::metadata(place("out")).unwrap().permissions().mode() & 0o777, 0o644);

    let streams = lightship_sandbox::Streams {
        input: lightship_sandbox::Stream::To(fs::File::open("/").unwrap().into()),
        ..lightship_sandbox::Streams::default()
    };
    let spec = common::spec(&["cat", "/proc/self/fd/0/etc/passwd"]);
    let error = bench.launcher.start(&bench.root, spec, streams).unwrap_err();
    assert!(error.to_string().contains("a folder as a stream"), "{error}");
}

#[test]
fn nobody_else_enters_a_sandboxs_folder() {
    let bench = Bench::new();
    bench.sh("true");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&bench.folder.path().join("sandboxes")), 0o700);
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
