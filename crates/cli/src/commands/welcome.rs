//! `lightship` alone: a short screen that says what to do next.

use std::io::Write as _;

use crate::args::PROGRAM;
use crate::render::style;

use super::{Context, Error, Outcome};

/// What people come for, in the order in which they need it.
const FIRST_STEPS: [(&str, &str); 7] = [
    ("build DIR", "a lean image of a project"),
    ("verify DIR", "proof that it does its work"),
    ("run PIPELINE", "a Kubeflow pipeline, on this machine"),
    ("bake PIPELINE -o OUT", "steps of a pipeline that start without pip"),
    ("audit IMAGE", "which bytes are waste, why, what to do"),
    ("image run IMAGE -- CMD", "a command in it, locked in, at once"),
    ("image copy IMAGE OUT", "between registries, archives, folders"),
];

pub(super) fn run(context: &mut Context<'_>) -> Result<Outcome, Error> {
    let (heading, code, dim) = (style::HEADING, style::CODE, style::DIM);
    let out = &mut context.terminal.out;
    writeln!(
        out,
        "{heading}{PROGRAM} {}{heading:#}: lean container images for machine learning, proven to work\n",
        env!("CARGO_PKG_VERSION")
    )?;
    let widest = FIRST_STEPS.iter().map(|(step, _)| step.len()).max().unwrap_or(0);
    for (step, purpose) in FIRST_STEPS {
        writeln!(out, "  {code}{PROGRAM} {step:widest$}{code:#}  {purpose}")?;
    }
    writeln!(
        out,
        "\nDIR is a project. IMAGE is app.tar, oci:folder, docker://registry/name:tag,\n\
         or a name that the local store has.\n\
         {dim}All commands: {PROGRAM} help. One of them: {PROGRAM} help audit.{dim:#}"
    )?;
    Ok(Outcome::Fine)
}
