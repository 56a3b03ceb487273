//! A folder for each running sandbox, and what is left of those whose processes were killed.
//!
//! ```text
//! gate         held shared while a sandbox is made, exclusively while leftovers are looked for
//! <id>.lock    locked while the sandbox lives, by its caller and its helper together
//! <id>/        what it writes; the helper deletes it, and the lock after it
//! ```
//!
//! A lock goes with the last process that holds it, however that ended. A folder whose lock nobody holds
//! is a leftover. Its mounts and processes are gone already: they died with their namespaces.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use lightship_cas::remove_tree;
use rustix::fs::{FlockOperation, flock};

use crate::Error;
use crate::helper::remove_group_leftovers;

/// Where sandboxes have their folders.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    root: PathBuf,
}

/// One sandbox's folder, locked.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) id: String,
    pub(crate) path: PathBuf,
    lock_path: PathBuf,
    lock: File,
}

impl Folders {
    /// Nobody else may enter: what is written inside may be set-uid programs of strangers, and whoever
    /// could open the gate could keep it closed.
    pub(crate) fn open(root: &Path) -> Result<Self, Error> {
        fs::create_dir_all(root).map_err(Error::io("make the folder", root))?;
        let own = fs::Permissions::from_mode(0o700);
        fs::set_permissions(root, own).map_err(Error::io("close to others", root))?;
        Ok(Self { root: root.to_owned() })
    }

    /// A new folder. Its name is that of this process and a number; a process of another machine or
    /// container may have the same, so the first free one is taken.
    pub(crate) fn make(&self) -> Result<Folder, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let gate = self.gate()?;
        flock(&gate, FlockOperation::LockShared).map_err(self.refused("lock"))?;
        loop {
            let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let lock_path = self.root.join(format!("{name}.lock"));
            let lock = match OpenOptions::new().write(true).create_new(true).open(&lock_path) {
                Ok(lock) => lock,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(Error::io("make", &lock_path)(error)),
            };
            let operation = FlockOperation::NonBlockingLockExclusive;
            flock(&lock, operation).map_err(|e| Error::io("lock", &lock_path)(e.into()))?;
            let path = self.root.join(&name);
            fs::create_dir(&path).map_err(Error::io("make the folder", &path))?;
            let id = id_of(&name, &lock).map_err(Error::io("look at", &lock_path))?;
            return Ok(Folder { id, path, lock_path, lock });
        }
    }

    /// Clears up after sandboxes whose processes are gone. What cannot be deleted now is left for the
    /// next time.
    pub(crate) fn sweep(&self) -> Result<(), Error> {
        let gate = self.gate()?;
        if flock(&gate, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(()); // somebody begins or sweeps at this moment; there will be another
        }
        let entries = fs::read_dir(&self.root).map_err(Error::io("read", &self.root))?;
        let leftovers: Vec<Leftover> =
            entries.flatten().filter_map(|entry| Leftover::take(&entry.path())).collect();
        // Their locks are ours now: nobody has to wait while they are deleted.
        drop(gate);
        for leftover in leftovers {
            leftover.remove();
        }
        Ok(())
    }

    fn gate(&self) -> Result<File, Error> {
        let path = self.root.join("gate");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        options.open(&path).map_err(Error::io("open", &path))
    }

    fn refused(&self, action: &'static str) -> impl FnOnce(rustix::io::Errno) -> Error {
        let path = self.root.join("gate");
        move |error| Error::io(action, &path)(error.into())
    }
}

/// A folder that nobody uses any more, locked by us.
struct Leftover {
    id: String,
    lock_path: PathBuf,
    _lock: File,
}

impl Leftover {
    /// The leftover of this lock, if it is one.
    fn take(lock_path: &Path) -> Option<Self> {
        let name = lock_path.file_name()?.to_str()?.strip_suffix(".lock")?;
        let lock = File::open(lock_path).ok()?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?;
        let id = id_of(name, &lock).ok()?;
        Some(Self { id, lock_path: lock_path.to_owned(), _lock: lock })
    }

    fn remove(&self) {
        let groups_gone = remove_group_leftovers(&self.id);
        if remove_tree(&self.lock_path.with_extension("")).is_ok() && groups_gone {
            let _ = fs::remove_file(&self.lock_path);
        }
    }
}

/// What a sandbox is called where all of the machine's sandboxes meet, whatever folder and process
/// namespace they are of: in the hierarchies of control groups. The lock's file is there once on this
/// machine, and was made at one moment.
fn id_of(name: &str, lock: &File) -> io::Result<String> {
    let about = lock.metadata()?;
    let moment = about.mtime().wrapping_mul(1_000_000_000).wrapping_add(about.mtime_nsec());
    Ok(format!("{name}-{:x}-{:x}-{moment:x}", about.dev(), about.ino()))
}

impl Folder {
    /// What the helper takes along to hold the lock.
    pub(crate) fn lock(&self) -> BorrowedFd<'_> {
        self.lock.as_fd()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The helper deleted both. Where it could not, the lock stays as the folder's mark. An empty folder
        // is one of a helper that did not get far, but perhaps as far as control groups.
        if fs::remove_dir(&self.path).is_ok() && remove_group_leftovers(&self.id) {
            let _ = fs::remove_file(&self.lock_path);
        }
    }
}
