//! The fuzz functions over every seed and a few thousand mutations of each kind: always the same ones,
//! so that a failure here is everybody's failure. The search for new inputs is cargo-fuzz's.

use lightship_testkit::fuzz::{self, smoke};

#[test]
fn manifests() {
    smoke("manifest", 4000, fuzz::manifest);
}

#[test]
fn configs() {
    smoke("config", 4000, fuzz::config);
}

#[test]
fn tars() {
    smoke("tar", 4000, fuzz::tar);
}

#[test]
fn layers() {
    // Each input is a whole image, read by several threads: a few milliseconds.
    smoke("layer", 1000, fuzz::layer);
}

#[test]
fn archives() {
    // Each input is opened from a file a dozen times.
    smoke("archive", 1000, fuzz::archive);
}
