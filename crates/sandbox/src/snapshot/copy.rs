//! The union of a prepared image as a plain copy, for kernels that refuse overlayfs.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use lightship_oci::rootfs::Meta;
use lightship_oci::tar::path::display_path;
use rustix::fs::{AtFlags, Dev, Dir, FileType, Mode, OFlags, SeekFrom, Stat};
use rustix::io::Errno;

use super::attributes::{self, Refused, Setter, Thing};
use super::folders::{Folders, split};
use super::plan::{meta_of, read_xattrs};
use super::walker::{Stop, Walker, join};
use super::{Error, FolderMeta, Ownership, Prepared};

/// Copies a prepared image into `dest`, an empty folder, whiteouts applied. Bytes are shared with the
/// snapshots where the file system can do that.
///
/// It takes the snapshots as they are on the disk, owners included. Whoever calls may read all of them:
/// an image can have files that not even their owner may read, so an ordinary user calls this as root of
/// a user namespace of his own. It takes no threads.
pub fn copy_to(prepared: &Prepared, dest: &Path) -> Result<(), Error> {
    copy_layers(&prepared.layers, prepared.ownership, &prepared.root, dest)
}

/// The same from its parts, for a process that has no store to ask.
pub(crate) fn copy_layers(
    layers: &[PathBuf],
    ownership: Ownership,
    root: &FolderMeta,
    dest: &Path,
) -> Result<(), Error> {
    let mut copy = Copy::new(ownership, dest)?;
    for layer in layers {
        copy.layer(layer)?;
    }
    copy.finish(root)
}

struct Copy<'a> {
    dest: &'a Path,
    walker: Walker,
    setter: Setter,
    folders: Folders,
    by: Method,
}

/// How bytes are copied. The better ways are tried first, and given up where they do not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Share,
    InKernel,
    ReadAndWrite,
}

/// One folder of a layer.
struct Source<'s> {
    walker: &'s Walker,
    /// First copies of what has several names in this layer.
    linked: &'s mut HashMap<u64, Vec<u8>>,
}

impl<'a> Copy<'a> {
    fn new(ownership: Ownership, dest: &'a Path) -> Result<Self, Error> {
        let walker = Walker::open(dest).map_err(Error::io("open", dest))?;
        Ok(Self {
            dest,
            walker,
            // Every new file gets its mode once more.
            setter: Setter::new(ownership, 0o777),
            folders: Folders::new(),
            by: Method::Share,
        })
    }

    fn failed(&self, path: &[u8]) -> impl FnOnce(Refused) -> Error + use<> {
        let (dest, path) = (self.dest.display().to_string(), display_path(path));
        move |Refused(action, source)| Error::Entry {
            layer: format!("the image to {dest}"),
            action,
            entry: path,
            source,
        }
    }

    fn layer(&mut self, root: &Path) -> Result<(), Error> {
        let mut walker = Walker::open(root).map_err(Error::io("open", root))?;
        let mut linked = HashMap::new();
        let mut open: Vec<Vec<u8>> = vec![Vec::new()];
        while let Some(path) = open.pop() {
            let fail = self.failed(&path);
            let (meta, is_opaque, children) = (|| {
                enter(&mut walker, &path)?;
                let stat = stat(walker.here(), b".")?;
                let itself = attributes::by_proc(walker.here(), b".");
                let xattrs = read_xattrs(&itself).map_err(|e| Refused("read", e))?;
                Ok((meta_of(&stat, xattrs), is_opaque(&itself), children(&walker)?))
            })()
            .map_err(fail)?;
            let fail = self.failed(&path);
            self.folder(&path, meta, is_opaque).map_err(fail)?;
            for (name, kind) in children {
                let path = join(&path, &name);
                if kind == FileType::Directory {
                    open.push(path);
                    continue;
                }
                let fail = self.failed(&path);
                let mut source = Source { walker: &walker, linked: &mut linked };
                self.thing(&mut source, &path).map_err(fail)?;
            }
        }
        Ok(())
    }

    /// Folders merge, unless the upper one says otherwise.
    fn folder(&mut self, path: &[u8], meta: Meta, is_opaque: bool) -> Result<(), Refused> {
        let is_there = self.folders.contains(path);
        if is_there && is_opaque {
            self.clear(path)?;
        }
        if let Some(folder) = self.folders.get(path) {
            folder.meta = Some(meta);
            return Ok(());
        }
        let (parent, name) = split(path);
        enter(&mut self.walker, parent)?;
        loop {
            match rustix::fs::mkdirat(self.walker.here(), name, Mode::RWXU) {
                Ok(()) => break,
                Err(Errno::EXIST) => self.remove(path)?,
                Err(error) => return Err(Refused("create the folder", error.into())),
            }
        }
        self.folders.declared(path.to_vec(), meta);
        Ok(())
    }

    /// Empties a folder of the copy.
    fn clear(&mut self, path: &[u8]) -> Result<(), Refused> {
        enter(&mut self.walker, path)?;
        for (name, _) in children(&self.walker)? {
            self.remove(&join(path, &name))?;
            enter(&mut self.walker, path)?;
        }
        Ok(())
    }

    fn remove(&mut self, path: &[u8]) -> Result<(), Refused> {
        self.folders.forget(path);
        let (parent, name) = split(path);
        enter(&mut self.walker, parent)?;
        lightship_cas::remove_tree_at(self.walker.here(), name).map_err(|e| Refused("replace", e))
    }

    fn thing(&mut self, source: &mut Source<'_>, path: &[u8]) -> Result<(), Refused> {
        let (parent, name) = split(path);
        let from = source.walker.here();
        let found = stat(from, name)?;
        enter(&mut self.walker, parent)?;
        if stat(self.walker.here(), name).is_ok() {
            self.remove(path)?;
        }
        if is_whiteout(&found) {
            return Ok(());
        }
        if found.st_nlink > 1 {
            if let Some(first) = source.linked.get(&found.st_ino) {
                return self.link(&first.clone(), path);
            }
            source.linked.insert(found.st_ino, path.to_vec());
        }
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => self.file(from, name, &found),
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(from, name, Vec::new())
                    .map_err(|e| Refused("read", e.into()))?;
                rustix::fs::symlinkat(target, self.walker.here(), name)
                    .map_err(|e| Refused("create", e.into()))?;
                self.attributes(from, name, &found, Thing::Symlink)
            }
            kind => {
                rustix::fs::mknodat(self.walker.here(), name, kind, Mode::RUSR, Dev::default())
                    .map_err(|e| Refused("create", e.into()))?;
                self.attributes(from, name, &found, Thing::Fifo)
            }
        }
    }

    fn link(&mut self, first: &[u8], path: &[u8]) -> Result<(), Refused> {
        let folder = self.walker.hold();
        let (parent, name) = split(first);
        enter(&mut self.walker, parent)?;
        rustix::fs::linkat(self.walker.here(), name, folder, split(path).1, AtFlags::empty())
            .map_err(|error| Refused("link", error.into()))
    }

    fn attributes(
        &self,
        from: BorrowedFd<'_>,
        name: &[u8],
        found: &Stat,
        thing: Thing,
    ) -> Result<(), Refused> {
        let xattrs =
            read_xattrs(&attributes::by_proc(from, name)).map_err(|e| Refused("read", e))?;
        self.setter.set(self.walker.here(), name, &meta_of(found, xattrs), thing).map(drop)
    }

    fn file(&mut self, from: BorrowedFd<'_>, name: &[u8], found: &Stat) -> Result<(), Refused> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let original = rustix::fs::openat(from, name, flags, Mode::empty())
            .map_err(|error| Refused("open", error.into()))?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let xattrs =
            read_xattrs(&attributes::by_proc(from, name)).map_err(|e| Refused("read", e))?;
        let meta = meta_of(found, xattrs);
        let mode = Setter::creation_mode(&meta);
        let copy = rustix::fs::openat(self.walker.here(), name, flags, mode)
            .map_err(|error| Refused("create", error.into()))?;
        let size = u64::try_from(found.st_size).unwrap_or(0);
        self.content(&original, &copy, size).map_err(|error| Refused("copy", error.into()))?;
        self.setter.new_file(copy.as_fd(), &meta).map(drop)
    }

    fn content(&mut self, from: &OwnedFd, to: &OwnedFd, size: u64) -> rustix::io::Result<()> {
        if size == 0 {
            return Ok(());
        }
        if self.by == Method::Share {
            match rustix::fs::ioctl_ficlone(to, from) {
                Ok(()) => return Ok(()),
                Err(Errno::NOSPC | Errno::DQUOT) => return Err(Errno::NOSPC),
                // Not on this file system, or not across two.
                Err(_) => self.by = Method::InKernel,
            }
        }
        // Holes stay holes: a file may say that it has more bytes than the disk.
        let mut at = 0;
        while at < size {
            let begin = match rustix::fs::seek(from, SeekFrom::Data(at)) {
                Ok(begin) => begin,
                Err(Errno::NXIO) => break,
                Err(Errno::INVAL | Errno::NOTSUP) => at,
                Err(error) => return Err(error),
            };
            let end = rustix::fs::seek(from, SeekFrom::Hole(begin)).unwrap_or(size);
            self.range(from, to, begin, end)?;
            at = end.max(begin + 1);
        }
        rustix::fs::ftruncate(to, size)
    }

    fn range(
        &mut self,
        from: &OwnedFd,
        to: &OwnedFd,
        begin: u64,
        end: u64,
    ) -> rustix::io::Result<()> {
        let mut at = begin;
        let mut buffer = Vec::new();
        while at < end {
            let left = usize::try_from(end - at).unwrap_or(usize::MAX).min(1 << 30);
            if self.by == Method::InKernel {
                let (mut read, mut written) = (at, at);
                let copied = rustix::fs::copy_file_range(
                    from,
                    Some(&mut read),
                    to,
                    Some(&mut written),
                    left,
                );
                match copied {
                    Ok(copied) if copied > 0 => {
                        at += copied as u64;
                        continue;
                    }
                    Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::IO)) => return Err(error),
                    _ => self.by = Method::ReadAndWrite,
                }
            }
            buffer.resize(256 << 10, 0);
            let most = left.min(buffer.len());
            let read = rustix::io::pread(from, &mut buffer[..most], at)?;
            if read == 0 {
                return Ok(());
            }
            let mut done = 0;
            while done < read {
                done += rustix::io::pwrite(to, &buffer[done..read], at + done as u64)?;
            }
            at += read as u64;
        }
        Ok(())
    }

    fn finish(mut self, root: &FolderMeta) -> Result<(), Error> {
        if let Some(folder) = self.folders.get(b"") {
            // Layers need not declare it, and stacked ones have the root of whoever mounts them.
            folder.meta = Some(root.clone().into());
        }
        let finished = self.folders.finish(&mut self.walker, &self.setter);
        match finished {
            Ok(_) => Ok(()),
            Err((path, refused)) => Err(self.failed(&path)(refused)),
        }
    }
}

fn enter(walker: &mut Walker, path: &[u8]) -> Result<(), Refused> {
    walker.enter_real(path).map_err(|stop| match stop {
        Stop::Os(error) => Refused("open the folder of", error),
        Stop::Missing | Stop::Blocked | Stop::Endless | Stop::TooLong => {
            Refused("open the folder of", Errno::NOTDIR.into())
        }
    })
}

fn stat(folder: BorrowedFd<'_>, name: &[u8]) -> Result<Stat, Refused> {
    rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|error| Refused("look at", error.into()))
}

/// Names and kinds of what is in the folder where `walker` stands, in order.
fn children(walker: &Walker) -> Result<BTreeMap<Vec<u8>, FileType>, Refused> {
    let failed = |error: Errno| Refused("list", error.into());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(walker.here(), ".", flags, Mode::empty()).map_err(failed)?;
    let mut entries = Dir::new(fd).map_err(failed)?;
    let mut children = BTreeMap::new();
    while let Some(entry) = entries.read() {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => FileType::from_raw_mode(stat(walker.here(), name)?.st_mode),
            kind => kind,
        };
        children.insert(name.to_vec(), kind);
    }
    Ok(children)
}

fn is_opaque(folder: &[u8]) -> bool {
    let mut value = [0; 8];
    rustix::fs::lgetxattr(folder, "user.overlay.opaque", &mut value).is_ok_and(|_| value[0] == b'y')
}

fn is_whiteout(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice && found.st_rdev == 0
}
