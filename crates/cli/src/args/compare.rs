//! `lightship runs compare`.

use clap::Args;

use super::FormatArgs;

/// Arguments of `lightship runs compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Runs: their ids, the beginnings of these, or latest; the others are compared with the first
    #[arg(value_name = "ID", num_args = 2..=8, required = true)]
    pub runs: Vec<String>,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}
