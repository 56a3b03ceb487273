//! An OCI runtime in place of our own launcher.
//!
//! The process that is process 1 inside with our own launcher is here process 1 of a process namespace
//! *around* the runtime's: the keeper. It joins the layers in a mount namespace of its own, writes the
//! runtime's bundle, has the runtime create and start the command, and is then its parent, as the
//! runtime's processes leave it behind. To the helper it speaks like [`super::init`]; and as everything
//! of the runtime's is in its process namespace, nothing outlives it.

mod call;
mod config;
mod scout;

use std::fs;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::mount::MountAttrFlags;
use rustix::process::Pid;

use self::call::Runtime;
use self::config::{Bind, Bundle};
use super::bounds::Bounds;
use super::cgroup::{self, Groups, Limited};
use super::init::{self, Attendant, Tale};
use super::{Streams, dev, inside, maps, mounts, root, system};
use crate::failure::{Attempt as _, Failure, Fault};
use crate::identity::Identity;
use crate::sys::{Namespaces, Signals};
use crate::wire::{self, Job};
use crate::{End, Network, Note};

/// What the keeper needs. Root inside is separated from root outside by the runtime; an ordinary user
/// has to be root of something before the runtime can begin.
pub(super) fn namespaces(identity: Identity) -> Namespaces {
    let around = libc::CLONE_NEWNS | libc::CLONE_NEWPID;
    if identity == Identity::Single { around | libc::CLONE_NEWUSER } else { around }
}

/// From the helper: gives the keeper its ids. Its control groups are the runtime's business, which puts
/// only the command into them.
pub(super) fn admit(identity: Identity, keeper: Pid) -> Result<(), Failure> {
    if identity == Identity::Single { maps::write(identity, keeper) } else { Ok(()) }
}

/// Runs to the end of the command, and ends.
pub(super) fn main(
    program: &Path,
    job: &Job,
    streams: Streams,
    helper: &OwnedFd,
    groups: &Groups,
) -> ! {
    init::finish(helper, run(program, job, streams, helper, groups))
}

fn run(
    program: &Path,
    job: &Job,
    streams: Streams,
    helper: &OwnedFd,
    groups: &Groups,
) -> Result<End, Failure> {
    // First: the helper must have let go before it can hear why not.
    init::begin(helper)?;
    if job.spec.terminal.is_some() {
        let attempt = format!("give the command a terminal with {}", program.display());
        return Err(Failure::request(attempt, "only lightship's own launcher has terminals")
            .hint("choose lightship's own launcher for a terminal"));
    }
    let tell = |tale: Tale, fds: &[BorrowedFd<'_>]| {
        let _ = wire::send(helper, &tale, fds);
    };
    let bundle = job.scratch.join("bundle");
    let written = build(job, groups.limited(), &bundle, &mut |note| tell(Tale::Note(note), &[]))?;
    groups.limited().choose_processors(&job.spec.limits)?;
    let signals = Signals::take_all().attempt(|| "take over signals".to_owned())?;
    // A runtime that is not told its group calls it like the container: we must find it again.
    let id = cgroup::name(&job.id);
    let runtime = Runtime { program, bundle: &bundle, id: &id };
    let bounds = Bounds::new(written, &job.spec.limits, groups.limited());
    let attended = runtime.create(dev::reopen_null(streams)?).and_then(|child| {
        runtime.start()?;
        tell(Tale::Started, &[]);
        Attendant { child, signals: &signals, helper: helper.as_fd() }.wait(bounds)
    });
    // Deleting takes the groups away, and what they counted.
    let out_of_memory = groups.ran_out_of_memory();
    runtime.delete();
    let own_limit = job.spec.limits.memory.is_some() && !groups.limited().memory;
    let attended = attended.map_err(|failure| match failure.fault {
        Fault::Machine if own_limit => failure.hint(
            "without control groups the memory limit holds for the runtime, too, and may be too low for it",
        ),
        _ => failure,
    });
    Ok(match attended? {
        End::Exited(137) | End::Signalled(9) if out_of_memory => End::OutOfMemory,
        end => end,
    })
}

/// Mounts the root and writes the bundle. Returns the folders whose growth counts as the command's
/// writing.
fn build(
    job: &Job,
    limited: Limited,
    bundle: &Path,
    note: &mut dyn FnMut(Note),
) -> Result<Vec<OwnedFd>, Failure> {
    let root = root::mount(job, note)?;
    mount_proc()?;
    protect_devices()?;
    system::make_folders(&root.inside, note)?;
    root.inside.folder(&job.spec.folder)?;
    let mut written = vec![root.written];
    let mut binds = Vec::new();
    if job.spec.network == Network::Host {
        let source = park(&system::machine_sys()?, &job.scratch.join("sys"))?;
        binds.push(Bind { source, target: PathBuf::from("/sys") });
    }
    for (number, (file, target)) in system::name_files(job)?.into_iter().enumerate() {
        // An image whose /etc is a file, or leads nowhere, does without.
        if root.inside.file(Path::new(target)).is_ok() {
            let file = system::quiet_file(&file)?;
            let source = park(&file, &job.scratch.join(format!("names-{number}")))?;
            binds.push(Bind { source, target: PathBuf::from(target) });
        }
    }
    for (number, mount) in job.spec.mounts.iter().enumerate() {
        let made = mounts::make(mount, job)?;
        let source = park(&made.mount, &job.scratch.join(format!("mount-{number}")))?;
        binds.push(Bind { source, target: mount.target.clone() });
        written.extend(made.written);
    }
    let person = scout::look(job)?;
    root::new_folder(bundle)?;
    Bundle { job, person: &person, limited, binds: &binds }.write(bundle)?;
    Ok(written)
}

/// Runtimes show the devices of the place that they run in. They shall find them as they may be shown.
fn protect_devices() -> Result<(), Failure> {
    dev::DEVICES.iter().try_for_each(|name| {
        let Some(device) = dev::device(name)? else { return Ok(()) };
        let attempt = || format!("protect /dev/{name}");
        let onto =
            rustix::fs::open(format!("/dev/{name}"), OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        inside::attach(device.as_fd(), onto.attempt(attempt)?.as_fd()).attempt(attempt)
    })
}

/// `/proc` of this process namespace, for the runtime: it looks itself up there.
fn mount_proc() -> Result<(), Failure> {
    let attempt = || "mount /proc for the runtime".to_owned();
    let proc = system::file_system("proc", &[], MountAttrFlags::empty()).attempt(attempt)?;
    let onto = root::open_folder(Path::new("/proc"))?;
    inside::attach(proc.as_fd(), onto.as_fd()).attempt(attempt)
}

/// Puts a mount that is nowhere yet where the runtime can take it from.
fn park(mount: &OwnedFd, at: &Path) -> Result<PathBuf, Failure> {
    let attempt = || format!("mount something on {}", at.display());
    if inside::kind(mount) == Some(FileType::Directory) {
        root::new_folder(at)?;
    } else {
        fs::write(at, "").attempt(attempt)?;
    }
    let onto = rustix::fs::open(at, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    inside::attach(mount.as_fd(), onto.attempt(attempt)?.as_fd()).attempt(attempt)?;
    Ok(at.to_owned())
}
