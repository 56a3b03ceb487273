//! Why a wheel is not used.

use std::io;

use lightship_base::{Category, Diagnose, Hint};

/// Why a wheel is not used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file name is not a wheel's.
    #[error("`{name}` is no file name of a wheel: {reason}")]
    Name {
        /// The file name, fit to be shown.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The file cannot be read or written.
    #[error("cannot {attempt} wheel {wheel}")]
    Io {
        /// `read`, `write`.
        attempt: &'static str,
        /// Its file name.
        wheel: String,
        /// Why not.
        source: io::Error,
    },
    /// Its content is not what a wheel's may be.
    #[error("wheel {wheel} is refused: {flaw}")]
    Refused {
        /// Its file name.
        wheel: String,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// The folders to install into are not fit for use.
    #[error("cannot install wheel {wheel}: `{interpreter}` cannot stand in a script's first line")]
    Interpreter {
        /// The wheel's file name.
        wheel: String,
        /// The interpreter's path.
        interpreter: String,
    },
}

/// What is wrong with a wheel's content. Names of members are fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Not a zip archive, or a damaged one.
    #[error("it is no sound zip archive ({0})")]
    Zip(String),
    /// More members than any wheel has.
    #[error("it has more than {0} members")]
    TooManyMembers(usize),
    /// It would unpack to far more than it holds.
    #[error("its {packed} bytes unpack to {unpacked}: this is a decompression bomb")]
    Bomb {
        /// Bytes of the file.
        packed: u64,
        /// Bytes of its members together, as it claims.
        unpacked: u64,
    },
    /// A name that climbs, starts at the root, or means something else on another system.
    #[error("member `{member}` has {reason}")]
    UnsafeName {
        /// The member.
        member: String,
        /// What about its name.
        reason: &'static str,
    },
    /// One name, twice.
    #[error("member `{0}` occurs twice")]
    Duplicate(String),
    /// A member is a file and a folder at once.
    #[error("`{0}` is a file, and other members lie below it")]
    FileAndFolder(String),
    /// A link, a device, or anything else that is neither file nor folder.
    #[error("member `{0}` is neither file nor folder")]
    Special(String),
    /// It is encrypted.
    #[error("member `{0}` is encrypted")]
    Encrypted(String),
    /// Neither stored nor deflated.
    #[error("member `{0}` is compressed by a method that wheels do not use")]
    Method(String),
    /// What stands before a member contradicts the archive's directory.
    #[error("the archive contradicts itself about member `{0}`")]
    Contradiction(String),
    /// The one folder that describes the distribution is missing, or there are several.
    #[error("it has {0} `.dist-info` folders at its top instead of one")]
    DistInfo(usize),
    /// A folder names another distribution than the file does.
    #[error("folder `{0}` belongs to another distribution")]
    ForeignFolder(String),
    /// A file that every wheel has is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A describing file cannot be read.
    #[error("`{file}` is not readable: {reason}")]
    Unreadable {
        /// Which.
        file: &'static str,
        /// Why not.
        reason: String,
    },
    /// A format from the future.
    #[error("it is of wheel format {0}; only 1 is known")]
    Format(String),
    /// METADATA names another distribution or version than the file name.
    #[error("its METADATA says `{said}` where its file name says `{expected}`")]
    OtherMetadata {
        /// What METADATA says.
        said: String,
        /// What the file name says.
        expected: String,
    },
    /// A file that RECORD does not list.
    #[error("member `{0}` is not in RECORD")]
    Unrecorded(String),
    /// A row without its file.
    #[error("RECORD lists `{0}`, which is not there")]
    RecordedOnly(String),
    /// A row without a digest that can be checked.
    #[error("RECORD has no SHA-256 of `{0}`")]
    NoDigest(String),
    /// A digest of a kind that is not checked here, though the specification allows some.
    #[error("RECORD has a digest of `{member}` by {kind}, and only SHA-256 is checked")]
    OtherDigest {
        /// The member.
        member: String,
        /// The algorithm: `sha512`.
        kind: String,
    },
    /// The size in RECORD is not the member's.
    #[error("RECORD has another size for `{0}` than the archive")]
    OtherSize(String),
    /// A program that would not be one.
    #[error("entry point `{0}` is no program")]
    EntryPoint(String),
    /// A part of the data folder for which there is no place.
    #[error("`{0}` belongs to no known installation folder")]
    UnknownScheme(String),
    /// A part of the data folder that would describe a distribution.
    #[error("`{0}` would lie in a folder that describes a distribution")]
    Describes(String),
    /// Two of its files would be installed under one name.
    #[error("two of its files would become `{0}`")]
    Collision(String),
    /// A file would replace the interpreter's.
    #[error("`{0}` would lie among the interpreter's own files")]
    Interpreter(String),
    /// Too large to be written again in the old zip format.
    #[error("it holds more than 4 GiB")]
    TooLarge,
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::Name { .. } | Self::Refused { .. } | Self::Interpreter { .. } => {
                Category::BadInput
            }
            Self::Io { source, .. } => Category::of_io(source),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Refused { .. } => vec![Hint::new(
                "tell the distribution's authors, and lock another version of it meanwhile",
            )],
            Self::Interpreter { .. } => {
                vec![Hint::new("give the interpreter a path without white space, below 120 bytes")]
            }
            Self::Name { .. } | Self::Io { .. } => Vec::new(),
        }
    }
}
