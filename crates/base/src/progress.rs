//! Progress as events: libraries report, a terminal (or nobody) draws.

use crate::{ByteSize, Digest};

/// Names one transfer between its beginning and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransferId(pub u64);

/// What is about to move or be worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// A few words for the person watching: `layer`, `config`, `audit layer 3`.
    pub what: String,
    /// The bytes' identity, where it is known beforehand.
    pub digest: Option<Digest>,
    /// How many bytes there will be, where it is known.
    pub total: Option<ByteSize>,
}

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferOutcome {
    /// The bytes moved.
    Done,
    /// The destination had them already; nothing was sent.
    AlreadyThere,
    /// The registry took them from another of its repositories; nothing was sent.
    Mounted,
    /// It failed; the error follows by the ordinary way.
    Failed,
}

/// Somebody who watches. Called from several threads at once; must return quickly.
pub trait Progress: Send + Sync {
    /// A transfer begins.
    fn begin(&self, transfer: Transfer) -> TransferId;
    /// So many more bytes of it are done.
    fn advance(&self, id: TransferId, bytes: u64);
    /// It ended.
    fn end(&self, id: TransferId, outcome: TransferOutcome);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _: Transfer) -> TransferId {
        TransferId(0)
    }
    fn advance(&self, _: TransferId, _: u64) {}
    fn end(&self, _: TransferId, _: TransferOutcome) {}
}
