//! Runs: made, listed, removed.

use lightship_engine::{
    Change, Header, NodeId, Order, Page, RunId, RunQuery, RunState, RunSummary, Seq, StoreFault,
    TaskState,
};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Params, Row, params, params_from_iter};

use crate::time::{moment, number};
use crate::{fault, read};

pub(crate) fn create(
    db: &Connection,
    header: &Header,
    changes: &[Change],
) -> Result<(), StoreFault> {
    if find(db, &header.id)?.is_some() {
        return Err(StoreFault::Exists);
    }
    let text = serde_json::to_string(header).map_err(fault::damaged)?;
    let insert = "INSERT INTO runs (id, name, experiment, pipeline, state, created, events, header)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)";
    let state = RunState::Pending.name();
    let (created, plan) = (number(header.created), &header.plan.name);
    let values =
        params![header.id.as_str(), header.name, header.experiment, plan, state, created, text];
    db.execute(insert, values).map_err(fault::of)?;
    let run = db.last_insert_rowid();
    for change in changes {
        if let Change::Created { node: NodeId::ROOT, name, .. } = change {
            let insert = "INSERT INTO tasks (run, node, name, state, attempts)
                          VALUES (?1, 0, ?2, ?3, 0)";
            let waiting = TaskState::Waiting.name();
            db.execute(insert, params![run, name, waiting]).map_err(fault::of)?;
        }
    }
    Ok(())
}

/// The number of a run and how many events it has.
pub(crate) fn find(db: &Connection, run: &RunId) -> Result<Option<(i64, Seq)>, StoreFault> {
    let select = "SELECT number, events FROM runs WHERE id = ?1";
    let mut statement = db.prepare_cached(select).map_err(fault::of)?;
    let found = statement.query_row([run.as_str()], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)));
    let found = found.optional().map_err(fault::of)?;
    Ok(found.map(|(number, events)| (number, Seq(u64::try_from(events).unwrap_or(0)))))
}

pub(crate) fn remove(db: &Connection, run: &RunId) -> Result<bool, StoreFault> {
    let Some((number, _)) = find(db, run)? else { return Ok(false) };
    for table in ["events", "tasks", "artifacts", "uses", "metrics", "requests"] {
        let delete = format!("DELETE FROM {table} WHERE run = ?1");
        db.execute(&delete, [number]).map_err(fault::of)?;
    }
    db.execute("DELETE FROM runs WHERE number = ?1", [number]).map_err(fault::of)?;
    Ok(true)
}

pub(crate) fn list(db: &Connection, query: &RunQuery) -> Result<Page<RunSummary>, StoreFault> {
    let (conditions, values) = conditions(query);
    let count = format!("SELECT count(*) FROM runs {conditions}");
    let total: i64 =
        db.query_row(&count, params_from_iter(&values), |row| row.get(0)).map_err(fault::of)?;
    let by = match query.sort.by {
        Order::Created => "created",
        Order::Name => "name",
        Order::State => "state",
    };
    let direction = if query.sort.descending { "DESC" } else { "ASC" };
    let limit = query.limit();
    let rest = format!(
        "{conditions} ORDER BY {by} {direction}, id {direction} LIMIT {limit} OFFSET {}",
        query.offset
    );
    let items = summaries(db, &rest, params_from_iter(&values))?;
    Ok(Page { items, total: u64::try_from(total).unwrap_or(0) })
}

pub(crate) fn summaries(
    db: &Connection,
    rest: &str,
    values: impl Params,
) -> Result<Vec<RunSummary>, StoreFault> {
    let columns = "id, name, experiment, pipeline, state, created, finished, events";
    read::all(db, &format!("SELECT {columns} FROM runs {rest}"), values, summary)
}

fn conditions(query: &RunQuery) -> (String, Vec<Value>) {
    let mut parts = Vec::new();
    let mut values = Vec::new();
    if let Some(experiment) = &query.experiment {
        parts.push("experiment = ?".to_owned());
        values.push(Value::Text(experiment.clone()));
    }
    if !query.states.is_empty() {
        parts.push(format!("state IN ({})", vec!["?"; query.states.len()].join(", ")));
        values.extend(query.states.iter().map(|state| Value::Text(state.name().to_owned())));
    }
    if let Some(text) = &query.name_contains {
        parts.push("instr(name, ?) > 0".to_owned());
        values.push(Value::Text(text.clone()));
    }
    let all =
        if parts.is_empty() { String::new() } else { format!("WHERE {}", parts.join(" AND ")) };
    (all, values)
}

fn summary(row: &Row<'_>) -> Result<RunSummary, StoreFault> {
    let text = |at: usize| row.get::<_, String>(at).map_err(fault::of);
    let state = text(4)?;
    let finished: Option<i64> = row.get(6).map_err(fault::of)?;
    let events: i64 = row.get(7).map_err(fault::of)?;
    Ok(RunSummary {
        id: RunId::try_from(text(0)?).map_err(fault::damaged)?,
        name: text(1)?,
        experiment: text(2)?,
        pipeline: text(3)?,
        state: RunState::named(&state)
            .ok_or_else(|| fault::damaged(format!("`{state}` is no state of a run")))?,
        created: moment(row.get(5).map_err(fault::of)?),
        finished: finished.map(moment),
        events: Seq(u64::try_from(events).unwrap_or(0)),
    })
}
