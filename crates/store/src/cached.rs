//! Results that later runs may take.

use lightship_base::Timestamp;
use lightship_engine::{CacheEntry, CacheKey, NodeId, RunId, StoreFault};
use rusqlite::{Connection, Params, Row, params};

use crate::time::{moment, number};
use crate::{fault, read};

const COLUMNS: &str = "key, created, pipeline, task, run, node, parts, outputs";

pub(crate) fn insert(db: &Connection, entry: &CacheEntry) -> Result<(), StoreFault> {
    let insert = "INSERT INTO cache (key, created, pipeline, task, run, node, parts, outputs)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let parts = serde_json::to_string(&entry.parts).map_err(fault::damaged)?;
    let outputs = serde_json::to_string(&entry.outputs).map_err(fault::damaged)?;
    let (key, created) = (entry.key.0.to_string(), number(entry.created));
    let (run, node) = (entry.run.as_str(), entry.node.number());
    let values = params![key, created, entry.pipeline, entry.task, run, node, parts, outputs];
    let mut statement = db.prepare_cached(insert).map_err(fault::of)?;
    statement.execute(values).map_err(fault::of)?;
    Ok(())
}

pub(crate) fn find(
    db: &Connection,
    key: CacheKey,
    since: Timestamp,
) -> Result<Option<CacheEntry>, StoreFault> {
    let rest = "WHERE key = ?1 AND created >= ?2 ORDER BY created DESC, number DESC LIMIT 1";
    Ok(select(db, rest, params![key.0.to_string(), number(since)])?.pop())
}

pub(crate) fn latest(
    db: &Connection,
    pipeline: &str,
    task: &str,
) -> Result<Option<CacheEntry>, StoreFault> {
    let rest = "WHERE pipeline = ?1 AND task = ?2 ORDER BY created DESC, number DESC LIMIT 1";
    Ok(select(db, rest, params![pipeline, task])?.pop())
}

pub(crate) fn list(db: &Connection, pipeline: Option<&str>) -> Result<Vec<CacheEntry>, StoreFault> {
    let rest = "WHERE ?1 IS NULL OR pipeline = ?1 ORDER BY created DESC, number DESC";
    select(db, rest, params![pipeline])
}

pub(crate) fn remove(db: &Connection, key: CacheKey) -> Result<bool, StoreFault> {
    let delete = "DELETE FROM cache WHERE key = ?1";
    Ok(db.execute(delete, [key.0.to_string()]).map_err(fault::of)? > 0)
}

pub(crate) fn expire(db: &Connection, before: Timestamp) -> Result<u64, StoreFault> {
    let delete = "DELETE FROM cache WHERE created < ?1";
    let removed = db.execute(delete, [number(before)]).map_err(fault::of)?;
    Ok(removed as u64)
}

fn select(db: &Connection, rest: &str, values: impl Params) -> Result<Vec<CacheEntry>, StoreFault> {
    read::all(db, &format!("SELECT {COLUMNS} FROM cache {rest}"), values, entry)
}

fn entry(row: &Row<'_>) -> Result<CacheEntry, StoreFault> {
    let text = |at: usize| row.get::<_, String>(at).map_err(fault::of);
    let wrong = |what: &str| fault::damaged(format!("a kept result: {what}"));
    Ok(CacheEntry {
        key: CacheKey(text(0)?.parse().map_err(|_| wrong("its key is no digest"))?),
        created: moment(row.get(1).map_err(fault::of)?),
        pipeline: text(2)?,
        task: text(3)?,
        run: RunId::try_from(text(4)?).map_err(|error| wrong(&error.to_string()))?,
        node: NodeId::of_number(row.get(5).map_err(fault::of)?),
        parts: serde_json::from_str(&text(6)?).map_err(|error| wrong(&error.to_string()))?,
        outputs: serde_json::from_str(&text(7)?).map_err(|error| wrong(&error.to_string()))?,
    })
}
