//! Names of kinds, and names of refs as file names: any UTF-8 there and back, no two names alike.

use crate::Error;

/// What a file name may have in bytes on every file system we meet (`NAME_MAX`).
const LIMIT: usize = 255;

/// A kind of ref or tree is a folder's name, chosen in source code.
///
/// # Panics
/// Where it has anything but lower-case letters and `-`.
pub(crate) const fn check_kind(kind: &str) {
    let bytes = kind.as_bytes();
    assert!(!bytes.is_empty() && bytes.len() <= 64, "a kind has 1 to 64 letters");
    let mut at = 0;
    while at < bytes.len() {
        assert!(bytes[at].is_ascii_lowercase() || bytes[at] == b'-', "letters and `-` only");
        at += 1;
    }
}

/// Everything but letters, digits, `_`, `-` and inner dots becomes `%XX`: no separators, no hidden
/// files, no `.` and `..`.
pub(crate) fn escape(name: &str) -> Result<String, Error> {
    if name.is_empty() {
        return Err(Error::EmptyRefName);
    }
    let escaped = escape_bytes(name.as_bytes());
    if escaped.len() > LIMIT {
        let name = name.chars().take(60).chain(['…']).collect();
        return Err(Error::RefNameTooLong { name, bytes: escaped.len(), limit: LIMIT });
    }
    Ok(escaped)
}

fn escape_bytes(name: &[u8]) -> String {
    let mut escaped = String::with_capacity(name.len());
    for (at, byte) in name.iter().enumerate() {
        let plain =
            byte.is_ascii_alphanumeric() || b"_-".contains(byte) || (*byte == b'.' && at > 0);
        if plain {
            escaped.push(char::from(*byte));
        } else {
            escaped.extend(['%', hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
    }
    escaped
}

fn hex_digit(nibble: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(nibble)])
}

/// The name that a file name stands for; `None` if [`escape`] never makes such a one.
pub(crate) fn unescape(escaped: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let hex = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(*first);
        }
    }
    let name = String::from_utf8(bytes).ok()?;
    // One spelling only: `%41` for `A` would be a second file for one name.
    (escape(&name).ok()? == escaped).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_names_stay_readable() {
        assert_eq!(escape("python:3.12").unwrap(), "python%3A3.12");
        assert_eq!(escape("..").unwrap(), "%2E.");
        assert_eq!(escape("a/../b").unwrap(), "a%2F..%2Fb");
        assert!(matches!(escape(""), Err(Error::EmptyRefName)));
        assert!(matches!(escape(&"/".repeat(90)), Err(Error::RefNameTooLong { bytes: 270, .. })));
    }

    #[test]
    fn other_spellings_are_no_names() {
        for text in ["%41", "%2e.", ".hidden", "%", "%4", "%+1", "a/b", "%FF", ""] {
            assert_eq!(unescape(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn names_come_back(name in "\\PC{1,20}|[\\x00-\\x7f]{1,40}") {
            let escaped = escape(&name).unwrap();
            prop_assert!(escaped.bytes().all(|b| b.is_ascii_alphanumeric() || b"%_-.".contains(&b)));
            prop_assert!(!escaped.starts_with('.'));
            prop_assert_eq!(unescape(&escaped), Some(name));
        }

        #[test]
        fn no_text_is_a_second_spelling(text in "[%.a-cA-C0-9_-]{0,12}") {
            if let Some(name) = unescape(&text) {
                prop_assert_eq!(escape(&name).unwrap(), text);
            }
        }
    }
}
