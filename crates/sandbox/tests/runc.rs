//! The same image and commands under our own launcher and under `runc`: what differs is listed with its
//! reason, and nothing else differs. And a runtime that refuses, is missing, is killed.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;
mod compare;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::Bench;
use lightship_sandbox::{
    End, Engine, Error, Failure, Fault, Mount, MountContent, Sandbox, Spec, Stream, Streams,
    TerminalSize,
};

/// A difference that is meant to be.
struct Difference {
    /// The fact's name; after a `*` its end, whoever it is about.
    name: &'static str,
    /// With our own launcher, and with `runc`.
    values: [&'static str; 2],
    why: &'static str,
}

const FIRST: &str =
    "our process 1 reaps and passes signals on; a runtime makes the command process 1";
const KERNEL: &str =
    "the kernel lets nobody inside end process 1 by a signal that it does not handle";
const EXEC: &str =
    "a runtime has let go when the kernel refuses a file; we hear the kernel's answer";

const DIFFERENCES: &[Difference] = &[
    Difference { name: "*: process 1 is the command", values: ["no", "yes"], why: FIRST },
    Difference { name: "*: own number", values: ["2", "1"], why: FIRST },
    Difference { name: "*: processes seen", values: ["3", "2"], why: FIRST },
    Difference { name: "*: status Pid", values: ["2", "1"], why: FIRST },
    Difference { name: "*: status PPid", values: ["1", "0"], why: FIRST },
    Difference { name: "*: status NSpgid", values: ["2", "1"], why: FIRST },
    Difference { name: "*: status NSsid", values: ["2", "1"], why: FIRST },
    Difference {
        name: "*: status Seccomp_filters",
        values: ["2", "1"],
        why: "the runtime-spec names calls; the filter against unknown numbers has no names",
    },
    Difference {
        name: "*: flags of hidden folders",
        values: ["ro,nosuid,nodev,noexec,relatime", "ro,relatime"],
        why: "empty and read-only both; ours forbid the rest as well",
    },
    Difference {
        name: "a signal that is not handled",
        values: ["Signalled(15) \"\" \"\"", "Exited(0) \"survived\\n\" \"\""],
        why: KERNEL,
    },
    Difference {
        name: "a signal that cannot be handled",
        values: ["Signalled(9) \"\" \"\"", "Exited(0) \"survived\\n\" \"\""],
        why: KERNEL,
    },
    Difference {
        name: "out of processes",
        values: [
            "Exited(0) \"1\\n2\\n3\\n4\\nsh: can't fork: Resource temporarily unavailable\\n\" \"\"",
            "Exited(0) \"1\\n2\\n3\\n4\\n5\\nsh: can't fork: Resource temporarily unavailable\\n\" \"\"",
        ],
        why: "our process 1 is one of those that count",
    },
    Difference {
        name: "program text",
        values: [
            "code 126: cannot run /bin/text: it is neither a program nor a script that begins with `#!`",
            "Exited(1) \"\" \"exec /bin/text: exec format error\\n\"",
        ],
        why: EXEC,
    },
    Difference {
        name: "program foreign",
        values: [
            "code 126: cannot run /bin/foreign: it is made for s390x, and this machine is HOST",
            "Exited(1) \"\" \"exec /bin/foreign: exec format error\\n\"",
        ],
        why: EXEC,
    },
];

/// Both ways to make a sandbox.
fn engines() -> [Engine; 2] {
    let places = ["/usr/sbin/runc", "/usr/bin/runc", "/usr/local/sbin/runc", "/usr/local/bin/runc"];
    let runc = places.map(PathBuf::from).into_iter().find(|path| path.exists());
    [Engine::Own, Engine::Runtime(runc.expect("install Debian's runc"))]
}

fn bench(engine: Engine) -> Bench {
    let bench = Bench::new();
    let launcher = bench.launcher.clone().with_engine(engine);
    Bench { launcher, ..bench }
}

#[test]
fn nothing_differs_but_what_is_listed() {
    let [own, runc] = engines().map(|engine| {
        let bench = bench(engine);
        let facts = compare::facts(&bench);
        assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
        assert_eq!(groups_of_this_test(), Vec::<PathBuf>::new());
        facts
    });
    let names: BTreeSet<&String> = own.keys().chain(runc.keys()).collect();
    let mut unlisted = String::new();
    let mut listed = BTreeSet::new();
    for name in names {
        let values = [own.get(name), runc.get(name)].map(|fact| fact.map_or("-", String::as_str));
        let known = DIFFERENCES.iter().position(|difference| difference.is(name, values));
        match known {
            Some(number) => drop(listed.insert(number)),
            None if values[0] == values[1] => {}
            None => unlisted
                .push_str(&format!("{name}\n  own:  {}\n  runc: {}\n", values[0], values[1])),
        }
    }
    assert!(unlisted.is_empty(), "not listed:\n{unlisted}");
    let gone = DIFFERENCES.iter().enumerate().filter(|(number, _)| !listed.contains(number));
    let gone: Vec<_> = gone.map(|(_, difference)| (difference.name, difference.why)).collect();
    assert!(gone.is_empty(), "listed, but no longer there: {gone:?}");
}

impl Difference {
    fn is(&self, name: &str, values: [&str; 2]) -> bool {
        let named = match self.name.strip_prefix('*') {
            Some(end) => name.ends_with(end),
            None => name == self.name,
        };
        named && self.values == values
    }
}

/// Control groups of sandboxes that this process has started.
fn groups_of_this_test() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("/sys/fs/cgroup")];
    let begin = format!("lightship-{}-", std::process::id());
    while let Some(folder) = folders.pop() {
        // Groups come and go while we look.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&begin) {
                found.push(entry.path());
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    found
}

/// Starts a script that says `ready` and then lives for long, and hands over its output after that.
fn ready(bench: &Bench, script: &str) -> (Sandbox, BufReader<File>) {
    let script = format!("{script}; echo ready; while :; do sleep 0.1; done");
    let streams = Streams { output: Stream::Pipe, ..Streams::default() };
    let spec = common::spec(&["sh", "-c", &script]);
    let mut sandbox = bench.launcher.start(&bench.root, spec, streams).unwrap();
    let mut output = BufReader::new(sandbox.output.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    (sandbox, output)
}

#[test]
fn signals_and_input_arrive_under_both() {
    for engine in engines() {
        let bench = bench(engine);
        let (sandbox, mut output) = ready(&bench, "trap 'echo got; exit 9' USR1");
        sandbox.signaller().send(10);
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert_eq!((rest.as_str(), sandbox.wait().unwrap().end), ("got\n", End::Exited(9)));

        let streams = Streams { input: Stream::Pipe, output: Stream::Pipe, error: Stream::Null };
        let spec = common::spec(&["sh", "-c", "read line; echo $line; wc -c"]);
        let mut sandbox = bench.launcher.start(&bench.root, spec, streams).unwrap();
        let mut input = sandbox.input.take().unwrap();
        input.write_all(b"a line\n").unwrap();
        input.write_all(&vec![0xff; 100_000]).unwrap();
        drop(input);
        let mut output = String::new();
        sandbox.output.take().unwrap().read_to_string(&mut output).unwrap();
        assert_eq!(
            (output.as_str(), sandbox.wait().unwrap().end),
            ("a line\n100000\n", End::Exited(0))
        );
    }
}

#[test]
fn the_machines_devices_cannot_be_changed_under_both() {
    // To what they are already: no harm where it succeeds.
    let script = "for name in null zero full random urandom tty; do \
        chmod 666 /dev/$name && echo changed; chown 0 /dev/$name && echo given; \
        done 2>/dev/null; chmod 666 /proc/keys 2>/dev/null && echo changed; \
        chmod 666 /proc/self/fd/0 2>/dev/null && echo changed; \
        echo x > /dev/null && head -c 3 /dev/zero | wc -c";
    for engine in engines() {
        assert_eq!(bench(engine).sh(script).output, "3\n");
    }
}

#[test]
fn a_runtime_that_refuses_is_quoted() {
    let [_, runc] = engines();
    let refused = |engine: Engine, change: &dyn Fn(&mut Spec)| {
        let bench = bench(engine);
        fs::create_dir(bench.layer().join("etc/hostname")).unwrap();
        let mut spec = common::spec(&["true"]);
        change(&mut spec);
        let error = bench.try_run(spec).unwrap_err();
        assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
        assert_eq!(groups_of_this_test(), Vec::<PathBuf>::new());
        let Error::Start(Failure { fault, hint, .. }) = &error else { panic!("{error}") };
        assert!(hint.is_some());
        (*fault, error.to_string())
    };
    let file = PathBuf::from("/etc/passwd");
    let onto_folder = |spec: &mut Spec| {
        let content = MountContent::ReadOnly(file.clone());
        spec.mounts = vec![Mount { target: PathBuf::from("/root"), content }];
    };
    let (fault, words) = refused(runc.clone(), &onto_folder);
    assert_eq!(fault, Fault::Machine);
    // Its own words, among them what the kernel said.
    assert!(words.contains("with /") && words.contains("runc create failed: "), "{words}");
    assert!(words.contains("not a directory"), "{words}");

    let late = |spec: &mut Spec| {
        onto_folder(spec);
        spec.mounts[0].target = PathBuf::from("/opt/file");
        spec.command = vec!["/opt/nothing".into()];
    };
    let (fault, words) = refused(runc.clone(), &late);
    assert_eq!(fault, Fault::NoSuchProgram, "{words}");

    let terminal = |spec: &mut Spec| spec.terminal = Some(TerminalSize { rows: 24, columns: 80 });
    let (fault, words) = refused(runc, &terminal);
    assert_eq!(fault, Fault::Request);
    assert!(words.ends_with("only lightship's own launcher has terminals"), "{words}");

    let (fault, words) = refused(Engine::Runtime("/no/such/runtime".into()), &|_| ());
    assert_eq!(fault, Fault::Machine);
    assert!(words.contains("/no/such/runtime: No such file"), "{words}");

    let (fault, words) = refused(Engine::Runtime("/bin/false".into()), &|_| ());
    assert_eq!(fault, Fault::Machine);
    assert!(words.contains("it ended with code 1 and logged nothing"), "{words}");
}

#[test]
fn a_pipe_is_no_program_under_both() {
    for engine in engines() {
        let bench = bench(engine);
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from(0o755));
        let pipe = bench.layer().join("bin/pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
        let error = bench.try_run(common::spec(&["/bin/pipe"])).unwrap_err();
        let Error::Start(failure) = &error else { panic!("{error}") };
        assert_eq!(failure.fault, Fault::NotExecutable);
        assert!(error.to_string().ends_with("a device, a pipe or a socket"), "{error}");
    }
}

#[test]
fn paths_are_cleaned_by_their_words_under_both() {
    for engine in engines() {
        let bench = bench(engine);
        std::os::unix::fs::symlink("home/app", bench.layer().join("link")).unwrap();
        let source = bench.folder.path().join("source");
        fs::write(&source, "seen\n").unwrap();
        let mut spec = common::spec(&["sh", "-c", "pwd; cat /opt/file; ls /home"]);
        // By its words, not through the link to /home, and not above the root.
        spec.folder = PathBuf::from("/link/../missing/../../../made");
        let content = MountContent::ReadOnly(source);
        spec.mounts = vec![Mount { target: PathBuf::from("/link/.././opt/x/../file"), content }];
        let run = bench.run(spec);
        assert_eq!(run.output, "/made\nseen\napp\n", "{}", run.complaints);
    }
}

#[test]
fn nothing_outlives_a_sandbox_whose_helper_is_killed() {
    let [_, runc] = engines();
    let bench = bench(runc);
    // Nobody else's: the time is this process's name.
    let mark = format!("73211.{}", std::process::id());
    let (sandbox, _output) = ready(&bench, &format!("setsid sleep {mark} & sleep 0.1"));
    let is_marked = |pid: &u32| command_line(*pid).split_whitespace().any(|word| word == mark);
    let daemon = || processes().find(is_marked);
    let mut helper = daemon().unwrap();
    while parent(helper) != std::process::id() {
        helper = parent(helper);
    }
    let helper = rustix::process::Pid::from_raw(helper.cast_signed()).unwrap();
    rustix::process::kill_process(helper, rustix::process::Signal::KILL).unwrap();
    assert!(matches!(sandbox.wait(), Err(Error::HelperGone)));
    let begin = Instant::now();
    while daemon().is_some() {
        assert!(begin.elapsed() < Duration::from_secs(20), "a daemon is left");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Folders and control groups are for the next launcher.
    common::launcher(&bench.folder.path().join("sandboxes"));
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
    assert_eq!(groups_of_this_test(), Vec::<PathBuf>::new());
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Arguments, or nothing for a process that is gone.
fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

fn parent(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap();
    line.trim().parse().unwrap()
}

#[test]
fn again_as_an_ordinary_user() {
    common::again::as_ordinary_user("again_as");
}

#[test]
fn again_as_root_of_subordinate_ids() {
    common::again::as_root_of_subordinate_ids("again_as");
}
