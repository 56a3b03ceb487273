//! `lightship completions`: a shell's script, made from the definitions.

use crate::args::{self, CompletionsArgs, PROGRAM};

use super::{Context, Error, Outcome};

pub(super) fn run(
    arguments: &CompletionsArgs,
    context: &mut Context<'_>,
) -> Result<Outcome, Error> {
    let mut command = args::command(context.terminal.help_width());
    // Into memory first: the generator panics on a writer that fails.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, PROGRAM, &mut script);
    context.terminal.out.exact().write_all(&script)?;
    Ok(Outcome::Fine)
}
