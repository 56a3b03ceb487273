//! Going from folder to folder below a root, without ever leaving it.
//!
//! Entries of a layer mostly come folder by folder, so the way to where one stands is kept open: the
//! next path is compared with it, and only what differs is opened. Every step is one `openat` that
//! follows no link. Symbolic links are followed here, inside the root, by the rules of
//! [`lightship_oci::rootfs::Tree`]: what does not exist may still be left by `..`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use lightship_oci::tar::path::{MAX_PATH_BYTES, RootPath};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// As many symbolic links as Linux follows in one path before it says `ELOOP`.
const MAX_LINKS: usize = 40;

/// As many components as a path may have, links included: hostile links cannot cost more.
const MAX_STEPS: usize = 4_096;

/// Folders above each other that stay open; a process may have 1,024 files, and several layers are
/// unpacked at a time.
const MAX_OPEN: usize = 40;

/// Where a path could not be followed to.
#[derive(Debug)]
pub(super) enum Stop {
    /// There is no such folder.
    Missing,
    /// Something on the way is no folder.
    Blocked,
    /// Symbolic links lead in a circle.
    Endless,
    /// Symbolic links lead to a path that is too long.
    TooLong,
    /// The operating system refused.
    Os(io::Error),
}

/// What to do about what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Make the folders.
    Make,
    /// [`Stop::Missing`].
    Refuse,
}

/// Somewhere below a root.
#[derive(Debug)]
pub(super) struct Walker {
    root: Rc<OwnedFd>,
    /// Where it stands: components joined by slashes. It goes through no symbolic link.
    path: Vec<u8>,
    steps: Vec<Step>,
    /// Paths of folders that were made, to be taken by [`Walker::take_made`].
    made: Vec<Vec<u8>>,
    /// Whether a link ever left by `..` what did not exist.
    left_missing: bool,
}

#[derive(Debug)]
struct Step {
    /// Where its name ends in the path.
    end: usize,
    /// Closed where too many would be open.
    fd: Option<Rc<OwnedFd>>,
}

const FOLDER: OFlags =
    OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Walker {
    /// Stands at the root.
    pub(super) fn new(root: OwnedFd) -> Self {
        Self {
            root: Rc::new(root),
            path: Vec::new(),
            steps: Vec::new(),
            made: Vec::new(),
            left_missing: false,
        }
    }

    /// Opens a folder as the root, be it one that may not be read.
    pub(super) fn open(root: &std::path::Path) -> io::Result<Self> {
        Ok(Self::new(rustix::fs::open(root, FOLDER, Mode::empty())?))
    }

    /// Where it stands, as a path that goes through no link.
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    /// The path of something in the folder where it stands.
    pub(super) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        join(&self.path, name)
    }

    /// The folder where it stands: for calls relative to it, not for reading it.
    pub(super) fn here(&self) -> BorrowedFd<'_> {
        match self.steps.last() {
            None => self.root.as_fd(),
            Some(step) => step.fd.as_ref().expect("the last step is open").as_fd(),
        }
    }

    /// The same, to keep.
    pub(super) fn hold(&self) -> Rc<OwnedFd> {
        match self.steps.last() {
            None => Rc::clone(&self.root),
            Some(step) => Rc::clone(step.fd.as_ref().expect("the last step is open")),
        }
    }

    /// The folders made since this was last asked, outermost first.
    pub(super) fn take_made(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.made)
    }

    /// Whether a link ever left by `..` what did not exist: with other folders beside, it leads
    /// elsewhere.
    pub(super) fn left_missing(&self) -> bool {
        self.left_missing
    }

    /// Goes to a folder, through symbolic links.
    pub(super) fn enter(&mut self, folder: &RootPath, missing: Missing) -> Result<(), Stop> {
        if folder.as_bytes() == self.path {
            return Ok(());
        }
        let mut walk = Walk { left: components_reversed(folder.as_bytes()), ..Walk::default() };
        self.keep_common(&mut walk.left)?;
        while let Some(name) = walk.left.pop() {
            walk.steps += 1;
            if walk.steps > MAX_STEPS {
                return Err(Stop::Endless);
            }
            if &*name == b".." {
                if walk.missing.pop().is_some() {
                    self.left_missing = true;
                } else {
                    self.truncate(self.steps.len().saturating_sub(1))?;
                }
            } else if walk.missing.is_empty() {
                self.step(name, &mut walk)?;
            } else {
                walk.missing.push(name);
            }
        }
        match missing {
            Missing::Refuse if !walk.missing.is_empty() => Err(Stop::Missing),
            Missing::Refuse | Missing::Make => self.make(walk.missing),
        }
    }

    /// Goes to a folder of which it is known that it is there and goes through no link.
    pub(super) fn enter_real(&mut self, path: &[u8]) -> Result<(), Stop> {
        if path == self.path {
            return Ok(());
        }
        let mut left = components_reversed(path);
        self.keep_common(&mut left)?;
        while let Some(name) = left.pop() {
            let fd = rustix::fs::openat(self.here(), &*name, FOLDER, Mode::empty()).map_err(
                |error| match error {
                    Errno::NOENT => Stop::Missing,
                    Errno::NOTDIR | Errno::LOOP => Stop::Blocked,
                    other => Stop::Os(other.into()),
                },
            )?;
            self.push(&name, fd);
        }
        Ok(())
    }

    /// Goes back to the last folder that is on the way, and takes off what is behind already.
    fn keep_common(&mut self, left: &mut Vec<Box<[u8]>>) -> Result<(), Stop> {
        let mut begin = 0;
        let mut common = 0;
        for step in &self.steps {
            match left.last() {
                Some(name) if **name == self.path[begin..step.end] => drop(left.pop()),
                _ => break,
            }
            begin = step.end + 1;
            common += 1;
        }
        self.truncate(common)
    }

    fn step(&mut self, name: Box<[u8]>, walk: &mut Walk) -> Result<(), Stop> {
        match rustix::fs::openat(self.here(), &*name, FOLDER, Mode::empty()) {
            Ok(fd) => {
                self.push(&name, fd);
                Ok(())
            }
            Err(Errno::NOENT) => {
                walk.missing.push(name);
                Ok(())
            }
            Err(Errno::NOTDIR | Errno::LOOP) => {
                let target = match rustix::fs::readlinkat(self.here(), &*name, Vec::new()) {
                    Ok(target) => target.into_bytes(),
                    Err(Errno::INVAL) => return Err(Stop::Blocked),
                    Err(error) => return Err(Stop::Os(error.into())),
                };
                walk.links += 1;
                if walk.links > MAX_LINKS {
                    return Err(Stop::Endless);
                }
                if target.first() == Some(&b'/') {
                    self.truncate(0)?;
                }
                walk.left.extend(components_reversed(&target));
                Ok(())
            }
            Err(error) => Err(Stop::Os(error.into())),
        }
    }

    fn make(&mut self, missing: Vec<Box<[u8]>>) -> Result<(), Stop> {
        let bytes: usize = missing.iter().map(|name| name.len() + 1).sum();
        if bytes > 0 && self.path.len() + bytes > MAX_PATH_BYTES {
            return Err(Stop::TooLong);
        }
        for name in missing {
            rustix::fs::mkdirat(self.here(), &*name, Mode::RWXU).map_err(os)?;
            let fd = rustix::fs::openat(self.here(), &*name, FOLDER, Mode::empty()).map_err(os)?;
            self.push(&name, fd);
            self.made.push(self.path.clone());
        }
        Ok(())
    }

    fn push(&mut self, name: &[u8], fd: OwnedFd) {
        if !self.path.is_empty() {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
        self.steps.push(Step { end: self.path.len(), fd: Some(Rc::new(fd)) });
        if let Some(far) = self.steps.len().checked_sub(MAX_OPEN + 1) {
            self.steps[far].fd = None;
        }
    }

    fn truncate(&mut self, length: usize) -> Result<(), Stop> {
        self.steps.truncate(length);
        self.path.truncate(self.steps.last().map_or(0, |step| step.end));
        if self.steps.last().is_none_or(|step| step.fd.is_some()) {
            return Ok(());
        }
        // So deep that it was closed, and all above: on the way back, the next ones are opened, too.
        let keep_from = self.steps.len().saturating_sub(MAX_OPEN);
        let mut at = Rc::clone(&self.root);
        let mut begin = 0;
        for (number, step) in self.steps.iter_mut().enumerate() {
            let name = &self.path[begin..step.end];
            at = Rc::new(rustix::fs::openat(&at, name, FOLDER, Mode::empty()).map_err(os)?);
            step.fd = (number >= keep_from).then(|| Rc::clone(&at));
            begin = step.end + 1;
        }
        Ok(())
    }
}

/// A path being followed.
#[derive(Default)]
struct Walk {
    /// What is left of it, the next component last.
    left: Vec<Box<[u8]>>,
    /// Folders that would have to be made, outermost first.
    missing: Vec<Box<[u8]>>,
    steps: usize,
    links: usize,
}

/// A name below a folder's path.
pub(super) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

fn os(error: Errno) -> Stop {
    Stop::Os(error.into())
}

/// Without what means nothing: a target of 4,000 slashes must not cost 4,000 steps.
fn components_reversed(path: &[u8]) -> Vec<Box<[u8]>> {
    let meaningful = |component: &&[u8]| !matches!(*component, b"" | b".");
    path.split(|byte| *byte == b'/').rev().filter(meaningful).map(Box::from).collect()
}
