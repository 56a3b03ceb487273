//! What holds for the readers of signed lists and of keys: whatever the bytes, they answer, and
//! without a key nothing is believed.

use lightship_base::Timestamp;
use lightship_packages::apt::{Keyring, Release};

pub(crate) fn check(input: &[u8]) {
    let now = Timestamp::UNIX_EPOCH;
    assert!(Keyring::default().verify(input, now).is_err());
    if let Ok(keyring) = Keyring::parse("input", input) {
        assert!(!keyring.is_empty());
        assert!(keyring.verify(input, now).is_err());
    }
    let _ = Release::parse(&String::from_utf8_lossy(input));
}
