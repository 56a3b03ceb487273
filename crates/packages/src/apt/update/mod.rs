//! Brings the lists of all archives up to date: signature, then digests, then the packages in them.
//!
//! The last list that was verified is kept in the store together with its indexes, so that a second run
//! asks each archive one question, and a run without network asks none.

mod error;
pub(super) mod lists;
pub(super) mod release;

use lightship_base::{Progress, Timestamp};
use lightship_cas::RefKind;
use rayon::prelude::*;

use super::archives::{Archive, ArchiveId, Archives};
use super::index::{Index, IndexBuilder};
use super::keyring::Keyring;
use super::pins::Pins;
use super::sources::{Source, Suite};
use crate::fetch::Fetcher;

pub use error::{AskedSuite, UpdateError};
pub use lists::UNPACKED;
pub(crate) use release::Current;
use release::current;

/// Keeps each suite's last verified list, and the indexes that it vouches for.
pub const APT_RELEASES: RefKind = RefKind::new("apt-release");

/// A source and the keys that count for it.
#[derive(Debug, Clone)]
pub struct Mirror {
    /// What the user's configuration says.
    pub source: Source,
    /// Whose signature counts.
    pub keyring: Keyring,
}

/// How to update.
#[derive(Debug, Clone, Copy)]
pub struct UpdateOptions<'a> {
    /// Whose packages: `amd64`.
    pub architecture: &'a str,
    /// The present moment, for `Valid-Until`.
    pub now: Timestamp,
    /// Believe lists whose `Valid-Until` is over: for snapshots, which all are old.
    pub allow_expired: bool,
    /// What the user prefers; nothing where there are none.
    pub pins: Option<&'a Pins>,
}

/// Reads all packages of all mirrors. Mirrors without packages for the architecture are passed over.
pub fn update(
    fetcher: &Fetcher,
    mirrors: &[Mirror],
    options: UpdateOptions<'_>,
    progress: &dyn Progress,
) -> Result<Index, UpdateError> {
    let suites = suites(fetcher, mirrors, options)?;
    let texts = suites
        .par_iter()
        .map(|suite| lists::packages(fetcher, suite, options.architecture, progress))
        .collect::<Result<Vec<_>, _>>()?;
    let archives = Archives::new(suites.iter().map(archive).collect());
    let mut builder = IndexBuilder::new(options.architecture, archives);
    if let Some(pins) = options.pins {
        builder = builder.pinned(pins.clone());
    }
    for (at, texts) in (0..).zip(texts) {
        for (component, text) in texts {
            builder.add_component(text, ArchiveId(at), &component);
        }
    }
    Ok(builder.finish())
}

/// Which archives there are, without their packages: enough to find what a lock names.
pub fn archives(
    fetcher: &Fetcher,
    mirrors: &[Mirror],
    options: UpdateOptions<'_>,
) -> Result<Archives, UpdateError> {
    let suites = suites(fetcher, mirrors, options)?;
    for suite in &suites {
        release::keep_unless_changed(fetcher, suite, &[])?;
    }
    Ok(Archives::new(suites.iter().map(archive).collect()))
}

/// A suite that a mirror has although nobody configured it; `None` where it has none of this name. The
/// keys are those of the mirror's own source.
pub fn probe_suite(
    fetcher: &Fetcher,
    mirror: &Mirror,
    suite: &str,
    options: UpdateOptions<'_>,
) -> Result<Option<Mirror>, UpdateError> {
    let Suite::Named { components, .. } = &mirror.source.suite else { return Ok(None) };
    let mut other = mirror.clone();
    other.source.suite = Suite::Named { name: suite.to_owned(), components: components.clone() };
    match current(fetcher, &other, options) {
        Ok(found) => {
            release::keep_unless_changed(fetcher, &found, &[])?;
            Ok(Some(other))
        }
        Err(UpdateError::NoSuite { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The lists of all suites that have packages for the architecture.
pub(super) fn suites<'a>(
    fetcher: &Fetcher,
    mirrors: &'a [Mirror],
    options: UpdateOptions<'_>,
) -> Result<Vec<Current<'a>>, UpdateError> {
    let asked: Vec<&Mirror> =
        mirrors.iter().filter(|mirror| mirror.source.is_for(options.architecture)).collect();
    if asked.is_empty() {
        return Err(UpdateError::NoSources);
    }
    if u16::try_from(asked.len()).is_err() {
        return Err(UpdateError::TooMany);
    }
    asked.into_par_iter().map(|mirror| current(fetcher, mirror, options)).collect()
}

fn archive(suite: &Current<'_>) -> Archive {
    let source = &suite.mirror.source;
    Archive {
        label: suite.release.label().unwrap_or(source.suite_name()).to_owned(),
        suite: source.suite_name().to_owned(),
        version: suite.release.version.clone(),
        codename: suite.release.codename.clone(),
        class: suite.release.suite.clone(),
        origin: suite.release.origin.clone(),
        automatic: suite.release.automatic,
        base: source.base.clone(),
    }
}
