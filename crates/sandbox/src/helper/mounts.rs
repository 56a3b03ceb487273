//! What the user wants to be seen beside the image.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::FileType;
use rustix::mount::{MountAttrFlags, OpenTreeFlags, open_tree};

use super::inside::{self, Inside};
use super::root;
use super::system::file_system;
use crate::failure::{Attempt as _, Failure};
use crate::sys;
use crate::wire::{Job, Layers, RootFolder};
use crate::{Mount, MountContent};

const RIGHTS: MountAttrFlags =
    MountAttrFlags::MOUNT_ATTR_NOSUID.union(MountAttrFlags::MOUNT_ATTR_NODEV);

/// A mount that is nowhere yet.
pub(super) struct Made {
    pub(super) mount: OwnedFd,
    /// The folder that takes what is written, where that counts.
    pub(super) written: Option<OwnedFd>,
}

/// Adds a mount. Returns the folder that takes what is written, where that counts.
pub(super) fn add(inside: &Inside, mount: &Mount, job: &Job) -> Result<Option<OwnedFd>, Failure> {
    let target = &mount.target;
    let made = make(mount, job)?;
    let onto = match inside::kind(&made.mount) {
        Some(FileType::Directory) => inside.folder(target)?,
        _ => inside.file(target)?,
    };
    inside::attach(made.mount.as_fd(), onto.as_fd())
        .attempt(|| format!("mount {} inside", target.display()))?;
    Ok(made.written)
}

/// Makes what a mount shows.
pub(super) fn make(mount: &Mount, job: &Job) -> Result<Made, Failure> {
    let target = &mount.target;
    if !target.is_absolute() {
        let attempt = format!("mount something on {}", target.display());
        return Err(Failure::request(attempt, "that is not an absolute path"));
    }
    let mut written = None;
    let mount = match &mount.content {
        MountContent::ReadOnly(source) => bind(source, RIGHTS | MountAttrFlags::MOUNT_ATTR_RDONLY)?,
        MountContent::Writable(source) => bind(source, RIGHTS)?,
        MountContent::Counted(source) => {
            written = Some(root::open_folder(source)?);
            bind(source, RIGHTS)?
        }
        MountContent::CopyOnWrite(source) => {
            let (copy, folder) = copy_on_write(source, job)?;
            written = folder;
            copy
        }
        MountContent::Memory(size) => {
            let size = size.0.to_string();
            file_system("tmpfs", &[("mode", "1777"), ("size", &size)], RIGHTS)
                .attempt(|| format!("make a folder in memory for {}", target.display()))?
        }
    };
    Ok(Made { mount, written })
}

fn bind(source: &Path, rights: MountAttrFlags) -> Result<OwnedFd, Failure> {
    let attempt = || format!("mount {}", source.display());
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    let mount = open_tree(rustix::fs::CWD, source, flags).attempt(attempt)?;
    sys::set_mount_attributes(mount.as_fd(), true, u64::from(rights.bits())).attempt(attempt)?;
    Ok(mount)
}

/// Copies a file and its rights. Reading anything else may never end: nobody may be at a pipe's other
/// end, and before the command runs no limit on time holds.
fn copy_file(source: &Path, copy: &Path) -> Result<(), Failure> {
    let attempt = || format!("mount a copy of {}", source.display());
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    // Looked at before, as a device may do something when it is opened, and again once it is open.
    let about = fs::metadata(source).attempt(attempt)?;
    let opened = about.is_file().then(|| {
        let file = OpenOptions::new().read(true).custom_flags(flags).open(source)?;
        let about = file.metadata()?;
        Ok::<_, io::Error>((file, about))
    });
    let opened = opened.transpose().attempt(attempt)?.filter(|(_, about)| about.is_file());
    let Some((mut from, about)) = opened else {
        return Err(Failure::request(attempt(), "it is neither a file nor a folder")
            .hint("only files and folders can be copied: mount it read-only or writable"));
    };
    let mut to = fs::File::create_new(copy).attempt(attempt)?;
    io::copy(&mut from, &mut to).attempt(attempt)?;
    to.set_permissions(about.permissions()).attempt(attempt)
}

/// A folder is joined with an empty one on top; a file is simply copied, and so is a folder where the
/// kernel refuses to join it.
fn copy_on_write(source: &Path, job: &Job) -> Result<(OwnedFd, Option<OwnedFd>), Failure> {
    let attempt = || format!("mount a copy of {}", source.display());
    let number = fs::read_dir(&job.scratch).attempt(attempt)?.count();
    let own = root::new_folder(&job.scratch.join(format!("copy-{number}")))?;
    let source = fs::canonicalize(source).attempt(attempt)?;
    if !source.is_dir() {
        // In a folder where nothing else is: what is written into the file counts.
        let folder = root::new_folder(&own.join("upper"))?;
        let copy = folder.join("file");
        copy_file(&source, &copy)?;
        return Ok((bind(&copy, RIGHTS)?, Some(root::open_folder(&folder)?)));
    }
    let (upper, work) =
        (root::new_folder(&own.join("upper"))?, root::new_folder(&own.join("work"))?);
    let like = RootFolder::of_folder(&source).attempt(attempt)?;
    // Best effort: the machine's owner of the folder may be nobody inside.
    let _ = root::describe(&upper, like, job.identity);
    let layers = Layers { folders: vec![source], root: like };
    let (mount, written) = match root::overlay(&layers.folders, &upper, &work, &own) {
        Ok(joined) => (joined, upper),
        Err(_refused) => {
            let copy = root::copy(&layers, &own, job.identity)?;
            (bind(&copy, RIGHTS)?, copy)
        }
    };
    sys::set_mount_attributes(mount.as_fd(), false, u64::from(RIGHTS.bits())).attempt(attempt)?;
    Ok((mount, Some(root::open_folder(&written)?)))
}
