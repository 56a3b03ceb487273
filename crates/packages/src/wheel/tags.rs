//! Which wheels an interpreter can use, and which of them is best (*Platform compatibility tags*).

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::name::WheelName;

/// One combination of Python, ABI and platform: `cp311-abi3-manylinux_2_17_x86_64`. Lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag {
    /// Which Pythons: `cp311`, `py3`.
    pub python: String,
    /// Which binary interface: `cp311`, `abi3`, `none`.
    pub abi: String,
    /// Which machines: `manylinux_2_17_x86_64`, `any`.
    pub platform: String,
}

impl Tag {
    pub(super) fn new(python: &str, abi: &str, platform: &str) -> Self {
        let [python, abi, platform] = [python, abi, platform].map(str::to_ascii_lowercase);
        Self { python, abi, platform }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.python, self.abi, self.platform)
    }
}

/// A `CPython` on Linux, as far as wheels are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Interpreter {
    /// Its minor version: 11 for Python 3.11.
    pub minor: u8,
    /// Whether it is a build without the global lock (`3.13t`).
    pub free_threaded: bool,
    /// The C library that it runs on.
    pub libc: Libc,
    /// The processor.
    pub machine: Machine,
}

/// A C library and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Libc {
    /// The GNU C library 2 of this minor version: 36 in Debian 12.
    Glibc(u8),
    /// musl 1 of this minor version.
    Musl(u8),
}

/// A processor's instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Machine {
    /// `linux/amd64` in the words of images.
    X86_64,
    /// `linux/arm64` in the words of images.
    Aarch64,
}

impl Machine {
    /// The machine of an image's platform, `amd64` or `arm64`.
    pub fn of_architecture(name: &str) -> Option<Self> {
        match name {
            "amd64" => Some(Self::X86_64),
            "arm64" => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// As `uname -m` and platform tags write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// The oldest glibc that wheels for this processor may ask for (*PEP 600*; `manylinux1` was for
    /// x86 alone).
    fn oldest_glibc(self) -> u8 {
        match self {
            Self::X86_64 => 5,
            Self::Aarch64 => 17,
        }
    }
}

/// Names that were given out before platform tags had the library's version in them (*PEP 513, 571,
/// 599*).
const LEGACY: [(u8, &str); 3] = [(17, "manylinux2014"), (12, "manylinux2010"), (5, "manylinux1")];

/// The tags that an interpreter takes, the best first.
#[derive(Debug, Clone)]
pub struct Tags {
    tags: Vec<Tag>,
    ranks: HashMap<Tag, usize>,
}

impl Tags {
    /// All tags of an interpreter, in the order of `packaging.tags.sys_tags`.
    pub fn of(interpreter: Interpreter) -> Self {
        let platforms = platforms(interpreter);
        let own = format!("cp3{}", interpreter.minor);
        let mut tags = Vec::new();
        let mut push = |python: &str, abi: &str| {
            tags.extend(platforms.iter().map(|platform| Tag::new(python, abi, platform)));
        };
        if interpreter.free_threaded {
            // The stable ABI is another one here (`abi3` modules crash), so older ones do not follow.
            push(&own, &format!("{own}t"));
            push(&own, "none");
        } else {
            push(&own, &own);
            push(&own, "abi3");
            push(&own, "none");
            for minor in (2..interpreter.minor).rev() {
                push(&format!("cp3{minor}"), "abi3");
            }
        }
        let pythons = generic_pythons(interpreter.minor);
        for python in &pythons {
            push(python, "none");
        }
        tags.push(Tag::new(&own, "none", "any"));
        tags.extend(pythons.iter().map(|python| Tag::new(python, "none", "any")));
        let ranks = tags.iter().enumerate().map(|(rank, tag)| (tag.clone(), rank)).collect();
        Self { tags, ranks }
    }

    /// The tags, the best first.
    pub fn as_slice(&self) -> &[Tag] {
        &self.tags
    }

    /// How well a wheel fits, 0 best; `None` where it cannot be used.
    pub fn rank(&self, wheel: &WheelName) -> Option<usize> {
        wheel.tags().iter().filter_map(|tag| self.ranks.get(tag).copied()).min()
    }

    /// The wheel to take from those of one version: it fits best, then has the highest build number. Of
    /// equals the one whose name sorts first, so that the answer does not hang on the index's order.
    pub fn best<'a>(
        &self,
        wheels: impl IntoIterator<Item = &'a WheelName>,
    ) -> Option<&'a WheelName> {
        let fitting = wheels.into_iter().filter_map(|wheel| Some((self.rank(wheel)?, wheel)));
        let order = |(rank, wheel): &(usize, &'a WheelName), other: &(usize, &'a WheelName)| {
            rank.cmp(&other.0)
                .then_with(|| other.1.build_order().cmp(&wheel.build_order()))
                .then_with(|| wheel.as_str().cmp(other.1.as_str()))
        };
        fitting.min_by(order).map(|(_, wheel)| wheel)
    }
}

/// `py311`, `py3`, `py310` … `py30`.
fn generic_pythons(minor: u8) -> Vec<String> {
    let older = (0..minor).rev().map(|older| format!("py3{older}"));
    [format!("py3{minor}"), "py3".to_owned()].into_iter().chain(older).collect()
}

fn platforms(interpreter: Interpreter) -> Vec<String> {
    let machine = interpreter.machine.as_str();
    let mut platforms = Vec::new();
    match interpreter.libc {
        Libc::Glibc(newest) => {
            for minor in (interpreter.machine.oldest_glibc()..=newest).rev() {
                platforms.push(format!("manylinux_2_{minor}_{machine}"));
                let legacy = LEGACY.iter().filter(|(version, _)| *version == minor);
                platforms.extend(legacy.map(|(_, name)| format!("{name}_{machine}")));
            }
        }
        Libc::Musl(newest) => {
            let minors = (0..=newest).rev();
            platforms.extend(minors.map(|minor| format!("musllinux_1_{minor}_{machine}")));
        }
    }
    platforms.push(format!("linux_{machine}"));
    platforms
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN_12: Interpreter = Interpreter {
        minor: 11,
        free_threaded: false,
        libc: Libc::Glibc(36),
        machine: Machine::X86_64,
    };

    fn best(tags: &Tags, names: &[&str]) -> Option<String> {
        let names: Vec<WheelName> = names.iter().map(|name| name.parse().unwrap()).collect();
        tags.best(&names).map(ToString::to_string)
    }

    #[test]
    fn the_nearest_wheel_is_the_best() {
        let tags = Tags::of(DEBIAN_12);
        let any = "a-1-py3-none-any.whl";
        let abi3 = "a-1-cp38-abi3-manylinux2014_x86_64.whl";
        let old = "a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl";
        let new = "a-1-cp311-cp311-manylinux_2_36_x86_64.whl";
        let too_new = "a-1-cp311-cp311-manylinux_2_37_x86_64.whl";
        assert_eq!(best(&tags, &[any, abi3, old, new, too_new]).as_deref(), Some(new));
        assert_eq!(best(&tags, &[any, abi3, old, too_new]).as_deref(), Some(old));
        assert_eq!(best(&tags, &[any, abi3]).as_deref(), Some(abi3));
        let foreign = "a-1-cp311-cp311-manylinux2014_aarch64.whl";
        let musl = "a-1-cp311-cp311-musllinux_1_2_x86_64.whl";
        assert_eq!(best(&tags, &[foreign, musl, too_new]), None);
    }

    #[test]
    fn builds_and_names_decide_between_equals() {
        let tags = Tags::of(DEBIAN_12);
        let [one, two] = ["a-1-1-py3-none-any.whl", "a-1-2-py3-none-any.whl"];
        assert_eq!(best(&tags, &[one, two]).as_deref(), Some(two));
        let [lower, upper] = ["a-1-py3-none-any.whl", "A-1-py3-none-any.whl"];
        assert_eq!(best(&tags, &[lower, upper]), best(&tags, &[upper, lower]));
    }

    #[test]
    fn other_interpreters_take_other_wheels() {
        let free = Tags::of(Interpreter { free_threaded: true, minor: 13, ..DEBIAN_12 });
        assert_eq!(best(&free, &["a-1-cp313-cp313-manylinux2014_x86_64.whl"]), None);
        assert_eq!(best(&free, &["a-1-cp38-abi3-manylinux2014_x86_64.whl"]), None);
        assert!(best(&free, &["a-1-cp313-cp313t-manylinux2014_x86_64.whl"]).is_some());
        let musl = Tags::of(Interpreter { libc: Libc::Musl(2), ..DEBIAN_12 });
        assert!(best(&musl, &["a-1-cp311-cp311-musllinux_1_1_x86_64.whl"]).is_some());
        assert_eq!(best(&musl, &["a-1-cp311-cp311-manylinux1_x86_64.whl"]), None);
        let arm = Tags::of(Interpreter { machine: Machine::Aarch64, ..DEBIAN_12 });
        assert!(best(&arm, &["a-1-cp311-cp311-manylinux2014_aarch64.whl"]).is_some());
        assert_eq!(best(&arm, &["a-1-cp311-cp311-manylinux2010_aarch64.whl"]), None);
    }
}
