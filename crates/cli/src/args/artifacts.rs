//! `lightship artifacts …`: what runs made.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::FormatArgs;

/// Commands on what runs made.
#[derive(Debug, Subcommand)]
pub enum ArtifactsCommand {
    /// List artifacts, the newest first
    Ls(ArtifactListArgs),
    /// Show an artifact: who made it, who used it, and its content
    ///
    /// Metrics, ROC curves, confusion matrices, Markdown and the text of pages are shown as well as a terminal can;
    /// of other texts the first lines.
    Show(ArtifactShowArgs),
    /// Copy an artifact's content, and make sure that it is what its task left there
    Get(ArtifactGetArgs),
    /// Follow an artifact to what it was made of, and to what was made of it
    ///
    /// Outputs that a task took from the cache are those of the task that made them, in whichever run that was.
    Lineage(LineageArgs),
}

/// Which artifact.
#[derive(Debug, Args)]
pub struct ArtifactArg {
    /// RUN/TASK/OUTPUT, the beginning of a digest, or a URI
    ///
    /// RUN is a run's id, its beginning, or `latest`. TASK is a path where the task is in a loop or in another pipeline:
    /// `for-loop-1[3]/train`. Of an output that is a list, `OUTPUT[1]` is the second artifact.
    #[arg(value_name = "REF")]
    pub reference: String,
}

/// Arguments of `lightship artifacts ls`.
#[derive(Debug, Args)]
pub struct ArtifactListArgs {
    /// Of this run: its id, the beginning of it, or latest
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
    /// Of this type: Model, Dataset, Metrics, system.Model, …
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Of runs of this pipeline
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// With this in their name, or in that of their output or task
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value = "50")]
    pub limit: NonZeroU32,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}

/// Arguments of `lightship artifacts show`.
#[derive(Debug, Args)]
pub struct ArtifactShowArgs {
    /// Which.
    #[command(flatten)]
    pub artifact: ArtifactArg,
    /// At most so many lines of its content
    #[arg(long, value_name = "N", default_value = "40")]
    pub lines: NonZeroU32,
    /// Read all of it, and say whether it is still what it was
    #[arg(long)]
    pub check: bool,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}

/// Arguments of `lightship artifacts get`.
#[derive(Debug, Args)]
pub struct ArtifactGetArgs {
    /// Which.
    #[command(flatten)]
    pub artifact: ArtifactArg,
    /// Where it goes: a file, a folder, or `-` for standard output
    #[arg(long, short, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub output: PathBuf,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `lightship artifacts lineage`.
#[derive(Debug, Args)]
pub struct LineageArgs {
    /// Which.
    #[command(flatten)]
    pub artifact: ArtifactArg,
    /// Only what it was made of
    #[arg(long, conflicts_with = "down")]
    pub up: bool,
    /// Only what was made of it
    #[arg(long)]
    pub down: bool,
    /// Past so many tasks at most
    #[arg(long, value_name = "N")]
    pub depth: Option<NonZeroU32>,
    /// A tree, a drawing for Graphviz or Mermaid, or JSON for programs
    #[arg(long, value_name = "text|dot|mermaid|json", value_enum, default_value_t)]
    #[arg(hide_possible_values = true)]
    pub format: LineageFormat,
}

/// How a lineage is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LineageFormat {
    /// A tree
    #[default]
    Text,
    /// For Graphviz
    Dot,
    /// For Mermaid
    Mermaid,
    /// For programs
    Json,
}
