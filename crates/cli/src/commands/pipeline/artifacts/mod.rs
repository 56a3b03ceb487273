//! `lightship artifacts …`: what runs left behind.

mod content;
mod error;
mod find;
mod get;
mod lineage;
mod list;
mod magic;
mod show;

pub(super) use error::FindError;
pub(super) use find::run_named;

use crate::args::ArtifactsCommand;
use crate::commands::{Context, Error, Outcome};
use crate::sandboxes;

/// Dispatches.
pub(in crate::commands) fn run(
    command: &ArtifactsCommand,
    context: &mut Context<'_>,
) -> Result<Outcome, Error> {
    // What tasks wrote as another user belongs to a subordinate id, which only then can be read. Where there are none,
    // it may be readable all the same.
    let _ = sandboxes::enter_subordinate_ids();
    match command {
        ArtifactsCommand::Ls(args) => list::run(args, context),
        ArtifactsCommand::Show(args) => show::run(args, context),
        ArtifactsCommand::Get(args) => get::run(args, context),
        ArtifactsCommand::Lineage(args) => lineage::run(args, context),
    }
}
