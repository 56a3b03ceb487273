//! Layers in the store, as the blobs of an image that is not there yet.

use std::io::{Seek as _, SeekFrom};

use lightship_cas::Cas;
use lightship_oci::spec::Descriptor;
use lightship_oci::{BlobReader, Error, Source};

/// Blobs of the store. It has no image of its own: an [`Assembly`](lightship_oci::assembly::Assembly)
/// over it has.
pub struct StoredBlobs(pub Cas);

impl Source for StoredBlobs {
    fn name(&self) -> String {
        "the local store".to_owned()
    }

    fn root(&self) -> Result<Descriptor, Error> {
        Err(Error::NotFound { what: "an image".to_owned(), place: self.name(), hint: None })
    }

    fn document(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, Error> {
        Ok(self.0.read(&descriptor.digest, limit)?)
    }

    fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobReader, Error> {
        let what = || format!("blob {}", descriptor.digest);
        let mut blob = self.0.open_blob(&descriptor.digest)?;
        let sought = blob.seek(SeekFrom::Start(offset));
        sought.map_err(|source| Error::Read { what: what(), source })?;
        Ok(Box::new(blob))
    }
}
