//! Writes an archive. The same entries in the same order give the same bytes.

use std::io::{self, Read, Write};

use super::encode::encode;
use super::entry::Entry;
use super::error::TarWriteError;
use super::path::display_path;
use super::{BLOCK_LEN, padding_after};

/// A deterministic writer. An entry's path, kind, mode, owner, names, time, target, device and
/// attributes are written as they are given: normalising them is the caller's part.
///
/// Ustar headers, with a pax header before them where ustar cannot say it: long names, large numbers,
/// parts of a second, times before 1970, extended attributes. Names are written as the bytes they are,
/// also where they are not UTF-8; GNU tar, libarchive, Python and Go read them back the same. A sparse
/// file is written as such (GNU format 1.0), so that holes never become zeros.
#[derive(Debug)]
pub struct TarWriter<W> {
    inner: W,
    buffer: Box<[u8]>,
}

/// Large enough that system calls do not matter.
const COPY_BUFFER: usize = 128 * 1024;

impl<W: Write> TarWriter<W> {
    /// Starts an archive. Headers are written one by one: `inner` should buffer.
    pub fn new(inner: W) -> Self {
        Self { inner, buffer: vec![0; COPY_BUFFER].into_boxed_slice() }
    }

    /// Writes an entry and, if it is a file, its stored payload: exactly `entry.size` bytes of
    /// `content`, which must end there (of a sparse file its fragments, as
    /// [`EntryData`](super::EntryData) yields them). `content` is not read for anything else.
    pub fn append(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), TarWriteError> {
        let encoded = encode(entry)?;
        self.write(entry, &encoded.bytes)?;
        if entry.kind == super::EntryKind::File {
            self.copy(entry, content, encoded.payload)?;
            let padding = padding_after(encoded.payload);
            // Padding is shorter than a block.
            self.write(entry, &[0; BLOCK_LEN][..usize::try_from(padding).unwrap_or(0)])?;
        }
        Ok(())
    }

    /// Writes the end marker, two blocks of zeros and nothing more, and gives the stream back,
    /// flushed.
    pub fn finish(mut self) -> Result<W, TarWriteError> {
        let failed = |source| TarWriteError::Write { path: "(end of archive)".to_owned(), source };
        self.inner.write_all(&[0; 2 * BLOCK_LEN]).map_err(failed)?;
        self.inner.flush().map_err(failed)?;
        Ok(self.inner)
    }

    fn write(&mut self, entry: &Entry, bytes: &[u8]) -> Result<(), TarWriteError> {
        self.inner
            .write_all(bytes)
            .map_err(|source| TarWriteError::Write { path: display_path(&entry.path), source })
    }

    fn copy(
        &mut self,
        entry: &Entry,
        content: &mut dyn Read,
        expected: u64,
    ) -> Result<(), TarWriteError> {
        let path = || display_path(&entry.path);
        let mut left = expected;
        loop {
            let read = match content.read(&mut self.buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(TarWriteError::Content { path: path(), source }),
            };
            if read == 0 && left == 0 {
                return Ok(());
            }
            if read == 0 || read as u64 > left {
                return Err(TarWriteError::Length { path: path(), expected, longer: read > 0 });
            }
            self.inner
                .write_all(&self.buffer[..read])
                .map_err(|source| TarWriteError::Write { path: path(), source })?;
            left -= read as u64;
        }
    }
}
