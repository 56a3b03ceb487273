//! The folders of a snapshot while it is made. Until it is complete they are open to their owner only,
//! and to him in full; attributes follow at the end, for every new child would change their time.

use std::collections::BTreeMap;

use lightship_oci::rootfs::Meta;
use rustix::fs::{Dev, FileType, Mode, XattrFlags};
use rustix::io::Errno;

use super::about::{About, ImpliedFolder, PathText, SavedMeta};
use super::attributes::{self, Refused, Setter, Thing};
use super::walker::{Stop, Walker};

/// Paths of folders that no entry declares take no more memory than this: a thousand entries of two
/// thousand folders each are nobody's image.
pub(super) const MAX_IMPLIED_BYTES: usize = 32 << 20;

/// What is wrong with an entry that goes beyond.
pub(super) const TOO_MANY_FOLDERS: &str = "needs too many folders that no entry has";

/// A folder.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// What its last declaration says.
    pub(super) meta: Option<Meta>,
    /// Whether something was put in before it was declared.
    pub(super) implied: bool,
    /// What it hides of lower layers.
    hides: Hides,
    /// Whether it has whiteouts.
    pub(super) has_whiteouts: bool,
}

/// What a folder hides of the lower layers' folder at the same path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Hides {
    /// Nothing: they merge.
    #[default]
    Nothing,
    /// All that is in it.
    Content,
    /// The folder itself: this one has nothing to do with it.
    All,
}

/// All folders by their paths, which go through no links; the root is empty.
#[derive(Debug)]
pub(super) struct Folders {
    all: BTreeMap<Vec<u8>, Folder>,
    implied_bytes: usize,
}

impl Folder {
    fn is_opaque(&self) -> bool {
        self.hides != Hides::Nothing
    }
}

/// Too many folders that no entry declares.
#[derive(Debug)]
pub(super) struct TooMany;

impl Folders {
    /// A root that nobody declared yet.
    pub(super) fn new() -> Self {
        let root = Folder { implied: true, ..Folder::default() };
        Self { all: BTreeMap::from([(Vec::new(), root)]), implied_bytes: 0 }
    }

    pub(super) fn get(&mut self, path: &[u8]) -> Option<&mut Folder> {
        self.all.get_mut(path)
    }

    pub(super) fn contains(&self, path: &[u8]) -> bool {
        self.all.contains_key(path)
    }

    /// A folder that was made because an entry declares it.
    pub(super) fn declared(&mut self, path: Vec<u8>, meta: Meta) {
        self.all.insert(path, Folder { meta: Some(meta), ..Folder::default() });
    }

    /// Folders that were made because something lies in them.
    pub(super) fn implied(&mut self, paths: Vec<Vec<u8>>) -> Result<(), TooMany> {
        for path in paths {
            self.implied_bytes += path.len();
            self.all.insert(path, Folder { implied: true, ..Folder::default() });
        }
        if self.implied_bytes > MAX_IMPLIED_BYTES { Err(TooMany) } else { Ok(()) }
    }

    /// Forgets a folder and all below it; says whether there was one.
    pub(super) fn forget(&mut self, path: &[u8]) -> bool {
        let was_there = self.all.remove(path).is_some();
        if was_there {
            // Everything below sorts between `path/` and `path0`, for `0` follows the slash.
            let (from, to) = ([path, b"/"].concat(), [path, b"0"].concat());
            let below: Vec<Vec<u8>> = self.all.range(from..to).map(|(p, _)| p.clone()).collect();
            for path in below {
                self.all.remove(&path);
            }
        }
        was_there
    }

    /// Whether a folder above this path hides what lower layers have.
    fn is_below_opaque(&self, path: &[u8]) -> bool {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let mut above = std::iter::once(0).chain(ends);
        !path.is_empty()
            && above.any(|end| self.all.get(&path[..end]).is_some_and(Folder::is_opaque))
    }

    /// Puts the marks that overlayfs reads: `whiteouts` are paths that lower layers lose, `opaques`
    /// folders that lose everything in them. They count where the layer's own folders are, not where
    /// its links lead. Returns how many whiteouts were made.
    pub(super) fn mark(
        &mut self,
        walker: &mut Walker,
        mut whiteouts: Vec<Vec<u8>>,
        opaques: &[Vec<u8>],
    ) -> Result<u64, (Vec<u8>, Refused)> {
        for path in opaques {
            if let Some(folder) = self.all.get_mut(path) {
                folder.hides = Hides::Content;
            }
        }
        // Folders before what is in them, since nothing need be hidden in an opaque one.
        whiteouts.sort_unstable();
        whiteouts.dedup();
        let mut made = 0;
        for path in whiteouts {
            if let Some(folder) = self.all.get_mut(&path) {
                folder.hides = Hides::All;
            } else if !self.is_below_opaque(&path) {
                let is_new = self.hide(walker, &path).map_err(|refused| (path, refused))?;
                made += u64::from(is_new);
            }
        }
        Ok(made)
    }

    fn hide(&mut self, walker: &mut Walker, path: &[u8]) -> Result<bool, Refused> {
        let (parent, name) = split(path);
        let Some(folder) = self.all.get_mut(parent) else {
            return Ok(false);
        };
        enter(walker, parent)?;
        match make_whiteout(walker, name) {
            Ok(()) => {
                folder.has_whiteouts = true;
                Ok(true)
            }
            // Something of this layer stands there, and hides what is below it by itself.
            Err(Errno::EXIST) => Ok(false),
            Err(error) => Err(Refused("make a whiteout for", error.into())),
        }
    }

    /// Gives all folders their attributes, the innermost first: afterwards some cannot be entered.
    /// Returns how many extended attributes could not be set.
    pub(super) fn finish(
        &self,
        walker: &mut Walker,
        setter: &Setter,
    ) -> Result<u64, (Vec<u8>, Refused)> {
        let mut dropped = 0;
        for (path, folder) in self.all.iter().rev() {
            let set = finish_one(walker, setter, path, folder);
            dropped += set.map_err(|refused| (path.clone(), refused))?;
        }
        Ok(dropped)
    }

    /// What a snapshot has to say about them.
    pub(super) fn describe(&self, about: &mut About) {
        about.root =
            self.all.get(&b""[..]).and_then(|root| root.meta.as_ref()).map(SavedMeta::from);
        for (path, folder) in &self.all {
            if folder.implied {
                about.implied.push(ImpliedFolder {
                    path: PathText(path.clone()),
                    declared: folder.meta.is_some(),
                    fresh: folder.hides == Hides::All,
                });
            }
            if folder.is_opaque() {
                about.opaque.push(PathText(path.clone()));
            }
        }
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &Folder)> {
        self.all.iter().map(|(path, folder)| (path.as_slice(), folder))
    }
}

fn finish_one(
    walker: &mut Walker,
    setter: &Setter,
    path: &[u8],
    folder: &Folder,
) -> Result<u64, Refused> {
    let marks = marks(folder);
    if !marks.is_empty() {
        enter(walker, path)?;
    }
    for (name, value) in marks {
        let itself = attributes::by_proc(walker.here(), b".");
        rustix::fs::setxattr(&itself, name, value, XattrFlags::empty())
            .map_err(|error| Refused("mark for overlayfs", error.into()))?;
    }
    let implied = attributes::implied();
    let meta = folder.meta.as_ref().unwrap_or(&implied);
    let (parent, name) = split(path);
    if name.is_empty() {
        enter(walker, path)?;
        return setter.set(walker.here(), b".", meta, Thing::Folder);
    }
    enter(walker, parent)?;
    setter.set(walker.here(), name, meta, Thing::Folder)
}

fn enter(walker: &mut Walker, path: &[u8]) -> Result<(), Refused> {
    walker.enter_real(path).map_err(|stop| {
        let source = match stop {
            Stop::Os(error) => error,
            Stop::Missing | Stop::Blocked | Stop::Endless | Stop::TooLong => Errno::NOENT.into(),
        };
        Refused("open", source)
    })
}

/// A path's folder and last component.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// How overlayfs is told that something is gone: a character device 0:0, which ordinary users may make,
/// too. Only a container's rules may forbid it.
fn make_whiteout(walker: &Walker, name: &[u8]) -> rustix::io::Result<()> {
    let kind = FileType::CharacterDevice;
    rustix::fs::mknodat(walker.here(), name, kind, Mode::empty(), Dev::default())
}

/// The marks on a folder that overlayfs reads.
fn marks(folder: &Folder) -> Vec<(&'static str, &'static [u8])> {
    let mut marks: Vec<(&str, &[u8])> = Vec::new();
    if folder.is_opaque() {
        marks.push(("user.overlay.opaque", b"y"));
    }
    if folder.has_whiteouts {
        // Where nothing lies below such a folder, overlayfs would list the names of its whiteouts. It
        // looks for them if it takes the folder for a copied-up one.
        marks.push(("user.overlay.origin", b""));
    }
    marks
}
