//! `--explain-cache`: why each task of a run ran.

use std::collections::HashMap;
use std::io::Write as _;

use lightship_base::{Clock as _, SystemClock};
use lightship_engine::{CacheEntry, Ran, RunId, Store as _, Why, explain, ran};
use lightship_store::ResultQuery;

use crate::commands::pipeline::PipelineError;
use crate::commands::pipeline::record::Record;
use crate::commands::{Context, Error};
use crate::views::cache::explain::text;

/// Earlier results of a component that a task is compared with: of a loop, the rounds of some runs.
const COMPARED: u32 = 200;

/// Says of each task of a run that was not taken from the cache why it was not.
pub(in crate::commands::pipeline) fn tell(
    record: &Record,
    run: &RunId,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let told = record.wait(whys(record, run))?;
    let look = context.terminal.out.look;
    let text = text(&told, SystemClock.now(), &look);
    context.terminal.out.write_all(text.as_bytes())?;
    Ok(())
}

async fn whys(record: &Record, run: &RunId) -> Result<Vec<(String, Why)>, PipelineError> {
    let store = &*record.store;
    let Some(header) = store.header(run).await? else { return Ok(Vec::new()) };
    let mut known: HashMap<String, Vec<CacheEntry>> = HashMap::new();
    let mut told = Vec::new();
    for task in ran(store, run).await? {
        if !known.contains_key(&task.component) {
            let query = ResultQuery {
                pipeline: Some(header.plan.name.clone()),
                task: Some(task.component.clone()),
                not_of: Some(run.clone()),
                limit: Some(COMPARED),
                ..ResultQuery::default()
            };
            known.insert(task.component.clone(), store.results(&query).await?);
        }
        let results = known.get(&task.component).map_or(&[][..], Vec::as_slice);
        let why = explain(&task, &header.options.cache, &before(results, &task));
        told.push((task.path, why));
    }
    Ok(told)
}

/// Results that were there when a task began.
fn before(results: &[CacheEntry], task: &Ran) -> Vec<CacheEntry> {
    results.iter().filter(|entry| entry.created <= task.at).cloned().collect()
}
