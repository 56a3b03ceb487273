//! Events, and what is known because of them.

use std::collections::BTreeMap;

use lightship_engine::{
    Batch, Change, EVENT_VERSION, Event, NodeId, Notice, Outputs, Record, RunState, Seq,
    StoreFault, TaskState,
};
use rusqlite::{Connection, params};

use crate::time::number;
use crate::{cached, fault, metrics, requests, runs};

/// What a batch makes of a place. Many events of one batch may concern it; it is written once.
#[derive(Default)]
struct Delta {
    created: Option<(Option<u32>, String, Option<u32>)>,
    dropped: bool,
    state: Option<TaskState>,
    failure: Option<String>,
    attempts: Option<u32>,
    started: Option<i64>,
    ended: Option<i64>,
    cached_from: Option<String>,
}

pub(crate) fn append(db: &Connection, batch: &Batch) -> Result<(), StoreFault> {
    let (run, mut last) = runs::find(db, &batch.run)?.ok_or(StoreFault::NoSuchRun)?;
    let mut deltas: BTreeMap<NodeId, Delta> = BTreeMap::new();
    let mut state: Option<(RunState, i64)> = None;
    for record in &batch.records {
        let recorded = &record.notice.recorded;
        if recorded.seq != last.next() {
            return Err(StoreFault::Conflict { expected: recorded.seq, found: last });
        }
        last = recorded.seq;
        insert_event(db, run, record)?;
        collect(&record.notice, &mut deltas, &mut state);
        consequences(db, run, record)?;
        requests::answer(db, run, &record.notice)?;
    }
    for (node, delta) in &deltas {
        write_delta(db, run, *node, delta)?;
    }
    write_run(db, run, last, state)
}

fn insert_event(db: &Connection, run: i64, record: &Record) -> Result<(), StoreFault> {
    let recorded = &record.notice.recorded;
    let insert = "INSERT INTO events (run, seq, at, version, event) VALUES (?1, ?2, ?3, ?4, ?5)";
    let seq = i64::try_from(recorded.seq.0).unwrap_or(i64::MAX);
    let values = params![run, seq, number(recorded.at), EVENT_VERSION, recorded.event.to_json()];
    let mut statement = db.prepare_cached(insert).map_err(fault::of)?;
    statement.execute(values).map_err(fault::of)?;
    Ok(())
}

fn collect(
    notice: &Notice,
    deltas: &mut BTreeMap<NodeId, Delta>,
    run: &mut Option<(RunState, i64)>,
) {
    let at = number(notice.recorded.at);
    match &notice.recorded.event {
        Event::Starting { node, attempt, .. } => {
            let delta = deltas.entry(*node).or_default();
            (delta.attempts, delta.cached_from) = (Some(attempt.get()), None);
        }
        Event::Cached { node, from, .. } => {
            deltas.entry(*node).or_default().cached_from = Some(from.to_string());
        }
        Event::Begun
        | Event::Succeeded { .. }
        | Event::Failed { .. }
        | Event::Stopped { .. }
        | Event::Lost { .. }
        | Event::Waited { .. }
        | Event::CancelRequested
        | Event::DeadlinePassed
        | Event::PauseRequested
        | Event::ResumeRequested
        | Event::RetryRequested
        | Event::RerunRequested { .. } => {}
    }
    for change in &notice.changes {
        match change {
            Change::Created { node, parent, name, round } => {
                let delta = deltas.entry(*node).or_default();
                let parent = parent.map(NodeId::number);
                delta.created = Some((parent, name.to_string(), *round));
            }
            Change::State { node, state } => deltas.entry(*node).or_default().enter(*state, at),
            Change::Failed { node, failure } => {
                let delta = deltas.entry(*node).or_default();
                delta.enter(TaskState::Failed, at);
                delta.failure = Some(failure.message.clone());
            }
            Change::Dropped { node } => deltas.entry(*node).or_default().dropped = true,
            Change::Run(state) => *run = Some((*state, at)),
        }
    }
}

impl Delta {
    fn enter(&mut self, state: TaskState, at: i64) {
        self.state = Some(state);
        self.failure = None;
        self.ended = state.is_final().then_some(at);
        if state == TaskState::Running {
            self.started = Some(at);
        }
    }
}

fn write_delta(db: &Connection, run: i64, node: NodeId, delta: &Delta) -> Result<(), StoreFault> {
    if delta.dropped {
        return forget(db, run, node, &["tasks", "artifacts", "metrics", "uses"]);
    }
    let node = node.number();
    let state = delta.state.map(TaskState::name);
    if let Some((parent, name, round)) = &delta.created {
        let insert = "INSERT INTO tasks (run, node, parent, name, round, state, attempts, started,
                                         ended, failure, cached_from)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        let mut statement = db.prepare_cached(insert).map_err(fault::of)?;
        let waiting = state.unwrap_or(TaskState::Waiting.name());
        let attempts = delta.attempts.unwrap_or(0);
        let (started, ended) = (delta.started, delta.ended);
        let (failure, from) = (&delta.failure, &delta.cached_from);
        let values = params![
            run, node, parent, name, round, waiting, attempts, started, ended, failure, from
        ];
        statement.execute(values).map_err(fault::of)?;
        return Ok(());
    }
    // A new state says all about its end and its failure; what a batch says nothing of stays.
    let update = "UPDATE tasks SET
            state = coalesce(?3, state),
            attempts = coalesce(?4, attempts),
            started = coalesce(?5, started),
            ended = CASE WHEN ?3 IS NULL THEN ended ELSE ?6 END,
            failure = CASE WHEN ?3 IS NULL THEN failure ELSE ?7 END,
            cached_from = CASE WHEN ?4 IS NULL THEN coalesce(?8, cached_from) ELSE ?8 END
        WHERE run = ?1 AND node = ?2";
    let mut statement = db.prepare_cached(update).map_err(fault::of)?;
    let (started, ended) = (delta.started, delta.ended);
    let (failure, from) = (&delta.failure, &delta.cached_from);
    let values = params![run, node, state, delta.attempts, started, ended, failure, from];
    statement.execute(values).map_err(fault::of)?;
    Ok(())
}

fn write_run(
    db: &Connection,
    run: i64,
    last: Seq,
    state: Option<(RunState, i64)>,
) -> Result<(), StoreFault> {
    let events = i64::try_from(last.0).unwrap_or(i64::MAX);
    let update = "UPDATE runs SET events = ?2, state = coalesce(?3, state),
            finished = CASE WHEN ?3 IS NULL THEN finished ELSE ?4 END
        WHERE number = ?1";
    let finished = state.filter(|(state, _)| state.is_final()).map(|(_, at)| at);
    let name = state.map(|(state, _)| state.name());
    let mut statement = db.prepare_cached(update).map_err(fault::of)?;
    statement.execute(params![run, events, name, finished]).map_err(fault::of)?;
    Ok(())
}

/// Artifacts, metrics, who reads what, and what the cache keeps.
fn consequences(db: &Connection, run: i64, record: &Record) -> Result<(), StoreFault> {
    for change in &record.notice.changes {
        // It runs again. Whatever it read and gave before is no longer what it reads and gives.
        if let Change::State { node, state: TaskState::Waiting } = change {
            forget(db, run, *node, &READ_AND_GIVEN)?;
        }
    }
    match &record.notice.recorded.event {
        Event::Starting { node, attempt, .. } if attempt.get() > 1 => {
            forget(db, run, *node, &READ_AND_GIVEN)?;
        }
        Event::Succeeded { node, outputs, .. } => insert_artifacts(db, run, *node, outputs)?,
        // The artifacts stay those of whoever made them; what was measured counts for this run as well.
        Event::Cached { node, outputs, .. } => {
            forget(db, run, *node, &READ_AND_GIVEN)?;
            for (output, artifact) in metrics::of(outputs) {
                metrics::insert(db, run, *node, output, artifact)?;
            }
        }
        Event::Begun
        | Event::Starting { .. }
        | Event::Failed { .. }
        | Event::Stopped { .. }
        | Event::Lost { .. }
        | Event::Waited { .. }
        | Event::CancelRequested
        | Event::DeadlinePassed
        | Event::PauseRequested
        | Event::ResumeRequested
        | Event::RetryRequested
        | Event::RerunRequested { .. } => {}
    }
    for used in &record.uses {
        let insert = "INSERT OR IGNORE INTO uses (run, node, input, uri) VALUES (?1, ?2, ?3, ?4)";
        let mut statement = db.prepare_cached(insert).map_err(fault::of)?;
        let values = params![run, used.node.number(), used.input, used.uri];
        statement.execute(values).map_err(fault::of)?;
    }
    match &record.result {
        Some(entry) => cached::insert(db, entry),
        None => Ok(()),
    }
}

/// The tables of what a place read and gave.
const READ_AND_GIVEN: [&str; 3] = ["artifacts", "metrics", "uses"];

/// Removes what some tables have of a place.
fn forget(db: &Connection, run: i64, node: NodeId, tables: &[&str]) -> Result<(), StoreFault> {
    for table in tables {
        let delete = format!("DELETE FROM {table} WHERE run = ?1 AND node = ?2");
        let mut statement = db.prepare_cached(&delete).map_err(fault::of)?;
        statement.execute(params![run, node.number()]).map_err(fault::of)?;
    }
    Ok(())
}

fn insert_artifacts(
    db: &Connection,
    run: i64,
    node: NodeId,
    outputs: &Outputs,
) -> Result<(), StoreFault> {
    for (output, list) in &outputs.produced.artifacts {
        for (position, artifact) in list.iter().enumerate() {
            let insert = "INSERT OR REPLACE INTO artifacts
                    (run, node, output, position, name, type, uri, digest, size, metadata)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
            let content = outputs.contents.get(&artifact.uri);
            let digest = content.map(|content| content.digest.to_string());
            let size = content.map(|content| i64::try_from(content.size.0).unwrap_or(i64::MAX));
            let metadata = serde_json::Value::Object(artifact.metadata.clone()).to_string();
            let (position, kind) = (i64::try_from(position).unwrap_or(0), artifact.kind.title());
            let (name, uri) = (&artifact.name, &artifact.uri);
            let values = params![
                run,
                node.number(),
                output,
                position,
                name,
                kind,
                uri,
                digest,
                size,
                metadata
            ];
            let mut statement = db.prepare_cached(insert).map_err(fault::of)?;
            statement.execute(values).map_err(fault::of)?;
            metrics::insert(db, run, node, output, artifact)?;
        }
    }
    Ok(())
}
