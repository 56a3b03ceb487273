//! Why a lean image could not be made.

use lightship_base::{Category, Diagnose, Hint};
use lightship_packages::{apt, deb, fetch, wheel};

use super::vendor::VendorError;
use crate::native::Missing;
use crate::{assemble, base, foreign, interpreter, prune};

/// Why a lean image could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody says where the distribution's packages are.
    #[error("no archive of a distribution is configured on this machine")]
    NoArchive,
    /// The mirrors have no such suite.
    #[error("none of the configured archives has the suite `{suite}`")]
    NoSuchSuite {
        /// Which.
        suite: String,
    },
    /// No suite of the mirrors has this Python. Another one is never taken instead.
    #[error("Python {wanted} is in no suite of the configured archives: {}", offers.join("; "))]
    NoSuchPython {
        /// `3.12`.
        wanted: String,
        /// What is there: "bookworm has 3.11".
        offers: Vec<String>,
    },
    /// An archive's lists.
    #[error(transparent)]
    Update(#[from] apt::UpdateError),
    /// What was asked for cannot be had together.
    #[error(transparent)]
    Unresolvable(#[from] apt::Unresolvable),
    /// A package's entry in its list.
    #[error(transparent)]
    Package(#[from] apt::PackageError),
    /// A file could not be fetched.
    #[error(transparent)]
    Fetch(#[from] fetch::Error),
    /// A Debian package is not what it should be.
    #[error(transparent)]
    Deb(#[from] deb::Error),
    /// An archive's interpreter cannot be used.
    #[error(transparent)]
    Interpreter(#[from] interpreter::Error),
    /// Nothing can be built on an image.
    #[error(transparent)]
    Foreign(Box<foreign::Error>),
    /// A base could not be made.
    #[error(transparent)]
    Base(#[from] base::Error),
    /// A wheel is not what it should be.
    #[error(transparent)]
    Wheel(#[from] wheel::Error),
    /// Layers could not be made.
    #[error(transparent)]
    Assemble(#[from] assemble::Error),
    /// A package's file could not be read to see what it is for.
    #[error(transparent)]
    Prune(#[from] prune::PruneError),
    /// Native code asks for libraries that nothing in the image and no package of the distribution has.
    #[error("native code needs libraries that are nowhere: {}", list(missing))]
    Missing {
        /// Which, and what needs them.
        missing: Vec<Missing>,
    },
    /// Native code asks for libraries that the image below does not have.
    #[error("native code needs libraries that {image} does not have: {}", list(missing))]
    MissingInImage {
        /// The image as the user calls it.
        image: String,
        /// Which, and what needs them.
        missing: Vec<Missing>,
    },
    /// Nobody says which index to ask.
    #[error("cannot tell which Python index to ask: {reason}")]
    NoIndex {
        /// Why not.
        reason: String,
    },
    /// A wheel that has to be built from source is not there.
    #[error("{name} comes as source, and was not built")]
    NotBuilt {
        /// Which distribution.
        name: String,
    },
    /// A file of a Python index could not be had.
    #[error(transparent)]
    Index(#[from] lightship_packages::index::Error),
    /// A folder of packages cannot be made or used.
    #[error(transparent)]
    Vendor(#[from] VendorError),
    /// The lock names wheels but no Python to run them.
    #[error("the lock has Python packages, but the base has no Python")]
    NoPython,
    /// A source needs a compiler, and the lock has none.
    #[error("a source of the lock needs a compiler, and the lock does not say which")]
    NoBuilder,
    /// The lock has a file whose name says nothing.
    #[error("the lock has the wheel `{file}`, which is no name of a wheel")]
    WheelName {
        /// The name.
        file: String,
    },
}

impl From<foreign::Error> for Error {
    fn from(error: foreign::Error) -> Self {
        Self::Foreign(Box::new(error))
    }
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::NoArchive
            | Self::NoIndex { .. }
            | Self::NoSuchSuite { .. }
            | Self::NoSuchPython { .. } => Category::Usage,
            Self::Update(error) => error.category(),
            Self::Unresolvable(error) => error.category(),
            Self::Package(error) => error.category(),
            Self::Fetch(error) => error.category(),
            Self::Deb(error) => error.category(),
            Self::Interpreter(error) => error.category(),
            Self::Foreign(error) => error.category(),
            Self::Base(error) => error.category(),
            Self::Wheel(error) => error.category(),
            Self::Index(error) => error.category(),
            Self::Vendor(error) => error.category(),
            Self::Prune(error) => error.category(),
            Self::Assemble(error) => error.category(),
            Self::NoPython
            | Self::NoBuilder
            | Self::NotBuilt { .. }
            | Self::WheelName { .. }
            | Self::Missing { .. }
            | Self::MissingInImage { .. } => Category::BadInput,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::NoArchive => vec![Hint::new(
                "put a `sources.list` or `*.sources` file and its keys into a folder, and name it with LIGHTSHIP_APT; on Debian and Ubuntu /etc/apt is read",
            )],
            Self::NoSuchSuite { .. } => vec![Hint::new("mend `suite` under `[base]`")],
            Self::NoSuchPython { wanted, .. } => vec![
                Hint::new("ask for one of these, or take it from elsewhere:"),
                Hint::new(format!(
                    "an archive of python-build-standalone: `interpreter = \"cpython-{wanted}….tar.gz\"` under `[base]`, a path or an address, with its digest as `sha256`"
                )),
                Hint::new(format!("an image: `image = \"…/python:{wanted}\"` under `[base]`")),
            ],
            Self::Update(error) => error.hints(),
            Self::Unresolvable(error) => error.hints(),
            Self::Package(error) => error.hints(),
            Self::Fetch(error) => error.hints(),
            Self::Deb(error) => error.hints(),
            Self::Interpreter(error) => error.hints(),
            Self::Foreign(error) => error.hints(),
            Self::Base(error) => error.hints(),
            Self::Wheel(error) => error.hints(),
            Self::Index(error) => error.hints(),
            Self::Vendor(error) => error.hints(),
            Self::Prune(error) => error.hints(),
            Self::Missing { .. } => vec![Hint::new(
                "lock again (`lightship lock`), or name the package that has it under `[base] packages`",
            )],
            Self::MissingInImage { .. } => vec![Hint::new(
                "nothing of a distribution is added to an image: take one that has them, or leave `image` under `[base]` out",
            )],
            Self::Assemble(error) => error.hints(),
            Self::NoIndex { .. } => {
                vec![Hint::new("set PIP_INDEX_URL or UV_DEFAULT_INDEX, or configure pip or uv")]
            }
            Self::NoPython | Self::NoBuilder | Self::NotBuilt { .. } => {
                vec![Hint::new("lock again: `lightship lock`")]
            }
            Self::WheelName { .. } => {
                vec![Hint::new("mend the lock, or lock again: `lightship lock`")]
            }
        }
    }
}

/// The first few, each with what needs it.
fn list(missing: &[Missing]) -> String {
    let some = missing.iter().take(5).map(|missing| {
        format!("{} (for {} of {})", missing.library, missing.file, missing.package.name)
    });
    let more = missing.len().saturating_sub(5);
    let more = (more > 0).then(|| format!("and {more} more"));
    some.chain(more).collect::<Vec<_>>().join(", ")
}
