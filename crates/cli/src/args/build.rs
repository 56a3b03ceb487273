//! `lightship build`, `lock`, `vendor` and `init`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use lightship_oci::compression::CompressionLevel;
use lightship_oci::spec::Platform;

use super::shared::{FormatArgs, RegistryArgs};

/// Which project, and how it may be locked.
#[derive(Debug, Clone, Args)]
pub struct ProjectArgs {
    /// The project's folder
    #[arg(value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
    /// Which platform it is for [default: this machine's]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<Platform>,
    /// Fetch nothing: all must be in the local store
    #[arg(long)]
    pub offline: bool,
    /// Take packages from a folder that `lightship vendor` made, and fetch nothing else
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub vendor: Option<PathBuf>,
}

/// Arguments of `lightship build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Which project.
    #[command(flatten)]
    pub project: ProjectArgs,
    /// Name the image in the local store; may be given several times [default: as the project says]
    #[arg(long = "tag", short = 't', value_name = "NAME")]
    pub tags: Vec<String>,
    /// Write it there instead: oci:DIR, docker-archive:FILE, docker://…
    #[arg(long, short, value_name = "REF", value_hint = ValueHint::AnyPath)]
    pub output: Option<String>,
    /// Send it to a registry as well
    #[arg(long, value_name = "REF")]
    pub push: Option<String>,
    /// Say how its size compares with this image's, which it replaces
    #[arg(long, value_name = "REF", value_hint = ValueHint::AnyPath)]
    pub compare: Option<String>,
    /// Measure how long the project's imports take in it; later builds with these packages remember
    #[arg(long)]
    pub measure: bool,
    /// Only say what would be made
    #[arg(long)]
    pub dry_run: bool,
    /// Fail where the lock is missing or out of date, instead of mending it
    #[arg(long)]
    pub locked: bool,
    /// Compress layers with none, gzip[:1-9] or zstd[:1-19] [default: zstd:9]
    #[arg(long, value_name = "KIND[:LEVEL]")]
    pub compression: Option<CompressionLevel>,
    /// Keep files of a category that would be left out: tests, stubs, headers, …; several times
    #[arg(long, value_name = "CATEGORY")]
    pub keep: Vec<String>,
    /// For people or for programs.
    #[command(flatten)]
    pub format: FormatArgs,
    /// How to speak to registries.
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// Arguments of `lightship lock`.
#[derive(Debug, Args)]
pub struct LockArgs {
    /// Which project.
    #[command(flatten)]
    pub project: ProjectArgs,
    /// Take the newest versions that fit, whatever the present lock says
    #[arg(long, conflicts_with = "check")]
    pub upgrade: bool,
    /// Write nothing; fail where the lock is missing or out of date
    #[arg(long)]
    pub check: bool,
}

/// Arguments of `lightship vendor`.
#[derive(Debug, Args)]
pub struct VendorArgs {
    /// Where the packages go
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub destination: PathBuf,
    /// The project's folder
    #[arg(long = "project", value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
}

/// Arguments of `lightship init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The project's folder
    #[arg(value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
    /// Write to standard output instead of `lightship.toml`
    #[arg(long)]
    pub print: bool,
}
