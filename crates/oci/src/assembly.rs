//! An image made of new documents and blobs over those of another: what squash, convert and, later,
//! builds hand to a [`crate::Destination`].

use std::collections::HashMap;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use lightship_base::{Digest, HashingWriter};
use tempfile::TempPath;

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
    File(TempPath),
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
        self.blobs.insert(blob.digest, Body::File(blob.path));
        Descriptor::new(media_type, blob.digest, blob.size)
    }

    /// Adds a manifest and makes it the one that the image's name points to.
    pub fn set_root(&mut self, media_type: MediaType, manifest: &Manifest) -> Descriptor {
        let bytes = serde_json::to_vec(manifest).expect("a manifest has string keys only");
        let root = self.add_bytes(media_type, bytes);
        self.root = Some(root.clone());
        root
    }

    fn body(&self, descriptor: &Descriptor, offset: u64) -> Result<Option<BlobReader>, Error> {
        Ok(match self.blobs.get(&descriptor.digest) {
            None => None,
            Some(Body::Memory(bytes)) => {
                let mut cursor = Cursor::new(Arc::clone(bytes));
                cursor.set_position(offset);
                Some(Box::new(cursor))
            }
            Some(Body::File(path)) => {
                let mut file = File::open(path).map_err(Error::io("open", path))?;
                file.seek(SeekFrom::Start(offset)).map_err(Error::io("read", path))?;
                Some(Box::new(file))
            }
        })
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
        match (self.body(descriptor, 0)?, &self.below) {
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
        match (self.body(descriptor, offset)?, &self.below) {
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

/// A blob on its way into a temporary file.
pub struct BlobFile {
    file: HashingWriter<std::io::BufWriter<tempfile::NamedTempFile>>,
}

/// A blob in a temporary file, which goes with this value.
pub struct FinishedBlob {
    path: TempPath,
    /// The digest of its bytes.
    pub digest: Digest,
    /// How many there are.
    pub size: u64,
}

impl BlobFile {
    /// Starts an empty one in `folder`.
    pub fn create(folder: &Path) -> Result<Self, Error> {
        let file = tempfile::NamedTempFile::new_in(folder)
            .map_err(Error::io("create a temporary file in", folder))?;
        let buffered = std::io::BufWriter::with_capacity(256 * 1024, file);
        Ok(Self { file: HashingWriter::new(buffered) })
    }

    /// Closes it.
    pub fn finish(self) -> Result<FinishedBlob, Error> {
        let (digest, size, buffered) = self.file.finish();
        let file = buffered.into_inner().map_err(|error| {
            let (source, buffered) = error.into_parts();
            Error::Io { action: "write", path: buffered.get_ref().path().to_owned(), source }
        })?;
        Ok(FinishedBlob { path: file.into_temp_path(), digest, size })
    }
}

impl Write for BlobFile {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.file.write(buffer)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
