//! Where something that was inferred comes from.

use std::fmt;

/// Something that was inferred, and from what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inferred<T> {
    /// What.
    pub value: T,
    /// Where it is written.
    pub from: Evidence,
}

/// A place in the project's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// A file, from the project's folder; or what else decides: `settings`, `default`.
    pub file: String,
    /// A line of it, from 1.
    pub line: Option<u32>,
}

impl Evidence {
    /// A line of a file.
    pub fn line(file: impl Into<String>, line: u32) -> Self {
        Self { file: file.into(), line: Some(line) }
    }

    /// A file as such.
    pub fn file(file: impl Into<String>) -> Self {
        Self { file: file.into(), line: None }
    }

    /// What the user wrote into the settings.
    pub fn settings() -> Self {
        Self::file("settings")
    }

    /// Nothing said otherwise.
    pub fn default_value() -> Self {
        Self::file("default")
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

impl<T> Inferred<T> {
    /// Pairs the two.
    pub fn new(value: T, from: Evidence) -> Self {
        Self { value, from }
    }
}

/// Something that the user should know about what was inferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where it comes from.
    pub from: Evidence,
    /// A sentence without a full stop.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.from, self.text)
    }
}
