//! Documents that belong to an image, in every kind of place.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lightship_base::Quiet;
use lightship_oci::archive::{
    self, Archive, DockerArchiveDestination, OciArchiveDestination, Scratch,
};
use lightship_oci::artifact::{Artifact, CREATED, attached};
use lightship_oci::assembly::Assembly;
use lightship_oci::compression::CompressionLevel;
use lightship_oci::copy::{Selection, copy_with};
use lightship_oci::layout::{LayoutDestination, LayoutSource, parse_index};
use lightship_oci::{Destination, Source};
use tempfile::TempDir;

use crate::sample::image;

const SBOM: &str = "application/vnd.cyclonedx+json";

fn of(image: &Assembly, words: &str, created: &str) -> Artifact {
    let annotations = BTreeMap::from([(CREATED.to_owned(), created.to_owned())]);
    Artifact::about(&image.root().unwrap(), SBOM, words.as_bytes().to_vec(), annotations)
}

/// An image and its document, of the same word.
fn put(destination: &dyn Destination, word: &str) -> Assembly {
    let image = image(word, CompressionLevel::Gzip(6));
    let artifact = of(&image, word, "2026-01-01T00:00:00Z");
    copy_with(&image, &[artifact], destination, &Selection::Everything, &Quiet).unwrap();
    image
}

fn document(source: &dyn Source) -> Option<String> {
    let subject = source.root().unwrap().digest;
    let found = attached(source, &subject, SBOM).unwrap();
    found.map(|bytes| String::from_utf8(bytes).unwrap())
}

fn entries(dir: &Path) -> usize {
    parse_index(&fs::read(dir.join("index.json")).unwrap()).unwrap().manifests.len()
}

#[test]
fn a_layout_lists_them_and_is_still_one_image() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path();
    let target = || LayoutDestination::create(dir, None).unwrap();
    let first = put(&target(), "one");
    let source = LayoutSource::open(dir, None).unwrap();
    assert_eq!(source.root().unwrap().digest, first.root().unwrap().digest);
    assert_eq!(document(&source).as_deref(), Some("one"));
    assert_eq!(attached(&source, &first.root().unwrap().digest, "a/other").unwrap(), None);
    put(&target(), "one");
    assert_eq!(entries(dir), 2, "the same again is there once");
    // Another image in its place takes the list's entry with it, and a third leaves others alone.
    put(&target(), "two");
    assert_eq!(document(&LayoutSource::open(dir, None).unwrap()).as_deref(), Some("two"));
    assert_eq!(entries(dir), 2);
    put(&LayoutDestination::create(dir, Some("v3")).unwrap(), "three");
    assert_eq!(entries(dir), 4);
    let third = LayoutSource::open(dir, Some("v3")).unwrap();
    assert_eq!(document(&third).as_deref(), Some("three"));
}

#[test]
fn an_archive_has_them_and_still_one_image() {
    let folder = TempDir::new().unwrap();
    let scratch = Scratch::in_folder(folder.path());
    let file = folder.path().join("image.tar");
    put(&OciArchiveDestination::create(&file, None, &scratch).unwrap(), "one");
    let source = archive::open_oci(&file, None, &scratch).unwrap();
    assert_eq!(document(&source).as_deref(), Some("one"));
    assert_eq!(Archive::open(&file, &scratch).unwrap().images().unwrap().len(), 1);
}

#[test]
fn docker_archives_have_no_room_for_them() {
    let folder = TempDir::new().unwrap();
    let scratch = Scratch::in_folder(folder.path());
    let file = folder.path().join("image.tar");
    let target = DockerArchiveDestination::create(&file, Some("a:b"), &scratch).unwrap();
    assert!(!target.keeps_referrers());
    let image = put(&target, "one");
    let source = archive::open(&file, None, &scratch).unwrap();
    assert_eq!(source.root().unwrap().digest, image.root().unwrap().digest);
    assert_eq!(document(&*source), None);
    assert!(of(&image, "one", "").send(&target).is_err());
}

#[test]
fn the_newest_counts() {
    let folder = TempDir::new().unwrap();
    let target = LayoutDestination::create(folder.path(), None).unwrap();
    let image = image("one", CompressionLevel::Gzip(6));
    let artifacts = [
        of(&image, "middle", "2026-02-01T00:00:00Z"),
        of(&image, "newest", "2026-03-01T00:00:00Z"),
        of(&image, "oldest", "2026-01-01T00:00:00Z"),
    ];
    copy_with(&image, &artifacts, &target, &Selection::Everything, &Quiet).unwrap();
    let source = LayoutSource::open(folder.path(), None).unwrap();
    assert_eq!(document(&source).as_deref(), Some("newest"));
    fs::remove_file(folder.path().join(blob(artifacts[1].descriptor().digest.hex()))).unwrap();
    let source = LayoutSource::open(folder.path(), None).unwrap();
    assert_eq!(document(&source).as_deref(), Some("middle"), "what is gone is none");
}

fn blob(hex: impl std::fmt::Display) -> String {
    format!("blobs/sha256/{hex}")
}
