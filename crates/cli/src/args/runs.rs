//! `lightship runs …`.

use clap::Subcommand;

use super::CompareArgs;

/// Commands on runs.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// Show runs side by side: inputs, metrics, tasks, artifacts and plans
    ///
    /// Of what differs it tells all; of metrics how far they are from those of the first run.
    Compare(CompareArgs),
}
