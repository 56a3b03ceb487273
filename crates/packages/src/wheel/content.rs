//! Bytes of a wheel's files that are checked against RECORD while they are read.

use std::io::{self, Read};
use std::sync::Arc;

use lightship_base::{Digest, Sha256};

use super::archive::{Archive, Member};
use crate::parcel::{ContentSource, made_of};

/// A file of a wheel. Its reader fails, instead of handing out the last byte, where RECORD has another
/// digest; it never hands out more bytes than RECORD says.
#[derive(Debug, Clone)]
pub(super) struct WheelContent {
    pub(super) archive: Arc<Archive>,
    pub(super) member: Member,
    pub(super) digest: Digest,
    /// Of the wheel's own bytes, where somebody vouches for them. What RECORD says of a file proves nothing
    /// before the file was read to its end.
    pub(super) wheel: Option<Digest>,
    /// What to call it in errors: wheel and member, fit to be shown.
    pub(super) name: Arc<str>,
}

impl ContentSource for WheelContent {
    fn size(&self) -> u64 {
        self.member.size
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(Verified {
            inner: self.archive.reader(&self.member),
            hasher: Some(Sha256::new()),
            left: self.member.size,
            content: self,
        }))
    }

    fn identity(&self) -> Option<Digest> {
        let wheel = self.wheel?.to_string();
        Some(made_of("member", &[wheel.as_bytes(), &self.member.start.to_le_bytes()]))
    }
}

struct Verified<'a> {
    inner: Box<dyn Read + Send>,
    /// `None` once the digest was found right.
    hasher: Option<Sha256>,
    left: u64,
    content: &'a WheelContent,
}

impl Verified<'_> {
    fn fail(&self, reason: &str) -> io::Error {
        let reason = format!("{}: {reason}", self.content.name);
        io::Error::new(io::ErrorKind::InvalidData, reason)
    }

    fn take_in(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() as u64 > self.left {
            return Err(self.fail("it is longer than RECORD says"));
        }
        self.left -= bytes.len() as u64;
        let Some(hasher) = &mut self.hasher else { return Ok(()) };
        hasher.update(bytes);
        if self.left > 0 {
            return Ok(());
        }
        if self.hasher.take().is_some_and(|hasher| hasher.finish() != self.content.digest) {
            return Err(self.fail("its bytes have another digest than RECORD says"));
        }
        Ok(())
    }
}

impl Read for Verified<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.inner.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, format!("{}: {error}", self.content.name)),
        })?;
        if count == 0 && self.left > 0 {
            return Err(self.fail("it ends before the size that RECORD says"));
        }
        self.take_in(&buffer[..count])?;
        Ok(count)
    }
}
