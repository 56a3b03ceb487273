//! The store's locks. *Linux `flock(2)`*: a lock belongs to the open file, so every acquisition
//! opens its own, and threads of one process exclude each other like processes do.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, retry_on_intr};

use crate::Error;
use crate::layout::Layout;

/// Holding it, nothing that is leased can be collected. For short sections only, never twice in one
/// thread (the crate's documentation says why).
#[derive(Debug)]
pub(crate) struct Shared(#[expect(dead_code, reason = "open means locked")] File);

/// Holding it, nobody looks, publishes, leases or names.
#[derive(Debug)]
pub(crate) struct Exclusive(#[expect(dead_code, reason = "open means locked")] File);

pub(crate) fn shared(layout: &Layout) -> Result<Shared, Error> {
    let _gate = open_locked(&layout.gate(), FlockOperation::LockShared)?;
    open_locked(&layout.lock(), FlockOperation::LockShared).map(Shared)
}

pub(crate) fn exclusive(layout: &Layout) -> Result<Exclusive, Error> {
    let _gate = open_locked(&layout.gate(), FlockOperation::LockExclusive)?;
    open_locked(&layout.lock(), FlockOperation::LockExclusive).map(Exclusive)
}

/// Opening for reading is enough for a lock, also on a read-only file system.
fn open_locked(path: &Path, operation: FlockOperation) -> Result<File, Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    retry_on_intr(|| flock(&file, operation))
        .map_err(io::Error::from)
        .map_err(Error::io("lock", path))?;
    Ok(file)
}

/// Locks a file that nobody else is likely to hold, waiting where somebody looks at it.
pub(crate) fn lock_file(file: &File, path: &Path) -> Result<(), Error> {
    retry_on_intr(|| flock(file, FlockOperation::LockExclusive))
        .map_err(io::Error::from)
        .map_err(Error::io("lock", path))
}

/// Locks a file exclusively unless somebody holds it; says whether it did.
pub(crate) fn try_lock_file(file: &File, path: &Path) -> Result<bool, Error> {
    attempt(file, path, FlockOperation::NonBlockingLockExclusive)
}

/// Whether somebody holds this file exclusively. Leaves it unlocked as far as writers are concerned:
/// the probe's own shared lock ends with `file`.
pub(crate) fn is_held(file: &File, path: &Path) -> Result<bool, Error> {
    attempt(file, path, FlockOperation::NonBlockingLockShared).map(|locked| !locked)
}

fn attempt(file: &File, path: &Path, operation: FlockOperation) -> Result<bool, Error> {
    match retry_on_intr(|| flock(file, operation)) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(Error::io("lock", path)(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::time::{Duration, Instant};

    use super::*;

    /// Without `gate` this waits until three overlapping threads happen to pause together.
    #[test]
    fn busy_sharers_do_not_keep_the_exclusive_lock_waiting() {
        const LIMIT: Duration = Duration::from_secs(5);
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::open(folder.path()).unwrap();
        let begin = Instant::now();
        let stop = AtomicBool::new(false);
        let rounds = AtomicU32::new(0);
        let waited = std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    // The limit lets the test fail rather than hang.
                    while !stop.load(Ordering::Relaxed) && begin.elapsed() < 2 * LIMIT {
                        let _shared = shared(&layout).unwrap();
                        std::thread::sleep(Duration::from_millis(5));
                        rounds.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            while rounds.load(Ordering::Relaxed) < 6 {
                std::thread::yield_now();
            }
            let waiting = Instant::now();
            for _ in 0..10 {
                drop(exclusive(&layout).unwrap());
            }
            stop.store(true, Ordering::Relaxed);
            waiting.elapsed()
        });
        assert!(waited < LIMIT, "{waited:?}");
    }

    #[test]
    fn exclusive_excludes() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::open(folder.path()).unwrap();
        let inside = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _guard = exclusive(&layout).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
    }
}
