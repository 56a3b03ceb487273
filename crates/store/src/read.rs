//! Runs, read back.

use std::sync::Arc;

use lightship_engine::{Event, Header, Recorded, RunId, Seq, StoreFault};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::time::moment;
use crate::{fault, runs};

/// All rows of a question, each read by `read`.
pub(crate) fn all<T>(
    db: &Connection,
    select: &str,
    values: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, StoreFault>,
) -> Result<Vec<T>, StoreFault> {
    let mut statement = db.prepare_cached(select).map_err(fault::of)?;
    let mut rows = statement.query(values).map_err(fault::of)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(fault::of)? {
        found.push(read(row)?);
    }
    Ok(found)
}

pub(crate) fn header(db: &Connection, run: &RunId) -> Result<Option<Arc<Header>>, StoreFault> {
    let select = "SELECT header FROM runs WHERE id = ?1";
    let text: Option<String> =
        db.query_row(select, [run.as_str()], |row| row.get(0)).optional().map_err(fault::of)?;
    let read = |text: String| {
        serde_json::from_str(&text)
            .map(Arc::new)
            .map_err(|error| fault::damaged(format!("the description of run {run}: {error}")))
    };
    text.map(read).transpose()
}

pub(crate) fn events(
    db: &Connection,
    run: &RunId,
    after: Seq,
    limit: usize,
) -> Result<Vec<Recorded>, StoreFault> {
    let Some((number, _)) = runs::find(db, run)? else { return Ok(Vec::new()) };
    let select = "SELECT seq, at, version, event FROM events
                  WHERE run = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
    let after = i64::try_from(after.0).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    all(db, select, params![number, after, limit], |row| {
        let seq: i64 = row.get(0).map_err(fault::of)?;
        let version: u32 = row.get(2).map_err(fault::of)?;
        let text = row.get_ref(3).map_err(fault::of)?.as_str().map_err(fault::damaged)?;
        let wrong = |error| fault::damaged(format!("event {seq} of run {run}: {error}"));
        let event = Event::from_json(version, text).map_err(wrong)?;
        let at = moment(row.get(1).map_err(fault::of)?);
        Ok(Recorded { seq: Seq(u64::try_from(seq).unwrap_or(0)), at, event })
    })
}
