//! `lightship cache ls`.

use std::fs;

use lightship_base::{ByteSize, Clock as _, SystemClock};
use lightship_engine::{CacheEntry, Content, Outputs};
use lightship_exec::{content_of, place};
use lightship_store::ResultQuery;

use crate::args::CacheListArgs;
use crate::commands::pipeline::PipelineError;
use crate::commands::pipeline::record::Record;
use crate::commands::{Context, Error, Outcome};
use crate::views::cache::{CacheDocument, KeptResult, State};

pub(super) fn run(args: &CacheListArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let record = Record::open(&settings)?;
    let query = ResultQuery {
        pipeline: args.pipeline.clone(),
        task: args.task.clone(),
        ..ResultQuery::default()
    };
    let entries = record.wait(record.store.results(&query)).map_err(PipelineError::from)?;
    let results = entries.into_iter().map(|entry| result(entry, args.check)).collect();
    let document = CacheDocument { results, checked: args.check };
    let (now, look) = (SystemClock.now(), context.terminal.out.look);
    context.emit(args.output.format, &document, || document.text(now, &look))?;
    Ok(Outcome::Fine)
}

fn result(entry: CacheEntry, check: bool) -> KeptResult {
    let state = state(&entry.outputs, check);
    let produced = entry.outputs.produced;
    KeptResult {
        key: entry.key.0,
        pipeline: entry.pipeline,
        component: entry.task,
        run: entry.run.to_string(),
        created: entry.created.to_string(),
        parameters: produced.parameters.into_keys().collect(),
        artifacts: produced.artifacts.into_keys().collect(),
        bytes: entry.outputs.contents.values().map(|content| content.size).sum::<ByteSize>(),
        state,
        at: entry.created,
    }
}

/// What became of the outputs. Without looking into them, a file that has its size is taken for what it was.
fn state(outputs: &Outputs, check: bool) -> State {
    let mut all = State::Ready;
    for (uri, content) in &outputs.contents {
        match of(uri, content, check) {
            State::Ready => {}
            State::Gone => return State::Gone,
            State::Changed => all = State::Changed,
        }
    }
    all
}

fn of(uri: &str, was: &Content, check: bool) -> State {
    let Some(path) = place(uri) else { return State::Gone };
    let Ok(about) = fs::symlink_metadata(path) else { return State::Gone };
    let same = match (check, about.is_file()) {
        (true, _) => matches!(content_of(path), Ok(Some(now)) if now == *was),
        (false, true) => about.len() == was.size.bytes(),
        (false, false) => about.is_dir(),
    };
    if same { State::Ready } else { State::Changed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_outputs_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let uri = path.display().to_string();
        fs::write(&path, "1234").unwrap();
        let was = content_of(&path).unwrap().unwrap();
        let state = |check| {
            let mut outputs = Outputs::default();
            outputs.contents.insert(uri.clone(), was);
            super::state(&outputs, check)
        };
        assert_eq!((state(false), state(true)), (State::Ready, State::Ready));
        fs::write(&path, "4321").unwrap();
        assert_eq!((state(false), state(true)), (State::Ready, State::Changed));
        fs::write(&path, "12345").unwrap();
        assert_eq!((state(false), state(true)), (State::Changed, State::Changed));
        fs::remove_file(&path).unwrap();
        assert_eq!((state(false), state(true)), (State::Gone, State::Gone));
    }
}
