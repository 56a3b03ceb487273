//! `lightship cache rm`.

use lightship_base::{Clock as _, SystemClock};
use lightship_store::ResultQuery;

use crate::args::CacheRemoveArgs;
use crate::commands::pipeline::record::Record;
use crate::commands::pipeline::{FindError, PipelineError};
use crate::commands::{Context, Error, Outcome};
use crate::views::cache::ForgetDocument;

pub(super) fn run(args: &CacheRemoveArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let record = Record::open(&settings)?;
    let query = query(args);
    let one = |query: &ResultQuery| -> Result<u64, Error> {
        let found = record.wait(record.store.results(query)).map_err(PipelineError::from)?;
        Ok(found.len() as u64)
    };
    // A key that nothing has is a slip of the pen; nothing is forgotten then.
    for digits in &query.keys {
        let alone = ResultQuery { keys: vec![digits.clone()], ..ResultQuery::default() };
        if one(&alone)? == 0 {
            let digits = digits.clone();
            return Err(FindError::NoKey { digits }.into());
        }
    }
    let results = if args.dry_run {
        one(&query)?
    } else {
        record.wait(record.store.forget(&query)).map_err(PipelineError::from)?
    };
    let document = ForgetDocument { results, dry_run: args.dry_run };
    context.emit(args.output.format, &document, || document.text())?;
    Ok(Outcome::Fine)
}

/// What is to be forgotten; with `--all` that is a question without conditions.
fn query(args: &CacheRemoveArgs) -> ResultQuery {
    let age = args.older_than.and_then(|age| jiff::SignedDuration::try_from(age.0).ok());
    let before = age.map(|age| SystemClock.now().saturating_sub(age));
    ResultQuery {
        keys: args.keys.iter().map(ToString::to_string).collect(),
        pipeline: args.pipeline.clone(),
        task: args.task.clone(),
        before: before.map(|before| before.unwrap_or(lightship_base::Timestamp::MIN)),
        ..ResultQuery::default()
    }
}
