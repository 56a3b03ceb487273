//! Python versions as projects name them, and ranges of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A version of `CPython`: `3.11`, or with its patch `3.11.9`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PythonVersion {
    /// 3.
    pub major: u16,
    /// 11.
    pub minor: u16,
    /// 9, where it matters.
    pub patch: Option<u16>,
}

/// A text that names no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write a version such as 3.11 or 3.11.9")]
pub struct PythonVersionError;

impl PythonVersion {
    /// A version without a patch.
    pub const fn of(major: u16, minor: u16) -> Self {
        Self { major, minor, patch: None }
    }

    /// Whether both can be the same interpreter: what one leaves open, the other may say.
    pub fn agrees(self, other: Self) -> bool {
        let patches = match (self.patch, other.patch) {
            (Some(mine), Some(other)) => mine == other,
            (None, _) | (_, None) => true,
        };
        (self.major, self.minor) == (other.major, other.minor) && patches
    }

    /// `3.11`.
    pub fn series(self) -> String {
        format!("{}.{}", self.major, self.minor)
    }
}

impl FromStr for PythonVersion {
    type Err = PythonVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            part.parse().ok().filter(|_| digits).ok_or(PythonVersionError)
        };
        let parts: Vec<&str> = text.split('.').collect();
        match parts.as_slice() {
            [major, minor] => {
                Ok(Self { major: number(major)?, minor: number(minor)?, patch: None })
            }
            [major, minor, patch] => Ok(Self {
                major: number(major)?,
                minor: number(minor)?,
                patch: Some(number(patch)?),
            }),
            _ => Err(PythonVersionError),
        }
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

/// The versions that a project takes: `>=3.10,<3.13` (*`PyPA` version specifiers*, for final releases).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonRange {
    text: String,
    clauses: Vec<Clause>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Clause {
    operator: Operator,
    /// The release's numbers; at least one.
    release: Vec<u16>,
    /// Whether `.*` follows them.
    any: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Compatible,
    Equal,
    NotEqual,
    AtMost,
    AtLeast,
    Below,
    Above,
}

/// A text that is no range of versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no range of versions; write one such as >=3.10,<3.13")]
pub struct PythonRangeError(String);

impl PythonRange {
    /// Whether some interpreter of this version is in the range. A version without a patch stands for
    /// all of its patches.
    pub fn takes(&self, version: PythonVersion) -> bool {
        match version.patch {
            Some(patch) => self.takes_release([version.major, version.minor, patch]),
            // Each clause flips at most at the patches that clauses name and right beside them.
            None => self.patches().any(|p| self.takes_release([version.major, version.minor, p])),
        }
    }

    fn takes_release(&self, release: [u16; 3]) -> bool {
        self.clauses.iter().all(|clause| clause.takes(release))
    }

    fn patches(&self) -> impl Iterator<Item = u16> {
        let named = self.clauses.iter().filter_map(|clause| clause.release.get(2).copied());
        let around = named.flat_map(|p| [p.saturating_sub(1), p, p.saturating_add(1)]);
        [0, u16::MAX].into_iter().chain(around)
    }
}

impl Clause {
    fn takes(&self, release: [u16; 3]) -> bool {
        let prefix = |count: usize| {
            (0..count).all(|at| self.release.get(at).copied().unwrap_or(0) == part(release, at))
        };
        let order = {
            let count = self.release.len().max(3);
            let mine = (0..count).map(|at| part(release, at));
            mine.cmp((0..count).map(|at| self.release.get(at).copied().unwrap_or(0)))
        };
        match self.operator {
            Operator::Equal if self.any => prefix(self.release.len()),
            Operator::NotEqual if self.any => !prefix(self.release.len()),
            Operator::Equal => order.is_eq(),
            Operator::NotEqual => order.is_ne(),
            Operator::AtMost => order.is_le(),
            Operator::AtLeast => order.is_ge(),
            Operator::Below => order.is_lt(),
            Operator::Above => order.is_gt(),
            Operator::Compatible => order.is_ge() && prefix(self.release.len() - 1),
        }
    }
}

fn part(release: [u16; 3], at: usize) -> u16 {
    release.get(at).copied().unwrap_or(0)
}

impl FromStr for PythonRange {
    type Err = PythonRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let clauses = text.split(',').map(str::trim).filter(|clause| !clause.is_empty());
        let clauses: Option<Vec<Clause>> = clauses.map(clause).collect();
        let clauses = clauses.ok_or_else(|| PythonRangeError(text.chars().take(100).collect()))?;
        Ok(Self { text: text.trim().to_owned(), clauses })
    }
}

fn clause(text: &str) -> Option<Clause> {
    const OPERATORS: [(&str, Operator); 8] = [
        ("===", Operator::Equal),
        ("==", Operator::Equal),
        ("~=", Operator::Compatible),
        ("!=", Operator::NotEqual),
        ("<=", Operator::AtMost),
        (">=", Operator::AtLeast),
        ("<", Operator::Below),
        (">", Operator::Above),
    ];
    let (sign, operator) = OPERATORS.iter().find(|(sign, _)| text.starts_with(sign))?;
    let version = text[sign.len()..].trim();
    let (version, any) = match version.strip_suffix(".*") {
        Some(version) => (version, true),
        None => (version, false),
    };
    // A pre-release bounds as its release does: `>=3.13rc1` takes 3.13.
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    let rest = &version[end..];
    let pre = ["a", "b", "rc", "dev"].iter().any(|mark| rest.starts_with(mark));
    if !rest.is_empty() && !pre {
        return None;
    }
    let numbers = version[..end].trim_end_matches('.').split('.').map(|part| part.parse().ok());
    let release: Vec<u16> = numbers.collect::<Option<_>>()?;
    let prefix_allowed = matches!(operator, Operator::Equal | Operator::NotEqual);
    let compatible = !matches!(operator, Operator::Compatible) || release.len() >= 2;
    (compatible && (!any || prefix_allowed)).then_some(Clause { operator: *operator, release, any })
}

impl fmt::Display for PythonRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        let version = |text: &str| text.parse::<PythonVersion>().unwrap();
        assert_eq!(version("3.11"), PythonVersion::of(3, 11));
        assert_eq!(version("3.11.9").to_string(), "3.11.9");
        assert!(version("3.11").agrees(version("3.11.9")));
        assert!(!version("3.11.8").agrees(version("3.11.9")));
        assert!(!version("3.1").agrees(version("3.11")));
        for text in ["", "3", "3.x", "3.11.9.1", "+3.11", "3.11rc1", "3."] {
            assert!(text.parse::<PythonVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_take_what_they_say() {
        for (range, takes, refuses) in [
            (">=3.10,<3.13", &["3.10", "3.12", "3.12.99"][..], &["3.9", "3.13", "3.13.0"][..]),
            (">=3.11.4", &["3.11", "3.11.4", "3.12"], &["3.11.3", "3.10"]),
            ("<3.11.4, >=3.11.4", &[], &["3.11"]),
            (">3.11", &["3.11", "3.11.1"], &["3.11.0", "3.10"]),
            ("~=3.11", &["3.11", "3.14"], &["3.10", "4.0"]),
            ("~=3.11.2", &["3.11", "3.11.9"], &["3.11.1", "3.12"]),
            ("==3.11.*", &["3.11", "3.11.7"], &["3.12"]),
            ("!=3.11.*,>=3.10", &["3.10", "3.12"], &["3.11", "3.11.7"]),
            ("==3.11", &["3.11", "3.11.0"], &["3.11.1"]),
            (">=3", &["3.0"], &["2.7"]),
            (">=3.13rc1", &["3.13"], &["3.12"]),
            ("", &["2.7", "3.11"], &[]),
        ] {
            let range: PythonRange = range.parse().unwrap();
            for text in takes {
                assert!(range.takes(text.parse().unwrap()), "{range} takes {text}");
            }
            for text in refuses {
                assert!(!range.takes(text.parse().unwrap()), "{range} refuses {text}");
            }
        }
        for text in ["3.11", ">=", ">=x", "~=3", ">=3.*", "=>3.10", ">=3.10 <3.12"] {
            assert!(text.parse::<PythonRange>().is_err(), "{text}");
        }
    }
}
