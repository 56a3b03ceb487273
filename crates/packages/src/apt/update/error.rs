//! Why the lists could not be brought up to date.

use std::fmt;
use std::io;

use lightship_base::{Category, Diagnose, Hint, Timestamp};

use super::Mirror;
use crate::apt::keyring::SignatureError;
use crate::apt::release::ReleaseError;
use crate::apt::sources::Place;
use crate::fetch;

/// Why the lists could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// Nothing is configured that could be asked.
    #[error("no archive of Debian packages is configured")]
    NoSources,
    /// More than can be told apart.
    #[error("more than 65,535 archives are configured")]
    TooMany,
    /// The archive has no such suite.
    #[error(
        "the archive has no suite {suite}, or no signed list of it: it answered with status {status}"
    )]
    NoSuite {
        /// Which suite.
        suite: Box<AskedSuite>,
        /// What the server said: 403, 404 or 410.
        status: u16,
    },
    /// The archive has given the list of another suite.
    #[error("the archive gave the list of {found} where suite {suite} was asked for")]
    OtherSuite {
        /// Which suite was asked for.
        suite: Box<AskedSuite>,
        /// What the list calls itself.
        found: String,
    },
    /// The suite has no such component.
    #[error("suite {suite} has no component `{component}`")]
    NoComponent {
        /// Which suite.
        suite: Box<AskedSuite>,
        /// Which component.
        component: String,
        /// Those it has.
        components: Vec<String>,
    },
    /// The suite's list does not have a file.
    #[error("the list of suite {suite} does not have {file}")]
    NotListed {
        /// Which suite.
        suite: Box<AskedSuite>,
        /// Which file.
        file: String,
    },
    /// Nobody who is trusted signed the list.
    #[error("the list of suite {suite} cannot be believed")]
    Signature {
        /// Which suite.
        suite: Box<AskedSuite>,
        /// Why not.
        source: SignatureError,
    },
    /// The list cannot be read.
    #[error("the list of suite {suite} cannot be read")]
    Release {
        /// Which suite.
        suite: Box<AskedSuite>,
        /// Why not.
        source: ReleaseError,
    },
    /// The list is too old to be believed.
    #[error("the list of suite {suite} was valid until {valid_until}")]
    Expired {
        /// Which suite.
        suite: Box<AskedSuite>,
        /// When its time was over.
        valid_until: Timestamp,
    },
    /// A list or an index could not be had.
    #[error("cannot bring suite {suite} up to date")]
    Fetch {
        /// Which suite.
        suite: Box<AskedSuite>,
        /// Why not.
        source: fetch::Error,
    },
    /// The store failed.
    #[error("cannot keep the list of suite {suite} in the local store")]
    Store {
        /// Which suite.
        suite: Box<AskedSuite>,
        /// Why not.
        source: lightship_cas::Error,
    },
    /// An index could not be unpacked.
    #[error("cannot read the index {what}")]
    Read {
        /// Which index.
        what: String,
        /// Why not.
        source: io::Error,
    },
}

/// A suite, and who asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedSuite {
    /// `bookworm`.
    pub name: String,
    /// The entry of the user's configuration.
    pub place: Place,
}

impl fmt::Display for AskedSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.name, self.place)
    }
}

impl UpdateError {
    pub(super) fn fetch(mirror: &Mirror, source: fetch::Error) -> Self {
        Self::Fetch { suite: mirror.asked().into(), source }
    }

    pub(super) fn store(mirror: &Mirror) -> impl Fn(lightship_cas::Error) -> Self {
        let suite = mirror.asked();
        move |source| Self::Store { suite: suite.clone().into(), source }
    }
}

impl Mirror {
    pub(crate) fn asked(&self) -> AskedSuite {
        let source = &self.source;
        AskedSuite { name: source.suite_name().to_owned(), place: source.place.clone() }
    }
}

impl Diagnose for UpdateError {
    fn category(&self) -> Category {
        match self {
            Self::NoSources | Self::TooMany => Category::Usage,
            Self::NoSuite { .. }
            | Self::OtherSuite { .. }
            | Self::NoComponent { .. }
            | Self::NotListed { .. }
            | Self::Signature { .. }
            | Self::Release { .. }
            | Self::Expired { .. } => Category::BadInput,
            Self::Fetch { source, .. } => source.category(),
            Self::Store { source, .. } => source.category(),
            Self::Read { source, .. } => Category::of_io(source),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::NoSources => vec![Hint::new(
                "name an archive in apt's own files (`/etc/apt/sources.list.d/*.sources`) or in Lightship's settings",
            )],
            Self::NoSuite { status: 403, .. } => vec![Hint::new(
                "where the archive asks for a login, name the user and password in `/etc/apt/auth.conf.d` or `~/.netrc`",
            )],
            Self::OtherSuite { found, .. } => vec![
                Hint::new(format!(
                    "if it is the suite that you want, name it {found} in the entry"
                )),
                Hint::new(
                    "else look whether something between here and the archive changes what it sends",
                ),
            ],
            Self::NoComponent { components, .. } if !components.is_empty() => {
                vec![Hint::new(format!("choose among its components: {}", components.join(", ")))]
            }
            Self::Expired { .. } => vec![
                Hint::new(
                    "look whether this machine's clock is right, and whether the mirror is still kept up",
                ),
                Hint::new(
                    "for an archive of old snapshots, set `Check-Valid-Until: no` in its entry",
                ),
            ],
            Self::Signature { source, .. } => source.hints(),
            Self::Fetch { source, .. } => source.hints(),
            Self::Store { source, .. } => source.hints(),
            Self::TooMany
            | Self::NoSuite { .. }
            | Self::NoComponent { .. }
            | Self::NotListed { .. }
            | Self::Release { .. }
            | Self::Read { .. } => Vec::new(),
        }
    }
}
