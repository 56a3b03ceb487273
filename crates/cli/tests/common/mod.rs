//! A place where `lightship` runs as if the machine had nothing else: a home folder of its own, an
//! empty environment, and a limit on time.

pub(crate) mod image;
pub(crate) mod python;
pub(crate) mod raw;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// No test of a command line takes longer unless it hangs.
const LIMIT: Duration = Duration::from_mins(1);

/// The binary under test.
pub(crate) const LIGHTSHIP: &str = env!("CARGO_BIN_EXE_lightship");

/// A folder with a home and a working folder; it vanishes with the test.
pub(crate) struct TestEnvironment {
    root: tempfile::TempDir,
    variables: Vec<(String, String)>,
    limit: Duration,
}

/// What a run left behind.
pub(crate) struct Run {
    pub(crate) status: ExitStatus,
    /// The most memory it had at once, as seen some milliseconds before its end.
    pub(crate) peak_bytes: u64,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl TestEnvironment {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["home", "work", "tmp"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        Self { root, variables: Vec::new(), limit: LIMIT }
    }

    /// Sets one more variable for every later run.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Lets every later run take longer than runs otherwise may.
    pub(crate) fn allow(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// Where commands run.
    pub(crate) fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// Where temporary files go.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.root.path().join("tmp")
    }

    /// Any program in this environment. `PATH` is the machine's: helpers and shells live there.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .current_dir(self.work())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.root.path().join("home"))
            .env("TMPDIR", self.root.path().join("tmp"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs `lightship` with the words of `line`.
    pub(crate) fn run(&self, line: &str) -> Run {
        let mut command = self.command(LIGHTSHIP);
        command.args(line.split_whitespace());
        self.finish(command)
    }

    /// Runs `lightship`, which must end with this code, and reads the JSON document that it writes.
    pub(crate) fn json(&self, code: i32, line: &str) -> serde_json::Value {
        let run = self.run(&format!("--quiet {line} --format json"));
        assert_eq!((run.code(), run.stderr.as_str()), (code, ""), "{line}");
        serde_json::from_str(&run.stdout).unwrap()
    }

    /// Runs another program, which must succeed, and hands back what it prints.
    pub(crate) fn peer(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = self.command(program);
        let run = self.finish({
            command.args(arguments);
            command
        });
        assert_eq!(run.code(), 0, "{program} {arguments:?}: {}{}", run.stdout, run.stderr);
        run.stdout
    }

    /// Runs a shell script in which `lightship` is `$LIGHTSHIP`.
    pub(crate) fn shell(&self, script: &str) -> Run {
        let mut command = self.command("bash");
        command.args(["-c", script]).env("LIGHTSHIP", LIGHTSHIP);
        self.finish(command)
    }

    /// Output goes through files, so that nothing blocks on a full pipe while the clock runs.
    fn finish(&self, mut command: Command) -> Run {
        let (out, err) = (self.root.path().join("stdout"), self.root.path().join("stderr"));
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let (status, peak_bytes) = wait(command.spawn().unwrap(), self.limit);
        let text = |path: &Path| String::from_utf8(fs::read(path).unwrap()).unwrap();
        Run { status, peak_bytes, stdout: text(&out), stderr: text(&err) }
    }
}

impl Run {
    /// The exit code; a signal is a failed test.
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("ended by a signal: {}", self.stderr))
    }

    /// Everything that a user sees, for a snapshot.
    pub(crate) fn seen(&self) -> String {
        format!(
            "exit code {}\n----- stdout -----\n{}----- stderr -----\n{}",
            self.code(),
            self.stdout,
            self.stderr
        )
    }
}

fn wait(mut child: Child, limit: Duration) -> (ExitStatus, u64) {
    let end = Instant::now() + limit;
    let mut peak = 0;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return (status, peak);
        }
        peak = peak_bytes(child.id()).unwrap_or(peak);
        if Instant::now() > end {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("still running after {limit:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The high-water mark of a process's memory (`VmHWM` of /proc/PID/status, in KiB); none of one that
/// has ended.
fn peak_bytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}
