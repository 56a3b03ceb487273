//! Where the user's machine gets packages from: `sources.list` and `*.sources`
//! (*sources.list(5)*).
//!
//! Texts are handed in with their file's name; an entry that cannot be used is a problem of its own and
//! leaves the others alone.

mod deb822;
mod error;
mod keyring;
mod oneline;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

use lightship_net::Url;

pub use error::{Place, SourceError, SourceProblem};
pub use keyring::TrustError;

/// All entries of all files.
#[derive(Debug, Default)]
pub struct Sources {
    /// In the files' order; one for each address and suite. Those of source packages are left out, and
    /// those that are switched off.
    pub entries: Vec<Source>,
    /// Entries that cannot be used.
    pub problems: Vec<SourceError>,
}

/// One suite of one archive.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// The archive's root, with a slash at its end. May hold a password: never for messages.
    pub base: Url,
    /// Which part of it.
    pub suite: Suite,
    /// Only these architectures, where any are named.
    pub architectures: Vec<String>,
    /// Whose signature counts; the keys that the machine trusts for all archives where none is named.
    pub signed_by: Vec<SignedBy>,
    /// Whether a signature is asked for at all.
    pub trust: Trust,
    /// Whether an expired `Valid-Until` is an error (`Check-Valid-Until`).
    pub check_valid_until: bool,
    /// Which file and line says so.
    pub place: Place,
}

/// A suite as an entry names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suite {
    /// `dists/NAME/` with its components.
    Named {
        /// `bookworm`, `stable/updates`.
        name: String,
        /// `main`, `contrib`; at least one.
        components: Vec<String>,
    },
    /// A folder without any structure, relative to the root; ends in a slash.
    Flat(String),
}

/// What `Signed-By` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedBy {
    /// A file of keys.
    File(PathBuf),
    /// One of the machine's keys, by its fingerprint in upper-case hex.
    Key {
        /// 40 or 64 digits.
        fingerprint: String,
        /// Without its subkeys (a `!` behind it).
        exact: bool,
    },
    /// An armoured key in the entry itself.
    Embedded(String),
}

/// Whether a signature is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The ordinary way.
    Signature,
    /// `Trusted: yes`: whoever answers is believed. The user's own word.
    Blind,
}

impl Sources {
    /// Reads files in the order given: `*.sources` as paragraphs, everything else as lines.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut sources = Self::default();
        for (file, text) in files {
            let has_paragraphs =
                file.len() > 8 && file[file.len() - 8..].eq_ignore_ascii_case(".sources");
            if has_paragraphs {
                deb822::parse(file, text, &mut sources);
            } else {
                oneline::parse(file, text, &mut sources);
            }
        }
        sources
    }

    fn add(&mut self, entry: Result<Vec<Source>, SourceProblem>, place: Place) {
        match entry {
            Ok(entries) => self.entries.extend(entries),
            Err(problem) => self.problems.push(SourceError { place, problem }),
        }
    }
}

impl Source {
    /// The folder of `Release` and its kin, relative to the root.
    pub fn folder(&self, architecture: &str) -> String {
        match &self.suite {
            Suite::Named { name, .. } => format!("dists/{name}/"),
            Suite::Flat(folder) => {
                folder.replace("$(ARCH)", architecture).trim_start_matches("./").to_owned()
            }
        }
    }

    /// `bookworm`, or a flat archive's folder.
    pub fn suite_name(&self) -> &str {
        match &self.suite {
            Suite::Named { name, .. } => name,
            Suite::Flat(folder) => folder,
        }
    }

    /// Whether it has packages for an architecture, as far as the entry says.
    pub fn is_for(&self, architecture: &str) -> bool {
        self.architectures.is_empty() || self.architectures.iter().any(|own| own == architecture)
    }
}

// The address may hold a password.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("place", &self.place)
            .field("suite", &self.suite)
            .field("signed_by", &self.signed_by)
            .finish_non_exhaustive()
    }
}

/// What both forms of an entry come to.
#[derive(Default)]
struct Raw {
    addresses: Vec<String>,
    suites: Vec<String>,
    components: Vec<String>,
    options: Options,
}

/// The options that matter here. Others tune what is fetched beside packages.
struct Options {
    architectures: Vec<String>,
    signed_by: Vec<SignedBy>,
    trust: Trust,
    check_valid_until: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            architectures: Vec::new(),
            signed_by: Vec::new(),
            trust: Trust::Signature,
            check_valid_until: true,
        }
    }
}

impl Options {
    /// Takes in one option, by its name in lower case as in a `.sources` file.
    fn set(&mut self, name: &str, value: &str) -> Result<(), SourceProblem> {
        let flag = || truth(value).ok_or_else(|| SourceProblem::flag(name, value));
        match name {
            "architectures" => self.architectures = words(value),
            "signed-by" => self.signed_by = signed_by(value)?,
            "trusted" => self.trust = if flag()? { Trust::Blind } else { Trust::Signature },
            "check-valid-until" => self.check_valid_until = flag()?,
            _ => {}
        }
        Ok(())
    }
}

/// Lists are separated by space; commas are met in lines.
fn words(value: &str) -> Vec<String> {
    let separated = value.split(|c: char| c.is_whitespace() || c == ',');
    separated.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// As apt reads them.
fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" | "with" | "on" | "enable" | "1" => Some(true),
        "no" | "false" | "without" | "off" | "disable" | "0" => Some(false),
        _ => None,
    }
}

fn signed_by(value: &str) -> Result<Vec<SignedBy>, SourceProblem> {
    if value.contains("-----BEGIN PGP") {
        // An empty line of the block is written as a dot.
        let lines = value.lines().map(str::trim).map(|line| if line == "." { "" } else { line });
        return Ok(vec![SignedBy::Embedded(lines.map(|line| format!("{line}\n")).collect())]);
    }
    words(value)
        .into_iter()
        .map(|word| {
            if word.starts_with('/') {
                return Ok(SignedBy::File(PathBuf::from(word)));
            }
            let (hex, exact) = word.strip_suffix('!').map_or((&*word, false), |hex| (hex, true));
            let is_fingerprint =
                [40, 64].contains(&hex.len()) && hex.bytes().all(|digit| digit.is_ascii_hexdigit());
            if is_fingerprint {
                Ok(SignedBy::Key { fingerprint: hex.to_ascii_uppercase(), exact })
            } else {
                Err(SourceProblem::SignedBy(word))
            }
        })
        .collect()
}

impl Raw {
    fn finish(self, place: &Place) -> Result<Vec<Source>, SourceProblem> {
        if self.addresses.is_empty() {
            return Err(SourceProblem::Missing("an address"));
        }
        if self.suites.is_empty() {
            return Err(SourceProblem::Missing("a suite"));
        }
        let mut entries = Vec::new();
        for address in &self.addresses {
            let base = base(address)?;
            for suite in &self.suites {
                entries.push(Source {
                    base: base.clone(),
                    suite: suite_of(suite, &self.components)?,
                    architectures: self.options.architectures.clone(),
                    signed_by: self.options.signed_by.clone(),
                    trust: self.options.trust,
                    check_valid_until: self.options.check_valid_until,
                    place: place.clone(),
                });
            }
        }
        Ok(entries)
    }
}

fn base(address: &str) -> Result<Url, SourceProblem> {
    let scheme = address.split_once(':').map_or("", |(scheme, _)| scheme);
    if !["http", "https"].contains(&scheme) {
        return Err(SourceProblem::Scheme(scheme.chars().take(40).collect()));
    }
    let mut base = Url::parse(address).map_err(|_| SourceProblem::Address)?;
    if base.host_str().is_none_or(str::is_empty) {
        return Err(SourceProblem::Address);
    }
    base.set_query(None);
    base.set_fragment(None);
    let path = format!("{}/", base.path().trim_end_matches('/'));
    base.set_path(&path);
    Ok(base)
}

/// A suite is part of addresses: it must not lead out of its archive.
fn suite_of(suite: &str, components: &[String]) -> Result<Suite, SourceProblem> {
    if let Some(bad) = components.iter().find(|part| !is_path(part)) {
        return Err(SourceProblem::Suite(bad.clone()));
    }
    if suite == "/" {
        return Ok(Suite::Flat(String::new()));
    }
    if !is_path(suite) {
        return Err(SourceProblem::Suite(suite.chars().take(100).collect()));
    }
    match (suite.strip_suffix('/'), components.is_empty()) {
        (Some(_), true) => Ok(Suite::Flat(suite.to_owned())),
        (Some(_), false) => Err(SourceProblem::FlatComponents),
        (None, true) => Err(SourceProblem::Missing("a component")),
        (None, false) => {
            Ok(Suite::Named { name: suite.to_owned(), components: components.to_vec() })
        }
    }
}

fn is_path(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "+-._/~$()".contains(c);
    text.chars().all(fits) && !text.starts_with('/') && text.split('/').all(|part| part != "..")
}
