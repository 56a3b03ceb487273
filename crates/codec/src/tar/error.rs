//! What can be wrong with a tar archive, and with an entry that should become part of one.

use std::fmt;
use std::io;

use lightship_base::{Category, Diagnose};

use super::sparse::SparseError;

/// Why an archive cannot be read any further, and where.
#[derive(Debug, thiserror::Error)]
#[error("{kind}, {place}", place = Place(self))]
pub struct TarError {
    /// Bytes of the stream before the header that is at fault; where the stream itself fails or ends,
    /// how many there were.
    pub offset: u64,
    /// The entry it belongs to, escaped for people, as far as its name was known.
    pub path: Option<String>,
    /// What is wrong.
    #[source]
    pub kind: TarErrorKind,
}

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum TarErrorKind {
    /// The stream below failed.
    #[error("the archive cannot be read")]
    Io(#[source] io::Error),
    /// The stream ends too early.
    #[error("the archive ends inside {0}")]
    UnexpectedEnd(Part),
    /// The header's checksum is not that of its bytes: this is no header, perhaps no tar at all.
    #[error("the header's checksum is wrong")]
    BadChecksum,
    /// A block of zeros, followed by one that is not.
    #[error("a single block of zeros stands where the end of the archive needs two")]
    LoneZeroBlock,
    /// A number is not one, or is negative or too large for what it counts.
    #[error("the header's {0} is not a number that it can be")]
    BadNumber(&'static str),
    /// The type flag is none that image tools unpack.
    #[error("the entry's type `{}` is not supported", super::path::display_path(&[*.0]))]
    UnknownType(u8),
    /// A pax record breaks the rules.
    #[error("its pax record `{key}` is invalid: {reason}")]
    BadPax {
        /// The record's key, escaped, or as much of it as could be read.
        key: String,
        /// Which rule.
        reason: &'static str,
    },
    /// A pax header or long name stands at the end with no entry after it.
    #[error("an extension header has no entry after it")]
    DanglingExtension,
    /// Pax records, long names and sparse maps of one entry are larger than allowed.
    #[error("its extension headers have more than {limit} bytes")]
    ExtensionTooLarge {
        /// [`Limits::max_extension_bytes`](super::Limits::max_extension_bytes).
        limit: u64,
    },
    /// A path or link target is longer than allowed.
    #[error("its {field} has {length} bytes, more than {limit}")]
    NameTooLong {
        /// `path` or `link target`.
        field: &'static str,
        /// How long it is.
        length: usize,
        /// [`Limits::max_name_bytes`](super::Limits::max_name_bytes).
        limit: usize,
    },
    /// The archive has more entries than allowed.
    #[error("the archive has more than {limit} entries")]
    TooManyEntries {
        /// [`Limits::max_entries`](super::Limits::max_entries).
        limit: u64,
    },
    /// A sparse file's map makes no sense.
    #[error("its sparse map is invalid: {0}")]
    BadSparse(SparseError),
    /// An earlier error was ignored; there is nothing to continue from.
    #[error("the archive was found broken before")]
    AfterError,
}

/// The part of an archive in which the stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A header block.
    Header,
    /// A pax header, long name or sparse map.
    Extension,
    /// An entry's content.
    Payload,
    /// The zeros that fill the last block of an entry's content.
    Padding,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "a header",
            Self::Extension => "an extension header",
            Self::Payload => "an entry's content",
            Self::Padding => "the padding after an entry's content",
        })
    }
}

/// Renders where an error is.
struct Place<'a>(&'a TarError);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}", self.0.offset)?;
        match &self.0.path {
            Some(path) => write!(f, ", in entry `{path}`"),
            None => Ok(()),
        }
    }
}

impl From<TarError> for io::Error {
    /// The stream's own errors come back as they were; a broken archive is `InvalidData`, or
    /// `UnexpectedEof` if it is too short.
    fn from(error: TarError) -> Self {
        match error.kind {
            TarErrorKind::Io(source) => source,
            TarErrorKind::UnexpectedEnd(_) => Self::new(io::ErrorKind::UnexpectedEof, error),
            _ => Self::new(io::ErrorKind::InvalidData, error),
        }
    }
}

impl Diagnose for TarError {
    fn category(&self) -> Category {
        match &self.kind {
            TarErrorKind::Io(source) => Category::of_io(source),
            _ => Category::BadInput,
        }
    }
}

/// Why an entry could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TarWriteError {
    /// The archive could not be written to.
    #[error("cannot write the archive at entry `{path}`")]
    Write {
        /// The entry, escaped for people.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// The entry's content could not be read.
    #[error("cannot read the content of entry `{path}`")]
    Content {
        /// The entry, escaped for people.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// The content has fewer or more bytes than the entry says. The archive is useless now.
    #[error("the content of entry `{path}` has {} than the {expected} bytes announced", more_or_less(*.longer))]
    Length {
        /// The entry, escaped for people.
        path: String,
        /// [`Entry::size`](super::Entry::size).
        expected: u64,
        /// Whether there was more; otherwise there was less.
        longer: bool,
    },
    /// No tar reader would read the entry back as it is.
    #[error("entry `{path}` cannot be written: {reason}")]
    Unrepresentable {
        /// The entry, escaped for people.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

fn more_or_less(longer: bool) -> &'static str {
    if longer { "more" } else { "fewer" }
}

impl From<TarWriteError> for io::Error {
    fn from(error: TarWriteError) -> Self {
        match error {
            TarWriteError::Write { source, .. } | TarWriteError::Content { source, .. } => source,
            TarWriteError::Length { .. } | TarWriteError::Unrepresentable { .. } => {
                Self::new(io::ErrorKind::InvalidData, error)
            }
        }
    }
}

impl Diagnose for TarWriteError {
    fn category(&self) -> Category {
        match self {
            Self::Write { source, .. } | Self::Content { source, .. } => Category::of_io(source),
            Self::Length { .. } | Self::Unrepresentable { .. } => Category::BadInput,
        }
    }
}
