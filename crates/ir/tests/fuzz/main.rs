//! What reading a pipeline promises for any bytes, over every seed and some mutations of each: always the same ones.
//! The same functions run under cargo-fuzz (`fuzz/fuzz_targets`), which looks for new inputs.

mod ir;
mod ir_texts;

use lightship_testkit::fuzz::smoke;

const MUTATIONS: usize = 1000;

#[test]
fn ir_keeps_its_promises() {
    smoke("ir", MUTATIONS, ir::check);
}

#[test]
fn ir_texts_keeps_its_promises() {
    smoke("ir_texts", MUTATIONS, ir_texts::check);
}
