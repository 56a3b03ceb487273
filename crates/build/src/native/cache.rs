//! What the loader's cache of an image holds: the libraries in the folders that are everybody's.

use std::collections::BTreeSet;

use lightship_codec::tar::RootPath;
use lightship_packages::elf::cache::{self, Abi, CacheEntry, CacheError};
use lightship_packages::parcel::{Item, Origin, PackageId, Parcel};

use super::Links;
use super::search::default_folders;
use super::tree::{Node, Tree};

/// Folders that Debian's `/etc/ld.so.conf.d` names. The package that has these files is one that images
/// do without, and no image has an `ldconfig` that would read them.
const LOCAL: &str = "/usr/local/lib";

/// The folders for everybody's libraries besides the loader's default ones, in order.
pub(super) fn configured_folders(tree: &Tree) -> Vec<String> {
    let mut folders = vec![LOCAL.to_owned()];
    let local = RootPath::parse(LOCAL.as_bytes()).unwrap_or_default();
    let inner = tree.names(&local).into_iter().filter(|name| name.ends_with(b"-linux-gnu"));
    folders.extend(inner.map(|name| format!("{LOCAL}/{}", String::from_utf8_lossy(name))));
    folders
}

/// The entries of `/etc/ld.so.cache` for these parcels, as `ldconfig` would find them: each library in
/// the default folders and `/usr/local/lib` by its `DT_SONAME`, and by the names of links to it that
/// differ from that. `links` are the same parcels' ([`resolve`](super::resolve)).
pub fn cache_entries(parcels: &[Parcel], links: &Links) -> Vec<CacheEntry> {
    let tree = Tree::of(parcels);
    let kinds: BTreeSet<_> = links
        .files
        .values()
        .filter_map(|file| {
            let needs = &file.needs;
            let abi = Abi::of(needs.class, needs.byte_order, needs.machine)?;
            Some((abi, default_folders(needs.class, needs.machine)))
        })
        .collect();
    let mut folders = configured_folders(&tree);
    folders.extend(kinds.into_iter().flat_map(|(_, folders)| folders));
    let mut seen = BTreeSet::new();
    let mut entries = Vec::new();
    for folder in folders {
        // A merged `/usr` makes two names of one folder; the first is as good as the second.
        if let Some(real) = tree.real(folder.as_bytes()).filter(|real| seen.insert(real.clone())) {
            entries.extend(of_folder(&tree, &real, &folder, links));
        }
    }
    entries
}

/// A parcel with `/etc/ld.so.cache` for these parcels.
pub fn loader_cache(parcels: &[Parcel], links: &Links) -> Result<Parcel, CacheError> {
    let bytes = cache::write(&cache_entries(parcels, links))?;
    let path = RootPath::parse(b"etc/ld.so.cache").unwrap_or_default();
    let package = PackageId {
        origin: Origin::Lightship,
        name: "ld.so.cache".to_owned(),
        version: String::new(),
    };
    Ok(Parcel { package, items: vec![Item::made(path, bytes)] })
}

fn of_folder(tree: &Tree, real: &RootPath, folder: &str, links: &Links) -> Vec<CacheEntry> {
    let mut entries = Vec::new();
    for name in tree.names(real) {
        let is_library = (name.starts_with(b"lib") || name.starts_with(b"ld-"))
            && memchr::memmem::find(name, b".so").is_some();
        let Some(path) = is_library.then(|| real.join(name).ok()).flatten() else { continue };
        let Some(file) = tree.real(path.as_bytes()) else { continue };
        let Some(linked) = links.files.get(&file) else { continue };
        let needs = &linked.needs;
        let Some(abi) = Abi::of(needs.class, needs.byte_order, needs.machine) else { continue };
        let called = String::from_utf8_lossy(name).into_owned();
        let soname = needs.soname.clone().unwrap_or_else(|| called.clone());
        let is_link = matches!(tree.node(&path), Some(Node::Link(_)));
        let stands_for_itself = is_link && file.file_name() == Some(soname.as_bytes());
        // A file is found by its soname, but only under a name that is there.
        let sibling = real.join(soname.as_bytes()).ok().and_then(|path| tree.real(path.as_bytes()));
        let wanted = if stands_for_itself { called.clone() } else { soname };
        let actual = if sibling.is_some() && !stands_for_itself { wanted.clone() } else { called };
        let entry = CacheEntry { name: wanted, path: format!("{folder}/{actual}"), abi };
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    entries
}
