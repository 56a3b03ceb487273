//! Progress as events: libraries report, a terminal (or nobody) draws.

use std::fmt;

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

/// A transfer under way. However the work on it ends, its watcher hears of it: dropped before
/// [`Watched::end`], it has failed.
pub struct Watched<'a> {
    progress: &'a dyn Progress,
    id: TransferId,
    outcome: TransferOutcome,
}

impl<'a> Watched<'a> {
    /// Begins a transfer.
    pub fn begin(progress: &'a dyn Progress, transfer: Transfer) -> Self {
        Self { progress, id: progress.begin(transfer), outcome: TransferOutcome::Failed }
    }

    /// So many more bytes of it are done.
    pub fn advance(&self, bytes: u64) {
        self.progress.advance(self.id, bytes);
    }

    /// It ended like this.
    pub fn end(mut self, outcome: TransferOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.progress.end(self.id, self.outcome);
    }
}

impl fmt::Debug for Watched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("id", &self.id).finish_non_exhaustive()
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Noted(Mutex<Vec<String>>);

    impl Progress for Noted {
        fn begin(&self, transfer: Transfer) -> TransferId {
            self.0.lock().unwrap().push(format!("begin {}", transfer.what));
            TransferId(7)
        }
        fn advance(&self, id: TransferId, bytes: u64) {
            self.0.lock().unwrap().push(format!("{} + {bytes}", id.0));
        }
        fn end(&self, id: TransferId, outcome: TransferOutcome) {
            self.0.lock().unwrap().push(format!("{} {outcome:?}", id.0));
        }
    }

    #[test]
    fn what_is_dropped_unfinished_has_failed() {
        let noted = Noted::default();
        let transfer = |what: &str| Transfer { what: what.to_owned(), digest: None, total: None };
        let done = Watched::begin(&noted, transfer("a"));
        done.advance(3);
        done.end(TransferOutcome::Mounted);
        drop(Watched::begin(&noted, transfer("b")));
        let said = noted.0.into_inner().unwrap();
        assert_eq!(said, ["begin a", "7 + 3", "7 Mounted", "begin b", "7 Failed"]);
    }
}
