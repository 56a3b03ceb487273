//! One suite's list: fetched where it changed, verified always.

use lightship_base::{Digest, Timestamp};
use lightship_cas::RefValue;
use lightship_net::{Document, Url};
use serde::{Deserialize, Serialize};

use super::{APT_RELEASES, Mirror, UpdateError, UpdateOptions};
use crate::apt::archives::below;
use crate::apt::keyring::without_signature;
use crate::apt::release::Release;
use crate::apt::sources::Trust;
use crate::fetch::{self, Fetcher};

/// Debian's largest have 200 kB.
const MOST_BYTES: u64 = 16 << 20;

/// A suite as it is now.
pub(crate) struct Current<'a> {
    pub(crate) mirror: &'a Mirror,
    pub(crate) release: Release,
    /// `InRelease` in the store.
    pub(super) digest: Digest,
    seen: Seen,
    /// What the suite's name in the store keeps beside it.
    pub(super) kept: Vec<Digest>,
}

/// How the server told this answer from others.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Seen {
    etag: Option<String>,
    modified: Option<String>,
}

/// The suite's list, verified.
pub(crate) fn current<'a>(
    fetcher: &Fetcher,
    mirror: &'a Mirror,
    options: UpdateOptions<'_>,
) -> Result<Current<'a>, UpdateError> {
    let stored = stored(fetcher, mirror)?;
    if fetcher.is_offline() {
        let Some(stored) = stored else {
            let what = format!("the list of `{}`", mirror.source.suite_name());
            let source = fetch::Error::Offline { what };
            return Err(UpdateError::fetch(mirror, source));
        };
        return stored.verified(mirror, options);
    }
    let seen = stored.as_ref().map(|stored| stored.seen.clone()).unwrap_or_default();
    let document = ask(fetcher, mirror, options.architecture, &seen)?;
    if document.head.status() == 304
        && let Some(stored) = stored
    {
        return stored.verified(mirror, options);
    }
    let header = |name| document.head.header(name).map(str::to_owned);
    let seen = Seen { etag: header("etag"), modified: header("last-modified") };
    let release = verify(mirror, &document.bytes, options)?;
    if let Some(stored) = stored {
        // A mirror that lags behind, or somebody who wants old mistakes back.
        let newer =
            stored.verified(mirror, options).ok().filter(|known| known.release.date > release.date);
        if let Some(known) = newer {
            return Ok(known);
        }
    }
    let digest = fetcher.lease().put(&document.bytes).map_err(UpdateError::store(mirror))?;
    Ok(Current { mirror, release, digest, seen, kept: Vec::new() })
}

/// Names a suite's list, so that it stays in the store, with the indexes that were fetched for it.
pub(crate) fn keep(
    fetcher: &Fetcher,
    suite: &Current<'_>,
    indexes: &[Digest],
) -> Result<(), UpdateError> {
    let mut roots = vec![suite.digest];
    // What was kept was kept for this very list: a new one begins with nothing.
    roots.extend(suite.kept.iter().chain(indexes));
    roots.sort_unstable();
    roots.dedup();
    let data = serde_json::json!({ "list": suite.digest, "seen": suite.seen });
    let cas = fetcher.cas();
    cas.set_ref(APT_RELEASES, &name(suite.mirror), &RefValue { roots, data })
        .map_err(UpdateError::store(suite.mirror))?;
    // From here on they live as long as the list that names them, and no longer.
    for digest in indexes {
        cas.remove_ref(fetch::PACKAGES, &digest.hex()).map_err(UpdateError::store(suite.mirror))?;
    }
    Ok(())
}

/// Names in the store show no address.
fn name(mirror: &Mirror) -> String {
    let mut base = mirror.source.base.clone();
    let _ = base.set_username("");
    let _ = base.set_password(None);
    Digest::of(format!("{base} {}", mirror.source.suite_name()).as_bytes()).hex()
}

struct Stored {
    bytes: Vec<u8>,
    digest: Digest,
    seen: Seen,
    kept: Vec<Digest>,
}

fn stored(fetcher: &Fetcher, mirror: &Mirror) -> Result<Option<Stored>, UpdateError> {
    #[derive(Deserialize)]
    struct Data {
        list: Digest,
        #[serde(default)]
        seen: Seen,
    }
    let store = UpdateError::store(mirror);
    let Some(value) = fetcher.lease().pin(APT_RELEASES, &name(mirror)).map_err(&store)? else {
        return Ok(None);
    };
    // What an earlier or later Lightship wrote, and we cannot read, was never there.
    let Ok(data) = serde_json::from_value::<Data>(value.data) else { return Ok(None) };
    let bytes = fetcher.cas().read(&data.list, MOST_BYTES).map_err(&store)?;
    let kept = value.roots.into_iter().filter(|root| *root != data.list).collect();
    Ok(Some(Stored { bytes, digest: data.list, seen: data.seen, kept }))
}

impl Stored {
    fn verified<'a>(
        self,
        mirror: &'a Mirror,
        options: UpdateOptions<'_>,
    ) -> Result<Current<'a>, UpdateError> {
        let release = verify(mirror, &self.bytes, options)?;
        Ok(Current { mirror, release, digest: self.digest, seen: self.seen, kept: self.kept })
    }
}

fn ask(
    fetcher: &Fetcher,
    mirror: &Mirror,
    architecture: &str,
    seen: &Seen,
) -> Result<Document, UpdateError> {
    let mut headers = Vec::new();
    if let Some(etag) = &seen.etag {
        headers.push(("if-none-match", etag.clone()));
    }
    if let Some(modified) = &seen.modified {
        headers.push(("if-modified-since", modified.clone()));
    }
    let get = |name: &str| {
        let address = address(mirror, architecture, name);
        fetcher.document(&address, &headers, MOST_BYTES)
    };
    let answer = match get("InRelease") {
        // Archives without a signature have only this one.
        Err(error) if is_absent(&error) && mirror.source.trust == Trust::Blind => get("Release"),
        answer => answer,
    };
    answer.map_err(|error| {
        if is_absent(&error) {
            UpdateError::NoSuite { suite: mirror.asked().into() }
        } else {
            UpdateError::fetch(mirror, error)
        }
    })
}

pub(super) fn address(mirror: &Mirror, architecture: &str, path: &str) -> Url {
    below(&mirror.source.base, &format!("{}{path}", mirror.source.folder(architecture)))
}

/// 403 as well: some object stores say it of what does not exist.
pub(super) fn is_absent(error: &fetch::Error) -> bool {
    matches!(
        error,
        fetch::Error::Network {
            source: lightship_net::Error::Status { status: 403 | 404 | 410, .. },
            ..
        }
    )
}

fn verify(
    mirror: &Mirror,
    bytes: &[u8],
    options: UpdateOptions<'_>,
) -> Result<Release, UpdateError> {
    let source = &mirror.source;
    let text = match source.trust {
        Trust::Signature => mirror
            .keyring
            .verify(bytes, options.now)
            .map(|signed| signed.text)
            .map_err(|source| UpdateError::Signature { suite: mirror.asked().into(), source })?,
        Trust::Blind => {
            without_signature(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned())
        }
    };
    let release = Release::parse(&text)
        .map_err(|source| UpdateError::Release { suite: mirror.asked().into(), source })?;
    let expired = |until: &Timestamp| *until < options.now;
    if let Some(valid_until) = release.valid_until.filter(expired)
        && source.check_valid_until
        && !options.allow_expired
    {
        return Err(UpdateError::Expired { suite: mirror.asked().into(), valid_until });
    }
    Ok(release)
}
