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

/// An error and its causes, as one text: `cannot start: cannot mount /data: permission denied`. A cause whose words
/// are there already is not told twice, as many an error repeats what it is due to.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| cause.source()) {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
    }
    text
}

/// The same with all white space as single spaces: for a cell of a table, or a sentence.
pub fn in_one_line(error: &dyn std::error::Error) -> String {
    with_causes(error).split_whitespace().collect::<Vec<_>>().join(" ")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot run the step:\n  {name}")]
    struct Outer {
        name: &'static str,
        #[source]
        cause: Inner,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("cannot mount: {0}")]
    struct Inner(#[source] std::io::Error);

    #[test]
    fn causes_are_told_once_and_in_order() {
        let error = Outer { name: "train", cause: Inner(std::io::Error::other("no right")) };
        assert_eq!(with_causes(&error), "cannot run the step:\n  train: cannot mount: no right");
        assert_eq!(in_one_line(&error), "cannot run the step: train: cannot mount: no right");
    }
}
