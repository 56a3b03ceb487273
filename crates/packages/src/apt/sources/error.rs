//! What can be wrong with an entry.

use std::fmt;

use lightship_base::{Category, Diagnose, Hint};

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// As it was handed in.
    pub file: String,
    /// From 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// An entry that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct SourceError {
    /// Where it stands.
    pub place: Place,
    /// Why not.
    pub problem: SourceProblem,
}

/// Why an entry cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceProblem {
    /// A line begins with something else than `deb` or `deb-src`.
    #[error("`{0}` is no type of archive (`deb` is)")]
    Type(String),
    /// Options are not closed, or one has no value.
    #[error("its options are not `[name=value …]`")]
    Options,
    /// A line of a paragraph is no field.
    #[error("this line is no `Name: value`")]
    Field,
    /// Something is not said.
    #[error("it does not name {0}")]
    Missing(&'static str),
    /// The address is none. It may hold a password, so it is not shown.
    #[error("its address is no URL")]
    Address,
    /// Mirror lists, discs, local folders.
    #[error("addresses that begin with `{0}:` are not supported, only http and https")]
    Scheme(String),
    /// A suite or component that could not be part of an address.
    #[error("`{0}` is no name of a suite or component")]
    Suite(String),
    /// A folder has no components.
    #[error("a suite that ends in a slash has no components")]
    FlatComponents,
    /// An option is neither yes nor no.
    #[error("`{name}` is `{value}`, which is neither yes nor no")]
    Flag {
        /// Which option.
        name: String,
        /// What it is.
        value: String,
    },
    /// `Signed-By` names neither a file nor a key.
    #[error("`Signed-By` names `{0}`, which is neither an absolute path nor a fingerprint")]
    SignedBy(String),
}

impl SourceProblem {
    pub(super) fn flag(name: &str, value: &str) -> Self {
        Self::Flag { name: name.to_owned(), value: value.chars().take(40).collect() }
    }
}

impl Diagnose for SourceError {
    fn category(&self) -> Category {
        Category::BadInput
    }

    fn hints(&self) -> Vec<Hint> {
        match &self.problem {
            SourceProblem::Scheme(scheme) if scheme.starts_with("mirror") => {
                vec![Hint::new("write one address of the mirror list into the entry")]
            }
            SourceProblem::Type(_)
            | SourceProblem::Options
            | SourceProblem::Field
            | SourceProblem::Missing(_)
            | SourceProblem::Address
            | SourceProblem::Scheme(_)
            | SourceProblem::Suite(_)
            | SourceProblem::FlatComponents
            | SourceProblem::Flag { .. }
            | SourceProblem::SignedBy(_) => Vec::new(),
        }
    }
}
