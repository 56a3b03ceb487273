//! What runs, their parts and their records are called.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Names a run within an installation. It becomes the name of a folder, so it has letters, digits, `-`, `_` and `.`
/// only and does not begin with a dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RunId(String);

/// Longest name of a run in bytes: a folder's name may have 255, and something may be put behind it.
const MAX_RUN_ID: usize = 128;

impl RunId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RunId {
    type Err = InvalidRunId;
    fn from_str(text: &str) -> Result<Self, InvalidRunId> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidRunId;
    fn try_from(text: String) -> Result<Self, InvalidRunId> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let fits = !text.is_empty() && text.len() <= MAX_RUN_ID && !text.starts_with('.');
        if fits && text.chars().all(allowed) { Ok(Self(text)) } else { Err(InvalidRunId(text)) }
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot name a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot name a run: letters, digits, `-`, `_` and `.` can, at most 128 of them")]
pub struct InvalidRunId(String);

/// One place of a run: a graph, a task of it, a loop, or a round of one. The root is the first. Numbers are given in
/// the order in which places come into being, which follows from the run's events alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(u32);

impl NodeId {
    /// The whole run.
    pub const ROOT: Self = Self(0);

    /// The number of a place, from 0.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The place of this number, for who reads numbers from a store.
    pub fn of_number(number: u32) -> Self {
        Self(number)
    }

    pub(crate) fn at(index: usize) -> Self {
        Self(
            u32::try_from(index).expect(
                "a run has a million places at most, however often some of them begin anew",
            ),
        )
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Which attempt of a task, from 1. Attempts that were lost count here, and so do those before a retry by hand: no two
/// attempts of a task have the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptNumber(NonZeroU32);

impl AttemptNumber {
    /// The first one.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The number, from 1.
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// The attempt of this number; none for 0.
    pub fn of_number(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The one that follows after `made` attempts.
    pub(crate) fn after(made: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(made))
    }
}

impl fmt::Display for AttemptNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One attempt at one task of one run: what executors know things by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// The run.
    pub run: RunId,
    /// The task.
    pub node: NodeId,
    /// Which attempt.
    pub attempt: AttemptNumber,
}

impl fmt::Display for AttemptId {
    /// `churn-7f3a/12/1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.run, self.node, self.attempt)
    }
}

/// The place of an event among those of its run, from 1 and without gaps.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The next place.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_like_a_folder() {
        for good in ["churn-7f3a", "a", "A_1.b"] {
            assert_eq!(good.parse::<RunId>().unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", ".a", "a/b", "a b", "ä", &"a".repeat(129)] {
            assert!(bad.parse::<RunId>().is_err(), "{bad}");
        }
    }
}
