//! Numbers that tasks measured: the metadata of artifacts that are metrics.

use lightship_engine::{Artifact, NodeId, Outputs, Pending, RunId, StoreError, StoreFault};
use rusqlite::{Connection, params};

use crate::path::Paths;
use crate::{SqliteStore, fault, read, runs};

/// One number that a task measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// The task.
    pub node: NodeId,
    /// Its name in its graph.
    pub task: String,
    /// Where it is in its run: `for-loop-1[3]/train`.
    pub path: String,
    /// The output.
    pub output: String,
    /// What was measured.
    pub name: String,
    /// The number.
    pub value: f64,
}

impl SqliteStore {
    /// All numbers that the tasks of a run measured, or took from the cache, in the order of its places.
    pub fn metrics<'a>(&'a self, run: &'a RunId) -> Pending<'a, Result<Vec<Metric>, StoreError>> {
        let run = run.clone();
        self.read("read metrics", move |db| list(db, &run))
    }
}

/// All artifacts of a result, with the outputs that they are.
pub(crate) fn of(outputs: &Outputs) -> impl Iterator<Item = (&str, &Artifact)> {
    let all = outputs.produced.artifacts.iter();
    all.flat_map(|(output, list)| list.iter().map(move |artifact| (output.as_str(), artifact)))
}

/// `system.Metrics` keeps numbers as metadata; whatever else is there is no number.
pub(crate) fn insert(
    db: &Connection,
    run: i64,
    node: NodeId,
    output: &str,
    artifact: &Artifact,
) -> Result<(), StoreFault> {
    if artifact.kind.title() != "system.Metrics" {
        return Ok(());
    }
    for (name, value) in &artifact.metadata {
        let Some(value) = value.as_f64() else { continue };
        let insert = "INSERT OR REPLACE INTO metrics (run, node, output, name, value)
                      VALUES (?1, ?2, ?3, ?4, ?5)";
        let mut statement = db.prepare_cached(insert).map_err(fault::of)?;
        statement.execute(params![run, node.number(), output, name, value]).map_err(fault::of)?;
    }
    Ok(())
}

fn list(db: &Connection, run: &RunId) -> Result<Vec<Metric>, StoreFault> {
    let (number, _) = runs::find(db, run)?.ok_or(StoreFault::NoSuchRun)?;
    let paths = Paths::of(db);
    let select = "SELECT m.node, t.name, m.output, m.name, m.value
                  FROM metrics m JOIN tasks t ON t.run = m.run AND t.node = m.node
                  WHERE m.run = ?1 ORDER BY m.node, m.output, m.name";
    read::all(db, select, [number], |row| {
        let node = row.get(0).map_err(fault::of)?;
        Ok(Metric {
            node: NodeId::of_number(node),
            task: row.get(1).map_err(fault::of)?,
            path: paths.path(number, node)?,
            output: row.get(2).map_err(fault::of)?,
            name: row.get(3).map_err(fault::of)?,
            value: row.get(4).map_err(fault::of)?,
        })
    })
}
