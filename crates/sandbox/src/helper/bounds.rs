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

/// How many processes and threads a sandbox may have whose limits do not say: more than any sound program
/// has, less than brings a machine down.
const MOST_UNASKED: u32 = 8_192;

/// Numbers below this one are given to the first processes only, never again (the kernel's
/// `RESERVED_PIDS`): as many more processes than asked for may be alive.
const RESERVED_NUMBERS: u32 = 300;

/// The first kernel that keeps `kernel.pid_max` for each process namespace. On an older one the same file
/// would change the whole machine.
const NUMBERS_OF_ITS_OWN: (u32, u32) = (6, 14);

/// Bounds the numbers that processes of this namespace can have. A count comes too late for whoever forks
/// faster than process 1 is given time to count; the kernel does not. To be called by process 1, as long
/// as `/proc/sys` can be written. Best effort: where the kernel is older, counting has to do.
pub(super) fn bound_numbers(limits: &Limits) {
    let release = rustix::system::uname();
    if release.release().to_str().ok().and_then(version) < Some(NUMBERS_OF_ITS_OWN) {
        return;
    }
    let most = limits.processes.unwrap_or(MOST_UNASKED).saturating_add(RESERVED_NUMBERS + 1);
    // More than the kernel can count is no bound, and refused.
    let _ = std::fs::write("/proc/sys/kernel/pid_max", most.to_string());
}

/// `6.18.44-custom`: the first two numbers.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// What is watched.
pub(super) struct Bounds {
    disk: DiskWatch,
    processes: Option<ProcessWatch>,
}

impl Bounds {
    /// Before the command is started. `written` are the folders whose growth counts, `limited` says what
    /// groups see to already.
    pub(super) fn new(written: Vec<OwnedFd>, limits: &Limits, limited: Limited) -> Self {
        let most = limits.processes.unwrap_or(MOST_UNASKED);
        let processes =
            (!limited.processes).then(|| ProcessWatch { most, next: Instant::now() + PAUSE });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_by_number() {
        assert_eq!(version("6.18.44-custom"), Some((6, 18)));
        assert_eq!(version("5.4-rc1"), Some((5, 4)));
        assert_eq!(version("unknown"), None);
        assert!(version("6.9.1") < Some(NUMBERS_OF_ITS_OWN));
        assert!(version("unknown") < Some(NUMBERS_OF_ITS_OWN));
        assert!(version("10.0") >= Some(NUMBERS_OF_ITS_OWN));
    }
}
