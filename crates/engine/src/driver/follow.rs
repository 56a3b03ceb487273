//! What happened to a run, and what happens: replayed and live look the same.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::DriveError;
use crate::event::Notice;
use crate::id::{RunId, Seq};
use crate::machine::State;
use crate::run::Header;
use crate::store::Store;

/// Events that are read from a store at once.
const PAGE: usize = 8192;

/// A run as its events tell it.
pub struct Replay {
    /// What was known from its beginning.
    pub header: Arc<Header>,
    /// Where it stands.
    pub state: State,
    /// Its latest event.
    pub last: Seq,
    /// All its events with what followed.
    pub notices: Vec<Arc<Notice>>,
}

/// Reads a run and finds out again all that followed from its events.
pub async fn replay(store: &dyn Store, run: &RunId) -> Result<Replay, DriveError> {
    let header = store.header(run).await?.ok_or_else(|| DriveError::NoSuchRun(run.clone()))?;
    let mut state = State::new(&header);
    let (mut last, mut notices) = (Seq::default(), Vec::new());
    loop {
        let events = store.events(run, last, PAGE).await?;
        let read = events.len();
        for recorded in events {
            let seq = recorded.seq;
            let effects = state
                .step(recorded.at, &recorded.event)
                .map_err(|illegal| DriveError::Contradiction { run: run.clone(), seq, illegal })?;
            let changes = effects.changes;
            notices.push(Arc::new(Notice { run: run.clone(), recorded, changes }));
            last = seq;
        }
        if read < PAGE {
            return Ok(Replay { header, state, last, notices });
        }
    }
}

/// Follows a run. Whoever is slow misses nothing: what went by is read again from the store.
pub struct Follower {
    store: Arc<dyn Store>,
    run: RunId,
    live: broadcast::Receiver<Arc<Notice>>,
    ahead: VecDeque<Arc<Notice>>,
    last: Seq,
    stale: bool,
}

impl Follower {
    pub(super) fn new(
        store: Arc<dyn Store>,
        run: RunId,
        live: broadcast::Receiver<Arc<Notice>>,
    ) -> Self {
        Self { store, run, live, ahead: VecDeque::new(), last: Seq::default(), stale: true }
    }

    /// The next thing that happened; none when nobody drives the run any more. Whoever stops waiting for it misses
    /// nothing.
    pub async fn next(&mut self) -> Result<Option<Arc<Notice>>, DriveError> {
        loop {
            if self.stale {
                let known = replay(self.store.as_ref(), &self.run).await?;
                let new = known.notices.into_iter().filter(|n| n.recorded.seq > self.last);
                self.ahead.extend(new);
                self.stale = false;
            }
            if let Some(notice) = self.ahead.pop_front() {
                self.last = notice.recorded.seq;
                return Ok(Some(notice));
            }
            match self.live.recv().await {
                Ok(notice) if notice.recorded.seq > self.last => self.ahead.push_back(notice),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => self.stale = true,
                Err(RecvError::Closed) => return Ok(None),
            }
        }
    }
}
