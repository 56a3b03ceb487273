//! How much a sandbox has written, looked at now and then: no quota works on every file system and
//! without rights.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use lightship_base::ByteSize;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};

/// Between two looks at least this; and twenty times what a look takes, so that looking costs at most
/// a twentieth of one processor however many files there are.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_PER_LOOK: u32 = 20;

/// Folders in folders deeper than this are not looked into: each holds a descriptor.
const MAX_DEPTH: usize = 200;

/// The folders that count, and the limit.
pub(super) struct DiskWatch {
    folders: Vec<OwnedFd>,
    limit: Option<ByteSize>,
    next: Instant,
}

impl DiskWatch {
    pub(super) fn new(folders: Vec<OwnedFd>, limit: Option<ByteSize>) -> Self {
        Self { folders, limit, next: Instant::now() + PAUSE }
    }

    /// When to look again; never without a limit.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.limit.map(|_| self.next)
    }

    /// Looks, if it is time to. The limit, if it was exceeded.
    pub(super) fn exceeded(&mut self) -> Option<ByteSize> {
        let limit = self.limit?;
        let begin = Instant::now();
        if begin < self.next {
            return None;
        }
        let used: u64 = self.folders.iter().map(|folder| used_below(folder, MAX_DEPTH)).sum();
        self.next = Instant::now() + PAUSE.max(begin.elapsed() * PAUSE_PER_LOOK);
        (used > limit.0).then_some(limit)
    }
}

/// Bytes on disk below a folder. What vanishes meanwhile counts as nothing.
fn used_below(folder: &OwnedFd, depth: usize) -> u64 {
    let Ok(entries) = Dir::read_from(folder) else { return 0 };
    let mut used = 0;
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let Ok(stat) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        used += u64::try_from(stat.st_blocks).unwrap_or(0) * 512;
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if is_folder
            && depth > 0
            && let Ok(below) = openat(folder, name, flags, Mode::empty())
        {
            used += used_below(&below, depth - 1);
        }
    }
    used
}
