//! `lightship audit`.

use clap::{Args, ValueHint};
use lightship_policy::Severity;

use super::values::{self, SubjectKind, Top};
use super::{FormatArgs, PlatformArgs, RegistryArgs};

/// Arguments of `lightship audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// The image to audit
    #[arg(value_name = "REF", value_hint = ValueHint::AnyPath)]
    pub reference: String,

    /// Take REF for this, whatever it looks like
    ///
    /// By itself a folder with an `oci-layout` file is an image, and any other folder a project.
    #[arg(long = "as", value_name = "image|project", value_enum)]
    #[arg(hide_possible_values = true)]
    pub kind: Option<SubjectKind>,

    /// The image that this one was built on [default: detected]
    ///
    /// The layers that both begin with count as the base's.
    #[arg(long, value_name = "REF", value_hint = ValueHint::AnyPath)]
    pub base: Option<String>,

    /// Show this many rows of each table, or all
    #[arg(long, value_name = "N", default_value_t)]
    pub top: Top,

    /// End with exit code 1 if a finding is this severe, or more
    #[arg(long, value_name = "info|warning|error", value_parser = values::severity())]
    #[arg(hide_possible_values = true)]
    pub fail_on: Option<Severity>,

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
