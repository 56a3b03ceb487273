//! What an error means for the person who meets it: its category and what to do next.

use std::fmt;

/// What kind of failure an error is. `cli` maps each to one exit code; the table is public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// The command line asks for something that makes no sense.
    Usage,
    /// An image, archive or file is not what it claims to be.
    BadInput,
    /// A registry or the network failed or refused.
    Network,
    /// This machine cannot do it: a full disk, a missing right, a missing tool.
    Machine,
    /// Something that cannot happen did: our mistake.
    Bug,
}

/// One thing the user can do next. Data on the error, rendered once, by `cli`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint(String);

impl Hint {
    /// A hint is one sentence without a full stop, in the imperative: "give a platform with
    /// `--platform`".
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An error that knows its category and the way out.
pub trait Diagnose: std::error::Error {
    /// Which exit code it deserves.
    fn category(&self) -> Category;

    /// What to do next; empty where the message says it all.
    fn hints(&self) -> Vec<Hint> {
        Vec::new()
    }
}

impl Category {
    /// The category of an operating-system error met on a file of the user's: a missing file is bad
    /// input, a full disk is the machine's.
    pub fn of_io(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::NotFound
            | ErrorKind::InvalidData
            | ErrorKind::UnexpectedEof
            | ErrorKind::InvalidInput
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory => Self::BadInput,
            _ => Self::Machine,
        }
    }
}
