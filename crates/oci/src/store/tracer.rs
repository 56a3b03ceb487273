//! Which blobs a manifest needs: what `gc`, `usage` and `verify` of the store ask.

use std::collections::BTreeSet;
use std::io::Read;

use lightship_base::Digest;
use lightship_cas::{Cas, Error as CasError};

use super::ImageStore;
use crate::Error;
use crate::spec::{MAX_MANIFEST_BYTES, ManifestKind, MediaType};

/// Follows manifests to their configs and layers.
///
/// What a named image's manifest is, its record says; there, a manifest that cannot be read is an
/// error, for taking it for a leaf would delete its layers. Any other blob (leased, or of another
/// kind of ref) is taken for a manifest if it reads as one: at worst something is kept too long.
/// Indexes lead nowhere (the module says why), so the depth is two whatever the input is.
#[derive(Debug, Clone)]
pub struct Tracer {
    cas: Cas,
    /// Manifests and indexes of named images.
    declared: BTreeSet<Digest>,
}

impl Tracer {
    pub(super) fn new(store: &ImageStore) -> Result<Self, Error> {
        let records = store.records()?;
        let declared = records.iter().flat_map(|(_, record)| &record.manifests);
        let declared = declared.map(|manifest| manifest.digest).collect();
        Ok(Self { cas: store.cas.clone(), declared })
    }

    /// The blobs that this one needs; none if it is no manifest.
    pub fn children(&self, digest: &Digest) -> Result<Vec<Digest>, CasError> {
        if self.declared.contains(digest) {
            return self.children_of_declared(digest);
        }
        if !self.may_be_json(digest)? {
            return Ok(Vec::new());
        }
        match self.cas.read(digest, MAX_MANIFEST_BYTES) {
            Ok(bytes) => match ManifestKind::parse(&bytes) {
                Ok(parsed) => self.needed(parsed),
                Err(_) => Ok(Vec::new()),
            },
            Err(CasError::CorruptBlob { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn children_of_declared(&self, digest: &Digest) -> Result<Vec<Digest>, CasError> {
        let corrupt = |reason: String| CasError::CorruptBlob {
            digest: *digest,
            path: self.cas.blob_path(digest),
            reason,
        };
        let bytes = match self.cas.read(digest, MAX_MANIFEST_BYTES) {
            Err(CasError::TooLarge { size, .. }) => {
                return Err(corrupt(format!("{size} bytes are too many for a manifest")));
            }
            result => result?,
        };
        let parsed = ManifestKind::parse(&bytes)
            .map_err(|error| corrupt(format!("it is no manifest: {error}")))?;
        self.needed(parsed)
    }

    fn needed(&self, parsed: ManifestKind) -> Result<Vec<Digest>, CasError> {
        let ManifestKind::Manifest(manifest) = parsed else {
            return Ok(Vec::new());
        };
        let mut needed = vec![manifest.config.digest];
        for layer in manifest.layers {
            // One that nobody had to store is kept if it is here, and not missing if it is not.
            let optional = matches!(layer.media_type, MediaType::ForeignLayer(..));
            if !optional || self.cas.contains(&layer.digest)? {
                needed.push(layer.digest);
            }
        }
        Ok(needed)
    }

    /// A look at the first bytes saves reading every small layer and wheel.
    fn may_be_json(&self, digest: &Digest) -> Result<bool, CasError> {
        let blob = self.cas.open_blob(digest)?;
        if blob.size() > MAX_MANIFEST_BYTES {
            return Ok(false);
        }
        let mut start = Vec::new();
        let read = blob.take(64).read_to_end(&mut start);
        read.map_err(CasError::io("read", &self.cas.blob_path(digest)))?;
        Ok(start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{'))
    }
}
