//! What is checked. Plain data: whoever reads `lightship.toml` or a command line makes it, and a report
//! can show it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use lightship_base::ByteSize;
use lightship_sandbox::Network;
use regex::Regex;
use serde::{Serialize, Serializer};

/// Something that must hold in an image.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What people call it.
    pub name: String,
    /// What must hold.
    #[serde(flatten)]
    pub kind: Kind,
    /// Where and within which bounds.
    #[serde(flatten)]
    pub around: Around,
}

/// What must hold.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// A command ends as expected.
    Command(CommandCheck),
    /// Modules can be imported.
    Imports(ImportsCheck),
    /// A service answers.
    Http(HttpCheck),
    /// Files are there, or are not.
    Files(FilesCheck),
    /// What the image itself says should run, starts.
    EntryPoint(EntryPointCheck),
}

/// Where a check's command runs and within which bounds. `None` is what the image, or whoever runs all
/// the checks, says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Around {
    /// Who it is: `USER[:GROUP]`, by the image's names or by number.
    pub user: Option<String>,
    /// Variables on top of the image's.
    pub environment: BTreeMap<String, String>,
    /// What it can reach.
    pub network: Network,
    /// How long it may take.
    #[serde(serialize_with = "seconds", rename = "timeout_seconds")]
    pub timeout: Option<Duration>,
    /// How much memory it may use.
    #[serde(rename = "memory_bytes")]
    pub memory: Option<ByteSize>,
}

#[expect(clippy::ref_option, reason = "serde asks for this signature")]
fn seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}

/// A command ends as expected.
#[derive(Debug, Clone, Serialize)]
pub struct CommandCheck {
    /// The program and its arguments; it runs instead of the image's entry point.
    pub run: Vec<String>,
    /// The code that it must end with.
    pub exit_code: u8,
    /// What must and must not be in its output.
    #[serde(flatten)]
    pub expected: Streams,
}

/// What must and must not be in a command's two streams.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Streams {
    /// Standard output.
    pub stdout: Expected,
    /// Standard error.
    pub stderr: Expected,
}

/// What must and must not be in a text.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Expected {
    /// Each must be found.
    pub must: Vec<Pattern>,
    /// None may be found.
    pub must_not: Vec<Pattern>,
}

/// A regular expression, as the `regex` crate writes them; `^` and `$` are a line's ends.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Reads one. The error says where it is wrong.
    pub fn new(text: &str) -> Result<Self, regex::Error> {
        regex::RegexBuilder::new(text).multi_line(true).build().map(Self)
    }

    /// Whether it is somewhere in `text`.
    pub fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Modules can be imported, all by one interpreter.
#[derive(Debug, Clone, Serialize)]
pub struct ImportsCheck {
    /// Which.
    pub modules: Vec<ImportItem>,
}

/// One module, and what is taken from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportItem {
    /// Its whole name.
    pub module: String,
    /// Names that it must have.
    pub names: Vec<String>,
    /// Where the source imports it: `file:line`, the first few.
    pub places: Vec<String>,
    /// Whether the program does without it: its failure is told and does not count.
    pub optional: bool,
}

impl ImportItem {
    /// A module that somebody named.
    pub fn named(module: impl Into<String>) -> Self {
        Self { module: module.into(), names: Vec::new(), places: Vec::new(), optional: false }
    }

    /// The statement that imports it.
    pub fn statement(&self) -> String {
        if self.names.is_empty() {
            format!("import {}", self.module)
        } else {
            format!("from {} import {}", self.module, self.names.join(", "))
        }
    }
}

/// A service answers.
#[derive(Debug, Clone, Serialize)]
pub struct HttpCheck {
    /// What starts it; `None` is the image's entry point.
    pub start: Option<Vec<String>>,
    /// Where it listens, on its own loopback.
    pub port: u16,
    /// What is asked for: begins with `/`.
    pub path: String,
    /// Which answers are good.
    pub status: Statuses,
    /// What must be in the answer.
    pub body: Option<Pattern>,
    /// How long it may take until it answers.
    #[serde(serialize_with = "whole_seconds", rename = "wait_seconds")]
    pub wait: Duration,
}

fn whole_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    time.as_secs_f64().serialize(serializer)
}

/// Good HTTP statuses. *RFC 9110, section 15*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statuses(pub RangeInclusive<u16>);

impl Default for Statuses {
    /// The service did as asked, or knows who would.
    fn default() -> Self {
        Self(200..=399)
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.start(), self.0.end()) {
            (first, last) if first == last => first.fmt(f),
            (first, last) => write!(f, "{first}..{last}"),
        }
    }
}

impl Serialize for Statuses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Files are there, or are not.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FilesCheck {
    /// Must be there.
    pub exist: Vec<ExpectedFile>,
    /// Must not.
    pub absent: Vec<String>,
}

/// Something that must be in the image's file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExpectedFile {
    /// Where; links are followed, except where a link is expected.
    pub path: String,
    /// Its permission bits, set-id and sticky bits included.
    #[serde(serialize_with = "octal")]
    pub mode: Option<u32>,
    /// What it must be.
    pub kind: Option<FileKind>,
}

impl ExpectedFile {
    /// Anything at this path.
    pub fn at(path: impl Into<String>) -> Self {
        Self { path: path.into(), mode: None, kind: None }
    }
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "as above")]
fn octal<S: Serializer>(mode: &Option<u32>, serializer: S) -> Result<S::Ok, S::Error> {
    mode.map(|mode| format!("{mode:04o}")).serialize(serializer)
}

/// What a path can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A file with bytes.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "a file",
            Self::Folder => "a folder",
            Self::Link => "a link",
        })
    }
}

/// What the image itself says should run, starts: it ends well, or still runs after a while.
#[derive(Debug, Clone, Serialize)]
pub struct EntryPointCheck {
    /// How long it is watched.
    #[serde(serialize_with = "whole_seconds", rename = "watch_seconds")]
    pub watch: Duration,
}
