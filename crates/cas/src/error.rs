//! Everything that can go wrong in a store.

use std::io;
use std::path::{Path, PathBuf};

use lightship_base::{Category, Diagnose, Digest, Hint};
use rustix::io::Errno;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted: `open`, `write`, `rename`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something else than a folder is where the store should be.
    #[error("the store cannot be at {}: that is not a folder", root.display())]
    NotAFolder {
        /// Where it should be.
        root: PathBuf,
    },
    /// A folder that holds strange things would be made a store.
    #[error("{} is not a store: it holds `{entry}`, and no store does", root.display())]
    NotAStore {
        /// Where the store should be.
        root: PathBuf,
        /// The first strange entry.
        entry: String,
    },
    /// A later version of this program made the store.
    #[error("the store {} has format {found}; only formats up to {supported} are known here", root.display())]
    NewerFormat {
        /// Which store.
        root: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format known here.
        supported: u32,
    },
    /// The format's number is no number.
    #[error("{} should hold the format's number, but holds `{text}`", path.display())]
    UnreadableFormat {
        /// The file.
        path: PathBuf,
        /// How it begins.
        text: String,
    },
    /// There is no such blob.
    #[error("blob {digest} is not in the store {}", root.display())]
    NoSuchBlob {
        /// Which blob.
        digest: Digest,
        /// Which store.
        root: PathBuf,
    },
    /// A blob's bytes are not those that were once stored.
    #[error("blob {digest} is corrupt: {reason} ({})", path.display())]
    CorruptBlob {
        /// Which blob.
        digest: Digest,
        /// Its file.
        path: PathBuf,
        /// How it shows.
        reason: String,
    },
    /// A blob is larger than its reader accepts.
    #[error("blob {digest} has {size} bytes; at most {limit} are accepted here")]
    TooLarge {
        /// Which blob.
        digest: Digest,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// What was written is not what was announced. Nothing was stored.
    #[error("the bytes should have digest {expected} but have {actual}")]
    DigestMismatch {
        /// The digest announced.
        expected: Digest,
        /// The digest of the bytes.
        actual: Digest,
    },
    /// More or fewer bytes were written than announced. Nothing was stored.
    #[error("there should be {expected} bytes but there are {actual}")]
    SizeMismatch {
        /// Bytes announced.
        expected: u64,
        /// Bytes written.
        actual: u64,
    },
    /// A ref needs a name.
    #[error("a name in the store cannot be empty")]
    EmptyRefName,
    /// A name does not fit into a file name.
    #[error(
        "the name `{name}` is too long: it takes {bytes} bytes as a file name, and at most {limit} are possible"
    )]
    RefNameTooLong {
        /// How it begins.
        name: String,
        /// Bytes it would take, escaped.
        bytes: usize,
        /// Bytes a file name may have.
        limit: usize,
    },
    /// A ref cannot be understood, so nobody knows what it keeps alive.
    #[error("the entry {} is damaged: {reason}", path.display())]
    CorruptRef {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A ref would name a blob that is not there.
    #[error("`{name}` cannot be set: blob {digest} is not in the store")]
    MissingRoot {
        /// Which name.
        name: String,
        /// Which blob.
        digest: Digest,
    },
    /// A live lease cannot be understood, so nobody knows what it protects.
    #[error("the lease {} is damaged, so nothing can be collected while its process runs", path.display())]
    CorruptLease {
        /// Its file.
        path: PathBuf,
    },
}

impl Error {
    /// An operating-system error on a path, ready for `map_err`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// Passes through a `Read` or `Write` with its path and hints; [`Error::from_io`] takes it out.
    pub(crate) fn into_io(self) -> io::Error {
        let kind = match &self {
            Self::Io { source, .. } => source.kind(),
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, self)
    }
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            // A store is the machine's affair, also where a file of it is missing.
            Self::Io { .. }
            | Self::NotAFolder { .. }
            | Self::NotAStore { .. }
            | Self::NewerFormat { .. }
            | Self::UnreadableFormat { .. }
            | Self::CorruptBlob { .. }
            | Self::CorruptRef { .. }
            | Self::MissingRoot { .. }
            | Self::CorruptLease { .. } => Category::Machine,
            Self::NoSuchBlob { .. }
            | Self::TooLarge { .. }
            | Self::DigestMismatch { .. }
            | Self::SizeMismatch { .. } => Category::BadInput,
            Self::EmptyRefName | Self::RefNameTooLong { .. } => Category::Usage,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        let hint = |text: &str| vec![Hint::new(text)];
        match self {
            Self::Io { path, source, .. } => io_hints(path, source),
            Self::NotAFolder { .. } | Self::NotAStore { .. } => {
                hint("name another folder with `LIGHTSHIP_HOME`")
            }
            Self::NewerFormat { .. } => hint(
                "use the newer version of Lightship that made this store, or another folder with `LIGHTSHIP_HOME`",
            ),
            Self::UnreadableFormat { .. } => hint(
                "put the file back from a backup, or move the folder away and let a new store be made",
            ),
            Self::CorruptBlob { .. } | Self::NoSuchBlob { .. } | Self::MissingRoot { .. } => {
                hint("run `lightship store verify` to find everything that is damaged or missing")
            }
            Self::CorruptRef { .. } => hint("delete that file, then pull or build the image again"),
            Self::RefNameTooLong { .. } => hint("choose a shorter name"),
            Self::TooLarge { .. }
            | Self::DigestMismatch { .. }
            | Self::SizeMismatch { .. }
            | Self::EmptyRefName
            | Self::CorruptLease { .. } => Vec::new(),
        }
    }
}

/// What to do about the refusals that people really meet.
fn io_hints(path: &Path, source: &io::Error) -> Vec<Hint> {
    let place = path.display();
    let text = match source.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOSPC | Errno::DQUOT) => {
            return vec![
                Hint::new("free what no image needs with `lightship store gc`"),
                Hint::new("or move the store to a larger disk and name it with `LIGHTSHIP_HOME`"),
            ];
        }
        Some(Errno::ACCESS | Errno::PERM) => format!(
            "check who owns {place} and its folder, or name a folder of your own with `LIGHTSHIP_HOME`"
        ),
        Some(Errno::ROFS) => {
            format!(
                "{place} is on a read-only file system; name another folder with `LIGHTSHIP_HOME`"
            )
        }
        Some(Errno::NAMETOOLONG) => {
            "name a folder with a shorter path with `LIGHTSHIP_HOME`".to_owned()
        }
        Some(Errno::MFILE | Errno::NFILE) => "allow more open files (`ulimit -n`)".to_owned(),
        _ => return Vec::new(),
    };
    vec![Hint::new(text)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_machine_refuses_names_path_action_and_way_out() {
        let cases = [
            (Errno::NOSPC, "store gc"),
            (Errno::DQUOT, "store gc"),
            (Errno::ACCESS, "who owns"),
            (Errno::ROFS, "read-only"),
            (Errno::NAMETOOLONG, "shorter"),
            (Errno::MFILE, "ulimit"),
        ];
        for (errno, words) in cases {
            let error = Error::io("write", Path::new("/s/tmp/1-0.0"))(errno.into());
            assert_eq!(error.to_string(), "cannot write /s/tmp/1-0.0");
            assert_eq!(error.category(), Category::Machine);
            let hints = error.hints();
            assert!(hints[0].to_string().contains(words), "{errno}: {hints:?}");
        }
    }
}
