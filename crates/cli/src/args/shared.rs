//! Options that several commands share.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use lightship_oci::spec::Platform;

use super::values::{ColorWish, Format};

/// Options that every command takes.
#[derive(Debug, Clone, Default, Args)]
pub struct GlobalArgs {
    /// Folder of the local store, instead of `LIGHTSHIP_HOME`
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    #[arg(help_heading = GLOBAL)]
    pub home: Option<PathBuf>,

    /// Colour the output; auto: on terminals
    #[arg(long, global = true, value_name = "auto|always|never", value_enum, default_value_t)]
    #[arg(help_heading = GLOBAL, hide_possible_values = true)]
    pub color: ColorWish,

    /// Say nothing but results and errors
    #[arg(long, short, global = true, conflicts_with = "verbose", help_heading = GLOBAL)]
    pub quiet: bool,

    /// Say more: which settings are in force
    #[arg(long, short, global = true, help_heading = GLOBAL)]
    pub verbose: bool,
}

const GLOBAL: &str = "Global options";

/// For people or for programs.
#[derive(Debug, Clone, Default, Args)]
pub struct FormatArgs {
    /// Write for people or for programs
    ///
    /// Every JSON document has a `schema` field such as `lightship.audit/1`; the number changes only
    /// when something that was there is renamed, removed or means something else.
    #[arg(long, value_name = "text|json", value_enum, default_value_t)]
    #[arg(hide_possible_values = true)]
    pub format: Format,
}

/// Which platform of an index.
#[derive(Debug, Clone, Default, Args)]
pub struct PlatformArgs {
    /// Which platform of an index [default: this machine's]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<Platform>,
}

/// How to speak to registries.
#[derive(Debug, Clone, Default, Args)]
pub struct RegistryArgs {
    /// Speak plain HTTP to registries that are not on this machine, too
    #[arg(long)]
    pub plain_http: bool,
}

/// One platform of an index, or all.
#[derive(Debug, Clone, Default, Args)]
pub struct PlatformsArgs {
    /// Which platform of an index [default: this machine's]
    #[arg(long, value_name = "OS/ARCH", conflicts_with = "all_platforms")]
    platform: Option<Platform>,
    /// Every platform of an index, and the index itself
    #[arg(long)]
    all_platforms: bool,
}

/// Which platforms of an index are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformWish {
    /// The one that fits this machine.
    Host,
    /// This one.
    Only(Platform),
    /// All, and the index.
    All,
}

impl PlatformsArgs {
    /// What was asked for; clap has made sure that it is one thing.
    pub fn wish(self) -> PlatformWish {
        match (self.platform, self.all_platforms) {
            (Some(platform), _) => PlatformWish::Only(platform),
            (None, true) => PlatformWish::All,
            (None, false) => PlatformWish::Host,
        }
    }
}
