//! Names that are not known, and what was probably meant.

use std::fmt;

/// The longest name, in bytes, for which a near one is looked for, and of which a message shows more than the beginning.
/// Time and memory of a comparison grow with the product of both lengths.
const LONGEST_NAME: usize = 128;

/// How much comparing of names is left, in pairs of letters: of a hostile file there is no end of names. What is there
/// at the beginning takes less than a second.
#[derive(Debug)]
pub(crate) struct Patience(usize);

impl Default for Patience {
    fn default() -> Self {
        Self(50_000_000)
    }
}

impl Patience {
    fn lasts(&mut self, name: &str, other: &str) -> bool {
        if name.len().max(other.len()) > LONGEST_NAME {
            return false;
        }
        let pairs = (name.len() + 2) * (other.len() + 2);
        self.0 = self.0.saturating_sub(pairs);
        self.0 > 0
    }
}

/// A name that is not known, and the one that is nearest to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    name: String,
    nearest: Option<String>,
}

impl Unknown {
    /// `name` among those that are known.
    pub fn among<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self::within(&mut Patience::default(), name, known)
    }

    /// The same for who asks often. Without any patience left nothing is near.
    pub(crate) fn within<'a>(
        patience: &mut Patience,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let length = name.chars().count();
        let near = |other: &'a str| {
            let most = 1 + other.len() / 4;
            // As many letters more or less are as many steps at least.
            let apart = other.chars().count().abs_diff(length);
            if apart > most || !patience.lasts(name, other) {
                return None;
            }
            let distance = strsim::damerau_levenshtein(name, other);
            (distance <= most).then_some((distance, other))
        };
        let nearest = known.into_iter().filter_map(near).min_by_key(|(distance, _)| *distance);
        let nearest = nearest.map(|(_, other)| other.to_owned());
        Self { name: name.chars().take(LONGEST_NAME).collect(), nearest }
    }

    /// Whether one of the known names is near it.
    pub fn has_nearest(&self) -> bool {
        self.nearest.is_some()
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.nearest {
            None => write!(f, "`{}`", self.name),
            Some(nearest) => write!(f, "`{}` (nearest: `{nearest}`)", self.name),
        }
    }
}
