//! `lightship runs cancel`, `pause`, `unpause`: orders for a run, whoever drives it.
//!
//! Where a process drives the run, it gets a request and answers it within a moment. Should it end first, nobody drives
//! the run, and this process takes its place.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use lightship_base::{Clock as _, SystemClock};
use lightship_engine::{RunId, RunState};
use lightship_store::{Request, Wish};

use super::super::PipelineError;
use super::super::drive::{Order, Task, drive};
use super::super::here::Here;
use super::super::record::Record;
use super::{go_on, wait};
use crate::args::{Format, RunArg, RunsCancelArgs};
use crate::commands::{Context, Error, Outcome};
use crate::sandboxes;

/// How often it is looked whether a request was answered.
const LOOK: Duration = Duration::from_millis(50);

pub(super) fn cancel(args: &RunsCancelArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    sandboxes::enter_subordinate_ids()?;
    let settings = context.settings()?;
    let record = Record::open(&settings)?;
    let run = record.named(&args.run)?;
    let state = record.state(&run)?;
    if state.is_final() {
        return Err(over(&run, state));
    }
    if ask(&record, &run, Wish::Cancel)? == Answer::Given {
        return told(&record, &run, args.wait, context);
    }
    // Nobody drives it. A run that was never begun, or waits, ends at once; exit tasks may take their time.
    let lock = record.lock(&run)?;
    let here = Here::read(&args.here, None, context.environment)?;
    let executor = here.executor((&settings, args.registry.plain_http, false), &record, context)?;
    let doing = (&record, Arc::new(executor) as _);
    let plan = record.plan(&run)?;
    let task = Task { run: &run, plan, order: Order::Cancel, format: Format::Text };
    drive(task, lock, doing, context)?;
    go_on::let_go(&settings, &run, &record)?;
    // What was wanted was done, also where the run had failed before.
    Ok(Outcome::Fine)
}

/// Another process ends the run, or has.
fn told(
    record: &Record,
    run: &RunId,
    wait: bool,
    context: &mut Context<'_>,
) -> Result<Outcome, Error> {
    if wait {
        wait::until_over(record, run, None)?;
    }
    let state = record.state(run)?;
    if !context.global.quiet {
        context.terminal.complain(&format!("note: run {run} is {state}\n"));
    }
    Ok(Outcome::Fine)
}

pub(super) fn pause(args: &RunArg, context: &mut Context<'_>) -> Result<Outcome, Error> {
    order(args, Wish::Pause, context)
}

pub(super) fn unpause(args: &RunArg, context: &mut Context<'_>) -> Result<Outcome, Error> {
    order(args, Wish::Unpause, context)
}

fn order(args: &RunArg, wish: Wish, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let record = Record::open(&settings)?;
    let run = record.named(&args.run)?;
    let state = record.state(&run)?;
    let fits = match wish {
        Wish::Pause => state == RunState::Running,
        Wish::Unpause => state == RunState::Paused,
        Wish::Cancel => !state.is_final(),
    };
    if !fits {
        return Err(over(&run, state));
    }
    match ask(&record, &run, wish)? {
        Answer::Given => told(&record, &run, false, context),
        Answer::Nobody => {
            let why = "goes on nowhere: no process drives it".to_owned();
            let hint = format!("go on with `lightship runs resume {run}`");
            Err(PipelineError::Standing { run, why, hint }.into())
        }
    }
}

/// Whether whoever drives a run has taken a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// It has, or the run has ended.
    Given,
    /// Nobody drives the run.
    Nobody,
}

/// Asks whoever drives a run, and waits until that one has taken it.
fn ask(record: &Record, run: &RunId, wish: Wish) -> Result<Answer, Error> {
    if !record.is_driven(run)? {
        return Ok(Answer::Nobody);
    }
    let now = SystemClock.now();
    let request = record.wait(record.store.ask(run, wish, now)).map_err(PipelineError::from)?;
    loop {
        // Looked at first: whoever answers and ends then has answered.
        let driven = record.is_driven(run)?;
        if !is_open(record, run, request)? {
            return Ok(Answer::Given);
        }
        if !driven {
            // It ended without having seen it. Whoever drives the run next must not take it for news.
            record.wait(record.store.withdraw(request)).map_err(PipelineError::from)?;
            let over = record.state(run)?.is_final();
            return Ok(if over { Answer::Given } else { Answer::Nobody });
        }
        thread::sleep(LOOK);
    }
}

fn is_open(record: &Record, run: &RunId, request: Request) -> Result<bool, Error> {
    let open = record.wait(record.store.requests(run)).map_err(PipelineError::from)?;
    Ok(open.contains(&request))
}

/// What is asked cannot be done where a run stands.
fn over(run: &RunId, state: RunState) -> Error {
    let hint = format!("see it with `lightship runs show {run}`");
    PipelineError::Standing { run: run.clone(), why: format!("is {state}"), hint }.into()
}
