//! What reading a pipeline promises for any bytes, over every seed and some mutations of each: always the same ones.
//! The same function runs under cargo-fuzz (`fuzz/fuzz_targets/ir.rs`), which looks for new inputs.

mod ir;

use lightship_testkit::fuzz::smoke;

const MUTATIONS: usize = 1000;

#[test]
fn ir_keeps_its_promises() {
    smoke("ir", MUTATIONS, ir::check);
}
