//! The indexes that a suite's list vouches for.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use lightship_base::{Digest, Progress};
use lightship_cas::{BlobWriter, Lease, RefKind, RefValue};
use lightship_codec::compression::{CompressionLevel, decoder, encoder};
use lightship_net::Url;

use super::release::{address, is_absent, keep};
use super::{Current, UpdateError};
use crate::apt::release::ReleaseFile;
use crate::apt::sources::Suite;
use crate::fetch::{Fetcher, Wanted};

/// Keeps indexes that are quick to unpack, by the digests of those that archives have: these are compressed so that few
/// bytes travel, and unpacking one takes a second.
pub const UNPACKED: RefKind = RefKind::new("unpacked");

/// Nobody but this machine reads them.
const QUICKLY: CompressionLevel = CompressionLevel::Zstd(1);

/// Forms of an index, the one that is least work for the network first. The empty one is the plain text,
/// which archives often list and do not have.
const FORMS: [&str; 5] = [".xz", ".zst", ".gz", ".bz2", ""];

/// No index unpacks to more; all of Debian's packages for one architecture take 60 MB.
const MOST_BYTES: u64 = 1 << 30;

/// `Packages` of every component with the component's name, unpacked, and kept in the store.
pub(super) fn packages(
    fetcher: &Fetcher,
    suite: &Current<'_>,
    architecture: &str,
    progress: &dyn Progress,
) -> Result<Vec<(String, Vec<u8>)>, UpdateError> {
    let mut texts = Vec::new();
    let mut digests = Vec::new();
    for name in names(suite, architecture)? {
        let (path, file) = fetch(fetcher, suite, architecture, &name, progress)?;
        let limit =
            suite.release.file(&name).map_or(MOST_BYTES, |plain| plain.size.min(MOST_BYTES));
        let read = unpack_kept(fetcher.lease(), &file.digest, &path, limit);
        let text = read.map_err(|source| UpdateError::Read { what: name.clone(), source })?;
        let component = name.split_once("/binary-").map_or("", |(component, _)| component);
        texts.push((component.to_owned(), text));
        digests.push(file.digest);
    }
    keep(fetcher, suite, &digests)?;
    Ok(texts)
}

/// Paths of the indexes, without the endings of their forms.
fn names(suite: &Current<'_>, architecture: &str) -> Result<Vec<String>, UpdateError> {
    let release = &suite.release;
    let Suite::Named { components, .. } = &suite.mirror.source.suite else {
        return Ok(vec!["Packages".to_owned()]);
    };
    let has = |wanted: &str| release.architectures.iter().any(|own| own == wanted);
    let mut folders = Vec::new();
    if has(architecture) || release.architectures.is_empty() {
        folders.push(architecture);
    }
    if has("all") && !release.lists_all_with_each {
        folders.push("all");
    }
    let mut names = Vec::new();
    for component in components {
        // `updates/main` is listed as `main` by archives that have such names.
        let short = component.rsplit('/').next().unwrap_or(component);
        let listed_names: Vec<String> = folders
            .iter()
            .filter_map(|folder| {
                [component.as_str(), short]
                    .into_iter()
                    .map(|part| format!("{part}/binary-{folder}/Packages"))
                    .find(|path| listed(suite, path).next().is_some())
            })
            .collect();
        if listed_names.is_empty() && !folders.is_empty() {
            return Err(UpdateError::NoComponent {
                suite: suite.mirror.asked().into(),
                component: component.clone(),
                components: release.components.clone(),
            });
        }
        names.extend(listed_names);
    }
    Ok(names)
}

/// Forms of an index that a suite's list has, the best first.
pub(crate) fn listed(
    suite: &Current<'_>,
    name: &str,
) -> impl Iterator<Item = (String, ReleaseFile)> {
    FORMS.into_iter().filter_map(move |form| {
        let path = format!("{name}{form}");
        suite.release.file(&path).map(|file| (path, file))
    })
}

/// The first form of an index that the archive has.
pub(crate) fn fetch(
    fetcher: &Fetcher,
    suite: &Current<'_>,
    architecture: &str,
    name: &str,
    progress: &dyn Progress,
) -> Result<(PathBuf, ReleaseFile), UpdateError> {
    let mut last =
        UpdateError::NotListed { suite: suite.mirror.asked().into(), file: name.to_owned() };
    for (path, file) in listed(suite, name) {
        let wanted = Wanted { name: &path, digest: file.digest, size: Some(file.size) };
        let addresses = || Ok(addresses(suite, architecture, &path, &file.digest));
        match fetcher.file::<crate::fetch::Error>(&wanted, addresses, progress) {
            Ok(place) => return Ok((place, file)),
            Err(error) => {
                let absent = is_absent(&error);
                last = UpdateError::fetch(suite.mirror, error);
                if !absent {
                    return Err(last);
                }
            }
        }
    }
    Err(last)
}

/// By its digest first: then an archive that is being updated cannot give another one.
fn addresses(suite: &Current<'_>, architecture: &str, path: &str, digest: &Digest) -> Vec<Url> {
    let mut addresses = Vec::new();
    if suite.release.by_hash {
        let folder =
            path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let by_hash = format!("{folder}by-hash/SHA256/{}", digest.hex());
        addresses.push(address(suite.mirror, architecture, &by_hash));
    }
    addresses.push(address(suite.mirror, architecture, path));
    addresses
}

/// The text of an index that the store has, from a form of it that is quick to unpack. That one is made the first time.
fn unpack_kept(lease: &Lease, digest: &Digest, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // What is wrong with the store is told by whoever needs more of it than time.
    let kept = lease.pin(UNPACKED, &digest.hex()).ok().flatten();
    if let Some(blob) = kept.as_ref().and_then(|value| value.roots.first())
        && let Ok(text) = unpack(&lease.cas().blob_path(blob), limit)
    {
        return Ok(text);
    }
    let text = unpack(path, limit)?;
    let _ = keep_unpacked(lease, digest, &text);
    Ok(text)
}

fn keep_unpacked(lease: &Lease, digest: &Digest, text: &[u8]) -> io::Result<()> {
    let mut encoder = encoder(Sink(lease.writer().map_err(io::Error::other)?), QUICKLY, 1)?;
    encoder.write_all(text)?;
    let Sink(writer) = encoder.finish()?;
    let blob = writer.commit(None, None).map_err(io::Error::other)?.digest;
    let value = RefValue { roots: vec![blob], data: serde_json::Value::Null };
    lease.cas().set_ref(UNPACKED, &digest.hex(), &value).map_err(io::Error::other)
}

/// The store as a sink of bytes.
struct Sink(BlobWriter);

impl Write for Sink {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.append(buffer).map_err(io::Error::other)?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unpack(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let expected = usize::try_from(limit.min(256 << 20)).unwrap_or_default();
    let mut text = Vec::with_capacity(if limit == MOST_BYTES { 0 } else { expected });
    decoder(File::open(path)?)?.take(limit + 1).read_to_end(&mut text)?;
    if text.len() as u64 > limit {
        let reason = format!("it unpacks to more than the {limit} bytes that it should have");
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    Ok(text)
}
