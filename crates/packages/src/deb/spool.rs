//! Where unpacked bytes wait until somebody wants them.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use lightship_base::{Digest, Sha256};

use crate::parcel::{Content, ContentSource, made_of};

/// Most packages are smaller than this and stay in memory: a file descriptor each would be more than
/// a process may have.
const MEMORY: usize = 256 * 1024;

/// Takes bytes in, one stretch after another.
pub(super) struct SpoolWriter {
    scratch: PathBuf,
    memory: Vec<u8>,
    file: Option<BufWriter<File>>,
    length: u64,
    hasher: Sha256,
}

impl SpoolWriter {
    /// What does not fit into memory goes into a file without a name in `scratch`.
    pub(super) fn new(scratch: PathBuf) -> Self {
        Self { scratch, memory: Vec::new(), file: None, length: 0, hasher: Sha256::new() }
    }

    /// Bytes taken so far: where the next stretch begins.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length += bytes.len() as u64;
        self.hasher.update(bytes);
        if let Some(file) = &mut self.file {
            return file.write_all(bytes);
        }
        self.memory.extend_from_slice(bytes);
        if self.memory.len() > MEMORY {
            let file = tempfile::tempfile_in(&self.scratch)?;
            let mut file = BufWriter::with_capacity(MEMORY, file);
            file.write_all(&std::mem::take(&mut self.memory))?;
            self.file = Some(file);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<Spool> {
        let place = match self.file {
            Some(file) => Place::File(file.into_inner().map_err(io::IntoInnerError::into_error)?),
            None => Place::Memory(self.memory),
        };
        Ok(Spool(Arc::new((self.hasher.finish(), place))))
    }
}

/// Finished, to be read from anywhere.
#[derive(Clone)]
pub(super) struct Spool(Arc<(Digest, Place)>);

enum Place {
    Memory(Vec<u8>),
    File(File),
}

impl Spool {
    /// Some of its bytes.
    pub(super) fn stretch(&self, offset: u64, size: u64) -> Content {
        Content::new(Stretch { spool: self.clone(), offset, size })
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match &self.0.1 {
            Place::File(file) => file.read_at(buffer, offset),
            Place::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                (&bytes[start..]).read(buffer)
            }
        }
    }
}

struct Stretch {
    spool: Spool,
    offset: u64,
    size: u64,
}

impl ContentSource for Stretch {
    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(StretchReader { spool: &self.spool, next: self.offset, left: self.size }))
    }

    fn identity(&self) -> Option<Digest> {
        let whole = self.spool.0.0.to_string();
        let (offset, size) = (self.offset.to_le_bytes(), self.size.to_le_bytes());
        Some(made_of("stretch", &[whole.as_bytes(), &offset, &size]))
    }
}

struct StretchReader<'a> {
    spool: &'a Spool,
    next: u64,
    left: u64,
}

impl Read for StretchReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.spool.read_at(&mut buffer[..most], self.next)?;
        if read == 0 {
            let reason = "an unpacked package lost its end: somebody cut the temporary file";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
        }
        self.next += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_come_back_from_memory_and_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        for size in [10_usize, MEMORY, MEMORY + 1, 3 * MEMORY] {
            let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
            let mut writer = SpoolWriter::new(folder.path().to_owned());
            bytes.chunks(7_001).for_each(|chunk| writer.write(chunk).unwrap());
            assert_eq!(writer.length(), size as u64);
            assert_eq!(writer.file.is_some(), size > MEMORY);
            let spool = writer.finish().unwrap();
            let content = spool.stretch(3, size as u64 - 5);
            assert!(content.read(u64::MAX).unwrap() == bytes[3..size - 2]);
            assert!(content.read(u64::MAX).unwrap() == bytes[3..size - 2], "a second time");
            let beyond = spool.stretch(size as u64 - 1, 2).read(10).unwrap_err();
            assert_eq!(beyond.kind(), io::ErrorKind::UnexpectedEof);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no file has a name");
    }
}
