//! Why packages do not make a base.

use std::io;

use lightship_base::{Category, Diagnose, Hint};
use lightship_codec::tar::RootPath;
use lightship_packages::elf::cache::CacheError;

/// Why packages do not make a base.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A package is there in two versions or architectures.
    #[error("the package {name} is in the base twice: {first} and {second}")]
    Twice {
        /// Its name.
        name: String,
        /// One version and architecture.
        first: String,
        /// The other.
        second: String,
    },
    /// A package that was asked for is not among those that were resolved.
    #[error("the package {0} was asked for, but is not among the packages of this base")]
    Missing(String),
    /// There is no Python among the packages.
    #[error("a base with Python was asked for, but no package of it has one")]
    NoPython,
    /// There is another Python than the one asked for.
    #[error("Python {wanted} was asked for, but the base's packages have {found}")]
    OtherPython {
        /// `3.11`.
        wanted: String,
        /// `3.13`.
        found: String,
    },
    /// There is no shell among the packages.
    #[error("a base with a shell was asked for, but no package of it has one")]
    NoShell,
    /// Two packages install different things at one place.
    #[error(
        "the packages {first} and {second} both install {path}, and neither says that it replaces the other"
    )]
    Clash {
        /// One.
        first: String,
        /// The other.
        second: String,
        /// The place.
        path: RootPath,
    },
    /// A library's name cannot be in the loader's cache.
    #[error("cannot make the loader's cache of the base")]
    Cache(#[from] CacheError),
    /// A file of a package cannot be read back.
    #[error("cannot read {path} of the package {package}")]
    Read {
        /// Which package.
        package: String,
        /// Which file.
        path: RootPath,
        /// Why not.
        source: io::Error,
    },
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::Twice { .. }
            | Self::Missing(_)
            | Self::NoPython
            | Self::OtherPython { .. }
            | Self::NoShell
            | Self::Clash { .. } => Category::BadInput,
            Self::Cache(source) => source.category(),
            Self::Read { source, .. } => Category::of_io(source),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Missing(_) | Self::NoPython | Self::NoShell => {
                vec![Hint::new("resolve the packages again with `lightship lock`")]
            }
            Self::OtherPython { .. } => vec![Hint::new(
                "ask for the version that the suite has, or choose a suite that has the one you want",
            )],
            Self::Clash { .. } => vec![Hint::new("ask for only one of the two packages")],
            Self::Cache(source) => source.hints(),
            Self::Twice { .. } | Self::Read { .. } => Vec::new(),
        }
    }
}
