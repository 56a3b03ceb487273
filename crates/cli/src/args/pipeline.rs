//! `lightship bake`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::shared::{FormatArgs, RegistryArgs};

/// Arguments of `lightship bake`.
#[derive(Debug, Args)]
pub struct BakeArgs {
    /// A compiled pipeline: YAML, JSON, or a zip or tar.gz that holds one
    #[arg(value_name = "PIPELINE", value_hint = ValueHint::FilePath)]
    pub pipeline: PathBuf,
    /// Where the pipeline goes that uses the images
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Send the images there, to repositories of the steps: localhost:5000/team
    #[arg(long, value_name = "REGISTRY[/PATH]")]
    pub push: Option<String>,
    /// Fetch nothing: all must be in the local store
    #[arg(long)]
    pub offline: bool,
    /// For people or for programs.
    #[command(flatten)]
    pub format: FormatArgs,
    /// How to speak to registries.
    #[command(flatten)]
    pub registry: RegistryArgs,
}
