//! Attempts in sandboxes: one thread of this process waits for each.
//!
//! A sandbox ends with the process that started it. So after a restart there is nothing to find, and whatever ran is
//! lost, which the driver knows how to deal with.

mod logs;
mod special;

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use lightship_engine::{
    AttemptId, Environment, Executor, Failure, Launch, LogChunk, LogError, Outcome, Pending,
    Reason, RunId, StartError, Stop,
};
use lightship_ir::{Container, ExecutorKind};
use lightship_sandbox::{End, Launcher, Sandbox, Signaller, Stream, Streams};
use tokio::sync::watch;

use crate::attempt::{Attempt, collect, spec};
use crate::images::Images;
use crate::volumes::Volumes;

/// What an executor works with.
pub struct Settings {
    /// Starts sandboxes.
    pub launcher: Launcher,
    /// Opens images.
    pub images: Box<dyn Images>,
    /// What stands for volumes and secrets.
    pub volumes: Volumes,
    /// The folder of runs: logs, and what attempts need while they run.
    pub runs: PathBuf,
}

/// Runs attempts in sandboxes.
pub struct SandboxExecutor(Arc<Shared>);

struct Shared {
    settings: Settings,
    attempts: Mutex<HashMap<AttemptId, Running>>,
}

/// An attempt that was started here.
struct Running {
    /// How it ended, once it has.
    outcome: watch::Receiver<Option<Outcome>>,
    signaller: Option<Signaller>,
    /// Whether somebody told it to end.
    stopped: bool,
}

/// *signal(7)*.
const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;

impl SandboxExecutor {
    /// Starts nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Shared { settings, attempts: Mutex::default() }))
    }
}

impl Shared {
    fn attempts(&self) -> MutexGuard<'_, HashMap<AttemptId, Running>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run_folder(&self, run: &RunId) -> PathBuf {
        self.settings.runs.join(run.as_str())
    }

    /// The image that a container names, in this attempt.
    fn environment(&self, launch: &Launch) -> Result<Environment, Failure> {
        let Some(ExecutorKind::Container(container)) = kind(launch) else {
            return Ok(Environment::Unknown);
        };
        let attempt = Attempt::new(launch, &self.run_folder(&launch.id.run))?;
        let image = self.settings.images.open(&attempt.image(container)?)?;
        Ok(Environment::Known(image.digest.to_string()))
    }

    /// Starts an attempt, and a thread that waits for it.
    fn start(self: &Arc<Self>, launch: &Launch) -> Result<(), Failure> {
        let (tell, outcome) = watch::channel(None);
        let running = |signaller| Running { outcome, signaller, stopped: false };
        let container = match kind(launch) {
            Some(ExecutorKind::Container(container)) => container,
            Some(other) => {
                let ended = special::run(other, launch, &self.settings.volumes);
                tell.send_replace(Some(ended));
                self.attempts().insert(launch.id.clone(), running(None));
                return Ok(());
            }
            None => {
                let message = "it is a graph of tasks, which nobody runs as one";
                return Err(Failure::new(Reason::Executor, message));
            }
        };
        let sandbox = self.sandbox(launch, container)?;
        self.attempts().insert(launch.id.clone(), running(Some(sandbox.signaller())));
        let (shared, launch) = (Arc::clone(self), launch.clone());
        let attend = move || {
            let ended = shared.attend(sandbox, &launch);
            tell.send_replace(Some(ended));
        };
        let name = "attempt".to_owned();
        thread::Builder::new().name(name).spawn(attend).map(drop).map_err(|error| {
            Failure::new(Reason::Executor, format!("this machine gives no more threads: {error}"))
        })
    }

    fn sandbox(&self, launch: &Launch, container: &Container) -> Result<Sandbox, Failure> {
        let attempt = Attempt::new(launch, &self.run_folder(&launch.id.run))?;
        let image = self.settings.images.open(&attempt.image(container)?)?;
        let spec = spec(&attempt, container, &image.config, &self.settings.volumes)?;
        let log = File::create(&attempt.folders.log).and_then(|log| Ok((log.try_clone()?, log)));
        let (output, error) = log.map_err(|error| {
            let place = attempt.folders.log.display();
            Failure::new(Reason::Start, format!("cannot write its log to {place}: {error}"))
        })?;
        let streams = Streams {
            input: Stream::Null,
            output: Stream::To(OwnedFd::from(output)),
            error: Stream::To(OwnedFd::from(error)),
        };
        let started = self.settings.launcher.start(&image.root, spec, streams);
        started.map_err(|error| Failure::new(Reason::Start, with_causes(&error)))
    }

    /// Waits for the end of an attempt.
    fn attend(&self, sandbox: Sandbox, launch: &Launch) -> Outcome {
        let ended = sandbox.wait();
        let stopped = self.attempts().get(&launch.id).is_some_and(|running| running.stopped);
        let outcome = match ended {
            Err(error) => Outcome::Failed(Failure::new(Reason::Executor, with_causes(&error))),
            Ok(ended) if ended.end.is_success() => self.collected(launch),
            Ok(_) if stopped => Outcome::Stopped,
            Ok(ended) => Outcome::Failed(failure(ended.end)),
        };
        if let Ok(attempt) = Attempt::new(launch, &self.run_folder(&launch.id.run)) {
            attempt.clean_up();
        }
        outcome
    }

    fn collected(&self, launch: &Launch) -> Outcome {
        match Attempt::new(launch, &self.run_folder(&launch.id.run)) {
            Ok(attempt) => collect(&attempt),
            Err(failure) => Outcome::Failed(failure),
        }
    }
}

fn kind(launch: &Launch) -> Option<&ExecutorKind> {
    launch.plan.executor_of(launch.task).map(|executor| &executor.kind)
}

/// How a command ended that did not end well.
fn failure(end: End) -> Failure {
    let reason = match end {
        End::Exited(code) => Reason::Exit(code.into()),
        End::Signalled(signal) => Reason::Signal(signal.into()),
        End::OutOfTime(_) => Reason::Deadline,
        End::OutOfMemory | End::OutOfProcesses(_) => Reason::Memory,
        End::OutOfDisk(_) => Reason::Disk,
    };
    Failure::new(reason, format!("its command {end}"))
}

/// An error with all its causes.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    text
}

impl Executor for SandboxExecutor {
    fn environment<'a>(
        &'a self,
        launch: &'a Launch,
    ) -> Pending<'a, Result<Environment, StartError>> {
        let (shared, launch) = (Arc::clone(&self.0), launch.clone());
        Box::pin(blocking(move || shared.environment(&launch)))
    }

    fn start<'a>(&'a self, launch: &'a Launch) -> Pending<'a, Result<(), StartError>> {
        let (shared, launch) = (Arc::clone(&self.0), launch.clone());
        Box::pin(blocking(move || shared.start(&launch)))
    }

    fn wait<'a>(&'a self, attempt: &'a AttemptId) -> Pending<'a, Outcome> {
        Box::pin(async move {
            let known = self.0.attempts().get(attempt).map(|running| running.outcome.clone());
            let Some(mut outcome) = known else { return Outcome::Lost };
            let ended = outcome.wait_for(Option::is_some).await;
            ended.ok().and_then(|ended| ended.clone()).unwrap_or(Outcome::Lost)
        })
    }

    fn stop<'a>(&'a self, attempt: &'a AttemptId, how: Stop) -> Pending<'a, ()> {
        Box::pin(async move {
            if let Some(running) = self.0.attempts().get_mut(attempt) {
                running.stopped = true;
                if let Some(signaller) = &running.signaller {
                    signaller.send(match how {
                        Stop::Ask => SIGTERM,
                        Stop::Kill => SIGKILL,
                    });
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
        let ended = self.0.attempts().get(attempt).map(|running| running.outcome.clone());
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
