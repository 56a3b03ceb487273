//! The two small nouns that every kind of place answers to: a [`Source`] that has an image, and a
//! [`Destination`] that takes one. Layouts, archives, registries and the local store implement
//! them; copying, auditing, squashing and converting speak to nothing else.

use std::io::Read;

use lightship_base::{Digest, TransferOutcome};

use crate::Error;
use crate::spec::Descriptor;

/// Bytes of a blob as they arrive. Not verified: whoever reads compares the digest.
pub type BlobReader = Box<dyn Read + Send>;

/// A place that has an image (or an index over several).
pub trait Source: Send + Sync {
    /// How a person calls it, such as `oci:./out:latest`. Never holds a credential.
    fn name(&self) -> String;

    /// The manifest or index that the reference names. Its digest is that of the exact bytes that
    /// [`Source::document`] returns.
    fn root(&self) -> Result<Descriptor, Error>;

    /// A manifest, index or config, whole. Implementations refuse more than `limit` bytes, verify the
    /// digest, and try again where trying again makes sense.
    fn document(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, Error>;

    /// A blob's bytes from `offset` on. `offset` is at most the descriptor's size.
    fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobReader, Error>;

    /// What belongs to one of its manifests and is of one artifact type, as a list shows it
    /// (*distribution-spec 1.1, Listing Referrers*). None where a place cannot hold such things.
    fn referrers(&self, _subject: &Digest, _artifact_type: &str) -> Result<Vec<Descriptor>, Error> {
        Ok(Vec::new())
    }

    /// Where a registry could mount blobs from, if this source is one: registry and repository.
    fn mount_origin(&self) -> Option<(String, String)> {
        None
    }
}

/// Opens the bytes of one blob from an offset on; called again by whoever retries or resumes.
pub type OpenBlob<'a> = &'a (dyn Fn(u64) -> Result<BlobReader, Error> + Sync);

/// A place that takes an image. Blobs first (in any order, in parallel), then manifests from the
/// leaves up, then `finish`: nothing is visible before that.
pub trait Destination: Send + Sync {
    /// How a person calls it.
    fn name(&self) -> String;

    /// Takes one blob, verifying digest and size, unless it is there already or can be mounted from
    /// `origin`. `advance` is told of every byte that really moved.
    fn put_blob(
        &self,
        descriptor: &Descriptor,
        origin: Option<&(String, String)>,
        open: OpenBlob<'_>,
        advance: &dyn Fn(u64),
    ) -> Result<TransferOutcome, Error>;

    /// Takes a manifest or index whose children it already has.
    fn put_manifest(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), Error>;

    /// Whether it can hold what belongs to an image. If not, [`Destination::put_referrer`] refuses.
    fn keeps_referrers(&self) -> bool {
        true
    }

    /// Takes the manifest of an artifact whose blobs it already has, before `finish`: it belongs to a
    /// manifest of the same image.
    fn put_referrer(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), Error> {
        self.put_manifest(descriptor, bytes)
    }

    /// Gives the image its name: the moment at which it becomes visible.
    fn finish(&self, root: &Descriptor, root_bytes: &[u8]) -> Result<(), Error>;
}
