//! Attempts without walls: a prepared environment's own programs, started where its files lie, by its own loader. For
//! machines on which no sandbox can be had.
//!
//! What that means, and what is done about it:
//!
//! - a task has all rights of the user who runs it, sees all of this machine, and may use up what it has;
//! - programs that it starts by name are this machine's, but for its Python;
//! - it gets copies of what it takes, so that it changes no artifact by accident;
//! - none of its processes outlives it, or Lightship: a small process of one thread sees to that ([`supervisor`]).

mod inputs;
mod loader;
mod program;
pub mod supervisor;
mod told;

use std::ffi::OsString;
use std::fs;
use std::io::{PipeWriter, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use lightship_engine::{Failure, Reason, Stop};
use lightship_ir::exchange::Produced;
use lightship_ir::{Container, WORKSPACE_PATH};
use lightship_sandbox::End;

use crate::attempt::{Attempt, spec};
use crate::images::Opened;
use crate::running::{Running as AnyRunning, failure, gather};
use crate::volumes::Volumes;
use told::{Ended, Job};

/// How to start a supervisor: a program whose `main` begins with [`supervisor::main`] when it sees these arguments.
#[derive(Debug, Clone)]
pub struct Supervisors {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where programs of this machine are looked for.
    pub search_path: OsString,
}

/// A command that runs.
pub(crate) struct Running {
    supervisor: Child,
    stopper: Stopper,
    /// The attempt as it was told.
    told: Attempt,
    /// Copies of artifacts, by the URIs that it was told.
    copies: inputs::Copies,
}

/// Ends a command, also from another thread.
#[derive(Clone)]
pub(crate) struct Stopper(Arc<Mutex<ChildStdin>>);

/// Starts an attempt.
pub(crate) fn start(
    supervisors: &Supervisors,
    (attempt, container, image): (&Attempt, &Container, &Opened),
    volumes: &Volumes,
    printed: PipeWriter,
) -> Result<AnyRunning, Failure> {
    if attempt.has_workspace() {
        return Err(needs_walls(&format!("it has a workspace, at {WORKSPACE_PATH}")));
    }
    let (told, copies) = inputs::told(attempt)?;
    let spec = spec(&told, container, &image.config, volumes)?;
    if let Some(mount) = spec.mounts.first() {
        return Err(needs_walls(&format!("something is mounted at {}", mount.target.display())));
    }
    let [root] = image.root.layers.as_slice() else {
        return Err(start_failure("its image is not unpacked as one folder"));
    };
    let own = Own::make(attempt)?;
    let tree = program::Tree { root, own: &own.programs };
    let (program, name, arguments) = tree.command(&spec.command, &spec.environment)?;
    let path = supervisors.search_path.as_os_str();
    let job = Job {
        program,
        name,
        arguments,
        environment: tree.environment(spec.environment, &own, path),
        folder: own.work.clone(),
        time: spec.limits.time,
        grace: spec.limits.grace.0,
    };
    let failed = |error: std::io::Error| {
        Failure::new(Reason::Executor, format!("cannot start its supervisor: {error}"))
    };
    let mut supervisor = Command::new(&supervisors.program)
        .args(&supervisors.arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::from(printed))
        .spawn()
        .map_err(failed)?;
    let mut stdin = supervisor.stdin.take().expect("it was asked for");
    job.send(&mut stdin).map_err(failed)?;
    let stopper = Stopper(Arc::new(Mutex::new(stdin)));
    Ok(AnyRunning::Process(Box::new(Running { supervisor, stopper, told, copies })))
}

impl Running {
    pub(crate) fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits for its end, and says what it gave.
    pub(crate) fn wait(mut self) -> Result<Produced, Failure> {
        let broken = |why: String| {
            Failure::new(Reason::Executor, format!("its supervisor ended before it: {why}"))
        };
        let said = self.supervisor.stdout.take().expect("it was asked for");
        let ended = Ended::receive(said).map_err(|error| broken(error.to_string()));
        let _ = self.supervisor.wait();
        let end = match ended? {
            Ended::Exited(code) => End::Exited(code),
            Ended::Signalled(signal) => End::Signalled(signal),
            Ended::OutOfTime(limit) => End::OutOfTime(limit),
            Ended::NotStarted(why) => return Err(start_failure(&why)),
        };
        if !end.is_success() {
            return Err(failure(end));
        }
        // All of this machine is what it saw.
        let root = fs::File::open("/").map_err(|error| broken(error.to_string()))?;
        let mut produced = gather(&self.told, Some(std::os::fd::AsFd::as_fd(&root)))?;
        self.copies.forget_in(&mut produced);
        Ok(produced)
    }
}

impl Stopper {
    pub(crate) fn stop(&self, how: Stop) {
        let word = match how {
            Stop::Ask => told::ASK,
            Stop::Kill => told::KILL,
        };
        let mut stdin = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that has ended hears nothing.
        let _ = stdin.write_all(&[word]).and_then(|()| stdin.flush());
    }
}

/// Folders that a task has for itself where it has no file system of its own.
pub(crate) struct Own {
    /// Where it starts.
    work: PathBuf,
    home: PathBuf,
    temporary: PathBuf,
    /// Programs that come before this machine's.
    programs: PathBuf,
}

impl Own {
    fn make(attempt: &Attempt) -> Result<Self, Failure> {
        let place = |name: &str| attempt.folders.own.join(name);
        let own = Self {
            work: place("work"),
            home: place("home"),
            temporary: place("tmp"),
            programs: place("bin"),
        };
        for folder in [&own.work, &own.home, &own.temporary, &own.programs] {
            fs::create_dir_all(folder).map_err(|error| {
                start_failure(&format!("cannot make {}: {error}", folder.display()))
            })?;
        }
        Ok(own)
    }
}

fn needs_walls(why: &str) -> Failure {
    start_failure(&format!(
        "{why}, which only a sandbox can show it: run it without `--executor process`"
    ))
}

fn start_failure(why: &str) -> Failure {
    Failure::new(Reason::Start, why)
}
