//! Where runs are kept.

use std::sync::Arc;

use lightship_base::{Category, Diagnose, Hint, Timestamp};

use crate::Pending;
use crate::cache::{CacheEntry, CacheKey};
use crate::event::{Change, Recorded};
use crate::id::{NodeId, RunId, Seq};
use crate::run::Header;
use crate::state::RunState;

/// Keeps runs: their events above all, and what can be looked up without replaying them.
///
/// **What a crash may do.** When [`Store::append`] returns, the batch is durable, whatever happens to machine or power.
/// When it does not return, the batch is there as a whole or not at all. The same holds for [`Store::create`] and for
/// what removes something.
///
/// **Several drivers.** Events have places without gaps. A batch whose first place is taken is refused
/// ([`StoreFault::Conflict`]), so that of two drivers of one run the slower one stops before it acts.
///
/// Any number of readers may look while a driver writes. They see whole batches only.
pub trait Store: Send + Sync {
    /// Keeps a new run. `changes` are those that no event brings (`State::first_changes`).
    fn create<'a>(
        &'a self,
        header: &'a Header,
        changes: &'a [Change],
    ) -> Pending<'a, Result<(), StoreError>>;

    /// Appends events, all or none, with what follows from them: states of tasks, artifacts that a success produced,
    /// results that the cache keeps.
    fn append(&self, batch: Batch) -> Pending<'_, Result<(), StoreError>>;

    /// What is known of a run from its beginning; none where there is no such run.
    fn header<'a>(&'a self, run: &'a RunId)
    -> Pending<'a, Result<Option<Arc<Header>>, StoreError>>;

    /// Events of a run after `after`, in order, at most `limit`.
    fn events<'a>(
        &'a self,
        run: &'a RunId,
        after: Seq,
        limit: usize,
    ) -> Pending<'a, Result<Vec<Recorded>, StoreError>>;

    /// Runs, one page of them.
    fn runs<'a>(&'a self, query: &'a RunQuery)
    -> Pending<'a, Result<Page<RunSummary>, StoreError>>;

    /// Removes a run and all that is kept of it, except results that the cache keeps. Says whether there was one. Only
    /// for runs that nobody drives.
    fn remove<'a>(&'a self, run: &'a RunId) -> Pending<'a, Result<bool, StoreError>>;

    /// The latest result of a key that was made after `since`.
    fn cached(
        &self,
        key: CacheKey,
        since: Timestamp,
    ) -> Pending<'_, Result<Option<CacheEntry>, StoreError>>;

    /// The latest result of a task, whatever its key: to tell what is different now.
    fn latest<'a>(
        &'a self,
        pipeline: &'a str,
        task: &'a str,
    ) -> Pending<'a, Result<Option<CacheEntry>, StoreError>>;

    /// All results, the latest first; those of one pipeline, if one is named.
    fn cache<'a>(
        &'a self,
        pipeline: Option<&'a str>,
    ) -> Pending<'a, Result<Vec<CacheEntry>, StoreError>>;

    /// Forgets a result. Says whether there was one.
    fn uncache(&self, key: CacheKey) -> Pending<'_, Result<bool, StoreError>>;

    /// Forgets all results that were made before this moment. Says how many there were.
    fn expire(&self, before: Timestamp) -> Pending<'_, Result<u64, StoreError>>;
}

/// Events that become durable together.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Their run.
    pub run: RunId,
    /// They, in order and without gaps.
    pub records: Vec<Record>,
}

/// An event and all that a store should make of it.
#[derive(Debug, Clone)]
pub struct Record {
    /// What everybody sees. Stores take the event from it as it is, and make projections of its changes.
    pub notice: Arc<crate::event::Notice>,
    /// The artifacts that an attempt is about to read, or whose result was found in the cache for them.
    pub uses: Vec<Use>,
    /// The result that the cache should keep from now on.
    pub result: Option<Box<CacheEntry>>,
}

/// An artifact that a task reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The task.
    pub node: NodeId,
    /// The input.
    pub input: String,
    /// The artifact.
    pub uri: String,
}

/// Which runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunQuery {
    /// Of this experiment.
    pub experiment: Option<String>,
    /// In one of these states; in any, if empty.
    pub states: Vec<RunState>,
    /// With this in their names.
    pub name_contains: Option<String>,
    /// In which order.
    pub sort: Sort,
    /// Most runs of a page; [`RunQuery::PAGE`], if none.
    pub limit: Option<u32>,
    /// How many to leave out at the beginning.
    pub offset: u64,
}

impl RunQuery {
    /// The runs of a page where nothing is said (*KFP v2beta1, `page_size`*).
    pub const PAGE: u32 = 20;

    /// Most runs of the page.
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(Self::PAGE)
    }
}

/// An order of runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: Order,
    /// Whether the last comes first.
    pub descending: bool,
}

/// What runs are ordered by. Where two are alike there, by their ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// When they were made.
    #[default]
    Created,
    /// Their names.
    Name,
    /// Their states' names.
    State,
}

/// Some of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Those of this page.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: u64,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// The run.
    pub id: RunId,
    /// Its name for people.
    pub name: String,
    /// Its experiment.
    pub experiment: String,
    /// Its pipeline.
    pub pipeline: String,
    /// What became of it so far.
    pub state: RunState,
    /// When it was made.
    pub created: Timestamp,
    /// When it ended, if it has.
    pub finished: Option<Timestamp>,
    /// The place of its latest event.
    pub events: Seq,
}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} in {place}: {fault}")]
pub struct StoreError {
    /// What was attempted: `append events of run churn-1`.
    pub action: String,
    /// In which store: a file's path, say.
    pub place: String,
    /// Why not.
    pub fault: StoreFault,
}

/// The kinds of failures of a store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// There is a run of this id.
    #[error("there is a run of this id already")]
    Exists,
    /// There is none.
    #[error("there is no such run")]
    NoSuchRun,
    /// Somebody else has appended to the run meanwhile.
    #[error(
        "event {expected} was to be appended, but the run has {found} events: somebody else drives it"
    )]
    Conflict {
        /// The place that the batch begins with.
        expected: Seq,
        /// How many events there are.
        found: Seq,
    },
    /// A later version of Lightship made the store.
    #[error("it has version {found}; only versions up to {supported} are known here")]
    Newer {
        /// Its version.
        found: u32,
        /// The latest one known here.
        supported: u32,
    },
    /// What is there is not what was put there.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// Something else keeps it from reading or writing.
    #[error("{0}")]
    Io(String),
    /// It was closed.
    #[error("it was closed")]
    Closed,
}

impl Diagnose for StoreError {
    fn category(&self) -> Category {
        match self.fault {
            StoreFault::Exists | StoreFault::NoSuchRun => Category::Usage,
            StoreFault::Conflict { .. }
            | StoreFault::Newer { .. }
            | StoreFault::Damaged(_)
            | StoreFault::Full
            | StoreFault::Io(_) => Category::Machine,
            StoreFault::Closed => Category::Bug,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        let text = match &self.fault {
            StoreFault::Exists => "give the run another id, or none",
            StoreFault::NoSuchRun => "see which there are with `lightship runs ls`",
            StoreFault::Conflict { .. } => "watch the run instead: `lightship runs show ID`",
            StoreFault::Newer { .. } => "use the newer Lightship that made it",
            StoreFault::Damaged(_) => {
                "put the file back from a backup, or move it away and let a new one be made"
            }
            StoreFault::Full => {
                "free space on that disk, then go on with `lightship runs resume ID`"
            }
            StoreFault::Io(_) | StoreFault::Closed => return Vec::new(),
        };
        vec![Hint::new(text)]
    }
}
