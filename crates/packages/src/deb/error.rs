//! What can be wrong with a `.deb`.

use std::io;
use std::path::PathBuf;

use lightship_base::{ByteSize, Category, Diagnose, Hint};
use lightship_codec::tar::{PathError, RootPath, TarError};

use super::ControlError;

/// Why a package cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the package {}", path.display())]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    #[source]
    pub kind: ErrorKind,
}

/// What is wrong with a package, or with reading it.
#[derive(Debug, thiserror::Error)]
pub enum ErrorKind {
    /// The file cannot be opened.
    #[error("it cannot be opened")]
    Open(#[source] io::Error),
    /// The file cannot be read any further.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// The temporary file for its data cannot be written.
    #[error("its data cannot be unpacked into a temporary file")]
    Scratch(#[source] io::Error),
    /// It does not begin like an `ar` archive.
    #[error("this is no Debian package: it is not an `ar` archive")]
    NotAnArchive,
    /// A member's header makes no sense.
    #[error("the header of one of its members is invalid: {0}")]
    BadHeader(&'static str),
    /// The file is shorter than it says.
    #[error("it ends inside {0}: the file is cut short, or says a wrong size")]
    Truncated(String),
    /// A format that nobody has written yet.
    #[error("its format is version `{0}`; only 2.x is known")]
    Version(String),
    /// A member that is not where it may be, or has a compression that is not known.
    #[error("its member `{name}` stands where {expected} should be")]
    UnexpectedMember {
        /// What it is called.
        name: String,
        /// What would be right.
        expected: &'static str,
    },
    /// Something that every package has is missing.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// Something is there twice: which one counts would depend on the reader.
    #[error("it has more than one `{0}`")]
    Twice(String),
    /// It unpacks to more than an honest package does.
    #[error("`{member}` unpacks to more than {limit}: this is a decompression bomb")]
    TooLarge {
        /// The member, or the file in it.
        member: String,
        /// How much would be fine.
        limit: ByteSize,
    },
    /// A member's compressed stream is broken.
    #[error("its `{member}` cannot be decompressed")]
    Decompress {
        /// The member.
        member: String,
        /// How.
        source: io::Error,
    },
    /// The tar in a member is broken.
    #[error("its `{member}` is broken")]
    Tar {
        /// The member.
        member: String,
        /// How.
        source: TarError,
    },
    /// The control paragraph cannot be used.
    #[error("its control file is invalid")]
    Control(#[from] ControlError),
    /// An entry's path leads out of the root, or cannot be one.
    #[error("it wants to install a file at an impossible place")]
    Path(#[from] PathError),
    /// A device, pipe or socket.
    #[error("it wants to make {path} a {kind}, which no image built here can hold")]
    Special {
        /// Where.
        path: RootPath,
        /// What.
        kind: &'static str,
    },
    /// A hard link to nothing that came before.
    #[error("{path} is a hard link to `{target}`, which is no file that came before it")]
    HardLink {
        /// The link.
        path: RootPath,
        /// Where it points, escaped for people.
        target: String,
    },
    /// A link that cannot be one.
    #[error("the link {0} has an impossible target")]
    LinkTarget(RootPath),
    /// A sparse file, which dpkg does not know either.
    #[error("{0} is a sparse file, which packages cannot have")]
    Sparse(RootPath),
    /// More folders within one another than any real package has.
    #[error("the path {0} has too many folders")]
    TooDeep(RootPath),
    /// Two entries for one path.
    #[error("{0} is in it twice")]
    Clash(RootPath),
    /// An entry below something that is no folder: unpacking it would follow a link.
    #[error("{path} lies below {above}, which is no folder")]
    Below {
        /// The entry.
        path: RootPath,
        /// What it lies below.
        above: RootPath,
    },
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match &self.kind {
            ErrorKind::Open(source) | ErrorKind::Read(source) => Category::of_io(source),
            ErrorKind::Scratch(_) => Category::Machine,
            ErrorKind::Tar { source, .. } => source.category(),
            ErrorKind::NotAnArchive
            | ErrorKind::BadHeader(_)
            | ErrorKind::Truncated(_)
            | ErrorKind::Version(_)
            | ErrorKind::UnexpectedMember { .. }
            | ErrorKind::Missing(_)
            | ErrorKind::Twice(_)
            | ErrorKind::TooLarge { .. }
            | ErrorKind::TooDeep(_)
            | ErrorKind::Decompress { .. }
            | ErrorKind::Control(_)
            | ErrorKind::Path(_)
            | ErrorKind::Special { .. }
            | ErrorKind::HardLink { .. }
            | ErrorKind::LinkTarget(_)
            | ErrorKind::Sparse(_)
            | ErrorKind::Clash(_)
            | ErrorKind::Below { .. } => Category::BadInput,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match &self.kind {
            ErrorKind::Scratch(_) => {
                vec![Hint::new("make room on the disk that holds temporary files")]
            }
            ErrorKind::NotAnArchive | ErrorKind::Truncated(_) => {
                vec![Hint::new("fetch the package again")]
            }
            ErrorKind::Open(_)
            | ErrorKind::Read(_)
            | ErrorKind::BadHeader(_)
            | ErrorKind::Version(_)
            | ErrorKind::UnexpectedMember { .. }
            | ErrorKind::Missing(_)
            | ErrorKind::Twice(_)
            | ErrorKind::TooLarge { .. }
            | ErrorKind::TooDeep(_)
            | ErrorKind::Decompress { .. }
            | ErrorKind::Tar { .. }
            | ErrorKind::Control(_)
            | ErrorKind::Path(_)
            | ErrorKind::Special { .. }
            | ErrorKind::HardLink { .. }
            | ErrorKind::LinkTarget(_)
            | ErrorKind::Sparse(_)
            | ErrorKind::Clash(_)
            | ErrorKind::Below { .. } => Vec::new(),
        }
    }
}
