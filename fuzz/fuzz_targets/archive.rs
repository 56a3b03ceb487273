//! Feeds libFuzzer's inputs to `lightship_testkit::fuzz::archive`, which says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| lightship_testkit::fuzz::archive(input));
