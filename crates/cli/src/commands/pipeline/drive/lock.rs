//! Who drives a run: of all processes of this machine one, or none.
//!
//! The process that drives a run holds a lock on a file in the run's folder. The kernel lets go of it when the process
//! ends, however that ends, so nobody has to find out whether a process of some number still lives. The file says which
//! process it is, for people.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use lightship_engine::RunId;
use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, retry_on_intr};

use super::super::PipelineError;
use super::super::record::Record;
use crate::commands::Error;

/// The file's name in a run's folder.
const LOCK: &str = "lock";

/// Whoever only looks whether somebody has a lock has it for a moment. It is tried again so often before it counts as
/// taken.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(30);

/// The longest that a sandbox takes to end when it is killed.
const LONGEST_END: Duration = Duration::from_secs(5);

/// The right to drive a run, until it is dropped.
#[derive(Debug)]
pub(in crate::commands::pipeline) struct RunLock(
    #[expect(dead_code, reason = "open means locked")] File,
);

/// Who drives a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands::pipeline) enum Driver {
    /// Nobody.
    Nobody,
    /// The process of this number, if it has said so.
    Process(Option<u32>),
}

impl Record {
    /// Takes the right to drive a run; fails where somebody has it.
    pub(in crate::commands::pipeline) fn lock(&self, run: &RunId) -> Result<RunLock, Error> {
        let folder = self.folder(run);
        let path = folder.join(LOCK);
        for _ in 0..TRIES {
            fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).open(&path);
            let mut file = file.map_err(Error::io("open", &path))?;
            if try_lock(&file, FlockOperation::NonBlockingLockExclusive, &path)? {
                // Somebody may have removed the run, and this file, before it was locked.
                if is_at(&file, &path) {
                    if let Some(last) = written_in(&path) {
                        self.outlast(last);
                    }
                    // As long whoever it is: the same run takes the same bytes.
                    let own = format!("{:>10}", std::process::id());
                    let written = file.set_len(0).and_then(|()| file.write_all(own.as_bytes()));
                    written.map_err(Error::io("write", &path))?;
                    return Ok(RunLock(file));
                }
            } else {
                thread::sleep(PAUSE);
            }
        }
        let process = written_in(&path);
        Err(PipelineError::Driven { run: run.clone(), process }.into())
    }

    /// Waits until nothing runs any more of what a process had started that drove the run before. Its sandboxes end
    /// with it, but some milliseconds later if it was killed, and an attempt must not write into a volume while it is
    /// repeated.
    fn outlast(&self, process: u32) {
        let begun = Instant::now();
        let prefix = format!("{process}-");
        let is_its = |entry: &fs::DirEntry| {
            let path = entry.path();
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with(&prefix) && path.extension().is_some_and(|ending| ending == "lock")
        };
        // Who has the number of a process that ended long ago may well have sandboxes of its own.
        while process != std::process::id() && begun.elapsed() < LONGEST_END {
            let entries = fs::read_dir(self.sandboxes()).into_iter().flatten().flatten();
            let ends = |entry: fs::DirEntry| {
                File::open(entry.path()).is_ok_and(|lock| {
                    flock(&lock, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
                })
            };
            if !entries.filter(is_its).any(ends) {
                return;
            }
            thread::sleep(PAUSE);
        }
    }

    /// Who drives a run now.
    pub(in crate::commands::pipeline) fn driver_of(&self, run: &RunId) -> Result<Driver, Error> {
        let path = self.folder(run).join(LOCK);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Driver::Nobody),
            Err(error) => Err(Error::io("open", &path)(error)),
            Ok(file) => {
                let free = try_lock(&file, FlockOperation::NonBlockingLockShared, &path)?;
                Ok(if free { Driver::Nobody } else { Driver::Process(written_in(&path)) })
            }
        }
    }

    /// Whether somebody drives a run now.
    pub(in crate::commands::pipeline) fn is_driven(&self, run: &RunId) -> Result<bool, Error> {
        Ok(self.driver_of(run)? != Driver::Nobody)
    }

    /// The folder of a run: its logs, its workspace, and who drives it.
    pub(in crate::commands::pipeline) fn folder(&self, run: &RunId) -> PathBuf {
        self.runs().join(run.as_str())
    }
}

fn try_lock(file: &File, operation: FlockOperation, path: &Path) -> Result<bool, Error> {
    match retry_on_intr(|| flock(file, operation)) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(Error::io("lock", path)(error.into())),
    }
}

/// Whether this file is the one at that path.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(own), Ok(there)) = (file.metadata(), fs::metadata(path)) else { return false };
    (own.dev(), own.ino()) == (there.dev(), there.ino())
}

fn written_in(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path).ok()?.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
