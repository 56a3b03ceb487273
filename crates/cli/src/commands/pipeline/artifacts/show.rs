//! `lightship artifacts show`.

use lightship_base::{Clock as _, SystemClock};
use lightship_engine::driver::replay;
use lightship_engine::{Artifact, Content};
use lightship_exec::{content_of, place};
use lightship_ir::exchange::Shown;
use lightship_ir::{ArtifactType, ExecutorKind, Schema};
use lightship_store::ArtifactRow;

use super::content;
use super::find::{Found, failed, find};
use crate::args::ArtifactShowArgs;
use crate::commands::pipeline::record::Record;
use crate::commands::{Context, Error, Outcome};
use crate::views::artifacts::Entry;
use crate::views::artifacts::show::{ShowDocument, User};
use crate::views::chart::roc;

pub(super) fn run(args: &ArtifactShowArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let record = Record::open(&settings)?;
    let found = find(&record, &args.artifact.reference)?;
    let document = document(args, &record, found)?;
    let (now, look) = (SystemClock.now(), context.terminal.out.look);
    let lines = args.lines.get() as usize;
    context.emit(args.output.format, &document, || document.text(now, lines, &look))?;
    Ok(if document.intact == Some(false) { Outcome::Findings } else { Outcome::Fine })
}

fn document(args: &ArtifactShowArgs, record: &Record, found: Found) -> Result<ShowDocument, Error> {
    let Found { entry, content, row } = found;
    let shown = shown(&entry);
    let consumers = record.wait(record.store.consumers(&entry.uri)).map_err(failed)?;
    let consumers = consumers.into_iter().map(|user| User {
        run: user.run.to_string(),
        task: user.path,
        input: user.input,
        state: user.state.name(),
        cached_from: user.cached_from.map(|run| run.to_string()),
    });
    Ok(ShowDocument {
        image: row.as_ref().and_then(|row| image(record, row)),
        producer_known: row.is_some(),
        intact: content.filter(|_| args.check).and_then(|content| intact(&entry.uri, &content)),
        consumers: consumers.collect(),
        same_content: same_content(record, &entry)?,
        area_under_curve: match &shown {
            Some(Shown::Classification { roc: points, .. }) => roc::auc(points),
            Some(Shown::Metrics(_) | Shown::Sliced(_) | Shown::Html | Shown::Markdown) | None => {
                None
            }
        },
        content: content::preview(&entry.uri, content.as_ref(), shown.as_ref(), &entry.kind),
        entry,
        shown,
    })
}

/// What an artifact shows by its type.
fn shown(entry: &Entry) -> Option<Shown> {
    let kind = ArtifactType { schema: Schema::Title(entry.kind.clone()), version: String::new() };
    let (name, uri, metadata) = (entry.name.clone(), entry.uri.clone(), entry.metadata.clone());
    Artifact { name, kind, uri, metadata, custom_path: None }.shown()
}

/// Whether the content is what it was; none where it is not on this machine.
fn intact(uri: &str, was: &Content) -> Option<bool> {
    Some(matches!(content_of(place(uri)?), Ok(Some(now)) if now == *was))
}

/// Other places with the same content. Nothing is the same everywhere.
fn same_content(record: &Record, entry: &Entry) -> Result<Vec<String>, Error> {
    let Some(digest) = entry.digest.filter(|_| entry.bytes.is_some_and(|size| size.bytes() > 0))
    else {
        return Ok(Vec::new());
    };
    let rows = record.wait(record.store.with_content(digest)).map_err(failed)?;
    let mut uris: Vec<String> = rows.into_iter().map(|row| row.uri).collect();
    uris.retain(|uri| *uri != entry.uri);
    uris.dedup();
    Ok(uris)
}

/// The image that a task ran in, as the pipeline calls it. Nobody needs it so much that its lack would be an error.
fn image(record: &Record, row: &ArtifactRow) -> Option<String> {
    let known = record.wait(replay(&*record.store, &row.run)).ok()?;
    let task = known.state.task(row.node)?;
    match &known.state.plan().executor_of(task)?.kind {
        ExecutorKind::Container(container) => Some(container.image.text().to_owned()),
        ExecutorKind::Importer(_)
        | ExecutorKind::CreateVolume(_)
        | ExecutorKind::DeleteVolume(_) => None,
    }
}
