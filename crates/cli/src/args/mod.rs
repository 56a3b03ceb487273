//! The command line: every command, option and help text, defined once. Parsing, completions and
//! manual pages are all made from [`command`].

mod artifacts;
mod audit;
mod build;
mod cache;
mod compare;
mod doctor;
mod help;
mod image;
mod pipeline;
mod runs;
mod sbom;
mod shared;
mod store;
mod tools;
mod values;
mod verify;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub use artifacts::{
    ArtifactGetArgs, ArtifactListArgs, ArtifactShowArgs, ArtifactsCommand, LineageArgs,
    LineageFormat,
};
pub use audit::AuditArgs;
pub use build::{BuildArgs, InitArgs, LockArgs, ProjectArgs, VendorArgs};
pub use cache::{AgeArg, CacheCommand, CacheListArgs, CacheRemoveArgs};
pub use compare::CompareArgs;
pub use doctor::DoctorArgs;
pub use help::{Body, Example, Section, sections};
pub use image::{
    ConvertArgs, ConvertChange, CopyArgs, DiffArgs, HistoryArgs, ImageCommand, Keep, KeepArgs,
    ListArgs, LoadArgs, MemoryFolder, NetworkWish, PullArgs, PushArgs, RemoveArgs, RunArgs,
    SaveArgs, SquashArgs, TagArgs, ValidateArgs, Volume,
};
pub use pipeline::{BakeArgs, CompileArgs, ExecutorKind, HereArgs, PipelineRunArgs};
pub use runs::{
    GraphFormat, RunArg, RunsCancelArgs, RunsCommand, RunsDriveArgs, RunsGraphArgs, RunsListArgs,
    RunsLogsArgs, RunsRemoveArgs, RunsRerunArgs, RunsShowArgs, RunsWaitArgs,
};
pub use sbom::SbomArgs;
pub use shared::{FormatArgs, GlobalArgs, PlatformArgs, PlatformWish, PlatformsArgs, RegistryArgs};
pub use store::{GcArgs, StoreCommand, UsageArgs, VerifyArgs};
pub use tools::{CompletionsArgs, ManArgs};
pub use values::{
    ArchiveFormat, ColorWish, CompressionWish, DurationArg, Format, LayerId, ManifestFormat,
    SizeArg, SubjectKind, Top,
};

pub use verify::{CheckArgs, HttpTarget};

/// The name that the user types.
pub const PROGRAM: &str = "lightship";

/// What a container image weighs, why, and how to make it lean
///
/// Lightship reads images from folders, archives, registries and its own local store. It says to the
/// byte what is in them and what of it is waste, reshapes and moves them, runs commands in them and
/// proves that they still work. It needs no daemon and no root.
#[derive(Debug, Parser)]
#[command(name = PROGRAM, version, styles = crate::render::style::CLAP)]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do; without any, the first screen is shown.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say which bytes of an image are waste, why, and what to do
    ///
    /// Every byte that the layers store is kept, shadowed (written again by a later layer) or deleted
    /// (by a later layer); the three add up to what is stored, always. Duplicates are a view inside
    /// what is kept: the same content at several paths. Each wasted path names the instruction that
    /// wrote it and the one that made it waste.
    ///
    /// Findings say what the final filesystem carries that a running service rarely needs, and what
    /// each fix saves: on disk exactly, compressed as an estimate.
    Audit(AuditArgs),
    /// Make a lean image of a project: no Docker, no root, no Dockerfile
    ///
    /// The image is put together from verified packages instead of running installers: what is not needed
    /// never gets in, heavy packages are layers that all images share, and the same input gives the same
    /// bytes. Which packages those are is written to `lightship.lock`.
    Build(Box<BuildArgs>),
    /// Give a pipeline's steps images that have their packages already
    ///
    /// A lightweight Python step installs its packages with pip each time it starts. Here each set of packages becomes
    /// a lean image, once; images share their layers. What is written is the same pipeline, for any Kubeflow, whose
    /// steps name these images by digest and start without pip and without a shell.
    ///
    /// `python:3.N` becomes a base with that very Python; steps for which there is none stay as they are, and so does
    /// every step that does more than install packages. The exit code is 1 where an image could not be built.
    Bake(BakeArgs),
    /// Run a Kubeflow pipeline on this machine, each step in its image
    ///
    /// Steps that install packages when they start get images that have them, as by `lightship bake`. Everything is
    /// recorded: what ran with what, what it gave, what it printed. Results of earlier runs are taken where nothing that
    /// they follow from has changed. The exit code is 1 where the run does not succeed.
    Run(PipelineRunArgs),
    /// See runs of pipelines, end them, go on with them, remove them
    ///
    /// A run is named by its id, by the beginning of it or of its last part, as long as only one run is meant, or by
    /// `latest`. A task is named by its path, as `runs show` has it, or by the last part of that.
    #[command(subcommand)]
    Runs(RunsCommand),
    /// See what runs made, where it comes from, and copy it
    #[command(subcommand)]
    Artifacts(ArtifactsCommand),
    /// See which results later runs may take, and forget them
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Choose the packages of a project's image, and write them down
    ///
    /// `lightship.lock` names every package by its digest: Python and what it needs of the distribution,
    /// wheels, sources and what they are built with. Builds follow it to the byte. Versions that are locked
    /// stay where they still fit; `--upgrade` takes the newest.
    ///
    /// With `--check` the exit code is 1 where the lock is missing or out of date.
    Lock(LockArgs),
    /// Put what a lock names into a folder, to build without a network
    ///
    /// There `lightship build --vendor DIR` takes it from. Every file is verified against the lock, when it
    /// is written and when it is read.
    Vendor(VendorArgs),
    /// Write down what was found out about a project, to change it
    ///
    /// What needs no settings stays as it is: each line of the `lightship.toml` is a comment that says what
    /// was found and where. Remove the `#` to fix it, or write something else.
    Init(InitArgs),
    /// Check that an image does its work
    ///
    /// Each check runs in a sandbox of its own, several at once: commands, imports, HTTP probes, files.
    /// They are written in the project's `lightship.toml` or on the command line. Without any, two are
    /// made: the entry point starts, and what the source imports can be imported.
    Verify(Box<CheckArgs>),
    /// Print the bill of materials of an image
    ///
    /// One that was attached when the image was built is exact: every package in every layer, by digest.
    /// Where none is attached, one is made of what the image itself says to have installed.
    ///
    /// With `--format json` the document is printed as it is: `CycloneDX`, as other tools read it.
    Sbom(SbomArgs),
    /// Look into images, reshape them, move them
    #[command(subcommand)]
    Image(ImageCommand),
    /// See what the local store holds, check it, clean it up
    #[command(subcommand)]
    Store(StoreCommand),
    /// Say what this machine can and cannot do, and what to change
    ///
    /// Everything is tried, not guessed: namespaces, overlayfs, limits, the store's disk. Ends with exit
    /// code 1 if a command cannot work here.
    Doctor(DoctorArgs),
    /// Print a shell's completion script
    Completions(CompletionsArgs),
    /// Write the manual pages into a folder
    Man(ManArgs),
}

/// Everything that clap knows about the program, help texts included. Wrapped to `width` columns.
pub fn command(width: usize) -> clap::Command {
    help::attach(Cli::command()).term_width(width)
}

/// Understands the command line. `Err` is also how clap hands over `--help` and `--version`.
pub fn parse(arguments: Vec<OsString>, width: usize) -> Result<Cli, clap::Error> {
    let mut command = command(width);
    let matches = command.try_get_matches_from_mut(arguments)?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    if let Err((path, why)) = check(&cli) {
        return Err(complain(command, &path, ErrorKind::ArgumentConflict, why));
    }
    Ok(cli)
}

/// What clap cannot know of options that do not go together: the command's path, and why.
fn check(cli: &Cli) -> Result<(), ([&'static str; 2], &'static str)> {
    match &cli.command {
        Some(Command::Image(ImageCommand::Convert(convert))) => {
            convert.check().map_err(|why| (["image", "convert"], why))
        }
        Some(Command::Image(ImageCommand::Save(save))) => {
            save.check().map_err(|why| (["image", "save"], why))
        }
        Some(_) | None => Ok(()),
    }
}

/// An error of ours in clap's clothes: with the usage line of the command it is about.
fn complain(root: clap::Command, path: &[&str], kind: ErrorKind, why: &str) -> clap::Error {
    let mut command = root;
    command.build();
    for name in path {
        if let Some(inner) = command.find_subcommand(name).cloned() {
            command = inner;
        }
    }
    command.error(kind, why)
}

/// What `--color` says, found before parsing: complaints about the rest of the line, and help, obey it
/// too. Whether the value is a valid one is for the parser to say.
pub fn color_wish(arguments: &[OsString]) -> ColorWish {
    let mut wish = ColorWish::Auto;
    let mut words = arguments.iter().filter_map(|word| word.to_str()).take_while(|w| *w != "--");
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--color") {
            Some("") => words.next(),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        if let Some(value) = value {
            wish = <ColorWish as clap::ValueEnum>::from_str(value, false).unwrap_or(wish);
        }
    }
    wish
}

#[cfg(test)]
mod tests;
