//! Drives a run: takes the right to, begins or goes on, tells what happens, and hears what is wanted meanwhile.

mod attend;
mod either;
pub(super) mod held;
pub(super) mod lock;

pub(super) use self::either::{Either, either};
use std::path::Path;
use std::sync::Arc;

use lightship_engine::driver::{DriveError, Driver, RunHandle};
use lightship_engine::{Executor, Header, NodeId, RunId, RunState};
use lightship_ir::Plan;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use self::attend::{Attendant, Left, Signals};
use self::lock::RunLock;
use super::PipelineError;
use super::record::Record;
use super::run::follow::{self, Watch};
use crate::args::Format;
use crate::commands::{Context, Error, Outcome};

/// What is to be done with a run.
pub(in crate::commands::pipeline) enum Order {
    /// Keep it, and begin.
    Submit(Box<Header>),
    /// Go on.
    Resume,
    /// End it.
    Cancel,
    /// Try again what failed.
    Retry,
    /// Run one place of it again, perhaps with another plan.
    Rerun(NodeId, Option<Box<Plan>>),
}

impl Order {
    async fn begin(self, driver: &Driver, run: &RunId) -> Result<RunHandle, DriveError> {
        match self {
            Self::Submit(header) => driver.submit(*header).await,
            Self::Resume => driver.resume(run).await,
            Self::Cancel => driver.cancel(run).await,
            Self::Retry => driver.retry(run).await,
            Self::Rerun(node, plan) => driver.rerun(run, node, plan.map(|plan| *plan)).await,
        }
    }
}

/// What is to be done, and how it is shown.
pub(in crate::commands::pipeline) struct Task<'t> {
    /// The run.
    pub(in crate::commands::pipeline) run: &'t RunId,
    /// What it goes by.
    pub(in crate::commands::pipeline) plan: Arc<Plan>,
    /// What is to be done with it.
    pub(in crate::commands::pipeline) order: Order,
    /// For whom it is shown.
    pub(in crate::commands::pipeline) format: Format,
}

/// Drives a run to its end, or until a signal wants this process to leave it.
pub(in crate::commands::pipeline) fn drive(
    task: Task<'_>,
    lock: RunLock,
    (record, executor): (&Record, Arc<dyn Executor>),
    context: &mut Context<'_>,
) -> Result<Outcome, Error> {
    let Task { run, plan, order, format } = task;
    let signals =
        Signals::take().map_err(Error::io("listen for signals in", Path::new("/proc/self")))?;
    let driver = record.driver(executor);
    let left = Left::default();
    let (say, mut said) = unbounded_channel();
    let state = record.wait(async {
        let handle = order.begin(&driver, run).await?;
        let attendant = Attendant {
            remote: handle.remote(),
            run: run.clone(),
            store: Arc::clone(&record.store),
            // The other end of one that nobody has would be heard all the time.
            say: say.clone(),
            left: left.clone(),
        };
        let attending = tokio::spawn(attendant.attend(signals));
        let watch = Watch { plan: &plan, runs: &record.runs(), format };
        let followed = follow::follow(&handle, &watch, context, &mut said).await;
        let ended = match followed {
            Ok(()) => handle.wait().await,
            Err(error) => Err(error),
        };
        attending.abort();
        ended
    });
    tell(&mut said, context);
    let Some(signal) = left.signal() else {
        drop(lock);
        return Ok(outcome(state.map_err(PipelineError::from)?));
    };
    context.terminal.complain(&format!(
        "note: the run is left as it stands; go on with: lightship runs resume {run}\n"
    ));
    // As a shell says it of a program that a signal ended.
    Ok(Outcome::Program(u8::try_from(128 + signal).unwrap_or(u8::MAX)))
}

/// What was said at the very end.
fn tell(said: &mut UnboundedReceiver<String>, context: &mut Context<'_>) {
    while let Ok(line) = said.try_recv() {
        context.terminal.complain(&line);
    }
}

/// What the end of a run is for the command that waited for it.
pub(in crate::commands::pipeline) fn outcome(state: RunState) -> Outcome {
    match state {
        RunState::Succeeded | RunState::Skipped => Outcome::Fine,
        RunState::Failed
        | RunState::Canceled
        | RunState::Pending
        | RunState::Running
        | RunState::Canceling
        | RunState::Paused => Outcome::Findings,
    }
}
