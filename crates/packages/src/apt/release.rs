//! An archive's `Release`: what a suite is called, until when it is valid, and the digests of its indexes
//! (*Debian wiki, DebianRepository/Format*).

use std::collections::HashMap;

use jiff::fmt::rfc2822::DateTimeParser;
use lightship_base::{Digest, Timestamp};

use super::paragraph::fields;

/// What a `Release` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Release {
    /// Who makes it: `Debian`.
    pub origin: Option<String>,
    /// `Debian`, `Debian-Security`.
    pub label: Option<String>,
    /// `stable`, `oldstable-updates`.
    pub suite: Option<String>,
    /// `bookworm`.
    pub codename: Option<String>,
    /// `12.11`.
    pub version: Option<String>,
    /// When it was made.
    pub date: Option<Timestamp>,
    /// Until when it is to be believed.
    pub valid_until: Option<Timestamp>,
    /// Architectures that have packages.
    pub architectures: Vec<String>,
    /// `main`, `contrib`.
    pub components: Vec<String>,
    /// Whether indexes can be fetched by their digests.
    pub by_hash: bool,
    /// Whether its packages are taken where others are there.
    pub automatic: Automatic,
    /// Whether packages for all architectures are listed with each of them only.
    pub lists_all_with_each: bool,
    files: HashMap<Box<str>, ReleaseFile>,
}

/// Whether an archive's packages are taken where another one has them as well (*`apt_preferences(5)`*).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Automatic {
    /// Like those of any other.
    #[default]
    Always,
    /// `NotAutomatic` and `ButAutomaticUpgrades`, as backports have it: once installed they are renewed.
    Upgrades,
    /// `NotAutomatic`, as `experimental` has it.
    Never,
}

/// A file that a `Release` vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseFile {
    /// Its SHA-256.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

/// Why a text is no `Release`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// There are no SHA-256 digests in it; older ones can be forged.
    #[error("it has no SHA256 list")]
    NoDigests,
    /// A line of the list is not `digest size name`.
    #[error("`{0}` is no line of a SHA256 list")]
    Line(String),
    /// A date is none.
    #[error("its {field} `{value}` is no date")]
    Date {
        /// `Date` or `Valid-Until`.
        field: &'static str,
        /// What it is.
        value: String,
    },
}

impl Release {
    /// Reads the text, which somebody has verified.
    pub fn parse(text: &str) -> Result<Self, ReleaseError> {
        let mut release = Self::default();
        let (mut listed, mut held_back, mut upgrades) = (false, false, false);
        for field in fields(text) {
            let own = || Some(field.value.to_owned());
            let words = || field.value.split_whitespace().map(str::to_owned).collect();
            match field.name.to_ascii_lowercase().as_str() {
                "origin" => release.origin = own(),
                "label" => release.label = own(),
                "suite" => release.suite = own(),
                "codename" => release.codename = own(),
                "version" => release.version = own(),
                "date" => release.date = Some(date("Date", field.value)?),
                "valid-until" => release.valid_until = Some(date("Valid-Until", field.value)?),
                "architectures" => release.architectures = words(),
                "components" => release.components = words(),
                "acquire-by-hash" => release.by_hash = field.value.eq_ignore_ascii_case("yes"),
                "notautomatic" => held_back = field.value.eq_ignore_ascii_case("yes"),
                "butautomaticupgrades" => upgrades = field.value.eq_ignore_ascii_case("yes"),
                "no-support-for-architecture-all" => {
                    release.lists_all_with_each = field.value == "Packages";
                }
                "sha256" => {
                    release.files = files(field.value)?;
                    listed = true;
                }
                _ => {}
            }
        }
        release.automatic = match (held_back, upgrades) {
            (false, _) => Automatic::Always,
            (true, true) => Automatic::Upgrades,
            (true, false) => Automatic::Never,
        };
        if listed { Ok(release) } else { Err(ReleaseError::NoDigests) }
    }

    /// A file by its path relative to the `Release`.
    pub fn file(&self, path: &str) -> Option<ReleaseFile> {
        self.files.get(path).copied()
    }

    /// What a lock calls this archive: its label, else its origin.
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref().or(self.origin.as_deref())
    }
}

fn files(list: &str) -> Result<HashMap<Box<str>, ReleaseFile>, ReleaseError> {
    list.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            parse_line(line).ok_or_else(|| ReleaseError::Line(line.chars().take(120).collect()))
        })
        .collect()
}

fn parse_line(line: &str) -> Option<(Box<str>, ReleaseFile)> {
    let mut words = line.split_whitespace();
    let digest = format!("sha256:{}", words.next()?).parse().ok()?;
    let size = words.next()?.parse().ok()?;
    Some((words.next()?.into(), ReleaseFile { digest, size }))
}

/// *RFC 2822*, with the zone spelled `UTC`, which that specification does not have.
fn date(field: &'static str, value: &str) -> Result<Timestamp, ReleaseError> {
    let text =
        value.strip_suffix("UTC").map_or_else(|| value.to_owned(), |head| format!("{head}GMT"));
    DateTimeParser::new()
        .relaxed_weekday(true)
        .parse_timestamp(&text)
        .map_err(|_| ReleaseError::Date { field, value: value.chars().take(60).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Origin: Debian\r\nLabel: Debian-Security\r\nSuite: stable-security\r\nCodename: bookworm-security\r\nDate: Sat, 11 Jul 2026 10:16:37 UTC\r\nValid-Until: Sat, 18 Jul 2026 10:16:37 UTC\r\nAcquire-By-Hash: yes\r\nNo-Support-for-Architecture-all: Packages\r\nArchitectures: all amd64\r\nComponents: main contrib\r\nMD5Sum:\r\n 0ed6d4c8891eb86358b94bb35d9e4da4 1 main/x\r\nSHA256:\r\n e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855        0 main/binary-amd64/Packages\r\n";

    #[test]
    fn a_release_is_read() {
        let release = Release::parse(TEXT).unwrap();
        assert_eq!(release.label(), Some("Debian-Security"));
        assert_eq!(release.date.unwrap().to_string(), "2026-07-11T10:16:37Z");
        assert_eq!(release.valid_until.unwrap().to_string(), "2026-07-18T10:16:37Z");
        assert!(release.by_hash && release.lists_all_with_each);
        assert_eq!(release.architectures, ["all", "amd64"]);
        let file = release.file("main/binary-amd64/Packages").unwrap();
        assert_eq!(file, ReleaseFile { digest: Digest::of(b""), size: 0 });
        assert_eq!(release.file("main/x"), None);
    }

    #[test]
    fn backports_say_that_they_are_not_for_every_day() {
        let automatic = |more: &str| Release::parse(&format!("{more}{TEXT}")).unwrap().automatic;
        assert_eq!(automatic("ButAutomaticUpgrades: yes\n"), Automatic::Always);
        assert_eq!(automatic("NotAutomatic: yes\n"), Automatic::Never);
        let both = "NotAutomatic: yes\nButAutomaticUpgrades: yes\n";
        assert_eq!(automatic(both), Automatic::Upgrades);
    }

    #[test]
    fn what_is_no_release_is_refused() {
        assert_eq!(Release::parse("Suite: x\n"), Err(ReleaseError::NoDigests));
        assert!(matches!(Release::parse("SHA256:\n abc 1 x\n"), Err(ReleaseError::Line(_))));
        let dated = TEXT.replace("11 Jul", "41 Jul");
        assert!(matches!(Release::parse(&dated), Err(ReleaseError::Date { field: "Date", .. })));
    }
}
