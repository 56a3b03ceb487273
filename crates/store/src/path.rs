//! Where places of runs are, in words: `for-loop-1[3]/train`. The same as `State::path` of the engine says.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use lightship_engine::{NodeId, StoreFault};
use rusqlite::{Connection, params};

use crate::{TaskRow, fault};

/// Where all places of a run are.
pub fn paths(tasks: &[TaskRow]) -> BTreeMap<NodeId, String> {
    let mut paths: BTreeMap<NodeId, String> = BTreeMap::new();
    // A place comes into being after the one around it.
    for task in tasks {
        let above = task.parent.and_then(|parent| paths.get(&parent));
        let path = above.map(|above| below(above, &task.name, task.round)).unwrap_or_default();
        paths.insert(task.node, path);
    }
    paths
}

fn below(above: &str, name: &str, round: Option<u32>) -> String {
    match round {
        Some(round) => format!("{above}[{round}]"),
        None if above.is_empty() => name.to_owned(),
        None => format!("{above}/{name}"),
    }
}

/// The paths of places of any runs, each looked up once.
pub(crate) struct Paths<'d> {
    db: &'d Connection,
    known: RefCell<HashMap<(i64, u32), String>>,
}

impl<'d> Paths<'d> {
    pub(crate) fn of(db: &'d Connection) -> Self {
        Self { db, known: RefCell::default() }
    }

    /// The path of a place, by the number of its run.
    pub(crate) fn path(&self, run: i64, node: u32) -> Result<String, StoreFault> {
        if let Some(known) = self.known.borrow().get(&(run, node)) {
            return Ok(known.clone());
        }
        let select = "SELECT parent, name, round FROM tasks WHERE run = ?1 AND node = ?2";
        let mut statement = self.db.prepare_cached(select).map_err(fault::of)?;
        let row = |row: &rusqlite::Row<'_>| {
            Ok((row.get::<_, Option<u32>>(0)?, row.get::<_, String>(1)?, row.get(2)?))
        };
        let (parent, name, round) =
            statement.query_row(params![run, node], row).map_err(fault::of)?;
        let path = match parent {
            // Whatever a damaged file says: what is around something was there before it.
            Some(parent) if parent < node => below(&self.path(run, parent)?, &name, round),
            Some(_) | None => String::new(),
        };
        self.known.borrow_mut().insert((run, node), path.clone());
        Ok(path)
    }
}
