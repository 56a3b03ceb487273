//! Versions and their order (*PEP 440*), as the crate that uv grew from has them.

pub use pep440_rs::{Version, VersionSpecifiers};

/// No version is longer; one that is was made to cost time.
const MOST_BYTES: usize = 256;

/// Reads a version; `None` where the text is none by PEP 440.
pub fn parse_version(text: &str) -> Option<Version> {
    if text.len() > MOST_BYTES {
        return None;
    }
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_version_are_equal() {
        for (one, other) in [("1.0", "1"), ("1.0-1", "1.0.post1"), ("v1.0RC1", "1rc1")] {
            assert_eq!(parse_version(one).unwrap(), parse_version(other).unwrap());
        }
        assert!(parse_version("1.0+cpu") > parse_version("1.0"));
        for text in ["", "one", "1.0-", "1..0", &"1".repeat(257)] {
            assert_eq!(parse_version(text), None, "{text}");
        }
    }
}
