//! Attempts on this machine: one thread of this process waits for each.
//!
//! What runs ends with the process that started it. So after a restart there is nothing to find, and whatever ran is
//! lost, which the driver knows how to deal with.

mod logs;
mod origin;
mod special;

use std::collections::HashMap;
use std::fs::File;
use std::io::PipeWriter;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use lightship_engine::{
    AttemptId, Environment, Executor, Failure, Launch, LogChunk, LogError, Outcome, Pending,
    Reason, RunId, StartError, Stop,
};
use lightship_ir::{Container, ExecutorKind};
use lightship_sandbox::Launcher;
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
        Self(Arc::new(Shared { settings, attempts: Mutex::default() }))
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

    /// Starts an attempt, and a thread that waits for it.
    fn start(self: &Arc<Self>, launch: Launch) -> Result<(), Failure> {
        let (tell, outcome) = watch::channel(None);
        let known = |stopper| Known { outcome, stopper, stopped: false };
        let id = launch.id.clone();
        let container = match kind(&launch).cloned() {
            Some(ExecutorKind::Container(container)) => container,
            Some(other) => {
                let run = self.run_folder(&id.run);
                let ended = special::run(&other, &launch, &run, &self.settings);
                tell.send_replace(Some(ended));
                self.attempts().insert(id, known(None));
                return Ok(());
            }
            None => {
                let message = "it is a graph of tasks, which nobody runs as one";
                return Err(Failure::new(Reason::Executor, message));
            }
        };
        let attempt = Attempt::new(launch, &self.run_folder(&id.run))?;
        let (running, log) = self.run(&attempt, &container).inspect_err(|_| attempt.clean_up())?;
        self.attempts().insert(id, known(Some(running.stopper())));
        let shared = Arc::clone(self);
        let attend = move || {
            let outcome = shared.attend(running, &attempt);
            // All that it printed is there when its end is told.
            let _ = log.join();
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

    /// Waits for the end of an attempt.
    fn attend(&self, running: Running, attempt: &Attempt) -> Outcome {
        let ended = running.wait(attempt);
        attempt.clean_up();
        let stopped = self.attempts().get(&attempt.launch.id).is_some_and(|known| known.stopped);
        match ended {
            Ok(produced) => Outcome::Succeeded(produced),
            // By what it was told, and not for want of what it should have given.
            Err(Failure { reason: Reason::Exit(_) | Reason::Signal(_), .. }) if stopped => {
                Outcome::Stopped
            }
            Err(failure) => Outcome::Failed(failure),
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

impl Executor for LocalExecutor {
    fn environment<'a>(
        &'a self,
        launch: &'a Launch,
    ) -> Pending<'a, Result<Environment, StartError>> {
        let (shared, launch) = (Arc::clone(&self.0), launch.clone());
        Box::pin(blocking(move || shared.environment(launch)))
    }

    fn start<'a>(&'a self, launch: &'a Launch) -> Pending<'a, Result<(), StartError>> {
        let (shared, launch) = (Arc::clone(&self.0), launch.clone());
        Box::pin(blocking(move || shared.start(launch)))
    }

    fn wait<'a>(&'a self, attempt: &'a AttemptId) -> Pending<'a, Outcome> {
        Box::pin(async move {
            let known = self.0.attempts().get(attempt).map(|known| known.outcome.clone());
            let Some(mut outcome) = known else { return Outcome::Lost };
            let ended = outcome.wait_for(Option::is_some).await;
            ended.ok().and_then(|ended| ended.clone()).unwrap_or(Outcome::Lost)
        })
    }

    fn stop<'a>(&'a self, attempt: &'a AttemptId, how: Stop) -> Pending<'a, ()> {
        Box::pin(async move {
            if let Some(known) = self.0.attempts().get_mut(attempt) {
                known.stopped = true;
                if let Some(stopper) = &known.stopper {
                    stopper.stop(how);
                }
            }
        })
    }

    fn find<'a>(&'a self, run: &'a RunId) -> Pending<'a, Vec<AttemptId>> {
        Box::pin(async move {
            let attempts = self.0.attempts();
            attempts.keys().filter(|attempt| attempt.run == *run).cloned().collect()
        })
    }

    fn forget<'a>(&'a self, attempt: &'a AttemptId) -> Pending<'a, ()> {
        Box::pin(async move {
            self.0.attempts().remove(attempt);
        })
    }

    fn logs<'a>(
        &'a self,
        attempt: &'a AttemptId,
        from: u64,
    ) -> Pending<'a, Result<LogChunk, LogError>> {
        let folder = self.0.run_folder(&attempt.run);
        let ended = self.0.attempts().get(attempt).map(|known| known.outcome.clone());
        Box::pin(logs::read(folder, attempt, from, ended))
    }
}

/// Work that waits for disks and processes, where it keeps nobody else from working.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, StartError> {
    let gone = |_| Failure::new(Reason::Executor, "the executor ended");
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(gone).and_then(|done| done).map_err(StartError)
}
