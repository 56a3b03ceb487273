//! Values of options: words from a short list, and a few with a grammar of their own.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use lightship_base::ByteSize;
use lightship_oci::compression::{CompressionLevel, ParseCompressionError};
use lightship_oci::reference::{ParseReferenceError, RegistryReference};
use lightship_oci::spec::Flavour;
use lightship_policy::Severity;

/// For whom to write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// When to colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWish {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Also into files and pipes
    Always,
    /// Not at all
    Never,
}

/// What an argument shall be taken for, whatever it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SubjectKind {
    /// A container image
    Image,
    /// A folder with source code
    Project,
}

/// The family of the manifest to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ManifestFormat {
    /// OCI image-spec 1.1
    Oci,
    /// Docker's Image Manifest V 2, Schema 2; it has no type for zstd
    Docker,
}

impl From<ManifestFormat> for Flavour {
    fn from(format: ManifestFormat) -> Self {
        match format {
            ManifestFormat::Oci => Self::Oci,
            ManifestFormat::Docker => Self::Docker,
        }
    }
}

/// The kind of archive to write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ArchiveFormat {
    /// An OCI image layout in one tar file
    #[default]
    Oci,
    /// What `docker load` of any age takes
    Docker,
}

/// A compression, and whether its level was written: `zstd` means any zstd, `zstd:9` this very one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompressionWish {
    /// The kind and level.
    pub level: CompressionLevel,
    /// Whether the user wrote the level.
    pub exactly: bool,
}

impl FromStr for CompressionWish {
    type Err = ParseCompressionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self { level: text.parse()?, exactly: text.contains(':') })
    }
}

/// How many rows of a long table to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Top {
    /// All of them.
    All,
    /// The first so many.
    Rows(NonZeroUsize),
}

impl Default for Top {
    fn default() -> Self {
        const TEN: NonZeroUsize = NonZeroUsize::new(10).expect("ten is not zero");
        Self::Rows(TEN)
    }
}

impl Top {
    /// The rows to show and the number of those left out.
    pub fn of<T>(self, rows: &[T]) -> (&[T], usize) {
        let shown = match self {
            Self::All => rows.len(),
            Self::Rows(limit) => limit.get().min(rows.len()),
        };
        (&rows[..shown], rows.len() - shown)
    }
}

impl FromStr for Top {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self::All),
            _ => text.parse().map(Self::Rows).map_err(|_| "expected a number from 1 up, or all"),
        }
    }
}

impl fmt::Display for Top {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Rows(limit) => limit.fmt(f),
        }
    }
}

/// A layer, by the beginning of its digest or diff ID: six to 64 lower-case hex digits, without the
/// algorithm's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerId(String);

impl LayerId {
    /// Whether `hex` (64 digits) is the layer that is meant.
    pub fn is_start_of(&self, hex: &str) -> bool {
        hex.starts_with(&self.0)
    }
}

impl FromStr for LayerId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        let digits = hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if digits && (6..=64).contains(&hex.len()) {
            return Ok(Self(hex.to_owned()));
        }
        Err("expected a digest, or at least its first 6 hex digits")
    }
}

impl fmt::Display for LayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number of bytes: `512m`, `2g`, `1.5GiB`. Letters mean powers of 1,024, as in `docker run`, with one
/// exception for whoever spells it out: `MB` and the like are powers of 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeArg(pub ByteSize);

impl FromStr for SizeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("write a size such as 512m, 2g or 1.5GiB, not `{text}`");
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let factor: f64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1.0,
            "k" | "ki" | "kib" => 1024.0,
            "m" | "mi" | "mib" => 1024.0 * 1024.0,
            "g" | "gi" | "gib" => 1024.0 * 1024.0 * 1024.0,
            "t" | "ti" | "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
            "kb" => 1e3,
            "mb" => 1e6,
            "gb" => 1e9,
            "tb" => 1e12,
            _ => return Err(wrong()),
        };
        // More than a float counts exactly is more than any machine has.
        let bytes = (number * factor).round();
        if (1.0..9e15).contains(&bytes) {
            return Ok(Self(ByteSize(format!("{bytes:.0}").parse().map_err(|_| wrong())?)));
        }
        Err(wrong())
    }
}

/// A time: `90s`, `5m`, `1h 30m`; a number alone is seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurationArg(pub Duration);

impl FromStr for DurationArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("write a time such as 90s, 5m or 1h, not `{text}`");
        let time = if let Ok(seconds) = text.parse::<f64>() {
            Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?
        } else {
            let time: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
            Duration::try_from(time).map_err(|_| wrong())?
        };
        if time.is_zero() { Err(wrong()) } else { Ok(Self(time)) }
    }
}

/// The words for severities come from `policy`; clap wants to know them for completions.
pub(super) fn severity() -> impl TypedValueParser<Value = Severity> {
    let words = [Severity::Info, Severity::Warning, Severity::Error].map(severity_word);
    PossibleValuesParser::new(words).try_map(|word| word.parse::<Severity>())
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// An image in a registry; the scheme may be left out where nothing else can be meant.
pub(super) fn registry_reference(text: &str) -> Result<RegistryReference, ParseReferenceError> {
    text.strip_prefix("docker://").unwrap_or(text).parse()
}
