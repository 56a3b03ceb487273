//! Layers, and how to run what is in them, as an image.

use std::collections::BTreeMap;
use std::sync::Arc;

use lightship_base::{Digest, Timestamp};
use lightship_cas::Cas;
use lightship_codec::compression::CompressionLevel;
use lightship_oci::assembly::Assembly;
use lightship_oci::spec::{
    Config, Descriptor, Flavour, HistoryEntry, Manifest, MediaType, Platform, RootFs, RunConfig,
};

use super::{Layer, StoredBlobs};

/// What an image says of itself.
#[derive(Debug, Clone)]
pub struct ImageSettings {
    /// What it runs on.
    pub platform: Platform,
    /// How to run it.
    pub run: RunConfig,
    /// When its source was made; never the time of the build.
    pub created: Timestamp,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// How its layers are compressed.
    pub compression: CompressionLevel,
}

/// A finished image: copy it to where it shall be.
pub struct Image {
    /// The image itself.
    pub assembly: Assembly,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The manifest.
    pub manifest: Manifest,
}

/// Writes the documents over layers that are in the store.
pub fn put_together(name: &str, layers: &[Layer], settings: &ImageSettings, cas: Cas) -> Image {
    let mut assembly = Assembly::over(name, Some(Arc::new(StoredBlobs(cas))));
    let config = serde_json::to_vec(&config(layers, settings)).expect("its keys are strings");
    let config = assembly.add_bytes(MediaType::Config(Flavour::Oci), config);
    finish(assembly, config, described(layers, settings.compression), settings.annotations.clone())
}

/// Pointers to layers that were made here.
pub(super) fn described(layers: &[Layer], compression: CompressionLevel) -> Vec<Descriptor> {
    let media_type = MediaType::Layer(Flavour::Oci, compression.compression());
    let one = |layer: &Layer| {
        let mut descriptor = Descriptor::new(media_type.clone(), layer.digest, layer.size.0);
        descriptor.annotations.insert(TITLE.to_owned(), layer.title.clone());
        descriptor
    };
    layers.iter().map(one).collect()
}

/// Adds the manifest.
pub(super) fn finish(
    mut assembly: Assembly,
    config: Descriptor,
    layers: Vec<Descriptor>,
    annotations: BTreeMap<String, String>,
) -> Image {
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MediaType::Manifest(Flavour::Oci)),
        config,
        layers,
        artifact_type: None,
        subject: None,
        annotations,
        extra: serde_json::Map::new(),
    };
    let root = assembly.set_root(MediaType::Manifest(Flavour::Oci), &manifest);
    Image { assembly, digest: root.digest, manifest }
}

/// *OCI image-spec 1.1, annotations.md*: a human-readable title.
const TITLE: &str = "org.opencontainers.image.title";

fn config(layers: &[Layer], settings: &ImageSettings) -> Config {
    let created = Some(settings.created.to_string());
    Config {
        created: created.clone(),
        architecture: settings.platform.architecture.clone(),
        os: settings.platform.os.clone(),
        variant: settings.platform.variant.clone(),
        config: settings.run.clone(),
        rootfs: RootFs {
            kind: "layers".to_owned(),
            diff_ids: layers.iter().map(|layer| layer.diff_id).collect(),
        },
        history: layers.iter().map(|layer| line(layer, settings)).collect(),
        extra: serde_json::Map::new(),
    }
}

/// What the history says of a layer that was made here.
pub(super) fn line(layer: &Layer, settings: &ImageSettings) -> HistoryEntry {
    HistoryEntry {
        created: Some(settings.created.to_string()),
        created_by: Some(format!("lightship build: {}", layer.title)),
        ..HistoryEntry::default()
    }
}
