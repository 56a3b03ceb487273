//! Whether the layers of an image mean the same when they are stacked, and what has to be added.
//!
//! A layer's snapshot knows nothing of the layers below. Two things can go wrong with that:
//!
//! - A folder that the layer needs, and declares too late or never, is something else below: a symbolic
//!   link, say, which a runtime would have followed. Then the image is made flat. (A folder that is
//!   declared first replaces whatever is below, in a runtime and in overlayfs alike.) Hard links to
//!   lower layers and the few things that [`super::About`] calls an obstacle have the same effect.
//! - A folder that the layer needs and never declares has attributes in a lower layer, which overlayfs
//!   would take from the upper one. Such folders are made once more, with the right attributes, in a
//!   small layer that goes on top.
//!
//! The folder of an image's plan depends on nothing but its diff IDs, so it is made once and kept.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use lightship_base::DiffId;
use lightship_oci::rootfs::Meta;
use lightship_oci::tar::Mtime;
use rustix::fs::{AtFlags, FileType, Stat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::Error;
use super::about::{self, About, FS, ImpliedFolder, SavedMeta};
use super::attributes::{self, OVERLAY};
use super::folders::split;
use super::walker::{Stop, Walker};

/// What is kept of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The format of this file.
    pub(super) version: u32,
    /// Why the layers cannot be stacked, if they cannot.
    pub(super) flat: Option<String>,
    /// Positions of the layers to stack, bottom first.
    pub(super) layers: Vec<usize>,
    /// Whether the plan's own folder goes on top.
    pub(super) has_folders: bool,
    /// The root folder.
    pub(super) root: SavedMeta,
}

/// The snapshots of an image, bottom first.
pub(super) struct Layers {
    views: Vec<View>,
}

struct View {
    tree: PathBuf,
    diff_id: DiffId,
    walker: Walker,
    about: About,
    implied: HashMap<Vec<u8>, ImpliedFolder>,
    opaque: HashSet<Vec<u8>>,
    /// Where whiteouts stand in for devices.
    devices: HashSet<Vec<u8>>,
}

/// What one layer has at a path.
enum Sight {
    /// A folder.
    Folder,
    /// Something that is no folder.
    Other,
    /// A whiteout, or nothing that anything of lower layers could show through.
    Cut,
    /// Nothing: lower layers decide.
    Nothing,
}

/// More lookups than this are not worth it: making the image flat takes one look at every entry.
const MAX_LOOKUPS: usize = 2_000_000;

impl Layers {
    /// Looks at snapshots that are there: trees and diff IDs, bottom first.
    pub(super) fn open(snapshots: Vec<(PathBuf, DiffId)>) -> Result<Self, Error> {
        let view = |(tree, diff_id): (PathBuf, DiffId)| {
            let damaged =
                || Error::io("read the notes in", &tree)(io::ErrorKind::InvalidData.into());
            let about: About = about::read(&tree).ok_or_else(damaged)?;
            let fs = tree.join(FS);
            let walker = Walker::open(&fs).map_err(Error::io("open", &fs))?;
            let implied = about.implied.iter().map(|f| (f.path.0.clone(), f.clone())).collect();
            let opaque = about.opaque.iter().map(|path| path.0.clone()).collect();
            let devices = about.skipped.first.iter().map(|path| path.0.clone()).collect();
            Ok(View { tree, diff_id, walker, about, implied, opaque, devices })
        };
        Ok(Self { views: snapshots.into_iter().map(view).collect::<Result<_, Error>>()? })
    }

    /// Why the layers cannot be stacked; none if they can.
    pub(super) fn obstacle(&mut self) -> Result<Option<String>, Error> {
        let number = |at: usize| format!("layer {}", at + 1);
        for (at, view) in self.views.iter().enumerate() {
            if let Some(reason) = &view.about.obstacle {
                return Ok(Some(format!("{}: {reason}", number(at))));
            }
            let skipped = &view.about.skipped;
            if skipped.count > skipped.first.len() as u64 {
                return Ok(Some(format!("{} has {} devices", number(at), skipped.count)));
            }
        }
        let implied: usize = self.views.iter().map(|view| view.implied.len()).sum();
        if implied.saturating_mul(self.views.len()) > MAX_LOOKUPS {
            return Ok(Some(format!("its layers leave out {implied} folders")));
        }
        for at in 0..self.views.len() {
            let paths: BTreeSet<Vec<u8>> = (self.views[at].implied.values())
                .filter(|folder| !folder.fresh)
                .map(|folder| folder.path.0.clone())
                .collect();
            for path in paths {
                if let Some(below) = self.clash(at, &path)? {
                    let path = lightship_oci::tar::path::display_path(&path);
                    return Ok(Some(format!(
                        "{} puts something into /{path}, which is no folder in {}",
                        number(at),
                        number(below)
                    )));
                }
            }
        }
        Ok(None)
    }

    /// The layer below `at` in which an implied folder of its is something else.
    fn clash(&mut self, at: usize, path: &[u8]) -> Result<Option<usize>, Error> {
        if self.views[at].hides_below(path) {
            return Ok(None);
        }
        for below in (0..at).rev() {
            match self.views[below].look(path)?.0 {
                Sight::Other => return Ok(Some(below)),
                Sight::Folder | Sight::Cut => return Ok(None),
                Sight::Nothing => {}
            }
        }
        Ok(None)
    }

    /// Which layers are worth stacking. One that empties the root hides all below, which overlayfs would
    /// not see; of equal layers only the topmost matters, and overlayfs takes no folder twice.
    pub(super) fn to_stack(&self) -> Vec<usize> {
        let first = self.views.iter().rposition(|view| view.opaque.contains(&b""[..]));
        let mut seen = HashSet::new();
        let mut layers: Vec<usize> = (first.unwrap_or(0)..self.views.len())
            .rev()
            .filter(|at| self.views[*at].about.entries > 0)
            .filter(|at| seen.insert(self.views[*at].diff_id))
            .collect();
        layers.reverse();
        layers
    }

    /// The folders whose attributes stacking would lose, with those above them: what they should have.
    pub(super) fn folders_to_add(&mut self) -> Result<BTreeMap<Vec<u8>, Meta>, Error> {
        let candidates: BTreeSet<Vec<u8>> = (self.views.iter())
            .flat_map(|view| view.implied.values())
            .filter(|folder| !folder.declared && !folder.path.0.is_empty())
            .map(|folder| folder.path.0.clone())
            .collect();
        let mut folders = BTreeMap::new();
        for path in candidates {
            let Some(Source { top, declared: Some(declared) }) = self.source(&path)? else {
                continue;
            };
            if top == declared {
                continue;
            }
            let mut at = path.as_slice();
            while !at.is_empty() && !folders.contains_key(at) {
                folders.insert(at.to_vec(), self.meta(at)?);
                at = split(at).0;
            }
        }
        Ok(folders)
    }

    /// What a folder of the union looks like.
    pub(super) fn meta(&mut self, path: &[u8]) -> Result<Meta, Error> {
        match self.source(path)? {
            Some(Source { declared: Some(at), .. }) => self.views[at].meta(path),
            _ => Ok(attributes::implied()),
        }
    }

    /// Where a folder of the union comes from; none if the union has none there.
    fn source(&mut self, path: &[u8]) -> Result<Option<Source>, Error> {
        let mut top = None;
        for at in (0..self.views.len()).rev() {
            let view = &mut self.views[at];
            match view.look(path)? {
                (Sight::Folder, cuts) => {
                    let top = *top.get_or_insert(at);
                    match view.implied.get(path) {
                        Some(ImpliedFolder { declared: false, fresh, .. }) => {
                            if *fresh || cuts {
                                break;
                            }
                        }
                        _ => return Ok(Some(Source { top, declared: Some(at) })),
                    }
                }
                (Sight::Nothing, false) => {}
                (Sight::Nothing, true) | (Sight::Other | Sight::Cut, _) => break,
            }
        }
        Ok(top.map(|top| Source { top, declared: None }))
    }
}

/// Where a folder comes from.
struct Source {
    /// The topmost layer that has it.
    top: usize,
    /// The topmost that says what it looks like.
    declared: Option<usize>,
}

impl View {
    /// Whether this layer hides all that lower ones have in a folder above this path.
    fn hides_below(&self, path: &[u8]) -> bool {
        let mut at = path;
        while !at.is_empty() && !self.opaque.is_empty() {
            at = split(at).0;
            if self.opaque.contains(at) {
                return true;
            }
        }
        false
    }

    /// What is at a path, and whether a folder above it hides lower layers.
    fn look(&mut self, path: &[u8]) -> Result<(Sight, bool), Error> {
        let cuts = self.hides_below(path);
        let (parent, name) = split(path);
        let failed = |error| Error::io("look into", &self.tree)(error);
        if name.is_empty() {
            return Ok((Sight::Folder, cuts));
        }
        match self.walker.enter_real(parent) {
            Ok(()) => {}
            Err(Stop::Missing) if cuts => return Ok((Sight::Cut, true)),
            Err(Stop::Missing) => return Ok((Sight::Nothing, false)),
            Err(Stop::Os(error)) => return Err(failed(error)),
            Err(Stop::Blocked | Stop::Endless | Stop::TooLong) => return Ok((Sight::Cut, cuts)),
        }
        let found = rustix::fs::statat(self.walker.here(), name, AtFlags::SYMLINK_NOFOLLOW);
        let sight = match found {
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => Sight::Folder,
                FileType::CharacterDevice if stat.st_rdev == 0 && !self.devices.contains(path) => {
                    Sight::Cut
                }
                _ => Sight::Other,
            },
            Err(Errno::NOENT) if cuts => Sight::Cut,
            Err(Errno::NOENT) => Sight::Nothing,
            Err(error) => return Err(failed(error.into())),
        };
        Ok((sight, cuts))
    }

    /// What a declared folder looks like.
    fn meta(&mut self, path: &[u8]) -> Result<Meta, Error> {
        if let Some(root) = self.about.root.clone().filter(|_| path.is_empty()) {
            return Ok(root.into());
        }
        let (parent, name) = split(path);
        let gone = |_| Error::io("look into", &self.tree)(io::ErrorKind::NotFound.into());
        self.walker.enter_real(parent).map_err(gone)?;
        let failed = |error| Error::io("look into", &self.tree)(error);
        let here = self.walker.here();
        let stat = rustix::fs::statat(here, name, AtFlags::SYMLINK_NOFOLLOW);
        let stat = stat.map_err(|error| failed(error.into()))?;
        let xattrs = read_xattrs(&attributes::by_proc(here, name)).map_err(failed)?;
        let mut meta = meta_of(&stat, xattrs);
        if self.tree.join(about::OWNERS).exists() {
            let owners = about::owners(&self.tree).map_err(failed)?;
            (meta.uid, meta.gid) = owners.get(path).copied().unwrap_or((0, 0));
        }
        Ok(meta)
    }
}

/// What the root folder of a whole image in a tree looks like.
pub(super) fn root_meta(tree: &Path) -> Meta {
    let about: Option<About> = about::read(tree);
    about.and_then(|about| about.root).map_or_else(attributes::implied, Meta::from)
}

/// Attributes as the system tells them.
pub(super) fn meta_of(stat: &Stat, xattrs: BTreeMap<Vec<u8>, Vec<u8>>) -> Meta {
    Meta {
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid.into(),
        gid: stat.st_gid.into(),
        mtime: Mtime { secs: stat.st_mtime, nanos: u32::try_from(stat.st_mtime_nsec).unwrap_or(0) },
        xattrs: (!xattrs.is_empty()).then(|| Box::new(xattrs)),
    }
}

/// Extended attributes that an image could have; those of overlayfs and of this machine's own security
/// modules are none.
pub(super) fn read_xattrs(path: &[u8]) -> io::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut names = vec![0; 64 << 10];
    let length = match rustix::fs::llistxattr(path, &mut names) {
        Err(Errno::NOTSUP) => 0,
        length => length?,
    };
    let mut xattrs = BTreeMap::new();
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let is_own = OVERLAY.iter().any(|prefix| name.starts_with(prefix));
        if is_own || name == b"security.selinux" {
            continue;
        }
        let mut value = vec![0; 64 << 10];
        let length = rustix::fs::lgetxattr(path, name, &mut value)?;
        value.truncate(length);
        xattrs.insert(name.to_vec(), value);
    }
    Ok(xattrs)
}
