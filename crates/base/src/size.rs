//! Sizes in bytes, and how a person reads them.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Serialize};

/// A number of bytes. In JSON a plain integer; for people decimal units, as registries bill them
/// (1 MB = 1,000,000 bytes).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// No bytes.
    pub const ZERO: Self = Self(0);

    /// The plain number.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The difference, or zero where `other` is larger.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

const UNITS: [(u64, &str); 4] =
    [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];

impl fmt::Display for ByteSize {
    /// Three significant digits: `0 B`, `999 B`, `1.00 kB`, `12.5 MB`, `354 MB`, `9.47 GB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match UNITS.iter().rposition(|(unit, _)| rounds_below_thousand(self.0, *unit)) {
            _ if self.0 < 1_000 => format!("{} B", self.0),
            Some(at) => scaled(self.0, UNITS[at].0, UNITS[at].1),
            None => scaled(self.0, UNITS[0].0, UNITS[0].1),
        };
        f.pad(&text)
    }
}

/// Whether `bytes` in this unit still prints with at most three digits before the point: 999,999 is
/// `1.00 MB`, not `1000 kB`.
fn rounds_below_thousand(bytes: u64, unit: u64) -> bool {
    bytes as f64 / (unit as f64) < 999.5
}

fn scaled(bytes: u64, unit: u64, name: &str) -> String {
    let value = bytes as f64 / unit as f64;
    let decimals = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {name}")
}

impl Add for ByteSize {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for ByteSize {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for ByteSize {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Sum for ByteSize {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::ZERO, Add::add)
    }
}

impl From<u64> for ByteSize {
    fn from(bytes: u64) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_three_digits() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (9_999, "10.0 kB"),
            (12_549_000, "12.5 MB"),
            (353_600_000, "354 MB"),
            (999_499, "999 kB"),
            (999_999, "1.00 MB"),
            (9_470_000_000, "9.47 GB"),
            (u64::MAX, "18446744 TB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(ByteSize(bytes).to_string(), text);
        }
        assert_eq!(format!("{:>9}", ByteSize(999)), "    999 B");
    }
}
