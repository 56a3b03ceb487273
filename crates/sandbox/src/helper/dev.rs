//! A `/dev` with the devices that every program expects, and no other.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, major, minor};
use rustix::mount::{MountAttrFlags, OpenTreeFlags, open_tree};
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

use super::Streams;
use super::inside::{self, Inside};
use super::system::file_system;
use super::user::Person;
use crate::TerminalSize;
use crate::failure::{Attempt as _, Failure};
use crate::identity::Identity;
use crate::sys;

pub(super) const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// The numbers of `/dev/null` (*null(4)*).
const NULL: (u32, u32) = (1, 3);

/// `/dev/shm` is memory, and counts as such.
pub(super) const SHARED_MEMORY: &str = "67108864";

/// Group `tty` on Debian and elsewhere, to whom terminals belong.
pub(super) const TTY_GROUP: &str = "5";

/// Builds `/dev`.
pub(super) fn mount(inside: &Inside, identity: Identity) -> Result<(), Failure> {
    let attempt = || "make /dev".to_owned();
    let rights = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let dev =
        file_system("tmpfs", &[("mode", "0755"), ("size", "65536")], rights).attempt(attempt)?;
    attach(inside, &dev, "/dev")?;
    for name in DEVICES {
        let Some(device) = device(name)? else { continue };
        let at = format!("/dev/{name}");
        let onto = inside.file(Path::new(&at))?;
        inside::attach(device.as_fd(), onto.as_fd()).attempt(|| format!("show {at}"))?;
    }
    let folder = inside.folder(Path::new("/dev"))?;
    for (name, target) in LINKS {
        rustix::fs::symlinkat(target, &folder, name).attempt(attempt)?;
    }
    mount_terminals(inside, identity)?;
    let quiet = rights | MountAttrFlags::MOUNT_ATTR_NODEV;
    let memory = [("mode", "1777"), ("size", SHARED_MEMORY)];
    let shared = file_system("tmpfs", &memory, quiet).attempt(|| "make /dev/shm".to_owned())?;
    inside.folder(Path::new("/dev/shm"))?;
    attach(inside, &shared, "/dev/shm")?;
    // Message queues are rare; a kernel without them is fine.
    if let Ok(queues) = file_system("mqueue", &[], quiet) {
        inside.folder(Path::new("/dev/mqueue"))?;
        attach(inside, &queues, "/dev/mqueue")?;
    }
    Ok(())
}

/// A device of the machine, mounted nowhere yet. It can be read and written, but not changed: root inside,
/// to whom it belongs as well as to root outside, must not take it from the machine by `chmod`. A machine
/// (or an outer container) without it is odd, but not our business.
pub(super) fn device(name: &str) -> Result<Option<OwnedFd>, Failure> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let Ok(device) = open_tree(rustix::fs::CWD, format!("/dev/{name}"), flags) else {
        return Ok(None);
    };
    let read_only = u64::from(MountAttrFlags::MOUNT_ATTR_RDONLY.bits());
    sys::set_mount_attributes(device.as_fd(), false, read_only)
        .attempt(|| format!("protect /dev/{name}"))?;
    Ok(Some(device))
}

/// The streams; those that are the caller's `/dev/null` opened anew where [`device`] was put: who holds a
/// file can change it, too.
pub(super) fn reopen_null(mut streams: Streams) -> Result<Streams, Failure> {
    let is_null = |stream: &OwnedFd| {
        let number = rustix::fs::fstat(stream).map(|stat| stat.st_rdev);
        inside::kind(stream) == Some(FileType::CharacterDevice)
            && number.is_ok_and(|number| (major(number), minor(number)) == NULL)
    };
    for stream in streams.iter_mut().filter(|stream| is_null(stream)) {
        *stream = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
            .attempt(|| "open /dev/null".to_owned())?;
    }
    Ok(streams)
}

/// Gives pipes to whoever the command runs as, so that it can open them again by `/dev/stdout`, as servers do
/// with their logs. A pipe is nobody else's; files and terminals of the caller stay the caller's.
pub(super) fn give_pipes(streams: &Streams, person: &Person) {
    let owner = Some(rustix::fs::Uid::from_raw(person.uid));
    for stream in streams.iter().filter(|stream| inside::kind(stream) == Some(FileType::Fifo)) {
        // Best effort: with a single id there is nobody else to give it to.
        let _ = rustix::fs::fchown(stream, owner, None);
    }
}

fn mount_terminals(inside: &Inside, identity: Identity) -> Result<(), Failure> {
    let rights = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let mut options = vec![("newinstance", ""), ("ptmxmode", "0666"), ("mode", "0620")];
    if identity.keeps_owners() {
        options.push(("gid", TTY_GROUP));
    }
    let terminals =
        file_system("devpts", &options, rights).attempt(|| "make /dev/pts".to_owned())?;
    inside.folder(Path::new("/dev/pts"))?;
    attach(inside, &terminals, "/dev/pts")
}

fn attach(inside: &Inside, mount: &OwnedFd, at: &str) -> Result<(), Failure> {
    let onto = inside.place(Path::new(at)).attempt(|| format!("find {at}"))?;
    inside::attach(mount.as_fd(), onto.as_fd()).attempt(|| format!("mount {at}"))
}

/// A terminal for the command: its outer end, and its inner end as the three streams. Inside the root.
pub(super) fn open_terminal(
    size: TerminalSize,
    person: &Person,
) -> Result<(OwnedFd, Streams), Failure> {
    let attempt = || "open a terminal".to_owned();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let outer = rustix::fs::open("/dev/pts/ptmx", flags, Mode::empty()).attempt(attempt)?;
    rustix::pty::unlockpt(&outer).attempt(attempt)?;
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let inner = rustix::pty::ioctl_tiocgptpeer(&outer, flags).attempt(attempt)?;
    let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&inner, size).attempt(attempt)?;
    // Best effort: with a single id there is nobody else to give it to.
    let _ = rustix::fs::fchown(&inner, Some(rustix::fs::Uid::from_raw(person.uid)), None);
    let copy = || inner.try_clone().attempt(attempt);
    let streams = [copy()?, copy()?, copy()?];
    Ok((outer, streams))
}
