//! Manifests, indexes and configs.

use std::fmt::Debug;

use lightship_oci::history::History;
use lightship_oci::spec::{Compression, Config, Flavour, Manifest, ManifestKind, MediaType};
use serde::Serialize;

use super::image::Held;

/// A manifest or index: parsed, written and parsed again it is the same; an image with it as its root
/// opens or is refused, and its validation ends.
pub fn manifest(input: &[u8]) {
    match ManifestKind::parse(input) {
        Ok(ManifestKind::Manifest(manifest)) => {
            assert_survives_writing(&manifest, |bytes| match ManifestKind::parse(bytes) {
                Ok(ManifestKind::Manifest(manifest)) => manifest,
                other => panic!("a manifest was written as {other:?}"),
            });
        }
        Ok(ManifestKind::Index(index)) => {
            assert_survives_writing(&index, |bytes| match ManifestKind::parse(bytes) {
                Ok(ManifestKind::Index(index)) => index,
                other => panic!("an index was written as {other:?}"),
            });
        }
        Err(_) => {}
    }
    // Opening may fail, and validation find fault: both only have to come to an end.
    let _ = Held::with_root(MediaType::Manifest(Flavour::Oci), input).open_and_validate();
}

/// A config: parsed, written and parsed again it is the same; its history joins any number of layers;
/// an image with it opens or is refused, and its validation ends.
pub fn config(input: &[u8]) {
    let mut layers = 0;
    if let Ok(config) = Config::parse(input) {
        layers = config.rootfs.diff_ids.len();
        assert_survives_writing(&config, |bytes| {
            Config::parse(bytes).expect("what was written can be parsed")
        });
        assert!(config.platform().satisfies(&config.platform()), "every platform is its own");
        for count in [0, 1, layers, layers + 3] {
            assert_history_covers(&config, count);
        }
    }
    let mut held = Held::default();
    let config = held.add(MediaType::Config(Flavour::Oci), input);
    let layer = held.add(MediaType::Layer(Flavour::Oci, Compression::None), &[0; 1024]);
    let manifest = Manifest { layers: vec![layer; layers.min(8)], ..Held::manifest(config) };
    held.set_root(&manifest);
    let (image, validation) = held.open_and_validate();
    if let Err(error) = image {
        assert!(!validation.is_valid(), "validated, yet refused: {error:?}");
    }
}

/// Every layer stands in the history exactly once, in order.
fn assert_history_covers(config: &Config, layers: usize) {
    let history = History::of(config, layers);
    let found: Vec<usize> = history.steps.iter().filter_map(|step| step.layer).collect();
    assert!(found.into_iter().eq(0..layers), "{layers} layers, but {:?}", history.steps);
    for step in &history.steps {
        // For people; the point is that any text can be made ready for them.
        assert_ne!(step.instruction().as_deref(), Some(""), "an empty instruction is none");
    }
}

fn assert_survives_writing<T: Serialize + PartialEq + Debug>(
    document: &T,
    parse: impl Fn(&[u8]) -> T,
) {
    let write = |document: &T| serde_json::to_vec(document).expect("JSON's keys are text here");
    let written = write(document);
    let again = parse(&written);
    assert_eq!(&again, document, "written as {}", written.escape_ascii());
    assert_eq!(write(&again), written, "writing is not stable");
}
