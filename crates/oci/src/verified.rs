//! Reading bytes that must turn out to be what their descriptor says.

use std::io::{self, Read};

use lightship_base::{Digest, Sha256};

use crate::spec::Descriptor;
use crate::{BlobReader, Error, OpenBlob};

/// Enough for disks and hashes to run at full speed.
const CHUNK: usize = 128 * 1024;

/// A manifest, index or config, whole: no more than `limit` bytes, and exactly those that `descriptor`
/// promises.
pub(crate) fn document(
    reader: BlobReader,
    descriptor: &Descriptor,
    limit: u64,
    what: &str,
) -> Result<Vec<u8>, Error> {
    if descriptor.size > limit {
        let reason = format!("{} bytes are more than such a document may have", descriptor.size);
        return Err(Error::invalid(what, reason));
    }
    let mut bytes = Vec::new();
    reader
        .take(descriptor.size + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| Error::Read { what: what.to_owned(), source })?;
    check_size(descriptor, bytes.len() as u64, what)?;
    check_digest(descriptor, Digest::of(&bytes), what)?;
    Ok(bytes)
}

/// Hands a blob's bytes to `sink` chunk by chunk, and fails unless they are what `descriptor`
/// promises. `sink` has seen wrong bytes then, and never more than promised.
pub(crate) fn stream(
    descriptor: &Descriptor,
    open: OpenBlob<'_>,
    advance: &dyn Fn(u64),
    sink: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let what = blob_name(descriptor);
    let mut reader = open(0)?;
    let mut hasher = Sha256::new();
    let mut total = 0;
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(Error::Read { what, source }),
        };
        total += read as u64;
        if read == 0 || total > descriptor.size {
            break;
        }
        hasher.update(&buffer[..read]);
        sink(&buffer[..read])?;
        advance(read as u64);
    }
    check_size(descriptor, total, &what)?;
    check_digest(descriptor, hasher.finish(), &what)
}

/// How messages call a blob.
pub(crate) fn blob_name(descriptor: &Descriptor) -> String {
    format!("blob {}", descriptor.digest)
}

/// Fails unless a document's bytes are what `descriptor` promises.
pub(crate) fn check(descriptor: &Descriptor, bytes: &[u8], what: &str) -> Result<(), Error> {
    check_size(descriptor, bytes.len() as u64, what)?;
    check_digest(descriptor, Digest::of(bytes), what)
}

fn check_size(descriptor: &Descriptor, actual: u64, what: &str) -> Result<(), Error> {
    if actual == descriptor.size {
        return Ok(());
    }
    Err(Error::SizeMismatch { what: what.to_owned(), expected: descriptor.size, actual })
}

fn check_digest(descriptor: &Descriptor, actual: Digest, what: &str) -> Result<(), Error> {
    if actual == descriptor.digest {
        return Ok(());
    }
    Err(Error::DigestMismatch { what: what.to_owned(), expected: descriptor.digest, actual })
}
