//! `lightship cache …`: results that later runs may take.

use std::str::FromStr;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};

use super::{DurationArg, FormatArgs, LayerId};

/// Commands on the results that later runs may take.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// List the results that later runs may take, and whether their outputs are still there
    Ls(CacheListArgs),
    /// Forget results: their tasks run the next time
    ///
    /// Artifacts stay: they belong to the runs that made them.
    Rm(CacheRemoveArgs),
}

/// Arguments of `lightship cache ls`.
#[derive(Debug, Args)]
pub struct CacheListArgs {
    /// Of this pipeline
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// Of this task's component
    #[arg(long, value_name = "NAME")]
    pub task: Option<String>,
    /// Read all outputs and compare them with their digests
    #[arg(long)]
    pub check: bool,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}

/// Arguments of `lightship cache rm`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true)
    .args(["keys", "pipeline", "task", "older_than", "all"]))]
pub struct CacheRemoveArgs {
    /// Keys as `cache ls` shows them, or their beginnings: at least 6 digits
    #[arg(value_name = "KEY")]
    pub keys: Vec<LayerId>,
    /// All of this pipeline
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// All of this task's component
    #[arg(long, value_name = "NAME")]
    pub task: Option<String>,
    /// All that were made longer ago: 12h, 30d, 2w
    #[arg(long, value_name = "AGE")]
    pub older_than: Option<AgeArg>,
    /// All
    #[arg(long, conflicts_with_all = ["keys", "pipeline", "task", "older_than"])]
    pub all: bool,
    /// Say how many there are, and forget none
    #[arg(long)]
    pub dry_run: bool,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}

/// A length of time in which somebody counts days: `30d`, `2w`, and all that [`DurationArg`] knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgeArg(pub Duration);

impl FromStr for AgeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("write an age such as 12h, 30d or 2w, not `{text}`");
        let days = match (text.strip_suffix('d'), text.strip_suffix('w')) {
            (Some(days), _) => days.parse::<u32>().ok(),
            (None, Some(weeks)) => weeks.parse::<u32>().ok().and_then(|weeks| weeks.checked_mul(7)),
            (None, None) => {
                return text.parse().map(|DurationArg(time)| Self(time)).map_err(|_| wrong());
            }
        };
        let days = days.filter(|days| *days > 0).ok_or_else(wrong)?;
        Ok(Self(Duration::from_hours(24 * u64::from(days))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_count_days() {
        let hours = |text: &str| text.parse::<AgeArg>().map(|age| age.0.as_secs() / 3_600);
        assert_eq!(hours("30d"), Ok(720));
        assert_eq!(hours("2w"), Ok(336));
        assert_eq!(hours("12h"), Ok(12));
        for wrong in ["", "d", "0d", "-1d", "1.5d", "99999999999w", "soon"] {
            assert!(hours(wrong).is_err(), "{wrong}");
        }
    }
}
