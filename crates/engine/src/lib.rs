//! Runs of pipelines.
//!
//! ```text
//! Plan → Header → machine::State ── step(event) ──→ changes, commands
//!                      ↑                                      │
//!   Store ← append ── driver ←── outcomes ── Executor ←───────┘
//!                      └──→ notices → terminal, API, page
//! ```
//!
//! The [`machine`] decides and knows nothing of the world. The [`driver`] acts: it writes an intent before and an
//! outcome after, and nothing is acted upon before it is durable. Whoever looks on sees events only, so that what is
//! live and what is replayed look the same.

mod artifacts;
mod cache;
pub mod driver;
mod event;
mod executor;
mod explain;
mod id;
pub mod machine;
mod run;
mod state;
mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

use std::future::Future;
use std::pin::Pin;

pub use artifacts::{ArtifactError, Artifacts};
pub use cache::{CacheEntry, CacheKey, CacheRules, Lookup, Part, Spoilt};
pub use event::{Change, Content, EVENT_VERSION, Event, EventError, Notice, Outputs, Recorded};
pub use executor::{Environment, Executor, Launch, LogChunk, LogError, Outcome, StartError, Stop};
pub use explain::{PartChange, Ran, Side, Why, explain, ran};
pub use id::{AttemptId, AttemptNumber, InvalidRunId, NodeId, RunId, Seq};
pub use lightship_ir::exchange::Artifact;
pub use lightship_ir::quantity::Cpu;
pub use run::{Header, RunOptions};
pub use state::{Failure, Reason, RunState, TaskState};
pub use store::{
    Batch, Order, Page, Record, RunQuery, RunSummary, Sort, Store, StoreError, StoreFault, Use,
};

/// Something that is going on. Traits hand it out boxed, so that who implements them can be chosen while the program
/// runs.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
