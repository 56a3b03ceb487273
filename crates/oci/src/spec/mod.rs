//! The JSON documents of OCI and Docker, and nothing else: this is the only module that knows their
//! field names. Unknown fields are kept, so that rewriting a document loses nothing.

mod config;
mod descriptor;
mod manifest;
mod media_type;
mod platform;

pub use config::{Config, HistoryEntry, RootFs, RunConfig};
pub use descriptor::Descriptor;
pub use manifest::{Index, Manifest, ManifestKind};
pub use media_type::{Compression, Flavour, MediaType};
pub use platform::{ParsePlatformError, Platform};

/// Registries must accept manifests of 4 MiB (*OCI distribution-spec 1.1, Pushing Manifests*), and
/// nobody needs more: a larger document is refused before it is parsed.
pub const MAX_MANIFEST_BYTES: u64 = 4 * 1024 * 1024;

/// So many indexes, one in the other, may lead to a manifest. Two are seen in the wild; a fifth is
/// somebody's joke.
pub const MAX_INDEX_DEPTH: usize = 4;

/// Configs hold the whole history and all labels. 8 MiB is what containerd accepts.
pub const MAX_CONFIG_BYTES: u64 = 8 * 1024 * 1024;
