//! Small images to move around, and ways to look at them.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use lightship_base::{Diagnose, Digest, Quiet};
use lightship_oci::archive::Scratch;
use lightship_oci::assembly::Assembly;
use lightship_oci::compression::{CompressionLevel, encoder};
use lightship_oci::copy::{Selection, copy};
use lightship_oci::spec::{Compression, Descriptor, Flavour, Index, Manifest, MediaType, Platform};
use lightship_oci::tar::{Entry, EntryKind, TarReader, TarWriter};
use lightship_oci::{Destination, Error, Image, Source};
use serde_json::{Map, json};

/// A tar of these files.
pub(crate) fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = TarWriter::new(Vec::new());
    for (path, content) in files {
        let size = content.len() as u64;
        let entry =
            Entry { mode: 0o644, size, real_size: size, ..Entry::new(*path, EntryKind::File) };
        writer.append(&entry, &mut &content[..]).unwrap();
    }
    writer.finish().unwrap()
}

pub(crate) fn compressed(bytes: &[u8], level: CompressionLevel) -> Vec<u8> {
    let mut encoder = encoder(Vec::new(), level, 1).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A config for these uncompressed layers.
pub(crate) fn config_of(tars: &[Vec<u8>]) -> Vec<u8> {
    let diff_ids: Vec<String> = tars.iter().map(|tar| Digest::of(tar).to_string()).collect();
    let config = json!({
        "architecture": Platform::host().architecture, "os": "linux",
        "config": {"Cmd": ["/hello"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": diff_ids.iter().map(|_| json!({"created_by": "COPY"})).collect::<Vec<_>>(),
    });
    serde_json::to_vec(&config).unwrap()
}

/// Two layers, the second named by whoever asks, compressed as asked.
pub(crate) fn layers(word: &str) -> Vec<Vec<u8>> {
    vec![
        tar_of(&[("etc/os-release", b"ID=test\n"), ("hello", &[7; 5000])]),
        tar_of(&[("word", word.as_bytes())]),
    ]
}

/// An image whose content depends on `word`.
pub(crate) fn image(word: &str, level: CompressionLevel) -> Assembly {
    let mut image = Assembly::over(format!("sample {word}"), None);
    add_image(&mut image, word, level);
    image
}

pub(crate) fn add_image(image: &mut Assembly, word: &str, level: CompressionLevel) -> Descriptor {
    let tars = layers(word);
    let compression = level.compression();
    let layers = tars
        .iter()
        .map(|tar| {
            let media_type = MediaType::Layer(Flavour::Oci, compression);
            image.add_bytes(media_type, compressed(tar, level))
        })
        .collect();
    let config = image.add_bytes(MediaType::Config(Flavour::Oci), config_of(&tars));
    let media_type = MediaType::Manifest(Flavour::Oci);
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media_type.clone()),
        artifact_type: None,
        config,
        layers,
        subject: None,
        annotations: BTreeMap::new(),
        extra: Map::new(),
    };
    image.set_root(media_type, &manifest)
}

/// A source with an index over two platforms.
pub(crate) struct TwoPlatforms {
    below: Assembly,
    root: Descriptor,
    root_bytes: Vec<u8>,
}

impl TwoPlatforms {
    pub(crate) fn new() -> Self {
        let mut below = Assembly::over("two platforms", None);
        let manifests = ["amd64", "arm64"]
            .map(|architecture| {
                let mut found = add_image(&mut below, architecture, CompressionLevel::Gzip(6));
                found.platform = Some(format!("linux/{architecture}").parse().unwrap());
                found
            })
            .to_vec();
        let media_type = MediaType::Index(Flavour::Oci);
        let index = Index {
            schema_version: 2,
            media_type: Some(media_type.clone()),
            manifests,
            annotations: BTreeMap::new(),
            extra: Map::new(),
        };
        let root_bytes = serde_json::to_vec(&index).unwrap();
        Self { below, root: Descriptor::of(media_type, &root_bytes), root_bytes }
    }
}

impl Source for TwoPlatforms {
    fn name(&self) -> String {
        "two platforms".to_owned()
    }

    fn root(&self) -> Result<Descriptor, Error> {
        Ok(self.root.clone())
    }

    fn document(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, Error> {
        if descriptor.digest == self.root.digest {
            return Ok(self.root_bytes.clone());
        }
        self.below.document(descriptor, limit)
    }

    fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, Error> {
        self.below.blob(descriptor, offset)
    }
}

/// Copies everything.
pub(crate) fn put(source: &dyn Source, destination: &dyn Destination) -> Result<(), Error> {
    copy(source, destination, &Selection::Everything, &Quiet).map(drop)
}

/// Every file of an image's layers by path, in order, each layer verified to its end.
pub(crate) fn files(source: impl Source + 'static) -> Vec<(String, Vec<u8>)> {
    let image = Image::open(Arc::new(source), None).unwrap();
    let mut files = Vec::new();
    for layer in image.layers() {
        let mut reader = TarReader::new(layer.read().unwrap());
        while let Some(entry) = reader.next_entry().unwrap() {
            let mut content = Vec::new();
            reader.data().read_to_end(&mut content).unwrap();
            if entry.kind == EntryKind::File {
                files.push((entry.root_path().unwrap().to_string(), content));
            }
        }
        reader.into_inner().finish().unwrap();
    }
    files
}

/// What [`files`] finds in the sample image of that word.
pub(crate) fn sample_files(word: &str) -> Vec<(String, Vec<u8>)> {
    vec![
        ("/etc/os-release".to_owned(), b"ID=test\n".to_vec()),
        ("/hello".to_owned(), vec![7; 5000]),
        ("/word".to_owned(), word.as_bytes().to_vec()),
    ]
}

pub(crate) fn is_compressed_with(source: impl Source + 'static, compression: Compression) -> bool {
    let image = Image::open(Arc::new(source), None).unwrap();
    image.layers().iter().all(|layer| {
        layer.descriptor().media_type.layer_compression() == Some(compression)
            && layer.read().unwrap().finish().unwrap().compression == compression
    })
}

pub(crate) fn scratch(folder: &Path) -> Scratch {
    Scratch::in_folder(folder)
}

/// An error as a person sees it, causes and hints included.
pub(crate) fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    for hint in error.hints() {
        text = format!("{text}; {hint}");
    }
    text
}

/// Runs a command that must succeed and hands back what it prints.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}{errors}");
    text
}
