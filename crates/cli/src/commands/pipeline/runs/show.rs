//! `lightship runs show`.

use lightship_base::{Clock as _, SystemClock};
use lightship_engine::{RunId, TaskState};

use super::super::PipelineError;
use super::super::drive::lock::Driver;
use super::super::record::Record;
use crate::args::{Format, RunsShowArgs};
use crate::commands::{Context, Error, Outcome};
use crate::views::run::{container_at, words};
use crate::views::runs::show::{FailureEntry, Known, RunDocument, shown};
use crate::views::runs::tree::{Place, Tree};

/// Lines of a log that are shown of a task that failed.
const LINES: usize = 12;

/// Failures whose logs are read.
const LOGS: usize = 100;

pub(super) fn run(args: &RunsShowArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let record = Record::open(&settings)?;
    let run = record.named(&args.run)?;
    let summary = record.summary(&run)?;
    let tree = record.tree(&run)?;
    // A terminal shows some of them only, and to read what happened at all takes long.
    let all = args.all || args.output.format == Format::Json;
    let wanted = shown(&tree, all).into_iter().collect();
    let stories =
        record.wait(record.store.stories(&run, Some(wanted))).map_err(PipelineError::from)?;
    let process = match record.driver_of(&run)? {
        Driver::Nobody => None,
        Driver::Process(process) => Some(process),
    };
    let document = RunDocument::new(Known {
        interrupted: process.is_none() && !summary.state.is_final(),
        process: process.flatten(),
        inputs: record.header(&run)?.inputs.parameters.clone().into_iter().collect(),
        failures: failures(&record, &run, &tree)?,
        summary,
        tree,
        stories,
    });
    let look = context.terminal.out.look;
    let now = SystemClock.now();
    context.emit(args.output.format, &document, || document.text(args.all, now, &look))?;
    Ok(Outcome::Fine)
}

/// What failed by itself, not because of something in it.
fn failures(record: &Record, run: &RunId, tree: &Tree) -> Result<Vec<FailureEntry>, Error> {
    let failed = |place: &&Place| place.row.state == TaskState::Failed;
    let inner = |place: &Place| {
        let mut children = place.children.iter().filter_map(|child| tree.place(*child));
        children.any(|child| child.row.state == TaskState::Failed)
    };
    let own: Vec<&Place> =
        tree.places().iter().filter(failed).filter(|place| !inner(place)).collect();
    if own.is_empty() {
        return Ok(Vec::new());
    }
    let (plan, logs) = (record.plan(run)?, record.logs(run));
    let entry = |(at, place): (usize, &&Place)| {
        let container = container_at(&plan, &place.path);
        FailureEntry {
            path: place.path.clone(),
            message: place.row.failure.clone().unwrap_or_default(),
            image: container.map(|container| container.image.text().to_owned()),
            command: container.map(words).unwrap_or_default(),
            log: if at < LOGS {
                logs.last(place.row.node, place.row.attempts, LINES)
            } else {
                Vec::new()
            },
        }
    };
    Ok(own.iter().enumerate().map(entry).collect())
}
