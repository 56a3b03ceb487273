//! What something follows from, as one digest.

use crate::{Digest, Sha256};

/// A digest of facts, one after the other. Each says how long it is, and numbers are of one length, so that lists
/// of the same kinds of facts do not read the same.
#[derive(Debug)]
pub struct Key(Sha256);

impl Key {
    /// Of facts about `what`, which says what kind of thing follows from them.
    pub fn of(what: &str) -> Self {
        Self(Sha256::new()).with(what)
    }

    /// One fact more.
    #[must_use]
    pub fn with(mut self, fact: impl AsRef<[u8]>) -> Self {
        self.add(fact);
        self
    }

    /// One fact more.
    pub fn add(&mut self, fact: impl AsRef<[u8]>) {
        let fact = fact.as_ref();
        self.0.update(&(fact.len() as u64).to_le_bytes());
        self.0.update(fact);
    }

    /// A number, which has the same length as all of them.
    pub fn number(&mut self, number: impl Into<u64>) {
        self.0.update(&number.into().to_le_bytes());
    }

    /// The digest of all of them.
    pub fn finish(self) -> Digest {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_do_not_run_into_each_other() {
        let of = |facts: &[&str]| facts.iter().fold(Key::of("x"), Key::with).finish();
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a"]), of(&["a", ""]));
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
    }
}
