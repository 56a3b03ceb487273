//! Archives as `docker save` of many years wrote them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lightship_base::Digest;
use lightship_oci::archive::{DockerArchiveSource, open};
use lightship_oci::compression::CompressionLevel;
use lightship_oci::spec::{Compression, ManifestKind};
use lightship_oci::tar::{Entry, EntryKind, TarWriter};
use lightship_oci::{Error, Image, Source};
use serde_json::json;
use tempfile::TempDir;

use crate::sample::{compressed, config_of, files, layers, sample_files, scratch, told};

/// An archive under construction.
pub(crate) struct Saved(TarWriter<Vec<u8>>);

impl Saved {
    pub(crate) fn new() -> Self {
        Self(TarWriter::new(Vec::new()))
    }

    pub(crate) fn file(mut self, path: &str, content: &[u8]) -> Self {
        let size = content.len() as u64;
        let entry = Entry { size, real_size: size, ..Entry::new(path, EntryKind::File) };
        self.0.append(&entry, &mut &content[..]).unwrap();
        self
    }

    pub(crate) fn link(mut self, path: &str, target: &str) -> Self {
        let link_target = target.as_bytes().to_vec();
        let entry = Entry { link_target, ..Entry::new(path, EntryKind::Symlink) };
        self.0.append(&entry, &mut std::io::empty()).unwrap();
        self
    }

    pub(crate) fn list(self, images: &serde_json::Value) -> Self {
        self.file("manifest.json", images.to_string().as_bytes())
    }

    pub(crate) fn write(self, folder: &Path) -> PathBuf {
        let path = folder.join("saved.tar");
        fs::write(&path, self.0.finish().unwrap()).unwrap();
        path
    }
}

pub(crate) fn open_saved(
    saved: Saved,
    folder: &TempDir,
    tag: Option<&str>,
) -> Result<DockerArchiveSource, Error> {
    DockerArchiveSource::open(&saved.write(folder.path()), tag, &scratch(folder.path()))
}

/// The sample image of a word as Docker 1.10 to 24 saved it.
fn old(word: &str) -> Saved {
    let tars = layers(word);
    Saved::new()
        .file("1111/VERSION", b"1.0")
        .file("1111/json", b"{}")
        .file("1111/layer.tar", &tars[0])
        .file("2222/layer.tar", &tars[1])
        .file("abcd.json", &config_of(&tars))
        .file("repositories", br#"{"it":{"v1":"2222"}}"#)
}

fn old_list() -> serde_json::Value {
    json!([{"Config": "abcd.json", "RepoTags": ["it:v1"], "Layers": ["1111/layer.tar", "2222/layer.tar"]}])
}

#[test]
fn saved_by_docker_1_10_to_24() {
    let folder = TempDir::new().unwrap();
    for tag in [None, Some("it:v1"), Some("docker.io/library/it:v1")] {
        let found = open_saved(old("word").list(&old_list()), &folder, tag).unwrap();
        let image = Image::open(Arc::new(found), None).unwrap();
        let tars = layers("word");
        for (layer, tar) in image.layers().iter().zip(&tars) {
            assert_eq!(layer.descriptor().digest, Digest::of(tar));
            assert_eq!(layer.descriptor().size, tar.len() as u64);
        }
        assert_eq!(image.config_bytes(), config_of(&tars));
    }
    let found = open_saved(old("word").list(&old_list()), &folder, None).unwrap();
    // The manifest is made up, but a real one, and always the same.
    let root = found.root().unwrap();
    let bytes = found.document(&root, 1 << 20).unwrap();
    assert_eq!(Digest::of(&bytes), root.digest);
    assert!(matches!(ManifestKind::parse(&bytes).unwrap(), ManifestKind::Manifest(_)));
    assert_eq!(files(found), sample_files("word"));
}

#[test]
fn a_layer_that_is_stored_elsewhere_is_found_there() {
    let tars = layers("word");
    let folder = TempDir::new().unwrap();
    let saved = Saved::new()
        .file("abcd.json", &config_of(&tars))
        .file("1111/layer.tar", &tars[0])
        .link("3333/layer.tar", "../1111/layer.tar")
        .file("2222/layer.tar", &tars[1])
        .list(&json!([{"Config": "abcd.json", "RepoTags": null, "Layers": ["3333/layer.tar", "2222/layer.tar"]}]));
    assert_eq!(files(open_saved(saved, &folder, None).unwrap()), sample_files("word"));
}

#[test]
fn compressed_layers_are_what_their_bytes_are() {
    let tars = layers("word");
    let gzip = compressed(&tars[0], CompressionLevel::Gzip(6));
    let zstd = compressed(&tars[1], CompressionLevel::Zstd(3));
    let folder = TempDir::new().unwrap();
    let saved = Saved::new()
        .file("1111/layer.tar", &gzip)
        .file("2222/layer.tar", &zstd)
        .file("abcd.json", &config_of(&tars))
        .list(&old_list());
    let found = open_saved(saved, &folder, None).unwrap();
    let image = Image::open(Arc::new(found), None).unwrap();
    for (layer, bytes, compression) in [
        (&image.layers()[0], &gzip, Compression::Gzip),
        (&image.layers()[1], &zstd, Compression::Zstd),
    ] {
        assert_eq!(layer.descriptor().digest, Digest::of(bytes));
        assert_eq!(layer.descriptor().media_type.layer_compression(), Some(compression));
        layer.read().unwrap().finish().unwrap();
    }
}

#[test]
fn several_images_share_one_archive() {
    let (one, two) = (layers("one"), layers("two"));
    let folder = TempDir::new().unwrap();
    let saved = || {
        Saved::new()
            .file("base/layer.tar", &one[0])
            .file("one/layer.tar", &one[1])
            .file("two/layer.tar", &two[1])
            .file("one.json", &config_of(&one))
            .file("two.json", &config_of(&two))
            .list(&json!([
                {"Config": "one.json", "RepoTags": ["one:v1", "one:latest"], "Layers": ["base/layer.tar", "one/layer.tar"]},
                {"Config": "two.json", "RepoTags": ["quay.io/x/two:v1"], "Layers": ["base/layer.tar", "two/layer.tar"]},
            ]))
    };
    for (tag, word) in
        [("one", "one"), ("one:v1", "one"), ("quay.io/x/two:v1", "two"), ("@1", "two")]
    {
        assert_eq!(files(open_saved(saved(), &folder, Some(tag)).unwrap()), sample_files(word));
    }
    for tag in [None, Some("two:v1"), Some("@2"), Some("@x")] {
        let error = told(&open_saved(saved(), &folder, tag).unwrap_err());
        assert!(error.contains("one:v1, quay.io/x/two:v1"), "{error}");
    }
}

#[test]
fn archives_of_another_time_or_kind_are_told_apart() {
    let folder = TempDir::new().unwrap();
    let error = told(&open_saved(old("word"), &folder, None).unwrap_err());
    assert!(error.contains("before 1.10") && error.contains("save it again"), "{error}");
    let stranger = Saved::new().file("readme", b"hello").write(folder.path());
    let error = told(&open(&stranger, None, &scratch(folder.path())).err().unwrap());
    assert!(error.contains("neither manifest.json nor index.json"), "{error}");
    let none = open_saved(Saved::new().list(&json!([])), &folder, None).unwrap_err();
    assert!(told(&none).contains("no image at all"));
}
