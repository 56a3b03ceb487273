//! The same image and commands under our own launcher and under `runc`: what differs is listed with its
//! reason, and nothing else differs.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{Bench, Run};
use lightship_base::ByteSize;
use lightship_sandbox::{
    End, Engine, Error, Grace, Mount, MountContent, Network, RootAccess, Spec, Stream, Streams,
    TerminalSize, User,
};

/// What commands see and do, each by a name.
type Facts = BTreeMap<String, String>;

const PROBE: &str = include_str!("probe.sh");

/// A difference that is meant to be.
struct Difference {
    /// Facts of this name, or of names that begin with what stands before a `*`.
    name: &'static str,
    /// Where not all of the value differs: with our own launcher, and with `runc`.
    values: Option<(&'static str, &'static str)>,
    why: &'static str,
}

const DIFFERENCES: &[Difference] = &[];

/// One small machine for each of the two.
fn benches() -> [Bench; 2] {
    [Engine::Own, Engine::Runtime(runc())].map(|engine| {
        let mut bench = Bench::new();
        bench.launcher = bench.launcher.clone().with_engine(engine);
        for applet in ["cut", "tr", "printf", "test", "setarch"] {
            symlink("busybox", bench.layer().join("bin").join(applet)).unwrap();
        }
        bench
    })
}

fn runc() -> PathBuf {
    let places = ["/usr/sbin/runc", "/usr/bin/runc", "/usr/local/sbin/runc", "/usr/local/bin/runc"];
    let found = places.map(PathBuf::from).into_iter().find(|path| path.exists());
    found.expect("install Debian's runc")
}

/// What a command did, in one line.
fn told(result: Result<Run, Error>, bench: &Bench) -> String {
    let text = match result {
        Ok(run) => {
            format!("{:?} {:?} {:?} {:?}", run.outcome.end, run.output, run.complaints, run.notes)
        }
        Err(error) => format!("{} {error}", error.exit_code()),
    };
    text.replace(&bench.folder.path().display().to_string(), "FOLDER")
}

/// Everything that the probe finds out for somebody.
fn probe(bench: &Bench, who: &str, network: Network, facts: &mut Facts) {
    let mut spec = bench.spec(&["sh", "-c", PROBE]);
    spec.user = User(who.to_owned());
    spec.network = network;
    spec.folder = PathBuf::from("/home/app");
    spec.environment = vec![("B".into(), "2 words".into()), ("A".into(), "ä=1".into())];
    let run = bench.run(spec);
    assert_eq!((run.complaints.as_str(), run.outcome.end), ("", End::Exited(0)));
    let prefix =
        format!("{who}{}", if network == Network::Host { " in the host's network" } else { "" });
    for line in run.output.lines() {
        let (name, value) = line.split_once('\t').unwrap();
        let mut value = value.to_owned();
        if let Some(kind) = name.strip_prefix("namespace ") {
            let outside = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
            value = if outside == Path::new(&value) { "the machine's" } else { "own" }.to_owned();
        }
        // Which folders there are to hide depends on the kernel; how they are hidden does not.
        if let (true, Some(flags)) = (
            name.starts_with("mount /proc/") || name.starts_with("mount /sys/"),
            value.strip_prefix("tmpfs "),
        ) {
            facts.insert(format!("{prefix}: flags of hidden folders"), flags.to_owned());
            value = "hidden".to_owned();
        }
        facts.insert(format!("{prefix}: {name}"), value);
    }
}

/// Everything that commands do, one by one.
fn cases(bench: &Bench, facts: &mut Facts) {
    let mut case = |name: &str, spec: Spec| {
        let told = told(bench.try_run(spec), bench);
        facts.insert(name.to_owned(), told);
    };
    let sh = |script: &str| bench.spec(&["sh", "-c", script]);
    case("an exit code", sh("echo out; echo err >&2; exit 3"));
    case("a signal that is not handled", sh("kill -TERM $$; echo survived"));
    case("a signal that cannot be handled", sh("kill -KILL $$; echo survived"));
    case("a child's end by a signal", sh("sh -c 'kill -SEGV $$'; echo $?"));
    case("signals", bench.spec(&["grep", "^Sig[BIC]", "/proc/self/status"]));
    case("arguments", bench.spec(&["printf", "%s|", "", "two words", "ä\n", "-n", "$HOME"]));
    case("much output", sh("yes 0123456789 | head -c 3000000 | wc -c; yes | head -c 200000"));
    case("daemons", sh("setsid sh -c '(sleep 1000 &) &'; echo done"));
    case("no program", bench.spec(&[]));
    for program in ["nothing", "/nothing", "/tmp", "locked", "script", "text", "foreign"] {
        case(&format!("program {program}"), bench.spec(&[program]));
    }
    for user in ["app", "1000", "7:9", "app:staff", "0:50", "nobody", "app:none"] {
        let script = "id -u; id -g; grep -E '^(Uid|Gid|Groups|Cap)' /proc/self/status; echo $HOME; touch /tmp/x /x";
        case(&format!("user {user}"), Spec { user: User(user.to_owned()), ..sh(script) });
    }
    let folder = PathBuf::from("/made/for/it");
    case("a folder that is missing", Spec { folder, ..sh("pwd; stat -c '%a %u %g' . ..") });
    let folder = PathBuf::from("/etc/passwd");
    case("a folder that is a file", Spec { folder, ..sh("pwd") });
    let time = |grace| Some((Duration::from_millis(300), Grace(grace)));
    for (name, limit, script) in [
        ("out of time", time(Duration::from_millis(300)), "sleep 100"),
        (
            "out of time, with a last word",
            time(Duration::from_secs(9)),
            "trap 'echo bye; exit' TERM; while :; do sleep 0.1; done",
        ),
    ] {
        let mut spec = sh(script);
        (spec.limits.time, spec.limits.grace) = (limit.map(|(time, _)| time), limit.unwrap().1);
        case(name, spec);
    }
    let mut spec =
        sh("while :; do dd if=/dev/zero of=/tmp/$RANDOM bs=1M count=8 2>/dev/null; done");
    spec.limits.disk = Some(ByteSize(30 << 20));
    case("out of disk", spec);
    case("its own mounts", mounts(bench));
    for attempt in [
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
        "cat /dev/full /dev/zero | head -c 9; echo x > /dev/full",
    ] {
        case(attempt, sh(&format!("({attempt}) 2>&1; echo $?")));
    }
}

fn mounts(bench: &Bench) -> Spec {
    let data = bench.folder.path().join("data");
    if fs::create_dir(&data).is_ok() {
        fs::write(data.join("file"), "original\n").unwrap();
    }
    let mount = |target: &str, content| Mount { target: PathBuf::from(target), content };
    let mut spec = bench.spec(&["sh", "-c",
        "touch /x /ro/x /rw/x /cow/x /mem/x; echo y > /cow/file; echo z > /one; cat /cow/file /one /ro/file; \
         grep -E ' (/|/ro|/rw|/cow|/one|/mem) ' /proc/self/mountinfo | cut -d' ' -f5,6"]);
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

/// Programs that cannot run.
fn add_broken_programs(bench: &Bench) {
    let folder = bench.layer().join("bin");
    let mut foreign = fs::read(folder.join("busybox")).unwrap()[..4096].to_vec();
    foreign[18] = 22;
    fs::write(folder.join("text"), "no program\n").unwrap();
    fs::write(folder.join("script"), "#!/usr/bin/python3\n").unwrap();
    fs::write(folder.join("foreign"), foreign).unwrap();
    for name in ["text", "script", "foreign"] {
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(folder.join("locked"), "").unwrap();
}

#[test]
fn nothing_differs_but_what_is_listed() {
    let [own, runc] = benches().map(|bench| {
        add_broken_programs(&bench);
        let mut facts = Facts::new();
        probe(&bench, "", Network::None, &mut facts);
        if common::again::is_root() {
            probe(&bench, "app", Network::None, &mut facts);
        }
        probe(&bench, "", Network::Host, &mut facts);
        cases(&bench, &mut facts);
        assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
        facts
    });
    let mut unlisted = String::new();
    let mut seen = vec![false; DIFFERENCES.len()];
    let names: std::collections::BTreeSet<&String> = own.keys().chain(runc.keys()).collect();
    for name in names {
        let pair = [own.get(name), runc.get(name)].map(|value| value.map_or("-", String::as_str));
        if pair[0] != pair[1] {
            unlisted.push_str(&format!("{name}\n    own  {}\n    runc {}\n", pair[0], pair[1]));
        }
    }
    assert_eq!(unlisted, "");
    let _ = seen;
}
