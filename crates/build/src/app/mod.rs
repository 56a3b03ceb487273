//! The layer of the user's own files: what of a project's folder goes into the image, and where to.
//!
//! The result depends on names, permission bits and contents alone: not on times, owners, the order in
//! which a file system lists names, or what is left out. Folders without files are left out, as `git`
//! does it: an image made from a fresh clone is the same.

mod error;
mod file;
mod fingerprint;
mod layout;
mod left_out;
mod revision;
mod rules;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use lightship_base::ByteSize;
use lightship_codec::tar::RootPath;
use lightship_dockerfile::ignore::Patterns;
use lightship_packages::parcel::{Content, Item, ItemKind, Origin, PackageId, Parcel};

pub use error::AppError;
pub use fingerprint::fingerprint;
pub use layout::CopyRule;
pub use left_out::{LeftOut, Rule};
pub use revision::revision;

/// A file of this machine as content, as long as it does not change.
pub(crate) fn content_of(path: PathBuf, metadata: &Metadata) -> Content {
    Content::new(file::ProjectFile::new(path, metadata))
}

/// A file from this size on is worth a word.
pub const LARGE: ByteSize = ByteSize(100_000_000);

/// A file that looks like data is worth a word from this size on.
pub const LARGE_DATA: ByteSize = ByteSize(10_000_000);

/// What to take, and where to.
#[derive(Debug, Clone)]
pub struct AppOptions {
    /// What the parcel is called: the project's name.
    pub name: String,
    /// Where the project's folder goes.
    pub destination: RootPath,
    /// Patterns that get files in whatever else leaves them out, but for `exclude`.
    pub include: Patterns,
    /// Patterns that keep files out.
    pub exclude: Patterns,
    /// What `.dockerignore` says.
    pub ignore: Patterns,
    /// What a Dockerfile copies, in its order. Empty: everything, to `destination`. What `include`
    /// brings back goes below `destination` where no rule says otherwise.
    pub copies: Vec<CopyRule>,
}

impl AppOptions {
    /// The whole folder, to `destination`.
    pub fn to(name: impl Into<String>, destination: RootPath) -> Self {
        Self {
            name: name.into(),
            destination,
            include: Patterns::default(),
            exclude: Patterns::default(),
            ignore: Patterns::default(),
            copies: Vec::new(),
        }
    }
}

/// What of the folder goes into the image.
#[derive(Debug, Clone)]
pub struct Collected {
    /// The files, by their places in the image. They are read when somebody opens them, and reading
    /// fails where a file changed in between.
    pub parcel: Parcel,
    /// How many bytes that is.
    pub size: ByteSize,
    /// What stays out and why, in the order of the rules.
    pub left_out: Vec<LeftOut>,
    /// What somebody should look at.
    pub warnings: Vec<Warning>,
}

/// Something about the project's files that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Warning {
    /// A file that makes every source change expensive, and may be no source at all.
    Large {
        /// Which, from the project's folder.
        path: String,
        /// How large.
        size: ByteSize,
    },
    /// A large file that looks like data.
    Data {
        /// Which, from the project's folder.
        path: String,
        /// How large.
        size: ByteSize,
    },
    /// A secret that stays out: the program may look for it.
    Secret {
        /// Which, from the project's folder.
        path: String,
    },
    /// No file goes into the image.
    Nothing,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Large { path, size } => {
                write!(
                    f,
                    "{path} has {size}: with the source, every change of a line ships it again"
                )
            }
            Self::Data { path, size } => {
                write!(
                    f,
                    "{path} looks like data ({size}): leave it out with [app] exclude, or keep it"
                )
            }
            Self::Secret { path } => {
                write!(
                    f,
                    "{path} stays out because it looks like a secret: give it when the image runs"
                )
            }
            Self::Nothing => write!(f, "no file of the project goes into the image"),
        }
    }
}

/// Looks through a project's folder.
pub fn collect(folder: &Path, options: &AppOptions) -> Result<Collected, AppError> {
    let walked = walk::walk(folder, options)?;
    let mut placed: BTreeMap<RootPath, walk::Found> = BTreeMap::new();
    let mut warnings = walked.warnings;
    for found in walked.found {
        for path in layout::destinations(options, &found)? {
            // A later rule copies over an earlier one; within one rule every file has its own place.
            placed.insert(path, found.clone());
        }
    }
    no_file_is_a_folder(&placed)?;
    if placed.is_empty() {
        warnings.push(Warning::Nothing);
    }
    warnings.sort();
    let mut items = Vec::new();
    if !placed.keys().any(|path| options.destination.starts_with(path)) {
        let kind = ItemKind::Folder { mode: 0o755 };
        items.push(Item { path: options.destination.clone(), kind });
    }
    items.extend(placed.into_iter().map(|(path, found)| Item { path, kind: found.kind }));
    let size = items.iter().map(|item| ByteSize(item.size())).sum();
    let package =
        PackageId { origin: Origin::Project, name: options.name.clone(), version: String::new() };
    let parcel = Parcel { package, items };
    Ok(Collected { parcel, size, left_out: walked.left_out, warnings })
}

/// Copies of a Dockerfile can send one file where another has its folder.
fn no_file_is_a_folder(placed: &BTreeMap<RootPath, walk::Found>) -> Result<(), AppError> {
    let mut paths = placed.keys().peekable();
    while let Some(path) = paths.next() {
        if let Some(next) = paths.peek().filter(|next| next.starts_with(path)) {
            let (file, below) = (path.to_string(), next.to_string());
            return Err(AppError::FileAndFolder { file, below });
        }
    }
    Ok(())
}
