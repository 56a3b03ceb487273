//! `lightship image …`.

mod load;
mod look;
mod names;
mod reshape;
mod run;
mod transfer;

use super::{Context, Error, Outcome};
use crate::args::ImageCommand;

/// Dispatches.
pub(super) fn run(command: &ImageCommand, context: &mut Context<'_>) -> Result<Outcome, Error> {
    match command {
        ImageCommand::History(args) => look::history(args, context),
        ImageCommand::Diff(args) => look::diff(args, context),
        ImageCommand::Run(args) => run::run(args, context),
        ImageCommand::Validate(args) => look::validate(args, context),
        ImageCommand::Squash(args) => reshape::squash(args, context),
        ImageCommand::Convert(args) => reshape::convert(args, context),
        ImageCommand::Copy(args) => transfer::copy(args, context),
        ImageCommand::Pull(args) => transfer::pull(args, context),
        ImageCommand::Push(args) => transfer::push(args, context),
        ImageCommand::Save(args) => transfer::save(args, context),
        ImageCommand::Load(args) => load::load(args, context),
        ImageCommand::Ls(args) => names::list(args, context),
        ImageCommand::Rm(args) => names::remove(args, context),
        ImageCommand::Tag(args) => names::tag(args, context),
    }
}
