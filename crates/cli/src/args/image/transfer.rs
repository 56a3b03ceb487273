//! Commands that move images, and those on the names in the local store.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use lightship_oci::reference::{ImageName, RegistryReference, StoreReference};

use crate::args::values::{self, ArchiveFormat};
use crate::args::{FormatArgs, PlatformWish, PlatformsArgs, RegistryArgs};

/// Arguments of `lightship image copy`.
#[derive(Debug, Args)]
pub struct CopyArgs {
    /// The image to copy
    #[arg(value_name = "SRC", value_hint = ValueHint::AnyPath)]
    pub source: String,
    /// Where the copy goes
    #[arg(value_name = "DST", value_hint = ValueHint::AnyPath)]
    pub destination: String,
    /// One platform of an index, or all.
    #[command(flatten)]
    pub platforms: PlatformsArgs,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
    /// How to speak to registries.
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// Arguments of `lightship image pull`.
#[derive(Debug, Args)]
pub struct PullArgs {
    /// The image in its registry; `docker://` may be left out
    #[arg(value_name = "REF", value_parser = values::registry_reference)]
    pub reference: RegistryReference,
    /// Call it this in the local store [default: as in the registry]
    #[arg(long, value_name = "NAME")]
    pub name: Option<ImageName>,
    /// One platform of an index, or all.
    #[command(flatten)]
    pub platforms: PlatformsArgs,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
    /// How to speak to registries.
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// Arguments of `lightship image push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// The image in the local store
    #[arg(value_name = "NAME")]
    pub name: StoreReference,
    /// Where it goes; `docker://` may be left out [default: the registry in its name]
    #[arg(value_name = "DST", value_parser = values::registry_reference)]
    pub destination: Option<RegistryReference>,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
    /// How to speak to registries.
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// Arguments of `lightship image save`.
#[derive(Debug, Args)]
pub struct SaveArgs {
    /// The image in the local store
    #[arg(value_name = "NAME")]
    pub name: StoreReference,
    /// The file to write
    #[arg(long = "output", short = 'o', value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The kind of archive
    #[arg(long, value_name = "oci|docker", value_enum, default_value_t)]
    #[arg(hide_possible_values = true)]
    pub archive_format: ArchiveFormat,
    /// One platform of an index, or all.
    #[command(flatten)]
    pub platforms: PlatformsArgs,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}

impl SaveArgs {
    /// Docker's archives hold images, not indexes.
    pub(in crate::args) fn check(&self) -> Result<(), &'static str> {
        match (self.archive_format, self.platforms.clone().wish()) {
            (ArchiveFormat::Docker, PlatformWish::All) => {
                Err("Docker's archives hold one platform; choose it with `--platform`")
            }
            _ => Ok(()),
        }
    }
}

/// Arguments of `lightship image load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// The archive to read: `docker save` of any age, or an OCI layout in a tar file
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub input: PathBuf,
    /// Load this image alone [default: all that have a name]
    ///
    /// By its name in the archive, its digest, or `@N` for the N-th that `docker save` wrote, from 0.
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Call it this in the local store [default: as in the archive]
    #[arg(long, value_name = "NAME")]
    pub name: Option<ImageName>,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}

/// Arguments of `lightship image ls`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}

/// Arguments of `lightship image rm`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// Names, or beginnings of digests (`sha256:` and at least 6 digits)
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<StoreReference>,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}

/// Arguments of `lightship image tag`.
#[derive(Debug, Args)]
pub struct TagArgs {
    /// The image, by name or by the beginning of its digest
    #[arg(value_name = "NAME")]
    pub name: StoreReference,
    /// Its further name
    #[arg(value_name = "NEW")]
    pub new: ImageName,
    /// For people or for programs.
    #[command(flatten)]
    pub output: FormatArgs,
}
