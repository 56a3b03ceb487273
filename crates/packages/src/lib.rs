//! What is installed in an image's filesystem, and what its binaries say about themselves.
//!
//! Nothing here opens a file. Whoever streams the layers of an image
//! 1. asks [`wanted`] what to keep of each regular file, and feeds an [`elf::ElfProbe`] where asked,
//! 2. shows what is visible in the end through a [`Tree`],
//! 3. gets an [`Inventory`] from [`inventory`](inventory()).
//!
//! Every parser takes bytes that nobody vouches for: none panics, loops or grows beyond its input.

pub mod alpine;
pub mod debian;
pub mod elf;
pub mod golang;
mod inventory;
pub mod npm;
pub mod os_release;
mod path;
mod places;
pub mod purl;
pub mod python;
pub mod rust;
#[cfg(test)]
mod testing;
mod tree;
mod wanted;

pub use inventory::{
    Ecosystem, EcosystemTotal, Inventory, InventoryNote, Linked, OwnedFiles, Package, PackageNote,
    SourcePackage, Unowned, UnownedFile, inventory,
};
/// No list of one package manager is read further. All of Debian has some 70,000 packages; a list with
/// more was made to fill our memory.
pub const MOST_PACKAGES: usize = 100_000;

pub use tree::{Entry, EntryKind, FileEntry, Tree};
pub use wanted::{Want, wanted};
