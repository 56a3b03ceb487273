//! `lightship runs …`: runs of pipelines on this machine.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use lightship_engine::RunState;

use super::shared::{FormatArgs, RegistryArgs};
use super::values::DurationArg;
use super::{CompareArgs, HereArgs};

/// Commands on runs.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List runs, the newest first
    Ls(RunsListArgs),
    /// Show a run: what became of each task, and what to do now
    ///
    /// A loop of many rounds is one line, and one for each round that failed.
    Show(RunsShowArgs),
    /// Print what tasks printed
    Logs(RunsLogsArgs),
    /// Draw which tasks follow which: of a run, or of a pipeline's file
    Graph(RunsGraphArgs),
    /// End a run: its tasks are told to stop, and exit tasks run
    ///
    /// The run may be driven by another process: that one is asked. Where nobody drives it, this command does, until it
    /// has ended.
    Cancel(RunsCancelArgs),
    /// Let a run start nothing more; what runs goes on
    Pause(RunArg),
    /// Let a run go on that was paused
    Unpause(RunArg),
    /// Go on with a run whose process has ended
    ///
    /// What is finished is not repeated. Attempts that were lost with Lightship are recorded as lost, and repeated
    /// without using up a retry.
    Resume(RunsDriveArgs),
    /// Try again what failed in a run, and what depends on it
    Retry(RunsDriveArgs),
    /// Run one task of a run again, and all that depends on it
    ///
    /// It runs whatever the cache knows. With `--pipeline` it runs with the code of that file, which must have the same
    /// tasks; what depends on it goes by that file as well.
    Rerun(RunsRerunArgs),
    /// Wait for the end of a run, whoever drives it
    ///
    /// The exit code is that of `lightship run`.
    Wait(RunsWaitArgs),
    /// Remove runs with their logs, workspaces and artifacts
    ///
    /// Artifacts stay that another run took, or that belong to a result that the cache keeps; `--results` lets the cache
    /// forget it.
    Rm(RunsRemoveArgs),
    /// Show runs side by side: inputs, metrics, tasks, artifacts and plans
    ///
    /// Of what differs it tells all; of metrics how far they are from those of the first run.
    Compare(CompareArgs),
}

/// One run.
#[derive(Debug, Args)]
pub struct RunArg {
    /// The run: its id, the beginning of it, or `latest`
    #[arg(value_name = "RUN")]
    pub run: String,
}

/// Arguments of `lightship runs ls`.
#[derive(Debug, Args)]
pub struct RunsListArgs {
    /// Those of this experiment
    #[arg(long, value_name = "NAME")]
    pub experiment: Option<String>,
    /// Those in this state; may be given several times
    #[arg(long, value_name = "STATE", value_parser = state)]
    pub state: Vec<RunState>,
    /// Those with this in their names
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u32,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}

/// Arguments of `lightship runs show`.
#[derive(Debug, Args)]
pub struct RunsShowArgs {
    /// The run: its id, the beginning of it, or `latest`
    #[arg(value_name = "RUN", default_value = "latest")]
    pub run: String,
    /// Every round of every loop
    #[arg(long)]
    pub all: bool,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}

/// Arguments of `lightship runs logs`.
#[derive(Debug, Args)]
pub struct RunsLogsArgs {
    /// The run: its id, the beginning of it, or `latest`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// A task as `runs show` names it, or the last part of that; without one, all
    #[arg(value_name = "TASK")]
    pub task: Option<String>,
    /// Of this attempt, from 1 [default: the latest]
    #[arg(long, value_name = "N", requires = "task")]
    pub attempt: Option<u32>,
    /// Go on until the task, or the run, has ended
    #[arg(long, short)]
    pub follow: bool,
}

/// Arguments of `lightship runs graph`.
#[derive(Debug, Args)]
pub struct RunsGraphArgs {
    /// A run, or the file of a compiled pipeline
    #[arg(value_name = "RUN|PIPELINE", value_hint = ValueHint::FilePath)]
    pub what: String,
    /// In which language
    #[arg(long, value_name = "text|dot|mermaid|json", value_enum, default_value_t)]
    #[arg(hide_possible_values = true)]
    pub format: GraphFormat,
}

/// A language for graphs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// For people
    #[default]
    Text,
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
    /// For programs
    Json,
}

/// Arguments of `lightship runs cancel`.
#[derive(Debug, Args)]
pub struct RunsCancelArgs {
    /// The run: its id, the beginning of it, or `latest`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Wait until it has ended
    #[arg(long)]
    pub wait: bool,
    /// What steps find on this machine.
    #[command(flatten)]
    pub here: HereArgs,
    /// How to speak to registries.
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// Arguments of `lightship runs resume` and `retry`.
#[derive(Debug, Args)]
pub struct RunsDriveArgs {
    /// The run: its id, the beginning of it, or `latest`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// What steps find on this machine.
    #[command(flatten)]
    pub here: HereArgs,
    /// How to speak to registries.
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// Arguments of `lightship runs rerun`.
#[derive(Debug, Args)]
pub struct RunsRerunArgs {
    /// The run: its id, the beginning of it, or `latest`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// A task as `runs show` names it, or the last part of that
    #[arg(value_name = "TASK")]
    pub task: String,
    /// The same pipeline with changed code
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub pipeline: Option<PathBuf>,
    /// Fetch nothing: all must be in the local store
    #[arg(long)]
    pub offline: bool,
    /// What steps find on this machine.
    #[command(flatten)]
    pub here: HereArgs,
    /// How to speak to registries.
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// Arguments of `lightship runs wait`.
#[derive(Debug, Args)]
pub struct RunsWaitArgs {
    /// The run: its id, the beginning of it, or `latest`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Give up after this time: 90s, 5m, 1h; the exit code is 124 then
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<DurationArg>,
}

/// Arguments of `lightship runs rm`.
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line, each by itself")]
#[derive(Debug, Args)]
pub struct RunsRemoveArgs {
    /// Runs: ids, beginnings of them, or `latest`
    #[arg(value_name = "RUN", required_unless_present_any = ["all", "older_than"])]
    pub runs: Vec<String>,
    /// All that nobody drives
    #[arg(long, conflicts_with = "runs")]
    pub all: bool,
    /// Those that were made longer ago than this, and that nobody drives: 30d, 12h
    #[arg(long, value_name = "TIME", conflicts_with = "runs", value_parser = age)]
    pub older_than: Option<DurationArg>,
    /// Let the cache forget what they found out, and remove those artifacts, too
    #[arg(long)]
    pub results: bool,
    /// Really: for `--all` and `--older-than`
    #[arg(long, short)]
    pub yes: bool,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}

/// The state of a run in any case.
fn state(text: &str) -> Result<RunState, String> {
    RunState::named(&text.to_ascii_uppercase()).ok_or_else(|| {
        let names = RunState::ALL.map(|state| state.name().to_ascii_lowercase());
        format!("write one of {}", names.join(", "))
    })
}

/// A time, also in days and weeks.
fn age(text: &str) -> Result<DurationArg, String> {
    const DAY: u64 = 24 * 60 * 60;
    let units = [('d', DAY), ('w', 7 * DAY)];
    let days = units.iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(*unit)?.parse().ok()?;
        number.checked_mul(*seconds)
    });
    match days {
        Some(seconds) => Ok(DurationArg(std::time::Duration::from_secs(seconds))),
        None => text.parse().map_err(|_| format!("write a time such as 30d or 12h, not `{text}`")),
    }
}
