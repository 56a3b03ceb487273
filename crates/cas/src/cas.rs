//! The store as its users hold it, and reading from it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lightship_base::Digest;

use crate::Error;
use crate::layout::Layout;
use crate::lease::Lease;

/// A content-addressed store. Clones are cheap and mean the same store.
#[derive(Debug, Clone)]
pub struct Cas {
    pub(crate) layout: Arc<Layout>,
}

impl Cas {
    /// Opens the store at `root`, or makes one there where the folder is empty or absent. A store on
    /// a read-only file system opens too; it can be read but not leased.
    pub fn open(root: &Path) -> Result<Self, Error> {
        Ok(Self { layout: Arc::new(Layout::open(root)?) })
    }

    /// The store's folder.
    pub fn root(&self) -> &Path {
        self.layout.root()
    }

    /// Whether the blob is there *now*. To rely on it, ask [`Lease::protect`] instead.
    pub fn contains(&self, digest: &Digest) -> Result<bool, Error> {
        Ok(self.size(digest)?.is_some())
    }

    /// The blob's size in bytes, if it is there now.
    pub fn size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        self.layout.blob_size(digest)
    }

    /// Where the blob's file is, or would be: for messages, and for programs that want a path. The
    /// file is read-only and its content never changes.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.layout.blob(digest)
    }

    /// Opens a blob. Once open it stays readable, whatever happens to its name.
    pub fn open_blob(&self, digest: &Digest) -> Result<Blob, Error> {
        let path = self.layout.blob(digest);
        let file = File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Error::NoSuchBlob { digest: *digest, root: self.root().to_owned() }
            }
            _ => Error::io("open", &path)(error),
        })?;
        let size = file.metadata().map_err(Error::io("look at", &path))?.len();
        Ok(Blob { file, size })
    }

    /// Reads a small blob whole and verifies its digest. Refuses more than `limit` bytes.
    pub fn read(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, Error> {
        let mut blob = self.open_blob(digest)?;
        if blob.size > limit {
            return Err(Error::TooLarge { digest: *digest, size: blob.size, limit });
        }
        let path = self.layout.blob(digest);
        let mut bytes = Vec::new();
        blob.read_to_end(&mut bytes).map_err(Error::io("read", &path))?;
        let actual = Digest::of(&bytes);
        if actual != *digest {
            let reason = format!("its bytes have digest {actual}");
            return Err(Error::CorruptBlob { digest: *digest, path, reason });
        }
        Ok(bytes)
    }

    /// A new lease, protecting nothing yet. Fails where the store cannot be written.
    pub fn lease(&self) -> Result<Lease, Error> {
        Lease::create(Arc::clone(&self.layout))
    }
}

/// An open blob. Its bytes are those that were verified when it was stored, unless the disk lost
/// them since: whoever must know compares the digest while reading.
#[derive(Debug)]
pub struct Blob {
    file: File,
    size: u64,
}

impl Blob {
    /// Bytes in all.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The open file, to read at positions or to map.
    pub fn into_file(self) -> File {
        self.file
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }

    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.file.read_to_end(buffer)
    }
}

impl Seek for Blob {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}
