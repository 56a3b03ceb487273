//! Commands that write another image than they read.

use clap::{Args, ValueHint};
use lightship_oci::spec::Compression;

use crate::args::values::{CompressionWish, LayerId, ManifestFormat};
use crate::args::{FormatArgs, PlatformArgs, RegistryArgs};

/// Arguments of `lightship image squash`.
#[derive(Debug, Args)]
pub struct SquashArgs {
    /// The image to squash
    #[arg(value_name = "REF", value_hint = ValueHint::AnyPath)]
    pub reference: String,
    /// Where the squashed image goes
    #[arg(long = "output", short = 'o', value_name = "OUT", value_hint = ValueHint::AnyPath)]
    pub destination: String,
    /// Which layers stay as they are.
    #[command(flatten)]
    pub keep: KeepArgs,
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

/// Which layers stay as they are: at most one of these; [`KeepArgs::wish`] says which.
#[derive(Debug, Clone, Args)]
#[group(multiple = false)]
pub struct KeepArgs {
    /// Keep the layers of this image, the base [default: detected]
    #[arg(long, value_name = "REF", value_hint = ValueHint::AnyPath)]
    base: Option<String>,
    /// Keep the lowest N layers; 0 merges all
    #[arg(long, value_name = "N")]
    keep_layers: Option<usize>,
    /// Merge this layer and all above it; a digest or its beginning
    #[arg(long, value_name = "DIGEST")]
    from_layer: Option<LayerId>,
}

/// Which layers a squash leaves alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// Those of the base, as detected.
    DetectedBase,
    /// Those of this image.
    Base(String),
    /// The lowest so many.
    Lowest(usize),
    /// Those below this one.
    Below(LayerId),
}

impl KeepArgs {
    /// What was asked for; clap has made sure that it is one thing.
    pub fn wish(self) -> Keep {
        match (self.base, self.keep_layers, self.from_layer) {
            (Some(base), _, _) => Keep::Base(base),
            (None, Some(layers), _) => Keep::Lowest(layers),
            (None, None, Some(layer)) => Keep::Below(layer),
            (None, None, None) => Keep::DetectedBase,
        }
    }
}

/// Arguments of `lightship image convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// The image to convert
    #[arg(value_name = "REF", value_hint = ValueHint::AnyPath)]
    pub reference: String,
    /// Where the converted image goes
    #[arg(long = "output", short = 'o', value_name = "OUT", value_hint = ValueHint::AnyPath)]
    pub destination: String,
    /// What to change.
    #[command(flatten)]
    pub change: ConvertChange,
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

/// What a conversion changes: one of these, or both.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct ConvertChange {
    /// Compress layers with none, gzip[:1-9] or zstd[:1-19]
    ///
    /// Layers that are of this kind already stay as they are, unless a level is written.
    #[arg(long, value_name = "KIND[:LEVEL]")]
    pub compression: Option<CompressionWish>,
    /// Write this kind of manifest and config
    #[arg(long, value_name = "oci|docker", value_enum, hide_possible_values = true)]
    pub manifest: Option<ManifestFormat>,
}

impl ConvertArgs {
    /// Docker's manifests have no media type for zstd layers.
    pub(in crate::args) fn check(&self) -> Result<(), &'static str> {
        let zstd = self.change.compression.map(|wish| wish.level.compression());
        match (zstd, self.change.manifest) {
            (Some(Compression::Zstd), Some(ManifestFormat::Docker)) => {
                Err("Docker's manifest format has no zstd layers; use `--manifest oci` or gzip")
            }
            _ => Ok(()),
        }
    }
}
