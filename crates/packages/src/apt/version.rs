//! Debian versions and their order (*deb-version(7)*).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version: `[epoch:]upstream[-revision]`. Two spellings of one version (`1.0` and `0:1.0-0`) are
/// equal, so there is no `Hash`.
#[derive(Clone)]
pub struct DebVersion(Box<str>);

/// Why a text is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no Debian version: {reason}")]
pub struct ParseVersionError {
    text: String,
    reason: &'static str,
}

impl DebVersion {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the revision, without the epoch: `2.36` of `1:2.36-9`.
    pub fn upstream(&self) -> &str {
        split(&self.0).upstream
    }
}

impl FromStr for DebVersion {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match check(text) {
            Ok(()) => Ok(Self(text.into())),
            Err(reason) => {
                Err(ParseVersionError { text: text.chars().take(100).collect(), reason })
            }
        }
    }
}

fn check(text: &str) -> Result<(), &'static str> {
    let parts = split(text);
    if !parts.epoch.is_empty() || text.starts_with(':') {
        let number = parts.epoch.bytes().all(|b| b.is_ascii_digit());
        if !number || parts.epoch.parse::<i32>().is_err() {
            return Err("its epoch is no small number");
        }
    }
    if parts.upstream.is_empty() {
        return Err("it has no upstream part");
    }
    if parts.revision == Some("") {
        return Err("there is nothing behind its last hyphen");
    }
    let fits = |part: &str, more: &[u8]| {
        part.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
    };
    if fits(parts.upstream, b".+-~:") && fits(parts.revision.unwrap_or_default(), b".+~") {
        Ok(())
    } else {
        Err("it has a character that versions cannot have")
    }
}

struct Parts<'a> {
    epoch: &'a str,
    upstream: &'a str,
    revision: Option<&'a str>,
}

fn split(text: &str) -> Parts<'_> {
    let (epoch, rest) = text.split_once(':').unwrap_or(("", text));
    match rest.rsplit_once('-') {
        Some((upstream, revision)) => Parts { epoch, upstream, revision: Some(revision) },
        None => Parts { epoch, upstream: rest, revision: None },
    }
}

/// Compares two versions by their texts, without checking either: a text that is no version has some
/// place in the order all the same.
pub fn compare(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (a, b) = (split(a), split(b));
    compare_numbers(a.epoch.as_bytes(), b.epoch.as_bytes())
        .then_with(|| compare_parts(a.upstream.as_bytes(), b.upstream.as_bytes()))
        .then_with(|| {
            let bytes = |part: Option<&'_ str>| part.unwrap_or_default().as_bytes().to_vec();
            compare_parts(&bytes(a.revision), &bytes(b.revision))
        })
}

/// Stretches without digits and numbers take turns, a stretch first. An absent part is a `0`.
fn compare_parts(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (words_a, rest_a) = cut(a, |byte| !byte.is_ascii_digit());
        let (words_b, rest_b) = cut(b, |byte| !byte.is_ascii_digit());
        let (number_a, rest_a) = cut(rest_a, u8::is_ascii_digit);
        let (number_b, rest_b) = cut(rest_b, u8::is_ascii_digit);
        let order =
            compare_words(words_a, words_b).then_with(|| compare_numbers(number_a, number_b));
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

fn cut(bytes: &[u8], belongs: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().position(|byte| !belongs(byte)).unwrap_or(bytes.len()))
}

/// A tilde comes before everything, even before the end; the end before letters; letters before the
/// rest.
fn compare_words(a: &[u8], b: &[u8]) -> Ordering {
    let weight = |byte: Option<&u8>| match byte {
        Some(b'~') => -1,
        None => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    };
    (0..a.len().max(b.len()))
        .map(|at| weight(a.get(at)).cmp(&weight(b.get(at))))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Numbers of any length: without leading zeros, the longer one is the larger one.
fn compare_numbers(a: &[u8], b: &[u8]) -> Ordering {
    let (_, a) = cut(a, |byte| *byte == b'0');
    let (_, b) = cut(b, |byte| *byte == b'0');
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

impl Ord for DebVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

impl PartialOrd for DebVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for DebVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for DebVersion {}

impl fmt::Display for DebVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for DebVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_manual_pages_own_order() {
        let rising = ["~~", "~~a", "~", "", "a"];
        for pair in rising.windows(2) {
            assert_eq!(compare_parts(pair[0].as_bytes(), pair[1].as_bytes()), Ordering::Less);
        }
        let rising = ["1.0~beta1~svc1", "1.0~beta1", "1.0", "1.0-1", "1.0+b", "1.0.0", "1:0.1"];
        for pair in rising.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(compare("1.002", "1.2"), Ordering::Equal);
        assert_eq!(compare("1", "1-0"), Ordering::Equal);
        let long = "9".repeat(60);
        assert_eq!(compare(&long, &format!("1{long}")), Ordering::Less);
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "1:", "a:1", ":1", "1-", "-1", "1_2", "9999999999:1", "1 2", "1-2:3/"] {
            assert!(text.parse::<DebVersion>().is_err(), "{text}");
        }
        for text in ["1", "0:1-1", "1-2-3", "1:2:3-4", "1~rc1+dfsg-0ubuntu1~22.04"] {
            assert_eq!(text.parse::<DebVersion>().unwrap().to_string(), text);
        }
        assert_eq!("1:2-3-4".parse::<DebVersion>().unwrap().upstream(), "2-3");
    }

    proptest! {
        #[test]
        fn the_order_is_one(a in "[0-9a~.:+-]{0,6}", b in "[0-9a~.:+-]{0,6}", c in "[0-9a~.:+-]{0,6}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
                prop_assert!(compare(&a, &c).is_le());
            }
        }
    }
}
