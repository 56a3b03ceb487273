//! `lightship store …`: the local store as a whole.

use clap::{Args, Subcommand};

use super::FormatArgs;

/// Commands on the local store.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Show what the store holds and how much of it nothing refers to
    Df(UsageArgs),
    /// Remove what nothing refers to
    Gc(GcArgs),
    /// Read every blob again and compare it with its digest
    Verify(VerifyArgs),
}

/// Arguments of `lightship store df`.
#[derive(Debug, Args)]
pub struct UsageArgs {
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}

/// Arguments of `lightship store gc`.
#[derive(Debug, Args)]
pub struct GcArgs {
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Let go of packages and results of builds that no build used for so many days; images stay
    #[arg(long, value_name = "DAYS", default_value_t = 60)]
    pub unused: u32,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}

/// Arguments of `lightship store verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Remove blobs that are not what their digest says; pulling again brings them back
    #[arg(long)]
    pub remove_corrupt: bool,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}
