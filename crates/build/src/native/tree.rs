//! The names that parcels bring, with links followed as the kernel would inside the image.

use std::collections::HashMap;

use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{ItemKind, Parcel};

/// As many links as the kernel follows in one path.
const MOST_LINKS: u32 = 40;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Folder,
    /// Indexes of the parcel and of its item.
    File(usize, usize),
    Link(Vec<u8>),
}

/// Every name in the image.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: HashMap<RootPath, Node>,
    /// Names in each folder.
    children: HashMap<RootPath, Vec<Vec<u8>>>,
}

impl Tree {
    /// Later parcels win.
    pub(crate) fn of(parcels: &[Parcel]) -> Self {
        let mut tree = Self::default();
        for (at, parcel) in parcels.iter().enumerate() {
            for (which, item) in parcel.items.iter().enumerate() {
                let node = match &item.kind {
                    ItemKind::Folder { .. } => Node::Folder,
                    ItemKind::File { .. } => Node::File(at, which),
                    ItemKind::Symlink(target) => Node::Link(target.clone()),
                };
                tree.insert(&item.path, node);
            }
        }
        tree
    }

    fn insert(&mut self, path: &RootPath, node: Node) {
        // A folder does not replace the link to a folder that another package put there: Debian's
        // packages of before the merge of `/usr` bring `lib` as a folder.
        if node == Node::Folder && matches!(self.nodes.get(path), Some(Node::Link(_))) {
            return;
        }
        if self.nodes.insert(path.clone(), node).is_some() {
            return;
        }
        let mut inner = path.clone();
        while let Some((folder, name)) = inner.split_last() {
            let names = self.children.entry(folder.clone()).or_default();
            names.push(name.to_vec());
            if folder.is_root() || self.nodes.contains_key(&folder) {
                break;
            }
            self.nodes.insert(folder.clone(), Node::Folder);
            inner = folder;
        }
    }

    pub(crate) fn node(&self, path: &RootPath) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// Names in a folder, given by its real path, sorted.
    pub(crate) fn names(&self, folder: &RootPath) -> Vec<&[u8]> {
        let mut names: Vec<&[u8]> =
            self.children.get(folder).into_iter().flatten().map(Vec::as_slice).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The real path behind a path, `..` and links followed; `None` where there is nothing.
    pub(crate) fn real(&self, path: &[u8]) -> Option<RootPath> {
        let mut links = MOST_LINKS;
        let mut left: Vec<Vec<u8>> = parts(path).rev().collect();
        let mut here = RootPath::root();
        while let Some(part) = left.pop() {
            if part == b".." {
                here = here.parent().unwrap_or_default();
                continue;
            }
            let next = here.join(&part).ok()?;
            match self.nodes.get(&next)? {
                Node::Link(target) => {
                    links = links.checked_sub(1)?;
                    if target.first() == Some(&b'/') {
                        here = RootPath::root();
                    }
                    left.extend(parts(target).rev());
                }
                Node::Folder => here = next,
                Node::File(..) if left.is_empty() => return Some(next),
                Node::File(..) => return None,
            }
        }
        Some(here)
    }
}

fn parts(path: &[u8]) -> impl DoubleEndedIterator<Item = Vec<u8>> {
    path.split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
        .map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use lightship_packages::parcel::{Item, Origin, PackageId};

    use super::*;

    fn path(text: &str) -> RootPath {
        RootPath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn links_lead_to_real_places_and_never_out() {
        let package =
            PackageId { origin: Origin::Debian, name: "a".to_owned(), version: "1".to_owned() };
        let items = vec![
            Item::link(path("lib"), "usr/lib"),
            Item::made(path("usr/lib/x/libz.so.1.3"), "z"),
            Item::link(path("usr/lib/x/libz.so.1"), "libz.so.1.3"),
            Item::link(path("opt"), "/lib/x"),
            Item::link(path("loop"), "loop"),
            Item { path: path("lib"), kind: ItemKind::Folder { mode: 0o755 } },
        ];
        let tree = Tree::of(&[Parcel { package, items }]);
        let real = |text: &str| tree.real(text.as_bytes()).map(|found| found.to_string());
        assert_eq!(real("/lib/x/libz.so.1").as_deref(), Some("/usr/lib/x/libz.so.1.3"));
        assert_eq!(real("/opt/../x/./libz.so.1").as_deref(), Some("/usr/lib/x/libz.so.1.3"));
        assert_eq!(real("/../../usr").as_deref(), Some("/usr"));
        assert_eq!(real("/loop"), None);
        assert_eq!(real("/usr/lib/x/libz.so.1/.."), None);
        assert_eq!(tree.names(&path("usr/lib/x")).len(), 2);
        assert_eq!(tree.names(&RootPath::root()), [&b"lib"[..], b"loop", b"opt", b"usr"]);
    }
}
