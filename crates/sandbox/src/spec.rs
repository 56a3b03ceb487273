//! What to run, and within which bounds.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lightship_base::ByteSize;
use lightship_oci::spec::RunConfig;
use serde::{Deserialize, Serialize};

/// Where programs are looked for when the image does not say: what Docker assumes.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command and everything around it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spec {
    /// The program and its arguments; a program without a slash is looked for along `PATH`.
    pub command: Vec<OsString>,
    /// All variables it sees. `PATH`, `HOME` and `HOSTNAME` are added where missing.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it starts, seen from inside; made where it is missing.
    pub folder: PathBuf,
    /// Who it is.
    pub user: User,
    /// What it calls the machine.
    pub host_name: String,
    /// What it can reach.
    pub network: Network,
    /// What it sees beside the image.
    pub mounts: Vec<Mount>,
    /// What it may use.
    pub limits: Limits,
    /// Whether it may write into the image's file system at all. What it writes is gone afterwards
    /// either way.
    pub root: RootAccess,
    /// A terminal of its own of this size, in place of its three standard streams.
    pub terminal: Option<TerminalSize>,
    /// Whether its files wait for the caller when it has ended well: [`crate::Sandbox::wait_held`]. An OCI runtime
    /// holds nothing.
    pub hold: bool,
}

/// Who a command is: `USER[:GROUP]`, by name or number; empty means root, as in a config
/// (*OCI image-spec 1.1, config.md, `User`*). Names are those of the image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User(pub String);

/// What a command can reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// A loopback interface of its own, and nothing else.
    #[default]
    None,
    /// Whatever this machine reaches.
    Host,
}

/// What a command may do to the image's file system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RootAccess {
    /// It writes into a layer of its own, which is thrown away.
    #[default]
    Scratch,
    /// It cannot write.
    ReadOnly,
}

/// Something that is seen beside the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where it is seen: an absolute path inside. Links on the way are followed inside the image,
    /// never out of it; what is missing is made.
    pub target: PathBuf,
    /// What is seen there.
    pub content: MountContent,
}

/// What a mount shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountContent {
    /// A file or folder of this machine, which cannot be changed through it.
    ReadOnly(PathBuf),
    /// A file or folder of this machine, for good.
    Writable(PathBuf),
    /// An empty folder of this machine, for good; what is written there counts towards [`Limits::disk`].
    Counted(PathBuf),
    /// A file or folder of this machine; what is written stays in the sandbox and is thrown away.
    CopyOnWrite(PathBuf),
    /// An empty folder in memory, of at most so many bytes.
    Memory(ByteSize),
}

/// What a command may use. `None` is no limit, but for processes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Processors; 0.5 is half of one.
    pub cpus: Option<f64>,
    /// Memory of all its processes together.
    pub memory: Option<ByteSize>,
    /// Processes and threads at once; `None` is 8,192, so that no command brings a machine down.
    pub processes: Option<u32>,
    /// Bytes written into the image's file system and copy-on-write mounts: looked at twice a second, and
    /// at the end. No single file, wherever it is, can grow beyond it.
    pub disk: Option<ByteSize>,
    /// Wall time; then it is told to end, and [`Limits::grace`] later it is killed.
    pub time: Option<Duration>,
    /// How long it may take to end after it was told to.
    pub grace: Grace,
}

/// Time between a request to end and the end: ten seconds unless said otherwise, like Docker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grace(pub Duration);

impl Default for Grace {
    fn default() -> Self {
        Self(Duration::from_secs(10))
    }
}

/// A terminal's size in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

impl Spec {
    /// What the image itself says should run: entry point and arguments, variables, folder, user.
    /// `arguments` replaces the image's `Cmd`, as in `docker run IMAGE ARGUMENTS`.
    pub fn of_image(config: &RunConfig, arguments: &[OsString]) -> Self {
        let words = |list: &Option<Vec<String>>| -> Vec<OsString> {
            list.iter().flatten().map(OsString::from).collect()
        };
        let mut command = words(&config.entrypoint);
        command.extend(if arguments.is_empty() { words(&config.cmd) } else { arguments.to_vec() });
        let environment = config.env.iter().flatten().filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name.into(), value.into()))
        });
        let folder = config.working_dir.as_deref().filter(|folder| !folder.is_empty());
        Self {
            command,
            environment: environment.collect(),
            folder: Path::new("/").join(folder.unwrap_or("/")),
            user: User(config.user.clone().unwrap_or_default()),
            host_name: "lightship".to_owned(),
            network: Network::None,
            mounts: Vec::new(),
            limits: Limits::default(),
            root: RootAccess::Scratch,
            terminal: None,
            hold: false,
        }
    }

    /// Sets a variable, in place of one of the same name.
    pub fn set_variable(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        let name = name.into();
        self.environment.retain(|(present, _)| *present != name);
        self.environment.push((name, value.into()));
    }

    /// The variables with those that every command has: `home` is its user's.
    pub(crate) fn complete_environment(&mut self, home: &Path) {
        let host_name = self.host_name.clone();
        self.default_variable("PATH", DEFAULT_PATH);
        self.default_variable("HOME", home);
        self.default_variable("HOSTNAME", host_name);
        if self.terminal.is_some() {
            self.default_variable("TERM", "xterm");
        }
    }

    /// Sets a variable unless there is one of the name.
    fn default_variable(&mut self, name: &str, value: impl Into<OsString>) {
        if !self.environment.iter().any(|(present, _)| present == name) {
            self.environment.push((name.into(), value.into()));
        }
    }
}
