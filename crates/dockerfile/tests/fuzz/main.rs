//! What readers promise for any bytes, over every seed and some mutations of each: always the same ones. The same
//! functions run under cargo-fuzz (`fuzz/fuzz_targets/`), which looks for new inputs.

mod dockerfile;
mod dockerignore;

use lightship_testkit::fuzz::smoke;

const MUTATIONS: usize = 1000;

#[test]
fn dockerfile_keeps_its_promises() {
    smoke("dockerfile", MUTATIONS, dockerfile::check);
}

#[test]
fn dockerignore_keeps_its_promises() {
    smoke("dockerignore", MUTATIONS, dockerignore::check);
}
