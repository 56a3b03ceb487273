//! From a filesystem to what is installed in it: find the records, read them, let packages claim
//! files, count.

mod account;
mod binaries;
mod builder;
mod claims;
mod distributions;
mod linux;
mod model;
mod node;

use builder::Builder;
pub use model::{
    Ecosystem, EcosystemTotal, Inventory, InventoryNote, Linked, Package, PackageNote,
    SourcePackage, Unowned, UnownedFile,
};

use crate::places::{Place, place};
use crate::{EntryKind, Tree, path};

/// Whether packages come with the paths of their files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnedFiles {
    /// Counted only.
    Count,
    /// Listed, which for an image of 150,000 files takes some 20 MB.
    List,
}

/// What is installed in a filesystem, largest first.
pub fn inventory(tree: &dyn Tree, files: OwnedFiles) -> Inventory {
    let found = survey(tree);
    let mut builder = Builder::new(tree);
    for path in &found.rpm {
        let path = path::display(path);
        builder.notes.push(InventoryNote::RpmNotRead { path });
    }
    linux::read_debian(&mut builder, &found);
    linux::read_alpine(&mut builder);
    distributions::read(&mut builder, &found);
    node::read(&mut builder, &found);
    binaries::read(&mut builder, &found);
    account::count(builder, files)
}

/// Paths of the records found, each list ascending.
#[derive(Debug, Default)]
struct Found {
    status_folder: Vec<Vec<u8>>,
    dpkg_info: Vec<Vec<u8>>,
    /// METADATA, PKG-INFO and `*.egg-info` files.
    python: Vec<Vec<u8>>,
    node: Vec<Vec<u8>>,
    rpm: Vec<Vec<u8>>,
    /// Programs and libraries with traces of Go or Rust.
    binaries: Vec<Vec<u8>>,
}

fn survey(tree: &dyn Tree) -> Found {
    let mut found = Found::default();
    tree.visit(&mut |path, entry| {
        let EntryKind::File(file) = entry.kind else { return };
        if file.elf.is_some_and(|elf| elf.go.is_some() || elf.rust.is_some()) {
            found.binaries.push(path.to_vec());
        }
        let list = match place(path) {
            Some(Place::DpkgStatusFolder) => &mut found.status_folder,
            Some(Place::DpkgInfo { .. }) => &mut found.dpkg_info,
            Some(Place::DistInfo { file: b"METADATA", .. }) => &mut found.python,
            Some(Place::EggInfo { file: b"PKG-INFO", .. } | Place::EggInfoFile) => {
                &mut found.python
            }
            Some(Place::NodePackage { .. }) => &mut found.node,
            Some(Place::RpmDatabase) => &mut found.rpm,
            // These have fixed paths; and a record's other files are found through its first.
            Some(
                Place::OsRelease
                | Place::DpkgStatus
                | Place::DpkgDiversions
                | Place::ApkInstalled
                | Place::DistInfo { .. }
                | Place::EggInfo { .. },
            )
            | None => return,
        };
        list.push(path.to_vec());
    });
    for list in [
        &mut found.status_folder,
        &mut found.dpkg_info,
        &mut found.python,
        &mut found.node,
        &mut found.rpm,
        &mut found.binaries,
    ] {
        list.sort_unstable();
    }
    found
}

#[cfg(test)]
mod tests;
