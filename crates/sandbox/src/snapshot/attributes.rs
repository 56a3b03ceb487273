//! Owner, mode, time and extended attributes of what was made.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use lightship_oci::rootfs::Meta;
use rustix::fs::{AtFlags, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::Ownership;

/// What overlayfs reads of a folder's or file's extended attributes. An image has no say in them.
pub(super) const OVERLAY: [&[u8]; 2] = [b"user.overlay.", b"trusted.overlay."];

/// The mode of a file while its owner has something to do with it.
const WRITABLE: Mode = Mode::RUSR.union(Mode::WUSR);

/// How attributes reach the disk here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setter {
    ownership: Ownership,
    /// Whom new files belong to.
    own: (u32, u32),
    /// The permissions that new files never get.
    umask: u32,
}

/// Which kind of thing gets attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thing {
    /// A folder.
    Folder,
    /// A file.
    File,
    /// A symbolic link: it has no mode.
    Symlink,
    /// A pipe.
    Fifo,
}

/// A step that was refused.
#[derive(Debug)]
pub(super) struct Refused(pub(super) &'static str, pub(super) io::Error);

type Outcome<T = ()> = Result<T, Refused>;

fn refused(action: &'static str) -> impl FnOnce(Errno) -> Refused {
    move |error| Refused(action, error.into())
}

impl Setter {
    /// `umask` is what was missing of the mode of a folder made with all permissions.
    pub(super) fn new(ownership: Ownership, umask: u32) -> Self {
        let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Self { ownership, own, umask }
    }

    /// The permissions to make a new file with.
    pub(super) fn creation_mode(meta: &Meta) -> Mode {
        Mode::from_raw_mode(meta.mode & 0o777)
    }

    /// Of a file that was just made with [`Setter::creation_mode`], after its content: writing takes
    /// set-id bits and capabilities away, and so does a new owner.
    pub(super) fn new_file(&self, file: BorrowedFd<'_>, meta: &Meta) -> Outcome<u64> {
        if let Some((uid, gid)) = self.owner(meta)? {
            rustix::fs::fchown(file, Some(uid), Some(gid)).map_err(refused("set the owner of"))?;
        }
        let has_xattrs = meta.xattrs.is_some();
        if has_xattrs {
            // The kernel asks the mode, not the open file, who may write attributes.
            rustix::fs::fchmod(file, WRITABLE).map_err(refused("set the mode of"))?;
        }
        let dropped = self.xattrs(meta, Thing::File, |name, value| {
            rustix::fs::fsetxattr(file, name, value, XattrFlags::empty())
        })?;
        if has_xattrs || meta.mode & 0o7000 != 0 || meta.mode & self.umask != 0 {
            let mode = Mode::from_raw_mode(meta.mode);
            rustix::fs::fchmod(file, mode).map_err(refused("set the mode of"))?;
        }
        rustix::fs::futimens(file, &times(meta)).map_err(refused("set the time of"))?;
        Ok(dropped)
    }

    /// Of anything else, and of a file that was linked to: all of them, whatever they are now. Returns
    /// how many extended attributes cannot be here.
    pub(super) fn set(
        &self,
        folder: BorrowedFd<'_>,
        name: &[u8],
        meta: &Meta,
        thing: Thing,
    ) -> Outcome<u64> {
        if let Some((uid, gid)) = self.owner_or_own(meta, thing)? {
            rustix::fs::chownat(folder, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
                .map_err(refused("set the owner of"))?;
        }
        let dropped = match &meta.xattrs {
            Some(_) => self.xattrs_at(folder, name, meta, thing)?,
            None => 0,
        };
        rustix::fs::utimensat(folder, name, &times(meta), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(refused("set the time of"))?;
        // Last: a folder that may not be entered has no `.` either.
        if thing != Thing::Symlink {
            let mode = Mode::from_raw_mode(meta.mode);
            rustix::fs::chmodat(folder, name, mode, AtFlags::empty())
                .map_err(refused("set the mode of"))?;
        }
        Ok(dropped)
    }

    /// The ids to give to something new; none where it has them already, or keeps those of the caller.
    fn owner(&self, meta: &Meta) -> Outcome<Option<(Uid, Gid)>> {
        let id = |id: u64| {
            let small = u32::try_from(id).ok().filter(|id| *id != u32::MAX);
            small.ok_or_else(|| Refused("set the owner of", Errno::INVAL.into()))
        };
        match self.ownership {
            Ownership::Flattened => Ok(None),
            Ownership::Real | Ownership::Mapped => {
                let (uid, gid) = (id(meta.uid)?, id(meta.gid)?);
                Ok(((uid, gid) != self.own).then(|| (Uid::from_raw(uid), Gid::from_raw(gid))))
            }
        }
    }

    /// A file that was linked to may have got another owner before; and a new owner takes its
    /// capabilities away, be it the same.
    fn owner_or_own(&self, meta: &Meta, thing: Thing) -> Outcome<Option<(Uid, Gid)>> {
        let owner = self.owner(meta)?;
        if thing != Thing::File || self.ownership == Ownership::Flattened {
            return Ok(owner);
        }
        Ok(owner.or(Some((Uid::from_raw(self.own.0), Gid::from_raw(self.own.1)))))
    }

    /// By its name in `/proc`, so that no folder need be open for reading.
    fn xattrs_at(
        &self,
        folder: BorrowedFd<'_>,
        name: &[u8],
        meta: &Meta,
        thing: Thing,
    ) -> Outcome<u64> {
        let path = by_proc(folder, name);
        if thing == Thing::File {
            rustix::fs::chmodat(folder, name, WRITABLE, AtFlags::empty())
                .map_err(refused("set the mode of"))?;
        }
        self.xattrs(meta, thing, |xattr, value| {
            rustix::fs::lsetxattr(&path, xattr, value, XattrFlags::empty())
        })
    }

    fn xattrs(
        &self,
        meta: &Meta,
        thing: Thing,
        set: impl Fn(&[u8], &[u8]) -> rustix::io::Result<()>,
    ) -> Outcome<u64> {
        let mut dropped = 0;
        for (name, value) in meta.xattrs.iter().flat_map(|xattrs| xattrs.iter()) {
            if !self.takes(name, thing) {
                dropped += 1;
                continue;
            }
            match set(name, value) {
                Ok(()) => {}
                // What this file system, kernel or caller cannot have. Runtimes go on, too.
                Err(
                    Errno::PERM
                    | Errno::ACCESS
                    | Errno::NOTSUP
                    | Errno::INVAL
                    | Errno::RANGE
                    | Errno::TOOBIG,
                ) => dropped += 1,
                // So says ext4 of what does not fit beside a file's other attributes; a disk that is
                // really full has no room for a short one either.
                Err(Errno::NOSPC) if value.len() > 2_048 => dropped += 1,
                Err(error) => return Err(Refused("set an extended attribute of", error.into())),
            }
        }
        Ok(dropped)
    }

    fn takes(&self, name: &[u8], thing: Thing) -> bool {
        if OVERLAY.iter().any(|prefix| name.starts_with(prefix)) {
            return false;
        }
        match thing {
            Thing::Folder | Thing::File => {
                self.ownership != Ownership::Flattened || name != b"security.capability"
            }
            // Linux keeps those that programs may set (`user.`) for files and folders only.
            Thing::Symlink | Thing::Fifo => !name.starts_with(b"user."),
        }
    }
}

/// A path that leads to what is called `name` in an open folder, however long the way there is.
pub(super) fn by_proc(folder: impl AsFd, name: &[u8]) -> Vec<u8> {
    let fd = folder.as_fd().as_raw_fd();
    [format!("/proc/self/fd/{fd}/").as_bytes(), name].concat()
}

/// Access times are nobody's business.
fn times(meta: &Meta) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
        last_modification: Timespec {
            tv_sec: meta.mtime.secs,
            tv_nsec: i64::from(meta.mtime.nanos),
        },
    }
}

/// The attributes of a folder that no layer tells anything about.
pub(super) fn implied() -> Meta {
    let mtime = lightship_oci::tar::Mtime::EPOCH;
    Meta { mode: 0o755, uid: 0, gid: 0, mtime, xattrs: None }
}
