//! Files that a task wrote, opened so that no link of its leads anywhere: every step of a path is resolved by the
//! kernel within a folder (`openat2(2)`).

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat2};
use rustix::io::Errno;

/// How often a path is resolved again while the machine's tree changes (`openat2(2)`, EAGAIN).
const MOST_TRIES: u32 = 10_000;

/// A folder of which the path is ours, and what is in it is a task's.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

/// What a path below a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing is there.
    Missing,
    File,
    Folder,
    /// A link, or a path that goes through one.
    Link,
    /// A device, a pipe or a socket.
    Special,
}

impl Kind {
    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Missing => "nothing",
            Self::File => "a file",
            Self::Folder => "a folder",
            Self::Link => "a link",
            Self::Special => "a device, a pipe or a socket",
        }
    }

    pub(crate) fn of(file: impl AsFd) -> io::Result<Self> {
        Ok(match FileType::from_raw_mode(fstat(file)?.st_mode) {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Folder,
            FileType::Symlink => Self::Link,
            _ => Self::Special,
        })
    }
}

impl Folder {
    /// Opens one of ours.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// What is there.
    pub(crate) fn kind(&self, path: &Path) -> io::Result<Kind> {
        match self.resolve(path, OFlags::PATH | OFlags::NOFOLLOW) {
            Ok(place) => Kind::of(place),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(Kind::Missing),
            Err(Errno::LOOP | Errno::XDEV) => Ok(Kind::Link),
            Err(error) => Err(error.into()),
        }
    }

    /// A file, for reading; none where nothing is there. What is no file is not opened.
    pub(crate) fn file(&self, path: &Path) -> io::Result<Option<File>> {
        match self.kind(path)? {
            Kind::Missing => return Ok(None),
            Kind::File => {}
            other => return Err(io::Error::other(format!("it is {}", other.name()))),
        }
        // Nobody can have put a pipe there meanwhile; if somebody could, opening it would not wait.
        let file = self.resolve(path, OFlags::RDONLY | OFlags::NONBLOCK)?;
        Ok(Some(File::from(file)))
    }

    /// A folder below, made where it is missing with everything above it.
    pub(crate) fn make(&self, path: &Path) -> io::Result<Self> {
        let mut here = Self(self.0.try_clone()?);
        for component in path.components() {
            let Component::Normal(name) = component else {
                return Err(io::Error::other("its path leads out of where it belongs"));
            };
            match mkdirat(&here.0, name, Mode::from(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            here = match here.resolve(Path::new(name), OFlags::PATH | OFlags::DIRECTORY) {
                Ok(next) => Self(next),
                Err(Errno::LOOP | Errno::NOTDIR) => {
                    let name = name.display();
                    return Err(io::Error::other(format!("`{name}` in its path is no folder")));
                }
                Err(error) => return Err(error.into()),
            };
        }
        Ok(here)
    }

    fn resolve(&self, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        again(|| openat2(&self.0, path, flags | OFlags::CLOEXEC, Mode::empty(), how))
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Opens for reading what a task calls `path`, links followed as it would: within its root.
pub(crate) fn inside(root: BorrowedFd<'_>, path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    again(|| openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT))
}

fn again(open: impl Fn() -> rustix::io::Result<OwnedFd>) -> rustix::io::Result<OwnedFd> {
    let mut tries = MOST_TRIES;
    loop {
        match open() {
            Err(Errno::AGAIN) if tries > 0 => tries -= 1,
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_leads_out() {
        let place = tempfile::tempdir().unwrap();
        let (ours, theirs) = (place.path().join("ours"), place.path().join("theirs"));
        for folder in [&ours, &theirs] {
            std::fs::create_dir(folder).unwrap();
        }
        std::fs::write(theirs.join("secret"), "s").unwrap();
        symlink(&theirs, ours.join("link")).unwrap();
        symlink("plain", ours.join("near")).unwrap();
        std::fs::write(ours.join("plain"), "p").unwrap();
        let folder = Folder::open(&ours).unwrap();
        let kind = |path: &str| folder.kind(Path::new(path)).unwrap();
        assert_eq!(kind("plain"), Kind::File);
        assert_eq!(kind("missing/x"), Kind::Missing);
        for path in ["link", "link/secret", "near", "../theirs/secret"] {
            assert_eq!(kind(path), Kind::Link, "{path}");
            assert!(folder.file(Path::new(path)).is_err(), "{path}");
        }
        assert!(folder.make(Path::new("link/x")).is_err());
        assert!(folder.make(Path::new("../x")).is_err());
        folder.make(Path::new("a/b")).unwrap();
        assert_eq!(kind("a/b"), Kind::Folder);
        assert!(!theirs.join("x").exists() && !place.path().join("x").exists());
    }
}
