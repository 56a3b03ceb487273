//! Which modules are installed, and which file each name leads to: Python's own rules over names, without
//! a file system (*Python reference, The import system*).

use std::collections::{BTreeSet, HashMap, HashSet};

use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{Content, Item, ItemKind, PackageId, Parcel};

/// The Python files below the folders of `sys.path`.
#[derive(Debug)]
pub struct Modules<'a> {
    search: Vec<Vec<u8>>,
    sources: HashMap<&'a [u8], File<'a>>,
    /// Compiled modules, without what follows the first dot of their names.
    extensions: HashSet<Vec<u8>>,
    /// Folders that have modules somewhere below them.
    folders: HashSet<Vec<u8>>,
    /// Files that `site` reads when the interpreter starts, by name.
    configurations: Vec<File<'a>>,
}

/// A file of a package.
#[derive(Debug, Clone, Copy)]
pub(super) struct File<'a> {
    pub(super) package: &'a PackageId,
    pub(super) path: &'a RootPath,
    pub(super) content: &'a Content,
}

/// What a name leads to.
#[derive(Debug)]
pub(super) struct Module<'a> {
    /// Its source; a compiled module and a package without a file have none.
    pub(super) file: Option<File<'a>>,
    /// The folders where its submodules are; none where it is no package.
    pub(super) inside: Vec<Vec<u8>>,
}

impl<'a> Modules<'a> {
    /// The modules of these parcels. `search` are the folders of `sys.path`, in its order: the standard
    /// library and where distributions are. Of a path that several parcels bring the first counts.
    pub fn new(parcels: impl IntoIterator<Item = &'a Parcel>, search: &[RootPath]) -> Self {
        let mut modules = Self {
            search: search.iter().map(|folder| folder.as_bytes().to_vec()).collect(),
            sources: HashMap::new(),
            extensions: HashSet::new(),
            folders: HashSet::new(),
            configurations: Vec::new(),
        };
        for parcel in parcels {
            for item in &parcel.items {
                if search.iter().any(|folder| item.path.starts_with(folder)) {
                    modules.add(&parcel.package, item);
                }
            }
        }
        modules.configurations.sort_by(|a, b| a.path.cmp(b.path));
        modules
    }

    /// The paths of all source files.
    pub fn files(&self) -> BTreeSet<RootPath> {
        self.sources.values().map(|file| file.path.clone()).collect()
    }

    fn add(&mut self, package: &'a PackageId, item: &'a Item) {
        let ItemKind::File { content, .. } = &item.kind else { return };
        let path = item.path.as_bytes();
        let (folder, name) = split(path);
        let file = File { package, path: &item.path, content };
        if name.ends_with(b".py") {
            self.sources.entry(path).or_insert(file);
        } else if let Some(stem) = extension(name) {
            self.extensions.insert(join(folder, stem));
        } else {
            if name.ends_with(b".pth") && self.search.iter().any(|root| root == folder) {
                self.configurations.push(file);
            }
            return;
        }
        let mut above = folder;
        while !above.is_empty() && self.folders.insert(above.to_vec()) {
            above = split(above).0;
        }
    }

    /// Where a search for a module without a parent begins.
    pub(super) fn search(&self) -> &[Vec<u8>] {
        &self.search
    }

    /// Files that `site` reads at every start.
    pub(super) fn configurations(&self) -> &[File<'a>] {
        &self.configurations
    }

    /// The module of this name in the first of `folders` that has one. Folders without `__init__.py` are
    /// a package together where no folder has anything else (*PEP 420*).
    pub(super) fn find(&self, folders: &[Vec<u8>], name: &str) -> Option<Module<'a>> {
        let mut portions = Vec::new();
        for folder in folders {
            let stem = join(folder, name.as_bytes());
            let init = join(&stem, b"__init__");
            if self.extensions.contains(&init) {
                return Some(Module { file: None, inside: vec![stem] });
            }
            if let Some(file) = self.source(&init) {
                return Some(Module { file: Some(file), inside: vec![stem] });
            }
            if self.extensions.contains(&stem) {
                return Some(Module { file: None, inside: Vec::new() });
            }
            if let Some(file) = self.source(&stem) {
                return Some(Module { file: Some(file), inside: Vec::new() });
            }
            if self.folders.contains(&stem) {
                portions.push(stem);
            }
        }
        (!portions.is_empty()).then_some(Module { file: None, inside: portions })
    }

    fn source(&self, stem: &[u8]) -> Option<File<'a>> {
        self.sources.get([stem, b".py"].concat().as_slice()).copied()
    }
}

/// What is before the first dot of a compiled module's name: `_speed.cpython-311-x86_64-linux-gnu.so`,
/// `_speed.abi3.so`, `_speed.so`. Other libraries beside modules have other names.
fn extension(name: &[u8]) -> Option<&[u8]> {
    let dot = name.iter().position(|byte| *byte == b'.')?;
    let (stem, rest) = name.split_at(dot);
    let tag = rest.strip_suffix(b".so")?;
    (tag.is_empty() || tag == b".abi3" || tag.starts_with(b".cpython-")).then_some(stem)
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}
