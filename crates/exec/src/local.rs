//! Attempts on this machine: one thread of this process waits for each.
//!
//! What runs ends with the process that started it. So after a restart there is nothing to find, and whatever ran is
//! lost, which the driver knows how to deal with.

mod executor;
mod logs;
mod origin;
mod special;

use std::collections::HashMap;
use std::fs::File;
use std::io::PipeWriter;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use lightship_engine::{AttemptId, Environment, Failure, Launch, Outcome, Reason, RunId, Stop};
use lightship_ir::{Container, ExecutorKind};
use lightship_sandbox::{Held, Launcher};
use tokio::sync::watch;

use crate::attempt::Attempt;
use crate::images::Images;
use crate::process::{self, Supervisors};
use crate::running::{Running, Stopper};
use crate::sandbox;
use crate::volumes::Volumes;

/// What an executor works with.
pub struct Settings {
    /// What is between tasks and this machine.
    pub walls: Walls,
    /// Opens images.
    pub images: Box<dyn Images>,
    /// What stands for volumes and secrets.
    pub volumes: Volumes,
    /// The folder of runs: logs, and what attempts need while they run.
    pub runs: PathBuf,
    /// The folder of all artifacts of this machine: what a task names there may be given to others.
    pub artifacts: PathBuf,
}

/// What is between tasks and this machine.
#[derive(Debug, Clone)]
pub enum Walls {
    /// A sandbox around each.
    Sandbox(Launcher),
    /// Nothing: they are processes like any other, which use the files of their image where these lie.
    None(Supervisors),
}

/// Runs attempts on this machine.
pub struct LocalExecutor(Arc<Shared>);

struct Shared {
    settings: Settings,
    attempts: Mutex<HashMap<AttemptId, Known>>,
    /// Who clears away what is left of attempts.
    clearing: Mutex<Vec<JoinHandle<()>>>,
}

/// An attempt that was started here.
struct Known {
    /// How it ended, once it has.
    outcome: watch::Receiver<Option<Outcome>>,
    stopper: Option<Stopper>,
    /// Whether somebody told it to end.
    stopped: bool,
}

impl LocalExecutor {
    /// Starts nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Shared { settings, attempts: Mutex::default(), clearing: Mutex::default() }))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Whoever has no executor any more finds nothing of its attempts.
        let clearing = self.clearing.get_mut().unwrap_or_else(PoisonError::into_inner);
        for thread in clearing.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn attempts(&self) -> MutexGuard<'_, HashMap<AttemptId, Known>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run_folder(&self, run: &RunId) -> PathBuf {
        self.settings.runs.join(run.as_str())
    }

    /// The image that a container names, in this attempt.
    fn environment(&self, launch: Launch) -> Result<Environment, Failure> {
        let kind = kind(&launch).cloned();
        let Some(ExecutorKind::Container(container)) = kind else {
            return Ok(Environment::Unknown);
        };
        let run = self.run_folder(&launch.id.run);
        let attempt = Attempt::new(launch, &run)?;
        let image = self.settings.images.open(&attempt.image(&container)?)?;
        Ok(Environment::Known(match self.settings.walls {
            Walls::Sandbox(_) => image.digest.to_string(),
            // It finds programs of this machine as well.
            Walls::None(_) => format!("{} without walls", image.digest),
        }))
    }

    /// Starts an attempt, and a thread that waits for it. It is known from here on: its image may take minutes to come,
    /// and somebody may tell it to end meanwhile.
    fn start(self: &Arc<Self>, launch: Launch) -> Result<(), Failure> {
        let (tell, outcome) = watch::channel(None);
        let id = launch.id.clone();
        self.attempts().insert(id.clone(), Known { outcome, stopper: None, stopped: false });
        self.begin(launch, tell).inspect_err(|_| drop(self.attempts().remove(&id)))
    }

    fn begin(
        self: &Arc<Self>,
        launch: Launch,
        tell: watch::Sender<Option<Outcome>>,
    ) -> Result<(), Failure> {
        let run = self.run_folder(&launch.id.run);
        let container = match kind(&launch).cloned() {
            Some(ExecutorKind::Container(container)) => container,
            Some(other) => {
                tell.send_replace(Some(special::run(&other, &launch, &run, &self.settings)));
                return Ok(());
            }
            None => {
                let message = "it is a graph of tasks, which nobody runs as one";
                return Err(Failure::new(Reason::Executor, message));
            }
        };
        let attempt = Attempt::new(launch, &run)?;
        let (running, log) = self.run(&attempt, &container).inspect_err(|_| attempt.clean_up())?;
        self.started(&attempt.launch.id, running.stopper());
        let shared = Arc::clone(self);
        let attend = move || {
            let (outcome, rest) = shared.attend(running, &attempt);
            // All that it printed is there when its end is told.
            let _ = log.join();
            shared.clear(rest);
            // Whoever hears of the end may be the last to hold the executor, and waits then until all is cleared away.
            drop(shared);
            tell.send_replace(Some(outcome));
        };
        thread::Builder::new().name("attempt".to_owned()).spawn(attend).map(drop).map_err(|error| {
            Failure::new(Reason::Executor, format!("this machine gives no more threads: {error}"))
        })
    }

    fn run(
        &self,
        attempt: &Attempt,
        container: &Container,
    ) -> Result<(Running, JoinHandle<()>), Failure> {
        let image = self.settings.images.open(&attempt.image(container)?)?;
        if self.is_stopped(&attempt.launch.id) {
            return Err(Failure::new(Reason::Executor, "it was stopped before it began"));
        }
        attempt.make_folders()?;
        let (printed, log) = open_log(attempt)?;
        let what = (attempt, container, &image);
        let running = match &self.settings.walls {
            Walls::Sandbox(launcher) => {
                sandbox::start(launcher, what, &self.settings.volumes, printed)
            }
            Walls::None(supervisors) => {
                process::start(supervisors, what, &self.settings.volumes, printed)
            }
        };
        Ok((running?, log))
    }

    /// An attempt runs, and can be ended; it is, if somebody told it to meanwhile.
    fn started(&self, id: &AttemptId, stopper: Stopper) {
        if let Some(known) = self.attempts().get_mut(id) {
            if known.stopped {
                stopper.stop(Stop::Kill);
            }
            known.stopper = Some(stopper);
        }
    }

    fn is_stopped(&self, id: &AttemptId) -> bool {
        self.attempts().get(id).is_some_and(|known| known.stopped)
    }

    /// Clears away what is left of an attempt, while what follows it begins.
    fn clear(&self, rest: Option<Held>) {
        let Some(rest) = rest else { return };
        let cleared = thread::Builder::new().name("clear".to_owned()).spawn(move || drop(rest));
        let mut clearing = self.clearing.lock().unwrap_or_else(PoisonError::into_inner);
        clearing.retain(|thread| !thread.is_finished());
        // Where there was no thread to be had, it is cleared away already.
        clearing.extend(cleared.ok());
    }

    /// Waits for the end of an attempt.
    fn attend(&self, running: Running, attempt: &Attempt) -> (Outcome, Option<Held>) {
        let ended = running.wait(attempt);
        attempt.clean_up();
        let stopped = self.is_stopped(&attempt.launch.id);
        match ended {
            Ok((produced, rest)) => (Outcome::Succeeded(produced), rest),
            // By what it was told, and not for want of what it should have given.
            Err(Failure { reason: Reason::Exit(_) | Reason::Signal(_), .. }) if stopped => {
                (Outcome::Stopped, None)
            }
            Err(failure) => (Outcome::Failed(failure), None),
        }
    }
}

fn kind(launch: &Launch) -> Option<&ExecutorKind> {
    launch.plan.executor_of(launch.task).map(|executor| &executor.kind)
}

/// A pipe for what an attempt prints, and who carries that into its log.
fn open_log(attempt: &Attempt) -> Result<(PipeWriter, JoinHandle<()>), Failure> {
    let path = &attempt.folders.log;
    let log = std::io::pipe()
        .and_then(|(reader, writer)| Ok((writer, crate::log::carry(reader, File::create(path)?)?)));
    log.map_err(|error| {
        let message = format!("cannot write its log to {}: {error}", path.display());
        Failure::new(Reason::Start, message)
    })
}
