//! Which names packages have in an image: what a project may not touch if their layers are to be the same
//! with it and without it.

use std::collections::BTreeSet;

use lightship_base::Digest;
use lightship_build::assemble::Bundle;
use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{ItemKind, Parcel};
use serde::{Deserialize, Serialize};

/// Names of packages, each as the beginning of its digest: two that share one only make a build slower.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Occupied {
    /// Of files and links.
    files: BTreeSet<u64>,
    /// Of folders that hold them.
    folders: BTreeSet<u64>,
    /// Folders where Python looks for modules: what lies there is compiled together with packages.
    sites: Vec<String>,
}

impl Occupied {
    /// By these bundles, in an image whose Python has these folders.
    pub(super) fn by<'a>(bundles: impl Iterator<Item = &'a Bundle>, sites: &[RootPath]) -> Self {
        let mut occupied =
            Self { sites: sites.iter().map(ToString::to_string).collect(), ..Self::default() };
        for item in bundles.flat_map(|bundle| &bundle.parcel.items) {
            let own = match item.kind {
                ItemKind::Folder { .. } => &mut occupied.folders,
                ItemKind::File { .. } | ItemKind::Symlink(_) => &mut occupied.files,
            };
            own.insert(short(&item.path));
            for above in item.path.ancestors() {
                if !occupied.folders.insert(short(&above)) {
                    break;
                }
            }
        }
        occupied
    }

    /// Whether there is a file or a link of this name.
    pub(super) fn has(&self, path: &RootPath) -> bool {
        self.files.contains(&short(path))
    }

    /// Whether a project has no name, and needs none as a folder, that means something else to packages.
    pub(super) fn is_apart_from(&self, project: &Parcel) -> bool {
        project.items.iter().all(|item| {
            let shown = item.path.to_string();
            let name = short(&item.path);
            let is_folder = matches!(item.kind, ItemKind::Folder { .. });
            let in_site = self.sites.iter().any(|site| {
                shown.strip_prefix(site.as_str()).is_some_and(|rest| rest.starts_with('/'))
            });
            let clashes =
                self.files.contains(&name) || (!is_folder && self.folders.contains(&name));
            let above = item.path.ancestors().any(|above| self.files.contains(&short(&above)));
            !in_site && !clashes && !above
        })
    }
}

fn short(path: &RootPath) -> u64 {
    let digest = Digest::of(path.as_bytes());
    let (first, _) = digest.as_bytes().split_first_chunk().expect("a digest has 32 bytes");
    u64::from_le_bytes(*first)
}

#[cfg(test)]
mod tests {
    use lightship_build::assemble::Stage;
    use lightship_packages::parcel::{Item, Origin, PackageId};

    use super::*;

    fn parcel(origin: Origin, items: Vec<Item>) -> Parcel {
        let (name, version) = ("a".to_owned(), "1".to_owned());
        Parcel { package: PackageId { origin, name, version }, items }
    }

    fn path(text: &str) -> RootPath {
        RootPath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_project_keeps_out_of_what_packages_have() {
        let items = vec![
            Item::made(path("usr/lib/python3/site/click.py"), "x"),
            Item::link(path("lib"), "usr/lib"),
        ];
        let bundle = Bundle {
            parcel: parcel(Origin::Python, items),
            digest: None,
            stage: Stage::Packages,
            last: None,
            shared: Vec::new(),
        };
        let occupied = Occupied::by(std::iter::once(&bundle), &[path("usr/lib/python3/site")]);
        let apart = |name: &str| {
            occupied.is_apart_from(&parcel(Origin::Project, vec![Item::made(path(name), "y")]))
        };
        for fine in ["app/job.py", "usr/lib/tool", "opt/click.py", "usr/lib/python3/sites"] {
            assert!(apart(fine), "{fine}");
        }
        for not in ["usr/lib/python3/site/click.py", "lib/x", "usr/lib", "lib"] {
            assert!(!apart(not), "{not}");
        }
        assert!(!apart("usr/lib/python3/site/mine.py"), "it would be compiled with packages");
        let folder = Item { path: path("usr/lib"), kind: ItemKind::Folder { mode: 0o755 } };
        assert!(occupied.is_apart_from(&parcel(Origin::Project, vec![folder])));
        let text = serde_json::to_string(&occupied).unwrap();
        let again: Occupied = serde_json::from_str(&text).unwrap();
        assert!(!again.is_apart_from(&parcel(Origin::Project, vec![Item::made(path("lib"), "")])));
    }
}
