//! Indexes of which only a part is stored.

use lightship_base::Diagnose;
use lightship_base::Digest;
use lightship_oci::spec::{Descriptor, MediaType};
use lightship_oci::{Destination, Error, Source};

use crate::fixture::{Fixture, LAYER, Place, name, reference};

fn three() -> [Fixture; 3] {
    ["linux/amd64", "linux/arm64", "linux/s390x"]
        .map(|platform| Fixture::image(platform, &[platform.as_bytes(), b"shared layer"]))
}

/// Stores `index` with only some of its images.
fn add_part(place: &Place, text: &str, index: &Fixture, images: &[Fixture]) {
    let destination = place.store.destination(&name(text)).unwrap();
    for image in images {
        for (digest, bytes) in &image.bytes {
            if *digest != image.root.digest {
                let blob = Descriptor::new(LAYER, *digest, bytes.len() as u64);
                destination.put_blob(&blob, None, &|at| image.blob(&blob, at), &|_| ()).unwrap();
            }
        }
        destination.put_manifest(&image.root, image.root_bytes()).unwrap();
    }
    destination.finish(&index.root, index.root_bytes()).unwrap();
}

#[test]
fn a_whole_index_is_itself() {
    let place = Place::new();
    let index = Fixture::index(&three());
    place.add("tool", &index);
    assert_eq!(
        place.store.source(&reference("tool")).unwrap().root().unwrap(),
        Descriptor { platform: None, ..index.root.clone() }
    );
    let listed = place.store.list().unwrap();
    let platforms: Vec<String> = listed[0].platforms.iter().map(ToString::to_string).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64", "linux/s390x"]);
    assert_eq!(listed[0].total.0, index.size());
    assert_eq!(place.gc().freed.count, 0);
    assert!(place.verify().is_clean());
}

#[test]
fn one_image_of_an_index_is_read_as_that_image() {
    let place = Place::new();
    let images = three();
    let index = Fixture::index(&images);
    add_part(&place, "tool", &index, &images[1..2]);
    let source = place.store.source(&reference("tool")).unwrap();
    assert_eq!(source.root().unwrap().digest, images[1].root.digest);
    assert_eq!(place.gc().freed.count, 0);
    assert!(place.verify().is_clean(), "the absent platforms are not missing");
    assert_eq!(place.store.find(&reference("tool")).unwrap().root.digest, index.root.digest);
}

#[test]
fn of_several_images_an_absent_one_is_told() {
    let place = Place::new();
    let images = three();
    let index = Fixture::index(&images);
    add_part(&place, "tool", &index, &images[..2]);
    let source = place.store.source(&reference("tool")).unwrap();
    assert_eq!(source.root().unwrap().digest, index.root.digest);
    source.document(&images[0].root, 1 << 20).unwrap();
    let error = source.document(&images[2].root, 1 << 20).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the manifest of tool:latest for linux/s390x was not found in the local store"
    );
    let hint = error.hints()[0].to_string();
    assert!(
        hint.contains("only linux/amd64, linux/arm64") && hint.contains("--platform linux/s390x")
    );
}

/// An index must not keep what another image brought, or removing that one would leave a part.
#[test]
fn an_index_keeps_only_what_was_stored_with_it() {
    let place = Place::new();
    let images = three();
    let index = Fixture::index(&images);
    add_part(&place, "tool", &index, &images[..1]);
    place.add("other", &images[1]);
    place.remove("other");
    let freed = place.gc().freed;
    // Manifest, config and own layer of the other image; the layer shared by both stays.
    assert_eq!((freed.count, freed.bytes.0), (3, images[1].size() - 12));
    assert!(place.verify().is_clean());
}

#[test]
fn tagging_one_platforms_digest_names_that_image() {
    let place = Place::new();
    let images = three();
    place.add("tool", &Fixture::index(&images));
    let digest = images[2].root.digest.to_string();
    place.store.tag(&reference(&digest), &name("mine")).unwrap();
    place.remove("tool");
    place.gc();
    let source = place.store.source(&reference("mine")).unwrap();
    assert_eq!(source.root().unwrap().digest, images[2].root.digest);
    assert_eq!(place.blobs(), 4);
    assert!(place.verify().is_clean());
}

#[test]
fn an_artifact_without_platform_is_stored_too() {
    let place = Place::new();
    let config = Descriptor::of(MediaType::Empty, b"{}");
    let manifest = serde_json::json!({
        "schemaVersion": 2, "artifactType": "application/x-sbom", "config": config, "layers": [],
    });
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let root = Descriptor::of(MediaType::Manifest(lightship_oci::spec::Flavour::Oci), &manifest);
    let bytes = [b"{}".to_vec(), manifest].map(|bytes| (Digest::of(&bytes), bytes)).into();
    place.add("sbom", &Fixture { root: root.clone(), bytes });
    assert!(place.store.list().unwrap()[0].platforms.is_empty());
    let source = place.store.source(&reference("sbom")).unwrap();
    assert_eq!(source.root().unwrap(), root);
    assert!(matches!(
        source.document(&Descriptor::of(MediaType::Empty, b"gone"), 9),
        Err(Error::NotFound { .. })
    ));
}
