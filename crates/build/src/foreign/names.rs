//! The names of an image below ours: where links lead, and where our own names really come to lie.

use std::io::{self, Read};
use std::sync::Arc;

use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{Content, ContentSource, Item, ItemKind, Parcel};

use super::survey::{Survey, Thing, bytes_of};
use super::{Error, Files, identity};
use crate::native::tree::{Node, Tree};

/// Names of an image, with links followed as the kernel would inside it.
#[derive(Debug)]
pub struct Names {
    parcel: Parcel,
    tree: Tree,
}

/// A file of the image.
struct InImage {
    files: Arc<dyn Files>,
    path: RootPath,
    size: u64,
}

impl ContentSource for InImage {
    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        self.files.open(&self.path)
    }
}

impl Names {
    /// Those of a survey; `files` opens what is behind them.
    pub fn of(survey: &Survey, files: &Arc<dyn Files>) -> Self {
        let item = |(path, thing): (RootPath, &Thing)| {
            let kind = match thing {
                Thing::Folder(mode, ..) => ItemKind::Folder { mode: *mode },
                Thing::Link(target) => ItemKind::Symlink(bytes_of(target)),
                Thing::File(mode, size) => {
                    let files = Arc::clone(files);
                    let source = InImage { files, path: path.clone(), size: *size };
                    ItemKind::File { mode: *mode, content: Content::new(source) }
                }
            };
            Item { path, kind }
        };
        let named = survey.names.iter().filter_map(|named| Some((named.path()?, &named.what)));
        let items = named.map(item).collect();
        let parcel = Parcel { package: identity(&survey.digest), items };
        let tree = Tree::of(std::slice::from_ref(&parcel));
        Self { parcel, tree }
    }

    /// The image's files as a package, but for what is at or below these places.
    pub fn without(&self, gone: &[RootPath]) -> Parcel {
        let stays = |item: &&Item| !gone.iter().any(|path| item.path.starts_with(path));
        let items = self.parcel.items.iter().filter(stays).cloned().collect();
        Parcel { package: self.parcel.package.clone(), items }
    }

    /// The real path behind a path; none where there is nothing.
    pub fn real(&self, path: &str) -> Option<RootPath> {
        self.tree.real(path.as_bytes())
    }

    /// The file behind a path, if it can be executed.
    pub fn program(&self, path: &str) -> Option<RootPath> {
        let real = self.real(path)?;
        let item = self.item(&real)?;
        matches!(item.kind, ItemKind::File { mode, .. } if mode & 0o111 != 0).then_some(real)
    }

    /// Whether there is a file of this very path.
    pub fn has_file(&self, path: &RootPath) -> bool {
        matches!(self.tree.node(path), Some(Node::File(..)))
    }

    /// What lies in a folder, by name.
    pub fn inside(&self, folder: &RootPath) -> Vec<RootPath> {
        let names = self.tree.names(folder).into_iter();
        names.filter_map(|name| folder.join(name).ok()).collect()
    }

    fn item(&self, real: &RootPath) -> Option<&Item> {
        match self.tree.node(real)? {
            Node::File(_, at) => self.parcel.items.get(*at),
            Node::Folder | Node::Link(_) => None,
        }
    }

    /// Where a path comes to lie: what there is of it with links followed, and the rest behind it.
    pub fn land(&self, path: &RootPath) -> RootPath {
        let whole: Vec<&[u8]> = path.components().collect();
        for known in (0..=whole.len()).rev() {
            let front = RootPath::from_components(whole[..known].iter().copied());
            let absolute = [b"/", front.as_bytes()].concat();
            if let Some(real) = self.tree.real(&absolute) {
                let rest = whole[known..].iter().copied();
                return RootPath::from_components(real.components().chain(rest));
            }
        }
        path.clone()
    }

    /// Moves a parcel's items to where they come to lie.
    pub fn land_all(&self, parcel: &mut Parcel) {
        for item in &mut parcel.items {
            if let Some((folder, name)) = item.path.split_last()
                && let Ok(path) = self.land(&folder).join(name)
            {
                item.path = path;
            }
        }
    }

    /// Makes sure that a package's names lie where they say: its list of files was written already.
    pub fn check(&self, parcel: &Parcel, image: &str) -> Result<(), Error> {
        let mut folders: Vec<RootPath> =
            parcel.items.iter().filter_map(|item| item.path.parent()).collect();
        folders.sort();
        folders.dedup();
        for folder in folders {
            let above = folder.ancestors().collect::<Vec<_>>();
            let way = above.iter().rev().chain(std::iter::once(&folder));
            for path in way.filter(|path| !path.is_root()) {
                let in_the_way = match self.tree.node(path) {
                    None => break,
                    Some(Node::Folder) => continue,
                    Some(Node::File(..) | Node::Link(_)) => path,
                };
                return Err(Error::Through {
                    image: image.to_owned(),
                    package: parcel.package.name.clone(),
                    path: folder.to_string(),
                    link: in_the_way.to_string(),
                });
            }
        }
        Ok(())
    }
}
