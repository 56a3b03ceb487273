//! Process 1 inside: builds the file system, starts the command, hands it signals, waits for whatever
//! lost its parent, and tells how the command ended. With its end the kernel ends all the others.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, WaitStatus, set_dumpable_behavior,
    set_parent_process_death_signal, wait,
};
use serde::{Deserialize, Serialize};

use super::bounds::{Bounds, bound_numbers};
use super::cgroup::Limited;
use super::{Streams, command, dev, mounts, root, system, user};
use crate::failure::{Attempt as _, Failure};
use crate::sys::{self, Signals};
use crate::wire::{self, Job};
use crate::{End, Network, Note, RootAccess};

/// From the helper: ids are mapped, limits are set; later, that the caller has seen enough.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Go;

/// To the helper.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Tale {
    Note(Note),
    Terminal,
    Started,
    /// The command ended well, and its root comes along.
    Held(End),
    Ended(End),
    Failed(Failure),
}

/// Runs to the end of the command, and ends.
pub(super) fn main(job: &Job, streams: Streams, helper: &OwnedFd, limited: Limited) -> ! {
    finish(helper, run(job, streams, helper, limited))
}

/// Tells how it ended, and ends.
pub(super) fn finish(helper: &OwnedFd, result: Result<End, Failure>) -> ! {
    let last = match result {
        Ok(end) => Tale::Ended(end),
        Err(failure) => Tale::Failed(failure),
    };
    let _ = wire::send(helper, &last, &[]);
    sys::exit_now(0)
}

/// Ties this process to the helper, and waits until it may begin.
pub(super) fn begin(helper: &OwnedFd) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .attempt(|| "die with the helper".to_owned())?;
    // The wish above came too late if the helper died before; then the socket is closed.
    if !matches!(wire::receive::<Go>(helper), Ok(Some(_))) {
        return Err(Failure::machine("begin", "the helper is gone"));
    }
    rustix::process::umask(rustix::fs::Mode::empty());
    Ok(())
}

fn run(job: &Job, streams: Streams, helper: &OwnedFd, limited: Limited) -> Result<End, Failure> {
    begin(helper)?;
    // Nobody inside may look at this process, which runs a program of the outside (/proc/1/exe).
    set_dumpable_behavior(DumpableBehavior::NotDumpable).attempt(|| "hide process 1".to_owned())?;
    // Best effort: where the kernel has no keyrings there is nothing to leave.
    let _ = sys::new_keyring();
    let tell = |tale: Tale, fds: &[BorrowedFd<'_>]| {
        let _ = wire::send(helper, &tale, fds);
    };
    let watched = build(job, &mut |note| tell(Tale::Note(note), &[]))?;
    let person = user::find(&job.spec.user)?;
    let streams = match job.spec.terminal {
        None => {
            let streams = dev::reopen_null(streams)?;
            dev::give_pipes(&streams, &person);
            streams
        }
        Some(size) => {
            let (outer, inner) = dev::open_terminal(size, &person)?;
            tell(Tale::Terminal, &[outer.as_fd()]);
            drop(outer);
            inner
        }
    };
    let signals = Signals::take_all().attempt(|| "take over signals".to_owned())?;
    let bounds = Bounds::new(watched, &job.spec.limits, limited);
    let child = command::start(job, &person, streams, limited)?;
    tell(Tale::Started, &[]);
    let end = Attendant { child, signals: &signals, helper: helper.as_fd() }.wait(bounds)?;
    if job.spec.hold && end.is_success() {
        hold(end, helper)?;
    }
    Ok(end)
}

/// Lets the caller look at the command's files, with everything that is mounted on them. Nobody else may change them
/// meanwhile.
fn hold(end: End, helper: &OwnedFd) -> Result<(), Failure> {
    match sys::kill_everybody() {
        // There was nobody.
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
        killed => killed.attempt(|| "end what the command left running".to_owned())?,
    }
    // Whoever was killed may be in the middle of a write until it is gone.
    while !matches!(rustix::io::retry_on_intr(|| wait(WaitOptions::empty())), Err(Errno::CHILD)) {}
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root =
        rustix::fs::open("/", flags, Mode::empty()).attempt(|| "open the root".to_owned())?;
    wire::send(helper, &Tale::Held(end), &[root.as_fd()])
        .attempt(|| "hand over the root".to_owned())?;
    match wire::receive::<Go>(helper) {
        Ok(Some(_)) => Ok(()),
        Ok(None) | Err(_) => Err(Failure::machine("wait for the caller", "the helper is gone")),
    }
}

/// Makes everything that the command sees. Returns the folders whose growth counts as its writing.
fn build(job: &Job, note: &mut dyn FnMut(Note)) -> Result<Vec<OwnedFd>, Failure> {
    let spec = &job.spec;
    bound_numbers(&spec.limits);
    // A namespace of control groups of its own begins where it is now; older kernels have none.
    let _ = sys::new_cgroup_namespace();
    check_host_name(&spec.host_name)?;
    rustix::system::sethostname(spec.host_name.as_bytes())
        .attempt(|| format!("set the host name `{}`", spec.host_name))?;
    if spec.network == Network::None {
        sys::raise_loopback().attempt(|| "bring up the loopback interface".to_owned())?;
    }
    let root = root::mount(job, note)?;
    let mut written = vec![root.written];
    system::mount(&root.inside, spec.network, note)?;
    dev::mount(&root.inside, job.identity)?;
    system::write_names(&root.inside, job)?;
    for mount in &spec.mounts {
        written.extend(mounts::add(&root.inside, mount, job)?);
    }
    root.inside.folder(&spec.folder)?;
    root.inside.enter()?;
    if spec.root == RootAccess::ReadOnly {
        root::forbid_writing()?;
    }
    Ok(written)
}

/// It is written into files of lines and words (*hostname(7)*).
fn check_host_name(name: &str) -> Result<(), Failure> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if (1..=64).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    let attempt = format!("call the machine `{}`", name.escape_debug());
    Err(Failure::request(attempt, "a host name is 1 to 64 letters, digits, dots and hyphens"))
}

/// Waits on behalf of everybody inside.
pub(super) struct Attendant<'a> {
    pub(super) child: Pid,
    pub(super) signals: &'a Signals,
    pub(super) helper: BorrowedFd<'a>,
}

impl Attendant<'_> {
    pub(super) fn wait(&self, mut bounds: Bounds) -> Result<End, Failure> {
        loop {
            let patience =
                bounds.next_look().map(|at| at.saturating_duration_since(Instant::now()));
            let patience = patience.and_then(|left| Timespec::try_from(left).ok());
            let signals = self.signals.as_fd();
            let mut fds =
                [PollFd::new(&signals, PollFlags::IN), PollFd::new(&self.helper, PollFlags::IN)];
            match poll(&mut fds, patience.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(Failure::machine("wait for the command", error)),
            }
            if !fds[1].revents().is_empty() {
                return Err(Failure::machine("go on", "the helper is gone"));
            }
            while let Some(signal) = self.signals.next().attempt(|| "read signals".to_owned())? {
                if signal != Signal::CHILD.as_raw() {
                    // To the whole group, as a terminal does. One that is gone needs no signal.
                    let _ = sys::send_signal_to_group(self.child, signal);
                }
            }
            if let Some(end) = self.reap()? {
                return Ok(bounds.explain(end));
            }
            if let Some(end) = bounds.exceeded() {
                return Ok(end);
            }
        }
    }

    /// Waits for everybody who ended; the command's end, if it was among them.
    fn reap(&self) -> Result<Option<End>, Failure> {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.child => {
                    if let Some(end) = end_of(status) {
                        return Ok(Some(end));
                    }
                }
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(None),
                Err(error) => return Err(Failure::machine("wait for the command", error)),
            }
        }
    }
}

fn end_of(status: WaitStatus) -> Option<End> {
    let byte = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Some(End::Exited(byte(code))),
        (_, Some(signal)) => Some(End::Signalled(byte(signal))),
        (None, None) => None, // stopped or continued
    }
}
