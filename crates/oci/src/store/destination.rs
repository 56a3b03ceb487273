//! Writing an image into the store.

use std::io;
use std::sync::{Mutex, PoisonError};

use lightship_base::{Digest, TransferOutcome};
use lightship_cas::{BlobWriter, Error as CasError, Lease};

use super::{ImageRecord, ImageStore, PLACE, blob_name};
use crate::reference::ImageName;
use crate::spec::{Descriptor, MAX_MANIFEST_BYTES, Manifest, ManifestKind, MediaType};
use crate::{Destination, Error, OpenBlob, verified};

/// What is read and hashed at a time.
const BUFFER: usize = 256 * 1024;

/// A place in the store for one image. Everything written is leased while this lives, and garbage
/// after, unless [`Destination::finish`] named it.
#[derive(Debug)]
pub struct StoreDestination {
    store: ImageStore,
    lease: Lease,
    /// Where there is none it becomes a base, which its digest names.
    name: Option<ImageName>,
    /// Manifests and indexes taken so far.
    manifests: Mutex<Vec<Descriptor>>,
}

impl StoreDestination {
    pub(super) fn create(store: &ImageStore, name: Option<&ImageName>) -> Result<Self, Error> {
        let lease = store.cas.lease()?;
        Ok(Self { store: store.clone(), lease, name: name.cloned(), manifests: Mutex::default() })
    }

    /// A manifest whose blobs are not all here would be a broken image with a name. Layers that
    /// registries may refuse to hold are exempt.
    fn check_children(&self, owner: &Digest, manifest: &Manifest) -> Result<(), Error> {
        let needed: Vec<Digest> = manifest
            .layers
            .iter()
            .chain([&manifest.config])
            .filter(|blob| !matches!(blob.media_type, MediaType::ForeignLayer(..)))
            .map(|blob| blob.digest)
            .collect();
        match self.lease.protect_all(&needed)?.first() {
            None => Ok(()),
            Some(absent) => Err(Error::NotFound {
                what: format!("{}, which manifest {owner} needs,", blob_name(absent)),
                place: PLACE.to_owned(),
                hint: None,
            }),
        }
    }

    fn has(&self, digest: &Digest) -> bool {
        self.taken().iter().any(|manifest| manifest.digest == *digest)
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Vec<Descriptor>> {
        self.manifests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Destination for StoreDestination {
    fn name(&self) -> String {
        self.name.as_ref().map_or_else(|| PLACE.to_owned(), ToString::to_string)
    }

    fn put_blob(
        &self,
        descriptor: &Descriptor,
        _origin: Option<&(String, String)>,
        open: OpenBlob<'_>,
        advance: &dyn Fn(u64),
    ) -> Result<TransferOutcome, Error> {
        // A blob of another size is either damaged here or announced wrongly. Fetching it tells.
        if self.lease.protect(&descriptor.digest)?
            && self.store.cas.size(&descriptor.digest)? == Some(descriptor.size)
        {
            return Ok(TransferOutcome::AlreadyThere);
        }
        let mut writer = self.lease.partial(&descriptor.digest)?;
        if writer.len() > descriptor.size {
            writer.restart()?;
        }
        let resumed = !writer.is_empty();
        match fill(writer, descriptor, open, advance) {
            // What an earlier attempt left was wrong, perhaps zeros after a power failure. It is
            // thrown away by now.
            Err(Error::DigestMismatch { .. }) if resumed => {
                fill(self.lease.partial(&descriptor.digest)?, descriptor, open, advance)?;
            }
            result => result?,
        }
        Ok(TransferOutcome::Done)
    }

    fn put_manifest(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), Error> {
        let what = || format!("manifest {}", descriptor.digest);
        verified::check(descriptor, bytes, &what())?;
        if descriptor.size > MAX_MANIFEST_BYTES {
            let size = descriptor.size;
            let reason = format!("it has {size} bytes; at most {MAX_MANIFEST_BYTES} are allowed");
            return Err(Error::invalid(what(), reason));
        }
        let parsed =
            ManifestKind::parse(bytes).map_err(|source| Error::Json { what: what(), source })?;
        if let ManifestKind::Manifest(manifest) = &parsed {
            self.check_children(&descriptor.digest, manifest)?;
        }
        self.lease.put(bytes)?;
        if !self.has(&descriptor.digest) {
            let descriptor = self.store.with_platform(descriptor.clone())?;
            self.taken().push(descriptor);
        }
        Ok(())
    }

    fn finish(&self, root: &Descriptor, root_bytes: &[u8]) -> Result<(), Error> {
        self.put_manifest(root, root_bytes)?;
        let mut manifests = self.taken().clone();
        // In the order of arrival, which threads may change: sorted, the record does not depend on it.
        manifests.sort_by_key(|manifest| manifest.digest);
        let stored = self.store.clock.now();
        let record = ImageRecord { root: root.clone(), manifests, stored };
        match &self.name {
            Some(name) => self.store.set(name, &record),
            None => self.store.set_base(&record),
        }
    }
}

/// Writes what is missing of a blob and commits it. Where the source ends early, the partial
/// download stays for the next attempt.
fn fill(
    mut writer: BlobWriter,
    descriptor: &Descriptor,
    open: OpenBlob<'_>,
    advance: &dyn Fn(u64),
) -> Result<(), Error> {
    let what = || blob_name(&descriptor.digest);
    if writer.len() < descriptor.size {
        let mut reader = open(writer.len())?;
        let mut buffer = vec![0; BUFFER];
        // One byte too many is enough to know that the descriptor lies.
        while writer.len() <= descriptor.size {
            let n = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(Error::Read { what: what(), source }),
            };
            writer.append(&buffer[..n])?;
            advance(n as u64);
        }
    }
    if writer.len() < descriptor.size {
        let (expected, actual) = (descriptor.size, writer.len());
        return Err(Error::SizeMismatch { what: what(), expected, actual });
    }
    match writer.commit(Some(descriptor.digest), Some(descriptor.size)) {
        Ok(_) => Ok(()),
        Err(CasError::DigestMismatch { expected, actual }) => {
            Err(Error::DigestMismatch { what: what(), expected, actual })
        }
        Err(CasError::SizeMismatch { expected, actual }) => {
            Err(Error::SizeMismatch { what: what(), expected, actual })
        }
        Err(error) => Err(error.into()),
    }
}
