//! Paths inside the new root, while it is not yet the root: every step is resolved by the kernel within
//! it (`openat2(2)`, `RESOLVE_IN_ROOT`), so that no link of an image leads out.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, MoveMountFlags, UnmountFlags};

use crate::failure::{Attempt as _, Failure};

/// How often a path is resolved again while the machine's tree changes. Each try takes microseconds.
const MOST_TRIES: u32 = 10_000;

/// The new root.
pub(super) struct Inside {
    root: OwnedFd,
}

impl Inside {
    /// Begins at a mounted folder.
    pub(super) fn at(folder: &Path) -> Result<Self, Failure> {
        let root = rustix::fs::open(
            folder,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .attempt(|| format!("open {}", folder.display()))?;
        Ok(Self { root })
    }

    /// Opens what is there, as a place and not for reading.
    pub(super) fn place(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        self.open(path, OFlags::PATH, Mode::empty())
    }

    pub(super) fn open(
        &self,
        path: &Path,
        flags: OFlags,
        mode: Mode,
    ) -> rustix::io::Result<OwnedFd> {
        let path = if path == Path::new("/") { Path::new(".") } else { path };
        let flags = flags | OFlags::CLOEXEC;
        // `..` cannot be resolved safely while anybody on this machine renames or mounts something; the
        // kernel then asks for another try (`openat2(2)`, EAGAIN).
        let mut tries = MOST_TRIES;
        loop {
            match rustix::fs::openat2(&self.root, path, flags, mode, ResolveFlags::IN_ROOT) {
                Err(Errno::AGAIN) if tries > 0 => tries -= 1,
                other => return other,
            }
        }
    }

    /// The folder, made where it is missing, with everything above it.
    pub(super) fn folder(&self, path: &Path) -> Result<OwnedFd, Failure> {
        let path = cleaned(path);
        let mut here = PathBuf::from("/");
        let mut folder = self.place(&here).attempt(|| "open the root".to_owned())?;
        for component in path.components() {
            let Component::Normal(name) = component else { continue };
            here.push(name);
            let attempt = || format!("make the folder {} inside", here.display());
            folder = match self.place(&here) {
                Err(Errno::NOENT) => {
                    match rustix::fs::mkdirat(&folder, name, Mode::from(0o755)) {
                        Err(Errno::EXIST) => {
                            let why = "a link is there that leads nowhere";
                            return Err(Failure::request(attempt(), why));
                        }
                        made => made.attempt(attempt)?,
                    }
                    self.place(&here).attempt(attempt)?
                }
                other => other.attempt(attempt)?,
            };
            if kind(&folder) != Some(FileType::Directory) {
                return Err(Failure::request(attempt(), "something else than a folder is there"));
            }
        }
        Ok(folder)
    }

    /// The file, made empty where it is missing; or whatever is there but a folder.
    pub(super) fn file(&self, path: &Path) -> Result<OwnedFd, Failure> {
        let path = &cleaned(path);
        let attempt = || format!("make the file {} inside", path.display());
        let name = path.file_name().ok_or_else(|| Failure::request(attempt(), "it has no name"))?;
        match self.place(path) {
            Ok(place) if kind(&place) == Some(FileType::Directory) => {
                Err(Failure::request(attempt(), "a folder is there"))
            }
            Ok(place) => Ok(place),
            Err(Errno::NOENT) => {
                let parent = self.folder(path.parent().unwrap_or(Path::new("/")))?;
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                rustix::fs::openat(&parent, name, flags, Mode::from(0o644)).attempt(attempt)?;
                self.place(path).attempt(attempt)
            }
            Err(error) => Err(Failure::machine(attempt(), error)),
        }
    }

    /// A real folder directly below the root, in place of whatever else has its name. True if something
    /// else had. For the kernel's file systems, which must not be mounted behind a link.
    pub(super) fn own_folder(&self, name: &str) -> Result<bool, Failure> {
        let attempt = || format!("make the folder /{name} inside");
        let replaced = match rustix::fs::statat(&self.root, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
                return Ok(false);
            }
            Ok(_) => {
                rustix::fs::unlinkat(&self.root, name, AtFlags::empty()).attempt(attempt)?;
                true
            }
            Err(Errno::NOENT) => false,
            Err(error) => return Err(Failure::machine(attempt(), error)),
        };
        rustix::fs::mkdirat(&self.root, name, Mode::from(0o755)).attempt(attempt)?;
        Ok(replaced)
    }

    /// Makes this the root, and lets go of the old one.
    pub(super) fn enter(&self) -> Result<(), Failure> {
        let attempt = || "enter the new root".to_owned();
        rustix::process::fchdir(&self.root).attempt(attempt)?;
        // The old root lands on top of the new one, from where it is unmounted at once.
        rustix::process::pivot_root(".", ".").attempt(attempt)?;
        rustix::mount::unmount(".", UnmountFlags::DETACH).attempt(attempt)?;
        rustix::process::chdir("/").attempt(attempt)
    }
}

/// An absolute path without `.` and `..`, by its words alone and whatever links there are: what other
/// engines make of mounts' targets and working folders. Above the root is the root.
pub(super) fn cleaned(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => cleaned.push(name),
            Component::ParentDir => drop(cleaned.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    cleaned
}

/// What a place is.
pub(super) fn kind(place: impl AsFd) -> Option<FileType> {
    rustix::fs::fstat(place).ok().map(|stat| FileType::from_raw_mode(stat.st_mode))
}

/// Puts a mount that is nowhere yet onto a place.
pub(super) fn attach(mount: BorrowedFd<'_>, place: BorrowedFd<'_>) -> rustix::io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    rustix::mount::move_mount(mount, "", place, "", flags)
}

/// Cuts this mount namespace off: nothing mounted here is seen elsewhere, and the reverse.
pub(super) fn cut_off() -> Result<(), Failure> {
    let flags = MountPropagationFlags::REC | MountPropagationFlags::PRIVATE;
    rustix::mount::mount_change("/", flags)
        .attempt(|| "separate the sandbox's mounts from the machine's".to_owned())
}
