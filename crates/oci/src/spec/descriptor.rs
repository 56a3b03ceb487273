//! A typed, sized pointer to bytes.

use std::collections::BTreeMap;

use lightship_base::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{MediaType, Platform};

/// *OCI image-spec 1.1, descriptor.md*. Size in bytes. Fields that we do not know are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the bytes are.
    pub media_type: MediaType,
    /// Their identity.
    pub digest: Digest,
    /// How many there are.
    pub size: u64,
    /// In an index: which platform the manifest is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Free-form notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Everything else (`urls`, `data`, `artifactType`, …).
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Descriptor {
    /// A pointer to exactly these bytes.
    pub fn of(media_type: MediaType, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }

    /// Whether an entry of an index is no image: `BuildKit` stores provenance and SBOMs beside the images
    /// they belong to, under a platform that no machine has (*`BuildKit`, attestation-storage.md*).
    pub fn is_attestation(&self) -> bool {
        self.annotations.contains_key("vnd.docker.reference.type")
            || self.platform.as_ref().is_some_and(|platform| platform.os == "unknown")
    }

    /// In a list of manifests: what an artifact is. Images have none.
    pub fn artifact_type(&self) -> Option<&str> {
        self.extra.get("artifactType").and_then(Value::as_str)
    }

    /// A pointer without platform or annotations.
    pub fn new(media_type: MediaType, digest: Digest, size: u64) -> Self {
        Self {
            media_type,
            digest,
            size,
            platform: None,
            annotations: BTreeMap::new(),
            extra: Map::new(),
        }
    }
}
