//! Small images in memory, and a store in a temporary folder.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::sync::Arc;

use lightship_base::{Digest, FixedClock, Quiet, Timestamp};
use lightship_cas::{Cas, GcOptions, GcReport, VerifyOptions, VerifyReport};
use lightship_oci::copy::{Selection, copy};
use lightship_oci::reference::{ImageName, StoreReference};
use lightship_oci::spec::{Compression, Descriptor, Flavour, MediaType, Platform};
use lightship_oci::store::ImageStore;
use lightship_oci::{BlobReader, Error, Source};
use serde_json::{Value, json};

pub(crate) const LAYER: MediaType = MediaType::Layer(Flavour::Oci, Compression::None);

/// An image, or an index over several, in memory.
#[derive(Clone)]
pub(crate) struct Fixture {
    pub(crate) root: Descriptor,
    pub(crate) bytes: HashMap<Digest, Vec<u8>>,
}

impl Fixture {
    /// An image for `platform` with these layers, whatever their bytes are.
    pub(crate) fn image(platform: &str, layers: &[&[u8]]) -> Self {
        let described: Vec<Value> =
            layers.iter().map(|bytes| json!(Descriptor::of(LAYER, bytes))).collect();
        let mut image = Self::of_described(platform, &described);
        for bytes in layers {
            image.bytes.insert(Digest::of(bytes), bytes.to_vec());
        }
        image
    }

    /// An image whose layers are only described.
    pub(crate) fn of_described(platform: &str, layers: &[Value]) -> Self {
        let parsed: Platform = platform.parse().unwrap();
        let config = json!({
            "os": parsed.os, "architecture": parsed.architecture,
            "rootfs": {"type": "layers", "diff_ids": []},
        });
        let config = serde_json::to_vec(&config).unwrap();
        let manifest = json!({
            "schemaVersion": 2,
            "config": Descriptor::of(MediaType::Config(Flavour::Oci), &config),
            "layers": layers,
        });
        let manifest = serde_json::to_vec(&manifest).unwrap();
        let mut root = Descriptor::of(MediaType::Manifest(Flavour::Oci), &manifest);
        let bytes = [config, manifest].into_iter().map(|b| (Digest::of(&b), b)).collect();
        root.platform = Some(parsed);
        Self { root, bytes }
    }

    pub(crate) fn index(images: &[Self]) -> Self {
        let manifests: Vec<&Descriptor> = images.iter().map(|image| &image.root).collect();
        let index = json!({"schemaVersion": 2, "manifests": manifests});
        let index = serde_json::to_vec(&index).unwrap();
        let root = Descriptor::of(MediaType::Index(Flavour::Oci), &index);
        let mut bytes: HashMap<_, _> =
            images.iter().flat_map(|image| image.bytes.clone()).collect();
        bytes.insert(root.digest, index);
        Self { root, bytes }
    }

    pub(crate) fn root_bytes(&self) -> &[u8] {
        &self.bytes[&self.root.digest]
    }

    /// All its bytes, each blob once.
    pub(crate) fn size(&self) -> u64 {
        self.bytes.values().map(|bytes| bytes.len() as u64).sum()
    }
}

impl Source for Fixture {
    fn name(&self) -> String {
        "fixture".to_owned()
    }

    /// Registries and layouts say no platform here.
    fn root(&self) -> Result<Descriptor, Error> {
        Ok(Descriptor { platform: None, ..self.root.clone() })
    }

    fn document(&self, descriptor: &Descriptor, _: u64) -> Result<Vec<u8>, Error> {
        Ok(self.bytes[&descriptor.digest].clone())
    }

    fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobReader, Error> {
        let mut cursor = Cursor::new(self.bytes[&descriptor.digest].clone());
        cursor.set_position(offset);
        Ok(Box::new(cursor))
    }
}

pub(crate) struct Place {
    pub(crate) store: ImageStore,
    pub(crate) folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cas = Cas::open(folder.path()).unwrap();
        let clock = FixedClock(Timestamp::from_second(1_700_000_000).unwrap());
        Self { store: ImageStore::new(cas, Arc::new(clock)), folder }
    }

    pub(crate) fn add(&self, text: &str, image: &Fixture) {
        let destination = self.store.destination(&name(text)).unwrap();
        copy(image, &destination, &Selection::Everything, &Quiet).unwrap();
    }

    pub(crate) fn remove(&self, text: &str) {
        self.store.remove(&reference(text)).unwrap();
    }

    pub(crate) fn gc(&self) -> GcReport {
        let tracer = self.store.tracer().unwrap();
        let children = |digest: &Digest| tracer.children(digest);
        self.store.cas().gc(&children, GcOptions::default()).unwrap()
    }

    pub(crate) fn verify(&self) -> VerifyReport {
        let tracer = self.store.tracer().unwrap();
        let children = |digest: &Digest| tracer.children(digest);
        self.store.cas().verify(&children, VerifyOptions::default(), &Quiet).unwrap()
    }

    pub(crate) fn blobs(&self) -> u64 {
        self.store
            .cas()
            .usage(&|_| Ok(Vec::new()))
            .map(|u| u.reachable.count + u.unreachable.count)
            .unwrap()
    }

    /// Puts other bytes in a blob's place, as a failing disk would.
    pub(crate) fn damage(&self, digest: &Digest, bytes: &[u8]) {
        let path = self.store.cas().blob_path(digest);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, bytes).unwrap();
    }
}

pub(crate) fn name(text: &str) -> ImageName {
    text.parse().unwrap()
}

pub(crate) fn reference(text: &str) -> StoreReference {
    text.parse().unwrap()
}

pub(crate) fn read_all(source: &dyn Source, descriptor: &Descriptor, offset: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    source.blob(descriptor, offset).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}
