//! `lightship runs compare`: what differs between runs.

mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;

use lightship_base::{Digest, Timestamp};
use lightship_engine::{Header, NodeId, RunId, RunState, Store as _};
use lightship_store::{TaskRow, paths};
use serde_json::Value;

use super::PipelineError;
use super::artifacts::run_named;
use super::record::Record;
use crate::args::CompareArgs;
use crate::commands::{Context, Error, Outcome};
use crate::views::compare::{CompareDocument, ComparedRun, ComparedTask, Row};

pub(in crate::commands) fn run(
    args: &CompareArgs,
    context: &mut Context<'_>,
) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let record = Record::open(&settings)?;
    let mut sides = Vec::new();
    for text in &args.runs {
        let id = run_named(&record, text)?;
        sides.push(record.wait(Side::read(&record, &id))?);
    }
    let document = document(&sides);
    let look = context.terminal.out.look;
    context.emit(args.output.format, &document, || document.text(&look))?;
    Ok(Outcome::Fine)
}

/// All that is compared of a run.
struct Side {
    header: Arc<Header>,
    state: RunState,
    finished: Option<Timestamp>,
    tasks: BTreeMap<String, ComparedTask>,
    metrics: BTreeMap<String, f64>,
    digests: BTreeMap<String, Digest>,
}

impl Side {
    async fn read(record: &Record, run: &RunId) -> Result<Self, PipelineError> {
        let store = &*record.store;
        let missing = || lightship_engine::driver::DriveError::NoSuchRun(run.clone());
        let header = store.header(run).await?.ok_or_else(missing)?;
        let rows = store.tasks(run).await?;
        let places = paths(&rows);
        let root = rows.iter().find(|row| row.node == NodeId::ROOT);
        let mut metrics = BTreeMap::new();
        for metric in store.metrics(run).await? {
            let name = format!("{}/{}/{}", metric.path, metric.output, metric.name);
            metrics.insert(name, metric.value);
        }
        let mut digests = BTreeMap::new();
        for row in store.artifacts(Some(run), None).await? {
            let name = artifact(&row.path, &row.output, row.position as usize);
            digests.extend(row.content.map(|content| (name, content.digest)));
        }
        for taken in store.taken(run).await? {
            let path = places.get(&taken.node).cloned().unwrap_or_default();
            for (output, list) in &taken.outputs.produced.artifacts {
                for (at, one) in list.iter().enumerate() {
                    let content = taken.outputs.contents.get(&one.uri);
                    digests.extend(content.map(|c| (artifact(&path, output, at), c.digest)));
                }
            }
        }
        Ok(Self {
            state: state_of(store, run).await?,
            finished: root.and_then(|root| root.ended),
            tasks: tasks(&rows, &places),
            header,
            metrics,
            digests,
        })
    }
}

async fn state_of(
    store: &lightship_store::SqliteStore,
    run: &RunId,
) -> Result<RunState, PipelineError> {
    let known = lightship_engine::driver::replay(store, run).await?;
    Ok(known.state.run_state())
}

fn artifact(path: &str, output: &str, position: usize) -> String {
    match position {
        0 => format!("{path}/{output}"),
        position => format!("{path}/{output}[{position}]"),
    }
}

/// Places at which something runs: those that have none below them.
fn tasks(rows: &[TaskRow], places: &BTreeMap<NodeId, String>) -> BTreeMap<String, ComparedTask> {
    let inner: Vec<NodeId> = rows.iter().filter_map(|row| row.parent).collect();
    let inner: std::collections::HashSet<NodeId> = inner.into_iter().collect();
    let leaves = rows.iter().filter(|row| row.node != NodeId::ROOT && !inner.contains(&row.node));
    let named = leaves.map(|row| {
        let cached = row.cached_from.is_some();
        let took = row.started.zip(row.ended).filter(|_| !cached);
        let task = ComparedTask {
            state: row.state.name(),
            seconds: took.map(|(from, to)| seconds(from, to)),
            cached,
        };
        (places.get(&row.node).cloned().unwrap_or_default(), task)
    });
    named.collect()
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

fn document(sides: &[Side]) -> CompareDocument {
    let runs = sides.iter().map(|side| ComparedRun {
        id: side.header.id.to_string(),
        name: side.header.name.clone(),
        pipeline: side.header.plan.name.clone(),
        state: side.state.name(),
        created: side.header.created.to_string(),
        seconds: side.finished.map(|end| seconds(side.header.created, end)),
    });
    let inputs: Vec<BTreeMap<String, String>> = sides.iter().map(|s| inputs(&s.header)).collect();
    let plans: Vec<_> = sides.iter().map(|side| plan::parts(&side.header.plan)).collect();
    CompareDocument {
        runs: runs.collect(),
        inputs: rows(&inputs.iter().collect::<Vec<_>>(), differs),
        metrics: rows(&each(sides, |side| &side.metrics), |_| true),
        tasks: rows(&each(sides, |side| &side.tasks), |_| true),
        artifacts: rows(&each(sides, |side| &side.digests), |values| {
            let mut known = values.iter().flatten();
            let first = known.next();
            known.any(|value| Some(value) != first)
        }),
        plan: plan::differences(&plans),
    }
}

fn each<'s, T>(
    sides: &'s [Side],
    of: impl Fn(&'s Side) -> &'s BTreeMap<String, T>,
) -> Vec<&'s BTreeMap<String, T>> {
    sides.iter().map(of).collect()
}

fn inputs(header: &Header) -> BTreeMap<String, String> {
    let value = |(name, value): (&String, &Value)| (name.clone(), value.to_string());
    header.inputs.parameters.iter().map(value).collect()
}

/// A row for each name that one of them has, if it is wanted.
fn rows<T: Clone>(
    sides: &[&BTreeMap<String, T>],
    wanted: impl Fn(&[Option<T>]) -> bool,
) -> Vec<Row<T>> {
    let mut names: Vec<&String> = sides.iter().flat_map(|side| side.keys()).collect();
    names.sort();
    names.dedup();
    let row = |name: &String| Row {
        name: name.clone(),
        values: sides.iter().map(|side| side.get(name).cloned()).collect(),
    };
    names.into_iter().map(row).filter(|row| wanted(&row.values)).collect()
}

fn differs<T: PartialEq>(values: &[Option<T>]) -> bool {
    values.windows(2).any(|pair| pair[0] != pair[1])
}
