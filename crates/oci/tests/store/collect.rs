//! Collecting while others read and write, and with damaged blobs.

use std::sync::atomic::{AtomicBool, Ordering};

use lightship_base::{Digest, Quiet};
use lightship_cas::GcOptions;
use lightship_oci::copy::{Selection, copy};
use lightship_oci::spec::Descriptor;
use lightship_oci::{Error, Source};

use crate::fixture::{Fixture, LAYER, Place, name, read_all, reference};

#[test]
fn a_source_keeps_its_image_when_the_name_goes() {
    let place = Place::new();
    let image = Fixture::image("linux/amd64", &[b"layer"]);
    place.add("churn", &Fixture::index(std::slice::from_ref(&image)));
    let source = place.store.source(&reference("churn")).unwrap();
    place.remove("churn");
    assert_eq!(place.gc().freed.count, 0);
    assert_eq!(read_all(&source, &Descriptor::of(LAYER, b"layer"), 0), b"layer");
    drop(source);
    assert_eq!(place.gc().freed.count, 4);
}

#[test]
fn a_damaged_manifest_stops_the_collection() {
    let place = Place::new();
    let image = Fixture::image("linux/amd64", &[b"layer"]);
    place.add("churn", &image);
    for bytes in [&b"garbage"[..], b"{}", image.bytes[&image.root.digest][1..].as_ref()] {
        place.damage(&image.root.digest, bytes);
        let tracer = place.store.tracer().unwrap();
        let result = place.store.cas().gc(&|d| tracer.children(d), GcOptions::default());
        assert!(matches!(result, Err(lightship_cas::Error::CorruptBlob { .. })));
        assert!(place.store.cas().contains(&Digest::of(b"layer")).unwrap());
        let listed = place.store.list().unwrap();
        assert!(listed[0].damage.as_ref().unwrap().contains("corrupt"));
        assert_eq!(place.verify().corrupt[0].digest, image.root.digest);
    }
    std::fs::remove_file(place.store.cas().blob_path(&image.root.digest)).unwrap();
    assert_eq!(place.verify().missing[0].needed_by, ["images/churn:latest"]);
    assert!(place.store.list().unwrap()[0].damage.is_some());
    assert!(matches!(
        place.store.source(&reference("churn")).unwrap().document(&image.root, 1 << 20),
        Err(Error::NotFound { .. })
    ));
}

#[test]
fn a_missing_layer_is_missed() {
    let place = Place::new();
    place.add("churn", &Fixture::image("linux/amd64", &[b"layer", b"other"]));
    std::fs::remove_file(place.store.cas().blob_path(&Digest::of(b"layer"))).unwrap();
    let report = place.verify();
    assert_eq!(report.missing.len(), 1);
    assert_eq!(report.missing[0].digest, Digest::of(b"layer"));
    assert!(place.store.list().unwrap()[0].damage.as_ref().unwrap().contains("missing"));
    // Fetching the image again heals it.
    place.add("churn", &Fixture::image("linux/amd64", &[b"layer", b"other"]));
    assert!(place.verify().is_clean());
}

/// Layers and configs that look like manifests keep nothing alive that matters and break nothing.
#[test]
fn blobs_that_pretend_to_be_manifests_are_harmless() {
    let place = Place::new();
    let absent = Fixture::image("linux/amd64", &[b"not in the store"]);
    let layers: [&[u8]; 4] = [
        absent.root_bytes(),
        b"{\"manifests\":[],\"layers\":[]}",
        b" {\"schemaVersion\":2",
        b"[[[[[[[[",
    ];
    place.add("odd", &Fixture::image("linux/amd64", &layers));
    assert_eq!(place.gc().freed.count, 0);
    assert_eq!(place.store.list().unwrap()[0].damage, None);
}

#[test]
fn copies_collections_and_removals_at_once() {
    let place = Place::new();
    let shared = vec![9; 100_000];
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                place.gc();
                place.store.list().unwrap();
            }
        });
        let writers: Vec<_> = (0..3_u8)
            .map(|writer| {
                let (place, shared) = (&place, &shared);
                scope.spawn(move || {
                    for round in 0..25_u8 {
                        let own = [writer, round % 3];
                        let image = Fixture::image("linux/amd64", &[shared, &own, b"small"]);
                        let target = name(&format!("image{writer}"));
                        let destination = place.store.destination(&target).unwrap();
                        copy(&image, &destination, &Selection::Everything, &Quiet).unwrap();
                        drop(destination);
                        let source = place.store.source(&reference(&target.to_string())).unwrap();
                        place.remove(&target.to_string());
                        let layer = Descriptor::of(LAYER, shared);
                        assert_eq!(read_all(&source, &layer, 0), *shared);
                        assert_eq!(
                            source.document(&image.root, 1 << 20).unwrap(),
                            image.root_bytes()
                        );
                    }
                    place.add(&format!("kept{writer}"), &Fixture::image("linux/amd64", &[shared]));
                })
            })
            .collect();
        let results: Vec<_> =
            writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        assert!(results.iter().all(Result::is_ok));
    });
    place.gc();
    assert_eq!(place.blobs(), 3, "manifest, config, layer");
    assert_eq!(place.store.list().unwrap().len(), 3);
    assert!(place.verify().is_clean());
}
