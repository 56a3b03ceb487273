//! `lightship sbom`.

use clap::{Args, ValueHint};

use super::{FormatArgs, PlatformArgs, RegistryArgs};

/// Arguments of `lightship sbom`.
#[derive(Debug, Args)]
pub struct SbomArgs {
    /// The image
    #[arg(value_name = "REF", value_hint = ValueHint::AnyPath)]
    pub reference: String,

    /// Which platform of an index.
    #[command(flatten)]
    pub platform: PlatformArgs,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
    /// How to speak to registries.
    #[command(flatten)]
    pub registry: RegistryArgs,
}
