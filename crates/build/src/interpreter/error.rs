//! Why an archive's interpreter cannot be used.

use lightship_base::{Category, Diagnose, Hint};
use lightship_packages::deb::ErrorKind;

/// Why an archive's interpreter cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The archive is broken, or does what none may do.
    #[error("cannot read the interpreter's archive {file}")]
    Archive {
        /// Its name.
        file: String,
        /// Why not.
        source: Box<ErrorKind>,
    },
    /// It has another layout.
    #[error("{file} has not the layout `install_only` of python-build-standalone: {reason}")]
    Layout {
        /// Its name.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// It is for other machines.
    #[error("the interpreter of {file} is for {found}, and the image for {wanted}")]
    Machine {
        /// Its name.
        file: String,
        /// What it is for.
        found: String,
        /// What it should be for.
        wanted: String,
    },
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::Archive { source, .. } => match &**source {
                ErrorKind::Open(error) | ErrorKind::Read(error) => Category::of_io(error),
                ErrorKind::Scratch(_) => Category::Machine,
                _ => Category::BadInput,
            },
            Self::Layout { .. } | Self::Machine { .. } => Category::BadInput,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Archive { .. } => Vec::new(),
            Self::Layout { .. } => vec![Hint::new(
                "take an archive whose name has `install_only` in it: it has `python/bin/python3.N` and `python/lib/python3.N`",
            )],
            Self::Machine { .. } => {
                vec![Hint::new("take the archive for this platform and the GNU C library")]
            }
        }
    }
}
