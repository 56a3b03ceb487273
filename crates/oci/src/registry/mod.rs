//! Registries: a client of *OCI distribution-spec 1.1* and of the token service that came with
//! Docker's registry.
//!
//! | file | section of the specification |
//! | --- | --- |
//! | `client` | one registry: addresses, authorised requests, refusals |
//! | `auth`, `challenge` | who we are: *Docker Registry v2 authentication*, RFC 9110 section 11 |
//! | `source` | *Pulling* manifests and blobs |
//! | `destination`, `upload`, `blob_bytes` | *Pushing* manifests and blobs; mounting |
//! | `referrers` | *Listing Referrers*, and the tag that stands in for it on older registries |
//! | `pages` | *Content Discovery*: tags, and lists that come in pages |
//!
//! What a registry says about digests (`Docker-Content-Digest`) is never taken for true: bytes are
//! hashed here, on the way in and on the way out.

mod auth;
mod blob_bytes;
mod challenge;
mod client;
mod destination;
mod explain;
mod pages;
mod referrers;
mod source;
mod upload;

use std::sync::{Arc, Mutex};

use crate::reference::RegistryReference;
use crate::spec::Descriptor;

pub use client::{Options, Registry, Transport};

/// One image in a registry: a [`crate::Source`] and a [`crate::Destination`].
pub struct RegistryImage {
    registry: Arc<Registry>,
    reference: RegistryReference,
    /// What the reference named when it was first asked for: a tag may move while an image is copied.
    root: Mutex<Option<(Descriptor, Vec<u8>)>>,
}

impl RegistryImage {
    /// Names an image of `registry`; opens nothing yet. Many images may share one registry, and with
    /// it connections and tokens.
    pub fn new(registry: Arc<Registry>, reference: RegistryReference) -> Self {
        Self { registry, reference, root: Mutex::new(None) }
    }

    /// Which image it is.
    pub fn reference(&self) -> &RegistryReference {
        &self.reference
    }

    /// The registry it is in.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    fn shown(&self) -> String {
        format!("docker://{}", self.reference)
    }
}
