//! `lightship runs wait`: until a run has ended, whoever drives it.

use std::thread;
use std::time::{Duration, Instant};

use lightship_engine::{RunId, RunState};

use super::super::PipelineError;
use super::super::drive::outcome;
use super::super::record::Record;
use crate::args::RunsWaitArgs;
use crate::commands::{Context, Error, Outcome};

/// How often the record is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// As `lightship image run` and *timeout(1)* say that time was over.
const TIMED_OUT: u8 = 124;

pub(super) fn run(args: &RunsWaitArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let record = Record::open(&settings)?;
    let run = record.named(&args.run)?;
    match until_over(&record, &run, args.timeout.map(|time| time.0))? {
        Some(state) => {
            if !context.global.quiet {
                context.terminal.complain(&format!("note: run {run} is {state}\n"));
            }
            Ok(outcome(state))
        }
        None => Ok(Outcome::Program(TIMED_OUT)),
    }
}

/// The state in which a run ended; none where that took too long.
pub(super) fn until_over(
    record: &Record,
    run: &RunId,
    patience: Option<Duration>,
) -> Result<Option<RunState>, Error> {
    let begun = Instant::now();
    loop {
        // Looked at first: whoever writes the end and goes has written it.
        let driven = record.is_driven(run)?;
        let state = record.state(run)?;
        if state.is_final() {
            return Ok(Some(state));
        }
        if !driven {
            let why = format!("is {state}, and no process drives it: it would never end");
            let hint = format!("go on with `lightship runs resume {run}`");
            return Err(PipelineError::Standing { run: run.clone(), why, hint }.into());
        }
        if patience.is_some_and(|patience| begun.elapsed() >= patience) {
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}
