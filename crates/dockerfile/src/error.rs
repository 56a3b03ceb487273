//! Why a text is no Dockerfile.

use lightship_base::{Category, Diagnose, Hint};

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ParseError {
    /// The first line of the instruction, from 1.
    pub line: u32,
    /// What is wrong.
    pub problem: Problem,
}

/// What can be wrong with a Dockerfile. Texts from the file are shortened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nobody writes a file of this size.
    #[error("the file has more than {0} bytes")]
    TooLarge(usize),
    /// `# escape=` has another value than the two that there are.
    #[error("`escape` is `{0}`: it can be \\ or `")]
    Escape(String),
    /// A directive stands twice.
    #[error("directive `{0}` is given twice")]
    Twice(String),
    /// No instruction has this name.
    #[error("there is no instruction `{0}`")]
    Unknown(String),
    /// A name stands alone, or is followed by too much.
    #[error("{keyword} needs {needs}")]
    Arguments {
        /// Which instruction.
        keyword: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// A word of `ENV` or `LABEL` has no `=`.
    #[error("`{0}` has no `=` between name and value")]
    NoValue(String),
    /// A heredoc's end is missing.
    #[error("nothing ends the text that begins with <<{0}")]
    OpenHeredoc(String),
    /// A quote of a flag or of `<<"…"` is not closed.
    #[error("a quote does not end")]
    OpenQuote,
    /// `ONBUILD` before something that cannot follow it.
    #[error("{0} cannot follow ONBUILD")]
    Onbuild(&'static str),
    /// An instruction before the first `FROM`.
    #[error("{0} stands before the first FROM; only ARG can")]
    BeforeFrom(&'static str),
    /// Nobody writes so many stages.
    #[error("the file has more than {0} stages")]
    TooManyStages(usize),
    /// There is no `FROM`.
    #[error("there is no FROM")]
    NoFrom,
}

impl Diagnose for ParseError {
    fn category(&self) -> Category {
        Category::BadInput
    }

    fn hints(&self) -> Vec<Hint> {
        match &self.problem {
            Problem::OpenHeredoc(name) => vec![Hint::new(format!("write {name} alone on a line"))],
            Problem::TooLarge(_)
            | Problem::Escape(_)
            | Problem::Twice(_)
            | Problem::Unknown(_)
            | Problem::Arguments { .. }
            | Problem::NoValue(_)
            | Problem::OpenQuote
            | Problem::Onbuild(_)
            | Problem::BeforeFrom(_)
            | Problem::TooManyStages(_)
            | Problem::NoFrom => Vec::new(),
        }
    }
}

/// A text from a file, for a message.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
