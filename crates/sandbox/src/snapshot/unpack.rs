//! One layer into a folder of its own.
//!
//! The tar is read once, front to back, and every entry is made as it comes: relative to an open
//! folder, following no link in the kernel. Whiteouts wait until the end, for they concern lower layers
//! only, wherever they stand in the tar.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use lightship_base::{Progress, TransferId};
use lightship_oci::layer::{Layer, LayerReader};
use lightship_oci::rootfs::{Body, IndexEntry, Meta};
use lightship_oci::tar::path::{MAX_PATH_BYTES, RootPath, display_path};
use lightship_oci::tar::{Entry, GlobalHeaders, TarError, TarErrorKind, TarReader};
use rustix::fs::{AtFlags, Dev, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::about::{self, About, FS, OwnersWriter};
use super::attributes::{Refused, Setter, Thing};
use super::folders::{Folders, TOO_MANY_FOLDERS, split};
use super::walker::{Missing, Stop, Walker};
use super::weight::Weight;
use super::{Error, Ownership, content};

/// Who watches, and as what.
#[derive(Clone, Copy)]
pub(super) struct Watch<'a> {
    pub(super) progress: &'a dyn Progress,
    pub(super) id: TransferId,
}

/// Unpacks a layer into the empty folder `tree`. On failure something may be in there.
pub(super) fn unpack(
    layer: &Layer,
    tree: &Path,
    ownership: Ownership,
    watch: Watch<'_>,
) -> Result<(About, Weight), Error> {
    let unpacked = Unpacker::new(layer, tree, ownership)?.run(watch);
    unpacked.map_err(|failure| match failure {
        // Where the blob is not what it claims to be, all else is a consequence.
        Error::Image(failure) => layer.explain(failure).into(),
        Error::Invalid { layer: name, entry, reason } => {
            let failure = lightship_oci::Error::invalid(name.clone(), reason.clone());
            match layer.explain(failure) {
                lightship_oci::Error::Invalid { .. } => {
                    Error::Invalid { layer: name, entry, reason }
                }
                better => better.into(),
            }
        }
        other => other,
    })
}

/// Makes the folder `fs` in a tree; returns it, and how files are made here.
pub(super) fn make_root(tree: &Path, ownership: Ownership) -> Result<(Walker, Setter), Error> {
    let path = tree.join(FS);
    let everything = Mode::RWXU | Mode::RWXG | Mode::RWXO;
    rustix::fs::mkdir(&path, everything).map_err(|e| Error::io("create", &path)(e.into()))?;
    let root = open_folder(&path)?;
    let look = || -> rustix::io::Result<u32> {
        let mode = rustix::fs::fstat(&root)?.st_mode;
        // Also takes a set-group-id bit away, which every folder below would inherit.
        rustix::fs::fchmod(&root, Mode::RWXU)?;
        Ok(!mode & 0o777)
    };
    let umask = look().map_err(|e| Error::io("look at", &path)(e.into()))?;
    Ok((Walker::new(root), Setter::new(ownership, umask)))
}

fn open_folder(path: &Path) -> Result<OwnedFd, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(|e| Error::io("open", path)(e.into()))
}

struct Unpacker<'a> {
    layer: &'a Layer,
    tree: &'a Path,
    walker: Walker,
    setter: Setter,
    folders: Folders,
    owners: Option<OwnersWriter>,
    whiteouts: Vec<Vec<u8>>,
    opaques: Vec<Vec<u8>>,
    /// Where devices would be.
    devices: BTreeSet<Vec<u8>>,
    about: About,
    weight: Weight,
    /// Whether something was replaced, so that the weight has to be found by looking.
    replaced: bool,
}

/// Why an entry could not be made.
pub(super) enum Failure {
    Refused(Refused),
    Invalid(String),
    /// What it makes, only all layers together can tell, or whether it can be made at all.
    Obstacle(String),
}

fn obstacle<T>(reason: &str) -> Result<T, Failure> {
    Err(Failure::Obstacle(reason.to_owned()))
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

fn refused(action: &'static str) -> impl FnOnce(Errno) -> Failure {
    move |error| Failure::Refused(Refused(action, error.into()))
}

impl<'a> Unpacker<'a> {
    fn new(layer: &'a Layer, tree: &'a Path, ownership: Ownership) -> Result<Self, Error> {
        let (walker, setter) = make_root(tree, ownership)?;
        let owners = match ownership {
            Ownership::Flattened => Some(OwnersWriter::create(tree)?),
            Ownership::Real | Ownership::Mapped => None,
        };
        Ok(Self {
            layer,
            tree,
            walker,
            setter,
            folders: Folders::new(),
            owners,
            whiteouts: Vec::new(),
            opaques: Vec::new(),
            devices: BTreeSet::new(),
            about: About { version: about::VERSION, ..About::default() },
            weight: Weight::default(),
            replaced: false,
        })
    }

    fn run(mut self, watch: Watch<'_>) -> Result<(About, Weight), Error> {
        let mut tar = TarReader::new(self.layer.read()?).global_headers(GlobalHeaders::Ignore);
        let mut reported = 0;
        while let Some(entry) = tar.next_entry().map_err(|e| broken(self.layer, e))? {
            if self.about.obstacle.is_none() {
                self.add(&entry, &mut tar)?;
            }
            self.about.entries += 1;
            let position = tar.get_ref().input_position();
            watch.progress.advance(watch.id, position - reported);
            reported = position;
        }
        tar.drain().map_err(|e| broken(self.layer, e))?;
        let facts = tar.into_inner().finish()?;
        watch.progress.advance(watch.id, facts.compressed_bytes.saturating_sub(reported));
        if self.about.obstacle.is_some() { self.give_up() } else { self.finish() }
    }

    fn add(&mut self, entry: &Entry, tar: &mut TarReader<LayerReader>) -> Result<(), Error> {
        let indexed = match IndexEntry::of(entry) {
            Ok(indexed) => indexed,
            Err(reason) => return Err(self.error(&entry.path, Failure::Invalid(reason))),
        };
        match self.make(&indexed, entry, tar) {
            Err(Failure::Obstacle(reason)) => {
                let path = &indexed.path;
                self.about.obstacle = Some(format!("{path} {reason}"));
                Ok(())
            }
            Err(Failure::Refused(Refused(_, source))) if is_broken_tar(&source) => {
                let what = self.layer.name();
                Err(lightship_oci::Error::Read { what, source }.into())
            }
            made => made.map_err(|failure| self.error(&entry.path, failure)),
        }
    }

    /// Keeps nothing of a layer that is never stacked, but the reason why not.
    fn give_up(self) -> Result<(About, Weight), Error> {
        let path = self.tree.join(FS);
        lightship_cas::remove_tree(&path).map_err(Error::io("empty", &path))?;
        make_root(self.tree, Ownership::Flattened)?;
        let about = About {
            version: about::VERSION,
            entries: self.about.entries,
            obstacle: self.about.obstacle,
            ..About::default()
        };
        drop(self.owners);
        about::remove_owners(self.tree)?;
        let mut weight = Weight::default();
        weight.add(2, about::write(self.tree, &about)?);
        Ok((about, weight))
    }

    fn error(&self, path: &[u8], failure: Failure) -> Error {
        entry_error(&self.layer.name(), path, failure)
    }

    fn make(
        &mut self,
        indexed: &IndexEntry,
        entry: &Entry,
        tar: &mut TarReader<LayerReader>,
    ) -> Result<(), Failure> {
        let IndexEntry { path, body, meta } = indexed;
        match body {
            Body::Ignored => Ok(()),
            Body::Whiteout => {
                self.whiteouts.push(path.as_bytes().to_vec());
                self.imply(&path.parent().unwrap_or_default())
            }
            Body::Opaque => {
                self.opaques.push(path.as_bytes().to_vec());
                self.imply(path)
            }
            Body::Directory => self.folder(path, meta),
            Body::File { .. } => self.file(path, meta, entry, tar),
            Body::HardLink(target) => self.hard_link(path, target, meta),
            Body::Symlink(target) => self.symlink(path, target, meta),
            Body::Fifo => self.fifo(path, meta),
            Body::CharDevice(..) | Body::BlockDevice(..) => self.leave_out(path),
        }
    }

    /// Goes to the folder that an entry belongs in, making it where it is missing.
    fn place<'p>(&mut self, path: &'p RootPath) -> Result<&'p [u8], Failure> {
        let (parent, _) = path.split_last().expect("only folders may be the root");
        let name = path.file_name().expect("only folders may be the root");
        let entered = self.walker.enter(&parent, Missing::Make);
        self.note_made()?;
        entered.map_err(stopped)?;
        if self.walker.left_missing() {
            return obstacle("lies behind links that leave folders which the layer does not have");
        }
        if self.walker.path().len() + 1 + name.len() > MAX_PATH_BYTES {
            return Err(stopped(Stop::TooLong));
        }
        Ok(name)
    }

    fn note_made(&mut self) -> Result<(), Failure> {
        let made = self.walker.take_made();
        self.weight.names += made.len() as u64;
        let too_many = |_| Failure::Invalid(TOO_MANY_FOLDERS.to_owned());
        self.folders.implied(made).map_err(too_many)
    }

    /// The folder that a whiteout stands in exists afterwards, where it can.
    fn imply(&mut self, folder: &RootPath) -> Result<(), Failure> {
        let entered = self.walker.enter(folder, Missing::Make);
        self.note_made()?;
        match entered {
            Err(Stop::Os(error)) => Err(Refused("open the folder of", error).into()),
            _ if self.walker.left_missing() => {
                obstacle("lies behind links that leave folders which the layer does not have")
            }
            _ => Ok(()),
        }
    }

    fn folder(&mut self, path: &RootPath, meta: &Meta) -> Result<(), Failure> {
        if path.is_root() {
            self.declare_again(b"", meta);
            return Ok(());
        }
        let name = self.place(path)?;
        let real = self.walker.path_of(name);
        if self.folders.contains(&real) {
            self.declare_again(&real, meta);
            return Ok(());
        }
        match rustix::fs::mkdirat(self.walker.here(), name, Mode::RWXU) {
            Ok(()) => {}
            Err(Errno::EXIST) => {
                return obstacle("is a folder in the place of something of the same layer");
            }
            Err(error) => return Err(refused("create the folder")(error)),
        }
        self.weight.names += 1;
        self.folders.declared(real, meta.clone());
        Ok(())
    }

    fn declare_again(&mut self, real: &[u8], meta: &Meta) {
        if let Some(folder) = self.folders.get(real) {
            folder.meta = Some(meta.clone());
        }
    }

    fn file(
        &mut self,
        path: &RootPath,
        meta: &Meta,
        entry: &Entry,
        tar: &mut TarReader<LayerReader>,
    ) -> Result<(), Failure> {
        let name = self.place(path)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Setter::creation_mode(meta);
        let file = loop {
            match rustix::fs::openat(self.walker.here(), name, flags, mode) {
                Ok(file) => break file,
                Err(Errno::EXIST) => self.make_room(name)?,
                Err(error) => return Err(refused("create")(error)),
            }
        };
        content::write(&file, entry, &mut tar.data())?;
        self.about.dropped_xattrs += self.setter.new_file(file.as_fd(), meta)?;
        self.weight.names += 1;
        self.weight.bytes += entry.real_size;
        self.note_owner(name, meta)
    }

    fn symlink(&mut self, path: &RootPath, target: &[u8], meta: &Meta) -> Result<(), Failure> {
        let name = self.place(path)?;
        loop {
            match rustix::fs::symlinkat(target, self.walker.here(), name) {
                Ok(()) => break,
                Err(Errno::EXIST) => self.make_room(name)?,
                Err(error) => return Err(refused("create the symbolic link")(error)),
            }
        }
        self.attributes(name, meta, Thing::Symlink)
    }

    fn fifo(&mut self, path: &RootPath, meta: &Meta) -> Result<(), Failure> {
        let name = self.place(path)?;
        loop {
            let (kind, none) = (FileType::Fifo, Dev::default());
            match rustix::fs::mknodat(self.walker.here(), name, kind, Mode::RUSR, none) {
                Ok(()) => break,
                Err(Errno::EXIST) => self.make_room(name)?,
                Err(error) => return Err(refused("create the pipe")(error)),
            }
        }
        self.attributes(name, meta, Thing::Fifo)
    }

    fn attributes(&mut self, name: &[u8], meta: &Meta, thing: Thing) -> Result<(), Failure> {
        self.about.dropped_xattrs += self.setter.set(self.walker.here(), name, meta, thing)?;
        self.weight.names += 1;
        self.note_owner(name, meta)
    }

    /// A second name for something of this layer, and its attributes once more.
    fn hard_link(
        &mut self,
        path: &RootPath,
        target: &RootPath,
        meta: &Meta,
    ) -> Result<(), Failure> {
        let name = self.place(path)?;
        let (folder, real) = (self.walker.hold(), self.walker.path_of(name));
        let Some((target_folder, target_name)) = target.split_last() else {
            return obstacle("is a hard link to the root");
        };
        match self.walker.enter(&target_folder, Missing::Refuse) {
            Ok(()) => {}
            Err(Stop::Os(error)) => {
                return Err(Refused("open the target's folder of", error).into());
            }
            Err(_) => return foreign_link(),
        }
        let real_target = self.walker.path_of(target_name);
        if self.devices.contains(&real_target) {
            return self.leave_out(path);
        }
        if self.folders.contains(&real_target) {
            return obstacle("is a hard link to a folder");
        }
        loop {
            let from = self.walker.here();
            match rustix::fs::linkat(from, target_name, &folder, name, AtFlags::empty()) {
                Ok(()) => break,
                Err(Errno::NOENT) => return foreign_link(),
                Err(Errno::EXIST) => {
                    // To make room means to stand there.
                    self.walker.enter_real(split(&real).0).map_err(stopped)?;
                    self.make_room(name)?;
                    let parent = split(&real_target).0;
                    match self.walker.enter_real(parent) {
                        Ok(()) => {}
                        Err(_) => return foreign_link(),
                    }
                }
                Err(error) => return Err(refused("link")(error)),
            }
        }
        let thing = content::kind(folder.as_fd(), name).map_err(refused("look at"))?;
        self.about.dropped_xattrs += self.setter.set(folder.as_fd(), name, meta, thing)?;
        self.weight.names += 1;
        self.note_owner_of(&real, meta, true)?;
        self.note_owner_of(&real_target, meta, true)
    }

    /// A device is not made; it hides what lower layers have there all the same. Until the end an empty
    /// file stands in for it, so that nothing can be put below.
    fn leave_out(&mut self, path: &RootPath) -> Result<(), Failure> {
        let name = self.place(path)?;
        let real = self.walker.path_of(name);
        loop {
            let (kind, none) = (FileType::RegularFile, Dev::default());
            match rustix::fs::mknodat(self.walker.here(), name, kind, Mode::empty(), none) {
                Ok(()) => break,
                Err(Errno::EXIST) => self.make_room(name)?,
                Err(error) => return Err(refused("create a stand-in for")(error)),
            }
        }
        self.whiteouts.push(real.clone());
        self.devices.insert(real.clone());
        self.about.skipped.add(real);
        Ok(())
    }

    /// Takes the stand-ins away.
    fn remove_devices(&mut self) -> Result<(), (Vec<u8>, Refused)> {
        for path in std::mem::take(&mut self.devices) {
            let (parent, name) = split(&path);
            let gone =
                |error: Errno| (path.clone(), Refused("remove the stand-in for", error.into()));
            self.walker.enter_real(parent).map_err(|_| gone(Errno::NOENT))?;
            rustix::fs::unlinkat(self.walker.here(), name, AtFlags::empty()).map_err(gone)?;
        }
        Ok(())
    }

    /// Removes what this layer itself put there before.
    fn make_room(&mut self, name: &[u8]) -> Result<(), Failure> {
        self.replaced = true;
        let real = self.walker.path_of(name);
        if self.folders.contains(&real) {
            return obstacle("takes the place of a folder of the same layer");
        }
        self.devices.remove(&real);
        rustix::fs::unlinkat(self.walker.here(), name, AtFlags::empty()).map_err(refused("replace"))
    }

    fn note_owner(&mut self, name: &[u8], meta: &Meta) -> Result<(), Failure> {
        if self.owners.is_some() && (self.replaced || (meta.uid, meta.gid) != (0, 0)) {
            let real = self.walker.path_of(name);
            return self.note_owner_of(&real, meta, self.replaced);
        }
        Ok(())
    }

    /// Root is not noted, unless it may be somebody else's successor.
    fn note_owner_of(&mut self, real: &[u8], meta: &Meta, always: bool) -> Result<(), Failure> {
        match &mut self.owners {
            Some(owners) if always || (meta.uid, meta.gid) != (0, 0) => owners
                .note(real, meta.uid, meta.gid)
                .map_err(|error| Refused("note the owner of", error).into()),
            _ => Ok(()),
        }
    }

    fn finish(mut self) -> Result<(About, Weight), Error> {
        let layer = self.layer.name();
        let at = |(path, refused): (Vec<u8>, Refused)| entry_error(&layer, &path, refused.into());
        self.remove_devices().map_err(at)?;
        let whiteouts = std::mem::take(&mut self.whiteouts);
        let made = self.folders.mark(&mut self.walker, whiteouts, &self.opaques);
        match made {
            Ok(made) => self.weight.names += made,
            // Without whiteouts the layer cannot be stacked; made flat, the image needs none.
            Err((path, Refused(_, error))) if error.kind() == io::ErrorKind::PermissionDenied => {
                let path = display_path(&path);
                self.about.obstacle =
                    Some(format!("/{path} is hidden, and this machine forbids whiteouts"));
                return self.give_up();
            }
            Err(failure) => return Err(at(failure)),
        }
        if self.replaced {
            // Now, for later some folders may be closed.
            self.weight = super::weight::count(&self.tree.join(FS))?;
        }
        let dropped = self.folders.finish(&mut self.walker, &self.setter).map_err(at)?;
        self.about.dropped_xattrs += dropped;
        self.folders.describe(&mut self.about);
        if let Some(mut owners) = self.owners.take() {
            for (path, folder) in self.folders.iter() {
                let Some(meta) = &folder.meta else { continue };
                if (meta.uid, meta.gid) != (0, 0) || self.replaced {
                    let noted = owners.note(path, meta.uid, meta.gid);
                    noted.map_err(Error::io("write owners in", self.tree))?;
                }
            }
            let bytes = owners.finish().map_err(Error::io("write owners in", self.tree))?;
            self.weight.add(1, bytes);
        }
        // The notes and `fs` itself.
        self.weight.add(2, about::write(self.tree, &self.about)?);
        Ok((self.about, self.weight))
    }
}

pub(super) fn entry_error(layer: &str, path: &[u8], failure: Failure) -> Error {
    let (layer, entry) = (layer.to_owned(), display_path(&path[..path.len().min(MAX_PATH_BYTES)]));
    match failure {
        Failure::Refused(Refused(action, source)) => Error::Entry { layer, action, entry, source },
        Failure::Invalid(reason) | Failure::Obstacle(reason) => {
            Error::Invalid { layer, entry, reason }
        }
    }
}

/// Why an entry's folder cannot be had. The words are those of [`lightship_oci::rootfs::ProblemKind`].
pub(super) fn stopped(stop: Stop) -> Failure {
    use lightship_oci::rootfs::ProblemKind;
    let kind = match stop {
        Stop::Os(error) => return Refused("open the folder of", error).into(),
        Stop::Missing | Stop::Blocked => ProblemKind::NotAFolder,
        Stop::Endless => ProblemKind::EndlessLinks,
        Stop::TooLong => ProblemKind::PathTooLong,
    };
    Failure::Obstacle(kind.to_string())
}

/// Of something that is not in this layer.
fn foreign_link() -> Result<(), Failure> {
    obstacle("is a hard link to something that the layer does not have")
}

/// Whether an error came from the tar's stream, not from this disk.
fn is_broken_tar(error: &io::Error) -> bool {
    error.raw_os_error().is_none() && error.get_ref().is_some()
}

pub(super) fn broken(layer: &Layer, error: TarError) -> Error {
    let what = layer.name();
    let source = match error.kind {
        // The stream's own failure keeps its cause: a broken connection is no broken archive.
        TarErrorKind::Io(source) => source,
        _ => error.into(),
    };
    lightship_oci::Error::Read { what, source }.into()
}
