//! `lightship bake` and `lightship run`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use lightship_oci::spec::Platform;

use super::cache::AgeArg;
use super::shared::{FormatArgs, RegistryArgs};
use super::values::Format;

/// How a pipeline in Python is compiled.
#[derive(Debug, Clone, Default, Args)]
pub struct CompileArgs {
    /// Which pipeline of a Python file, where it has several; `FILE.py:NAME` says the same
    #[arg(long, value_name = "NAME")]
    pub function: Option<String>,
    /// A Python that has `kfp` [default: that of the active environment, of .venv, along PATH, else one that is prepared]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath, conflicts_with = "sdk_image")]
    pub python: Option<PathBuf>,
    /// Compile a Python file in this image, which has `kfp` and whatever else the file imports
    #[arg(long, value_name = "IMAGE")]
    pub sdk_image: Option<String>,
}

/// Arguments of `lightship bake`.
#[derive(Debug, Args)]
pub struct BakeArgs {
    /// A pipeline: a Python file, or a compiled one as YAML, JSON, or a zip or tar.gz that holds one
    #[arg(value_name = "PIPELINE", value_hint = ValueHint::FilePath)]
    pub pipeline: PathBuf,
    /// Where the pipeline goes that uses the images
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Send the images there, to repositories of the steps: localhost:5000/team
    #[arg(long, value_name = "REGISTRY[/PATH]")]
    pub push: Option<String>,
    /// Run the imports of each step in its image; a step that lacks one stays as it is
    #[arg(long)]
    pub verify: bool,
    /// What the images run on [default: this machine's]
    #[arg(long, value_name = "OS/ARCH", conflicts_with = "verify")]
    pub platform: Option<Platform>,
    /// Take the newest versions that fit, also where others were locked before
    #[arg(long)]
    pub upgrade: bool,
    /// Fetch nothing: all must be in the local store
    #[arg(long)]
    pub offline: bool,
    /// For people or for programs.
    #[command(flatten)]
    pub format: FormatArgs,
    /// How a pipeline in Python is compiled.
    #[command(flatten)]
    pub compile: CompileArgs,
    /// How to speak to registries.
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// Arguments of `lightship run`.
#[derive(Debug, Args)]
pub struct PipelineRunArgs {
    /// A pipeline: a Python file, or a compiled one as YAML, JSON, or a zip or tar.gz that holds one
    #[arg(value_name = "PIPELINE", value_hint = ValueHint::FilePath)]
    pub pipeline: PathBuf,
    /// A parameter of the run; may be given several times
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = pair)]
    pub param: Vec<(String, String)>,
    /// A JSON file with parameters
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub params: Option<PathBuf>,
    /// The experiment that the run belongs to
    #[arg(long, value_name = "NAME", default_value = "Default")]
    pub experiment: String,
    /// What the run is called [default: the pipeline's name]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Run every task, whatever earlier runs found out
    #[arg(long)]
    pub no_cache: bool,
    /// Take no result that is older: 12h, 30d, 2w
    #[arg(long, value_name = "AGE", conflicts_with = "no_cache")]
    pub cache_ttl: Option<AgeArg>,
    /// Say why each task ran that was not taken from the cache
    #[arg(long)]
    pub explain_cache: bool,
    /// At most so many tasks at the same time [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    pub max_parallel: Option<u32>,
    /// Fetch nothing: all must be in the local store
    #[arg(long)]
    pub offline: bool,
    /// Show the run to a person, or write an event a line for a program
    #[arg(long, visible_alias = "format", value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// How a pipeline in Python is compiled.
    #[command(flatten)]
    pub compile: CompileArgs,
    /// What steps find on this machine.
    #[command(flatten)]
    pub here: HereArgs,
    /// How to speak to registries.
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// What steps of a pipeline find on this machine.
#[derive(Debug, Args)]
pub struct HereArgs {
    /// What is between steps and this machine
    #[arg(long, value_name = "KIND", value_enum, default_value_t = ExecutorKind::Sandbox)]
    pub executor: ExecutorKind,
    /// Settings: images, secrets, config maps [default: lightship.toml beside the pipeline, or here]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

/// What is between steps and this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExecutorKind {
    /// A sandbox around each
    Sandbox,
    /// Nothing: processes like any other, for machines on which no sandbox can be had
    Process,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
