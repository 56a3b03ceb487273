//! An image as one folder, for layers that cannot be stacked.
//!
//! [`Tree`] works out what the image looks like from the layers' indexes; then every layer is read a
//! second time, and what is visible of it is written to where it ends up. So this follows runtimes
//! by construction, and nothing is written that is removed again.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Mutex;

use lightship_base::Progress;
use lightship_oci::layer::Layer;
use lightship_oci::rootfs::{Body, LayerIndex, Meta, NodeId, Origin, Tree, What, index_layer};
use lightship_oci::tar::path::display_path;
use lightship_oci::tar::{GlobalHeaders, TarReader};
use rayon::prelude::*;
use rustix::fs::{AtFlags, Dev, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::about::{self, About, FS, OwnersWriter};
use super::attributes::{self, Refused, Setter, Thing};
use super::folders::{Folders, MAX_IMPLIED_BYTES, TOO_MANY_FOLDERS, split};
use super::unpack::{Failure, broken, entry_error, make_root, stopped};
use super::walker::Walker;
use super::weight::{self, Weight};
use super::{Error, Ownership, content};

/// Unpacks all layers into the empty folder `tree`.
pub(super) fn unpack(
    layers: &[Layer],
    tree: &Path,
    ownership: Ownership,
    progress: &dyn Progress,
) -> Result<Weight, Error> {
    let indexes: Vec<LayerIndex> =
        layers.par_iter().map(|layer| index_layer(layer, &mut ())).collect::<Result<_, _>>()?;
    let union = union(layers, &indexes)?;
    let (mut walker, setter) = make_root(tree, ownership)?;
    let mut flat = Flat::plan(&union, &indexes)?;
    make_folders(&flat.folders, &mut walker)?;
    let files = std::mem::take(&mut flat.files);
    layers.par_iter().enumerate().try_for_each(|(at, layer)| {
        let Some(files) = files.get(&at) else { return Ok(()) };
        super::prepare::watched(layer, "unpack", progress, |watch| {
            write_files(layer, files, &tree.join(FS), &setter, &flat.about, watch)
        })
    })?;
    flat.make_others(&mut walker, &setter)?;
    flat.link_names(&mut walker)?;
    flat.finish(tree, ownership, &mut walker, &setter)
}

/// What all layers together make. An entry that no runtime could unpack is an error here.
fn union(layers: &[Layer], indexes: &[LayerIndex]) -> Result<Tree, Error> {
    let mut tree = Tree::new();
    for (layer, index) in layers.iter().zip(indexes) {
        if let Some(problem) = tree.apply(index).first() {
            return Err(Error::Invalid {
                layer: layer.name(),
                entry: display_path(problem.path.as_bytes()),
                reason: problem.kind.to_string(),
            });
        }
    }
    Ok(tree)
}

/// What goes where.
struct Flat {
    folders: Folders,
    /// By layer and number of entry: where its content goes.
    files: HashMap<usize, HashMap<usize, (Vec<u8>, Meta)>>,
    others: Vec<(Vec<u8>, Meta, Other)>,
    /// Further names, and what they are names of.
    links: Vec<(Vec<u8>, Vec<u8>)>,
    owners: BTreeMap<Vec<u8>, (u64, u64)>,
    about: Mutex<About>,
}

enum Other {
    Symlink(Box<[u8]>),
    Fifo,
}

impl Flat {
    fn plan(tree: &Tree, indexes: &[LayerIndex]) -> Result<Self, Error> {
        let entries = indexes.iter().map(|index| index.entries.len() as u64).sum();
        let mut flat = Self {
            folders: Folders::new(),
            files: HashMap::new(),
            others: Vec::new(),
            links: Vec::new(),
            owners: BTreeMap::new(),
            about: Mutex::new(About { version: about::VERSION, entries, ..About::default() }),
        };
        let mut implied_bytes = 0;
        let mut first_names: HashMap<NodeId, Vec<u8>> = HashMap::new();
        for id in tree.walk(Tree::ROOT) {
            let node = tree.node(id);
            let path = tree.path(id).as_bytes().to_vec();
            let meta = tree.meta(id, indexes);
            if let Some(Meta { uid, gid, .. }) = meta
                && (uid, gid) != (0, 0)
            {
                flat.owners.insert(path.clone(), (uid, gid));
            }
            let meta = meta.unwrap_or_else(attributes::implied);
            if matches!(node.what, What::Directory(_)) {
                implied_bytes += if node.origin.is_none() { path.len() } else { 0 };
                if implied_bytes > MAX_IMPLIED_BYTES {
                    let failure = Failure::Invalid(TOO_MANY_FOLDERS.to_owned());
                    return Err(entry_error(UNION, &path, failure));
                }
                flat.folders.declared(path, meta);
                continue;
            }
            if let Some(first) = first_names.get(&node.original) {
                flat.links.push((path, first.clone()));
                continue;
            }
            if flat.add(tree, indexes, id, path.clone(), meta) {
                first_names.insert(node.original, path);
            }
        }
        Ok(flat)
    }

    /// A first name; says whether there will be something.
    fn add(
        &mut self,
        tree: &Tree,
        indexes: &[LayerIndex],
        id: NodeId,
        path: Vec<u8>,
        meta: Meta,
    ) -> bool {
        let node = tree.node(id);
        match &node.what {
            What::Directory(_) => unreachable!("folders have one name, and were dealt with"),
            What::File(inode) => {
                let Origin { layer, entry } = tree.inode(*inode).origin;
                let of_layer = self.files.entry(layer as usize).or_default();
                of_layer.insert(entry as usize, (path, meta));
            }
            What::Symlink(target) => self.others.push((path, meta, Other::Symlink(target.clone()))),
            What::Special => {
                let origin = tree.node(node.original).origin;
                let body =
                    origin.map(|at| &indexes[at.layer as usize].entries[at.entry as usize].body);
                if !matches!(body, Some(Body::Fifo)) {
                    self.owners.remove(&path);
                    self.about_mut().skipped.add(path);
                    return false;
                }
                self.others.push((path, meta, Other::Fifo));
            }
        }
        true
    }

    fn about_mut(&mut self) -> &mut About {
        self.about.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn make_others(&mut self, walker: &mut Walker, setter: &Setter) -> Result<(), Error> {
        let mut dropped = 0;
        for (path, meta, other) in &self.others {
            let name = enter_parent(walker, path)?;
            let folder = walker.here();
            let (made, thing) = match other {
                Other::Symlink(target) => {
                    (rustix::fs::symlinkat(&**target, folder, name), Thing::Symlink)
                }
                Other::Fifo => {
                    let (kind, none) = (FileType::Fifo, Dev::default());
                    (rustix::fs::mknodat(folder, name, kind, Mode::RUSR, none), Thing::Fifo)
                }
            };
            made.map_err(|error| failed(path, "create", error))?;
            dropped += setter
                .set(folder, name, meta, thing)
                .map_err(|refused| entry_error(UNION, path, refused.into()))?;
        }
        self.about_mut().dropped_xattrs += dropped;
        Ok(())
    }

    fn link_names(&self, walker: &mut Walker) -> Result<(), Error> {
        for (path, first) in &self.links {
            let name = enter_parent(walker, path)?;
            let folder = walker.hold();
            let target = enter_parent(walker, first)?;
            rustix::fs::linkat(walker.here(), target, &folder, name, AtFlags::empty())
                .map_err(|error| failed(path, "link", error))?;
        }
        Ok(())
    }

    fn finish(
        mut self,
        tree: &Path,
        ownership: Ownership,
        walker: &mut Walker,
        setter: &Setter,
    ) -> Result<Weight, Error> {
        let at = |(path, refused): (Vec<u8>, Refused)| entry_error(UNION, &path, refused.into());
        // Now, for later some folders may be closed.
        let mut weight = weight::count(&tree.join(FS))?;
        let mut of_folders = About::default();
        self.folders.describe(&mut of_folders);
        self.about_mut().root = of_folders.root;
        let dropped = self.folders.finish(walker, setter).map_err(at)?;
        self.about_mut().dropped_xattrs += dropped;
        if ownership == Ownership::Flattened {
            let mut owners = OwnersWriter::create(tree)?;
            for (path, (uid, gid)) in &self.owners {
                owners.note(path, *uid, *gid).map_err(Error::io("write owners in", tree))?;
            }
            let bytes = owners.finish().map_err(Error::io("write owners in", tree))?;
            weight.add(1, bytes);
        }
        weight.add(2, about::write(tree, self.about_mut())?);
        Ok(weight)
    }
}

/// Makes folders that go through no link, open to their owner only.
pub(super) fn make_folders(folders: &Folders, walker: &mut Walker) -> Result<(), Error> {
    // Sorted by path, folders come before what is in them.
    for (path, _) in folders.iter().filter(|(path, _)| !path.is_empty()) {
        let name = enter_parent(walker, path)?;
        rustix::fs::mkdirat(walker.here(), name, Mode::RWXU)
            .map_err(|e| failed(path, "create the folder", e))?;
    }
    Ok(())
}

/// How errors call all layers together.
const UNION: &str = "the image";

fn failed(path: &[u8], action: &'static str, error: Errno) -> Error {
    entry_error(UNION, path, Refused(action, error.into()).into())
}

/// Goes to the folder of a path; returns its last component.
fn enter_parent<'p>(walker: &mut Walker, path: &'p [u8]) -> Result<&'p [u8], Error> {
    let (parent, name) = split(path);
    walker.enter_real(parent).map_err(|stop| entry_error(UNION, path, stopped(stop)))?;
    Ok(name)
}

/// Writes what is visible of one layer's files.
fn write_files(
    layer: &Layer,
    files: &HashMap<usize, (Vec<u8>, Meta)>,
    root: &Path,
    setter: &Setter,
    about: &Mutex<About>,
    watch: super::unpack::Watch<'_>,
) -> Result<(), Error> {
    let mut walker = Walker::open(root).map_err(Error::io("open", root))?;
    let mut tar = TarReader::new(layer.read()?).global_headers(GlobalHeaders::Ignore);
    let mut dropped = 0;
    let mut number = 0;
    let mut reported = 0;
    while let Some(entry) = tar.next_entry().map_err(|e| broken(layer, e))? {
        if let Some((path, meta)) = files.get(&number) {
            let at = |failure| entry_error(&layer.name(), path, failure);
            let name = enter_parent(&mut walker, path)?;
            let flags =
                OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mode = Setter::creation_mode(meta);
            let file = rustix::fs::openat(walker.here(), name, flags, mode)
                .map_err(|error| at(Refused("create", error.into()).into()))?;
            content::write(&file, &entry, &mut tar.data()).map_err(|e| at(Failure::Refused(e)))?;
            dropped += setter.new_file(file.as_fd(), meta).map_err(|e| at(Failure::Refused(e)))?;
        }
        number += 1;
        let position = tar.get_ref().input_position();
        watch.progress.advance(watch.id, position - reported);
        reported = position;
    }
    tar.drain().map_err(|e| broken(layer, e))?;
    tar.into_inner().finish()?;
    about.lock().unwrap_or_else(std::sync::PoisonError::into_inner).dropped_xattrs += dropped;
    Ok(())
}
