//! `lightship image …`: looking into images (here), reshaping them, moving them.

mod reshape;
mod run;
mod transfer;

use clap::{Args, Subcommand, ValueHint};

use super::values::Top;
use super::{FormatArgs, PlatformArgs, PlatformsArgs, RegistryArgs};

pub use reshape::{ConvertArgs, ConvertChange, Keep, KeepArgs, SquashArgs};
pub use run::{MemoryFolder, NetworkWish, RunArgs, Volume};
pub use transfer::{
    CopyArgs, ListArgs, LoadArgs, PullArgs, PushArgs, RemoveArgs, SaveArgs, TagArgs,
};

/// Commands on images.
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// Show each instruction with the bytes and files of its layer
    History(HistoryArgs),
    /// Compare two images: files, packages, layers, config
    Diff(DiffArgs),
    /// Merge the layers above the base into one; the base stays shared
    ///
    /// The files stay what they are, with all their attributes; what later layers shadowed or deleted
    /// is gone. The base's layers keep their digests, so that images on the same base go on sharing
    /// them.
    Squash(SquashArgs),
    /// Recompress layers or change the manifest's format
    ///
    /// The same input gives the same bytes, on any machine and with any number of threads.
    Convert(ConvertArgs),
    /// Run a command in an image, in milliseconds, without a daemon or root
    ///
    /// Without a command it runs what the image itself says, as the image's user. What it writes is gone
    /// afterwards, and it reaches no network unless you let it. The exit code is the command's own.
    Run(Box<RunArgs>),
    /// Name everything that is wrong with an image
    ///
    /// Reads every byte, does not stop at the first mistake, and ends with exit code 1 if there was
    /// one.
    Validate(ValidateArgs),
    /// Copy an image from anywhere to anywhere
    ///
    /// What is at the destination is not sent again. Transfers that break are resumed.
    Copy(CopyArgs),
    /// Copy an image from a registry into the local store
    Pull(PullArgs),
    /// Copy an image from the local store to a registry
    Push(PushArgs),
    /// Write an image of the local store into an archive
    Save(SaveArgs),
    /// Take an archive into the local store
    Load(LoadArgs),
    /// List the images of the local store
    Ls(ListArgs),
    /// Remove names from the local store
    Rm(RemoveArgs),
    /// Give an image of the local store another name
    Tag(TagArgs),
}

/// Arguments of `lightship image history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
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

/// Arguments of `lightship image diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The image as it was
    #[arg(value_name = "A", value_hint = ValueHint::AnyPath)]
    pub before: String,
    /// The image as it is
    #[arg(value_name = "B", value_hint = ValueHint::AnyPath)]
    pub after: String,
    /// Show this many rows of each table, or all
    #[arg(long, value_name = "N", default_value_t)]
    pub top: Top,
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

/// Arguments of `lightship image validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The image to check
    #[arg(value_name = "REF", value_hint = ValueHint::AnyPath)]
    pub reference: String,
    /// Check one platform of an index, or all.
    #[command(flatten)]
    pub platforms: PlatformsArgs,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
    /// How to speak to registries.
    #[command(flatten)]
    pub registry: RegistryArgs,
}
