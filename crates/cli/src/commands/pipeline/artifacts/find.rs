//! From what somebody writes to the artifact that is meant.

use std::collections::BTreeMap;

use lightship_engine::{
    Artifact, Content, NodeId, Order, RunId, RunQuery, Sort, Store as _, StoreError,
};
use lightship_store::{ArtifactRow, SqliteStore, TaskRow, paths};

use super::FindError;
use crate::commands::Error;
use crate::commands::pipeline::PipelineError;
use crate::commands::pipeline::record::Record;
use crate::views::artifacts::Entry;

/// An artifact that somebody named.
pub(super) struct Found {
    /// What is known of it.
    pub(super) entry: Entry,
    /// What its task left there.
    pub(super) content: Option<Content>,
    /// The row of whoever made it; none where that run is no longer kept.
    pub(super) row: Option<ArtifactRow>,
}

/// Fewer digits would be any artifact's.
const FEWEST_DIGITS: usize = 6;

/// Runs that are looked through for one that is meant.
const PAGE: u32 = 500;

/// The artifact that a reference names.
pub(super) fn find(record: &Record, text: &str) -> Result<Found, Error> {
    let store = &record.store;
    record.wait(async {
        if text.starts_with('/') || text.contains("://") {
            return by_uri(store, text).await;
        }
        let digits = text.strip_prefix("sha256:");
        let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if digits.is_some() || (text.len() >= FEWEST_DIGITS && is_hex(text)) {
            let digits = digits.unwrap_or(text);
            if digits.len() < FEWEST_DIGITS || !is_hex(digits) {
                return Err(FindError::NoReference { text: text.to_owned() }.into());
            }
            return by_digest(store, digits).await;
        }
        let parts = text.split_once('/').and_then(|(run, rest)| {
            let (task, output) = rest.rsplit_once('/')?;
            Some((run, task, output))
        });
        let Some((run, task, output)) = parts else {
            return Err(FindError::NoReference { text: text.to_owned() }.into());
        };
        let run = run_of(store, run).await?;
        by_output(store, &run, task, output).await
    })
}

/// The run that is meant.
pub(in crate::commands::pipeline) fn run_named(
    record: &Record,
    text: &str,
) -> Result<RunId, Error> {
    record.wait(run_of(&record.store, text))
}

async fn by_uri(store: &SqliteStore, uri: &str) -> Result<Found, Error> {
    let rows = store.producers(uri).await.map_err(failed)?;
    let first = rows.into_iter().next();
    Ok(found(first.ok_or_else(|| FindError::NoUri { uri: uri.to_owned() })?))
}

async fn by_digest(store: &SqliteStore, digits: &str) -> Result<Found, Error> {
    let rows = store.with_digest_like(digits, 100).await.map_err(failed)?;
    let mut digests: Vec<String> =
        rows.iter().filter_map(|row| Some(row.content?.digest.to_string())).collect();
    digests.sort();
    digests.dedup();
    let digits = digits.to_owned();
    match (digests.len(), rows.into_iter().next()) {
        (0 | 1, Some(row)) => Ok(found(row)),
        (_, None) => Err(FindError::NoDigest { digits }.into()),
        (_, Some(_)) => Err(FindError::ManyDigests { digits, digests }.into()),
    }
}

async fn by_output(
    store: &SqliteStore,
    run: &RunId,
    path: &str,
    output: &str,
) -> Result<Found, Error> {
    let tasks = store.tasks(run).await.map_err(failed)?;
    let places = paths(&tasks);
    let node = places.iter().find(|(_, known)| *known == path).map(|(node, _)| *node);
    let Some(node) = node else {
        let near = nearest(path, places.values().map(String::as_str));
        return Err(FindError::NoTask { run: run.to_string(), task: path.to_owned(), near }.into());
    };
    let (name, position) = position(output);
    let mut known: Vec<String> = Vec::new();
    if is_cached(&tasks, node) {
        for taken in store.taken(run).await.map_err(failed)? {
            if taken.node != node {
                continue;
            }
            let outputs = &taken.outputs.produced.artifacts;
            known.extend(outputs.keys().cloned());
            if let Some(artifact) = outputs.get(name).and_then(|list| list.get(position)) {
                let content = taken.outputs.contents.get(&artifact.uri).copied();
                return taken_from(store, &taken.from, name, artifact, content).await;
            }
        }
    }
    let query = lightship_store::ArtifactQuery { run: Some(run.clone()), ..Default::default() };
    let rows = store.find_artifacts(&query).await.map_err(failed)?;
    for row in rows.into_iter().filter(|row| row.node == node) {
        if row.output == name && row.position as usize == position {
            return Ok(found(row));
        }
        known.push(row.output);
    }
    known.sort();
    known.dedup();
    let state = tasks.iter().find(|task| task.node == node).map_or("", |task| task.state.name());
    let (run, task, output) = (run.to_string(), path.to_owned(), output.to_owned());
    Err(FindError::NoOutput { run, task, output, known, state }.into())
}

fn is_cached(tasks: &[TaskRow], node: NodeId) -> bool {
    tasks.iter().any(|task| task.node == node && task.cached_from.is_some())
}

/// What a task took from the cache is whose it was; of a run that is no longer kept, the little that is known.
async fn taken_from(
    store: &SqliteStore,
    from: &RunId,
    output: &str,
    artifact: &Artifact,
    content: Option<Content>,
) -> Result<Found, Error> {
    let rows = store.producers(&artifact.uri).await.map_err(failed)?;
    if let Some(row) = rows.into_iter().next() {
        return Ok(found(row));
    }
    let entry = unknown(from, output, artifact, content);
    Ok(Found { entry, content, row: None })
}

/// An artifact whose run is no longer kept.
pub(super) fn unknown(
    from: &RunId,
    output: &str,
    artifact: &Artifact,
    content: Option<Content>,
) -> Entry {
    Entry {
        kind: artifact.kind.title().to_owned(),
        name: artifact.name.clone(),
        uri: artifact.uri.clone(),
        digest: content.map(|content| content.digest),
        bytes: content.map(|content| content.size),
        run: from.to_string(),
        pipeline: String::new(),
        task: String::new(),
        attempt: 0,
        output: output.to_owned(),
        created: None,
        metadata: artifact.metadata.clone(),
        at: None,
    }
}

fn found(row: ArtifactRow) -> Found {
    Found { entry: row.clone().into(), content: row.content, row: Some(row) }
}

/// `models[1]` is the second of the output `models`.
fn position(output: &str) -> (&str, usize) {
    let inner = output.strip_suffix(']').and_then(|text| text.rsplit_once('['));
    match inner.and_then(|(name, number)| Some((name, number.parse().ok()?))) {
        Some((name, number)) => (name, number),
        None => (output, 0),
    }
}

/// A run by its id, by the beginning of it, by its end behind a hyphen, or the last one.
async fn run_of(store: &SqliteStore, text: &str) -> Result<RunId, Error> {
    let page = |offset: u64, limit| RunQuery {
        sort: Sort { by: Order::Created, descending: true },
        limit: Some(limit),
        offset,
        ..RunQuery::default()
    };
    if text == "latest" {
        let runs = store.runs(&page(0, 1)).await.map_err(failed)?;
        return Ok(runs.items.into_iter().next().ok_or(FindError::NoRuns)?.id);
    }
    let (mut ids, mut offset) = (Vec::new(), 0);
    loop {
        let found = store.runs(&page(offset, PAGE)).await.map_err(failed)?;
        if found.items.is_empty() {
            break;
        }
        offset += found.items.len() as u64;
        ids.extend(found.items.into_iter().map(|run| run.id));
    }
    Ok(choose(text, &ids)?)
}

fn choose(text: &str, ids: &[RunId]) -> Result<RunId, FindError> {
    if let Some(exactly) = ids.iter().find(|id| id.as_str() == text) {
        return Ok(exactly.clone());
    }
    let ending = format!("-{text}");
    let tests: [&dyn Fn(&RunId) -> bool; 2] =
        [&|id| id.as_str().starts_with(text), &|id| id.as_str().ends_with(&ending)];
    for test in tests {
        let mut fitting: Vec<RunId> = ids.iter().filter(|id| test(id)).cloned().collect();
        match fitting.len() {
            0 => {}
            1 => return Ok(fitting.remove(0)),
            _ => {
                let ids = fitting.iter().take(8).map(RunId::to_string).collect();
                return Err(FindError::ManyRuns { text: text.to_owned(), ids });
            }
        }
    }
    let near = nearest(text, ids.iter().map(RunId::as_str));
    Err(FindError::NoRun { text: text.to_owned(), near })
}

fn nearest<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let names: BTreeMap<usize, &str> = names
        .filter(|name| !name.is_empty())
        .map(|name| (strsim::damerau_levenshtein(text, name), name))
        .collect();
    let (distance, name) = names.into_iter().next()?;
    (distance <= 1 + text.chars().count() / 3).then(|| name.to_owned())
}

pub(super) fn failed(error: StoreError) -> Error {
    PipelineError::from(error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_by_as_much_as_is_unique() {
        let ids = || -> Vec<RunId> {
            ["churn-1a2b3c4d", "churn-1affffff", "iris-00001a2b", "iris"]
                .map(|id| id.parse().unwrap())
                .into()
        };
        let choose = |text: &str| choose(text, &ids()).map(|id| id.to_string());
        assert_eq!(choose("churn-1a2").unwrap(), "churn-1a2b3c4d");
        assert_eq!(choose("1affffff").unwrap(), "churn-1affffff");
        assert_eq!(choose("iris").unwrap(), "iris", "the whole id goes first");
        let many = choose("churn-1a").unwrap_err().to_string();
        assert_eq!(many, "`churn-1a` may be any of these runs: churn-1a2b3c4d, churn-1affffff");
        let FindError::NoRun { near, .. } = choose("churn-1a2b3c4e").unwrap_err() else {
            panic!("another error")
        };
        assert_eq!(near.as_deref(), Some("churn-1a2b3c4d"));
    }

    #[test]
    fn an_output_may_be_one_of_several() {
        assert_eq!(position("models[12]"), ("models", 12));
        for plain in ["models", "models[]", "models[x]", "[1"] {
            assert_eq!(position(plain), (plain, 0));
        }
    }
}
