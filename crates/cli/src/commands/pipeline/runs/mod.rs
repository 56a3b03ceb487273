//! `lightship runs …`: what became of runs, and what is to become of them.

mod go_on;
mod graph;
mod list;
mod logs;
mod name;
mod order;
mod remove;
mod show;
mod wait;

use std::sync::Arc;

use lightship_engine::{RunId, RunState, RunSummary};
use lightship_ir::Plan;

use super::record::Record;
use super::{PipelineError, compare};
use crate::args::RunsCommand;
use crate::commands::{Context, Error, Outcome};
use crate::views::runs::tree::Tree;

pub(in crate::commands::pipeline) use name::NameError;

/// Dispatches.
pub(in crate::commands) fn run(
    command: &RunsCommand,
    context: &mut Context<'_>,
) -> Result<Outcome, Error> {
    match command {
        RunsCommand::Ls(args) => list::run(args, context),
        RunsCommand::Show(args) => show::run(args, context),
        RunsCommand::Logs(args) => logs::run(args, context),
        RunsCommand::Graph(args) => graph::run(args, context),
        RunsCommand::Cancel(args) => order::cancel(args, context),
        RunsCommand::Pause(args) => order::pause(args, context),
        RunsCommand::Unpause(args) => order::unpause(args, context),
        RunsCommand::Resume(args) => go_on::resume(args, context),
        RunsCommand::Retry(args) => go_on::retry(args, context),
        RunsCommand::Rerun(args) => go_on::rerun(args, context),
        RunsCommand::Wait(args) => wait::run(args, context),
        RunsCommand::Rm(args) => remove::run(args, context),
        RunsCommand::Compare(args) => compare::run(args, context),
    }
}

impl Record {
    /// A run at a glance; it is known to be there.
    pub(super) fn summary(&self, run: &RunId) -> Result<RunSummary, Error> {
        let found = self.wait(self.store.summary(run)).map_err(PipelineError::from)?;
        Ok(found
            .ok_or_else(|| NameError::Unknown { words: run.to_string() })
            .map_err(PipelineError::from)?)
    }

    /// The state of a run.
    pub(super) fn state(&self, run: &RunId) -> Result<RunState, Error> {
        Ok(self.summary(run)?.state)
    }

    /// The places of a run.
    pub(super) fn tree(&self, run: &RunId) -> Result<Tree, Error> {
        let rows = self.wait(self.store.tasks(run)).map_err(PipelineError::from)?;
        Ok(Tree::new(rows))
    }

    /// The plan that a run goes by now.
    pub(super) fn plan(&self, run: &RunId) -> Result<Arc<Plan>, Error> {
        let changed = self.wait(self.store.changed_plan(run)).map_err(PipelineError::from)?;
        let changed = changed.and_then(|plan| serde_json::from_value(plan).ok());
        match changed {
            Some(plan) => Ok(Arc::new(plan)),
            None => Ok(Arc::clone(&self.header(run)?.plan)),
        }
    }
}
