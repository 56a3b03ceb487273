//! Reading an image from the store.

use std::io::{self, Seek, SeekFrom};

use lightship_base::Digest;
use lightship_cas::{Blob, Cas, Error as CasError, Lease};

use super::{BASES, ImageRecord, ImageStore, PLACE, StoredImage, blob_name};
use crate::artifact::referrers_among;
use crate::reference::{ImageName, StoreReference};
use crate::spec::{Descriptor, MAX_MANIFEST_BYTES, ManifestKind};
use crate::{BlobReader, Error, Source};

/// An image in the store, kept whole while this lives.
#[derive(Debug)]
pub struct StoreSource {
    cas: Cas,
    name: ImageName,
    root: Descriptor,
    record: ImageRecord,
    /// `None` in a store that cannot be written. Then whoever can write it may collect the image
    /// while it is read, and reading says so; keeping others waiting instead would be worse.
    _lease: Option<Lease>,
}

impl StoreSource {
    pub(super) fn open(store: &ImageStore, reference: &StoreReference) -> Result<Self, Error> {
        let (lease, StoredImage { name, root, record }) = match store.cas.lease() {
            Ok(lease) => {
                let image = store.pin(&lease, reference)?;
                (Some(lease), image)
            }
            Err(error) if is_read_only(&error) => (None, store.find(reference)?),
            Err(error) => return Err(error.into()),
        };
        let mut source = Self { cas: store.cas.clone(), name, root, record, _lease: lease };
        source.root = source.readable_root()?;
        Ok(source)
    }

    pub(super) fn of_base(store: &ImageStore, digest: &Digest) -> Result<Option<Self>, Error> {
        let lease = store.cas.lease()?;
        let name = ImageName { name: "base".to_owned(), tag: digest.short() };
        let Some(value) = lease.pin(BASES, &digest.hex())? else { return Ok(None) };
        let record = ImageRecord::from_value(&name.to_string(), value)?;
        let root = record.root.clone();
        Ok(Some(Self { cas: store.cas.clone(), name, root, record, _lease: Some(lease) }))
    }

    /// The index where it is complete or has several images here; else its only image.
    fn readable_root(&self) -> Result<Descriptor, Error> {
        if !self.root.media_type.is_index() {
            return Ok(self.root.clone());
        }
        let bytes = self.document(&self.root, MAX_MANIFEST_BYTES)?;
        let what = || format!("index {} of {}", self.root.digest, self.name);
        let parsed =
            ManifestKind::parse(&bytes).map_err(|source| Error::Json { what: what(), source })?;
        let complete = match parsed {
            ManifestKind::Manifest(_) => true,
            ManifestKind::Index(index) => {
                index.manifests.iter().all(|manifest| self.record.has(&manifest.digest))
            }
        };
        let images: Vec<&Descriptor> = self.record.images().collect();
        match images[..] {
            [only] if !complete => Ok(only.clone()),
            _ => Ok(self.root.clone()),
        }
    }

    fn open_blob(&self, descriptor: &Descriptor) -> Result<Blob, Error> {
        let blob =
            self.cas.open_blob(&descriptor.digest).map_err(|e| self.explain(descriptor, e))?;
        check_size(descriptor, blob.size())?;
        Ok(blob)
    }

    /// An absent manifest of an index is no damage: its platform was never stored.
    fn explain(&self, descriptor: &Descriptor, error: CasError) -> Error {
        if !matches!(error, CasError::NoSuchBlob { .. }) {
            return error.into();
        }
        let hint = match (&descriptor.platform, self.record.has(&descriptor.digest)) {
            (Some(wanted), false) => {
                let here: Vec<String> =
                    self.record.platforms().iter().map(ToString::to_string).collect();
                format!(
                    "only {} of it is stored; pull it again with `--platform {wanted}`",
                    here.join(", ")
                )
            }
            _ => {
                "`lightship store verify` lists all that is missing; pull or build the image again"
                    .to_owned()
            }
        };
        let what = match &descriptor.platform {
            Some(platform) => format!("the manifest of {} for {platform}", self.name),
            None => format!("{} of {}", blob_name(&descriptor.digest), self.name),
        };
        Error::NotFound { what, place: PLACE.to_owned(), hint: Some(hint) }
    }
}

impl Source for StoreSource {
    fn name(&self) -> String {
        self.name.to_string()
    }

    fn root(&self) -> Result<Descriptor, Error> {
        Ok(self.root.clone())
    }

    fn document(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, Error> {
        let bytes = self
            .cas
            .read(&descriptor.digest, limit)
            .map_err(|error| self.explain(descriptor, error))?;
        check_size(descriptor, bytes.len() as u64)?;
        Ok(bytes)
    }

    fn referrers(&self, subject: &Digest, artifact_type: &str) -> Result<Vec<Descriptor>, Error> {
        let read = |one: &Descriptor| self.document(one, MAX_MANIFEST_BYTES);
        Ok(referrers_among(self.record.manifests.iter(), subject, artifact_type, read))
    }

    fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobReader, Error> {
        let mut blob = self.open_blob(descriptor)?;
        let what = || blob_name(&descriptor.digest);
        blob.seek(SeekFrom::Start(offset))
            .map_err(|source| Error::Read { what: what(), source })?;
        Ok(Box::new(blob))
    }
}

fn check_size(descriptor: &Descriptor, actual: u64) -> Result<(), Error> {
    if descriptor.size == actual {
        return Ok(());
    }
    let what = blob_name(&descriptor.digest);
    Err(Error::SizeMismatch { what, expected: descriptor.size, actual })
}

fn is_read_only(error: &CasError) -> bool {
    matches!(error, CasError::Io { source, .. }
        if matches!(source.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied))
}
