//! What a project's file says about its image, as values. `cli` reads `lightship.toml` and
//! `[tool.lightship]` into them; here they mean something.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lightship_base::Digest;
use lightship_codec::compression::CompressionLevel;
use lightship_dockerfile::ignore::{IgnoreError, Patterns};

use super::python::PythonVersion;
use super::words::CommandLine;

/// Everything that a project can say about how its image is built. What it leaves out is inferred or
/// has a default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// `[image]`: what the image says about itself.
    pub image: ImageSettings,
    /// `[python]`: the interpreter and the packages.
    pub python: PythonSettings,
    /// `[base]`: what is below them.
    pub base: BaseSettings,
    /// `[app]`: the project's own files.
    pub app: AppSettings,
    /// `[build]`: how the image is put together.
    pub build: BuildSettings,
    /// `[index.LABEL]`, in the order of their labels.
    pub indexes: Vec<IndexSettings>,
}

/// `[image]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageSettings {
    /// What the image is called, without a tag: `registry.example/team/churn`.
    pub name: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// What always runs.
    pub entrypoint: Option<CommandLine>,
    /// What runs, or its default arguments where there is an entry point.
    pub cmd: Option<CommandLine>,
    /// Variables.
    pub env: BTreeMap<String, String>,
    /// The folder where it starts: absolute.
    pub workdir: Option<String>,
    /// Who it runs as: `UID[:GID]` or a name that the base has.
    pub user: Option<String>,
    /// Ports: `8080/tcp`.
    pub expose: BTreeSet<String>,
    /// OCI labels.
    pub labels: BTreeMap<String, String>,
}

/// `[python]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PythonSettings {
    /// The version that the image must have: `3.11` or `3.11.9`.
    pub version: Option<PythonVersion>,
    /// Where the requirements are: requirements files, a lock, or `pyproject.toml`; from the project's
    /// folder. Empty: found by itself.
    pub requirements: Vec<String>,
    /// Optional dependencies of the project that the image has too.
    pub extras: Vec<String>,
    /// Dependency groups (*PEP 735*) that the image has too.
    pub groups: Vec<String>,
    /// Which modules' bytecode ships. `None`: what the build's own default is.
    pub bytecode: Option<Bytecode>,
    /// Which of the packages' commands are installed.
    pub scripts: Scripts,
    /// Distributions that come without what they require: `pip install --no-deps`.
    pub no_deps: Vec<String>,
}

/// Which modules' bytecode ships.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bytecode {
    /// No module's: every start compiles what it imports.
    None,
    /// Of the modules that the recorded checks imported.
    Used,
    /// Every module's.
    All,
}

impl Bytecode {
    /// As settings write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Used => "used",
            Self::All => "all",
        }
    }
}

/// Which of the packages' commands (*entry points, `console_scripts`*) are installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scripts {
    /// Those that the image's own command names.
    #[default]
    Needed,
    /// All.
    All,
    /// None.
    None,
    /// These besides the needed ones.
    Named(Vec<String>),
}

/// `[base]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseSettings {
    /// What the base is made of.
    pub kind: BaseKind,
    /// The distribution's suite: `bookworm`. Not for an image.
    pub suite: Option<String>,
    /// Packages of the distribution besides those found to be needed. Not for an image.
    pub packages: Vec<String>,
    /// Whether there is a shell. `None`: if the image's command needs one. Not for an image.
    pub shell: Option<bool>,
}

/// What a base is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum BaseKind {
    /// Distribution packages, Python's too.
    #[default]
    Native,
    /// Distribution packages, and an interpreter from an archive.
    Interpreter(InterpreterArchive),
    /// An image that somebody else made.
    Image(String),
}

/// An interpreter in an archive of the `install_only` layout of python-build-standalone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterpreterArchive {
    /// Where it is: a path from the project's folder, or an address. An address has no credentials in
    /// it and may have `${VARIABLE}`s.
    pub place: ArchivePlace,
    /// What it must be.
    pub sha256: Digest,
}

/// Where an archive is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchivePlace {
    /// In a file; a relative path begins in the project's folder.
    Path(String),
    /// At an address.
    Url(Address),
}

/// `[app]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppSettings {
    /// Patterns of files that get in although something else leaves them out.
    pub include: Vec<String>,
    /// Patterns of files that stay out, with `!` exceptions, as in `.dockerignore`.
    pub exclude: Vec<String>,
    /// Where the project goes: absolute. `None`: `/app`, or where the Dockerfile puts it.
    pub destination: Option<String>,
    /// What the image is for.
    pub kind: AppKind,
}

impl AppSettings {
    /// Whether a text is a pattern for `include` or `exclude`; if not, why.
    pub fn pattern(text: &str) -> Result<(), String> {
        match Patterns::of(&[text]) {
            Ok(_) => Ok(()),
            Err(IgnoreError::Pattern { why, .. }) => Err(why.to_owned()),
            Err(other @ IgnoreError::TooMany) => Err(other.to_string()),
        }
    }
}

/// What kind of program the image is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AppKind {
    /// Python source.
    #[default]
    Python,
    /// One executable.
    Binary(BinarySettings),
    /// A folder of web files.
    Static(StaticSettings),
}

/// `binary` under `[app]`, and what belongs to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BinarySettings {
    /// The executable, from the project's folder.
    pub path: String,
    /// Whether the image has certificate authorities. `None`: if the program looks for them.
    pub certificates: Option<bool>,
    /// Whether it has time zones. `None`: if the program looks for them.
    pub zones: Option<bool>,
}

/// `static` under `[app]`, and what belongs to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StaticSettings {
    /// The folder, from the project's.
    pub folder: String,
    /// The file in it that answers for paths that are not there.
    pub fallback: Option<String>,
}

/// `[build]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildSettings {
    /// How layers are compressed. `None`: the default of `build`.
    pub compression: Option<CompressionLevel>,
    /// Categories that pruning leaves alone.
    pub keep: Vec<String>,
    /// The most layers that the image may have. `None`: the default of `build`.
    pub layers: Option<u32>,
    /// Packages of the distribution that sources are built with; the image does not get them.
    pub packages: Vec<String>,
}

/// `[index.LABEL]`: a package index, and what comes from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSettings {
    /// What the lock calls it.
    pub label: String,
    /// Where it is.
    pub url: Address,
    /// Whether it takes the place of the default index.
    pub default: bool,
    /// Packages that come from here and from nowhere else, normalised (*PEP 503*).
    pub packages: Vec<String>,
}

/// An address with `${VARIABLE}`s in it and no credentials.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

/// Why a text is no address for a settings file. No message repeats the text: it may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It has a user or a password.
    #[error("an address in a file that others read has no user or password")]
    Credentials,
    /// It is something else.
    #[error("an address begins with http://, https:// or file://, or with a ${{VARIABLE}}")]
    Scheme,
    /// A `$` that begins no variable.
    #[error("a variable in an address is written ${{NAME}}")]
    Variable,
    /// A variable that the environment does not have.
    #[error("the environment has no variable {0}")]
    Unset(String),
}

impl Address {
    /// Reads one as it is written.
    pub fn new(text: impl Into<String>) -> Result<Self, AddressError> {
        let text = text.into();
        let mut plain = String::new();
        for piece in pieces(&text)? {
            match piece {
                Piece::Text(text) => plain.push_str(text),
                Piece::Variable(_) => plain.push('_'),
            }
        }
        let known = ["http://", "https://", "file://"].iter().find(|s| plain.starts_with(**s));
        let rest = match known {
            Some(scheme) => &plain[scheme.len()..],
            None if text.starts_with("${") => &plain,
            None => return Err(AddressError::Scheme),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let marked = rest
            .split_once("://")
            .map_or(authority, |(_, after)| after.split(['/', '?', '#']).next().unwrap_or(after));
        if authority.contains('@') || marked.contains('@') {
            return Err(AddressError::Credentials);
        }
        Ok(Self(text))
    }

    /// With its variables' values, which may hold credentials: never shown, never stored.
    pub fn resolve(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<String, AddressError> {
        let mut whole = String::new();
        for piece in pieces(&self.0)? {
            match piece {
                Piece::Text(text) => whole.push_str(text),
                Piece::Variable(name) => whole
                    .push_str(&variable(name).ok_or_else(|| AddressError::Unset(name.to_owned()))?),
            }
        }
        Ok(whole)
    }
}

impl fmt::Display for Address {
    /// As it was written, variables by name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, AddressError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        let inner = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, after) = inner.ok_or(AddressError::Variable)?;
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(fine) {
            return Err(AddressError::Variable);
        }
        pieces.extend([Piece::Text(before), Piece::Variable(name)]);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_variables_and_no_secrets() {
        let address = Address::new("https://${HOST}/simple").unwrap();
        let host = |name: &str| (name == "HOST").then(|| "u:p@mirror.invalid".to_owned());
        assert_eq!(address.resolve(host).unwrap(), "https://u:p@mirror.invalid/simple");
        assert_eq!(address.resolve(|_| None), Err(AddressError::Unset("HOST".to_owned())));
        assert_eq!(address.to_string(), "https://${HOST}/simple");
        for fine in ["${INDEX}", "${INDEX}/cpu", "http://127.0.0.1:8080/x@y", "file:///srv/wheels"]
        {
            assert!(Address::new(fine).is_ok(), "{fine}");
        }
        for (text, error) in [
            ("https://me:secret@mirror.invalid/simple", AddressError::Credentials),
            ("https://token@mirror.invalid/simple", AddressError::Credentials),
            ("https://${USER}:${TOKEN}@mirror.invalid/", AddressError::Credentials),
            ("${SCHEME}://me@mirror.invalid/", AddressError::Credentials),
            ("mirror.invalid/simple", AddressError::Scheme),
            ("https://$HOST/", AddressError::Variable),
            ("https://${HO ST}/", AddressError::Variable),
            ("https://${HOST", AddressError::Variable),
        ] {
            assert_eq!(Address::new(text), Err(error), "{text}");
        }
    }
}
