//! What holds for the reader of lightship.lock: what it accepts is written again as a text
//! that means the same.

use lightship_packages::lock::{FILE_NAME, Lock};

pub(crate) fn check(input: &[u8]) {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let Ok(lock) = Lock::parse(input, FILE_NAME) else { return };
    let text = lock.to_toml().expect("what was accepted can be written");
    let again = Lock::parse(&text, FILE_NAME).expect("what was written is accepted");
    assert_eq!(again.to_toml().expect("it was written before"), text);
}
