//! `lightship cache …`, and why tasks ran although there is a cache.

mod explain;
mod list;
mod remove;

pub(super) use explain::tell;

use crate::args::CacheCommand;
use crate::commands::{Context, Error, Outcome};
use crate::sandboxes;

/// Dispatches.
pub(in crate::commands) fn run(
    command: &CacheCommand,
    context: &mut Context<'_>,
) -> Result<Outcome, Error> {
    // As with artifacts: some belong to subordinate ids.
    let _ = sandboxes::enter_subordinate_ids();
    match command {
        CacheCommand::Ls(args) => list::run(args, context),
        CacheCommand::Rm(args) => remove::run(args, context),
    }
}
