//! Places of a run as they stand, and who used an artifact.

use lightship_base::Timestamp;
use lightship_engine::{NodeId, Pending, RunId, StoreError, StoreFault, TaskState};
use rusqlite::{Connection, Row};

use crate::path::Paths;
use crate::time::moment;
use crate::{SqliteStore, fault, read, runs};

/// A task that used an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Its run.
    pub run: RunId,
    /// The task.
    pub node: NodeId,
    /// Its name in its graph.
    pub task: String,
    /// Where it is in its run: `for-loop-1[3]/train`.
    pub path: String,
    /// What became of it.
    pub state: TaskState,
    /// The run whose result it took instead of running.
    pub cached_from: Option<RunId>,
    /// The input that the artifact was.
    pub input: String,
}

/// A place of a run as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRow {
    /// The place.
    pub node: NodeId,
    /// The graph or loop around it.
    pub parent: Option<NodeId>,
    /// Its task's name in its graph; the pipeline's for the root.
    pub name: String,
    /// Which round of its loop it is.
    pub round: Option<u32>,
    /// What became of it so far.
    pub state: TaskState,
    /// How many attempts there were.
    pub attempts: u32,
    /// When it began to run, the last time.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it failed.
    pub failure: Option<String>,
    /// The run whose result it took.
    pub cached_from: Option<RunId>,
}

impl SqliteStore {
    /// All places of a run, in the order in which they came into being.
    pub fn tasks<'a>(&'a self, run: &'a RunId) -> Pending<'a, Result<Vec<TaskRow>, StoreError>> {
        let run = run.clone();
        self.read("list tasks", move |db| tasks(db, &run))
    }

    /// Who used what is at a URI.
    pub fn consumers<'a>(&'a self, uri: &'a str) -> Pending<'a, Result<Vec<Consumer>, StoreError>> {
        let uri = uri.to_owned();
        self.read("look for who used an artifact", move |db| consumers(db, &uri))
    }
}

pub(crate) fn consumers(db: &Connection, uri: &str) -> Result<Vec<Consumer>, StoreFault> {
    let select = "SELECT r.id, u.node, t.name, u.input, t.state, t.cached_from, u.run
                  FROM uses u JOIN runs r ON r.number = u.run
                  JOIN tasks t ON t.run = u.run AND t.node = u.node
                  WHERE u.uri = ?1 ORDER BY u.run, u.node, u.input";
    let paths = Paths::of(db);
    read::all(db, select, [uri], |row| {
        let id: String = row.get(0).map_err(fault::of)?;
        let node = row.get(1).map_err(fault::of)?;
        Ok(Consumer {
            run: RunId::try_from(id).map_err(fault::damaged)?,
            node: NodeId::of_number(node),
            task: row.get(2).map_err(fault::of)?,
            path: paths.path(row.get(6).map_err(fault::of)?, node)?,
            input: row.get(3).map_err(fault::of)?,
            state: state(&row.get::<_, String>(4).map_err(fault::of)?)?,
            cached_from: from(row.get(5).map_err(fault::of)?)?,
        })
    })
}

fn state(name: &str) -> Result<TaskState, StoreFault> {
    TaskState::named(name).ok_or_else(|| fault::damaged(format!("`{name}` is no state of a task")))
}

fn from(run: Option<String>) -> Result<Option<RunId>, StoreFault> {
    run.map(RunId::try_from).transpose().map_err(fault::damaged)
}

fn tasks(db: &Connection, run: &RunId) -> Result<Vec<TaskRow>, StoreFault> {
    let (number, _) = runs::find(db, run)?.ok_or(StoreFault::NoSuchRun)?;
    let select = "SELECT node, parent, name, round, state, attempts, started, ended, failure,
                         cached_from
                  FROM tasks WHERE run = ?1 ORDER BY node";
    read::all(db, select, [number], task)
}

fn task(row: &Row<'_>) -> Result<TaskRow, StoreFault> {
    let number = |at: usize| row.get::<_, Option<u32>>(at).map_err(fault::of);
    let time = |at: usize| row.get::<_, Option<i64>>(at).map_err(fault::of);
    Ok(TaskRow {
        node: NodeId::of_number(row.get(0).map_err(fault::of)?),
        parent: number(1)?.map(NodeId::of_number),
        name: row.get(2).map_err(fault::of)?,
        round: number(3)?,
        state: state(&row.get::<_, String>(4).map_err(fault::of)?)?,
        attempts: row.get(5).map_err(fault::of)?,
        started: time(6)?.map(moment),
        ended: time(7)?.map(moment),
        failure: row.get(8).map_err(fault::of)?,
        cached_from: from(row.get(9).map_err(fault::of)?)?,
    })
}
