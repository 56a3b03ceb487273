//! A finding: one thing worth telling, with its evidence, its price and its fix.

use std::fmt;
use std::str::FromStr;

use lightship_base::ByteSize;
use serde::Serialize;

/// The stable name of a rule, such as `pip-cache`. Never reused, never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Code(pub &'static str);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth mending.
    Warning,
    /// Must be mended: a leaked key.
    Error,
}

/// How sure the rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A hint that deserves a look.
    Possible,
    /// True in nearly every case.
    Likely,
    /// Proved by the bytes themselves.
    Certain,
}

/// What mending it saves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Bytes {
    /// Bytes of file content, exact.
    pub disk: ByteSize,
    /// Compressed bytes, as pulled: an estimate, since compression does not add up.
    pub compressed_estimate: ByteSize,
}

/// One thing that a rule reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which rule.
    pub code: Code,
    /// One line for a person.
    pub title: String,
    /// How much it matters.
    pub severity: Severity,
    /// How sure the rule is.
    pub confidence: Confidence,
    /// What mending it saves.
    pub bytes: Bytes,
    /// The paths it is about, heaviest first; as many as the rule chose to list.
    pub paths: Vec<String>,
    /// What more is known of each of these paths, in the same order; empty where nothing is.
    pub notes: Vec<String>,
    /// How many paths there are in all.
    pub path_count: u64,
    /// Why the rule says so.
    pub evidence: String,
    /// What to do.
    pub fix: String,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "info" => Ok(Self::Info),
            "warning" => Ok(Self::Warning),
            "error" => Ok(Self::Error),
            _ => Err(format!("`{text}` is no severity: expected info, warning or error")),
        }
    }
}
