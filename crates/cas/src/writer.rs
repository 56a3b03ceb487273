//! Writing blobs: hash while writing, verify, make durable, move into place.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use lightship_base::{Digest, Sha256};

use crate::layout::{create_unique, sync_folder};
use crate::lease::Lease;
use crate::{Error, lock};

/// Tar writers write 512 bytes at a time; fewer, larger writes cost the kernel less.
const BUFFER: usize = 128 * 1024;

/// A blob being written. Nobody sees it before [`BlobWriter::commit`]. Dropped without a commit, an
/// ordinary one vanishes; a resumable one ([`Lease::partial`]) stays for the next attempt.
#[derive(Debug)]
pub struct BlobWriter {
    lease: Lease,
    file: BufWriter<File>,
    path: PathBuf,
    hasher: Sha256,
    written: u64,
    /// The only digest it may have, where it is known from the start.
    promised: Option<Digest>,
    fate: Fate,
}

/// What happens to the file when the writer is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Remove,
    KeepForLater,
    Published,
}

/// A blob that is in the store now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

impl BlobWriter {
    pub(crate) fn temporary(lease: Lease) -> Result<Self, Error> {
        let (file, path) = create_unique(&lease.layout().tmp(), &lease.temporary_prefix())?;
        Ok(Self::new(lease, file, path, Fate::Remove))
    }

    pub(crate) fn resumable(lease: Lease, digest: &Digest) -> Result<Self, Error> {
        let path = lease.layout().partial(digest);
        let mut writer = match open_partial(&path)? {
            Some(file) => Self::new(lease, file, path, Fate::KeepForLater),
            None => Self::temporary(lease)?,
        };
        writer.promised = Some(*digest);
        if writer.fate == Fate::KeepForLater {
            writer.take_in_prefix()?;
        }
        Ok(writer)
    }

    fn new(lease: Lease, file: File, path: PathBuf, fate: Fate) -> Self {
        let file = BufWriter::with_capacity(BUFFER, file);
        Self { lease, file, path, hasher: Sha256::new(), written: 0, promised: None, fate }
    }

    /// Hashes what an earlier attempt left. It may be wrong (a power failure can leave zeros); the
    /// digest at the end tells.
    fn take_in_prefix(&mut self) -> Result<(), Error> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let n = self
                .file
                .get_mut()
                .read(&mut buffer)
                .map_err(Error::io("read the partial download", &self.path))?;
            if n == 0 {
                return Ok(());
            }
            self.hasher.update(&buffer[..n]);
            self.written += n as u64;
        }
    }

    /// Bytes written so far, those of an earlier attempt included: where to go on.
    pub fn len(&self) -> u64 {
        self.written
    }

    /// Whether there are no bytes yet.
    pub fn is_empty(&self) -> bool {
        self.written == 0
    }

    /// Takes the next bytes. Like `write_all`, with the store's own error.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(Error::io("write", &self.path))?;
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Forgets all bytes and starts at zero.
    pub fn restart(&mut self) -> Result<(), Error> {
        let path = &self.path;
        self.file.flush().map_err(Error::io("write", path))?;
        let file = self.file.get_mut();
        file.set_len(0).map_err(Error::io("truncate", path))?;
        file.seek(SeekFrom::Start(0)).map_err(Error::io("truncate", path))?;
        self.hasher = Sha256::new();
        self.written = 0;
        Ok(())
    }

    /// Verifies the bytes, makes them durable and visible. With a wrong digest or size nothing is
    /// stored, and what was written is thrown away, a partial download too. A blob that is already
    /// there is fine; one whose size shows that it is damaged is replaced.
    pub fn commit(
        mut self,
        expected: Option<Digest>,
        expected_size: Option<u64>,
    ) -> Result<Stored, Error> {
        self.file.flush().map_err(Error::io("write", &self.path))?;
        let digest = std::mem::take(&mut self.hasher).finish();
        if let Err(error) = self.check(digest, expected, expected_size) {
            self.fate = Fate::Remove;
            return Err(error);
        }
        let stored = Stored { digest, size: self.written };
        if self.lease.protect(&digest)?
            && self.lease.layout().blob_size(&digest)? == Some(stored.size)
        {
            self.fate = Fate::Remove;
            return Ok(stored);
        }
        self.publish(&digest)?;
        Ok(stored)
    }

    fn check(
        &self,
        actual: Digest,
        expected: Option<Digest>,
        expected_size: Option<u64>,
    ) -> Result<(), Error> {
        if let Some(expected) = expected_size.filter(|size| *size != self.written) {
            return Err(Error::SizeMismatch { expected, actual: self.written });
        }
        match [expected, self.promised].into_iter().flatten().find(|wanted| *wanted != actual) {
            Some(expected) => Err(Error::DigestMismatch { expected, actual }),
            None => Ok(()),
        }
    }

    /// The digest is in the lease already, so the file is safe the moment it appears. The slow part,
    /// `fsync`, happens outside the lock; the rename inside, so that `verify` cannot remove a good
    /// file in place of the corrupt one it replaces.
    fn publish(&mut self, digest: &Digest) -> Result<(), Error> {
        let layout = self.lease.layout();
        let shard = layout.shard(digest);
        make_durable(self.file.get_ref()).map_err(Error::io("make durable", &self.path))?;
        if !shard.is_dir() {
            fs::create_dir_all(&shard).map_err(Error::io("create the folder", &shard))?;
            sync_folder(&layout.blobs())?;
        }
        let target = layout.blob(digest);
        let guard = lock::shared(layout)?;
        fs::rename(&self.path, &target).map_err(Error::io("move a blob to", &target))?;
        self.fate = Fate::Published;
        drop(guard);
        sync_folder(&shard)
    }
}

/// Takes the write permissions away, leaving the others as the user's umask made them, and waits for
/// the disk.
fn make_durable(file: &File) -> io::Result<()> {
    let mode = file.metadata()?.permissions().mode();
    file.set_permissions(Permissions::from_mode(mode & !0o222))?;
    file.sync_all()
}

/// Opens and locks a partial download, or makes one; `None` if somebody else has it. Between opening
/// and locking, its owner may have moved it into place, or `gc` may have removed it: then the file
/// that is locked is no longer the one of that name, and it starts over.
fn open_partial(path: &Path) -> Result<Option<File>, Error> {
    const ATTEMPTS: u32 = 100;
    for _ in 0..ATTEMPTS {
        let file = match open_writable(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                if make_writable(path)? {
                    continue;
                }
                return Ok(None);
            }
            Err(error) => return Err(Error::io("open the partial download", path)(error)),
        };
        if !lock::try_lock_file(&file, path)? {
            return Ok(None);
        }
        if is_named(&file, path)? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// Locks a partial download so that it can be removed while nobody appends to it; `None` if somebody
/// does, or if it is gone.
pub(crate) fn lock_for_removal(path: &Path) -> Result<Option<File>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open the partial download", path)(error)),
    };
    let ours = lock::try_lock_file(&file, path)? && is_named(&file, path)?;
    Ok(ours.then_some(file))
}

fn open_writable(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

/// Whether an open file is still the one of that name.
fn is_named(file: &File, path: &Path) -> Result<bool, Error> {
    let locked = file.metadata().map_err(Error::io("look at", path))?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (locked.dev(), locked.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("look at", path)(error)),
    }
}

/// A process killed just before its rename leaves a partial download without write permission. Gives
/// it back, unless that process is alive. Says whether opening is worth another attempt.
fn make_writable(path: &Path) -> Result<bool, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        // Moved into place since.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(Error::io("open the partial download", path)(error)),
    };
    if !lock::try_lock_file(&file, path)? {
        return Ok(false);
    }
    // Locked and still of that name, it cannot be a published blob, now or later.
    if is_named(&file, path)? {
        file.set_permissions(Permissions::from_mode(0o600))
            .map_err(Error::io("make writable", path))?;
    }
    Ok(true)
}

impl Write for BlobWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.append(buffer).map_err(Error::into_io)?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let path = &self.path;
        self.file.flush().map_err(|error| Error::io("write", path)(error).into_io())
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        let remove = match self.fate {
            Fate::Remove => true,
            Fate::KeepForLater => self.written == 0,
            Fate::Published => false,
        };
        // The file is still locked here, so nobody who wants the same partial download can have
        // taken its name over. What cannot be removed goes with the next gc.
        if remove {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_whose_name_was_taken_over_is_not_named_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("partial");
        let file = open_writable(&path).unwrap();
        assert!(is_named(&file, &path).unwrap());
        fs::rename(&path, folder.path().join("published")).unwrap();
        assert!(!is_named(&file, &path).unwrap());
        let other = open_writable(&path).unwrap();
        assert!(!is_named(&file, &path).unwrap() && is_named(&other, &path).unwrap());
        assert!(lock_for_removal(&path).unwrap().is_some());
        lock::lock_file(&other, &path).unwrap();
        assert!(lock_for_removal(&path).unwrap().is_none(), "somebody has it");
    }
}
