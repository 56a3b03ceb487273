//! Why an image could not be put together.

use lightship_base::{Category, Diagnose, Hint};

/// Why an image could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A package's file could not be read, or is not what the package says.
    #[error("cannot read {path} of {package}")]
    Content {
        /// Which file.
        path: String,
        /// Of which package.
        package: String,
        /// Why not.
        source: std::io::Error,
    },
    /// Two packages bring the same name, and not the same thing.
    #[error("{first} and {second} both bring {path}, and they differ")]
    Clash {
        /// The name.
        path: String,
        /// One package.
        first: String,
        /// The other.
        second: String,
    },
    /// A layer could not be written.
    #[error("cannot write the layer `{title}`")]
    Write {
        /// Which layer.
        title: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A name that no archive can hold.
    #[error("cannot write {path} into the layer `{title}`: {reason}")]
    Entry {
        /// Which name.
        path: String,
        /// Into which layer.
        title: String,
        /// Why not.
        reason: String,
    },
    /// The store failed.
    #[error("cannot keep the layer `{title}`")]
    Store {
        /// Which layer.
        title: String,
        /// Why not.
        source: lightship_cas::Error,
    },
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::Content { source, .. } | Self::Write { source, .. } => Category::of_io(source),
            Self::Clash { .. } | Self::Entry { .. } => Category::BadInput,
            Self::Store { source, .. } => source.category(),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Store { source, .. } => source.hints(),
            Self::Clash { .. } => vec![Hint::new(
                "an image cannot have both; drop one of the two from the requirements",
            )],
            Self::Content { .. } | Self::Write { .. } | Self::Entry { .. } => Vec::new(),
        }
    }
}
