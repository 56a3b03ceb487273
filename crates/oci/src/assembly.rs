//! An image made of new documents and blobs over those of another: what squash, convert and, later,
//! builds hand to a [`crate::Destination`].

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Cursor, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lightship_base::{Digest, HashingWriter};

use crate::spec::{Descriptor, Manifest, MediaType};
use crate::{BlobReader, Error, Source};

/// A [`Source`] whose parts are given one by one.
#[derive(Default)]
pub struct Assembly {
    name: String,
    root: Option<Descriptor>,
    blobs: HashMap<Digest, Body>,
    below: Option<Arc<dyn Source>>,
}

enum Body {
    Memory(Arc<[u8]>),
    File(Arc<File>),
}

impl Assembly {
    /// Starts empty; `below` has whatever is not added.
    pub fn over(name: impl Into<String>, below: Option<Arc<dyn Source>>) -> Self {
        Self { name: name.into(), below, ..Self::default() }
    }

    /// Adds bytes and returns the pointer to them.
    pub fn add_bytes(&mut self, media_type: MediaType, bytes: Vec<u8>) -> Descriptor {
        let descriptor = Descriptor::of(media_type, &bytes);
        self.blobs.insert(descriptor.digest, Body::Memory(bytes.into()));
        descriptor
    }

    /// Adds a finished temporary file.
    pub fn add_file(&mut self, media_type: MediaType, blob: FinishedBlob) -> Descriptor {
        self.blobs.insert(blob.digest, Body::File(Arc::new(blob.file)));
        Descriptor::new(media_type, blob.digest, blob.size)
    }

    /// Adds a manifest and makes it the one that the image's name points to.
    pub fn set_root(&mut self, media_type: MediaType, manifest: &Manifest) -> Descriptor {
        let bytes = serde_json::to_vec(manifest).expect("a manifest has string keys only");
        let root = self.add_bytes(media_type, bytes);
        self.root = Some(root.clone());
        root
    }

    fn body(&self, descriptor: &Descriptor, offset: u64) -> Option<BlobReader> {
        Some(match self.blobs.get(&descriptor.digest)? {
            Body::Memory(bytes) => {
                let mut cursor = Cursor::new(Arc::clone(bytes));
                cursor.set_position(offset);
                Box::new(cursor)
            }
            Body::File(file) => Box::new(ReadFrom { file: Arc::clone(file), offset }),
        })
    }
}

/// Reads a shared file from its own place in it.
struct ReadFrom {
    file: Arc<File>,
    offset: u64,
}

impl Read for ReadFrom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(buffer, self.offset)?;
        self.offset += n as u64;
        Ok(n)
    }
}

impl Source for Assembly {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn root(&self) -> Result<Descriptor, Error> {
        self.root.clone().ok_or_else(|| Error::invalid(&self.name, "it has no manifest yet"))
    }

    fn document(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, Error> {
        match (self.body(descriptor, 0), &self.below) {
            (Some(mut reader), _) => {
                let mut bytes = Vec::new();
                let what = || format!("{} of {}", descriptor.digest, self.name);
                reader
                    .read_to_end(&mut bytes)
                    .map_err(|source| Error::Read { what: what(), source })?;
                Ok(bytes)
            }
            (None, Some(below)) => below.document(descriptor, limit),
            (None, None) => Err(self.missing(descriptor)),
        }
    }

    fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobReader, Error> {
        match (self.body(descriptor, offset), &self.below) {
            (Some(reader), _) => Ok(reader),
            (None, Some(below)) => below.blob(descriptor, offset),
            (None, None) => Err(self.missing(descriptor)),
        }
    }

    fn mount_origin(&self) -> Option<(String, String)> {
        self.below.as_ref()?.mount_origin()
    }
}

impl Assembly {
    fn missing(&self, descriptor: &Descriptor) -> Error {
        Error::NotFound {
            what: format!("blob {}", descriptor.digest),
            place: self.name.clone(),
            hint: None,
        }
    }
}

/// A blob on its way into a temporary file. The file has no name: whatever happens to this process,
/// nothing of it stays behind.
pub struct BlobFile {
    file: HashingWriter<BufWriter<File>>,
    folder: PathBuf,
}

/// A blob in a temporary file, which goes with this value.
pub struct FinishedBlob {
    file: File,
    /// The digest of its bytes.
    pub digest: Digest,
    /// How many there are.
    pub size: u64,
}

impl BlobFile {
    /// Starts an empty one in `folder`.
    pub fn create(folder: &Path) -> Result<Self, Error> {
        let file = tempfile::tempfile_in(folder)
            .map_err(Error::io("create a temporary file in", folder))?;
        let buffered = BufWriter::with_capacity(256 * 1024, file);
        Ok(Self { file: HashingWriter::new(buffered), folder: folder.to_owned() })
    }

    /// Closes it.
    pub fn finish(self) -> Result<FinishedBlob, Error> {
        let (digest, size, buffered) = self.file.finish();
        let file = buffered
            .into_inner()
            .map_err(|error| Error::io(WRITE, &self.folder)(error.into_error()))?;
        Ok(FinishedBlob { file, digest, size })
    }
}

impl Write for BlobFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let folder = &self.folder;
        self.file.write(buffer).map_err(|source| Unwritten::wrap(folder, source))
    }

    fn flush(&mut self) -> io::Result<()> {
        let folder = &self.folder;
        self.file.flush().map_err(|source| Unwritten::wrap(folder, source))
    }
}

const WRITE: &str = "write a temporary file in";

/// Our own file failed. It passes through encoders as an `io::Error` and must come out as what it is,
/// not as a fault of the image that was being read.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
struct Unwritten {
    folder: PathBuf,
    source: io::Error,
}

impl Unwritten {
    fn wrap(folder: &Path, source: io::Error) -> io::Error {
        io::Error::new(source.kind(), Self { folder: folder.to_owned(), source })
    }
}

/// What went wrong while something was read from `what` and written to a [`BlobFile`].
pub(crate) fn stream_error(what: String, error: io::Error) -> Error {
    match error.downcast::<Unwritten>() {
        Ok(Unwritten { folder, source }) => Error::Io { action: WRITE, path: folder, source },
        Err(source) => Error::Read { what, source },
    }
}
