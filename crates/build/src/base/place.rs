//! Where a package's files go: merged `/usr`, merged `/run`, and one thing at each place.

use std::collections::{HashMap, HashSet};

use lightship_codec::tar::RootPath;
use lightship_packages::deb::Deb;
use lightship_packages::parcel::{Item, ItemKind};

use super::Error;

/// Folders of the root that are links into `/usr` (*Debian Policy, 9.1*). Packages of before
/// the merge install into them, and the link takes their files to where they belong.
pub(super) const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Folders of `/var` that are links since `/run` exists, and where to.
pub(super) const MOVED: [(&str, &str); 2] = [("var/run", "run"), ("var/lock", "run/lock")];

/// Where something goes that a package installs at `path`.
pub(super) fn merged(path: &RootPath) -> RootPath {
    let bytes = path.as_bytes();
    let first = path.components().next().unwrap_or_default();
    let new = if MERGED.iter().any(|name| name.as_bytes() == first) {
        [b"usr/", bytes].concat()
    } else {
        let inside = MOVED.iter().find_map(|(from, to)| {
            let rest = bytes.strip_prefix(from.as_bytes())?;
            (rest.is_empty() || rest.starts_with(b"/")).then(|| [to.as_bytes(), rest].concat())
        });
        let Some(new) = inside else { return path.clone() };
        new
    };
    RootPath::from_components(new.split(|byte| *byte == b'/'))
}

/// A package's items where they go. A package that brings the links of the merge itself (`base-files`
/// since Debian 13) does not bring them here: they are made, whatever the packages.
pub(super) fn placed(deb: &Deb) -> Vec<Item> {
    let is_merge = |item: &&Item| {
        let path = item.path.as_bytes();
        let is_name = MERGED.iter().chain(MOVED.iter().map(|(from, _)| from));
        matches!(item.kind, ItemKind::Symlink(_))
            && is_name.into_iter().any(|name| name.as_bytes() == path)
    };
    let items = deb.items.iter().filter(|item| !is_merge(item));
    items.map(|item| Item { path: merged(&item.path), kind: item.kind.clone() }).collect()
}

/// One package in the making.
pub(super) struct Part<'a> {
    pub(super) deb: &'a Deb,
    pub(super) items: Vec<Item>,
}

/// Leaves one thing at each place; `parts` are sorted by name. Folders are everybody's and get the mode
/// of the first. Of two files the one whose package says `Replaces` stays, as dpkg has it.
pub(super) fn settle(parts: &mut [Part<'_>]) -> Result<(), Error> {
    let mut places: HashMap<RootPath, (usize, ItemKind)> = HashMap::new();
    let mut losers: Vec<HashSet<RootPath>> = vec![HashSet::new(); parts.len()];
    for at in 0..parts.len() {
        for which in 0..parts[at].items.len() {
            let item = parts[at].items[which].clone();
            let Some((holder, held)) = places.get(&item.path).cloned() else {
                places.insert(item.path, (at, item.kind));
                continue;
            };
            if let (ItemKind::Folder { .. }, ItemKind::Folder { .. }) = (&held, &item.kind) {
                parts[at].items[which].kind = held;
            } else if holder == at {
                // `bin/x` and `usr/bin/x` in one package: only the same content can be meant.
                return Err(clash(parts, holder, at, item.path));
            } else if replaces(parts[at].deb, parts[holder].deb) {
                losers[holder].insert(item.path.clone());
                places.insert(item.path, (at, item.kind));
            } else if replaces(parts[holder].deb, parts[at].deb)
                || same(&held, &item.kind, parts[at].deb, &item.path)?
            {
                losers[at].insert(item.path);
            } else {
                return Err(clash(parts, holder, at, item.path));
            }
        }
    }
    for (part, lost) in parts.iter_mut().zip(losers) {
        part.items.retain(|item| !lost.contains(&item.path));
    }
    Ok(())
}

fn clash(parts: &[Part<'_>], first: usize, second: usize, path: RootPath) -> Error {
    let name = |at: usize| parts[at].deb.control.package().to_owned();
    Error::Clash { first: name(first), second: name(second), path }
}

fn replaces(deb: &Deb, other: &Deb) -> bool {
    let name = other.control.package();
    deb.control.relations("Replaces").iter().flatten().any(|replaced| replaced == name)
}

/// Whether two things are the same to whoever reads them.
fn same(a: &ItemKind, b: &ItemKind, deb: &Deb, path: &RootPath) -> Result<bool, Error> {
    match (a, b) {
        (ItemKind::Symlink(a), ItemKind::Symlink(b)) => Ok(a == b),
        (ItemKind::File { content: a, .. }, ItemKind::File { content: b, .. }) => {
            if a.size() != b.size() {
                return Ok(false);
            }
            let read = |content: &lightship_packages::parcel::Content| {
                content.read(u64::MAX).map_err(|source| Error::Read {
                    package: deb.control.package().to_owned(),
                    path: path.clone(),
                    source,
                })
            };
            Ok(read(a)? == read(b)?)
        }
        (
            ItemKind::Folder { .. } | ItemKind::File { .. } | ItemKind::Symlink(_),
            ItemKind::Folder { .. } | ItemKind::File { .. } | ItemKind::Symlink(_),
        ) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_places_become_new_ones() {
        let to = |path: &str| merged(&RootPath::parse(path.as_bytes()).unwrap()).to_string();
        assert_eq!(to("lib/x86_64-linux-gnu/libc.so.6"), "/usr/lib/x86_64-linux-gnu/libc.so.6");
        assert_eq!(to("bin"), "/usr/bin");
        assert_eq!(to("libexec/x"), "/libexec/x");
        assert_eq!(to("usr/lib/x"), "/usr/lib/x");
        assert_eq!(to("var/run"), "/run");
        assert_eq!(to("var/lock/x"), "/run/lock/x");
        assert_eq!(to("var/running"), "/var/running");
    }
}
