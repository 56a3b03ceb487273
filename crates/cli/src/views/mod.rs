//! What commands found, as a person reads it and as a program reads it. Each view takes what a library
//! returned and gives text, or implements [`crate::render::json::Document`].

pub mod artifacts;
pub mod audit;
pub mod bake;
pub mod build;
pub mod cache;
pub mod chart;
pub mod compare;
pub mod diff;
pub mod doctor;
pub mod history;
pub mod lock;
pub mod names;
pub mod run;
pub mod runs;
pub mod sbom;
pub mod store;
pub mod transfer;
pub mod validate;
pub mod verify;

use lightship_base::ByteSize;

use crate::render::{Cell, style};

/// A share in whole percent; `<1 %` where rounding would say none.
pub fn percent(part: ByteSize, whole: ByteSize) -> String {
    match (part.bytes(), whole.bytes()) {
        (0, _) | (_, 0) => "0 %".to_owned(),
        (part, whole) => {
            let share = part as f64 / whole as f64 * 100.0;
            if share < 1.0 { "<1 %".to_owned() } else { format!("{share:.0} %") }
        }
    }
}

/// `1 file`, `3 files`, `12,345 files`.
pub fn count(number: u64, singular: &str, plural: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { singular } else { plural })
}

/// Digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let (head, rest) = digits.split_at(first);
    let groups = rest.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    (!head.is_empty())
        .then(|| head.to_owned())
        .into_iter()
        .chain(groups)
        .collect::<Vec<_>>()
        .join(",")
}

/// A size that matters only where it is not zero.
pub fn size_or_dash(size: ByteSize) -> Cell {
    match size {
        ByteSize::ZERO => Cell::styled("-", style::DIM),
        size => size.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_shares_never_vanish() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(percent(ByteSize(1), ByteSize(1_000)), "<1 %");
        assert_eq!(percent(ByteSize(0), ByteSize(0)), "0 %");
        assert_eq!(percent(ByteSize(1), ByteSize(3)), "33 %");
    }
}
