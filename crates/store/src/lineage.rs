//! Who made an artifact, and who used it.

use lightship_base::{ByteSize, Digest, Timestamp};
use lightship_engine::{Content, NodeId, Pending, RunId, StoreError, StoreFault, TaskState};
use rusqlite::{Connection, Params, Row, params};
use serde_json::{Map, Value};

use crate::time::moment;
use crate::{SqliteStore, fault, read, runs};

/// An artifact and who made it.
#[derive(Debug, Clone, PartialEq)]
pub struct ArtifactRow {
    /// The run that made it.
    pub run: RunId,
    /// The task that made it.
    pub node: NodeId,
    /// That task's name in its graph.
    pub task: String,
    /// The output that it is.
    pub output: String,
    /// Its name.
    pub name: String,
    /// Its type: `system.Model`; empty for one without a name.
    pub kind: String,
    /// Where it is.
    pub uri: String,
    /// What was there when its task succeeded; none if nothing was.
    pub content: Option<Content>,
    /// What is known about it.
    pub metadata: Map<String, Value>,
}

/// A task that used an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Its run.
    pub run: RunId,
    /// The task.
    pub node: NodeId,
    /// Its name in its graph.
    pub task: String,
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

const ARTIFACTS: &str = "SELECT r.id, a.node, t.name, a.output, a.name, a.type, a.uri, a.digest,
        a.size, a.metadata
    FROM artifacts a JOIN runs r ON r.number = a.run
    JOIN tasks t ON t.run = a.run AND t.node = a.node";

impl SqliteStore {
    /// All places of a run, in the order in which they came into being.
    pub fn tasks<'a>(&'a self, run: &'a RunId) -> Pending<'a, Result<Vec<TaskRow>, StoreError>> {
        let run = run.clone();
        self.read("list tasks", move |db| tasks(db, &run))
    }

    /// Artifacts that the tasks of a run made; those of all runs, if none is named. Of one type, if one is named.
    pub fn artifacts<'a>(
        &'a self,
        run: Option<&'a RunId>,
        kind: Option<&'a str>,
    ) -> Pending<'a, Result<Vec<ArtifactRow>, StoreError>> {
        let (run, kind) = (run.map(RunId::to_string), kind.map(str::to_owned));
        self.read("list artifacts", move |db| {
            let rest = "WHERE (?1 IS NULL OR r.id = ?1) AND (?2 IS NULL OR a.type = ?2)
                        ORDER BY a.run, a.node, a.output, a.position";
            artifacts(db, rest, params![run, kind])
        })
    }

    /// Who made what is at a URI. Usually one; several if somebody imported it.
    pub fn producers<'a>(
        &'a self,
        uri: &'a str,
    ) -> Pending<'a, Result<Vec<ArtifactRow>, StoreError>> {
        let uri = uri.to_owned();
        self.read("look for an artifact", move |db| {
            artifacts(db, "WHERE a.uri = ?1 ORDER BY a.run, a.node", params![uri])
        })
    }

    /// Artifacts with this content, wherever they are.
    pub fn with_content(
        &self,
        digest: Digest,
    ) -> Pending<'_, Result<Vec<ArtifactRow>, StoreError>> {
        self.read("look for an artifact", move |db| {
            let rest = "WHERE a.digest = ?1 ORDER BY a.run, a.node";
            artifacts(db, rest, params![digest.to_string()])
        })
    }

    /// Who used what is at a URI.
    pub fn consumers<'a>(&'a self, uri: &'a str) -> Pending<'a, Result<Vec<Consumer>, StoreError>> {
        let uri = uri.to_owned();
        self.read("look for who used an artifact", move |db| consumers(db, &uri))
    }
}

fn artifacts(
    db: &Connection,
    rest: &str,
    values: impl Params,
) -> Result<Vec<ArtifactRow>, StoreFault> {
    read::all(db, &format!("{ARTIFACTS} {rest}"), values, artifact)
}

fn artifact(row: &Row<'_>) -> Result<ArtifactRow, StoreFault> {
    let text = |at: usize| row.get::<_, String>(at).map_err(fault::of);
    let digest: Option<String> = row.get(7).map_err(fault::of)?;
    let size: Option<i64> = row.get(8).map_err(fault::of)?;
    let content = match (digest, size) {
        (Some(digest), Some(size)) => Some(Content {
            digest: digest.parse().map_err(fault::damaged)?,
            size: ByteSize(u64::try_from(size).unwrap_or(0)),
        }),
        (None, _) | (_, None) => None,
    };
    Ok(ArtifactRow {
        run: RunId::try_from(text(0)?).map_err(fault::damaged)?,
        node: NodeId::of_number(row.get(1).map_err(fault::of)?),
        task: text(2)?,
        output: text(3)?,
        name: text(4)?,
        kind: text(5)?,
        uri: text(6)?,
        content,
        metadata: serde_json::from_str(&text(9)?).map_err(fault::damaged)?,
    })
}

fn consumers(db: &Connection, uri: &str) -> Result<Vec<Consumer>, StoreFault> {
    let select = "SELECT r.id, u.node, t.name, u.input
                  FROM uses u JOIN runs r ON r.number = u.run
                  JOIN tasks t ON t.run = u.run AND t.node = u.node
                  WHERE u.uri = ?1 ORDER BY u.run, u.node, u.input";
    read::all(db, select, [uri], |row| {
        let id: String = row.get(0).map_err(fault::of)?;
        Ok(Consumer {
            run: RunId::try_from(id).map_err(fault::damaged)?,
            node: NodeId::of_number(row.get(1).map_err(fault::of)?),
            task: row.get(2).map_err(fault::of)?,
            input: row.get(3).map_err(fault::of)?,
        })
    })
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
    let state: String = row.get(4).map_err(fault::of)?;
    let from: Option<String> = row.get(9).map_err(fault::of)?;
    Ok(TaskRow {
        node: NodeId::of_number(row.get(0).map_err(fault::of)?),
        parent: number(1)?.map(NodeId::of_number),
        name: row.get(2).map_err(fault::of)?,
        round: number(3)?,
        state: TaskState::named(&state)
            .ok_or_else(|| fault::damaged(format!("`{state}` is no state of a task")))?,
        attempts: row.get(5).map_err(fault::of)?,
        started: time(6)?.map(moment),
        ended: time(7)?.map(moment),
        failure: row.get(8).map_err(fault::of)?,
        cached_from: from.map(RunId::try_from).transpose().map_err(fault::damaged)?,
    })
}
