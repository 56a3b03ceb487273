//! Looks for inputs that break what `crates/packages/tests/fuzz/marshal.rs` promises.
#![no_main]

#[path = "../../crates/packages/tests/fuzz/marshal.rs"]
mod promise;

libfuzzer_sys::fuzz_target!(|input: &[u8]| promise::check(input));
