//! Runs at a glance: which there are, and how far they are.

use std::collections::{BTreeMap, BTreeSet};

use lightship_engine::{Pending, RunId, RunSummary, StoreError, StoreFault, TaskState};
use rusqlite::Connection;

use crate::{SqliteStore, fault, read, runs};

/// How many tasks of a run are in which state. Graphs, loops and rounds are no tasks of their own here.
pub type Tally = BTreeMap<&'static str, u64>;

impl SqliteStore {
    /// The names of all runs, the newest first.
    pub fn run_ids(&self) -> Pending<'_, Result<Vec<RunId>, StoreError>> {
        self.read("list runs", |db| {
            read::all(db, "SELECT id FROM runs ORDER BY created DESC, number DESC", [], |row| {
                let id: String = row.get(0).map_err(fault::of)?;
                RunId::try_from(id).map_err(fault::damaged)
            })
        })
    }

    /// A run at a glance; none where there is no such run.
    pub fn summary<'a>(
        &'a self,
        run: &'a RunId,
    ) -> Pending<'a, Result<Option<RunSummary>, StoreError>> {
        let run = run.clone();
        self.read("read a run", move |db| {
            let rest = "WHERE id = ?1";
            Ok(runs::summaries(db, rest, [run.as_str()])?.pop())
        })
    }

    /// The newest run of a pipeline.
    pub fn latest_of<'a>(
        &'a self,
        pipeline: &'a str,
    ) -> Pending<'a, Result<Option<RunSummary>, StoreError>> {
        let pipeline = pipeline.to_owned();
        self.read("look for a run", move |db| {
            let rest = "WHERE pipeline = ?1 ORDER BY created DESC, number DESC LIMIT 1";
            Ok(runs::summaries(db, rest, [pipeline])?.pop())
        })
    }

    /// How many tasks each of these runs has, by the names of their states. One that is no more has none.
    pub fn tallies<'a>(&'a self, runs: &'a [RunId]) -> Pending<'a, Result<Vec<Tally>, StoreError>> {
        let runs = runs.to_vec();
        self.read("count tasks", move |db| runs.iter().map(|run| tally(db, run)).collect())
    }
}

/// Reads a run's places once: a list of twenty large runs must not wait for an index that each new task would pay for.
fn tally(db: &Connection, run: &RunId) -> Result<Tally, StoreFault> {
    let Some((number, _)) = runs::find(db, run)? else { return Ok(Tally::new()) };
    let select = "SELECT node, parent, state FROM tasks WHERE run = ?1 ORDER BY node";
    let mut statement = db.prepare_cached(select).map_err(fault::of)?;
    let mut rows = statement.query([number]).map_err(fault::of)?;
    let mut inner: BTreeSet<u32> = BTreeSet::from([0]);
    let mut states: Vec<(u32, TaskState)> = Vec::new();
    while let Some(row) = rows.next().map_err(fault::of)? {
        let parent: Option<u32> = row.get(1).map_err(fault::of)?;
        inner.extend(parent);
        let state = row.get_ref(2).map_err(fault::of)?.as_str().map_err(fault::damaged)?;
        let wrong = || fault::damaged(format!("`{state}` is no state of a task"));
        let state = TaskState::named(state).ok_or_else(wrong)?;
        states.push((row.get(0).map_err(fault::of)?, state));
    }
    let mut tally = Tally::new();
    for (node, state) in states {
        if !inner.contains(&node) {
            *tally.entry(state.name()).or_default() += 1;
        }
    }
    Ok(tally)
}
