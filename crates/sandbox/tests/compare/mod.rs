//! What commands see and do in a sandbox, as facts with names, to compare one way of making sandboxes
//! with another.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lightship_base::ByteSize;
use lightship_sandbox::{End, Error, Grace, Mount, MountContent, Network, RootAccess, Spec, User};

use crate::common::{self, Bench, Run};

/// Values by names.
pub(crate) type Facts = BTreeMap<String, String>;

/// Says all that a process can learn about where it is.
const PROBE: &str = include_str!("probe.sh");

/// More of busybox than other tests need.
const APPLETS: [&str; 7] = ["cut", "tail", "tr", "sort", "printf", "test", "setarch"];

/// Things that only succeed where a sandbox is less tight, or more.
const ATTEMPTS: [&str; 20] = [
    "mount -t tmpfs none /tmp",
    "mount --bind / /tmp",
    "umount /proc",
    "mknod /tmp/x c 1 3",
    "chroot / true",
    "unshare -U true",
    "unshare -m true",
    "hostname x",
    "ip link set lo down",
    "echo 1 > /proc/sys/kernel/panic",
    "setarch -R true",
    "setarch linux32 true",
    "nc -l -p 80 & sleep 0.1; kill %1",
    "chown 5:5 /tmp",
    "chmod u+s /bin/busybox",
    "test -s /proc/keys",
    "ls /sys/firmware/*",
    "echo x > /etc/hosts",
    "head -c 9 /dev/full; echo x > /dev/full",
    "echo 0 > /proc/self/oom_score_adj; echo -9 > /proc/self/oom_score_adj",
];

/// All facts of one bench's launcher.
pub(crate) fn facts(bench: &Bench) -> Facts {
    add_programs(bench);
    let mut facts = Facts::new();
    probe(bench, "root", Network::None, &mut facts);
    probe(bench, "0", Network::Host, &mut facts);
    if has_many_ids() {
        probe(bench, "app", Network::None, &mut facts);
    }
    starts(bench, &mut facts);
    ends(bench, &mut facts);
    limits(bench, &mut facts);
    for attempt in ATTEMPTS {
        tell(bench, attempt, sh(&format!("({attempt}) 2>&1; echo $?")), &mut facts);
    }
    facts
}

/// Adds what a command did, in one line. Paths of this test are no difference.
fn tell(bench: &Bench, name: &str, spec: Spec, facts: &mut Facts) {
    let text = match bench.try_run(spec) {
        Ok(Run { outcome, output, complaints, notes }) => {
            let notes: Vec<&str> = notes.iter().map(|note| note.0.as_str()).collect();
            if !notes.is_empty() {
                facts.insert(format!("{name}: notes"), notes.join("; "));
            }
            format!("{:?} {output:?} {complaints:?}", outcome.end)
        }
        Err(error @ Error::Start(_)) => format!("code {}: {error}", error.exit_code()),
        Err(error) => panic!("{name}: {error}"),
    };
    let folder = bench.folder.path().display().to_string();
    let machine = format!("machine is {}", lightship_oci::spec::Platform::host().architecture);
    let text = text.replace(&folder, "FOLDER").replace(&machine, "machine is HOST");
    facts.insert(name.to_owned(), text);
}

/// Whether whoever tests has more ids than one to give to a command.
fn has_many_ids() -> bool {
    crate::common::again::is_root()
}

fn sh(script: &str) -> Spec {
    common::spec(&["sh", "-c", script])
}

/// Everything that the probe finds out as somebody.
fn probe(bench: &Bench, who: &str, network: Network, facts: &mut Facts) {
    let mut spec = sh(PROBE);
    spec.user = User(who.to_owned());
    spec.network = network;
    spec.folder = PathBuf::from("/home/app");
    spec.environment = vec![("B".into(), "2 words".into()), ("A".into(), "ä=1".into())];
    let run = bench.run(spec);
    assert_eq!((run.complaints.as_str(), run.outcome.end), ("", End::Exited(0)));
    for line in run.output.lines() {
        let (name, value) = line.split_once('\t').unwrap();
        // Which folders there are to hide depends on the kernel; how they are hidden does not.
        let hides = name.starts_with("mount /proc/") || name.starts_with("mount /sys/");
        let value = match (name.strip_prefix("namespace "), value.strip_prefix("tmpfs ")) {
            (Some(kind), _) => {
                let outside = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
                if outside == Path::new(value) { "the machine's" } else { "own" }
            }
            (_, Some(flags)) if hides => {
                facts.insert(format!("{who}: flags of hidden folders"), flags.to_owned());
                "hidden"
            }
            _ => value,
        };
        facts.insert(format!("{who}: {name}"), value.to_owned());
    }
}

/// Programs, users, arguments, folders, mounts.
fn starts(bench: &Bench, facts: &mut Facts) {
    let arguments = common::spec(&["printf", "%s|", "", "two words", "ä\n", "-n", "$HOME"]);
    tell(bench, "arguments", arguments, facts);
    tell(bench, "no program", common::spec(&[]), facts);
    for program in ["nothing", "/nothing", "/tmp", "locked", "script", "text", "foreign"] {
        tell(bench, &format!("program {program}"), common::spec(&[program]), facts);
    }
    let look = "id; grep -E '^(Uid|Gid|Groups|Cap)' /proc/self/status; echo $HOME; touch /tmp/x /x";
    let others = if has_many_ids() { &["1000", "7:9", "0:50", "app:staff"][..] } else { &[] };
    for user in ["root", "nobody", "app:none"].iter().chain(others) {
        let spec = Spec { user: User((*user).to_owned()), ..sh(look) };
        tell(bench, &format!("user {user}"), spec, facts);
    }
    let at =
        |folder: &str| Spec { folder: PathBuf::from(folder), ..sh("pwd; stat -c '%a %u %g' . ..") };
    tell(bench, "a folder that is missing", at("/made/for/it"), facts);
    tell(bench, "a folder that is a file", at("/etc/passwd"), facts);
    tell(bench, "mounts of its own", mounts(bench), facts);
}

fn mounts(bench: &Bench) -> Spec {
    let data = bench.folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("file"), "original\n").unwrap();
    let mount = |target: &str, content| Mount { target: PathBuf::from(target), content };
    let mut spec = sh(
        "touch /x /ro/x /rw/x /cow/x /mem/x; echo y > /cow/file; echo z > /one; cat /cow/file /one \
         /ro/file; cut -d' ' -f5,6 /proc/self/mountinfo | grep -E '^/(|ro|rw|cow|one|mem) ' | sort",
    );
    spec.root = RootAccess::ReadOnly;
    spec.mounts = vec![
        mount("/ro", MountContent::ReadOnly(data.clone())),
        mount("/rw", MountContent::Writable(data.clone())),
        mount("/cow", MountContent::CopyOnWrite(data.clone())),
        mount("/one", MountContent::CopyOnWrite(data.join("file"))),
        mount("/mem", MountContent::Memory(ByteSize(1 << 20))),
    ];
    spec
}

/// Exit codes, signals, output.
fn ends(bench: &Bench, facts: &mut Facts) {
    let scripts = [
        ("an exit code", "echo out; echo err >&2; exit 3"),
        ("a signal that is not handled", "kill -TERM $$; echo survived"),
        ("a signal that cannot be handled", "kill -KILL $$; echo survived"),
        ("a child's end by a signal", "sh -c 'kill -SEGV $$'; echo $?"),
        (
            "much output",
            "yes 0123456789 | head -c 3000000 | wc -c; yes | head -c 200000 | tail -c 9",
        ),
        ("daemons", "setsid sh -c '(sleep 1000 &) &'; echo done"),
    ];
    for (name, script) in scripts {
        tell(bench, name, sh(script), facts);
    }
    // Not through a shell, which has wishes of its own.
    let signals = common::spec(&["grep", "^Sig[BIC]", "/proc/self/status"]);
    tell(bench, "signals", signals, facts);
    tell(bench, "descriptors", common::spec(&["ls", "/proc/self/fd"]), facts);
}

/// Limits: a command that goes beyond each.
fn limits(bench: &Bench, facts: &mut Facts) {
    let mut limited = |name: &str, script: &str, limit: &dyn Fn(&mut Spec)| {
        let mut spec = sh(script);
        limit(&mut spec);
        tell(bench, name, spec, facts);
    };
    limited("out of time", "sleep 100", &|spec| {
        spec.limits.time = Some(Duration::from_millis(300));
        spec.limits.grace = Grace(Duration::from_millis(300));
    });
    // Whether `sleep` gets the signal as well, and the shell tells of that, is a matter of moments.
    let last = "exec 2>/dev/null; trap 'echo bye; exit' TERM; while :; do sleep 0.1; done";
    limited("out of time, with a last word", last, &|spec| {
        spec.limits.time = Some(Duration::from_secs(1));
    });
    let write = "while :; do dd if=/dev/zero of=/tmp/$RANDOM bs=1M count=8 2>/dev/null; done";
    limited("out of disk", write, &|spec| spec.limits.disk = Some(ByteSize(30 << 20)));
    // `dd` takes a buffer of its block's size. Without groups the limit holds for the runtime as well,
    // which needs some itself.
    let eat = "exec dd if=/dev/zero of=/dev/null bs=1000M count=1 2>/dev/null";
    limited("out of memory", eat, &|spec| spec.limits.memory = Some(ByteSize(300 << 20)));
    let multiply = "(for i in 1 2 3 4 5 6 7 8 9; do echo $i; sleep 1 & done) 2>&1; exit 0";
    limited("out of processes", multiply, &|spec| spec.limits.processes = Some(6));
    limited("half a processor", "echo fine", &|spec| spec.limits.cpus = Some(0.5));
}

/// Programs that cannot run, and some that the probe needs.
fn add_programs(bench: &Bench) {
    let folder = bench.layer().join("bin");
    for applet in APPLETS {
        symlink("busybox", folder.join(applet)).unwrap();
    }
    let mut foreign = fs::read(folder.join("busybox")).unwrap()[..4096].to_vec();
    // `e_machine`: an IBM mainframe.
    foreign[18] = 22;
    fs::write(folder.join("text"), "no program\n").unwrap();
    fs::write(folder.join("script"), "#!/usr/bin/python3\n").unwrap();
    fs::write(folder.join("foreign"), foreign).unwrap();
    for name in ["text", "script", "foreign"] {
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(folder.join("locked"), "").unwrap();
}
