//! Acts for the machine: starts attempts, hears of their ends, keeps time, and writes everything down.
//!
//! One loop for each run, in four steps:
//!
//! 1. what was heard meanwhile is told to the machine, and what may start gets its intent;
//! 2. all of that becomes durable, in one batch;
//! 3. then it is acted upon, and everybody who looks on is told;
//! 4. the loop waits until something is heard.
//!
//! While a batch is being written, attempts go on and their outcomes gather: the slower the disk, the larger the
//! batches. Nothing is locked across a wait, and every channel has its bound.

mod attempt;
mod follow;
mod handle;
mod launch;
mod probe;
mod room;
mod run;
mod schedule;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use lightship_base::{ByteSize, Category, Clock, Diagnose, Hint};
use lightship_ir::Plan;
use lightship_ir::quantity::Cpu;

use crate::artifacts::Artifacts;
use crate::event::Event;
use crate::executor::Executor;
use crate::id::{NodeId, RunId, Seq};
use crate::machine::{Illegal, State};
use crate::run::Header;
use crate::state::RunState;
use crate::store::{Store, StoreError};
pub use follow::{Follower, Replay, replay};
pub use handle::{RunHandle, RunRemote};
pub use probe::{Point, Probe, Verdict};
use room::Room;
use run::RunLoop;

/// What a driver acts upon.
#[derive(Clone)]
pub struct World {
    /// Where runs are kept.
    pub store: Arc<dyn Store>,
    /// Who runs attempts.
    pub executor: Arc<dyn Executor>,
    /// Where outputs go.
    pub artifacts: Arc<dyn Artifacts>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who is told of places at which tests let it die.
    pub probe: Option<Arc<dyn Probe>>,
}

/// What may run at the same time, of all runs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// CPUs that tasks may ask for. One that asks for more gets all of them.
    pub cpu: Cpu,
    /// Memory that tasks may ask for. One that asks for more gets all of it.
    pub memory: ByteSize,
    /// Attempts.
    pub attempts: u32,
    /// How long an attempt that is told to stop has before it is killed.
    pub grace: Duration,
}

/// Drives runs. Runs of one driver share its room; clones are the same driver.
#[derive(Clone)]
pub struct Driver {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    world: World,
    settings: Settings,
    room: Arc<Room>,
}

impl Driver {
    /// A driver that has nothing to do yet.
    pub fn new(world: World, settings: Settings) -> Self {
        let room = Arc::new(Room::new(settings));
        Self { shared: Arc::new(Shared { world, settings, room }) }
    }

    /// Keeps a new run and begins it. When this returns it is durable. Must be called inside of a tokio runtime.
    pub async fn submit(&self, header: Header) -> Result<RunHandle, DriveError> {
        let state = State::new(&header);
        self.shared.world.store.create(&header, &state.first_changes()).await?;
        let (header, last, notices) = (Arc::new(header), Seq::default(), Vec::new());
        self.go_on(Replay { header, state, last, notices }, Some(Event::Begun)).await
    }

    /// Goes on with a run: attempts that still run are watched again, those that are gone are recorded as lost and
    /// repeated. One that is paused goes on as well. A run that has ended stays as it is.
    pub async fn resume(&self, run: &RunId) -> Result<RunHandle, DriveError> {
        let known = replay(self.shared.world.store.as_ref(), run).await?;
        let first = match known.state.run_state() {
            RunState::Pending => Some(Event::Begun),
            RunState::Paused => Some(Event::ResumeRequested),
            RunState::Running
            | RunState::Succeeded
            | RunState::Skipped
            | RunState::Failed
            | RunState::Canceling
            | RunState::Canceled => None,
        };
        self.go_on(known, first).await
    }

    /// Goes on with a run only to end it: what waits is cancelled before any of it starts, and exit tasks run. One that
    /// is being cancelled already is gone on with.
    pub async fn cancel(&self, run: &RunId) -> Result<RunHandle, DriveError> {
        let known = replay(self.shared.world.store.as_ref(), run).await?;
        let first = match known.state.run_state() {
            RunState::Canceling => None,
            RunState::Pending
            | RunState::Running
            | RunState::Succeeded
            | RunState::Skipped
            | RunState::Failed
            | RunState::Canceled
            | RunState::Paused => Some(Event::CancelRequested),
        };
        self.go_on(known, first).await
    }

    /// Tries again what failed in a run that has ended, or was cancelled.
    pub async fn retry(&self, run: &RunId) -> Result<RunHandle, DriveError> {
        self.resume_with(run, Event::RetryRequested).await
    }

    /// Runs one task of a run that has ended again, whatever the cache knows, and all that depends on it; with a changed
    /// plan, if one is given.
    pub async fn rerun(
        &self,
        run: &RunId,
        node: NodeId,
        plan: Option<Plan>,
    ) -> Result<RunHandle, DriveError> {
        let plan = plan.map(Box::new);
        self.resume_with(run, Event::RerunRequested { node, plan }).await
    }

    async fn resume_with(&self, run: &RunId, event: Event) -> Result<RunHandle, DriveError> {
        let known = replay(self.shared.world.store.as_ref(), run).await?;
        self.go_on(known, Some(event)).await
    }

    async fn go_on(&self, known: Replay, first: Option<Event>) -> Result<RunHandle, DriveError> {
        let (run, handle) = RunLoop::new(Arc::clone(&self.shared), known);
        run.begin(first, handle).await
    }
}

/// Why a run could not be driven on. It can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such run.
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    /// What is asked for cannot happen where the run stands.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The run's own events contradict each other.
    #[error("event {seq} of run {run} contradicts those before it: {illegal}")]
    Contradiction {
        /// Which run.
        run: RunId,
        /// Which event.
        seq: Seq,
        /// How.
        illegal: Illegal,
    },
    /// A test stopped it here.
    #[error("halted {0}")]
    Halted(Point),
    /// The loop is gone: the runtime was shut down.
    #[error("run {0} is not driven any more")]
    Gone(RunId),
}

impl Diagnose for DriveError {
    fn category(&self) -> Category {
        match self {
            Self::Store(error) => error.category(),
            Self::NoSuchRun(_) | Self::Illegal(_) => Category::Usage,
            Self::Contradiction { .. } | Self::Halted(_) | Self::Gone(_) => Category::Bug,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Store(error) => error.hints(),
            Self::NoSuchRun(_) => vec![Hint::new("see which there are with `lightship runs ls`")],
            Self::Gone(run) => vec![Hint::new(format!("go on with `lightship runs resume {run}`"))],
            Self::Illegal(_) | Self::Contradiction { .. } | Self::Halted(_) => Vec::new(),
        }
    }
}
