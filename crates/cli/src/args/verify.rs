//! Arguments of `lightship verify`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueHint};
use lightship_audit::imports::is_module_name;

use super::values::DurationArg;
use super::{FormatArgs, PlatformArgs, RegistryArgs};

/// Arguments of `lightship verify`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The image to check, or the folder of a project
    ///
    /// A project's checks are in its `lightship.toml`; without any, its own source says what must be
    /// importable.
    #[arg(value_name = "REF|DIR", value_hint = ValueHint::AnyPath)]
    pub subject: String,
    /// The project's image, in place of `image` in its `lightship.toml`
    #[arg(long, value_name = "REF", value_hint = ValueHint::AnyPath)]
    pub image: Option<String>,
    /// A command that must end with code 0; it runs in place of the image's entry point
    #[arg(long = "run", value_name = "CMD", value_parser = crate::settings::project::split_command)]
    #[arg(help_heading = CHECKS)]
    pub commands: Vec<Words>,
    /// A Python module that can be imported
    #[arg(long = "import", value_name = "MODULE", value_parser = module)]
    #[arg(help_heading = CHECKS)]
    pub imports: Vec<String>,
    /// A path that must be in the image
    #[arg(long = "file", value_name = "PATH", value_parser = absolute)]
    #[arg(help_heading = CHECKS)]
    pub files: Vec<String>,
    /// A port on which the image's entry point must answer to HTTP
    #[arg(long, value_name = "PORT[/PATH]", help_heading = CHECKS)]
    pub http: Vec<HttpTarget>,
    /// A file with checks, written like a `lightship.toml`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = CHECKS)]
    pub checks: Option<PathBuf>,
    /// Check nothing that is not written down
    ///
    /// By itself an image without checks is checked for two things: its entry point starts, and what
    /// the source imports can be imported.
    #[arg(long, help_heading = CHECKS)]
    pub no_defaults: bool,
    /// Record which modules the checks load that have no byte code, for the project's next build
    ///
    /// They are added to `lightship.profile` in the project's folder. Some modules are imported in functions of
    /// packages, which no reading of the project's source finds; without byte code each start compiles them anew.
    #[arg(long)]
    pub record: bool,
    /// How long each check may take that does not say [default: 60s]
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<DurationArg>,
    /// How many checks run at once [default: one per processor]
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
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

const CHECKS: &str = "Checks";

/// A command's words.
pub(super) type Words = Vec<String>;

/// `PORT[/PATH]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpTarget {
    /// Where a service listens.
    pub port: u16,
    /// What it is asked for.
    pub path: String,
}

impl FromStr for HttpTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (port, path) = match text.find('/') {
            Some(slash) => text.split_at(slash),
            None => (text, "/"),
        };
        let sound = !path.contains(|c: char| c.is_control() || c == ' ');
        match port.parse() {
            Ok(port) if port > 0 && sound => Ok(Self { port, path: path.to_owned() }),
            _ => Err("write a port and perhaps a path, such as 8080/health".to_owned()),
        }
    }
}

fn module(text: &str) -> Result<String, String> {
    if is_module_name(text) {
        return Ok(text.to_owned());
    }
    Err("write a module's name, such as sklearn.ensemble".to_owned())
}

fn absolute(text: &str) -> Result<String, String> {
    if text.starts_with('/') {
        return Ok(text.to_owned());
    }
    Err(format!("write a path from the image's root, such as /{text}"))
}
