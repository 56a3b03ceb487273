//! Why a snapshot could not be made.

use std::io;
use std::path::{Path, PathBuf};

use lightship_base::{Category, Diagnose, Hint};
use rustix::io::Errno;

/// Why an image's files could not be laid out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The layer could not be read.
    #[error(transparent)]
    Image(#[from] lightship_oci::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] lightship_cas::Error),
    /// The operating system refused something about one entry of a layer.
    #[error("cannot unpack {layer}: cannot {action} `{entry}`")]
    Entry {
        /// Which layer, counted from 1, with its digest.
        layer: String,
        /// What was attempted.
        action: &'static str,
        /// The entry's path in the image, escaped.
        entry: String,
        /// Why not.
        source: io::Error,
    },
    /// An entry that nobody could unpack as it is written.
    #[error("cannot unpack {layer}: `{entry}` {reason}")]
    Invalid {
        /// Which layer, counted from 1, with its digest.
        layer: String,
        /// The entry's path in the image, escaped.
        entry: String,
        /// What is wrong with it: half a sentence.
        reason: String,
    },
    /// The operating system refused something outside any layer.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// An operating-system error on a path, ready for `map_err`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::Image(error) => error.category(),
            Self::Store(error) => error.category(),
            Self::Invalid { .. } => Category::BadInput,
            Self::Entry { source, .. } => match source.raw_os_error().map(Errno::from_raw_os_error)
            {
                // A name, target or size that no file system takes, more links than it allows.
                Some(Errno::NAMETOOLONG | Errno::FBIG | Errno::MLINK) => Category::BadInput,
                _ => Category::Machine,
            },
            Self::Io { .. } => Category::Machine,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Image(error) => error.hints(),
            Self::Store(error) => error.hints(),
            Self::Entry { source, .. } | Self::Io { source, .. } => io_hints(source),
            Self::Invalid { .. } => {
                vec![Hint::new("`lightship image validate` lists everything that is wrong with it")]
            }
        }
    }
}

/// What to do about the refusals that people really meet.
fn io_hints(source: &io::Error) -> Vec<Hint> {
    match source.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOSPC | Errno::DQUOT) => vec![
            Hint::new("free what no image needs with `lightship store gc`"),
            Hint::new("or move the store to a larger disk and name it with `LIGHTSHIP_HOME`"),
        ],
        Some(Errno::INVAL) => vec![Hint::new(
            "the owner may be outside the ids that this machine gives you; `lightship doctor` tells which those are",
        )],
        Some(Errno::MFILE | Errno::NFILE) => {
            vec![Hint::new("allow more open files (`ulimit -n`)")]
        }
        _ => Vec::new(),
    }
}
