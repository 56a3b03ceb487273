//! How much a sandbox has written, looked at now and then: no quota works on every file system and
//! without rights. Between two looks the size of each file is bounded by the kernel.

use std::collections::HashSet;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use lightship_base::ByteSize;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstatfs, openat, statat};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::failure::{Attempt as _, Failure};
use crate::{End, Limits};

/// Between two looks at least this; and twenty times what a look takes, so that looking costs at most
/// a twentieth of one processor however many files there are.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_PER_LOOK: u32 = 20;

/// Folders in folders deeper than this are not looked into: each holds a descriptor. Who makes them has
/// exceeded any limit.
const MAX_DEPTH: usize = 200;

/// Looking at open files ends after this. There may be many more of them than files.
const MOST_FOR_OPEN_FILES: Duration = Duration::from_secs(1);

/// File systems in memory, by `statfs(2)`'s numbers: tmpfs, which is shared memory, too; ramfs; and
/// hugetlbfs.
const IN_MEMORY: [i64; 3] = [0x0102_1994, 0x8584_58f6, 0x9584_58f6];

/// A file, whatever its names: file system and number.
type FileId = (u64, u64);

/// Bounds each file that this process, which is about to become the command, can write.
pub(super) fn limit_files(limits: &Limits) -> Result<(), Failure> {
    of_each_file(limits).map_or(Ok(()), |(kind, most)| {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(kind, limit).attempt(|| format!("limit {kind:?} to {most}"))
    })
}

/// The limit that each file has for itself: a fast writer shall not fill the disk between two looks.
pub(super) fn of_each_file(limits: &Limits) -> Option<(Resource, u64)> {
    // A page more: a file that reaches it has exceeded the limit, which the next look says.
    limits.disk.map(|most| (Resource::Fsize, most.0.saturating_add(4096)))
}

/// What a file's size beyond its limit is answered with (*signal(7)*).
const SIGXFSZ: u8 = 25;

/// The folders that count, and the limit.
pub(super) struct DiskWatch {
    folders: Vec<OwnedFd>,
    limit: Option<ByteSize>,
    next: Instant,
    /// What had no name before the command began: the caller's, who may hand it over as a stream.
    given: HashSet<FileId>,
}

impl DiskWatch {
    /// Before the command is started: a file that it opens at once would be taken for the caller's, and
    /// never be counted.
    pub(super) fn new(folders: Vec<OwnedFd>, limit: Option<ByteSize>) -> Self {
        let mut given = HashSet::new();
        if limit.is_some() {
            each_open_file(&mut |_, _, stat| {
                if is_nameless(stat) {
                    given.insert(id(stat));
                }
            });
        }
        Self { folders, limit, next: Instant::now() + PAUSE, given }
    }

    /// When to look again; never without a limit.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.limit.map(|_| self.next)
    }

    /// Looks, if it is time to. The limit, if it was exceeded.
    pub(super) fn exceeded(&mut self) -> Option<ByteSize> {
        if Instant::now() < self.next { None } else { self.look() }
    }

    /// The limit, if this end came of it: of a file that would have grown beyond it, or of one write too
    /// many just before.
    pub(super) fn explains(&mut self, end: End) -> Option<ByteSize> {
        let by_one_file = end == End::Signalled(SIGXFSZ);
        self.limit.filter(|_| by_one_file).or_else(|| self.look())
    }

    fn look(&mut self) -> Option<ByteSize> {
        let limit = self.limit?;
        let begin = Instant::now();
        let named = self.folders.iter().map(|folder| used_below(folder, MAX_DEPTH));
        let used = named.fold(self.used_by_nameless(), u64::saturating_add);
        self.next = Instant::now() + PAUSE.max(begin.elapsed() * PAUSE_PER_LOOK);
        (used > limit.0).then_some(limit)
    }

    /// Bytes of files that somebody inside holds open and that no folder has any more. Those of the
    /// machine's folders that are mounted writable are among them: nothing tells them apart.
    fn used_by_nameless(&self) -> u64 {
        let mut seen = self.given.clone();
        let mut used: u64 = 0;
        each_open_file(&mut |folder, name, stat| {
            if is_nameless(stat) && seen.insert(id(stat)) && !is_in_memory(folder, name) {
                used = used.saturating_add(bytes(stat));
            }
        });
        used
    }
}

/// Bytes on disk below a folder. What vanishes meanwhile counts as nothing.
fn used_below(folder: &OwnedFd, depth: usize) -> u64 {
    let Ok(entries) = Dir::read_from(folder) else { return 0 };
    let mut used: u64 = 0;
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let Ok(stat) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        used = used.saturating_add(bytes(&stat));
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            continue;
        }
        if depth == 0 {
            return u64::MAX;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if let Ok(below) = openat(folder, name, flags, Mode::empty()) {
            used = used.saturating_add(used_below(&below, depth - 1));
        }
    }
    used
}

/// Calls for each descriptor of everybody who is seen from here: with the folder of descriptors that it
/// is in, its number, and what it is. Threads may have descriptors of their own.
fn each_open_file(call: &mut dyn FnMut(&OwnedFd, &[u8], &Stat)) {
    let end = Instant::now() + MOST_FOR_OPEN_FILES;
    let Some(processes) = open_folder(CWD, b"/proc") else { return };
    each_number(&processes, &mut |process| {
        let Some(threads) = open_folder(&processes, &[process, b"/task"].concat()) else { return };
        each_number(&threads, &mut |thread| {
            let Some(files) = open_folder(&threads, &[thread, b"/fd"].concat()) else { return };
            each_number(&files, &mut |name| {
                if Instant::now() < end
                    && let Ok(stat) = statat(&files, name, AtFlags::empty())
                {
                    call(&files, name, &stat);
                }
            });
        });
    });
}

fn open_folder(from: impl AsFd, path: &[u8]) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(from, path, flags, Mode::empty()).ok()
}

/// Calls with each name in a folder that is a number.
fn each_number(folder: &OwnedFd, call: &mut dyn FnMut(&[u8])) {
    for entry in Dir::read_from(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_bytes();
        if name.iter().all(u8::is_ascii_digit) {
            call(name);
        }
    }
}

fn is_nameless(stat: &Stat) -> bool {
    stat.st_nlink == 0 && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// Whether an open file takes memory, which has its own limit.
fn is_in_memory(folder: &OwnedFd, name: &[u8]) -> bool {
    let file = openat(folder, name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let about = file.and_then(fstatfs);
    about.is_ok_and(|about| IN_MEMORY.contains(&about.f_type))
}

fn id(stat: &Stat) -> FileId {
    (stat.st_dev, stat.st_ino)
}

fn bytes(stat: &Stat) -> u64 {
    u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512)
}
