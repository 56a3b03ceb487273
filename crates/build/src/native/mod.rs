//! What native code needs: every library that an ELF file asks for, found inside the image the way the
//! loader would find it (*ld.so(8)*).
//!
//! [`resolve`] reads the front of each file that may be native code, in parallel, and looks its needs up
//! in the names that the parcels bring. It never asks the machine it runs on.
//!
//! # Where it differs from the loader
//!
//! The loader knows which file loaded which. A library that somebody opens at run time has no loader that
//! could be read from files, so
//! - a need is looked up with the file's own folders first, then with the `DT_RPATH` of every file that
//!   loads it directly or indirectly;
//! - a library that any of these, or any other library that they load, found under the same name counts
//!   as loaded before, since the loader does not look twice;
//! - so does what the image's own Python loads, for files that nobody loads by name: extension modules;
//! - an extension module's need that only lies in a folder which it does not look into, but that another
//!   Python distribution brings, is an [`Assumed`] one: the module works where something imported that
//!   distribution before it (torchvision and torch).

mod cache;
mod facts;
mod search;
pub(crate) mod tree;
mod unneeded;

use std::collections::BTreeMap;

use lightship_base::{Digest, Key};
use lightship_codec::tar::RootPath;
use lightship_packages::elf::{ElfError, Needs};
use lightship_packages::parcel::{ItemKind, PackageId, Parcel};

pub use cache::{cache_entries, loader_cache};
pub use unneeded::Unneeded;

use facts::Native;
use tree::Tree;

use crate::notebooks::Notebooks;

/// What the image tells the loader besides its files.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `LD_LIBRARY_PATH` of the image's environment, if it sets one: folders separated by colons.
    pub library_path: Option<String>,
    /// Packages that the user asked for by name: none of them is ever called unneeded.
    pub asked: Vec<String>,
    /// What earlier runs read.
    pub notebooks: Notebooks,
}

/// How the needs of all native code in an image are met.
#[derive(Debug, Default)]
pub struct Links {
    /// Every ELF file that is loaded, by path.
    pub files: BTreeMap<RootPath, Linked>,
    /// Needs that nothing in the image meets, by file, then library.
    pub missing: Vec<Missing>,
    /// Needs that are met if something else was loaded before, by file, then library.
    pub assumed: Vec<Assumed>,
    /// Packages of the distribution whose libraries nobody needs.
    pub unneeded: Vec<Unneeded>,
    /// Files that could not be read.
    pub unread: Vec<Unread>,
}

/// One ELF file.
#[derive(Debug, Clone)]
pub struct Linked {
    /// Whose it is.
    pub package: PackageId,
    /// What it asks of the loader.
    pub needs: Needs,
    /// Library needed → the file that is loaded for it, as its real path. What is missing is not there.
    pub found: BTreeMap<String, RootPath>,
}

/// A library that is not in the image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// The file that needs it.
    pub file: RootPath,
    /// Its name, `libgomp.so.1`; for a program without its loader, the loader's whole path.
    pub library: String,
    /// Whose the file is.
    pub package: PackageId,
}

/// A library that is in the image where the loader does not look.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assumed {
    /// The file that needs it.
    pub file: RootPath,
    /// Its name.
    pub library: String,
    /// Where it is.
    pub found: RootPath,
}

/// A file whose needs are not known.
#[derive(Debug)]
pub struct Unread {
    /// Which.
    pub file: RootPath,
    /// Whose it is.
    pub package: PackageId,
    /// Why.
    pub why: ElfError,
}

/// Finds every library that the native code in these parcels needs. Where two parcels bring one name,
/// the later wins.
pub fn resolve(parcels: &[Parcel], options: &Options) -> Links {
    let tree = Tree::of(parcels);
    let (natives, unread) = facts::read(parcels, &tree, &options.notebooks);
    let found = search::find(&tree, &natives, options);
    let mut links = Links { unread, ..Links::default() };
    links.unneeded = unneeded::unneeded(parcels, &natives, &found, options);
    for (native, found) in natives.into_iter().zip(found) {
        let Native { path, parcel, needs } = native;
        let package = &parcels[parcel].package;
        let missing =
            |library: String| Missing { file: path.clone(), library, package: package.clone() };
        links.missing.extend(found.missing.into_iter().map(missing));
        links.assumed.extend(found.assumed.into_iter().map(|(library, place)| Assumed {
            file: path.clone(),
            library,
            found: place,
        }));
        let linked = Linked { package: package.clone(), needs, found: found.libraries };
        links.files.insert(path, linked);
    }
    links.missing.sort();
    links.assumed.sort();
    links
}

/// Everything about a parcel that may decide how needs are met, its own and those of others: two parcels with
/// the same answer have the same effect.
pub fn influence(parcel: &Parcel) -> Digest {
    let parcels = std::slice::from_ref(parcel);
    let (natives, unread) = facts::read(parcels, &Tree::of(parcels), &Notebooks::default());
    let mut key = Key::of("native code");
    for Native { path, needs, .. } in natives {
        key.add(path.as_bytes());
        key.add(format!("{needs:?}"));
    }
    for Unread { file, why, .. } in unread {
        key.add(file.as_bytes());
        key.add(why.to_string());
    }
    // A library may be found by way of a link.
    let mut links: Vec<(&RootPath, &[u8])> = Vec::new();
    for item in &parcel.items {
        if let ItemKind::Symlink(target) = &item.kind {
            links.push((&item.path, target));
        }
    }
    links.sort_unstable();
    for (path, target) in links {
        key.add(path.as_bytes());
        key.add(target);
    }
    key.finish()
}

#[cfg(test)]
mod tests {
    use lightship_packages::parcel::{Content, Item, Origin};

    use super::*;

    /// A project with these files and the running test's own program as a library.
    fn project(program: Option<&str>, files: &[(&str, &str)]) -> Parcel {
        let path = |text: &str| RootPath::parse(text.as_bytes()).unwrap();
        let mut items: Vec<Item> =
            files.iter().map(|(at, text)| Item::made(path(at), text.as_bytes())).collect();
        if let Some(at) = program {
            let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
            let kind = ItemKind::File { mode: 0o755, content: Content::bytes(bytes) };
            items.push(Item { path: path(at), kind });
        }
        let (name, version) = ("app".to_owned(), String::new());
        Parcel { package: PackageId { origin: Origin::Project, name, version }, items }
    }

    #[test]
    fn native_code_and_links_have_influence_and_source_has_not() {
        let of = |program, files: &[(&str, &str)]| influence(&project(program, files));
        let source = of(None, &[("app/a.py", "x = 1\n")]);
        assert_eq!(of(None, &[("app/a.py", "x = 2\n"), ("app/b.py", "")]), source);
        let native = of(Some("app/ext.so"), &[]);
        assert_ne!(native, source);
        assert_ne!(of(Some("app/other.so"), &[]), native);
        assert_eq!(of(Some("app/ext.so"), &[("app/a.py", "x = 1\n")]), native);
        let mut linked = project(Some("app/ext.so"), &[]);
        let link = RootPath::parse(b"app/libzzz.so.1").unwrap();
        linked.items.push(Item::link(link, *b"ext.so"));
        assert_ne!(influence(&linked), native);
    }
}
