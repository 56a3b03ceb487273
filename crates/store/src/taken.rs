//! Outputs that tasks took from the cache: they belong to whoever made them, so they are in events only.

use std::collections::BTreeMap;
use std::sync::Arc;

use lightship_engine::{Event, NodeId, Outputs, Pending, RunId, StoreError, StoreFault};
use rusqlite::{Connection, params};

use crate::{SqliteStore, fault, read, runs};

/// What a task took instead of running.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The task.
    pub node: NodeId,
    /// The run that it is from.
    pub from: RunId,
    /// What it took.
    pub outputs: Arc<Outputs>,
}

impl SqliteStore {
    /// What the tasks of a run took from the cache, as far as it still counts: in the order of their places.
    pub fn taken<'a>(&'a self, run: &'a RunId) -> Pending<'a, Result<Vec<Taken>, StoreError>> {
        let run = run.clone();
        self.read("read what was taken from the cache", move |db| taken(db, &run))
    }
}

pub(crate) fn taken(db: &Connection, run: &RunId) -> Result<Vec<Taken>, StoreFault> {
    let (number, _) = runs::find(db, run)?.ok_or(StoreFault::NoSuchRun)?;
    let select = "SELECT node FROM tasks WHERE run = ?1 AND cached_from IS NOT NULL";
    let nodes = read::all(db, select, [number], |row| row.get::<_, u32>(0).map_err(fault::of))?;
    if nodes.is_empty() {
        return Ok(Vec::new());
    }
    // Events are large, and most of them are others.
    let select = "SELECT version, event FROM events
                  WHERE run = ?1 AND substr(event, 1, 10) = '{\"cached\":' ORDER BY seq";
    let events = read::all(db, select, params![number], |row| {
        let text = row.get_ref(1).map_err(fault::of)?.as_str().map_err(fault::damaged)?;
        Event::from_json(row.get(0).map_err(fault::of)?, text).map_err(fault::damaged)
    })?;
    let mut latest = BTreeMap::new();
    for event in events {
        if let Event::Cached { node, outputs, from } = event
            && nodes.contains(&node.number())
        {
            latest.insert(node, Taken { node, from, outputs });
        }
    }
    Ok(latest.into_values().collect())
}
