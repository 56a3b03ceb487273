//! Why nothing can be built on an image.

use lightship_base::{Category, Diagnose, Hint};

use crate::resolve;

/// Why nothing can be built on an image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It has none.
    #[error(
        "{image} has no Python: neither python3 nor python is in a folder of its PATH ({path})"
    )]
    NoPython {
        /// The image as the user calls it.
        image: String,
        /// Its search path.
        path: String,
    },
    /// Its Python does not answer, or is one that no packages are chosen for.
    #[error("cannot use the Python of {image}")]
    Python {
        /// The image.
        image: String,
        /// Why not.
        source: Box<resolve::Error>,
    },
    /// Its Python answers something else than what it was asked.
    #[error("cannot use the Python of {image}: {reason}")]
    Answer {
        /// The image.
        image: String,
        /// What is wrong.
        reason: String,
    },
    /// A distribution is there in another version, and nothing says which files are its.
    #[error(
        "{image} has {name} {found} in {place}, and the lock {name} {wanted}: without a RECORD nobody knows which files to replace"
    )]
    NoRecord {
        /// The image.
        image: String,
        /// Which distribution.
        name: String,
        /// The version that is there.
        found: String,
        /// The version that is locked.
        wanted: String,
        /// Where it is.
        place: String,
    },
    /// A distribution is there in another version, where Python looks first.
    #[error(
        "{image} has {name} {found} in {place}, where its Python looks before it sees {name} {wanted} of the lock"
    )]
    Shadows {
        /// The image.
        image: String,
        /// Which distribution.
        name: String,
        /// The version that is there.
        found: String,
        /// The version that is locked.
        wanted: String,
        /// Where it is.
        place: String,
    },
    /// A package's file would be written through a link of the image.
    #[error("{path} of {package} cannot be laid onto {image}: {link} is no folder there")]
    Through {
        /// The image.
        image: String,
        /// Which package.
        package: String,
        /// Its file.
        path: String,
        /// What is in the way.
        link: String,
    },
    /// More layers than runtimes bear.
    #[error("{image} has {layers} layers, which leaves no room for ours: runtimes bear {most}")]
    TooManyLayers {
        /// The image.
        image: String,
        /// How many it has.
        layers: usize,
        /// How many there may be.
        most: usize,
    },
    /// It could not be read.
    #[error(transparent)]
    Oci(#[from] lightship_oci::Error),
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::NoPython { .. }
            | Self::Answer { .. }
            | Self::NoRecord { .. }
            | Self::Shadows { .. }
            | Self::Through { .. }
            | Self::TooManyLayers { .. } => Category::BadInput,
            Self::Python { source, .. } => source.category(),
            Self::Oci(error) => error.category(),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::NoPython { .. } => vec![Hint::new(
                "name an image that has one, or leave `image` under `[base]` out: then Python comes from the distribution's packages",
            )],
            Self::Python { source, .. } => source.hints(),
            Self::NoRecord { name, .. } | Self::Shadows { name, .. } => vec![Hint::new(format!(
                "require the version of {name} that the image has, or take an image without it"
            ))],
            Self::TooManyLayers { .. } => {
                vec![Hint::new("`lightship image squash` makes one with fewer")]
            }
            Self::Answer { .. } | Self::Through { .. } => Vec::new(),
            Self::Oci(error) => error.hints(),
        }
    }
}
