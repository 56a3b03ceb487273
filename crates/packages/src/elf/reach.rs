//! Ranges of bytes that can only be streamed: members of archives have no random access, so what passed
//! by is kept for a while, and what lies further back is read again from the start.

use std::io::{self, Read};

use super::ElfError;
use crate::parcel::Content;

/// All kept bytes of one file together. The tables of dynamic names of the largest libraries that people
/// install have some ten MB.
const BUDGET: u64 = 64 << 20;
/// A gap of at most so many bytes is kept rather than skipped: tables that belong together lie together.
const SMALL_GAP: u64 = 1 << 20;
/// A file whose tables make us begin so often was made to be slow.
const MOST_OPENINGS: u32 = 6;
const PIECE: u64 = 64 << 10;

/// Bytes of a file that were kept: where they begin, and they.
struct Stretch {
    start: u64,
    bytes: Vec<u8>,
}

impl Stretch {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// A file that answers for any range of its bytes, at the price of streaming it.
pub(super) struct Reach<'a> {
    content: &'a Content,
    reader: Option<Box<dyn Read + Send + 'a>>,
    /// Bytes that this reader has given.
    position: u64,
    stretches: Vec<Stretch>,
    kept: u64,
    openings: u32,
}

impl<'a> Reach<'a> {
    pub(super) fn new(content: &'a Content) -> Self {
        Self { content, reader: None, position: 0, stretches: Vec::new(), kept: 0, openings: 0 }
    }

    /// How many bytes the file has.
    pub(super) fn size(&self) -> u64 {
        self.content.size()
    }

    /// The bytes at `offset`: `size` of them, or `None` where the file ends before.
    pub(super) fn get(&mut self, offset: u64, size: u64) -> Result<Option<&[u8]>, ElfError> {
        let Some(end) = offset.checked_add(size).filter(|end| *end <= self.size()) else {
            return Ok(None);
        };
        let at = match self.holder(offset, end) {
            Some(at) => at,
            None => self.fetch(offset, end)?,
        };
        let stretch = &self.stretches[at];
        let from = index(offset - stretch.start);
        let to = index(end - stretch.start);
        Ok(stretch.bytes.get(from..to))
    }

    /// The bytes at `offset`, at most `most` of them.
    pub(super) fn up_to(&mut self, offset: u64, most: u64) -> Result<&[u8], ElfError> {
        let size = self.size().saturating_sub(offset).min(most);
        Ok(self.get(offset, size)?.unwrap_or_default())
    }

    fn holder(&self, offset: u64, end: u64) -> Option<usize> {
        self.stretches.iter().position(|s| s.start <= offset && end <= s.end())
    }

    /// Reads on until `end` and keeps what is from `offset` on; says which stretch holds it.
    fn fetch(&mut self, offset: u64, end: u64) -> Result<usize, ElfError> {
        let goes_on = self.reader.is_some() && self.last_reaches(offset);
        if !goes_on && (self.reader.is_none() || offset < self.position) {
            self.begin()?;
        }
        if offset > self.position.saturating_add(SMALL_GAP) {
            self.skip_to(offset)?;
            self.stretches.push(Stretch { start: offset, bytes: Vec::new() });
        } else if !self.last_reaches(offset) {
            self.stretches.push(Stretch { start: self.position, bytes: Vec::new() });
        }
        self.keep_until(end)?;
        Ok(self.stretches.len() - 1)
    }

    /// Whether the last stretch ends where the reader is and began before `offset`.
    fn last_reaches(&self, offset: u64) -> bool {
        self.stretches
            .last()
            .is_some_and(|last| last.end() == self.position && last.start <= offset)
    }

    fn begin(&mut self) -> Result<(), ElfError> {
        self.openings += 1;
        if self.openings > MOST_OPENINGS {
            return Err(ElfError::Broken("its tables point back and forth without end"));
        }
        self.reader = Some(self.content.open().map_err(ElfError::Read)?);
        self.position = 0;
        Ok(())
    }

    fn skip_to(&mut self, offset: u64) -> Result<(), ElfError> {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let gap = offset - self.position;
        let skipped = io::copy(&mut reader.take(gap), &mut io::sink()).map_err(ElfError::Read)?;
        self.position += skipped;
        if skipped == gap { Ok(()) } else { Err(ended()) }
    }

    fn keep_until(&mut self, end: u64) -> Result<(), ElfError> {
        let (Some(reader), Some(last)) = (&mut self.reader, self.stretches.last_mut()) else {
            return Ok(());
        };
        // A little more than asked for: what is asked for next usually follows.
        let end = end.saturating_add(PIECE).min(self.content.size());
        let wanted = end.saturating_sub(self.position);
        self.kept = self.kept.saturating_add(wanted);
        if self.kept > BUDGET {
            return Err(ElfError::Broken("its tables are larger than any honest file's"));
        }
        let got = reader.take(wanted).read_to_end(&mut last.bytes).map_err(ElfError::Read)? as u64;
        self.position += got;
        if got == wanted { Ok(()) } else { Err(ended()) }
    }
}

/// Offsets within a stretch are below [`BUDGET`].
fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

fn ended() -> ElfError {
    ElfError::Read(io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "it ends before the size that its archive gives",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_order_of_ranges_is_answered() {
        let bytes: Vec<u8> = (0..6_000_000u32).map(|n| (n % 251) as u8).collect();
        let content = Content::bytes(bytes.clone());
        let mut reach = Reach::new(&content);
        for (offset, size) in [
            (0, 64),
            (64, 100),
            (70_000, 9),
            (5_900_000, 100_000),
            (10, 20),
            (3_000_000, 7),
            (0, 1),
        ] {
            let range = offset..offset + size;
            assert_eq!(reach.get(offset as u64, size as u64).unwrap(), Some(&bytes[range]));
        }
        assert_eq!(reach.get(5_999_999, 2).unwrap(), None);
        assert_eq!(reach.get(u64::MAX, 2).unwrap(), None);
        assert_eq!(reach.up_to(5_999_990, 99).unwrap(), &bytes[5_999_990..]);
        assert_eq!(reach.up_to(7_000_000, 99).unwrap(), b"");
    }

    #[test]
    fn going_back_for_ever_is_refused() {
        let content = Content::bytes(vec![1; 20 << 20]);
        let mut reach = Reach::new(&content);
        let mut offsets = (0..10u64).map(|n| (18 << 20) - n * (2 << 20));
        assert!(offsets.any(|offset| reach.get(offset, 1).is_err()));
    }
}
