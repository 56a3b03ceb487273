//! `lightship verify`: does an image do its work?

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lightship_base::{
    ByteSize, Category, Diagnose, Hint, Progress, Transfer, TransferId, TransferOutcome,
};
use lightship_build::verify::defaults::Defaults;
use lightship_build::verify::{
    Around, Check, CommandCheck, Error as VerifyError, ExpectedFile, FilesCheck, HttpCheck,
    ImportItem, ImportsCheck, Kind, Limits, Status, Statuses, Streams, Subject, Summary, Verdict,
    Watcher,
};
use lightship_oci::reference::Reference;

use super::{Context, Error, Outcome};
use crate::args::CheckArgs;
use crate::images::Images;
use crate::sandboxes::{self, Sandboxes};
use crate::settings::project::{FILE_NAME, Project, ProjectError, VerifySettings, derived_name};
use crate::views::verify::{VerifyDocument, text};

/// How long a check may take, where nobody says.
const TIME: Duration = Duration::from_mins(1);
/// How much a check may write.
pub(super) const DISK: ByteSize = ByteSize(10_000_000_000);
/// How long a service of the command line may take until it answers.
const WAIT: Duration = Duration::from_secs(30);

/// Why there was nothing to check, or no verdict on everything.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The project's file makes no sense.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The checks could not be made at all.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A folder was named, and nobody says what its image is.
    #[error("{} is a project, and nothing says which image is its", folder.display())]
    NoImage {
        /// The folder.
        folder: PathBuf,
    },
    /// An image was named twice.
    #[error("{subject} is an image already; `--image` is for a project's folder")]
    TwoImages {
        /// The first.
        subject: String,
    },
    /// Nobody wrote a check, and none shall be made up.
    #[error("there is nothing to check")]
    Nothing,
    /// Nobody wrote a check, and none can be made up.
    #[error("there is nothing to check: {}", reasons.join("; "))]
    NothingByItself {
        /// Why not.
        reasons: Vec<String>,
    },
    /// This machine cannot find out.
    #[error("{count} of {all} checks could not run on this machine")]
    CouldNotRun {
        /// How many.
        count: usize,
        /// Of how many.
        all: usize,
    },
}

impl Diagnose for CheckError {
    fn category(&self) -> Category {
        match self {
            Self::Project(error) => error.category(),
            Self::Verify(error) => error.category(),
            Self::NoImage { .. }
            | Self::TwoImages { .. }
            | Self::Nothing
            | Self::NothingByItself { .. } => Category::Usage,
            Self::CouldNotRun { .. } => Category::Machine,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Project(error) => error.hints(),
            Self::Verify(error) => error.hints(),
            Self::NoImage { .. } => vec![Hint::new(format!(
                "name it with `--image`, or write `image = \"…\"` below [verify] in its {FILE_NAME}"
            ))],
            Self::TwoImages { .. } => vec![Hint::new("leave one of them out")],
            Self::Nothing => vec![Hint::new(
                "leave out `--no-defaults`, or write a check: `--run`, `--import`, `--http`, `--file`",
            )],
            Self::NothingByItself { .. } => {
                vec![Hint::new("write a check: `--run`, `--import`, `--http`, `--file`")]
            }
            Self::CouldNotRun { .. } => {
                vec![Hint::new("`lightship doctor` says what this machine lacks")]
            }
        }
    }
}

/// What the command line and the project's file say together.
struct Plan {
    image: Reference,
    /// The image as it was named.
    named: String,
    /// The project's folder, where one was named.
    folder: Option<PathBuf>,
    checks: Vec<Check>,
    time: Duration,
    memory: Option<ByteSize>,
}

/// Checks, and says what came of it.
pub(super) fn run(args: &CheckArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    // While there is one thread.
    sandboxes::enter_subordinate_ids()?;
    let settings = context.settings()?;
    let images = Images::new(&settings, args.registry.plain_http);
    let plan = plan(args, &images)?;
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
    let verdicts = subject.verify(&checks.checks, jobs, &watch).map_err(CheckError::from)?;
    super::start::note(&images, &image, &verdicts)?;
    let document = VerifyDocument::new(
        &plan.named,
        image.digest(),
        &verdicts,
        &checks.remarks,
        subject.notes(),
    );
    let look = context.terminal.out.look;
    context.emit(args.output.format, &document, || text(&document, &look))?;
    outcome(&verdicts)
}

fn outcome(verdicts: &[Verdict]) -> Result<Outcome, Error> {
    let summary = Summary::of(verdicts);
    match (summary.failed, summary.could_not_run) {
        (0, 0) => Ok(Outcome::Fine),
        (0, count) => Err(CheckError::CouldNotRun { count, all: verdicts.len() }.into()),
        _ => Ok(Outcome::Findings),
    }
}

fn plan(args: &CheckArgs, images: &Images<'_>) -> Result<Plan, Error> {
    let subject = images.reference(&args.subject)?;
    let folder = match &subject {
        Reference::Project(folder) => Some(folder.clone()),
        _ => None,
    };
    let written = match (&args.checks, &folder) {
        (Some(file), _) => Project::read(file).map_err(CheckError::from)?.verify,
        (None, Some(folder)) => Project::of_folder(folder).map_err(CheckError::from)?.verify,
        (None, None) => VerifySettings::default(),
    };
    let (image, named) = match (&folder, &args.image, &written.image) {
        (None, Some(_), _) => {
            return Err(CheckError::TwoImages { subject: args.subject.clone() }.into());
        }
        (None, None, _) => (subject, args.subject.clone()),
        (Some(_), Some(image), _) => (images.reference(image)?, image.clone()),
        (Some(folder), None, Some(image)) => {
            (below(folder, images.reference(image)?), image.clone())
        }
        (Some(folder), None, None) => {
            return Err(CheckError::NoImage { folder: folder.clone() }.into());
        }
    };
    let mut checks = written.checks;
    checks.extend(typed(args));
    let time = args.timeout.map(|time| time.0).or(written.timeout).unwrap_or(TIME);
    Ok(Plan { image, named, folder, checks, time, memory: written.memory })
}

/// Relative paths in a project's file begin in the project's folder.
fn below(folder: &Path, reference: Reference) -> Reference {
    match reference {
        Reference::OciLayout { dir, tag } => Reference::OciLayout { dir: folder.join(dir), tag },
        Reference::OciArchive { file, tag } => {
            Reference::OciArchive { file: folder.join(file), tag }
        }
        Reference::DockerArchive { file, tag } => {
            Reference::DockerArchive { file: folder.join(file), tag }
        }
        Reference::Archive(file) => Reference::Archive(folder.join(file)),
        Reference::Project(path) => Reference::Project(folder.join(path)),
        other @ (Reference::Registry(_) | Reference::Store(_)) => other,
    }
}

/// The checks of the command line: each command and port one of its own, modules and files together.
fn typed(args: &CheckArgs) -> Vec<Check> {
    let commands = args.commands.iter().map(|run| {
        let expected = Streams::default();
        Kind::Command(CommandCheck { run: run.clone(), exit_code: 0, expected })
    });
    let modules: Vec<ImportItem> = args.imports.iter().map(ImportItem::named).collect();
    let imports = (!modules.is_empty()).then_some(Kind::Imports(ImportsCheck { modules }));
    let probes = args.http.iter().map(|target| {
        Kind::Http(HttpCheck {
            start: None,
            port: target.port,
            path: target.path.clone(),
            status: Statuses::default(),
            body: None,
            wait: WAIT,
        })
    });
    let exist: Vec<ExpectedFile> = args.files.iter().map(ExpectedFile::at).collect();
    let files =
        (!exist.is_empty()).then_some(Kind::Files(FilesCheck { exist, absent: Vec::new() }));
    commands
        .chain(imports)
        .chain(probes)
        .chain(files)
        .map(|kind| Check { name: derived_name(&kind), kind, around: Around::default() })
        .collect()
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
