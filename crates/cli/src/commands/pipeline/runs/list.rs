//! `lightship runs ls`.

use lightship_base::{Clock as _, SystemClock};
use lightship_engine::{RunId, RunQuery, Sort, Store as _};

use super::super::PipelineError;
use super::super::record::Record;
use crate::args::RunsListArgs;
use crate::commands::{Context, Error, Outcome};
use crate::views::runs::list::{RunRow, RunsDocument};

pub(super) fn run(args: &RunsListArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let record = Record::open(&settings)?;
    let query = RunQuery {
        experiment: args.experiment.clone(),
        states: args.state.clone(),
        name_contains: args.name.clone(),
        sort: Sort { descending: true, ..Sort::default() },
        limit: Some(args.limit),
        offset: 0,
    };
    let page = record.wait(record.store.runs(&query)).map_err(PipelineError::from)?;
    let ids: Vec<RunId> = page.items.iter().map(|run| run.id.clone()).collect();
    let tallies = record.wait(record.store.tallies(&ids)).map_err(PipelineError::from)?;
    let row = |(summary, tally): (lightship_engine::RunSummary, _)| {
        let driven = !summary.state.is_final() && record.is_driven(&summary.id)?;
        Ok(RunRow::new(summary, tally, driven))
    };
    let runs = page.items.into_iter().zip(tallies).map(row).collect::<Result<_, Error>>()?;
    let document = RunsDocument { runs, total: page.total };
    let look = context.terminal.out.look;
    let now = SystemClock.now();
    context.emit(args.output.format, &document, || document.text(now, &look))?;
    Ok(Outcome::Fine)
}
