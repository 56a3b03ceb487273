//! Looks for inputs that break what `crates/ir/tests/fuzz/ir_texts.rs` promises.
#![no_main]

#[path = "../../crates/ir/tests/fuzz/ir_texts.rs"]
mod promise;

libfuzzer_sys::fuzz_target!(|input: &[u8]| promise::check(input));
