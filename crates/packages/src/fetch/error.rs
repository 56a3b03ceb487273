//! Why something could not be fetched.

use lightship_base::{Category, Diagnose, Hint};

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not in the store, and the network may not be used.
    #[error("{what} is not in the local store, and nothing may be fetched (`--offline`)")]
    Offline {
        /// Which file or document.
        what: String,
    },
    /// Nobody says where it is.
    #[error("{what} is not in the local store, and no configured index has it")]
    NoAddress {
        /// Which file.
        what: String,
    },
    /// The network, or who answered.
    #[error("cannot fetch {what}")]
    Network {
        /// Which file or document.
        what: String,
        /// Why not.
        source: lightship_net::Error,
    },
    /// The store; a wrong digest shows here as well.
    #[error("cannot keep {what}")]
    Store {
        /// Which file.
        what: String,
        /// Why not.
        source: lightship_cas::Error,
    },
}

impl Error {
    /// Whether no other address could help: this machine fails, or may not ask.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Offline { .. } => true,
            Self::Store { .. } => !self.is_mismatch(),
            Self::NoAddress { .. } | Self::Network { .. } => false,
        }
    }

    /// Whether somebody gave other bytes than those that are wanted.
    pub(super) fn is_mismatch(&self) -> bool {
        let Self::Store { source, .. } = self else { return false };
        matches!(
            source,
            lightship_cas::Error::DigestMismatch { .. } | lightship_cas::Error::SizeMismatch { .. }
        )
    }

    /// Whether a download that began with an earlier one's bytes may have failed because of them.
    pub(super) fn may_blame_the_prefix(&self) -> bool {
        let unsatisfiable = matches!(
            self,
            Self::Network { source: lightship_net::Error::Status { status: 416, .. }, .. }
        );
        unsatisfiable || self.is_mismatch()
    }
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::Offline { .. } | Self::NoAddress { .. } => Category::Network,
            Self::Network { source, .. } => source.category(),
            Self::Store { source, .. } => source.category(),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Offline { .. } => vec![Hint::new(
                "run the same command once without `--offline`, or point it at a folder made by `lightship vendor`",
            )],
            Self::NoAddress { .. } => vec![Hint::new(
                "an index may have deleted it: look whether the lock is up to date (`lightship lock`)",
            )],
            Self::Network { source, .. } => source.hints(),
            Self::Store { source, .. } => source.hints(),
        }
    }
}
