//! Limits that process 1 keeps an eye on itself, because no kernel mechanism does on every machine: bytes
//! written, and the number of processes where no control group counts them. The kernel's own limit on a
//! user's processes (`RLIMIT_NPROC`) does not hold for root.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, Stat, openat, statat};

use super::cgroup::Limited;
use super::disk::DiskWatch;
use crate::{End, Limits};

/// Between two counts of processes: a tenth of a second holds a few thousand forks, which is what a
/// machine bears.
const PAUSE: Duration = Duration::from_millis(100);

/// What is watched.
pub(super) struct Bounds {
    disk: DiskWatch,
    processes: Option<ProcessWatch>,
}

impl Bounds {
    /// `written` are the folders whose growth counts, `limited` says what groups see to already.
    pub(super) fn new(written: Vec<OwnedFd>, limits: &Limits, limited: Limited) -> Self {
        let most = limits.processes.filter(|_| !limited.processes);
        let processes = most.map(|most| ProcessWatch { most, next: Instant::now() + PAUSE });
        Self { disk: DiskWatch::new(written, limits.disk), processes }
    }

    /// When to look again, if ever.
    pub(super) fn next_look(&self) -> Option<Instant> {
        let processes = self.processes.as_ref().map(|watch| watch.next);
        self.disk.next_look().into_iter().chain(processes).min()
    }

    /// Looks, where it is time to: the end that this means, if a limit was exceeded.
    pub(super) fn exceeded(&mut self) -> Option<End> {
        let processes = self.processes.as_mut().and_then(ProcessWatch::exceeded);
        processes.map(End::OutOfProcesses).or_else(|| self.disk.exceeded().map(End::OutOfDisk))
    }

    /// The end that a command came to, by its cause.
    pub(super) fn explain(&mut self, end: End) -> End {
        self.disk.explains(end).map_or(end, End::OutOfDisk)
    }
}

/// Counts processes and threads.
struct ProcessWatch {
    most: u32,
    next: Instant,
}

impl ProcessWatch {
    fn exceeded(&mut self) -> Option<u32> {
        if Instant::now() < self.next {
            return None;
        }
        let count = count();
        self.next = Instant::now() + PAUSE;
        (count > self.most.into()).then_some(self.most)
    }
}

/// Threads of all processes that are seen from here, but for this one's. A `/proc` that cannot be read
/// counts as empty: then nothing was started either.
fn count() -> u64 {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(processes) = openat(CWD, "/proc", flags, Mode::empty()) else { return 0 };
    let Ok(entries) = Dir::read_from(&processes) else { return 0 };
    let is_number = |name: &[u8]| name.iter().all(u8::is_ascii_digit) && name != b"1";
    let names = entries.flatten().map(|entry| entry.file_name().to_bytes().to_vec());
    let threads_of = |name: Vec<u8>| {
        let task = statat(&processes, [&name[..], b"/task"].concat(), AtFlags::empty());
        task.map_or(0, |task| threads(&task))
    };
    names.filter(|name| is_number(name)).map(threads_of).sum()
}

/// A folder has two links and one for each folder in it: here one for each thread.
#[allow(clippy::useless_conversion, reason = "the kernel's number of links is narrower elsewhere")]
fn threads(task: &Stat) -> u64 {
    u64::from(task.st_nlink).saturating_sub(2)
}
