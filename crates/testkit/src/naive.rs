//! What unpacking an image means, as simply as it can be said: every layer's tar applied to a map of
//! paths. It shares nothing with `rootfs::Tree` but the specification (*OCI image-spec 1.1, layer.md*)
//! and the decisions where that leaves room, which are these:
//!
//! - A whiteout hides what lower layers have, wherever it stands in its layer. The folder that it
//!   stands in is made where it is missing, as by containerd, Docker and Podman.
//! - Paths go through symbolic links inside the root, as in containerd's `fs.RootPath` and umoci; what
//!   is missing may still be left by `..`. A whiteout does not go through a link that its own layer
//!   replaces or removes.
//! - A folder over a folder replaces the attributes and keeps the children. Anything else removes what
//!   was there first.
//! - A hard link's entry sets its attributes on the file, after `chown` dropped its capabilities.
//! - A file of a lower layer in the place of a folder gives way; one of the same layer, or behind a
//!   link, is an error.

pub mod archive;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use lightship_base::Digest;
use lightship_oci::Image;
use lightship_oci::tar::path::display_path;

use crate::listing::{Attributes, Kind, Listed, Listing};
use archive::Item;

/// A path as its components; the root has none.
type Path = Vec<Vec<u8>>;

/// The union filesystem after some layers.
#[derive(Debug, Clone)]
pub struct Model {
    names: BTreeMap<Path, Name>,
    things: Vec<Thing>,
    layers: usize,
    /// Entries that cannot be unpacked: layer and number of the entry.
    pub problems: Vec<(usize, usize)>,
    /// Entries that unpackers may read in another way: whose folder was a file in a lower layer;
    /// whiteouts behind symbolic links that the same layer replaces or might remove; whiteouts whose
    /// folder is missing, where umoci makes none.
    pub disputed: Vec<(usize, usize)>,
}

#[derive(Debug, Clone, Copy)]
struct Name {
    thing: usize,
    /// The layer that put it there.
    layer: usize,
}

#[derive(Debug, Clone)]
struct Thing {
    kind: Kind,
    attributes: Attributes,
    stored: Option<Stored>,
    /// Where a symbolic link leads.
    target: Vec<u8>,
}

/// A content that some layer's tar stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// The layer, bottom 0.
    pub layer: usize,
    /// The number of its entry.
    pub entry: usize,
    /// How many bytes.
    pub bytes: u64,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// One of its names is visible.
    Kept,
    /// This layer took its last name, and has something else at one of those that it took.
    Shadowed(usize),
    /// This layer took its last name, and left nothing there.
    Deleted(usize),
}

/// Why a path leads to no folder.
enum Stop {
    /// Symbolic links without end, or one that may not be followed.
    Endless,
    /// Something that is no folder, and whether a symbolic link led there.
    Blocked(Path, bool),
}

impl Default for Model {
    fn default() -> Self {
        let root = Thing::folder();
        Self {
            names: BTreeMap::from([(Path::new(), Name { thing: 0, layer: 0 })]),
            things: vec![root],
            layers: 0,
            problems: Vec::new(),
            disputed: Vec::new(),
        }
    }
}

/// The union of an image's layers.
///
/// # Panics
///
/// If it cannot be read.
pub fn unpack(image: &Image) -> Model {
    let mut model = Model::default();
    for layer in image.layers() {
        let mut tar = Vec::new();
        let mut reader = layer.read().unwrap_or_else(|error| panic!("{error}"));
        std::io::Read::read_to_end(&mut reader, &mut tar).unwrap_or_else(|e| panic!("{e}"));
        model.apply(&archive::read(&tar));
    }
    model
}

/// What the last component of a path asks for.
enum Role {
    Adds,
    Hides(Path),
    HidesBelow(Path),
    Nothing,
}

fn role(path: &Path) -> Role {
    let Some((name, folder)) = path.split_last() else { return Role::Adds };
    if path.iter().any(|name| name.starts_with(b".wh..wh.")) {
        let opaque = name == b".wh..wh..opq" && !folder.iter().any(|n| n.starts_with(b".wh..wh."));
        return if opaque { Role::HidesBelow(folder.to_vec()) } else { Role::Nothing };
    }
    match name.strip_prefix(b".wh.") {
        Some(hidden) => Role::Hides([folder, &[hidden.to_vec()]].concat()),
        None => Role::Adds,
    }
}

fn components(raw: &[u8]) -> impl DoubleEndedIterator<Item = Vec<u8>> {
    raw.split(|byte| *byte == b'/').filter(|c| !c.is_empty() && *c != b".").map(<[u8]>::to_vec)
}

impl Model {
    /// Puts one more layer on top.
    pub fn apply(&mut self, layer: &[Item]) {
        let paths: Vec<Path> = layer.iter().map(|item| components(&item.path).collect()).collect();
        let mut held: BTreeMap<usize, BTreeSet<Path>> = BTreeMap::new();
        for (path, name) in &self.names {
            held.entry(name.thing).or_default().insert(path.clone());
        }
        self.hide(&paths);
        for (number, (item, path)) in layer.iter().zip(&paths).enumerate() {
            match role(path) {
                Role::Nothing => {}
                Role::Adds => {
                    let (thing, path) = self.add(item, path, number);
                    held.entry(thing).or_default().insert(path);
                }
                Role::Hides(_) | Role::HidesBelow(_) => self.imply(&path[..path.len() - 1], number),
            }
        }
        self.settle(&held);
        self.layers += 1;
    }

    fn hide(&mut self, paths: &[Path]) {
        let own: BTreeSet<Path> = (paths.iter())
            .filter_map(|path| match role(path) {
                Role::Adds => Some(path.clone()),
                Role::Hides(hidden) => Some(hidden),
                Role::HidesBelow(_) | Role::Nothing => None,
            })
            .collect();
        let whiteouts = || (paths.iter()).filter(|path| !matches!(role(path), Role::Adds));
        let is_alone = whiteouts().count() == 1;
        let mut hidden: Vec<Path> = Vec::new();
        for (entry, path) in paths.iter().enumerate() {
            let (folder, name) = match role(path) {
                Role::Hides(mut path) => {
                    let name = path.pop();
                    (path, name)
                }
                Role::HidesBelow(folder) => (folder, None),
                Role::Adds | Role::Nothing => continue,
            };
            let real = self.follow(&folder, &own);
            if real.as_ref().map_or(true, |real| *real != folder && !is_alone) {
                self.disputed.push((self.layers, entry));
            }
            match (real, name) {
                (Ok(real), Some(name)) => hidden.push([real, vec![name]].concat()),
                (Ok(real), None) => {
                    let below = |path: &&Path| path.len() > real.len() && path.starts_with(&real);
                    hidden.extend(self.names.keys().filter(below).cloned());
                }
                (Err(_), _) => {}
            }
        }
        for path in hidden {
            self.remove(&path);
        }
    }

    fn remove(&mut self, path: &Path) {
        self.names.retain(|other, _| !other.starts_with(path));
    }

    /// Where a folder's path leads, whether or not there is anything.
    fn follow(&self, folder: &[Vec<u8>], closed: &BTreeSet<Path>) -> Result<Path, Stop> {
        let mut todo: VecDeque<Vec<u8>> = folder.iter().cloned().collect();
        let mut at = Path::new();
        let mut hops = 0;
        while let Some(name) = todo.pop_front() {
            if name == b".." {
                at.pop();
                continue;
            }
            at.push(name);
            let Some(found) = self.names.get(&at) else { continue };
            match &self.things[found.thing].kind {
                Kind::Directory => {}
                Kind::Symlink(_) if hops == 40 || closed.contains(&at) => {
                    return Err(Stop::Endless);
                }
                Kind::Symlink(_) => {
                    hops += 1;
                    let target = &self.things[found.thing].target;
                    at.pop();
                    if target.starts_with(b"/") {
                        at.clear();
                    }
                    components(target).rev().for_each(|name| todo.push_front(name));
                }
                _ => return Err(Stop::Blocked(at, hops > 0)),
            }
        }
        Ok(at)
    }

    /// Makes room for an entry and says where: the real path, its folder made.
    fn place(&mut self, path: &Path, entry: usize) -> Option<Path> {
        let Some((name, folder)) = path.split_last() else { return Some(Path::new()) };
        let folder = loop {
            match self.follow(folder, &BTreeSet::new()) {
                Ok(folder) => break folder,
                Err(Stop::Blocked(at, false)) if self.names[&at].layer < self.layers => {
                    self.remove(&at);
                    self.disputed.push((self.layers, entry));
                }
                Err(Stop::Blocked(..) | Stop::Endless) => return None,
            }
        };
        let path = [folder, vec![name.clone()]].concat();
        if path.join(&b'/').len() > 4096 {
            return None;
        }
        self.make_folders(&path[..path.len() - 1]);
        Some(path)
    }

    /// Makes the folder that a whiteout stands in.
    fn imply(&mut self, folder: &[Vec<u8>], entry: usize) {
        if let Ok(folder) = self.follow(folder, &BTreeSet::new())
            && !self.names.contains_key(&folder)
            && folder.join(&b'/').len() < 4096
        {
            self.disputed.push((self.layers, entry));
            self.make_folders(&folder);
        }
    }

    fn make_folders(&mut self, path: &[Vec<u8>]) {
        for depth in 1..=path.len() {
            if !self.names.contains_key(&path[..depth]) {
                let thing = self.make(Thing::folder());
                self.names.insert(path[..depth].to_vec(), Name { thing, layer: self.layers });
            }
        }
    }

    /// Applies one entry and returns what came of it: which thing got which name.
    fn add(&mut self, item: &Item, written: &Path, entry: usize) -> (usize, Path) {
        let stored = (item.flag == b'0').then_some(Stored {
            layer: self.layers,
            entry,
            bytes: item.stored.len() as u64,
            fate: Fate::Kept,
        });
        let Some(path) = self.place(written, entry) else {
            self.problems.push((self.layers, entry));
            let lost = if stored.is_some() { Thing::of(item, stored) } else { Thing::folder() };
            return (self.make(lost), written.clone());
        };
        let is_folder = |thing: usize| self.things[thing].kind == Kind::Directory;
        if let Some(found) = self.names.get(&path).copied()
            && item.flag == b'5'
            && is_folder(found.thing)
        {
            self.things[found.thing].attributes = attributes(item);
            return (found.thing, path);
        }
        self.remove(&path);
        let thing = if item.flag == b'1' {
            let Some(thing) = self.target(item) else {
                self.problems.push((self.layers, entry));
                return (0, path);
            };
            self.things[thing].attributes.set_again(&attributes(item));
            thing
        } else {
            self.make(Thing::of(item, stored))
        };
        self.names.insert(path.clone(), Name { thing, layer: self.layers });
        (thing, path)
    }

    /// What a hard link links to.
    fn target(&self, item: &Item) -> Option<usize> {
        let target: Path = components(&item.target).collect();
        let (name, folder) = target.split_last()?;
        let folder = self.follow(folder, &BTreeSet::new()).ok()?;
        let found = self.names.get(&[folder, vec![name.clone()]].concat())?;
        (self.things[found.thing].kind != Kind::Directory).then_some(found.thing)
    }

    fn make(&mut self, thing: Thing) -> usize {
        self.things.push(thing);
        self.things.len() - 1
    }

    /// Decides the fate of contents that have no name any more but had some during this layer.
    fn settle(&mut self, held: &BTreeMap<usize, BTreeSet<Path>>) {
        let visible: BTreeSet<usize> = self.names.values().map(|name| name.thing).collect();
        for (thing, names) in held {
            if let Some(stored) = &mut self.things[*thing].stored
                && !visible.contains(thing)
            {
                let replaced = names.iter().any(|name| self.names.contains_key(name));
                stored.fate =
                    if replaced { Fate::Shadowed(self.layers) } else { Fate::Deleted(self.layers) };
            }
        }
    }

    /// All contents that the layers store, in their order.
    pub fn stored(&self) -> Vec<Stored> {
        self.things.iter().filter_map(|thing| thing.stored).collect()
    }

    /// What the filesystem looks like.
    pub fn listing(&self) -> Listing {
        let mut names: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (path, name) in &self.names {
            names.entry(name.thing).or_default().push(shown(path));
        }
        for names in names.values_mut() {
            names.sort();
        }
        (self.names.iter())
            .map(|(path, name)| {
                let thing = &self.things[name.thing];
                let mut attributes = thing.attributes.clone();
                if matches!(thing.kind, Kind::Symlink(_)) {
                    attributes.mode = 0o777;
                }
                let names = names[&name.thing].clone();
                (shown(path), Listed { kind: thing.kind.clone(), attributes, names })
            })
            .collect()
    }
}

fn shown(path: &Path) -> String {
    display_path(&path.join(&b'/'))
}

fn attributes(item: &Item) -> Attributes {
    let Item { mode, uid, gid, mtime, xattrs, .. } = item.clone();
    let xattrs = xattrs.into_iter().map(|(name, value)| (display_path(&name), value)).collect();
    Attributes { mode, uid, gid, mtime, xattrs }
}

fn kind(item: &Item) -> Kind {
    let (major, minor) = item.device;
    match item.flag {
        b'0' => Kind::File {
            size: item.size(),
            content: Some(item.content()),
            stored: Some((item.stored.len() as u64, Digest::of(&item.stored))),
        },
        b'2' => Kind::Symlink(display_path(&item.target)),
        b'3' => Kind::CharDevice(major, minor),
        b'4' => Kind::BlockDevice(major, minor),
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        other => panic!("entries of type {other} make nothing"),
    }
}

impl Thing {
    fn of(item: &Item, stored: Option<Stored>) -> Self {
        let target = item.target.clone();
        Self { kind: kind(item), attributes: attributes(item), stored, target }
    }

    /// A folder that is only implied.
    fn folder() -> Self {
        let attributes = Attributes::implied();
        Self { kind: Kind::Directory, attributes, stored: None, target: Vec::new() }
    }
}

impl Attributes {
    /// What a hard link's entry does to the file that is there already.
    fn set_again(&mut self, link: &Self) {
        let mut xattrs = std::mem::take(&mut self.xattrs);
        xattrs.retain(|name, _| name != "security.capability");
        xattrs.extend(link.xattrs.clone());
        *self = Self { xattrs, ..link.clone() };
    }
}
