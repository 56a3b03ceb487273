//! `lightship verify`: does an image do its work?

mod error;
mod plan;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lightship_base::{ByteSize, Progress, Transfer, TransferId, TransferOutcome};
use lightship_build::bytecode::Profile;
use lightship_build::project::profile_of;
use lightship_build::verify::defaults::Defaults;
use lightship_build::verify::{
    Check, Limits, Recording, Status, Subject, Summary, Verdict, Watcher,
};
use lightship_sandbox::snapshot::Prepared;

use super::{Context, Error, Outcome, whole};
use crate::args::CheckArgs;
use crate::images::Images;
use crate::sandboxes::{self, Sandboxes};
use crate::views::verify::{Recorded, VerifyDocument, text};

pub use error::CheckError;
use plan::Plan;

/// How much a check may write.
pub(super) const DISK: ByteSize = ByteSize(10_000_000_000);

/// Checks, and says what came of it.
pub(super) fn run(args: &CheckArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    // While there is one thread.
    sandboxes::enter_subordinate_ids()?;
    let settings = context.settings()?;
    let images = Images::new(&settings, args.registry.plain_http);
    let plan = Plan::of(args, &images)?;
    let image = images.open(&plan.image, args.platform.platform.as_ref())?;
    let sandboxes = Sandboxes::open(&settings)?;
    let progress = context.reading();
    let prepared = sandboxes.prepare(&images, &image, progress.as_ref())?;
    let limits =
        Limits { time: plan.time, memory: plan.memory.or_else(half_of_memory), disk: Some(DISK) };
    let subject = Subject::new(&image, sandboxes.launcher(), &prepared, limits);
    let checks = match plan.checks {
        checks if checks.is_empty() && args.no_defaults => return Err(CheckError::Nothing.into()),
        checks if checks.is_empty() => defaults(&subject, plan.folder.as_deref())?,
        checks => Defaults { checks, remarks: Vec::new() },
    };
    if checks.checks.is_empty() {
        return Err(CheckError::NothingByItself { reasons: checks.remarks }.into());
    }
    let jobs = args.jobs.or(settings.jobs).unwrap_or_else(processors);
    let watch = Watch { progress: Arc::clone(&progress), running: Mutex::default() };
    let recording = match &plan.folder {
        Some(folder) if args.record => Some(Recorder::begin(folder, images.scratch()?)?),
        _ => None,
    };
    let subject = match &recording {
        Some(recorder) => subject.recorded(&recorder.recording),
        None => subject,
    };
    let verdicts = subject.verify(&checks.checks, jobs, &watch).map_err(CheckError::from)?;
    let notes = subject.notes();
    let recorded = recording.map(|recorder| recorder.end(&prepared)).transpose();
    if !args.record {
        // While modules are recorded Python compiles them all: no time to be noted.
        super::start::note(&images, &image, &verdicts)?;
    }
    // What the checks found is told whatever became of the profile.
    let (recorded, failure) = match recorded {
        Ok(recorded) => (recorded, None),
        Err(error) => (None, Some(error)),
    };
    let document = VerifyDocument::new(
        &plan.named,
        image.digest(),
        &verdicts,
        &checks.remarks,
        notes,
        recorded,
    );
    let look = context.terminal.out.look;
    context.emit(args.output.format, &document, || text(&document, &look))?;
    failure.map_or_else(|| outcome(&verdicts), Err)
}

/// Adds what is loaded without byte code to a project's profile.
struct Recorder {
    path: PathBuf,
    /// What the profile says already.
    known: Profile,
    recording: Recording,
}

impl Recorder {
    fn begin(folder: &Path, scratch: &Path) -> Result<Self, Error> {
        let known = profile_of(folder).map_err(Error::from)?;
        let recording =
            Recording::begin(scratch).map_err(Error::io("make a folder in", scratch))?;
        Ok(Self { path: folder.join(Profile::FILE_NAME), known, recording })
    }

    fn end(self, image: &Prepared) -> Result<Recorded, Error> {
        let found = self.recording.end(image);
        let found = found.map_err(Error::io("record loaded modules in", &self.path))?;
        let (modules, before) = (found.len(), self.known.len());
        let mut profile = self.known;
        profile.merge(found);
        let added = profile.len() - before;
        if added > 0 {
            whole::write(&self.path, &profile.to_text())?;
        }
        let file = self.path.display().to_string();
        Ok(Recorded { file, modules: modules as u64, added: added as u64 })
    }
}

fn outcome(verdicts: &[Verdict]) -> Result<Outcome, Error> {
    let summary = Summary::of(verdicts);
    match (summary.failed, summary.could_not_run) {
        (0, 0) => Ok(Outcome::Fine),
        (0, count) => Err(CheckError::CouldNotRun { count, all: verdicts.len() }.into()),
        _ => Ok(Outcome::Findings),
    }
}

fn defaults(subject: &Subject<'_>, folder: Option<&Path>) -> Result<Defaults, CheckError> {
    Ok(match folder {
        Some(folder) => Defaults::of_project(subject, folder)?,
        None => Defaults::of_image(subject)?,
    })
}

/// A check that takes more than this is a danger to whoever works on this machine.
pub(super) fn half_of_memory() -> Option<ByteSize> {
    let machine = rustix::system::sysinfo();
    let bytes = machine.totalram.checked_mul(machine.mem_unit.into())?;
    Some(ByteSize(bytes / 2))
}

fn processors() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Checks as transfers without bytes: whoever draws those draws these.
struct Watch {
    progress: Arc<dyn Progress>,
    running: Mutex<HashMap<String, Vec<TransferId>>>,
}

impl Watcher for Watch {
    fn began(&self, check: &Check) {
        let what = check.name.clone();
        let id = self.progress.begin(Transfer { what, digest: None, total: None });
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.entry(check.name.clone()).or_default().push(id);
    }

    fn ended(&self, verdict: &Verdict) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let id = running.get_mut(&verdict.check.name).and_then(Vec::pop);
        let outcome = match verdict.status {
            Status::Passed => TransferOutcome::Done,
            Status::Failed | Status::CouldNotRun => TransferOutcome::Failed,
        };
        if let Some(id) = id {
            self.progress.end(id, outcome);
        }
    }
}
