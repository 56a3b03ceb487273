//! The record of runs on this machine, the folders beside it, and what drives a run.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lightship_base::{ByteSize, SystemClock};
use lightship_engine::driver::{DriveError, Driver, Settings as Room, World};
use lightship_engine::{AttemptId, Executor, Header, RunId, Store as _};
use lightship_exec::LocalArtifacts;
use lightship_ir::quantity::Cpu;
use lightship_store::SqliteStore;

use super::PipelineError;
use super::printed::Logs;
use crate::commands::Error;
use crate::sandboxes::SANDBOXES;
use crate::settings::Settings;

/// Below the home: the record, what runs need while they run and their logs, what they made, and their volumes.
const RECORD: &str = "runs.sqlite";
const RUNS: &str = "runs";
const ARTIFACTS: &str = "artifacts";
const VOLUMES: &str = "volumes";

/// How long a task that is told to stop has before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// What is kept of runs, and the threads that work with it.
pub(super) struct Record {
    home: PathBuf,
    /// None only while this is being dropped.
    runtime: Option<tokio::runtime::Runtime>,
    /// Events of runs, and what can be looked up of them.
    pub(super) store: Arc<SqliteStore>,
}

impl Record {
    /// Opens the record of this home, or makes one.
    pub(super) fn open(settings: &Settings) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(Error::io("start", Path::new("the engine of runs")))?;
        let home = settings.home.clone();
        std::fs::create_dir_all(&home).map_err(Error::io("create", &home))?;
        let store = SqliteStore::open(&home.join(RECORD)).map_err(PipelineError::from)?;
        Ok(Self { home, runtime: Some(runtime), store: Arc::new(store) })
    }

    /// A folder for each run: logs, and what attempts need while they run.
    pub(super) fn runs(&self) -> PathBuf {
        self.home.join(RUNS)
    }

    /// Where sandboxes have their folders and locks.
    pub(super) fn sandboxes(&self) -> PathBuf {
        self.home.join(SANDBOXES)
    }

    /// What an attempt printed.
    pub(super) fn log(&self, attempt: &AttemptId) -> PathBuf {
        self.logs(&attempt.run).path(attempt.node, attempt.attempt.get())
    }

    /// What attempts of a run printed.
    pub(super) fn logs(&self, run: &RunId) -> Logs {
        Logs::of(&self.runs(), run)
    }

    /// Where outputs of tasks go.
    pub(super) fn artifacts(&self) -> PathBuf {
        self.home.join(ARTIFACTS)
    }

    /// Where all outputs of a pipeline go.
    pub(super) fn root_of(&self, pipeline: &str) -> String {
        LocalArtifacts::new(self.artifacts()).root_of(pipeline).display().to_string()
    }

    /// What stands for volumes of a cluster.
    pub(super) fn volumes(&self) -> PathBuf {
        self.home.join(VOLUMES)
    }

    /// Waits for work of the engine or the store.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        let runtime = self.runtime.as_ref();
        runtime.expect("only drop takes it away").block_on(work)
    }

    /// What is known of a run from its beginning.
    pub(super) fn header(&self, run: &RunId) -> Result<Arc<Header>, Error> {
        let header = self.wait(self.store.header(run)).map_err(PipelineError::from)?;
        Ok(header.ok_or_else(|| PipelineError::Drive(DriveError::NoSuchRun(run.clone())))?)
    }

    /// What drives runs of this record.
    pub(super) fn driver(&self, executor: Arc<dyn Executor>) -> Driver {
        let world = World {
            store: Arc::clone(&self.store) as _,
            executor,
            artifacts: Arc::new(LocalArtifacts::new(self.artifacts())),
            clock: Arc::new(SystemClock),
            probe: None,
        };
        Driver::new(world, room())
    }
}

impl Drop for Record {
    /// Waits for nobody: an image that is still being fetched for a run that was left would take its time. All that
    /// somebody waited for is durable.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// All of this machine.
fn room() -> Room {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let machine = rustix::system::sysinfo();
    let memory = machine.totalram.saturating_mul(machine.mem_unit.into());
    Room {
        cpu: Cpu(processors * 1000),
        memory: ByteSize(memory),
        attempts: u32::try_from(processors).unwrap_or(u32::MAX),
        grace: GRACE,
    }
}
