//! From a lock to a lean image.
//!
//! ```text
//! ground   which suite, which Debian packages      → the lock's `deb` entries
//! builder  the same with a compiler, for sources   → its `build-deb` entries
//! fetch    what a lock names, into the store
//! vendor   a folder with all of it, for machines without a network
//! gather   files → parcels, pruned, in bundles     → `assemble` makes layers of them
//! ```

mod builder;
mod debs;
mod error;
mod fetch;
mod footing;
mod gather;
mod ground;
mod lists;
mod opened;
mod trim;
pub mod vendor;
mod wheels;

pub use builder::{builder, builder_options};
pub use debs::{Debs, REPACKED};
pub use error::Error;
pub use fetch::{Archives, Fetched, IndexFile, fetch, open_ahead};
pub use footing::{Below, Footing};
pub use gather::{FOR_NATIVE_CODE, Gathered, Wishes, gather, gather_onto, without_libraries};
pub use ground::{Apt, Ground, archives, ground, more, who_has};
pub use lists::Lists;
pub use opened::Opened;
pub use trim::{Trimmed, is_driver, lacking, libraries_without_users, machine, trim};
