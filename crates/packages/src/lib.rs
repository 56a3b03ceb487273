//! What is installed in an image's filesystem, and what its binaries say about themselves.
//!
//! Nothing here opens a file. Whoever streams the layers of an image
//! 1. asks [`wanted`] what to keep of each regular file, and feeds an [`elf::ElfProbe`] where asked,
//! 2. shows what is visible in the end through a [`Tree`],
//! 3. gets an [`Inventory`] from [`inventory`](inventory()).
//!
//! The other half is what images are made of: [`apt`] and [`deb`], [`wheel`] and [`index`], the
//! [`parcel`]s that they become, and the [`lock`] that names them all.
//!
//! Every parser takes bytes that nobody vouches for: none panics, loops or grows beyond its input.

pub mod alpine;
pub mod apt;
pub mod deb;
pub mod debian;
pub mod elf;
pub mod fetch;
pub mod golang;
pub mod index;
mod inventory;
pub mod lock;
pub mod npm;
pub mod os_release;
pub mod parcel;
mod path;
mod places;
pub mod purl;
pub mod pylock;
pub mod python;
pub mod rust;
#[cfg(test)]
mod testing;
mod tree;
mod wanted;
pub mod wheel;

pub use inventory::{
    Ecosystem, EcosystemTotal, Inventory, InventoryNote, Linked, OwnedFiles, Package, PackageNote,
    SourcePackage, Unowned, UnownedFile, inventory,
};
/// No list of one package manager is read further. All of Debian has some 70,000 packages; a list with
/// more was made to fill our memory.
pub const MOST_PACKAGES: usize = 100_000;

pub use tree::{Entry, EntryKind, FileEntry, Tree};
pub use wanted::{Want, wanted};
