//! Runs in `SQLite`: events that are only ever appended, and what can be looked up of them without replaying.
//!
//! One file in WAL mode with `synchronous=FULL`: what [`Store::append`] has returned for survives the loss of power, and a
//! reader sees whole batches only. One thread writes; whatever gathers while it waits for the disk becomes one
//! transaction (group commit). Readers have connections of their own and wait for nobody.
//!
//! Several processes may open the same file. They take turns at writing.

mod append;
mod artifacts;
mod cached;
mod fault;
mod graph;
mod history;
mod lineage;
mod metrics;
mod overview;
mod path;
mod read;
mod references;
mod requests;
mod runs;
mod schema;
mod taken;
mod time;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lightship_base::Timestamp;
use lightship_engine::{
    Batch, CacheEntry, CacheKey, Change, Header, Page, Pending, Recorded, RunId, RunQuery,
    RunSummary, Seq, Store, StoreError, StoreFault,
};
use rusqlite::Connection;

pub use artifacts::{ArtifactQuery, ArtifactRow};
pub use cached::ResultQuery;
pub use graph::{ArtifactPoint, Direction, Relation, StepPoint};
pub use history::{Fate, Story, Try};
pub use lineage::{Consumer, TaskRow};
pub use metrics::Metric;
pub use overview::Tally;
pub use path::paths;
pub use requests::{Request, Wish};
pub use taken::Taken;
use writer::Writer;

/// Runs in a file.
pub struct SqliteStore {
    path: PathBuf,
    writer: Writer,
    readers: Arc<Readers>,
}

/// Connections that nobody reads with right now.
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl SqliteStore {
    /// Opens a store, or makes one. The folder must exist. Waits for the disk, so not for an asynchronous thread.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let wrong = |fault| failed("open runs", path, fault);
        let connection = schema::open(path).map_err(wrong)?;
        let writer = Writer::start(connection).map_err(wrong)?;
        let readers = Readers { path: path.to_owned(), idle: Mutex::default() };
        Ok(Self { path: path.to_owned(), writer, readers: Arc::new(readers) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Has the writer do something. When this returns it is durable.
    fn write<T: Send + 'static>(
        &self,
        action: impl Into<String>,
        work: impl FnOnce(&Connection) -> Result<T, StoreFault> + Send + 'static,
    ) -> Pending<'_, Result<T, StoreError>> {
        let action = action.into();
        Box::pin(async move {
            let done = self.writer.write(work).await;
            done.map_err(|fault| failed(action, &self.path, fault))
        })
    }

    /// Reads with a connection of its own, as of one moment.
    fn read<T: Send + 'static>(
        &self,
        action: impl Into<String>,
        work: impl FnOnce(&Connection) -> Result<T, StoreFault> + Send + 'static,
    ) -> Pending<'_, Result<T, StoreError>> {
        let (readers, action) = (Arc::clone(&self.readers), action.into());
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || readers.read(work)).await;
            // A runtime that ends takes nothing more; anything else is a fault of ours.
            let done = done.unwrap_or_else(|error| {
                Err(if error.is_cancelled() {
                    StoreFault::Closed
                } else {
                    StoreFault::Io(format!("reading ended before its time: {error}"))
                })
            });
            done.map_err(|fault| failed(action, &self.path, fault))
        })
    }
}

impl Readers {
    fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreFault>,
    ) -> Result<T, StoreFault> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| schema::reader(&self.path), Ok)?;
        let moment = connection.unchecked_transaction().map_err(fault::of)?;
        let found = work(&connection);
        drop(moment);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        found
    }
}

fn failed(action: impl Into<String>, path: &Path, fault: StoreFault) -> StoreError {
    StoreError { action: action.into(), place: path.display().to_string(), fault }
}

impl Store for SqliteStore {
    fn create<'a>(
        &'a self,
        header: &'a Header,
        changes: &'a [Change],
    ) -> Pending<'a, Result<(), StoreError>> {
        let (header, changes) = (header.clone(), changes.to_vec());
        self.write(format!("create run {}", header.id), move |db| {
            runs::create(db, &header, &changes)
        })
    }

    fn append(&self, batch: Batch) -> Pending<'_, Result<(), StoreError>> {
        self.write(format!("append events of run {}", batch.run), move |db| {
            append::append(db, &batch)
        })
    }

    fn header<'a>(
        &'a self,
        run: &'a RunId,
    ) -> Pending<'a, Result<Option<Arc<Header>>, StoreError>> {
        let run = run.clone();
        self.read(format!("read run {run}"), move |db| read::header(db, &run))
    }

    fn events<'a>(
        &'a self,
        run: &'a RunId,
        after: Seq,
        limit: usize,
    ) -> Pending<'a, Result<Vec<Recorded>, StoreError>> {
        let run = run.clone();
        self.read(format!("read events of run {run}"), move |db| {
            read::events(db, &run, after, limit)
        })
    }

    fn runs<'a>(
        &'a self,
        query: &'a RunQuery,
    ) -> Pending<'a, Result<Page<RunSummary>, StoreError>> {
        let query = query.clone();
        self.read("list runs", move |db| runs::list(db, &query))
    }

    fn remove<'a>(&'a self, run: &'a RunId) -> Pending<'a, Result<bool, StoreError>> {
        let run = run.clone();
        self.write(format!("remove run {run}"), move |db| runs::remove(db, &run))
    }

    fn cached(
        &self,
        key: CacheKey,
        since: Timestamp,
    ) -> Pending<'_, Result<Option<CacheEntry>, StoreError>> {
        self.read("look for a result", move |db| cached::find(db, key, since))
    }

    fn latest<'a>(
        &'a self,
        pipeline: &'a str,
        task: &'a str,
    ) -> Pending<'a, Result<Option<CacheEntry>, StoreError>> {
        let (pipeline, task) = (pipeline.to_owned(), task.to_owned());
        self.read("look for a result", move |db| cached::latest(db, &pipeline, &task))
    }

    fn cache<'a>(
        &'a self,
        pipeline: Option<&'a str>,
    ) -> Pending<'a, Result<Vec<CacheEntry>, StoreError>> {
        let pipeline = pipeline.map(str::to_owned);
        self.read("list results", move |db| cached::list(db, pipeline.as_deref()))
    }

    fn uncache(&self, key: CacheKey) -> Pending<'_, Result<bool, StoreError>> {
        self.write("forget a result", move |db| cached::remove(db, key))
    }

    fn expire(&self, before: Timestamp) -> Pending<'_, Result<u64, StoreError>> {
        self.write("forget old results", move |db| cached::expire(db, before))
    }
}
