//! Leases: what a process is working on, so that nobody collects it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lightship_base::Digest;

use crate::layout::{Layout, create_unique, read_dir};
use crate::lock::{self, Shared};
use crate::refs::{self, RefKind, RefValue};
use crate::writer::BlobWriter;
use crate::{Cas, Error};

/// Keeps blobs alive while somebody works on them. It ends when its last clone and its last
/// [`BlobWriter`] are dropped, or with the process.
///
/// Writing goes through the lease (and not through [`Cas`] with a lease as an argument), so that a
/// blob cannot be written to one store under a lease of another.
#[derive(Debug, Clone)]
pub struct Lease {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    layout: Arc<Layout>,
    path: PathBuf,
    /// Taken inside the shared lock, never around it: the other way round two threads and a waiting
    /// `gc` could wait for each other in a circle.
    ledger: Mutex<Ledger>,
}

/// The lease's file, locked, and what it says.
#[derive(Debug)]
struct Ledger {
    file: File,
    bytes: u64,
    digests: BTreeSet<Digest>,
}

impl Lease {
    pub(crate) fn create(layout: Arc<Layout>) -> Result<Self, Error> {
        let guard = lock::shared(&layout)?;
        let (file, path) = create_unique(&layout.leases(), "")?;
        lock::lock_file(&file, &path)?;
        drop(guard);
        let ledger = Mutex::new(Ledger { file, bytes: 0, digests: BTreeSet::new() });
        Ok(Self { inner: Arc::new(Inner { layout, path, ledger }) })
    }

    /// Protects a blob, present or future, and says whether it is there: if so, it stays.
    pub fn protect(&self, digest: &Digest) -> Result<bool, Error> {
        Ok(self.protect_all(std::slice::from_ref(digest))?.is_empty())
    }

    /// Protects many blobs at once and returns those that are not there, in the order given.
    pub fn protect_all(&self, digests: &[Digest]) -> Result<Vec<Digest>, Error> {
        let guard = lock::shared(&self.inner.layout)?;
        self.add(&guard, digests)?;
        let mut absent = Vec::new();
        for digest in digests {
            if self.layout().blob_size(digest)?.is_none() {
                absent.push(*digest);
            }
        }
        Ok(absent)
    }

    /// Reads a ref and protects its roots in one step: whatever the name keeps alive now stays, also
    /// if the name is removed or moved the next moment. `None` if there is no such name.
    pub fn pin(&self, kind: RefKind, name: &str) -> Result<Option<RefValue>, Error> {
        let guard = lock::shared(&self.inner.layout)?;
        let Some(value) = refs::read(self.layout(), kind, name)? else {
            return Ok(None);
        };
        self.add(&guard, &value.roots)?;
        refs::touch(self.layout(), kind, name);
        Ok(Some(value))
    }

    /// Begins a new blob of yet unknown digest.
    pub fn writer(&self) -> Result<BlobWriter, Error> {
        BlobWriter::temporary(self.clone())
    }

    /// Begins a blob of known digest, or goes on where an earlier attempt stopped, even in another
    /// process: [`BlobWriter::len`] says how many bytes are there. Where somebody else is appending
    /// to the same partial file right now, this is an ordinary writer that starts at zero.
    pub fn partial(&self, digest: &Digest) -> Result<BlobWriter, Error> {
        self.protect(digest)?;
        BlobWriter::resumable(self.clone(), digest)
    }

    /// Stores a small blob that is in memory.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, Error> {
        let digest = Digest::of(bytes);
        if self.protect(&digest)? {
            return Ok(digest);
        }
        let mut writer = self.writer()?;
        writer.append(bytes)?;
        Ok(writer.commit(Some(digest), None)?.digest)
    }

    /// The store it belongs to.
    pub fn cas(&self) -> Cas {
        Cas { layout: Arc::clone(&self.inner.layout) }
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    /// Names the temporary files of this lease; `gc` keeps them as long as the lease lives.
    pub(crate) fn temporary_prefix(&self) -> String {
        format!("{}.", file_name(&self.inner.path))
    }

    /// Writes digests to the lease's file, those that are not there yet.
    pub(crate) fn add(&self, _: &Shared, digests: &[Digest]) -> Result<(), Error> {
        let mut ledger = self.ledger();
        let new: BTreeSet<Digest> =
            digests.iter().filter(|digest| !ledger.digests.contains(digest)).copied().collect();
        if new.is_empty() {
            return Ok(());
        }
        let lines: String = new.iter().map(|digest| digest.hex() + "\n").collect();
        if let Err(error) = ledger.file.write_all(lines.as_bytes()) {
            // On a full disk half a line may be there. Without it the lease is as it was before; if
            // even that fails, `gc` meets the half line and refuses, which is the safe side.
            let _ = ledger.file.set_len(ledger.bytes);
            return Err(Error::io("write the lease", &self.inner.path)(error));
        }
        ledger.bytes += lines.len() as u64;
        ledger.digests.extend(new);
        Ok(())
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.inner.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A lease that cannot be removed is an unlocked one a moment later; gc removes it then.
        let _ = fs::remove_file(&self.path);
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What all leases say together.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Everything that live leases protect.
    pub(crate) protected: BTreeSet<Digest>,
    /// The names of live leases' files.
    pub(crate) live: BTreeSet<String>,
    /// Files of leases whose process is gone.
    pub(crate) dead: Vec<PathBuf>,
}

impl Survey {
    /// Whether a temporary file of this name belongs to a live lease.
    pub(crate) fn owns(&self, temporary: &str) -> bool {
        temporary.split_once('.').is_some_and(|(lease, _)| self.live.contains(lease))
    }
}

/// Reads all leases. Under the exclusive lock the answer stays true; under the shared one it is a
/// moment's picture.
pub(crate) fn survey(layout: &Layout) -> Result<Survey, Error> {
    let mut survey = Survey::default();
    for entry in read_dir(&layout.leases())? {
        let path = entry.path();
        let mut file = match File::open(&path) {
            Ok(file) => file,
            // A lease may end at any moment, without a lock.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io("open the lease", &path)(error)),
        };
        if lock::is_held(&file, &path)? {
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(Error::io("read the lease", &path))?;
            survey
                .protected
                .extend(parse(&text).ok_or(Error::CorruptLease { path: path.clone() })?);
            survey.live.insert(file_name(&path));
        } else {
            survey.dead.push(path);
        }
    }
    Ok(survey)
}

fn parse(text: &str) -> Option<Vec<Digest>> {
    if !text.is_empty() && !text.ends_with('\n') {
        return None;
    }
    text.lines().map(|hex| format!("sha256:{hex}").parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::GcOptions;

    fn store() -> (tempfile::TempDir, Cas) {
        let folder = tempfile::tempdir().unwrap();
        let cas = Cas::open(folder.path()).unwrap();
        (folder, cas)
    }

    #[test]
    fn a_lease_is_seen_while_it_lives_and_gone_after() {
        let (_folder, cas) = store();
        let lease = cas.lease().unwrap();
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        assert!(!lease.protect(&a).unwrap());
        assert_eq!(lease.protect_all(&[b, a]).unwrap(), [b, a]);
        let seen = survey(&cas.layout).unwrap();
        assert_eq!(seen.protected, BTreeSet::from([a, b]));
        assert_eq!((seen.live.len(), seen.dead.len()), (1, 0));
        assert!(seen.owns(&format!("{}0", lease.temporary_prefix())));
        let clone = lease.clone();
        drop(lease);
        assert_eq!(survey(&cas.layout).unwrap().live.len(), 1, "a clone is left");
        drop(clone);
        let seen = survey(&cas.layout).unwrap();
        assert!(seen.live.is_empty() && seen.dead.is_empty());
    }

    #[test]
    fn a_lease_without_a_process_is_dead() {
        let (_folder, cas) = store();
        fs::write(cas.layout.leases().join("77-0"), "rubbish").unwrap();
        let seen = survey(&cas.layout).unwrap();
        assert_eq!((seen.live.len(), seen.dead.len()), (0, 1));
        assert!(!seen.owns("77-0.1-0") && !seen.owns("file-1-0"));
    }

    #[test]
    fn no_collection_sees_a_lease_before_it_is_locked() {
        let (_folder, cas) = store();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    cas.gc(&|_| Ok(Vec::new()), GcOptions::default()).unwrap();
                }
            });
            let survived = (0..3_000).all(|_| cas.lease().unwrap().inner.path.exists());
            done.store(true, Ordering::Relaxed);
            assert!(survived);
        });
    }

    #[test]
    fn half_a_line_in_a_live_lease_is_noticed() {
        let (_folder, cas) = store();
        let lease = cas.lease().unwrap();
        lease.protect(&Digest::of(b"a")).unwrap();
        lease.ledger().file.write_all(b"12ab").unwrap();
        assert!(matches!(survey(&cas.layout), Err(Error::CorruptLease { .. })));
    }
}
