//! Looks for inputs that break what `crates/dockerfile/tests/fuzz/dockerfile.rs` promises.
#![no_main]

#[path = "../../crates/dockerfile/tests/fuzz/dockerfile.rs"]
mod promise;

libfuzzer_sys::fuzz_target!(|input: &[u8]| promise::check(input));
