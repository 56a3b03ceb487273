//! The root file system: layers joined by overlayfs, or a copy.

use std::fs;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use lightship_base::with_causes;
use rustix::fs::{Mode, OFlags};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, open_tree,
};

use super::inside::{self, Inside};
use crate::Note;
use crate::failure::{Attempt as _, Failure, Fault};
use crate::identity::Identity;
use crate::snapshot::{Ownership, copy_layers};
use crate::sys;
use crate::wire::{Job, Layers, RootFolder};

/// A root that is mounted but not entered.
pub(super) struct Root {
    pub(super) inside: Inside,
    /// The folder that takes what is written.
    pub(super) written: OwnedFd,
}

/// `fsconfig` takes values of at most this many bytes, end included.
const MAX_VALUE: usize = 256;

/// Mounts the root where nothing else sees it.
pub(super) fn mount(job: &Job, note: &mut dyn FnMut(Note)) -> Result<Root, Failure> {
    inside::cut_off()?;
    let place = new_folder(&job.scratch.join("root"))?;
    let Layers { folders, root } = &job.layers;
    let upper = new_folder(&job.scratch.join("upper"))?;
    describe(&upper, *root, job.identity)?;
    let work = new_folder(&job.scratch.join("work"))?;
    let (mount, written) = match overlay(folders, &upper, &work, &job.scratch) {
        Ok(joined) => (joined, open_folder(&upper)?),
        Err(refused) => {
            note(Note(format!(
                "this kernel or disk refuses overlayfs ({}): the image was copied for this run",
                refused.reason
            )));
            let copy = copy(&job.layers, &job.scratch, job.identity)?;
            (bind(&copy)?, open_folder(&copy)?)
        }
    };
    let rights =
        u64::from((MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV).bits());
    sys::set_mount_attributes(mount.as_fd(), false, rights)
        .attempt(|| "forbid set-uid programs and devices on the root".to_owned())?;
    let onto = open_folder(&place)?;
    inside::attach(mount.as_fd(), onto.as_fd()).attempt(|| "place the root".to_owned())?;
    let inside = Inside::at(&place)?;
    Ok(Root { inside, written })
}

/// The union of the layers as a folder of the sandbox's own. Done here, by the root of a namespace: an
/// image has files that not even their owner may read.
pub(super) fn copy(
    layers: &Layers,
    scratch: &Path,
    identity: Identity,
) -> Result<PathBuf, Failure> {
    let Layers { folders, root } = layers;
    let copy = new_folder(&scratch.join("copy"))?;
    let ownership = if identity.keeps_owners() { Ownership::Real } else { Ownership::Flattened };
    copy_layers(folders, ownership, &root.meta(), &copy)
        .map_err(|error| Failure::machine("copy the image", with_causes(&error)))?;
    Ok(copy)
}

fn bind(folder: &Path) -> Result<OwnedFd, Failure> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    open_tree(rustix::fs::CWD, folder, flags).attempt(|| format!("mount {}", folder.display()))
}

/// Joins folders: `lower`, bottom first, below `upper`.
pub(super) fn overlay(
    lower: &[PathBuf],
    upper: &Path,
    work: &Path,
    scratch: &Path,
) -> Result<OwnedFd, Failure> {
    let empty;
    let lower = if lower.is_empty() {
        // An image without layers, or of empty ones, is an empty folder.
        empty = [new_folder(&scratch.join("empty"))?];
        &empty
    } else {
        lower
    };
    let long = lower.iter().any(|path| path.as_os_str().len() >= MAX_VALUE);
    let one_by_one =
        if long { Err(rustix::io::Errno::INVAL) } else { by_steps(lower, upper, work) };
    // Kernels before 6.7 do not know `lowerdir+`, and none takes long values that way.
    one_by_one
        .or_else(|first| by_links(lower, upper, work, scratch).map_err(|()| first))
        .attempt(|| format!("join {} layers by overlayfs", lower.len()))
        .map_err(|failure| {
            Failure { fault: Fault::NoOverlay, ..failure }
                .hint("`lightship doctor` says whether this kernel and file system allow overlayfs")
        })
}

/// The new way: one call per layer, without a limit on their number's text.
fn by_steps(lower: &[PathBuf], upper: &Path, work: &Path) -> rustix::io::Result<OwnedFd> {
    let overlay = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_flag(&overlay, "userxattr")?;
    for layer in lower.iter().rev() {
        fsconfig_set_string(&overlay, "lowerdir+", layer)?;
    }
    fsconfig_set_string(&overlay, "upperdir", upper)?;
    fsconfig_set_string(&overlay, "workdir", work)?;
    fsconfig_create(&overlay)?;
    fsmount(&overlay, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())
}

/// The old way: all layers in one string of one page, hence by links with short names.
fn by_links(lower: &[PathBuf], upper: &Path, work: &Path, scratch: &Path) -> Result<OwnedFd, ()> {
    let links = scratch.join(format!("links-{}", upper.file_name().ok_or(())?.to_string_lossy()));
    let place = links.join("m");
    fs::create_dir_all(&place).map_err(drop)?;
    let link = |name: String, to: &Path| {
        std::os::unix::fs::symlink(to, links.join(&name)).map_err(drop).map(|()| name)
    };
    let names: Result<Vec<_>, ()> =
        lower.iter().rev().enumerate().map(|(n, path)| link(n.to_string(), path)).collect();
    let (upper, work) = (link("u".to_owned(), upper)?, link("w".to_owned(), work)?);
    let options =
        format!("userxattr,lowerdir={},upperdir={upper},workdir={work}", names?.join(":"));
    let options = std::ffi::CString::new(options).map_err(drop)?;
    rustix::process::chdir(&links).map_err(drop)?;
    let mounted =
        rustix::mount::mount("overlay", "m", "overlay", MountFlags::empty(), options.as_c_str());
    let taken = mounted.and_then(|()| {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        open_tree(rustix::fs::CWD, "m", flags)
    });
    rustix::process::chdir("/").map_err(drop)?;
    taken.map_err(drop)
}

/// Gives the upper folder the attributes of the image's root.
pub(super) fn describe(upper: &Path, root: RootFolder, identity: Identity) -> Result<(), Failure> {
    let attempt = || format!("describe the root in {}", upper.display());
    if identity.keeps_owners() {
        let (user, group) =
            (rustix::fs::Uid::from_raw(root.uid), rustix::fs::Gid::from_raw(root.gid));
        rustix::fs::chown(upper, Some(user), Some(group)).attempt(attempt)?;
    }
    rustix::fs::chmod(upper, Mode::from(root.mode)).attempt(attempt)
}

/// From here on nothing can be written into the root. What is mounted on it keeps its own rules.
pub(super) fn forbid_writing() -> Result<(), Failure> {
    let attempt = || "make the root read-only".to_owned();
    let root = open_folder(Path::new("/"))?;
    let read_only = u64::from(MountAttrFlags::MOUNT_ATTR_RDONLY.bits());
    sys::set_mount_attributes(root.as_fd(), false, read_only).attempt(attempt)
}

/// A folder of the sandbox's own.
pub(super) fn new_folder(path: &Path) -> Result<PathBuf, Failure> {
    let attempt = || format!("make the folder {}", path.display());
    match rustix::fs::mkdir(path, Mode::from(0o755)) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(path.to_owned()),
        Err(error) => Err(error).attempt(attempt),
    }
}

pub(super) fn open_folder(path: &Path) -> Result<OwnedFd, Failure> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).attempt(|| format!("open {}", path.display()))
}
