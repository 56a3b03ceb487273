//! What the store remembers about an image besides its blobs.

use std::str::FromStr;

use lightship_base::{Digest, Timestamp};
use lightship_cas::RefValue;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ImageStore, PLACE};
use crate::Error;
use crate::spec::{
    Config, Descriptor, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, ManifestKind, Platform,
};

/// An image as its name remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// The manifest or index that the name means.
    pub root: Descriptor,
    /// Every manifest and index stored with it, the root among them. Manifests of images have their
    /// platform, also where the pointer to them did not say it.
    pub manifests: Vec<Descriptor>,
    /// When the name was set.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub stored: Timestamp,
}

impl ImageRecord {
    /// As the store keeps it.
    pub(super) fn to_value(&self) -> RefValue {
        RefValue {
            roots: self.manifests.iter().map(|manifest| manifest.digest).collect(),
            data: serde_json::to_value(self).expect("a record has string keys only"),
        }
    }

    /// As the store kept it.
    pub(super) fn from_value(name: &str, value: RefValue) -> Result<Self, Error> {
        let what = || format!("the entry of image `{name}` in {PLACE}");
        serde_json::from_value(value.data).map_err(|source| Error::Json { what: what(), source })
    }

    /// Whether this manifest or index was stored with the image.
    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.manifests.iter().any(|manifest| manifest.digest == *digest)
    }

    /// The images that can be run, one per platform: no indexes, no attestations (whose platform is
    /// `unknown`).
    pub(super) fn images(&self) -> impl Iterator<Item = &Descriptor> {
        self.manifests.iter().filter(|manifest| {
            !manifest.media_type.is_index()
                && manifest.platform.as_ref().is_some_and(|platform| platform.os != "unknown")
        })
    }

    /// The platforms it can run on.
    pub fn platforms(&self) -> Vec<Platform> {
        let mut platforms: Vec<_> =
            self.images().filter_map(|manifest| manifest.platform.clone()).collect();
        platforms.sort();
        platforms.dedup();
        platforms
    }
}

impl ImageStore {
    /// Adds the platform that an image's config names, where the pointer to its manifest has none.
    /// Artifacts stay without.
    pub(super) fn with_platform(&self, mut descriptor: Descriptor) -> Result<Descriptor, Error> {
        if descriptor.platform.is_some() {
            return Ok(descriptor);
        }
        let bytes = self.cas.read(&descriptor.digest, MAX_MANIFEST_BYTES)?;
        if let Ok(ManifestKind::Manifest(manifest)) = ManifestKind::parse(&bytes)
            && self.cas.size(&manifest.config.digest)?.is_some_and(|size| size <= MAX_CONFIG_BYTES)
            && let Ok(config) =
                Config::parse(&self.cas.read(&manifest.config.digest, MAX_CONFIG_BYTES)?)
            && !config.os.is_empty()
        {
            descriptor.platform = Some(config.platform());
        }
        Ok(descriptor)
    }
}

/// RFC 3339.
fn write_time<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

fn read_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    Timestamp::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}
