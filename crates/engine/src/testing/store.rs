//! A store in memory. It outlives a driver, as a file would.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lightship_base::Timestamp;

use crate::Pending;
use crate::cache::{CacheEntry, CacheKey};
use crate::event::{Change, Recorded};
use crate::id::{RunId, Seq};
use crate::run::Header;
use crate::state::RunState;
use crate::store::{Batch, Order, Page, RunQuery, RunSummary, Store, StoreError, StoreFault};

/// Runs in memory.
#[derive(Default)]
pub struct MemoryStore {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    runs: BTreeMap<RunId, Run>,
    cache: Vec<CacheEntry>,
}

struct Run {
    header: Arc<Header>,
    events: Vec<Recorded>,
    state: RunState,
    finished: Option<Timestamp>,
}

impl MemoryStore {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(action: String, fault: StoreFault) -> StoreError {
    StoreError { action, place: "memory".to_owned(), fault }
}

fn now<'a, T: Send + 'a>(value: T) -> Pending<'a, T> {
    Box::pin(async move { value })
}

impl Kept {
    fn append(&mut self, batch: Batch) -> Result<(), StoreError> {
        let failed = |fault| failed(format!("append events of run {}", batch.run), fault);
        let missing = || failed(StoreFault::NoSuchRun);
        let run = self.runs.get_mut(&batch.run).ok_or_else(missing)?;
        for record in batch.records {
            let recorded = &record.notice.recorded;
            let found = Seq(run.events.len() as u64);
            if recorded.seq != found.next() {
                return Err(failed(StoreFault::Conflict { expected: recorded.seq, found }));
            }
            for change in &record.notice.changes {
                if let Change::Run(state) = change {
                    run.state = *state;
                    run.finished = state.is_final().then_some(recorded.at);
                }
            }
            run.events.push(recorded.clone());
            self.cache.extend(record.result.map(|entry| *entry));
        }
        Ok(())
    }

    fn page(&self, query: &RunQuery) -> Page<RunSummary> {
        let asked = |run: &&Run| {
            let text = query.name_contains.as_deref();
            query.experiment.as_ref().is_none_or(|wanted| *wanted == run.header.experiment)
                && (query.states.is_empty() || query.states.contains(&run.state))
                && text.is_none_or(|text| run.header.name.contains(text))
        };
        let mut found: Vec<&Run> = self.runs.values().filter(asked).collect();
        found.sort_by(|a, b| match query.sort.by {
            Order::Created => a.header.created.cmp(&b.header.created),
            Order::Name => a.header.name.cmp(&b.header.name),
            Order::State => a.state.name().cmp(b.state.name()),
        });
        if query.sort.descending {
            found.reverse();
        }
        let total = found.len() as u64;
        let skip = usize::try_from(query.offset).unwrap_or(usize::MAX);
        let limit = query.limit() as usize;
        let items = found.into_iter().skip(skip).take(limit).map(Run::summary).collect();
        Page { items, total }
    }
}

impl Run {
    fn summary(&self) -> RunSummary {
        RunSummary {
            id: self.header.id.clone(),
            name: self.header.name.clone(),
            experiment: self.header.experiment.clone(),
            pipeline: self.header.plan.name.clone(),
            state: self.state,
            created: self.header.created,
            finished: self.finished,
            events: Seq(self.events.len() as u64),
        }
    }
}

impl Store for MemoryStore {
    fn create<'a>(
        &'a self,
        header: &'a Header,
        _: &'a [Change],
    ) -> Pending<'a, Result<(), StoreError>> {
        let mut kept = self.kept();
        if kept.runs.contains_key(&header.id) {
            return now(Err(failed(format!("create run {}", header.id), StoreFault::Exists)));
        }
        let header = Arc::new(header.clone());
        let (events, state, finished) = (Vec::new(), RunState::Pending, None);
        kept.runs.insert(header.id.clone(), Run { header, events, state, finished });
        now(Ok(()))
    }

    fn append(&self, batch: Batch) -> Pending<'_, Result<(), StoreError>> {
        now(self.kept().append(batch))
    }

    fn header<'a>(
        &'a self,
        run: &'a RunId,
    ) -> Pending<'a, Result<Option<Arc<Header>>, StoreError>> {
        now(Ok(self.kept().runs.get(run).map(|run| Arc::clone(&run.header))))
    }

    fn events<'a>(
        &'a self,
        run: &'a RunId,
        after: Seq,
        limit: usize,
    ) -> Pending<'a, Result<Vec<Recorded>, StoreError>> {
        let kept = self.kept();
        let events = kept.runs.get(run).map_or(&[][..], |run| &run.events);
        let new = events.iter().filter(|recorded| recorded.seq > after).take(limit);
        now(Ok(new.cloned().collect()))
    }

    fn runs<'a>(
        &'a self,
        query: &'a RunQuery,
    ) -> Pending<'a, Result<Page<RunSummary>, StoreError>> {
        now(Ok(self.kept().page(query)))
    }

    fn remove<'a>(&'a self, run: &'a RunId) -> Pending<'a, Result<bool, StoreError>> {
        now(Ok(self.kept().runs.remove(run).is_some()))
    }

    fn cached(
        &self,
        key: CacheKey,
        since: Timestamp,
    ) -> Pending<'_, Result<Option<CacheEntry>, StoreError>> {
        let kept = self.kept();
        let mut found = kept.cache.iter().rev();
        now(Ok(found.find(|entry| entry.key == key && entry.created >= since).cloned()))
    }

    fn latest<'a>(
        &'a self,
        pipeline: &'a str,
        task: &'a str,
    ) -> Pending<'a, Result<Option<CacheEntry>, StoreError>> {
        let kept = self.kept();
        let mut found = kept.cache.iter().rev();
        now(Ok(found.find(|entry| entry.pipeline == pipeline && entry.task == task).cloned()))
    }

    fn cache<'a>(
        &'a self,
        pipeline: Option<&'a str>,
    ) -> Pending<'a, Result<Vec<CacheEntry>, StoreError>> {
        let kept = self.kept();
        let wanted = |entry: &&CacheEntry| pipeline.is_none_or(|name| entry.pipeline == name);
        now(Ok(kept.cache.iter().rev().filter(wanted).cloned().collect()))
    }

    fn uncache(&self, key: CacheKey) -> Pending<'_, Result<bool, StoreError>> {
        let mut kept = self.kept();
        let before = kept.cache.len();
        kept.cache.retain(|entry| entry.key != key);
        now(Ok(kept.cache.len() < before))
    }

    fn expire(&self, before: Timestamp) -> Pending<'_, Result<u64, StoreError>> {
        let mut kept = self.kept();
        let count = kept.cache.len();
        kept.cache.retain(|entry| entry.created >= before);
        now(Ok((count - kept.cache.len()) as u64))
    }
}
