//! What belongs to an image and is none itself: bills of materials, signatures.
//! *OCI image-spec 1.1, manifest.md, Guidelines for Artifact Usage; descriptor.md, `artifactType`*.
//!
//! An artifact is a manifest with a `subject`. Registries list it behind its subject, the store keeps it
//! under the image's name, a layout has it in `index.json`; [`Source::referrers`] finds it in each.

use std::collections::BTreeMap;
use std::io::Cursor;

use lightship_base::Digest;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::spec::{Descriptor, Flavour, MAX_MANIFEST_BYTES, Manifest, ManifestKind, MediaType};
use crate::{Destination, Error, Source};

/// No document that belongs to an image is larger: a bill of materials of 1,000 packages has 1 MB.
pub const MAX_DOCUMENT_BYTES: u64 = 64 << 20;

/// When an artifact was made (*OCI image-spec 1.1, annotations.md*).
pub const CREATED: &str = "org.opencontainers.image.created";

/// How many entries of a layout's index are looked at in search of referrers.
const MOST_ENTRIES: usize = 10_000;

/// One document that belongs to an image.
#[derive(Debug, Clone)]
pub struct Artifact {
    descriptor: Descriptor,
    manifest: Vec<u8>,
    config: Descriptor,
    layer: Descriptor,
    document: Vec<u8>,
}

/// The two bytes that stand for a config where there is none.
const EMPTY: &[u8] = b"{}";

impl Artifact {
    /// A document of `media_type`, which is also the artifact's type, that belongs to `subject`.
    pub fn about(
        subject: &Descriptor,
        media_type: &str,
        document: Vec<u8>,
        annotations: BTreeMap<String, String>,
    ) -> Self {
        let config = Descriptor::of(MediaType::Empty, EMPTY);
        let layer = Descriptor::of(MediaType::from(media_type), &document);
        let subject = Descriptor::new(subject.media_type.clone(), subject.digest, subject.size);
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(MediaType::Manifest(Flavour::Oci)),
            artifact_type: Some(media_type.to_owned()),
            config: config.clone(),
            layers: vec![layer.clone()],
            subject: Some(subject),
            annotations,
            extra: Map::new(),
        };
        let manifest = serde_json::to_vec(&manifest).expect("a manifest has string keys only");
        let descriptor = Descriptor::of(MediaType::Manifest(Flavour::Oci), &manifest);
        Self { descriptor, manifest, config, layer, document }
    }

    /// Its own manifest.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Hands it to a place that has, or is about to get, its subject.
    pub fn send(&self, destination: &dyn Destination) -> Result<(), Error> {
        for (descriptor, bytes) in [(&self.config, EMPTY), (&self.layer, &self.document[..])] {
            let open = |offset: u64| {
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let reader: crate::BlobReader = Box::new(Cursor::new(bytes[from..].to_vec()));
                Ok(reader)
            };
            destination.put_blob(descriptor, None, &open, &|_| {})?;
        }
        destination.put_referrer(&self.descriptor, &self.manifest)
    }
}

/// The newest document of one type that belongs to a manifest: those who make one say when they did.
/// None where there is none, or where a place cannot hold any.
pub fn attached(
    source: &dyn Source,
    subject: &Digest,
    artifact_type: &str,
) -> Result<Option<Vec<u8>>, Error> {
    let mut found = source.referrers(subject, artifact_type)?;
    found.sort_by(|a, b| {
        let key = |one: &Descriptor| one.annotations.get(CREATED).cloned();
        (key(a), a.digest).cmp(&(key(b), b.digest))
    });
    let Some(newest) = found.last() else { return Ok(None) };
    let what = || format!("artifact {} of {}", newest.digest, source.name());
    let bytes = source.document(newest, MAX_MANIFEST_BYTES)?;
    let parsed =
        ManifestKind::parse(&bytes).map_err(|error| Error::Json { what: what(), source: error })?;
    let ManifestKind::Manifest(Manifest { layers, .. }) = parsed else {
        return Err(Error::invalid(what(), "it is an index, and should be a manifest"));
    };
    let Some(layer) = layers.first() else {
        return Err(Error::invalid(what(), "it has no document"));
    };
    source.document(layer, MAX_DOCUMENT_BYTES).map(Some)
}

/// The fields that manifests and indexes share, as far as a list of referrers shows them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Referrer {
    subject: Option<Descriptor>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

/// The digest of the manifest that this one belongs to.
pub(crate) fn subject(manifest: &[u8]) -> Option<Digest> {
    let referrer: Referrer = serde_json::from_slice(manifest).ok()?;
    referrer.subject.map(|subject| subject.digest)
}

/// How a list shows a manifest: its artifact type (else its config's media type) and its annotations.
pub(crate) fn entry(descriptor: &Descriptor, manifest: &[u8]) -> Result<Descriptor, Error> {
    let referrer: Referrer = serde_json::from_slice(manifest).map_err(|source| Error::Json {
        what: format!("manifest {}", descriptor.digest),
        source,
    })?;
    let mut entry =
        Descriptor::new(descriptor.media_type.clone(), descriptor.digest, descriptor.size);
    let by_config = referrer.config.map(|config| config.media_type.to_string());
    if let Some(kind) = referrer.artifact_type.filter(|kind| !kind.is_empty()).or(by_config) {
        entry.extra.insert("artifactType".to_owned(), Value::String(kind));
    }
    entry.annotations = referrer.annotations.unwrap_or_default();
    Ok(entry)
}

/// Those of a place's manifests that belong to `subject` and are of one type, as a list shows them.
/// What cannot be read is none: somebody else's manifest may be damaged or gone.
pub(crate) fn referrers_among<'a>(
    manifests: impl Iterator<Item = &'a Descriptor>,
    wanted: &Digest,
    artifact_type: &str,
    read: impl Fn(&Descriptor) -> Result<Vec<u8>, Error>,
) -> Vec<Descriptor> {
    let of_type = |one: &Descriptor| one.artifact_type() == Some(artifact_type);
    let could_be = |one: &&Descriptor| {
        one.media_type.is_manifest()
            && one.platform.is_none()
            && one.digest != *wanted
            && (one.artifact_type().is_none() || of_type(one))
    };
    manifests
        .filter(could_be)
        .take(MOST_ENTRIES)
        .filter_map(|one| {
            let bytes = read(one).ok()?;
            (subject(&bytes) == Some(*wanted)).then(|| entry(one, &bytes).ok()).flatten()
        })
        .filter(of_type)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_tells_what_the_artifact_is() {
        let digest = Digest::of(b"");
        let config = format!(r#"{{"mediaType":"a/config","digest":"{digest}","size":0}}"#);
        let manifest = format!(
            r#"{{"schemaVersion":2,"config":{config},"layers":[],"subject":{config},"annotations":{{"k":"v"}}}}"#
        );
        let described = Descriptor::of(MediaType::Manifest(Flavour::Oci), manifest.as_bytes());
        let shown = entry(&described, manifest.as_bytes()).unwrap();
        assert_eq!(shown.artifact_type(), Some("a/config"));
        assert_eq!(shown.annotations["k"], "v");
        assert_eq!(subject(manifest.as_bytes()), Some(digest));
        let typed = manifest.replacen("\"config\"", "\"artifactType\":\"a/sbom\",\"config\"", 1);
        assert_eq!(entry(&described, typed.as_bytes()).unwrap().artifact_type(), Some("a/sbom"));
        assert_eq!(subject(b"{}"), None);
        assert_eq!(subject(b"no JSON"), None);
    }

    #[test]
    fn an_artifact_is_a_manifest_as_the_specification_describes_it() {
        let mut image = Descriptor::of(MediaType::Manifest(Flavour::Oci), b"image");
        image.annotations.insert("from".to_owned(), "somewhere".to_owned());
        let artifact = Artifact::about(&image, "a/sbom", b"{\"a\":1}".to_vec(), BTreeMap::new());
        let manifest: Value = serde_json::from_slice(&artifact.manifest).unwrap();
        let digest = |bytes: &[u8]| Digest::of(bytes).to_string();
        assert_eq!(
            manifest,
            serde_json::json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "artifactType": "a/sbom",
                "config": {
                    "mediaType": "application/vnd.oci.empty.v1+json",
                    "digest": digest(b"{}"), "size": 2,
                },
                "layers": [{"mediaType": "a/sbom", "digest": digest(b"{\"a\":1}"), "size": 7}],
                "subject": {
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "digest": digest(b"image"), "size": 5,
                },
            })
        );
    }
}
