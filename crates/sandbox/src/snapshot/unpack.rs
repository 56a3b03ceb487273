//! One layer into a folder of its own.
//!
//! The tar is read once, front to back, and every entry is made as it comes: relative to an open
//! folder, following no link in the kernel. Whiteouts wait until the end, for they concern lower layers
//! only, wherever they stand in the tar.

mod entries;

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use lightship_base::{Progress, TransferId};
use lightship_oci::layer::{Layer, LayerReader};
use lightship_oci::rootfs::IndexEntry;
use lightship_oci::tar::path::{MAX_PATH_BYTES, display_path};
use lightship_oci::tar::{Entry, GlobalHeaders, TarError, TarErrorKind, TarReader};
use rustix::fs::{Mode, OFlags};

use super::about::{self, About, FS, OwnersWriter};
use super::attributes::{Refused, Setter};
use super::folders::Folders;
use super::walker::{Stop, Walker};
use super::weight::Weight;
use super::{Error, Ownership};

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

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
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
