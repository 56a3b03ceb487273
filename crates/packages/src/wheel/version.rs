//! Versions and their order (*PEP 440*), as the crate that uv grew from has them.

use std::cmp::Ordering;

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

/// The order of any two versions. What PEP 440 does not know comes before all that it does, in the order
/// that setuptools gave it before there was a PEP 440; old distributions still have such versions.
pub fn compare_versions(one: &str, other: &str) -> Ordering {
    match (parse_version(one), parse_version(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (None, None) => legacy_key(one).cmp(&legacy_key(other)),
    }
}

/// A version's parts, as `packaging.version.LegacyVersion` had them: numbers filled up with zeros, words
/// behind a star, so that `pre` and `dev` come before the `*final` that ends every version.
fn legacy_key(version: &str) -> Vec<String> {
    const FINAL: &str = "*final";
    let mut key: Vec<String> = Vec::new();
    let text = version.to_ascii_lowercase();
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let class = |c: char| (c.is_ascii_digit(), c.is_ascii_lowercase(), c == '.', c == '-');
        let single = matches!(first, '.' | '-');
        let end =
            if single { 1 } else { rest.find(|c| class(c) != class(first)).unwrap_or(rest.len()) };
        let (part, after) = rest.split_at(end);
        rest = after;
        let word = match part {
            "." => continue,
            "pre" | "preview" | "rc" => "*c".to_owned(),
            "-" => "*final-".to_owned(),
            "dev" => "*@".to_owned(),
            _ if first.is_ascii_digit() => format!("{part:0>8}"),
            _ => format!("*{part}"),
        };
        if word.starts_with('*') {
            if word.as_str() < FINAL {
                while key.last().is_some_and(|last| last == "*final-") {
                    key.pop();
                }
            }
            while key.last().is_some_and(|last| last == "00000000") {
                key.pop();
            }
        }
        key.push(word);
    }
    key.push(FINAL.to_owned());
    key
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

    #[test]
    fn legacy_versions_come_first_and_have_an_order() {
        let order = ["x", "1.0-x-dev", "1.0-x-pre", "1.0-x", "1.1-x", "10-x", "0.0.1", "1!0"];
        for pair in order.windows(2) {
            assert_eq!(compare_versions(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare_versions(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
    }
}
