//! An overlay, mounted as the launcher does it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use lightship_sandbox::snapshot::Prepared;
use rustix::fs::{CWD, Timespec, Timestamps};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, UnmountFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, unmount,
};

/// A mounted overlay; unmounted when dropped.
pub(crate) struct Overlay {
    pub(crate) root: PathBuf,
}

impl Overlay {
    /// Mounts at `place`/merged, with an upper folder that has the root's attributes.
    pub(crate) fn mount(prepared: &Prepared, place: &Path) -> Self {
        let (root, upper, work) = (place.join("merged"), place.join("upper"), place.join("work"));
        for folder in [&root, &upper, &work] {
            fs::create_dir(folder).unwrap();
        }
        let meta = &prepared.root;
        let _ = std::os::unix::fs::chown(
            &upper,
            u32::try_from(meta.uid).ok(),
            u32::try_from(meta.gid).ok(),
        );
        for (name, value) in &meta.xattrs {
            let _ = rustix::fs::setxattr(
                &upper,
                name.as_slice(),
                value,
                rustix::fs::XattrFlags::empty(),
            );
        }
        fs::set_permissions(&upper, fs::Permissions::from_mode(meta.mode)).unwrap();
        let time = Timespec { tv_sec: meta.mtime.secs, tv_nsec: meta.mtime.nanos.into() };
        let times = Timestamps { last_access: time, last_modification: time };
        rustix::fs::utimensat(CWD, &upper, &times, rustix::fs::AtFlags::empty()).unwrap();

        let overlay = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).unwrap();
        fsconfig_set_flag(&overlay, "userxattr").unwrap();
        for layer in prepared.layers.iter().rev() {
            fsconfig_set_string(&overlay, "lowerdir+", layer).unwrap();
        }
        fsconfig_set_string(&overlay, "upperdir", &upper).unwrap();
        fsconfig_set_string(&overlay, "workdir", &work).unwrap();
        fsconfig_create(&overlay).unwrap_or_else(|error| panic!("{error}: {prepared:?}"));
        let mounted = fsmount(&overlay, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty());
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        move_mount(mounted.unwrap(), "", CWD, &root, flags).unwrap();
        Self { root }
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        unmount(&self.root, UnmountFlags::DETACH).unwrap();
    }
}
