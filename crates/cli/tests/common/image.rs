//! Images for the binary to read: written as layouts into the working folder, some of them changed
//! first in ways that no builder would.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use lightship_base::{Digest, Quiet};
use lightship_oci::Source;
use lightship_oci::assembly::Assembly;
use lightship_oci::copy::{Selection, copy};
use lightship_oci::layout::{LayoutDestination, LayoutSource};
use lightship_oci::spec::{MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, Manifest};
use lightship_testkit::images::ImageBuilder;
use serde_json::{Value, json};

use super::TestEnvironment;

impl TestEnvironment {
    /// Writes an image as the layout `name` in the working folder; says how to name it.
    pub(crate) fn layout(&self, name: &str, image: ImageBuilder) -> String {
        self.put(name, &*image.build())
    }

    /// The same for an image of any origin.
    pub(crate) fn put(&self, name: &str, image: &dyn Source) -> String {
        let destination = LayoutDestination::create(&self.work().join(name), None).unwrap();
        copy(image, &destination, &Selection::Everything, &Quiet).unwrap();
        format!("oci:{name}")
    }

    /// The blobs of the layout `name`.
    pub(crate) fn blobs(&self, name: &str) -> PathBuf {
        self.work().join(name).join("blobs/sha256")
    }

    /// The manifest of the layout `name`.
    pub(crate) fn manifest(&self, name: &str) -> Manifest {
        let layout = LayoutSource::open(&self.work().join(name), None).unwrap();
        manifest_of(&layout)
    }
}

/// The same image with another config.
pub(crate) fn reconfigured(
    image: &Arc<dyn Source>,
    edit: impl FnOnce(&mut Value),
) -> Arc<dyn Source> {
    let mut manifest = manifest_of(&**image);
    let bytes = image.document(&manifest.config, MAX_CONFIG_BYTES).unwrap();
    let mut config: Value = serde_json::from_slice(&bytes).unwrap();
    edit(&mut config);
    let mut changed = Assembly::over(image.name(), Some(Arc::clone(image)));
    let bytes = serde_json::to_vec(&config).unwrap();
    manifest.config = changed.add_bytes(manifest.config.media_type.clone(), bytes);
    changed.set_root(manifest.media_type.clone().unwrap(), &manifest);
    Arc::new(changed)
}

/// The same image with another manifest.
pub(crate) fn remanifested(
    image: &Arc<dyn Source>,
    edit: impl FnOnce(&mut Manifest),
) -> Arc<dyn Source> {
    let mut manifest = manifest_of(&**image);
    edit(&mut manifest);
    let mut changed = Assembly::over(image.name(), Some(Arc::clone(image)));
    changed.set_root(manifest.media_type.clone().unwrap(), &manifest);
    Arc::new(changed)
}

/// An image's manifest.
pub(crate) fn manifest_of(image: &dyn Source) -> Manifest {
    let bytes = image.document(&image.root().unwrap(), MAX_MANIFEST_BYTES).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// Content of so many bytes that no other path has.
pub(crate) fn unique(path: &str, size: usize) -> Vec<u8> {
    let line = format!("{path}\n");
    line.bytes().cycle().take(size).collect()
}

impl TestEnvironment {
    /// Writes an index over images for several architectures as the layout `name`; says what the
    /// index's digest is. An architecture's image is made by `make`.
    pub(crate) fn index(&self, name: &str, make: impl Fn(&str) -> ImageBuilder) -> Digest {
        let entries: Vec<Value> = ["amd64", "arm64"]
            .into_iter()
            .map(|architecture| {
                let image = reconfigured(&make(architecture).build(), |config| {
                    config["architecture"] = architecture.into();
                });
                self.put(name, &*image);
                let root = image.root().unwrap();
                json!({
                    "mediaType": root.media_type, "digest": root.digest, "size": root.size,
                    "platform": {"os": "linux", "architecture": architecture},
                })
            })
            .collect();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        let bytes = serde_json::to_vec(&index).unwrap();
        let digest = Digest::of(&bytes);
        fs::write(self.blobs(name).join(digest.hex()), &bytes).unwrap();
        let entry = json!({"mediaType": INDEX, "digest": digest, "size": bytes.len()});
        let list = json!({"schemaVersion": 2, "manifests": [entry]});
        fs::write(self.work().join(name).join("index.json"), list.to_string()).unwrap();
        digest
    }
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
