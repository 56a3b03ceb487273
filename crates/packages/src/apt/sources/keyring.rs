//! The keys that an entry asks for.

use std::io;
use std::path::{Path, PathBuf};

use lightship_base::{Category, Diagnose, Hint};

use super::{Place, SignedBy, Source};
use crate::apt::keyring::{Keyring, KeyringError};

/// Why an entry's keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file is not there, or cannot be read.
    #[error("{place}: cannot read the keys in {}", path.display())]
    Read {
        /// The entry.
        place: Place,
        /// The file of keys that it names.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file, or the entry itself, has something else than keys.
    #[error("{place}: cannot use its keys")]
    Keys {
        /// The entry.
        place: Place,
        /// Why not.
        source: KeyringError,
    },
    /// A key is named that the machine does not have.
    #[error("{place}: no trusted key has the fingerprint {fingerprint}")]
    NoKey {
        /// The entry.
        place: Place,
        /// Which key.
        fingerprint: String,
    },
}

impl Source {
    /// The keys whose signature counts for this entry. `read` reads a file of keys; `trusted` are the
    /// keys that the machine trusts for every archive.
    pub fn keyring(
        &self,
        trusted: &Keyring,
        mut read: impl FnMut(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Keyring, TrustError> {
        if self.signed_by.is_empty() {
            return Ok(trusted.clone());
        }
        let place = || self.place.clone();
        let bad = |source| TrustError::Keys { place: place(), source };
        let mut keyring = Keyring::default();
        // A fingerprint beside files chooses among their keys.
        let mut chosen = Vec::new();
        for named in &self.signed_by {
            match named {
                SignedBy::File(path) => {
                    let bytes = read(path).map_err(|source| TrustError::Read {
                        place: place(),
                        path: path.clone(),
                        source,
                    })?;
                    let name = path.display().to_string();
                    keyring.extend(Keyring::parse(&name, &bytes).map_err(bad)?);
                }
                SignedBy::Embedded(text) => {
                    let name = "the entry's own key";
                    keyring.extend(Keyring::parse(name, text.as_bytes()).map_err(bad)?);
                }
                SignedBy::Key { fingerprint, exact } => chosen.push((fingerprint, *exact)),
            }
        }
        if chosen.is_empty() {
            return Ok(keyring);
        }
        let among = if keyring.is_empty() { trusted } else { &keyring };
        let mut only = Keyring::default();
        for (fingerprint, exact) in chosen {
            only.extend(among.only(fingerprint, exact).ok_or_else(|| TrustError::NoKey {
                place: place(),
                fingerprint: fingerprint.clone(),
            })?);
        }
        Ok(only)
    }
}

impl Diagnose for TrustError {
    fn category(&self) -> Category {
        match self {
            Self::Read { source, .. } => Category::of_io(source),
            Self::Keys { .. } | Self::NoKey { .. } => Category::BadInput,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Read { .. } => {
                vec![Hint::new("install the archive's keyring package, or mend `Signed-By`")]
            }
            Self::Keys { .. } | Self::NoKey { .. } => Vec::new(),
        }
    }
}
