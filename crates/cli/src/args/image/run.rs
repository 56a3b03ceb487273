//! Arguments of `lightship image run`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueHint};
use lightship_base::ByteSize;
use lightship_sandbox::{Mount, MountContent, Network};

use crate::settings::Environment;

use super::super::values::{DurationArg, SizeArg};
use super::super::{PlatformArgs, RegistryArgs};

/// Arguments of `lightship image run`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line, each by itself")]
pub struct RunArgs {
    /// The image
    #[arg(value_name = "REF", value_hint = ValueHint::AnyPath)]
    pub reference: String,
    /// The command and its arguments, in place of the image's own
    ///
    /// As with `docker run`: they follow the image's entry point where it has one. Everything from the
    /// first word on belongs to the command; `--` before it is needed only where it begins with `-`.
    #[arg(value_name = "CMD", trailing_var_arg = true)]
    pub command: Vec<OsString>,
    /// Taken for granted: whatever a command writes is gone afterwards
    #[arg(long, hide = true)]
    pub rm: bool,
    /// A program in place of the image's entry point
    #[arg(long, value_name = "PROGRAM")]
    pub entrypoint: Option<OsString>,
    /// Set a variable; without a value, pass on this shell's
    #[arg(long = "env", short = 'e', value_name = "NAME[=VALUE]")]
    pub variables: Vec<String>,
    /// Start in this folder, seen from inside
    #[arg(long, short = 'w', value_name = "DIR")]
    pub workdir: Option<PathBuf>,
    /// Be this user, by the image's names or by number
    #[arg(long, short = 'u', value_name = "USER[:GROUP]")]
    pub user: Option<String>,
    /// What the command calls the machine
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<String>,
    /// What the command can reach: nothing but itself, or what this machine reaches
    ///
    /// host: also this machine's own services. Whoever runs Lightship as root lets the command's root
    /// speak to them as root.
    #[arg(long, value_name = "none|host", value_enum, default_value_t)]
    #[arg(hide_possible_values = true)]
    pub network: NetworkWish,
    /// Show a file or folder of this machine inside
    ///
    /// ro: it cannot be changed. rw: changes are for good. cow: changes stay in the sandbox and are gone
    /// afterwards.
    #[arg(long = "volume", value_name = "SOURCE:TARGET[:ro|rw|cow]")]
    pub volumes: Vec<Volume>,
    /// An empty folder in memory
    #[arg(long, value_name = "TARGET[:SIZE]")]
    pub tmpfs: Vec<MemoryFolder>,
    /// Forbid writing into the image's file system
    #[arg(long)]
    pub read_only: bool,
    /// Use at most this many processors; 0.5 is half of one
    #[arg(long, value_name = "N", value_parser = positive)]
    pub cpus: Option<f64>,
    /// Use at most this much memory
    #[arg(long, short, value_name = "SIZE", value_parser = memory)]
    pub memory: Option<SizeArg>,
    /// At most this many processes and threads at once [default: 8192]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub pids_limit: Option<u32>,
    /// Write at most this much into the image's file system
    ///
    /// No file grows beyond it; many files together may overshoot it for half a second.
    #[arg(long, value_name = "SIZE")]
    pub disk: Option<SizeArg>,
    /// End the command after this time
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<DurationArg>,
    /// Kill it this long after it was told to end: by the timeout, or by SIGTERM
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    pub stop_timeout: DurationArg,
    /// Let this OCI runtime make the walls, by name or path: runc, crun, youki
    #[arg(long, value_name = "PROGRAM", value_hint = ValueHint::CommandName)]
    pub runtime: Option<PathBuf>,
    /// Give it this terminal's input
    #[arg(long, short)]
    pub interactive: bool,
    /// Give it a terminal of its own
    #[arg(long, short)]
    pub tty: bool,
    /// Which platform of an index.
    #[command(flatten)]
    pub platform: PlatformArgs,
    /// How to speak to registries.
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// What a command can reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum NetworkWish {
    /// A loopback interface of its own
    #[default]
    None,
    /// Whatever this machine reaches
    Host,
}

impl From<NetworkWish> for Network {
    fn from(wish: NetworkWish) -> Self {
        match wish {
            NetworkWish::None => Self::None,
            NetworkWish::Host => Self::Host,
        }
    }
}

/// Less than this holds no command and its sandbox; whoever writes it forgot the unit.
const LEAST_MEMORY: ByteSize = ByteSize(6 << 20);

fn memory(text: &str) -> Result<SizeArg, String> {
    let size: SizeArg = text.parse()?;
    if size.0 < LEAST_MEMORY {
        return Err(format!("no command runs in {}: write at least 6m", size.0));
    }
    Ok(size)
}

fn positive(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|n: &f64| n.is_finite() && *n > 0.0)
        .ok_or_else(|| "write a number above 0, such as 2 or 0.5".to_owned())
}

/// `SOURCE:TARGET[:ro|rw|cow]`, like `docker run --volume`.
#[derive(Debug, Clone)]
pub struct Volume(pub Mount);

impl FromStr for Volume {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape = || format!("write SOURCE:TARGET, and perhaps :ro, :rw or :cow, not `{text}`");
        let mut parts = text.split(':');
        let (source, target) = parts.next().zip(parts.next()).ok_or_else(shape)?;
        let (mode, rest) = (parts.next().unwrap_or("rw"), parts.next());
        if source.is_empty() || !target.starts_with('/') || rest.is_some() {
            return Err(shape());
        }
        let source = PathBuf::from(source);
        let content = match mode {
            "ro" => MountContent::ReadOnly(source),
            "rw" => MountContent::Writable(source),
            "cow" => MountContent::CopyOnWrite(source),
            _ => return Err(shape()),
        };
        Ok(Self(Mount { target: target.into(), content }))
    }
}

impl Volume {
    fn resolved(&self, environment: &Environment) -> Mount {
        let absolute = |path: &PathBuf| environment.absolute(path);
        let content = match &self.0.content {
            MountContent::ReadOnly(path) => MountContent::ReadOnly(absolute(path)),
            MountContent::Writable(path) => MountContent::Writable(absolute(path)),
            MountContent::Counted(path) => MountContent::Counted(absolute(path)),
            MountContent::CopyOnWrite(path) => MountContent::CopyOnWrite(absolute(path)),
            MountContent::Memory(size) => MountContent::Memory(*size),
        };
        Mount { target: self.0.target.clone(), content }
    }
}

/// `TARGET[:SIZE]`.
#[derive(Debug, Clone)]
pub struct MemoryFolder(pub Mount);

/// What a folder in memory may hold unless said otherwise.
const MEMORY_FOLDER: ByteSize = ByteSize(64 << 20);

impl FromStr for MemoryFolder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (target, size) = match text.split_once(':') {
            Some((target, size)) => (target, size.parse::<SizeArg>()?.0),
            None => (text, MEMORY_FOLDER),
        };
        if !target.starts_with('/') {
            return Err(format!("write an absolute path, and perhaps :SIZE, not `{text}`"));
        }
        Ok(Self(Mount { target: target.into(), content: MountContent::Memory(size) }))
    }
}

impl RunArgs {
    /// Everything that is to be seen beside the image. Relative paths begin in the working folder.
    pub fn mounts(&self, environment: &Environment) -> Vec<Mount> {
        let volumes = self.volumes.iter().map(|volume| volume.resolved(environment));
        volumes.chain(self.tmpfs.iter().map(|folder| folder.0.clone())).collect()
    }

    /// The time limit.
    pub fn time(&self) -> Option<Duration> {
        self.timeout.map(|limit| limit.0)
    }
}
