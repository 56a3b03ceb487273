//! Debian archives: sources, signatures, indexes, versions, and which packages belong together (*apt*).

pub mod archives;
pub mod contents;
pub mod index;
pub mod keyring;
mod paragraph;
pub mod pins;
pub mod relation;
pub mod release;
pub mod resolve;
pub mod sources;
pub mod update;
pub mod version;

pub use archives::{Archive, ArchiveId, Archives};
pub use contents::{HOLDERS, Holder, Holders, who_has};
pub use index::{Index, IndexBuilder, MultiArch, Package, PackageError, Priority};
pub use keyring::{Keyring, KeyringError, SignatureError, Signed};
pub use pins::Pins;
pub use relation::{Alternative, Constraint, Dependency, Provided, Qualifier, Relation};
pub use release::{Automatic, Release, ReleaseError, ReleaseFile};
pub use resolve::{Chosen, Closure, Problem, Reason, ResolveOptions, Unresolvable, closure};
pub use sources::{Source, SourceError, Sources, Suite, Trust, TrustError};
pub use update::{
    AskedSuite, Mirror, UNPACKED, UpdateError, UpdateOptions, archives, probe_suite, update,
};
pub use version::DebVersion;
