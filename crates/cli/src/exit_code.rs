//! The public table of exit codes, and the one match from an error's category to it.

use std::fmt::Write as _;

use lightship_base::Category;

/// How `lightship` ends. The numbers are public: scripts and CI rely on them, so none is ever reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// It did what was asked.
    Fine,
    /// It did what was asked, and the answer is a verdict or finding at the asked level.
    Findings,
    /// The command line or a setting makes no sense.
    Usage,
    /// An image, archive or file is not what it claims to be, or is not there.
    BadInput,
    /// A registry or the network failed or refused.
    Network,
    /// This machine cannot do it.
    Machine,
    /// Our mistake.
    Bug,
    /// A program ran, and this is its own code; or, from 125 on, why it did not.
    Program(u8),
}

/// Commands that run a program return that program's own code; their own failures need numbers that
/// programs rarely use. The same three as in `docker run`, `podman run` and `env`.
const RESERVED: [(&str, &str); 3] = [
    ("124", "commands that run a program: its time was over"),
    ("125-127", "the same: their own failures"),
    ("128+N", "the same: signal N ended the program"),
];

impl ExitCode {
    /// Every code, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::Fine,
        Self::Findings,
        Self::Usage,
        Self::BadInput,
        Self::Network,
        Self::Machine,
        Self::Bug,
    ];

    /// The number and what it means.
    pub const fn describe(self) -> (u8, &'static str) {
        match self {
            Self::Fine => (0, "fine"),
            Self::Findings => (1, "a verdict or finding at the level that was asked for"),
            Self::Usage => (2, "the command line or a setting makes no sense"),
            Self::BadInput => (3, "bad input: not there, or not what it claims to be"),
            Self::Network => (4, "a registry or the network failed or refused"),
            Self::Machine => (5, "this machine cannot do it: disk, rights, a missing tool"),
            Self::Bug => (70, "a bug in lightship"),
            Self::Program(code) => (code, "the program's own"),
        }
    }

    /// The rows of the table: number or range, and meaning.
    pub fn rows() -> Vec<(String, &'static str)> {
        let own = Self::ALL.into_iter().map(|code| {
            let (number, meaning) = code.describe();
            (number.to_string(), meaning)
        });
        own.chain(RESERVED.map(|(number, meaning)| (number.to_owned(), meaning))).collect()
    }

    /// The table as `--help` shows it, one row a line, indented by two.
    pub fn table() -> String {
        Self::rows().iter().fold(String::new(), |mut table, (number, meaning)| {
            // Writing to a string cannot fail.
            let _ = writeln!(table, "  {number:>7}  {meaning}");
            table
        })
    }
}

impl From<Category> for ExitCode {
    fn from(category: Category) -> Self {
        match category {
            Category::Usage => Self::Usage,
            Category::BadInput => Self::BadInput,
            Category::Network => Self::Network,
            Category::Machine => Self::Machine,
            Category::Bug => Self::Bug,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.describe().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_promised_one() {
        insta::assert_snapshot!(ExitCode::table(), @r"
                0  fine
                1  a verdict or finding at the level that was asked for
                2  the command line or a setting makes no sense
                3  bad input: not there, or not what it claims to be
                4  a registry or the network failed or refused
                5  this machine cannot do it: disk, rights, a missing tool
               70  a bug in lightship
              124  commands that run a program: its time was over
          125-127  the same: their own failures
            128+N  the same: signal N ended the program
        ");
    }

    #[test]
    fn no_category_counts_as_success_and_no_two_share_a_number() {
        let categories = [
            Category::Usage,
            Category::BadInput,
            Category::Network,
            Category::Machine,
            Category::Bug,
        ];
        let mut numbers: Vec<u8> =
            categories.iter().map(|c| ExitCode::from(*c).describe().0).collect();
        assert!(numbers.iter().all(|n| *n > 1));
        numbers.dedup();
        assert_eq!(numbers.len(), categories.len());
        // `Bug` is the last of the enum, so nothing is missing from the table.
        assert_eq!(ExitCode::ALL.last(), Some(&ExitCode::Bug));
    }
}
