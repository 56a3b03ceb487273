//! Runs in a file: what is kept, what is found again, and what a killed process leaves.

#![allow(clippy::unwrap_used, reason = "a test fails where something does not hold")]

mod files;
mod kept;
mod killed;
mod requests;
mod traced;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lightship_base::{ByteSize, SystemClock};
use lightship_engine::driver::{Driver, Settings, World};
use lightship_engine::testing::{MemoryArtifacts, ScriptedExecutor, Step};
use lightship_engine::{Cpu, Launch, Store};
use lightship_store::SqliteStore;

struct Scene {
    store: Arc<SqliteStore>,
    executor: Arc<ScriptedExecutor>,
    artifacts: Arc<MemoryArtifacts>,
}

impl Scene {
    fn new(folder: &Path, script: impl Fn(&Launch) -> Step + Send + Sync + 'static) -> Self {
        let store = SqliteStore::open(&folder.join("runs.db")).unwrap_or_else(|e| panic!("{e}"));
        let executor = Arc::new(ScriptedExecutor::new(script));
        Self { store: Arc::new(store), executor, artifacts: Arc::default() }
    }

    fn driver(&self) -> Driver {
        let world = World {
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            executor: Arc::clone(&self.executor) as _,
            artifacts: Arc::clone(&self.artifacts) as _,
            clock: Arc::new(SystemClock),
            probe: None,
        };
        let (cpu, memory) = (Cpu(8000), ByteSize(1 << 30));
        Driver::new(world, Settings { cpu, memory, attempts: 16, grace: Duration::from_secs(1) })
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_time().build().unwrap().block_on(future)
}
