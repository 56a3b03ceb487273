//! Results that later runs may take.

use lightship_base::Timestamp;
use lightship_engine::{CacheEntry, CacheKey, NodeId, Pending, RunId, StoreError, StoreFault};
use rusqlite::types::Value;
use rusqlite::{Connection, Params, Row, params, params_from_iter};

use crate::time::{moment, number};
use crate::{SqliteStore, fault, read};

/// Which results. What is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResultQuery {
    /// Whose keys begin with one of these hex digits.
    pub keys: Vec<String>,
    /// Of this pipeline.
    pub pipeline: Option<String>,
    /// Of this component: `comp-train`, or `train` without its prefix.
    pub task: Option<String>,
    /// Made before this moment.
    pub before: Option<Timestamp>,
    /// Not made by this run.
    pub not_of: Option<RunId>,
    /// At most so many, the latest.
    pub limit: Option<u32>,
}

impl SqliteStore {
    /// Results that fit, the latest first.
    pub fn results<'a>(
        &'a self,
        query: &'a ResultQuery,
    ) -> Pending<'a, Result<Vec<CacheEntry>, StoreError>> {
        let query = query.clone();
        self.read("list results", move |db| {
            let (rest, mut values) = conditions(&query);
            values.push(Value::Integer(query.limit.map_or(-1, i64::from)));
            let rest = format!("{rest} ORDER BY created DESC, number DESC LIMIT ?");
            select(db, &rest, params_from_iter(values))
        })
    }

    /// Forgets results that fit, however many `limit` says. Says how many there were.
    pub fn forget<'a>(&'a self, query: &'a ResultQuery) -> Pending<'a, Result<u64, StoreError>> {
        let query = query.clone();
        self.write("forget results", move |db| {
            let (rest, values) = conditions(&query);
            let removed =
                db.execute(&format!("DELETE FROM cache {rest}"), params_from_iter(values));
            Ok(removed.map_err(fault::of)? as u64)
        })
    }
}

fn conditions(query: &ResultQuery) -> (String, Vec<Value>) {
    let mut parts = Vec::new();
    let mut values = Vec::new();
    if !query.keys.is_empty() {
        let one = "(key >= ? AND key <= ?)";
        parts.push(format!("({})", vec![one; query.keys.len()].join(" OR ")));
        for key in &query.keys {
            // From the first to the last key that begins like this, so that the index is of use.
            values.push(Value::Text(format!("sha256:{key}")));
            values.push(Value::Text(format!("sha256:{key}~")));
        }
    }
    if let Some(pipeline) = &query.pipeline {
        parts.push("pipeline = ?".to_owned());
        values.push(Value::Text(pipeline.clone()));
    }
    if let Some(task) = &query.task {
        parts.push("task IN (?, 'comp-' || ?)".to_owned());
        values.extend([Value::Text(task.clone()), Value::Text(task.clone())]);
    }
    if let Some(before) = query.before {
        parts.push("created < ?".to_owned());
        values.push(Value::Integer(number(before)));
    }
    if let Some(run) = &query.not_of {
        parts.push("run <> ?".to_owned());
        values.push(Value::Text(run.to_string()));
    }
    let all =
        if parts.is_empty() { String::new() } else { format!("WHERE {}", parts.join(" AND ")) };
    (all, values)
}

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
