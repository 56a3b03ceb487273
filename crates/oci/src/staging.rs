//! Files that are complete before anybody sees them, and whose remains vanish after a `kill -9`.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;

/// What names of unfinished files begin with.
const PREFIX: &str = ".lightship-";

/// A file under a temporary name. Dropped without [`Staged::publish`], it is removed.
///
/// It is locked while its process lives, so that [`sweep`] can tell what a killed process left behind.
#[derive(Debug)]
pub(crate) struct Staged {
    file: File,
    path: PathBuf,
    published: bool,
}

impl Staged {
    /// A new, empty file in `folder`.
    pub(crate) fn create(folder: &Path) -> Result<Self, Error> {
        // A sweep may take a new file for a remnant in the instant before it is locked; the next
        // name works then.
        for _ in 0..100 {
            let path = folder.join(unique_name());
            let created = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&path);
            let file = match created {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                created => created.map_err(Error::io("create", &path))?,
            };
            let staged = Self { file, path, published: false };
            match staged.file.try_lock() {
                Err(TryLockError::WouldBlock) => continue,
                // Filesystems without locks have nothing to sweep by either.
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
            let links = staged.file.metadata().map_err(Error::io("inspect", &staged.path))?.nlink();
            if links > 0 {
                return Ok(staged);
            }
        }
        let busy = io::Error::from(io::ErrorKind::ResourceBusy);
        Err(Error::io("create a temporary file in", folder)(busy))
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(Error::io("write", &self.path))
    }

    /// The file itself, for writers that take one.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Makes the bytes durable and gives the file its name, replacing what had it. The folder's own
    /// durability is left to [`sync_folder`].
    pub(crate) fn publish(mut self, target: &Path) -> Result<(), Error> {
        self.file.sync_all().map_err(Error::io("make durable", &self.path))?;
        fs::rename(&self.path, target).map_err(Error::io("replace", target))?;
        self.published = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.published {
            // If it cannot be removed now, a later sweep tries again.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Distinct within this process by a counter, and between processes by the process id; a clash with
/// the remnant of an earlier process of that id is met by trying the next number.
fn unique_name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{}-{number}", std::process::id())
}

/// Writes a small file whole or not at all.
pub(crate) fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let mut staged = Staged::create(folder)?;
    staged.write(bytes)?;
    staged.publish(&folder.join(name))
}

/// Removes what killed processes left in a folder. Best effort: what cannot be removed stays.
pub(crate) fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && is_staged_name(&entry.file_name()) {
            let path = entry.path();
            // Locked until it is removed: else its maker might lock it in between, and lose it.
            if let Ok(file) = File::open(&path)
                && file.try_lock().is_ok()
            {
                let _ = fs::remove_file(&path);
            }
        }
    }
}

/// Whether a file of this name is a staged one, or was left behind by a killed process: ours to the
/// last character, so that nothing of the user's is ever taken for one.
pub(crate) fn is_staged_name(name: &OsStr) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let parts = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'));
    parts.is_some_and(|(process, count)| number(process) && number(count))
}

/// Makes renames in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(Error::io("make durable", folder))
}

/// A stretch of a file, read without moving anybody else's position: several may be read at once.
#[derive(Debug)]
pub(crate) struct Section {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Section {
    /// `length` bytes from `start` on.
    pub(crate) fn new(file: Arc<File>, start: u64, length: u64) -> Self {
        Self { file, at: start, end: start.saturating_add(length) }
    }

    /// The same without its first `offset` bytes.
    pub(crate) fn skip(mut self, offset: u64) -> Self {
        self.at = self.at.saturating_add(offset).min(self.end);
        self
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        if wanted == 0 {
            return Ok(0);
        }
        let read = self.file.read_at(&mut buffer[..wanted], self.at)?;
        if read == 0 {
            // The file was as long as this when its index was made.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += read as u64;
        Ok(read)
    }
}

/// Sizes are claims until the bytes have come. Behind one that lies enough, the next blob's place would be
/// where no filesystem has any (ext4: 16 TiB), and the machine would be blamed for it.
const MAX_SPOOL_BYTES: u64 = 8 << 40;

/// Blobs of known size on their way into an archive, in one nameless file: whatever happens to the
/// process, the kernel cleans up.
#[derive(Debug)]
pub(crate) struct Spool {
    file: Arc<File>,
    folder: PathBuf,
    next: AtomicU64,
}

impl Spool {
    /// An empty one in `folder`.
    pub(crate) fn create(folder: &Path) -> Result<Self, Error> {
        let file = tempfile::tempfile_in(folder)
            .map_err(Error::io("create a temporary file in", folder))?;
        Ok(Self { file: Arc::new(file), folder: folder.to_owned(), next: AtomicU64::new(0) })
    }

    /// Sets room for `size` bytes aside and says where it begins.
    pub(crate) fn reserve(&self, size: u64) -> Result<u64, Error> {
        self.next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
                next.checked_add(size).filter(|end| *end <= MAX_SPOOL_BYTES)
            })
            .map_err(|_| Error::invalid("the image", "its blobs' sizes add up to nonsense"))
    }

    /// Writes bytes to a place that was reserved.
    pub(crate) fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), Error> {
        self.file
            .write_all_at(bytes, offset)
            .map_err(Error::io("write a temporary file in", &self.folder))
    }

    /// Reads a place that was written.
    pub(crate) fn section(&self, start: u64, length: u64) -> Section {
        Section::new(Arc::clone(&self.file), start, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn only_what_was_published_stays() {
        let folder = tempfile::tempdir().unwrap();
        drop(Staged::create(folder.path()).unwrap());
        write_whole(folder.path(), "name", b"old").unwrap();
        write_whole(folder.path(), "name", b"new").unwrap();
        assert_eq!(names(folder.path()), ["name"]);
        assert_eq!(fs::read(folder.path().join("name")).unwrap(), b"new");
    }

    #[test]
    fn a_sweep_removes_remnants_and_spares_the_living() {
        let folder = tempfile::tempdir().unwrap();
        let living = Staged::create(folder.path()).unwrap();
        fs::write(folder.path().join(".lightship-1-1"), b"left behind").unwrap();
        fs::write(folder.path().join("other"), b"not ours").unwrap();
        sweep(folder.path());
        let mut left = names(folder.path());
        left.sort();
        assert_eq!(left, [living.path.file_name().unwrap().to_str().unwrap(), "other"]);
    }

    #[test]
    fn a_section_ends_where_it_should() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::create(folder.path()).unwrap();
        let first = spool.reserve(3).unwrap();
        let second = spool.reserve(4).unwrap();
        spool.write_at(b"four", second).unwrap();
        spool.write_at(b"abc", first).unwrap();
        let mut text = String::new();
        spool.section(second, 4).skip(1).read_to_string(&mut text).unwrap();
        assert_eq!(text, "our");
        let beyond = spool.section(second, 5).read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(beyond.kind(), io::ErrorKind::UnexpectedEof);
        for nonsense in [u64::MAX, 1 << 60] {
            assert!(spool.reserve(nonsense).is_err());
        }
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
