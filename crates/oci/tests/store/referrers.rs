//! Documents that belong to an image, kept with it.

use std::collections::BTreeMap;

use lightship_base::Quiet;
use lightship_oci::Source;
use lightship_oci::artifact::{Artifact, attached};
use lightship_oci::copy::{Selection, copy_with};

use crate::fixture::{Fixture, Place, name, reference};

const SBOM: &str = "application/vnd.cyclonedx+json";

fn add(place: &Place, text: &str, images: &[&Fixture], root: &Fixture) {
    let about = |image: &&Fixture| {
        let words = image.root.digest.to_string().into_bytes();
        Artifact::about(&image.root, SBOM, words, BTreeMap::new())
    };
    let artifacts: Vec<Artifact> = images.iter().map(about).collect();
    let destination = place.store.destination(&name(text)).unwrap();
    copy_with(root, &artifacts, &destination, &Selection::Everything, &Quiet).unwrap();
}

fn found(place: &Place, text: &str, image: &Fixture) -> bool {
    let source = place.store.source(&reference(text)).unwrap();
    let document = attached(&source, &image.root.digest, SBOM).unwrap();
    document.is_some_and(|bytes| bytes == image.root.digest.to_string().into_bytes())
}

#[test]
fn they_live_and_go_with_their_image() {
    let place = Place::new();
    let image = Fixture::image("linux/amd64", &[b"layer"]);
    add(&place, "churn", &[&image], &image);
    assert_eq!(place.gc().freed.count, 0);
    assert!(found(&place, "churn", &image));
    let listed = place.store.list().unwrap();
    assert_eq!(listed[0].platforms.len(), 1, "an artifact is no platform");
    assert_eq!(listed[0].damage, None);
    // Another name has it, too, and keeps it.
    place.store.tag(&reference("churn"), &name("other")).unwrap();
    place.remove("churn");
    place.gc();
    assert!(found(&place, "other", &image));
    assert!(place.verify().is_clean());
    place.remove("other");
    place.gc();
    assert_eq!(place.blobs(), 0);
}

#[test]
fn each_platform_has_its_own() {
    let place = Place::new();
    let images = ["linux/amd64", "linux/arm64"].map(|one| Fixture::image(one, &[one.as_bytes()]));
    let index = Fixture::index(&images);
    add(&place, "both", &[&images[0], &images[1]], &index);
    let source = place.store.source(&reference("both")).unwrap();
    assert_eq!(source.root().unwrap().digest, index.root.digest, "artifacts are no images");
    assert!(found(&place, "both", &images[0]) && found(&place, "both", &images[1]));
    // The name of one of them has that one's only.
    let one = images[1].root.digest.hex();
    place.store.tag(&reference(&one), &name("arm")).unwrap();
    assert!(found(&place, "arm", &images[1]) && !found(&place, "arm", &images[0]));
}
