//! `lightship artifacts ls`.

use lightship_base::{Clock as _, SystemClock};
use lightship_engine::RunId;
use lightship_store::ArtifactQuery;

use super::find::{failed, run_named, unknown};
use crate::args::ArtifactListArgs;
use crate::commands::pipeline::record::Record;
use crate::commands::{Context, Error, Outcome};
use crate::views::artifacts::{Entry, ListDocument};

pub(super) fn run(args: &ArtifactListArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let record = Record::open(&settings)?;
    let run = args.run.as_deref().map(|text| run_named(&record, text)).transpose()?;
    let query = ArtifactQuery {
        run: run.clone(),
        kind: args.kind.clone(),
        pipeline: args.pipeline.clone(),
        text: args.name.clone(),
        limit: Some(args.limit.get()),
    };
    let rows = record.wait(record.store.find_artifacts(&query)).map_err(failed)?;
    let mut artifacts: Vec<Entry> = rows.into_iter().map(Entry::from).collect();
    if let Some(run) = &run {
        // What it took from the cache was made elsewhere, and belongs to it all the same.
        artifacts.extend(taken(&record, run)?.into_iter().filter(|entry| fits(args, entry)));
        artifacts.truncate(args.limit.get() as usize);
    }
    let document = ListDocument { artifacts };
    let (now, look) = (SystemClock.now(), context.terminal.out.look);
    context.emit(args.output.format, &document, || document.text(now, &look))?;
    Ok(Outcome::Fine)
}

fn taken(record: &Record, run: &RunId) -> Result<Vec<Entry>, Error> {
    record.wait(async {
        let mut entries = Vec::new();
        for taken in record.store.taken(run).await.map_err(failed)? {
            let outputs = &taken.outputs;
            for (output, artifact) in outputs
                .produced
                .artifacts
                .iter()
                .flat_map(|(o, list)| list.iter().map(move |a| (o, a)))
            {
                let rows = record.store.producers(&artifact.uri).await.map_err(failed)?;
                let content = outputs.contents.get(&artifact.uri).copied();
                entries.push(match rows.into_iter().next() {
                    Some(row) => row.into(),
                    None => unknown(&taken.from, output, artifact, content),
                });
            }
        }
        Ok(entries)
    })
}

/// The same conditions as those of the store's question.
fn fits(args: &ArtifactListArgs, entry: &Entry) -> bool {
    let kind = entry.kind.to_lowercase();
    let wanted = args.kind.as_ref().map(|kind| kind.to_lowercase());
    let task = entry.task.rsplit('/').next().unwrap_or_default();
    let has =
        |text: &String| [&*entry.name, &*entry.output, task].iter().any(|name| name.contains(text));
    wanted.is_none_or(|wanted| kind == wanted || kind == format!("system.{wanted}"))
        && args.pipeline.as_ref().is_none_or(|pipeline| *pipeline == entry.pipeline)
        && args.name.as_ref().is_none_or(has)
}
