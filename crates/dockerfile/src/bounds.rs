//! How much of a file is looked at. A Dockerfile of 4 MiB can ask for hours and for tens of gigabytes: each of
//! its lines can name a long variable, copy what an earlier stage copied, or look for a long pattern. What
//! is counted here is counted for the whole file, over all its stages.

use std::cell::Cell;
use std::collections::BTreeMap;

/// Steps, about one for each byte that is copied and for each value that is compared: eight for each byte of the
/// largest file. Files that people write say most things once.
const MOST_STEPS: usize = 1 << 25;

/// Bytes of all values together.
const MOST_BYTES: usize = 16 << 20;

/// What a value takes beside its bytes, so that many empty ones are not free.
const OVERHEAD: usize = 64;

/// Entries of one list.
const MOST_ENTRIES: usize = 10_000;

/// What is left for a file.
#[derive(Debug)]
pub(crate) struct Bounds {
    steps: Cell<usize>,
    bytes: Cell<usize>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { steps: Cell::new(MOST_STEPS), bytes: Cell::new(MOST_BYTES) }
    }
}

impl Bounds {
    /// Takes steps, if so many are left. Once they are not, none is.
    pub(crate) fn work(&self, steps: usize) -> bool {
        take(&self.steps, steps)
    }

    /// Takes place for a value of so many bytes. Copying it is work too.
    pub(crate) fn keep(&self, bytes: usize) -> bool {
        let bytes = bytes.saturating_add(OVERHEAD);
        self.work(bytes) && take(&self.bytes, bytes)
    }

    /// Whether somebody asked for more than there was.
    pub(crate) fn are_spent(&self) -> bool {
        self.steps.get() == 0 || self.bytes.get() == 0
    }

    /// Adds to a list, if there is place.
    pub(crate) fn push<T>(&self, list: &mut Vec<T>, bytes: usize, value: T) {
        if list.len() < MOST_ENTRIES && self.keep(bytes) {
            list.push(value);
        }
    }

    /// Sets what a name means, if there is place.
    pub(crate) fn insert<T>(
        &self,
        map: &mut BTreeMap<String, T>,
        name: String,
        bytes: usize,
        value: T,
    ) {
        let fits = map.len() < MOST_ENTRIES || map.contains_key(&name);
        if fits && self.keep(name.len().saturating_add(bytes)) {
            map.insert(name, value);
        }
    }

    /// Whether a list has a value already; where nobody can look any more, it is taken to have it.
    pub(crate) fn known<T>(&self, list: &[T], is: impl Fn(&T) -> bool) -> bool {
        !self.work(list.len()) || list.iter().any(is)
    }
}

/// What is left becomes nothing with the first that asks for too much, so that what is found does not
/// depend on the sizes of what comes after it.
fn take(left: &Cell<usize>, wanted: usize) -> bool {
    let rest = left.get().checked_sub(wanted);
    left.set(rest.unwrap_or(0));
    rest.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_is_gone() {
        let bounds = Bounds::default();
        let mut list = Vec::new();
        for _ in 0..2 * MOST_ENTRIES {
            bounds.push(&mut list, 1, ());
        }
        assert_eq!(list.len(), MOST_ENTRIES);
        let mut map = BTreeMap::from([("a".to_owned(), 0)]);
        bounds.insert(&mut map, "b".to_owned(), MOST_BYTES, 0);
        bounds.insert(&mut map, "c".to_owned(), 1, 0);
        assert_eq!(map.len(), 1, "the first that does not fit is the last");
        assert!(bounds.work(1) && !bounds.work(MOST_STEPS) && !bounds.work(1));
        assert!(bounds.are_spent());
        assert!(bounds.known(&[1], |_| false));
    }
}
