//! The system calls that no library wraps, each behind a safe function. All `unsafe` of the project
//! is in this file.
//!
//! Whoever forks here is the helper, which never has a second thread: a copy of a process with threads
//! may find the allocator's lock held for ever by a thread that was not copied.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::time::Duration;

use rustix::process::Pid;

/// Which side of a fork this is.
#[derive(Debug)]
pub(crate) enum Fork {
    /// The copy.
    Child,
    /// The original, and its copy's id.
    Parent(Pid),
}

/// Namespaces to begin, as `CLONE_NEW…` bits.
pub(crate) type Namespaces = libc::c_int;

/// Copies this process into new namespaces; with `CLONE_NEWPID` the copy is process 1 of its own.
/// Like fork, and `clone` with a null stack is exactly that. `clone(2)`.
pub(crate) fn clone_into(namespaces: Namespaces) -> io::Result<Fork> {
    let flags = libc::c_long::from(namespaces | libc::SIGCHLD);
    // SAFETY: no memory is shared, so both sides go on with copies of everything; this process has one
    // thread, so no lock is held by somebody who is not there.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    side(libc::pid_t::try_from(pid).expect("the kernel returns process ids"))
}

/// Copies this process. `fork(2)`.
pub(crate) fn fork() -> io::Result<Fork> {
    // SAFETY: as in `clone_into`.
    side(unsafe { libc::fork() })
}

fn side(pid: libc::pid_t) -> io::Result<Fork> {
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(Pid::from_raw(pid).expect("the kernel returned a process id"))),
    }
}

/// Moves this process into a user namespace of its own. `unshare(2)`.
pub(crate) fn new_user_namespace() -> io::Result<()> {
    // SAFETY: takes a number; this process has one thread, so none is left in another namespace.
    check(unsafe { libc::unshare(libc::CLONE_NEWUSER) }.into())
}

/// Moves this process into a namespace of control groups of its own. `cgroup_namespaces(7)`.
pub(crate) fn new_cgroup_namespace() -> io::Result<()> {
    // SAFETY: as above.
    check(unsafe { libc::unshare(libc::CLONE_NEWCGROUP) }.into())
}

/// Becomes another program; returns only on failure. `execve(2)`.
pub(crate) fn execute(path: &CStr, arguments: &[CString], environment: &[CString]) -> io::Error {
    let pointers = |strings: &[CString]| -> Vec<*const libc::c_char> {
        strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: both arrays end in null, and their strings outlive the call.
    unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// Ends this process now, without running anybody's destructors or flushing anybody's buffers: the way
/// out of a forked copy. `_exit(2)`.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: takes no pointers and does not return.
    unsafe { libc::_exit(code) }
}

/// Closes every descriptor from 3 on. Best effort: kernels before 5.9 keep them, as they always did.
pub(crate) fn close_others() {
    // SAFETY: this is called first thing in a program, which has opened nothing yet.
    unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0) };
}

/// Marks every descriptor from 3 on to be closed at the next exec. `close_range(2)`.
pub(crate) fn close_others_on_exec() -> io::Result<()> {
    // SAFETY: only sets flags on descriptors.
    check(unsafe {
        libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC)
    })
}

/// Moves a mount's attributes. `mount_setattr(2)`.
pub(crate) fn set_mount_attributes(
    mount: BorrowedFd<'_>,
    recursive: bool,
    set: u64,
) -> io::Result<()> {
    let attributes = libc::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is an empty C string, and the kernel reads `size_of` bytes of the structure.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    })
}

/// Brings the loopback interface of this network namespace up. `netdevice(7)`.
pub(crate) fn raise_loopback() -> io::Result<()> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    // SAFETY: all-zero bytes are a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
    for (to, from) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    request.ifr_ifru.ifru_flags =
        libc::c_short::try_from(libc::IFF_UP | libc::IFF_RUNNING).expect("small constants");
    // SAFETY: SIOCSIFFLAGS reads an `ifreq`, which outlives the call.
    check(libc::c_long::from(unsafe {
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request)
    }))
}

/// Leaves the caller's keyring for a new, empty one. `keyctl(2)`, `KEYCTL_JOIN_SESSION_KEYRING`.
pub(crate) fn new_keyring() -> io::Result<()> {
    const JOIN_SESSION_KEYRING: libc::c_long = 1;
    // SAFETY: a null name asks for an anonymous keyring.
    check(unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, 0, 0, 0, 0) })
}

/// Signals as a descriptor. `signalfd(2)`.
pub(crate) struct Signals {
    fd: OwnedFd,
}

impl Signals {
    /// Blocks all signals that can be blocked, and hands them over here instead.
    pub(crate) fn take_all() -> io::Result<Self> {
        let all = full_set();
        set_mask(&all)?;
        // SAFETY: the set is initialised; a new descriptor is asked for (-1).
        let fd =
            unsafe { libc::signalfd(-1, &raw const all, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        check(fd.into())?;
        // SAFETY: the kernel just gave us this descriptor.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// The next signal's number, if one is waiting.
    pub(crate) fn next(&self) -> io::Result<Option<i32>> {
        let mut info = [0_u8; size_of::<libc::signalfd_siginfo>()];
        match rustix::io::read(&self.fd, &mut info) {
            // `ssi_signo` comes first.
            Ok(_) => Ok(Some(i32::from_ne_bytes([info[0], info[1], info[2], info[3]]))),
            Err(rustix::io::Errno::AGAIN) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Gives every signal back its default action and lets all of them through: what a new program expects,
/// and what neither Rust (which ignores SIGPIPE) nor a careless parent leaves behind.
pub(crate) fn reset_signals() -> io::Result<()> {
    // The kernel's own structure, all zero: the default action, no flags, an empty mask. The library's
    // call would leave out the two signals that it keeps for itself.
    let default = [0_u64; 4];
    for signal in 1..=64_i32 {
        // SAFETY: the kernel reads a structure of at most this size; signals whose action cannot be set
        // (KILL, STOP) fail harmlessly.
        unsafe {
            let old = std::ptr::null_mut::<u64>();
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), old, 8_usize);
        }
    }
    // SAFETY: all-zero bytes are a valid set, made properly empty by the next call.
    let mut none: libc::sigset_t = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the set is ours.
    unsafe { libc::sigemptyset(&raw mut none) };
    set_mask(&none)
}

fn full_set() -> libc::sigset_t {
    // SAFETY: all-zero bytes are a valid set.
    let mut set: libc::sigset_t = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the set is ours.
    unsafe { libc::sigfillset(&raw mut set) };
    set
}

fn set_mask(set: &libc::sigset_t) -> io::Result<()> {
    // SAFETY: reads the set; the old one is not asked for.
    check(unsafe { libc::sigprocmask(libc::SIG_SETMASK, set, std::ptr::null_mut()) }.into())
}

/// Sends a signal by its number; rustix names only the ordinary ones. `kill(2)`.
pub(crate) fn send_signal(pid: Pid, signal: i32) -> io::Result<()> {
    // SAFETY: takes numbers only.
    check(unsafe { libc::kill(pid.as_raw_nonzero().get(), signal) }.into())
}

/// Kills everybody whom this process may kill, itself excepted: of process 1, all others of its namespace.
pub(crate) fn kill_everybody() -> io::Result<()> {
    // SAFETY: kill takes no pointers.
    check(unsafe { libc::kill(-1, libc::SIGKILL) }.into())
}

/// The same for a process group.
pub(crate) fn send_signal_to_group(group: Pid, signal: i32) -> io::Result<()> {
    // SAFETY: takes numbers only.
    check(unsafe { libc::killpg(group.as_raw_nonzero().get(), signal) }.into())
}

/// What children that ended used, their own children included. `getrusage(2)`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Processor time, user and system.
    pub(crate) cpu: Duration,
    /// The largest resident set of any one of them, in bytes.
    pub(crate) peak_bytes: u64,
}

/// See [`Usage`].
pub(crate) fn usage_of_children() -> Usage {
    // SAFETY: all-zero bytes are a valid `rusage`.
    let mut usage: libc::rusage = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the kernel fills our structure.
    if unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) } != 0 {
        return Usage::default();
    }
    let time = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec.unsigned_abs())
            + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    Usage {
        cpu: time(usage.ru_utime) + time(usage.ru_stime),
        peak_bytes: usage.ru_maxrss.unsigned_abs() * 1024,
    }
}

fn check(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
