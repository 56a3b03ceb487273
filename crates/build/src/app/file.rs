//! A file of the project as content: read when it is needed, and only if it is still the same.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use lightship_packages::parcel::ContentSource;

/// A file as it was when the folder was looked through.
#[derive(Debug, Clone)]
pub(super) struct ProjectFile {
    path: PathBuf,
    size: u64,
    /// When it was last written, in seconds and nanoseconds: decides nothing but whether it changed.
    written: (i64, i64),
}

impl ProjectFile {
    pub(super) fn new(path: PathBuf, metadata: &Metadata) -> Self {
        Self { path, size: metadata.len(), written: written(metadata) }
    }

    fn changed(&self) -> io::Error {
        let reason = format!("{} changed while the image was made", self.path.display());
        io::Error::new(io::ErrorKind::InvalidData, reason)
    }

    fn named(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("cannot read {}: {error}", self.path.display()))
    }
}

fn written(metadata: &Metadata) -> (i64, i64) {
    (metadata.mtime(), metadata.mtime_nsec())
}

impl ContentSource for ProjectFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        // A link that took the file's place could lead anywhere, and a pipe would never answer.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).expect("open's flags are an int");
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(&self.path);
        let file = opened.map_err(|error| self.named(&error))?;
        let metadata = file.metadata().map_err(|error| self.named(&error))?;
        let same =
            metadata.is_file() && metadata.len() == self.size && written(&metadata) == self.written;
        if !same {
            return Err(self.changed());
        }
        Ok(Box::new(Exactly { of: self, file, left: self.size }))
    }
}

/// Reads as many bytes as there were, no fewer and no more.
struct Exactly<'a> {
    of: &'a ProjectFile,
    file: File,
    left: u64,
}

impl Read for Exactly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer).map_err(|error| self.of.named(&error))?;
        if buffer.is_empty() {
            return Ok(0);
        }
        match (self.left.checked_sub(read as u64), read) {
            (Some(left), 1..) => self.left = left,
            (Some(0), 0) => {}
            (Some(_), 0) | (None, _) => return Err(self.of.changed()),
        }
        Ok(read)
    }
}
