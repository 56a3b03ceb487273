//! One suite's list: fetched where it changed, verified always.

use lightship_base::{Digest, Timestamp};
use lightship_cas::RefValue;
use lightship_net::{Document, Url};
use serde::{Deserialize, Serialize};

use super::{APT_RELEASES, Mirror, UpdateError, UpdateOptions};
use crate::apt::archives::below;
use crate::apt::keyring::{Keyring, MOST_BYTES, without_signature};
use crate::apt::release::Release;
use crate::apt::sources::{Suite, Trust};
use crate::fetch::{self, Fetcher};

/// A suite as it is now.
pub(crate) struct Current<'a> {
    pub(crate) mirror: &'a Mirror,
    pub(crate) release: Release,
    /// `InRelease` in the store.
    pub(super) digest: Digest,
    seen: Seen,
    /// What the suite's name in the store keeps beside it.
    pub(super) kept: Vec<Digest>,
    standing: Standing,
    /// What it is called in the store.
    name: String,
}

/// How a suite's list stands to the one that the store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It is that one, or the store has none.
    Known,
    /// It replaces that one.
    Changed,
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
    let name = name(mirror, options.architecture);
    let stored = stored(fetcher, mirror, &name)?;
    if fetcher.is_offline() {
        let Some(stored) = stored else {
            let what = format!("the list of `{}`", mirror.source.suite_name());
            let source = fetch::Error::Offline { what };
            return Err(UpdateError::fetch(mirror, source));
        };
        return stored.verified(mirror, name, options);
    }
    let seen = stored.as_ref().map(|stored| stored.seen.clone()).unwrap_or_default();
    let document = ask(fetcher, mirror, options.architecture, &seen)?;
    if document.head.status() == 304
        && let Some(stored) = stored
    {
        return stored.verified(mirror, name, options);
    }
    let header = |name| document.head.header(name).map(str::to_owned);
    let seen = Seen { etag: header("etag"), modified: header("last-modified") };
    let release = verify(mirror, &document.bytes, options)?;
    let digest = Digest::of(&document.bytes);
    let mut standing = Standing::Known;
    if let Some(stored) = stored {
        if stored.digest == digest {
            return Ok(Current { seen, ..stored.of(mirror, name, release) });
        }
        standing = Standing::Changed;
        // A mirror that lags behind, or somebody who wants old mistakes back.
        let newer = stored.verified(mirror, name.clone(), options).ok();
        if let Some(known) = newer.filter(|known| known.release.date > release.date) {
            return Ok(known);
        }
    }
    fetcher.lease().put(&document.bytes).map_err(UpdateError::store(mirror))?;
    Ok(Current { mirror, release, digest, seen, kept: Vec::new(), standing, name })
}

/// The same without `Packages`. A list that has changed is not kept then: the store would lose the one
/// before, whose packages it has, and be of no use without network.
pub(crate) fn keep_unless_changed(
    fetcher: &Fetcher,
    suite: &Current<'_>,
    indexes: &[Digest],
) -> Result<(), UpdateError> {
    match suite.standing {
        Standing::Known => keep(fetcher, suite, indexes),
        Standing::Changed => Ok(()),
    }
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
    cas.set_ref(APT_RELEASES, &suite.name, &RefValue { roots, data })
        .map_err(UpdateError::store(suite.mirror))?;
    // From here on they live as long as the list that names them, and no longer.
    for digest in indexes {
        cas.remove_ref(fetch::PACKAGES, &digest.hex()).map_err(UpdateError::store(suite.mirror))?;
    }
    Ok(())
}

/// Names in the store show no address.
fn name(mirror: &Mirror, architecture: &str) -> String {
    let mut base = mirror.source.base.clone();
    let _ = base.set_username("");
    let _ = base.set_password(None);
    let suite = match &mirror.source.suite {
        Suite::Named { name, .. } => name.clone(),
        // It may differ by architecture.
        Suite::Flat(_) => mirror.source.folder(architecture),
    };
    Digest::of(format!("{base} {suite}").as_bytes()).hex()
}

struct Stored {
    bytes: Vec<u8>,
    digest: Digest,
    seen: Seen,
    kept: Vec<Digest>,
}

fn stored(fetcher: &Fetcher, mirror: &Mirror, name: &str) -> Result<Option<Stored>, UpdateError> {
    #[derive(Deserialize)]
    struct Data {
        list: Digest,
        #[serde(default)]
        seen: Seen,
    }
    let store = UpdateError::store(mirror);
    let Some(value) = fetcher.lease().pin(APT_RELEASES, name).map_err(&store)? else {
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
        name: String,
        options: UpdateOptions<'_>,
    ) -> Result<Current<'a>, UpdateError> {
        let release = verify(mirror, &self.bytes, options)?;
        Ok(self.of(mirror, name, release))
    }

    fn of(self, mirror: &Mirror, name: String, release: Release) -> Current<'_> {
        let standing = Standing::Known;
        let Self { digest, seen, kept, .. } = self;
        Current { mirror, release, digest, seen, kept, standing, name }
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
    answer.map_err(|error| match absent(&error) {
        Some(status) => UpdateError::NoSuite { suite: mirror.asked().into(), status },
        None => UpdateError::fetch(mirror, error),
    })
}

pub(super) fn address(mirror: &Mirror, architecture: &str, path: &str) -> Url {
    below(&mirror.source.base, &format!("{}{path}", mirror.source.folder(architecture)))
}

/// Whether something is not there.
pub(super) fn is_absent(error: &fetch::Error) -> bool {
    absent(error).is_some()
}

/// The status by which a server says that something is not there. 403 as well: some object stores say it
/// of what does not exist.
fn absent(error: &fetch::Error) -> Option<u16> {
    if let fetch::Error::Network {
        source: lightship_net::Error::Status { status: status @ (403 | 404 | 410), .. },
        ..
    } = error
    {
        return Some(*status);
    }
    None
}

fn verify(
    mirror: &Mirror,
    bytes: &[u8],
    options: UpdateOptions<'_>,
) -> Result<Release, UpdateError> {
    let source = &mirror.source;
    let may_be_old = options.allow_expired || !source.check_valid_until;
    let signed = if may_be_old { Keyring::verify_old } else { Keyring::verify };
    let text = match source.trust {
        Trust::Signature => {
            signed(&mirror.keyring, bytes, options.now)
                .map(|signed| signed.text)
                .map_err(|source| UpdateError::Signature { suite: mirror.asked().into(), source })?
        }
        Trust::Blind => {
            without_signature(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned())
        }
    };
    let release = Release::parse(&text)
        .map_err(|source| UpdateError::Release { suite: mirror.asked().into(), source })?;
    check_suite(mirror, &release)?;
    let expired = |until: &Timestamp| *until < options.now;
    if let Some(valid_until) = release.valid_until.filter(expired)
        && !may_be_old
    {
        return Err(UpdateError::Expired { suite: mirror.asked().into(), valid_until });
    }
    Ok(release)
}

/// Whether the list is that of the suite that was asked for: by its suite or codename, also without what
/// stands behind the last slash (`buster/updates`), as apt compares them. All of an archive's lists are
/// signed by one key, so whoever sits between could hand out another suite's.
///
/// Not asked of a flat archive, whose folder is no suite's name, of one that does not name itself, and of
/// one that is believed blindly.
fn check_suite(mirror: &Mirror, release: &Release) -> Result<(), UpdateError> {
    let own = [release.suite.as_deref(), release.codename.as_deref()];
    let (Suite::Named { name, .. }, Trust::Signature) = (&mirror.source.suite, mirror.source.trust)
    else {
        return Ok(());
    };
    let short = name.rsplit_once('/').map_or(name.as_str(), |(short, _)| short);
    let fits = |own: &str| [name, short].contains(&own);
    let mut named = own.into_iter().flatten().peekable();
    if named.peek().is_none() || named.any(fits) {
        return Ok(());
    }
    let found: Vec<String> = own.into_iter().flatten().map(|own| format!("`{own}`")).collect();
    let found = lightship_net::printable(&found.join(" or "), 200);
    Err(UpdateError::OtherSuite { suite: mirror.asked().into(), found })
}
