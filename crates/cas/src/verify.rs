//! Reading everything again: is every blob what its name says, and is everything there that should
//! be?

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use lightship_base::{ByteSize, Digest, Progress, Sha256, Transfer, TransferId, TransferOutcome};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use serde::Serialize;

use crate::graph::{Children, Graph, inventory};
use crate::{Cas, Error, Tally, lock, refs};

/// Large enough to keep the disk busy, small enough for many threads.
const BUFFER: usize = 256 * 1024;

/// What to do about what is found.
#[derive(Debug, Clone, Copy, Default)]
pub struct VerifyOptions {
    /// Delete corrupt blobs, so that the next pull or build fetches them again.
    pub remove_corrupt: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Blobs read.
    pub checked: Tally,
    /// Blobs whose bytes are wrong, in the order of their digests.
    pub corrupt: Vec<CorruptBlob>,
    /// Blobs that a name leads to and that are not there.
    pub missing: Vec<MissingBlob>,
    /// Files among the blobs that are none; nothing touches them.
    pub strays: Vec<PathBuf>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.corrupt.is_empty() && self.missing.is_empty() && self.strays.is_empty()
    }
}

/// A blob whose bytes are wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CorruptBlob {
    /// What its name says.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: ByteSize,
    /// What is wrong.
    pub problem: Problem,
    /// Whether it was deleted.
    pub removed: bool,
}

/// What is wrong with a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Its bytes have another digest.
    OtherDigest(Digest),
    /// The disk does not give its bytes.
    Unreadable(String),
}

/// A blob that should be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingBlob {
    /// Which.
    pub digest: Digest,
    /// The names that lead to it, as `kind/name`.
    pub needed_by: Vec<String>,
}

/// A corrupt blob, and which file it was: it may be replaced by a good one meanwhile.
struct Found {
    blob: CorruptBlob,
    /// Device and inode; `None` where it could not even be opened. That may be a missing right, which
    /// is no reason to delete it.
    file: Option<(u64, u64)>,
}

impl Cas {
    /// Reads all blobs in parallel, then follows all names. Others may work meanwhile; what they
    /// delete is not reported.
    pub fn verify(
        &self,
        children: Children<'_>,
        options: VerifyOptions,
        progress: &dyn Progress,
    ) -> Result<VerifyReport, Error> {
        let inventory = inventory(&self.layout)?;
        let total = ByteSize(inventory.blobs.values().sum());
        let what = format!("verify {} blobs", inventory.blobs.len());
        let id = progress.begin(Transfer { what, digest: None, total: Some(total) });
        let blobs: Vec<(Digest, u64)> = inventory.blobs.into_iter().collect();
        let results: Vec<Option<(u64, Option<Found>)>> = blobs
            .par_iter()
            .map(|(digest, size)| self.check(digest, *size, progress, id))
            .collect();
        progress.end(id, TransferOutcome::Done);

        let mut report = VerifyReport { strays: inventory.strays, ..VerifyReport::default() };
        let mut found = Vec::new();
        for (bytes, corrupt) in results.into_iter().flatten() {
            report.checked.add(bytes);
            found.extend(corrupt);
        }
        if options.remove_corrupt {
            self.remove(&mut found)?;
        }
        report.corrupt = found.into_iter().map(|found| found.blob).collect();
        report.missing = self.missing(children)?;
        Ok(report)
    }

    /// Bytes read and what is wrong; `None` if the blob was deleted meanwhile.
    fn check(
        &self,
        digest: &Digest,
        size: u64,
        progress: &dyn Progress,
        id: TransferId,
    ) -> Option<(u64, Option<Found>)> {
        let found = |problem, file| {
            let size = ByteSize(size);
            Some(Found {
                blob: CorruptBlob { digest: *digest, size, problem, removed: false },
                file,
            })
        };
        let mut file = match File::open(self.layout.blob(digest)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => return Some((0, found(Problem::Unreadable(error.to_string()), None))),
        };
        let identity = file.metadata().ok().map(|found| (found.dev(), found.ino()));
        Some(match hash(&mut file, progress, id) {
            Ok((actual, bytes)) if actual == *digest => (bytes, None),
            Ok((actual, bytes)) => (bytes, found(Problem::OtherDigest(actual), identity)),
            Err(error) => (0, found(Problem::Unreadable(error.to_string()), identity)),
        })
    }

    /// Under the exclusive lock, so that no good blob can take a corrupt one's place between the look
    /// and the deletion.
    fn remove(&self, corrupt: &mut [Found]) -> Result<(), Error> {
        let _lock = lock::exclusive(&self.layout)?;
        for found in corrupt {
            let path = self.layout.blob(&found.blob.digest);
            let now = fs::metadata(&path).ok().map(|found| (found.dev(), found.ino()));
            if now.is_some() && now == found.file {
                fs::remove_file(&path).map_err(Error::io("delete", &path))?;
                found.blob.removed = true;
            }
        }
        Ok(())
    }

    fn missing(&self, children: Children<'_>) -> Result<Vec<MissingBlob>, Error> {
        let _lock = lock::shared(&self.layout)?;
        // Names before blobs: whatever a name leads to is there when the name is set, and stays while
        // the lock is held. The other way round, a tree stored between the two would seem missing.
        let names = refs::all(&self.layout)?;
        let inventory = inventory(&self.layout)?;
        // What a corrupt blob leads to, nobody knows; that it is corrupt is in the report already.
        let tolerant = |digest: &Digest| match children(digest) {
            Err(Error::CorruptBlob { .. }) => Ok(Vec::new()),
            result => result,
        };
        let mut graph = Graph::new(&inventory.blobs, &tolerant);
        let mut missing: BTreeMap<Digest, BTreeSet<String>> = BTreeMap::new();
        for (kind, entries) in names {
            for entry in entries {
                for digest in graph.reach(entry.value.roots)?.absent {
                    missing.entry(digest).or_default().insert(format!("{kind}/{}", entry.name));
                }
            }
        }
        let blob = |(digest, names): (_, BTreeSet<String>)| MissingBlob {
            digest,
            needed_by: names.into_iter().collect(),
        };
        Ok(missing.into_iter().map(blob).collect())
    }
}

fn hash(file: &mut File, progress: &dyn Progress, id: TransferId) -> io::Result<(Digest, u64)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((hasher.finish(), bytes)),
            Ok(n) => {
                hasher.update(&buffer[..n]);
                bytes += n as u64;
                progress.advance(id, n as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
