//! Who runs `uv` and builds: a command beside the Python that the image will have.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Error;
use crate::verify::capture::{Captured, KEPT, Reading};

/// Runs commands that look at, and run, the Python of an image.
///
/// There are two: [`super::Sandboxed`], in which `uv` and every `setup.py` that it starts see nothing
/// of this machine but what they are given; and [`Host`], for machines that allow no sandbox.
pub trait Interpreter: Sync {
    /// Runs a command to its end.
    fn run(&self, job: &Job) -> Result<Ran, Error>;

    /// What a path inside is called by the commands that it runs.
    fn path(&self, shared: &[Shared], inside: &str) -> String;

    /// Whether what it runs is kept away from this machine: only then may a package's own code run.
    fn is_isolated(&self) -> bool;
}

/// A command and what it sees.
#[derive(Debug, Clone)]
pub struct Job {
    /// What it is for, in a few words: "resolve the requirements".
    pub attempt: &'static str,
    /// The program and its arguments.
    pub command: Vec<Word>,
    /// All its variables; those that every program needs are added.
    pub environment: Vec<(String, Word)>,
    /// Files and folders of this machine that it sees.
    pub shared: Vec<Shared>,
    /// Whether it reaches the network.
    pub network: bool,
    /// How long it may take.
    pub time: Duration,
}

/// A word of a command line, or a variable's value.
#[derive(Clone, PartialEq, Eq)]
pub enum Word {
    /// As it is.
    Text(String),
    /// A path as it is seen inside; below one of the [`Shared`].
    Inside(String),
    /// The same with a text behind it: `pyproject.toml:group`.
    InsideThen(String, String),
    /// The image's Python.
    Python,
    /// As it is, and never shown.
    Secret(lightship_net::Secret),
}

/// A file or folder of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// Where it is on this machine, absolute.
    pub outside: PathBuf,
    /// Where it is seen, absolute.
    pub inside: String,
    /// What may be done to it.
    pub access: Access,
}

/// What may be done to a shared folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing but reading.
    Read,
    /// Writing, for good.
    Write,
    /// Writing, which nobody sees afterwards. Without a sandbox there is no such thing: it is not
    /// written to then by anything that we start.
    Scratch,
}

/// A command that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Whether it did what it was asked, by its own word.
    pub success: bool,
    /// How it ended, half a sentence: "ended with code 1".
    pub end: String,
    /// What it wrote.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
}

impl Word {
    /// As it is.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A path as it is seen inside.
    pub fn inside(path: impl Into<String>) -> Self {
        Self::Inside(path.into())
    }

    /// The word as a text, where paths inside are turned into others by `seen`.
    pub(super) fn resolve(&self, python: &Path, seen: impl Fn(&str) -> String) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Inside(path) => seen(path),
            Self::InsideThen(path, text) => seen(path) + text,
            Self::Python => python.to_string_lossy().into_owned(),
            Self::Secret(secret) => secret.expose().to_owned(),
        }
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) | Self::Inside(text) => write!(f, "{text:?}"),
            Self::InsideThen(path, text) => write!(f, "\"{path}{text}\""),
            Self::Python => f.write_str("python"),
            Self::Secret(_) => f.write_str("[redacted]"),
        }
    }
}

/// Runs commands on this machine, with nothing around them: where no sandbox can be had. `uv` is told not
/// to build anything then, so that no package's code runs here.
#[derive(Debug, Clone)]
pub struct Host {
    /// A Python of the version that the image will have.
    pub python: PathBuf,
}

impl Interpreter for Host {
    fn run(&self, job: &Job) -> Result<Ran, Error> {
        let seen = |path: &str| self.path(&job.shared, path);
        let word = |word: &Word| word.resolve(&self.python, seen);
        let (program, arguments) =
            job.command.split_first().expect("every job is made with a program");
        let program = word(program);
        let failed = |source| Error::Program { program: PathBuf::from(&program), source };
        let mut child = Command::new(&program)
            .args(arguments.iter().map(word))
            .env_clear()
            .envs(job.environment.iter().map(|(name, value)| (name, word(value))))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .current_dir("/")
            .spawn()
            .map_err(failed)?;
        let pipe = |fd: Option<std::os::fd::OwnedFd>| Reading::of(fd.map(File::from), KEPT);
        let stdout = pipe(child.stdout.take().map(Into::into));
        let stderr = pipe(child.stderr.take().map(Into::into));
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                break status;
            }
            if begin.elapsed() > job.time {
                child.kill().map_err(failed)?;
                break child.wait().map_err(failed)?;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Ok(Ran::new(status.success(), &status.to_string(), &stdout.finish(), &stderr.finish()))
    }

    /// Nothing is moved here: a path inside is the one outside that it stands for.
    fn path(&self, shared: &[Shared], inside: &str) -> String {
        let below = |shared: &&Shared| {
            let rest = inside.strip_prefix(&shared.inside);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let longest = shared.iter().filter(below).max_by_key(|shared| shared.inside.len());
        longest.map_or_else(
            || inside.to_owned(),
            |shared| format!("{}{}", shared.outside.display(), &inside[shared.inside.len()..]),
        )
    }

    fn is_isolated(&self) -> bool {
        false
    }
}

impl Ran {
    pub(super) fn new(success: bool, end: &str, stdout: &Captured, stderr: &Captured) -> Self {
        let (stdout, stderr) = (stdout.text(), stderr.text());
        Self { success, end: end.to_owned(), stdout, stderr }
    }
}
