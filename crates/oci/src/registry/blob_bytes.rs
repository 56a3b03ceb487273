//! The bytes of a blob on their way out: from any offset, as often as it takes, and never a wrong one
//! up to the last.

use std::io::{self, Read};

use lightship_base::{Digest, Sha256};

use crate::spec::Descriptor;
use crate::{BlobReader, Error, OpenBlob};

/// How far apart the states of the hash are that are kept. To begin anywhere costs at most this much
/// reading; a blob of 7 GB costs 900 states of about a hundred bytes.
const MARK_EVERY: u64 = 8 * 1024 * 1024;

/// Reads a blob that can be opened again, hashing as it goes. The last bytes are handed out only if the
/// digest of all of them is right, so that an upload of wrong bytes cannot come to its end.
pub(super) struct BlobBytes<'a> {
    open: OpenBlob<'a>,
    advance: &'a dyn Fn(u64),
    what: String,
    digest: Digest,
    size: u64,
    reader: Option<BlobReader>,
    position: u64,
    hasher: Sha256,
    /// States of the hash at ascending offsets, for beginning again in the middle.
    marks: Vec<(u64, Sha256)>,
    /// Whoever watches was told of so many bytes: none is told of twice.
    told: u64,
    failure: Option<Error>,
}

impl<'a> BlobBytes<'a> {
    pub(super) fn new(
        descriptor: &Descriptor,
        open: OpenBlob<'a>,
        advance: &'a dyn Fn(u64),
    ) -> Self {
        Self {
            open,
            advance,
            what: format!("blob {}", descriptor.digest),
            digest: descriptor.digest,
            size: descriptor.size,
            reader: None,
            position: 0,
            hasher: Sha256::new(),
            marks: vec![(0, Sha256::new())],
            told: 0,
            failure: None,
        }
    }

    /// The most bytes that can have left so far.
    pub(super) fn furthest(&self) -> u64 {
        self.told
    }

    /// Makes the next byte read the one at `offset`, which is at most [`BlobBytes::furthest`].
    pub(super) fn seek(&mut self, offset: u64) -> Result<(), Error> {
        if self.reader.is_some() && self.position == offset {
            return Ok(());
        }
        let at = self.marks.partition_point(|(mark, _)| *mark <= offset);
        // The first mark is at 0.
        let (mark, hasher) = &self.marks[at.saturating_sub(1)];
        (self.position, self.hasher) = (*mark, hasher.clone());
        self.reader = Some((self.open)(self.position)?);
        let known = offset - self.position;
        let skipped = io::copy(&mut self.by_ref().take(known), &mut io::sink());
        match skipped {
            Err(error) => Err(self.why(error)),
            Ok(_) if self.size == 0 => self.check_end(),
            Ok(_) => Ok(()),
        }
    }

    /// What really went wrong, behind the error that a reader could give.
    pub(super) fn why(&mut self, error: io::Error) -> Error {
        self.reader = None;
        self.failure
            .take()
            .unwrap_or_else(|| Error::Read { what: self.what.clone(), source: error })
    }

    fn check_end(&self) -> Result<(), Error> {
        let actual = self.hasher.clone().finish();
        if actual == self.digest {
            return Ok(());
        }
        Err(Error::DigestMismatch { what: self.what.clone(), expected: self.digest, actual })
    }

    fn fail(&mut self, error: Error) -> io::Error {
        let shown = io::Error::other(error.to_string());
        self.failure = Some(error);
        shown
    }

    /// Stops short of the next mark, so that its state is that of exactly its offset.
    fn most(&self, wanted: usize) -> usize {
        let to_end = self.size - self.position;
        let to_mark = MARK_EVERY - self.position % MARK_EVERY;
        usize::try_from(to_end.min(to_mark)).unwrap_or(usize::MAX).min(wanted)
    }

    fn note(&mut self) {
        let last = self.marks.last().map_or(0, |(mark, _)| *mark);
        if self.position.is_multiple_of(MARK_EVERY) && self.position > last {
            self.marks.push((self.position, self.hasher.clone()));
        }
        if self.position > self.told {
            (self.advance)(self.position - self.told);
            self.told = self.position;
        }
    }
}

impl Read for BlobBytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.most(buffer.len());
        let Some(reader) = self.reader.as_mut().filter(|_| most > 0) else { return Ok(0) };
        let n = reader.read(&mut buffer[..most])?;
        if n == 0 {
            let (expected, actual) = (self.size, self.position);
            let what = self.what.clone();
            return Err(self.fail(Error::SizeMismatch { what, expected, actual }));
        }
        self.hasher.update(&buffer[..n]);
        self.position += n as u64;
        if self.position == self.size
            && let Err(wrong) = self.check_end()
        {
            return Err(self.fail(wrong));
        }
        self.note();
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::MediaType;
    use std::cell::Cell;
    use std::sync::Mutex;

    fn sample(size: usize) -> Vec<u8> {
        (0..=250).cycle().take(size).collect()
    }

    fn descriptor(bytes: &[u8]) -> Descriptor {
        Descriptor::of(MediaType::Other("x".into()), bytes)
    }

    #[test]
    fn beginning_again_rereads_little_and_tells_of_nothing_twice() {
        let bytes = sample(20 * 1024 * 1024);
        let opened = Mutex::new(Vec::new());
        let open = |offset: u64| -> Result<BlobReader, Error> {
            opened.lock().unwrap().push(offset);
            let rest = bytes[usize::try_from(offset).unwrap()..].to_vec();
            Ok(Box::new(io::Cursor::new(rest)))
        };
        let told = Cell::new(0);
        let advance = |n| told.set(told.get() + n);
        let mut blob = BlobBytes::new(&descriptor(&bytes), &open, &advance);
        blob.seek(0).unwrap();
        let sent = 18 * 1024 * 1024;
        io::copy(&mut blob.by_ref().take(sent), &mut io::sink()).unwrap();
        assert_eq!((blob.furthest(), told.get()), (sent, sent));
        let resumed = 17 * 1024 * 1024 + 3;
        blob.seek(resumed).unwrap();
        let mut rest = Vec::new();
        blob.read_to_end(&mut rest).unwrap();
        assert!(rest == bytes[usize::try_from(resumed).unwrap()..]);
        assert_eq!(told.get(), bytes.len() as u64);
        assert_eq!(*opened.lock().unwrap(), [0, 16 * 1024 * 1024]);
    }

    #[test]
    fn wrong_bytes_never_come_to_their_end() {
        let right = sample(1000);
        let mut wrong = right.clone();
        wrong[3] ^= 1;
        let read = |bytes: &[u8]| {
            let open = |_: u64| -> Result<BlobReader, Error> {
                Ok(Box::new(io::Cursor::new(bytes.to_vec())))
            };
            let mut out = Vec::new();
            let mut blob = BlobBytes::new(&descriptor(&right), &open, &|_| ());
            blob.seek(0).unwrap();
            let error = blob.read_to_end(&mut out).map_err(|error| blob.why(error)).err();
            (out.len(), error)
        };
        assert!(matches!(read(&right), (1000, None)));
        let (given, error) = read(&wrong);
        assert!(given < 1000 && matches!(error, Some(Error::DigestMismatch { .. })));
        let (given, error) = read(&right[..999]);
        assert!(given == 999 && matches!(error, Some(Error::SizeMismatch { actual: 999, .. })));
        assert!(matches!(read(&[&right[..], b"more"].concat()), (1000, None)));
    }

    #[test]
    fn nothing_must_be_the_right_nothing() {
        let open = |_: u64| -> Result<BlobReader, Error> { Ok(Box::new(io::empty())) };
        let mut empty = descriptor(b"");
        BlobBytes::new(&empty, &open, &|_| ()).seek(0).unwrap();
        empty.digest = Digest::of(b"x");
        let error = BlobBytes::new(&empty, &open, &|_| ()).seek(0).unwrap_err();
        assert!(matches!(error, Error::DigestMismatch { .. }));
    }
}
