//! Images in the local store: names in, [`Source`]s and [`Destination`]s out.
//!
//! An image is a ref of kind `images` in the content-addressed store (`lightship-cas`), named
//! `name:tag`. Its roots are *every manifest and index that was stored with it*, and its data says
//! what they are ([`ImageRecord`]).
//!
//! **Several platforms.** An index may be stored with some of its manifests only: somebody wanted one
//! platform. So an index by itself keeps nothing alive; the manifests that belong to an image are
//! roots of its name, and what an index points to beyond them is not *missing*. (Were an index to
//! keep whatever manifest happens to be there, removing another image could leave one that nobody
//! asked for, half there and for ever.) Reading copes: where one image of an incomplete index is
//! stored, [`Source::root`] is that image's manifest; where several are, it is the index, and asking
//! for an absent one says which there are.

mod destination;
mod find;
mod list;
mod record;
mod source;
mod tracer;

use std::sync::Arc;

use lightship_base::{Clock, Digest};
use lightship_cas::{Cas, RefKind};

pub use destination::StoreDestination;
pub use find::StoredImage;
pub use list::ImageSummary;
pub use record::ImageRecord;
pub use source::StoreSource;
pub use tracer::Tracer;

use crate::reference::{ImageName, StoreReference};
use crate::spec::{Descriptor, MAX_MANIFEST_BYTES};
#[cfg(doc)]
use crate::{Destination, Source};
use crate::{Error, artifact};

/// Names of images.
const IMAGES: RefKind = RefKind::new("images");

/// Images that others are built on, by the digits of their digests.
pub const BASES: RefKind = RefKind::new("bases");

/// The images in a content-addressed store, which has other things too.
#[derive(Clone)]
pub struct ImageStore {
    cas: Cas,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for ImageStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImageStore").field("cas", &self.cas).finish_non_exhaustive()
    }
}

impl ImageStore {
    /// Looks at the images in `cas`; `clock` tells when one is stored.
    pub fn new(cas: Cas, clock: Arc<dyn Clock>) -> Self {
        Self { cas, clock }
    }

    /// The store below, for `gc`, `usage` and `verify`; [`ImageStore::tracer`] is what they ask for.
    pub fn cas(&self) -> &Cas {
        &self.cas
    }

    /// An image to read. It stays whole while the source lives, whatever happens to its name.
    pub fn source(&self, reference: &StoreReference) -> Result<StoreSource, Error> {
        StoreSource::open(self, reference)
    }

    /// A place for an image. Its name appears, or moves, when everything is there.
    pub fn destination(&self, name: &ImageName) -> Result<StoreDestination, Error> {
        StoreDestination::create(self, Some(name))
    }

    /// A place for an image that others are built on: it gets no name, and [`ImageStore::base`] finds it by
    /// its digest.
    pub fn base_destination(&self) -> Result<StoreDestination, Error> {
        StoreDestination::create(self, None)
    }

    /// An image that others are built on, whole while the source lives; none if it is not here.
    pub fn base(&self, digest: &Digest) -> Result<Option<StoreSource>, Error> {
        StoreSource::of_base(self, digest)
    }

    /// Gives an image another name. One that has that name already loses it.
    pub fn tag(&self, from: &StoreReference, to: &ImageName) -> Result<(), Error> {
        let lease = self.cas.lease()?;
        let StoredImage { root, mut record, .. } = self.pin(&lease, from)?;
        // Asked for by the digest of one platform's manifest, the new name means that one only, and what
        // belongs to it.
        if !root.media_type.is_index() {
            record.manifests.retain(|manifest| {
                manifest.digest == root.digest || self.belongs(manifest, &root.digest)
            });
        }
        record.root = root;
        record.stored = self.clock.now();
        self.set(to, &record)
    }

    /// Whether a stored manifest says that it belongs to another.
    fn belongs(&self, manifest: &Descriptor, to: &Digest) -> bool {
        manifest.platform.is_none()
            && self
                .cas
                .read(&manifest.digest, MAX_MANIFEST_BYTES)
                .is_ok_and(|bytes| artifact::subject(&bytes) == Some(*to))
    }

    /// Removes a name and says which. Bytes go with the next `gc`, as far as nothing else needs them.
    /// An image asked for by digest must have one name only.
    pub fn remove(&self, reference: &StoreReference) -> Result<ImageName, Error> {
        let name = self.only_name(reference)?;
        if self.cas.remove_ref(IMAGES, &name.to_string())? {
            return Ok(name);
        }
        Err(not_found(reference))
    }

    /// Answers which blobs a manifest needs, for [`Cas::gc`], [`Cas::usage`] and [`Cas::verify`].
    pub fn tracer(&self) -> Result<Tracer, Error> {
        Tracer::new(self)
    }

    /// Keeps a base. Whoever calls holds a lease on all of it.
    fn set_base(&self, record: &ImageRecord) -> Result<(), Error> {
        Ok(self.cas.set_ref(BASES, &record.root.digest.hex(), &record.to_value())?)
    }

    /// Names an image. Whoever calls holds a lease on all of it.
    fn set(&self, name: &ImageName, record: &ImageRecord) -> Result<(), Error> {
        Ok(self.cas.set_ref(IMAGES, &name.to_string(), &record.to_value())?)
    }
}

/// What an error calls this store.
const PLACE: &str = "the local store";

fn not_found(reference: &StoreReference) -> Error {
    Error::NotFound {
        what: format!("image `{reference}`"),
        place: PLACE.to_owned(),
        hint: Some("`lightship image ls` shows what is there".to_owned()),
    }
}

/// How messages call a blob.
fn blob_name(digest: &Digest) -> String {
    format!("blob {digest}")
}
