//! Feeds libFuzzer's inputs to the reader of lightship.lock: what it accepts is written again as a text
//! that means the same.
#![no_main]

use lightship_packages::lock::{FILE_NAME, Lock};

libfuzzer_sys::fuzz_target!(|input: &str| {
    let Ok(lock) = Lock::parse(input, FILE_NAME) else { return };
    let text = lock.to_toml().expect("what was accepted can be written");
    let again = Lock::parse(&text, FILE_NAME).expect("what was written is accepted");
    assert_eq!(again.to_toml().expect("it was written before"), text);
});
