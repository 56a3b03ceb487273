//! Writing what `docker load` reads.

use std::io::Read;
use std::path::Path;

use lightship_base::TransferOutcome;

use super::Scratch;
use super::destination::{Blobs, Target};
use super::saved::{MANIFEST_FILE, SavedImage};
use crate::image::endless;
use crate::layout::{
    CONTAINERD_NAME, INDEX_FILE, LAYOUT_BYTES, LAYOUT_FILE, blob_path, empty_index, enlist, to_json,
};
use crate::reference::{RegistryReference, Target as Named};
use crate::spec::{Descriptor, MAX_INDEX_DEPTH, MAX_MANIFEST_BYTES, Manifest, ManifestKind};
use crate::{Destination, Error, OpenBlob, verified};

/// Writes an image as `docker save` does today: an OCI layout with a `manifest.json` beside it, which
/// is what Docker from 1.10 on, Podman and skopeo load. Layers stay as they are; those in zstd need
/// Docker 23.
///
/// The archive holds this image alone. What was in the file before is replaced once the image is
/// complete.
#[derive(Debug)]
pub struct DockerArchiveDestination {
    target: Target,
    blobs: Blobs,
    name: Option<ImageTag>,
}

/// The name under which Docker will know the image.
#[derive(Debug, PartialEq, Eq)]
struct ImageTag {
    /// With registry and all: `docker.io/library/python:3.11`.
    full: String,
    /// As people write it: `python:3.11`.
    familiar: String,
    /// `3.11`.
    tag: String,
}

impl DockerArchiveDestination {
    /// Prepares to write to `file`. `name` is `name[:tag]`; without one, Docker will load an image
    /// that has no name.
    pub fn create(file: &Path, name: Option<&str>, scratch: &Scratch) -> Result<Self, Error> {
        let name = name.map(ImageTag::parse).transpose()?;
        Ok(Self { target: Target::new(file)?, blobs: Blobs::create(&scratch.folder)?, name })
    }

    /// The entry of `manifest.json`.
    fn saved(&self, manifest: &Manifest) -> SavedImage {
        let path = |descriptor: &Descriptor| blob_path(&descriptor.digest);
        SavedImage {
            config: path(&manifest.config),
            repo_tags: self.name.as_ref().map(|name| vec![name.familiar.clone()]),
            layers: Some(manifest.layers.iter().map(path).collect()),
        }
    }

    /// The manifest below `root`. An index over one image (beside attestations) is fine; Docker's
    /// list cannot say which of several platforms is meant.
    fn manifest(&self, root: &Descriptor, root_bytes: &[u8]) -> Result<Manifest, Error> {
        let what = || self.name();
        let mut bytes = root_bytes.to_vec();
        for _ in 0..=MAX_INDEX_DEPTH {
            let parsed = ManifestKind::parse(&bytes).map_err(|source| Error::Json {
                what: format!("manifest {}", root.digest),
                source,
            })?;
            let index = match parsed {
                ManifestKind::Manifest(manifest) => return Ok(manifest),
                ManifestKind::Index(index) => index,
            };
            let images: Vec<&Descriptor> =
                index.manifests.iter().filter(|entry| is_image(entry)).collect();
            let [only] = images[..] else {
                return Err(Error::Unsupported {
                    what: what(),
                    reason: format!(
                        "the image is for {} platforms, and Docker's archives hold one",
                        images.len()
                    ),
                    hint: Some("choose one with `--platform`".to_owned()),
                });
            };
            bytes = self.read_back(only)?;
        }
        Err(endless(what()))
    }

    fn read_back(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        let what = verified::blob_name(descriptor);
        let Some(section) = self.blobs.section(&descriptor.digest) else {
            return Err(Error::NotFound { what, place: self.name(), hint: None });
        };
        let reader: Box<dyn Read + Send> = Box::new(section);
        verified::document(reader, descriptor, MAX_MANIFEST_BYTES, &what)
    }
}

/// What Docker's list has room for: not attestations, nor what else an index may hold.
fn is_image(entry: &Descriptor) -> bool {
    (entry.media_type.is_manifest() || entry.media_type.is_index()) && !entry.is_attestation()
}

impl ImageTag {
    fn parse(name: &str) -> Result<Self, Error> {
        let reference: RegistryReference =
            name.parse().map_err(|error: crate::reference::ParseReferenceError| {
                Error::invalid(
                    format!("name `{}`", crate::tar::display_path(name.as_bytes())),
                    error.to_string(),
                )
            })?;
        let Named::Tag(tag) = &reference.target else {
            return Err(Error::invalid(
                format!("name `{name}`"),
                "an archive's image is named by a tag, not a digest",
            ));
        };
        let path =
            match (reference.registry.as_str(), reference.repository.strip_prefix("library/")) {
                ("docker.io", Some(official)) => official.to_owned(),
                ("docker.io", None) => reference.repository.clone(),
                (registry, _) => format!("{registry}/{}", reference.repository),
            };
        Ok(Self {
            full: format!("{}/{}:{tag}", reference.registry, reference.repository),
            familiar: format!("{path}:{tag}"),
            tag: tag.clone(),
        })
    }
}

impl Destination for DockerArchiveDestination {
    fn name(&self) -> String {
        let file = self.target.file.display();
        match &self.name {
            Some(name) => format!("docker-archive:{file}:{}", name.familiar),
            None => format!("docker-archive:{file}"),
        }
    }

    fn put_blob(
        &self,
        descriptor: &Descriptor,
        _origin: Option<&(String, String)>,
        open: OpenBlob<'_>,
        advance: &dyn Fn(u64),
    ) -> Result<TransferOutcome, Error> {
        self.blobs.put(descriptor, open, advance)
    }

    fn put_manifest(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), Error> {
        self.blobs.put_bytes(descriptor, bytes)
    }

    fn keeps_referrers(&self) -> bool {
        false
    }

    fn put_referrer(&self, _descriptor: &Descriptor, _bytes: &[u8]) -> Result<(), Error> {
        Err(Error::Unsupported {
            what: self.name(),
            reason: "Docker's archives have no room for what belongs to an image".to_owned(),
            hint: Some("write an image layout: oci:DIR or oci-archive:FILE".to_owned()),
        })
    }

    fn finish(&self, root: &Descriptor, root_bytes: &[u8]) -> Result<(), Error> {
        self.blobs.put_bytes(root, root_bytes)?;
        let saved = self.saved(&self.manifest(root, root_bytes)?);
        let mut index = empty_index();
        enlist(&mut index, root, self.name.as_ref().map(|name| name.tag.as_str()));
        if let (Some(name), Some(entry)) = (&self.name, index.manifests.last_mut()) {
            entry.annotations.insert(CONTAINERD_NAME.to_owned(), name.full.clone());
        }
        let list = serde_json::to_vec(&[saved])
            .map_err(|source| Error::Json { what: MANIFEST_FILE.to_owned(), source })?;
        let documents = [
            (LAYOUT_FILE, LAYOUT_BYTES.to_vec()),
            (INDEX_FILE, to_json(&index)),
            (MANIFEST_FILE, list),
        ];
        self.target.write(&documents, &self.blobs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_full_and_a_familiar_form() {
        for (name, full, familiar, tag) in [
            ("python:3.11", "docker.io/library/python:3.11", "python:3.11", "3.11"),
            ("team/churn", "docker.io/team/churn:latest", "team/churn:latest", "latest"),
            ("quay.io/a/b:c", "quay.io/a/b:c", "quay.io/a/b:c", "c"),
            ("localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest", "latest"),
        ] {
            let expected =
                ImageTag { full: full.into(), familiar: familiar.into(), tag: tag.into() };
            assert_eq!(ImageTag::parse(name).unwrap(), expected);
        }
        let digest = format!("python@sha256:{}", "0".repeat(64));
        for name in ["", "Capital", "a b", digest.as_str()] {
            assert!(ImageTag::parse(name).is_err(), "{name}");
        }
    }
}
