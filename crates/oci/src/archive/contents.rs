//! An archive that is open: its file, and the index of what is in it.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use lightship_base::ByteSize;

use super::Scratch;
use super::index::{ArchiveIndex, ArchiveIndexError, Extent};
use crate::compression::{check_ratio, decoder, detect};
use crate::layout::Files;
use crate::spec::Compression;
use crate::staging::Section;
use crate::tar::TarErrorKind;
use crate::{BlobReader, Error};

/// The files of an archive. Several can be read at once.
#[derive(Debug)]
pub struct Contents {
    file: Arc<File>,
    index: ArchiveIndex,
    /// How a person calls the archive.
    name: String,
}

/// Headers lie between payloads that are skipped: a larger buffer would only read more for nothing.
const BUFFER: usize = 32 * 1024;

/// For copying a whole archive.
const CHUNK: usize = 128 * 1024;

impl Contents {
    /// Opens an archive. A compressed one is decompressed to `scratch` once, and so is what cannot be
    /// read twice, such as a pipe.
    pub fn open(path: &Path, scratch: &Scratch) -> Result<Self, Error> {
        let mut file = File::open(path).map_err(Error::io("open", path))?;
        let found = file.metadata().map_err(Error::io("open", path))?;
        if found.is_dir() {
            return Err(Error::Unsupported {
                what: path.display().to_string(),
                reason: "it is a folder, not an archive".to_owned(),
                hint: Some(format!("for an image layout in a folder: oci:{}", path.display())),
            });
        }
        if !found.is_file() || is_compressed(&mut file, path)? {
            let known = if found.is_file() { found.len() } else { 0 };
            file = unpack(file, known, path, scratch)?;
        }
        Self::index_file(file, path)
    }

    fn index_file(file: File, path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let index = ArchiveIndex::read(BufReader::with_capacity(BUFFER, &file))
            .map_err(|error| broken(error, &name))?;
        if index.is_empty() {
            return Err(Error::invalid(name, "the archive is empty"));
        }
        Ok(Self { file: Arc::new(file), index, name })
    }

    /// What is in it.
    pub fn index(&self) -> &ArchiveIndex {
        &self.index
    }

    /// How a person calls it: its path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where a file lies; none if there is no such file.
    pub(super) fn find(&self, path: &str) -> Result<Option<Extent>, Error> {
        self.index.find(path.as_bytes()).map_err(|error| broken(error, &self.name))
    }

    /// A file's bytes.
    pub(super) fn section(&self, extent: Extent) -> Section {
        Section::new(Arc::clone(&self.file), extent.offset, extent.length)
    }
}

impl Files for Arc<Contents> {
    fn open(&self, path: &str, offset: u64) -> Result<Option<(BlobReader, u64)>, Error> {
        let Some(extent) = self.find(path)? else { return Ok(None) };
        Ok(Some((Box::new(self.section(extent).skip(offset)), extent.length)))
    }
}

fn is_compressed(file: &mut File, path: &Path) -> Result<bool, Error> {
    let mut head = Vec::new();
    let read = (&*file).take(16).read_to_end(&mut head);
    read.and_then(|_| file.seek(SeekFrom::Start(0))).map_err(Error::io("read", path))?;
    Ok(detect(&head) != Compression::None)
}

/// Writes what an archive decompresses to into a nameless file. `known` compressed bytes are there; a
/// pipe has none until they come.
fn unpack(file: File, known: u64, path: &Path, scratch: &Scratch) -> Result<File, Error> {
    let unreadable = |source| Error::Read { what: path.display().to_string(), source };
    let folder = &scratch.folder;
    let mut reader = decoder(file).map_err(unreadable)?;
    let mut unpacked =
        tempfile::tempfile_in(folder).map_err(Error::io("create a temporary file in", folder))?;
    let mut buffer = vec![0; CHUNK];
    let mut total = 0;
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(unreadable(source)),
        };
        total += read as u64;
        if reader.compression() != Compression::None {
            check_ratio(total, known.max(reader.consumed())).map_err(unreadable)?;
        }
        if total > scratch.max_bytes {
            let limit = ByteSize(scratch.max_bytes);
            let reason = format!("it decompresses to more than {limit}, which no image needs");
            return Err(Error::invalid(path.display().to_string(), reason));
        }
        unpacked
            .write_all(&buffer[..read])
            .map_err(Error::io("write a temporary file in", folder))?;
    }
    unpacked.seek(SeekFrom::Start(0)).map_err(Error::io("read a temporary file in", folder))?;
    Ok(unpacked)
}

fn broken(error: ArchiveIndexError, name: &str) -> Error {
    if error.is_no_tar() {
        return Error::Unsupported {
            what: name.to_owned(),
            reason: "it is not a tar archive".to_owned(),
            hint: Some("archives of images come from `docker save`, `skopeo copy` or `lightship image save`".to_owned()),
        };
    }
    match error {
        ArchiveIndexError::Tar(error) if matches!(error.kind, TarErrorKind::Io(_)) => {
            Error::Read { what: name.to_owned(), source: error.into() }
        }
        error => Error::invalid(name, error.to_string()),
    }
}
