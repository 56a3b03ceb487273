//! `lightship runs resume`, `retry`, `rerun`: a run goes on in this process.

use std::sync::Arc;

use lightship_engine::{RunId, RunState};

use super::super::PipelineError;
use super::super::drive::held;
use super::super::drive::{Order, Task, drive};
use super::super::here::Here;
use super::super::read::Pipeline;
use super::super::record::Record;
use super::name;
use crate::args::{Format, HereArgs, RegistryArgs, RunsDriveArgs, RunsRerunArgs};
use crate::commands::{Context, Error, Outcome};
use crate::images::Images;
use crate::sandboxes;
use crate::settings::Settings;

pub(super) fn resume(args: &RunsDriveArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let what = |_: &Settings, record: &Record, run: &RunId, _: &mut Here, _: &mut Context<'_>| {
        let state = record.state(run)?;
        if !state.is_final() {
            return Ok(Order::Resume);
        }
        let hint = match state {
            RunState::Failed | RunState::Canceled => {
                format!("try again what failed with `lightship runs retry {run}`")
            }
            RunState::Succeeded
            | RunState::Skipped
            | RunState::Pending
            | RunState::Running
            | RunState::Canceling
            | RunState::Paused => format!("see it with `lightship runs show {run}`"),
        };
        let why = format!("has ended: it is {state}");
        Err(PipelineError::Standing { run: run.clone(), why, hint }.into())
    };
    go_on(&args.run, (&args.here, &args.registry), context, what)
}

pub(super) fn retry(args: &RunsDriveArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let what = |_: &Settings, record: &Record, run: &RunId, _: &mut Here, _: &mut Context<'_>| {
        let state = record.state(run)?;
        match state {
            RunState::Failed | RunState::Canceled => Ok(Order::Retry),
            RunState::Succeeded | RunState::Skipped => {
                let why = format!("is {state}: nothing failed in it");
                let hint =
                    format!("run one task of it again with `lightship runs rerun {run} TASK`");
                Err(PipelineError::Standing { run: run.clone(), why, hint }.into())
            }
            RunState::Pending | RunState::Running | RunState::Canceling | RunState::Paused => {
                Err(not_over(run, state))
            }
        }
    };
    go_on(&args.run, (&args.here, &args.registry), context, what)
}

pub(super) fn rerun(args: &RunsRerunArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let what = |settings: &Settings,
                record: &Record,
                run: &RunId,
                here: &mut Here,
                context: &mut Context<'_>| {
        let state = record.state(run)?;
        if !state.is_final() {
            return Err(not_over(run, state));
        }
        let node = name::task(run, &record.tree(run)?, &args.task)?;
        let plan = match &args.pipeline {
            None => None,
            Some(path) => {
                let pipeline = Pipeline::read(path)?;
                let bakes = (&args.registry, args.offline);
                Some(Box::new(here.baked((path, &pipeline), bakes, settings, context)?))
            }
        };
        Ok(Order::Rerun(node, plan))
    };
    go_on(&args.run, (&args.here, &args.registry), context, what)
}

/// Goes on with a run. What is to be done is decided while nobody else can drive it.
fn go_on(
    words: &str,
    (here, registry): (&HereArgs, &RegistryArgs),
    context: &mut Context<'_>,
    what: impl FnOnce(&Settings, &Record, &RunId, &mut Here, &mut Context<'_>) -> Result<Order, Error>,
) -> Result<Outcome, Error> {
    // While there is one thread.
    sandboxes::enter_subordinate_ids()?;
    let settings = context.settings()?;
    let record = Record::open(&settings)?;
    let run = record.named(words)?;
    let lock = record.lock(&run)?;
    let mut here = Here::read(here, None, context.environment)?;
    let order = what(&settings, &record, &run, &mut here, context)?;
    let plan = match &order {
        Order::Rerun(_, Some(plan)) => Arc::new(plan.as_ref().clone()),
        Order::Rerun(_, None) | Order::Submit(_) | Order::Resume | Order::Cancel | Order::Retry => {
            record.plan(&run)?
        }
    };
    held::hold(&Images::new(&settings, registry.plain_http), &run, &plan)?;
    let executor = here.executor((&settings, registry.plain_http, false), &record, context)?;
    let task = Task { run: &run, plan, order, format: Format::Text };
    let driven = drive(task, lock, (&record, Arc::new(executor)), context);
    let_go(&settings, &run, &record)?;
    driven
}

/// Lets go of the images of a run that has ended.
pub(super) fn let_go(settings: &Settings, run: &RunId, record: &Record) -> Result<(), Error> {
    held::release_if_over(&Images::new(settings, false), run, record)
}

fn not_over(run: &RunId, state: RunState) -> Error {
    let why = format!("has not ended: it is {state}");
    let hint = format!("go on with `lightship runs resume {run}`");
    PipelineError::Standing { run: run.clone(), why, hint }.into()
}
