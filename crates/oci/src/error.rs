//! Everything that can go wrong with an image, in the words of whoever asked for it.

use std::io;
use std::path::{Path, PathBuf};

use lightship_base::{Category, Diagnose, Digest, Hint};

use crate::spec::Platform;

/// Why an image could not be read, written or reshaped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted: `open`, `read`, `create`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Reading a blob failed on its way, or its bytes are not what they claim to be.
    #[error("cannot read {what}")]
    Read {
        /// Which bytes: ``layer 3 (sha256:…)``.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// A document is not the JSON it should be.
    #[error("{what} is not valid")]
    Json {
        /// Which document.
        what: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The bytes have another digest than the one they were asked for by.
    #[error("{what} is corrupt: it should be {expected} but is {actual}")]
    DigestMismatch {
        /// Which bytes.
        what: String,
        /// The digest in the descriptor or config.
        expected: Digest,
        /// The digest of the bytes.
        actual: Digest,
    },
    /// There are more or fewer bytes than the descriptor says.
    #[error("{what} is corrupt: it should have {expected} bytes but has {actual}")]
    SizeMismatch {
        /// Which bytes.
        what: String,
        /// Bytes promised.
        expected: u64,
        /// Bytes found; counting stops soon after the promise is broken.
        actual: u64,
    },
    /// There is no such image, tag or blob.
    #[error("{what} was not found in {place}")]
    NotFound {
        /// What was looked for.
        what: String,
        /// Where.
        place: String,
        /// What there is instead, or what to do.
        hint: Option<String>,
    },
    /// The index has no manifest for that platform.
    #[error("{image} has no manifest for {wanted}")]
    NoSuchPlatform {
        /// Which image.
        image: String,
        /// What was asked for.
        wanted: Box<Platform>,
        /// What there is.
        available: Vec<Platform>,
    },
    /// The input breaks a rule of its format.
    #[error("{what}: {reason}")]
    Invalid {
        /// Which input.
        what: String,
        /// Which rule.
        reason: String,
    },
    /// The input is fine, but this cannot be done with it.
    #[error("{what}: {reason}")]
    Unsupported {
        /// Which input.
        what: String,
        /// What cannot be done.
        reason: String,
        /// What can.
        hint: Option<String>,
    },
    /// The local store failed.
    #[error(transparent)]
    Store(#[from] lightship_cas::Error),
    /// The network failed.
    #[error(transparent)]
    Net(#[from] lightship_net::Error),
}

impl Error {
    /// An operating-system error on a path, ready for `map_err`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// A broken rule of the input's format.
    pub fn invalid(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), reason: reason.into() }
    }
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::Io { source, .. } => Category::of_io(source),
            // A blob's reader wraps whatever failed below it; the network's own errors keep their
            // category and hints on the way through `std::io::Error`.
            Self::Read { source, .. } => {
                network_error(source).map_or(Category::BadInput, Diagnose::category)
            }
            Self::Json { .. }
            | Self::DigestMismatch { .. }
            | Self::SizeMismatch { .. }
            | Self::NotFound { .. }
            | Self::NoSuchPlatform { .. }
            | Self::Invalid { .. }
            | Self::Unsupported { .. } => Category::BadInput,
            Self::Store(error) => error.category(),
            Self::Net(error) => error.category(),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::NoSuchPlatform { available, .. } => {
                let list: Vec<String> = available.iter().map(ToString::to_string).collect();
                vec![Hint::new(format!("choose one with `--platform`: {}", list.join(", ")))]
            }
            Self::NotFound { hint, .. } | Self::Unsupported { hint, .. } => {
                hint.iter().map(Hint::new).collect()
            }
            Self::DigestMismatch { .. } | Self::SizeMismatch { .. } => {
                vec![Hint::new("`lightship image validate` lists everything that is wrong with it")]
            }
            Self::Store(error) => error.hints(),
            Self::Net(error) => error.hints(),
            Self::Read { source, .. } => network_error(source).map_or(Vec::new(), Diagnose::hints),
            Self::Io { .. } | Self::Json { .. } | Self::Invalid { .. } => Vec::new(),
        }
    }
}

fn network_error(source: &io::Error) -> Option<&lightship_net::Error> {
    source.get_ref()?.downcast_ref()
}
