//! `lightship runs show`.

use lightship_base::{Clock as _, SystemClock};
use lightship_engine::{AttemptId, AttemptNumber, NodeId, RunId, TaskState};
use lightship_ir::{ExecutorKind, Plan, TaskId};

use super::super::PipelineError;
use super::super::drive::lock::Driver;
use super::super::record::Record;
use crate::args::{Format, RunsShowArgs};
use crate::commands::{Context, Error, Outcome};
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
    let plan = record.plan(run)?;
    let entry = |(at, place): (usize, &&Place)| {
        let task = task_of(&plan, tree, place.row.node);
        let executor = task.and_then(|task| plan.executor_of(task));
        let container = executor.and_then(|executor| match &executor.kind {
            ExecutorKind::Container(container) => Some(container),
            ExecutorKind::Importer(_)
            | ExecutorKind::CreateVolume(_)
            | ExecutorKind::DeleteVolume(_) => None,
        });
        let words = container.into_iter().flat_map(|it| it.command.iter().chain(&it.args));
        FailureEntry {
            path: place.path.clone(),
            message: place.row.failure.clone().unwrap_or_default(),
            image: container.map(|container| container.image.text().to_owned()),
            command: words.map(|word| word.source().to_owned()).collect(),
            log: if at < LOGS { end_of_log(record, run, place) } else { Vec::new() },
        }
    };
    Ok(own.iter().enumerate().map(entry).collect())
}

/// The task of the plan that a place runs.
fn task_of(plan: &Plan, tree: &Tree, node: NodeId) -> Option<TaskId> {
    let place = tree.place(node)?;
    let Some(above) = place.row.parent.filter(|above| *above != NodeId::ROOT) else {
        return named(plan, plan.root_dag().0, &place.row.name);
    };
    let outer = task_of(plan, tree, above)?;
    // A round is its loop's task once more.
    if place.row.round.is_some() {
        Some(outer)
    } else {
        named(plan, plan.dag_of(outer)?, &place.row.name)
    }
}

fn named(plan: &Plan, dag: lightship_ir::DagId, name: &str) -> Option<TaskId> {
    plan.dags[dag].tasks.iter().copied().find(|task| plan.tasks[*task].name == name)
}

fn end_of_log(record: &Record, run: &RunId, place: &Place) -> Vec<String> {
    let Some(attempt) = AttemptNumber::of_number(place.row.attempts) else { return Vec::new() };
    let id = AttemptId { run: run.clone(), node: place.row.node, attempt };
    let bytes = super::logs::end(&record.log(&id)).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    last.iter().map(|line| super::logs::harmless(line)).collect()
}
