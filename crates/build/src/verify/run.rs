//! Runs checks, several at once, each in a sandbox of its own.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use lightship_base::ByteSize;
use lightship_oci::Image;
use lightship_oci::spec::RunConfig;
use lightship_sandbox::snapshot::Prepared;
use lightship_sandbox::{
    End, Error as SandboxError, Grace, Launcher, Limits as SandboxLimits, Note, Sandbox, Spec,
    Stream, Streams, User,
};

use super::capture::{Captured, KEPT, Reading};
use super::files::Contents;
use super::{Check, Error, Kind, Recording, Verdict, command, files, http, imports};

/// Between the request to end and the end: nobody waits for the state of a service under test.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// An image under test, and what its commands may use.
#[derive(Debug)]
pub struct Subject<'a> {
    image: &'a Image,
    launcher: &'a Launcher,
    prepared: &'a Prepared,
    limits: Limits,
    recording: Option<&'a Recording>,
    contents: OnceLock<Result<Contents, String>>,
    notes: Mutex<BTreeSet<Note>>,
}

/// What each check's command may use, where the check does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long it may take.
    pub time: Duration,
    /// How much memory.
    pub memory: Option<ByteSize>,
    /// How much it may write into the image's file system.
    pub disk: Option<ByteSize>,
}

/// Somebody who watches. Called from several threads at once.
pub trait Watcher: Sync {
    /// A check begins.
    fn began(&self, check: &Check);
    /// It ended.
    fn ended(&self, verdict: &Verdict);
}

/// Nobody watches.
impl Watcher for () {
    fn began(&self, _: &Check) {}
    fn ended(&self, _: &Verdict) {}
}

/// A command that ran, and all that it left.
pub(super) struct Ran {
    pub(super) end: End,
    pub(super) stdout: Captured,
    pub(super) stderr: Captured,
}

impl<'a> Subject<'a> {
    /// `prepared` is what `image` looks like on this machine's disk.
    pub fn new(
        image: &'a Image,
        launcher: &'a Launcher,
        prepared: &'a Prepared,
        limits: Limits,
    ) -> Self {
        let (contents, notes) = (OnceLock::new(), Mutex::default());
        Self { image, launcher, prepared, limits, recording: None, contents, notes }
    }

    /// The same, with somebody who takes note of what its commands load.
    #[must_use]
    pub fn recorded(self, recording: &'a Recording) -> Self {
        Self { recording: Some(recording), ..self }
    }

    /// Makes all checks, at most `jobs` at once; a verdict for each, in their order.
    pub fn verify(
        &self,
        checks: &[Check],
        jobs: NonZeroUsize,
        watcher: &dyn Watcher,
    ) -> Result<Vec<Verdict>, Error> {
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, Verdict)>> = Mutex::default();
        let work = || {
            while let Some((at, check)) = take(checks, &next) {
                watcher.began(check);
                let verdict = self.verdict(check);
                watcher.ended(&verdict);
                done.lock().unwrap_or_else(PoisonError::into_inner).push((at, verdict));
            }
        };
        thread::scope(|scope| {
            // A machine that gives fewer threads gets fewer checks at once; one is here already.
            for _ in 1..jobs.get().min(checks.len()) {
                let worker = thread::Builder::new().name("check".to_owned());
                if worker.spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(at, _)| *at);
        Ok(done.into_iter().map(|(_, verdict)| verdict).collect())
    }

    /// What is not as tight here as elsewhere, told by the sandboxes so far: each once.
    pub fn notes(&self) -> Vec<Note> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn verdict(&self, check: &Check) -> Verdict {
        let begin = Instant::now();
        let mut verdict = Verdict::of(check);
        match &check.kind {
            Kind::Command(wanted) => command::check(self, wanted, &mut verdict),
            Kind::EntryPoint(wanted) => command::entry_point(self, wanted, &mut verdict),
            Kind::Imports(wanted) => imports::check(self, wanted, &mut verdict),
            Kind::Http(wanted) => http::check(self, wanted, &mut verdict),
            Kind::Files(wanted) => files::check(self, wanted, &mut verdict),
        }
        verdict.time = begin.elapsed();
        verdict
    }

    /// What the image says about running it.
    pub(super) fn config(&self) -> &RunConfig {
        &self.image.config().config
    }

    /// How long a check may take.
    pub(super) fn time(&self, check: &Check) -> Duration {
        check.around.timeout.unwrap_or(self.limits.time)
    }

    /// The image's file system as its layers say, read at the first need.
    pub(super) fn contents(&self) -> Result<&Contents, &str> {
        let contents = self.contents.get_or_init(|| Contents::read(self.image));
        contents.as_ref().map_err(String::as_str)
    }

    /// What to run: this command or the image's own, with what the check says around it. No time limit.
    pub(super) fn spec(&self, check: &Check, command: Option<&[String]>) -> Spec {
        let mut spec = Spec::of_image(self.config(), &[]);
        if let Some(command) = command {
            spec.command = command.iter().map(Into::into).collect();
        }
        let around = &check.around;
        if let Some(user) = &around.user {
            spec.user = User(user.clone());
        }
        for (name, value) in &around.environment {
            spec.set_variable(name, value);
        }
        spec.network = around.network;
        spec.limits = SandboxLimits {
            memory: around.memory.or(self.limits.memory),
            disk: self.limits.disk,
            grace: Grace(GRACE),
            ..SandboxLimits::default()
        };
        if let Some(recording) = self.recording {
            recording.watch(&mut spec);
        }
        spec
    }

    /// Runs a command to its end, at most for `time`.
    pub(super) fn run(&self, spec: Spec, time: Duration) -> Result<Ran, SandboxError> {
        self.run_keeping(spec, time, KEPT)
    }

    /// The same, keeping so many bytes of each end of its standard output.
    pub(super) fn run_keeping(
        &self,
        mut spec: Spec,
        time: Duration,
        kept: usize,
    ) -> Result<Ran, SandboxError> {
        spec.limits.time = Some(time);
        let (sandbox, output) = self.start(spec, kept)?;
        let end = sandbox.wait()?.end;
        let (stdout, stderr) = output.finish();
        Ok(Ran { end, stdout, stderr })
    }

    /// Starts a command whose output is read meanwhile; of each end of its standard output so many bytes
    /// are kept.
    pub(super) fn start(&self, spec: Spec, kept: usize) -> Result<(Sandbox, Output), SandboxError> {
        let streams = Streams { input: Stream::Null, output: Stream::Pipe, error: Stream::Pipe };
        let mut sandbox = self.launcher.start(self.prepared, spec, streams)?;
        self.notes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(sandbox.notes.iter().cloned());
        let output = Output {
            stdout: Reading::of(sandbox.output.take(), kept),
            stderr: Reading::of(sandbox.error.take(), KEPT),
        };
        Ok((sandbox, output))
    }
}

/// Both streams of a command while it runs.
pub(super) struct Output {
    stdout: Reading,
    stderr: Reading,
}

impl Output {
    /// Waits until nobody writes any more: the end of the sandbox.
    pub(super) fn finish(self) -> (Captured, Captured) {
        (self.stdout.finish(), self.stderr.finish())
    }
}

fn take<'c>(checks: &'c [Check], next: &AtomicUsize) -> Option<(usize, &'c Check)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    Some((at, checks.get(at)?))
}
