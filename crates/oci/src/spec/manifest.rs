//! Manifests of one platform, and indexes over several.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Descriptor, Flavour, MediaType};

/// *OCI image-spec 1.1, manifest.md*; Docker's *Image Manifest V 2, Schema 2* has the same shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// Optional in OCI, required in Docker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
    /// Set on artifacts that are no images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The image's config.
    pub config: Descriptor,
    /// Bottom first.
    pub layers: Vec<Descriptor>,
    /// What this artifact belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Free-form notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Manifest {
    /// The family it belongs to: by its own media type, else by its config's, else OCI.
    pub fn flavour(&self) -> Flavour {
        match (&self.media_type, &self.config.media_type) {
            (Some(MediaType::Manifest(flavour)), _) | (None, MediaType::Config(flavour)) => {
                *flavour
            }
            _ => Flavour::Oci,
        }
    }
}

/// *OCI image-spec 1.1, image-index.md*; Docker's manifest list has the same shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// Optional in OCI, required in Docker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
    /// One per platform, and perhaps attestations.
    pub manifests: Vec<Descriptor>,
    /// Free-form notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What a document of unknown kind turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and it is taken apart at once"
)]
pub enum ManifestKind {
    /// One platform's manifest.
    Manifest(Manifest),
    /// An index over several.
    Index(Index),
}

impl ManifestKind {
    /// Parses either, by the fields that are there: the declared media type may lie or be absent.
    /// A document that has both `manifests` and `layers` is refused, as the specification asks
    /// (*manifest.md, Image Manifest Property Descriptions*; CVE-2021-41190).
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        use serde::de::Error as _;
        #[derive(Deserialize)]
        struct Probe {
            manifests: Option<serde::de::IgnoredAny>,
            layers: Option<serde::de::IgnoredAny>,
            config: Option<serde::de::IgnoredAny>,
        }
        let probe: Probe = serde_json::from_slice(bytes)?;
        match (probe.manifests.is_some(), probe.layers.is_some() || probe.config.is_some()) {
            (true, true) => Err(serde_json::Error::custom(
                "it claims to be a manifest and an index at once (`manifests` beside `layers` or `config`)",
            )),
            (true, false) => Ok(Self::Index(serde_json::from_slice(bytes)?)),
            (false, _) => Ok(Self::Manifest(serde_json::from_slice(bytes)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_survive_and_two_faced_documents_do_not() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let text = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"x/y","digest":"{digest}","size":1,"future":7}},"layers":[],"later":[1]}}"#
        );
        let ManifestKind::Manifest(manifest) = ManifestKind::parse(text.as_bytes()).unwrap() else {
            panic!("it has no `manifests`")
        };
        assert_eq!(serde_json::to_string(&manifest).unwrap(), text);
        let both = text.replacen("\"layers\"", "\"manifests\":[],\"layers\"", 1);
        assert!(ManifestKind::parse(both.as_bytes()).is_err());
    }
}
