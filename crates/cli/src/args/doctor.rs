//! Arguments of `lightship doctor`.

use clap::Args;

use super::FormatArgs;

/// Arguments of `lightship doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}
