//! The shape of an inventory: what was found, whose every byte is, what is nobody's.

use std::fmt;

use lightship_base::ByteSize;
use serde::{Serialize, Serializer};

use crate::os_release::OsRelease;

/// Who packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ecosystem {
    /// Debian packages.
    Deb,
    /// Alpine packages.
    Apk,
    /// Python distributions.
    PyPi,
    /// npm packages.
    Npm,
    /// Binaries that Go built.
    Go,
    /// Binaries that Rust built.
    Cargo,
}

impl Ecosystem {
    /// All of them, in the order of the declaration.
    pub const ALL: [Self; 6] = [Self::Deb, Self::Apk, Self::PyPi, Self::Npm, Self::Go, Self::Cargo];
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Deb => "deb",
            Self::Apk => "apk",
            Self::PyPi => "pypi",
            Self::Npm => "npm",
            Self::Go => "go",
            Self::Cargo => "cargo",
        })
    }
}

/// What is installed in an image.
///
/// Within one ecosystem every byte counts for at most one package. Between ecosystems it may count
/// twice: Debian's `python3-yaml` is a Debian package and a Python distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// The distribution, where the image says which.
    pub os: Option<OsRelease>,
    /// Largest first; those of equal size by ecosystem, name, version and evidence.
    pub packages: Vec<Package>,
    /// Sums, in the order of [`Ecosystem::ALL`], without those that have no package.
    pub ecosystems: Vec<EcosystemTotal>,
    /// The files that no package of any ecosystem owns.
    pub unowned: Unowned,
    /// What was met on the way and is not about one package.
    pub notes: Vec<InventoryNote>,
}

/// One installed package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Package {
    /// Who packaged it.
    pub ecosystem: Ecosystem,
    /// Its name; of Python distributions the normalised one; of a binary whose build says no name, its
    /// file name.
    pub name: String,
    /// Its version, where there is one.
    pub version: Option<String>,
    /// Content of the visible files that it owns; content with several names counts once.
    pub bytes: ByteSize,
    /// Names of visible regular files that it owns.
    pub file_count: u64,
    /// The layer that brought it, the lowest being 0: the one that wrote its metadata. Of Alpine
    /// packages, whose metadata share one file, the layer that wrote most of its bytes.
    pub layer: Option<usize>,
    /// The file that says it is installed.
    pub evidence: String,
    /// Its package URL, where one can be said.
    pub purl: Option<String>,
    /// What it was built from, where that has another name or version: what advisories name.
    pub source: Option<SourcePackage>,
    /// Modules and crates linked into a binary; their bytes are among its own.
    pub linked: Vec<Linked>,
    /// Paths of the files it owns, ascending, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// What is special about it.
    pub notes: Vec<PackageNote>,
}

/// A source package of Debian, or the origin of an Alpine package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourcePackage {
    /// Its name.
    pub name: String,
    /// Its version, where it differs from the package's or is known to be the same.
    pub version: Option<String>,
}

/// Something that was linked into a binary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Linked {
    /// Module or crate.
    pub name: String,
    /// Its version, where there is one.
    pub version: Option<String>,
    /// Its package URL.
    pub purl: String,
}

/// What is special about a package. Serialises as its sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageNote {
    /// The state of the package manager's record.
    HalfInstalled,
    /// Its code is used where it lies, outside of the distribution.
    Editable {
        /// Where.
        url: String,
    },
    /// It came from an address, not from an index.
    DirectUrl {
        /// Which, without credentials.
        url: String,
        /// The commit, if it came from version control.
        commit: Option<String>,
    },
    /// It is part of another distribution, which owns its files.
    VendoredIn {
        /// Which.
        name: String,
    },
    /// It does not list its files, so they were found by the names of its modules.
    FilesByModuleName,
    /// Its list of files is longer than what is kept of it.
    FileListCut,
    /// An interrupted run of pip left it behind.
    PipLeftover,
    /// What its compiler wrote.
    Compiler {
        /// As written: `go1.21.5`, `rustc version 1.82.0 (…)`.
        version: String,
    },
    /// Nothing says which modules or crates are in it.
    NoDependencyList,
    /// Its list of modules or crates could not be read.
    DependencyListUnread {
        /// Why not.
        reason: String,
    },
}

/// Sums over one ecosystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EcosystemTotal {
    /// Which.
    pub ecosystem: Ecosystem,
    /// How many packages.
    pub packages: u64,
    /// Content that they own.
    pub bytes: ByteSize,
    /// Names of files that they own.
    pub file_count: u64,
}

/// What no package owns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Unowned {
    /// Content, each once.
    pub bytes: ByteSize,
    /// Names of files.
    pub file_count: u64,
    /// The largest of them, largest first; at most [`Unowned::LISTED`].
    pub largest: Vec<UnownedFile>,
}

impl Unowned {
    /// How many of the largest files are listed.
    pub const LISTED: usize = 20;
}

/// A file that no package owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnownedFile {
    /// Where it is.
    pub path: String,
    /// Its content.
    pub bytes: ByteSize,
}

/// Something about the whole image. Serialises as its sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InventoryNote {
    /// There is an RPM database, which is not read.
    RpmNotRead {
        /// Its path.
        path: String,
    },
    /// Packages have no package URLs, as nothing says which distribution this is.
    UnknownDistribution,
    /// A file with metadata is larger than what is kept of it.
    MetadataCut {
        /// Its path.
        path: String,
    },
    /// A file with metadata could not be read.
    MetadataUnread {
        /// Its path.
        path: String,
        /// Why not.
        reason: String,
    },
}

impl fmt::Display for PackageNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HalfInstalled => f.write_str("only partly installed"),
            Self::Editable { url } => write!(f, "editable: its code is used from {url}"),
            Self::DirectUrl { url, commit: Some(commit) } => {
                write!(f, "installed from {url} at {commit}")
            }
            Self::DirectUrl { url, commit: None } => write!(f, "installed from {url}"),
            Self::VendoredIn { name } => write!(f, "part of {name}, which owns its files"),
            Self::FilesByModuleName => {
                f.write_str("does not list its files: they were found by the names of its modules")
            }
            Self::FileListCut => f.write_str("its list of files is too long to be read in full"),
            Self::PipLeftover => f.write_str("left behind by an interrupted run of pip"),
            Self::Compiler { version } => write!(f, "built with {version}"),
            Self::NoDependencyList => f.write_str("does not say what was linked into it"),
            Self::DependencyListUnread { reason } => {
                write!(f, "the list of what was linked into it could not be read: {reason}")
            }
        }
    }
}

impl fmt::Display for InventoryNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RpmNotRead { path } => {
                write!(f, "the RPM database {path} is not read: its packages are not listed")
            }
            Self::UnknownDistribution => f.write_str(
                "there is no etc/os-release: packages of the distribution have no package URL",
            ),
            Self::MetadataCut { path } => write!(f, "{path} is too large to be read in full"),
            Self::MetadataUnread { path, reason } => write!(f, "cannot read {path}: {reason}"),
        }
    }
}

impl Serialize for PackageNote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for InventoryNote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
