//! The kernel's own file systems inside, and the few files of `/etc` that belong to the machine and not
//! to the image.

use std::fs;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, open_tree,
};

use super::inside::{self, Inside};
use super::{dev, root};
use crate::failure::{Attempt as _, Failure};
use crate::sys;
use crate::wire::Job;
use crate::{Network, Note};

/// Parts of `/proc` and `/sys` that tell of the machine, not of the sandbox, or let it be looked into and
/// changed by whoever has root's number, which root inside has: hidden. The set that container engines
/// hide, and more: theirs leaves what they trust file rights to keep.
pub(super) const HIDDEN: &[&str] = &[
    "/proc/acpi",
    "/proc/allocinfo",
    "/proc/asound",
    "/proc/dynamic_debug",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/key-users",
    "/proc/kmsg",
    "/proc/kpagecgroup",
    "/proc/kpagecount",
    "/proc/kpageflags",
    "/proc/latency_stats",
    "/proc/lock_stat",
    "/proc/lockdep",
    "/proc/lockdep_chains",
    "/proc/lockdep_stats",
    "/proc/pagetypeinfo",
    "/proc/profile",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/slab_allocators",
    "/proc/slabinfo",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/vmallocinfo",
    "/proc/vmcore",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/pstore",
    "/sys/fs/selinux",
    "/sys/kernel/debug",
    "/sys/kernel/tracing",
];

/// Parts of `/proc` that change the machine when written: read-only.
pub(super) const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

const QUIET: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NOSUID
    .union(MountAttrFlags::MOUNT_ATTR_NODEV)
    .union(MountAttrFlags::MOUNT_ATTR_NOEXEC);

/// Mounts `/proc` and `/sys`, and hides what is not the sandbox's.
pub(super) fn mount(
    inside: &Inside,
    network: Network,
    note: &mut dyn FnMut(Note),
) -> Result<(), Failure> {
    make_folders(inside, note)?;
    let proc = file_system("proc", &[], QUIET).attempt(|| "mount /proc".to_owned()).map_err(|f| {
        f.hint("inside another container, /proc must not be masked there: `lightship doctor` says more")
    })?;
    place(inside, &proc, "/proc")?;
    mount_sys(inside, network)?;
    for path in READ_ONLY {
        let path = Path::new(path);
        let attempt = || format!("protect {}", path.display());
        if let Some(part) = present(inside, path).attempt(attempt)? {
            let again = clone_of(&part, false).attempt(attempt)?;
            forbid(&again, MountAttrFlags::MOUNT_ATTR_RDONLY | QUIET)?;
            place(inside, &again, path)?;
        }
    }
    HIDDEN.iter().try_for_each(|path| hide(inside, Path::new(path)))
}

/// The folders for the kernel's file systems: real ones, whatever the image has there.
pub(super) fn make_folders(inside: &Inside, note: &mut dyn FnMut(Note)) -> Result<(), Failure> {
    for name in ["proc", "sys", "dev"] {
        if inside.own_folder(name)? {
            note(Note(format!("the image's /{name} is no folder; it was replaced by one")));
        }
    }
    Ok(())
}

/// A new one shows this network namespace; where the machine's own is used, the machine's is shown.
fn mount_sys(inside: &Inside, network: Network) -> Result<(), Failure> {
    let rights = QUIET | MountAttrFlags::MOUNT_ATTR_RDONLY;
    let new = match network {
        Network::None => file_system("sysfs", &[], rights),
        Network::Host => Err(Errno::PERM),
    };
    if let Ok(sys) = new {
        return place(inside, &sys, "/sys");
    }
    place(inside, &machine_sys()?, "/sys")
}

/// The machine's own `/sys` with all that is mounted below it, read-only, mounted nowhere yet.
pub(super) fn machine_sys() -> Result<OwnedFd, Failure> {
    let rights = QUIET | MountAttrFlags::MOUNT_ATTR_RDONLY;
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    let sys = open_tree(rustix::fs::CWD, "/sys", flags).attempt(|| "mount /sys".to_owned())?;
    sys::set_mount_attributes(sys.as_fd(), true, u64::from(rights.bits()))
        .attempt(|| "make /sys read-only".to_owned())?;
    Ok(sys)
}

/// A part of the kernel's file systems. What this kernel does not have needs no protection; what cannot be
/// looked at for any other reason may be there.
fn present(inside: &Inside, path: &Path) -> rustix::io::Result<Option<OwnedFd>> {
    match inside.place(path) {
        Ok(part) => Ok(Some(part)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

fn hide(inside: &Inside, path: &Path) -> Result<(), Failure> {
    let attempt = || format!("hide {}", path.display());
    let Some(part) = present(inside, path).attempt(attempt)? else { return Ok(()) };
    let cover = if inside::kind(&part) == Some(FileType::Directory) {
        let rights = QUIET | MountAttrFlags::MOUNT_ATTR_RDONLY;
        file_system("tmpfs", &[("size", "0"), ("nr_inodes", "1")], rights)
            .or_else(|_| file_system("tmpfs", &[], rights))
            .attempt(attempt)?
    } else {
        let none = || Failure::machine(attempt(), "this machine has no /dev/null");
        dev::device("null")?.ok_or_else(none)?
    };
    place(inside, &cover, path)
}

/// Shows the files of names inside.
pub(super) fn write_names(inside: &Inside, job: &Job) -> Result<(), Failure> {
    name_files(job)?.iter().try_for_each(|(file, at)| show_file(inside, file, at))
}

/// `/etc/hosts` for a network of one's own, and the machine's own files for the machine's: where each
/// is now, and where it shall be seen.
pub(super) fn name_files(job: &Job) -> Result<Vec<(PathBuf, &'static str)>, Failure> {
    let name = &job.spec.host_name;
    let text = match job.spec.network {
        Network::None => String::new(),
        // A machine without the file is one without names of its own.
        Network::Host => fs::read_to_string("/etc/hosts").unwrap_or_default(),
    };
    let own = format!("127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.1.1\t{name}\n{text}");
    let mut texts = vec![("/etc/hosts", own), ("/etc/hostname", format!("{name}\n"))];
    let resolver = Path::new("/etc/resolv.conf");
    if job.spec.network == Network::Host && resolver.exists() {
        let text = fs::read(resolver).attempt(|| "read /etc/resolv.conf".to_owned())?;
        texts.push(("/etc/resolv.conf", String::from_utf8_lossy(&text).into_owned()));
    }
    let folder = small_folder(job, texts.iter().map(|(_, text)| text.len() as u64).sum())?;
    let write = |(number, (at, text)): (usize, (&'static str, String))| {
        let file = folder.join(number.to_string());
        fs::write(&file, text).attempt(|| format!("write {}", file.display()))?;
        Ok((file, at))
    };
    texts.into_iter().enumerate().map(write).collect()
}

/// A folder in memory for so many bytes and little more: the files are the command's to change, and no
/// other limit counts what it writes into them.
fn small_folder(job: &Job, bytes: u64) -> Result<PathBuf, Failure> {
    const MORE: u64 = 1 << 20;
    let attempt = || "make a folder for the files of names".to_owned();
    let folder = root::new_folder(&job.scratch.join("names"))?;
    let size = (bytes + MORE).to_string();
    let memory = file_system("tmpfs", &[("mode", "0755"), ("size", &size)], QUIET);
    let onto = root::open_folder(&folder)?;
    inside::attach(memory.attempt(attempt)?.as_fd(), onto.as_fd()).attempt(attempt)?;
    Ok(folder)
}

fn show_file(inside: &Inside, from: &Path, at: &str) -> Result<(), Failure> {
    let file = quiet_file(from)?;
    // An image whose /etc is a file, or leads nowhere, does without.
    let Ok(onto) = inside.file(Path::new(at)) else { return Ok(()) };
    inside::attach(file.as_fd(), onto.as_fd()).attempt(|| format!("show {at}"))
}

/// A file that can be read and written and nothing else, mounted nowhere yet.
pub(super) fn quiet_file(from: &Path) -> Result<OwnedFd, Failure> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let file =
        open_tree(rustix::fs::CWD, from, flags).attempt(|| format!("mount {}", from.display()))?;
    forbid(&file, QUIET)?;
    Ok(file)
}

/// A new file system, mounted nowhere yet.
pub(super) fn file_system(
    kind: &str,
    options: &[(&str, &str)],
    rights: MountAttrFlags,
) -> rustix::io::Result<OwnedFd> {
    let made = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        if value.is_empty() {
            fsconfig_set_flag(&made, *key)?;
        } else {
            fsconfig_set_string(&made, *key, *value)?;
        }
    }
    fsconfig_create(&made)?;
    fsmount(&made, FsMountFlags::FSMOUNT_CLOEXEC, rights)
}

/// The same mount once more, nowhere yet.
pub(super) fn clone_of(place: &OwnedFd, recursive: bool) -> rustix::io::Result<OwnedFd> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    open_tree(place, "", flags)
}

fn forbid(mount: &OwnedFd, rights: MountAttrFlags) -> Result<(), Failure> {
    sys::set_mount_attributes(mount.as_fd(), false, u64::from(rights.bits()))
        .attempt(|| "limit a mount".to_owned())
}

fn place(inside: &Inside, mount: &OwnedFd, at: impl AsRef<Path>) -> Result<(), Failure> {
    let attempt = || format!("mount {} inside", at.as_ref().display());
    let onto = inside.place(at.as_ref()).attempt(attempt)?;
    inside::attach(mount.as_fd(), onto.as_fd()).attempt(attempt)
}
