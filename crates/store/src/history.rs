//! What the events of a run say about some of its places, without replaying all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lightship_base::Timestamp;
use lightship_engine::{Event, NodeId, Outputs, Pending, RunId, StoreError, StoreFault};
use rusqlite::Connection;
use serde_json::Value;

use crate::time::moment;
use crate::{SqliteStore, fault, runs};

/// What happened at one place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Story {
    /// Its attempts, in order.
    pub attempts: Vec<Try>,
    /// What it gave, the last time that it succeeded.
    pub outputs: Option<Arc<Outputs>>,
}

/// One attempt at a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Try {
    /// Its number, from 1.
    pub number: u32,
    /// When it was about to start.
    pub started: Timestamp,
    /// How and when it ended, if it has.
    pub end: Option<(Fate, Timestamp)>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It gave what it should.
    Succeeded,
    /// It failed, and why.
    Failed(String),
    /// It was told to end.
    Stopped,
    /// It ended with what ran it.
    Lost,
}

impl SqliteStore {
    /// What happened at these places of a run; at all of them, if none are named.
    pub fn stories<'a>(
        &'a self,
        run: &'a RunId,
        nodes: Option<BTreeSet<NodeId>>,
    ) -> Pending<'a, Result<BTreeMap<NodeId, Story>, StoreError>> {
        let run = run.clone();
        self.read("read events of a run", move |db| stories(db, &run, nodes.as_ref()))
    }
}

fn stories(
    db: &Connection,
    run: &RunId,
    nodes: Option<&BTreeSet<NodeId>>,
) -> Result<BTreeMap<NodeId, Story>, StoreFault> {
    let (number, _) = runs::find(db, run)?.ok_or(StoreFault::NoSuchRun)?;
    let select = "SELECT seq, at, version, event FROM events WHERE run = ?1 ORDER BY seq";
    let mut statement = db.prepare_cached(select).map_err(fault::of)?;
    let mut rows = statement.query([number]).map_err(fault::of)?;
    let mut stories = BTreeMap::new();
    while let Some(row) = rows.next().map_err(fault::of)? {
        let text = row.get_ref(3).map_err(fault::of)?.as_str().map_err(fault::damaged)?;
        // To read an event takes many times what it takes to find out whom it concerns.
        let Some(node) = node_of(text) else { continue };
        if nodes.is_some_and(|nodes| !nodes.contains(&node)) {
            continue;
        }
        let seq: i64 = row.get(0).map_err(fault::of)?;
        let version: u32 = row.get(2).map_err(fault::of)?;
        let wrong = |error| fault::damaged(format!("event {seq} of run {run}: {error}"));
        let event = Event::from_json(version, text).map_err(wrong)?;
        let at = moment(row.get(1).map_err(fault::of)?);
        stories.entry(node).or_insert_with(Story::default).take(event, at);
    }
    Ok(stories)
}

/// The place that an event is about, from its text alone: `{"succeeded":{"node":12,…`.
fn node_of(text: &str) -> Option<NodeId> {
    let (_, rest) = text.split_once("{\"node\":")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..digits].parse().ok().map(NodeId::of_number)
}

impl Story {
    fn take(&mut self, event: Event, at: Timestamp) {
        match event {
            Event::Starting { attempt, .. } => {
                self.attempts.push(Try { number: attempt.get(), started: at, end: None });
            }
            Event::Cached { outputs, .. } => self.outputs = Some(outputs),
            Event::Succeeded { outputs, .. } => {
                self.outputs = Some(outputs);
                self.end(Fate::Succeeded, at);
            }
            Event::Failed { failure, .. } => self.end(Fate::Failed(failure.message), at),
            Event::Stopped { .. } => self.end(Fate::Stopped, at),
            Event::Lost { .. } => self.end(Fate::Lost, at),
            Event::Begun
            | Event::Waited { .. }
            | Event::CancelRequested
            | Event::DeadlinePassed
            | Event::PauseRequested
            | Event::ResumeRequested
            | Event::RetryRequested
            | Event::RerunRequested { .. } => {}
        }
    }

    fn end(&mut self, fate: Fate, at: Timestamp) {
        if let Some(last) = self.attempts.last_mut() {
            last.end = Some((fate, at));
        }
    }

    /// How many attempts were lost with what ran them.
    pub fn lost(&self) -> usize {
        let lost = |attempt: &&Try| matches!(attempt.end, Some((Fate::Lost, _)));
        self.attempts.iter().filter(lost).count()
    }
}

impl SqliteStore {
    /// The plan that a run goes by now, as JSON, if somebody changed it since it began.
    pub fn changed_plan<'a>(
        &'a self,
        run: &'a RunId,
    ) -> Pending<'a, Result<Option<Value>, StoreError>> {
        let run = run.clone();
        self.read("read a run", move |db| {
            let (number, _) = runs::find(db, &run)?.ok_or(StoreFault::NoSuchRun)?;
            let select = "SELECT event FROM events WHERE run = ?1
                AND event LIKE '{\"rerun\\_requested\"%\"plan\":%' ESCAPE '\\'
                ORDER BY seq DESC LIMIT 1";
            let mut statement = db.prepare_cached(select).map_err(fault::of)?;
            let mut rows = statement.query([number]).map_err(fault::of)?;
            let Some(row) = rows.next().map_err(fault::of)? else { return Ok(None) };
            let text = row.get_ref(0).map_err(fault::of)?.as_str().map_err(fault::damaged)?;
            let mut event: Value = serde_json::from_str(text).map_err(fault::damaged)?;
            Ok(event.pointer_mut("/rerun_requested/plan").map(Value::take))
        })
    }
}
