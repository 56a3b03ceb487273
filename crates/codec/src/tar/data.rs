//! The content of an entry, as it is stored and as it unpacks.

use std::io::{self, BufRead, Read};

use super::error::Part;
use super::reader::TarReader;
use super::sparse::{Fragment, SparseMap};

/// The stored bytes of the current entry, straight from the stream's own buffer. Of a sparse file
/// these are its fragments, one after another; [`EntryData::expanded`] puts the holes between them.
///
/// A stream that ends early is an error here, not a short read.
#[derive(Debug)]
pub struct EntryData<'a, R> {
    reader: &'a mut TarReader<R>,
}

impl<'a, R: BufRead> EntryData<'a, R> {
    pub(super) fn new(reader: &'a mut TarReader<R>) -> Self {
        Self { reader }
    }

    /// How many stored bytes are left.
    pub fn remaining(&self) -> u64 {
        self.reader.payload_left()
    }

    /// The content as it unpacks, holes filled with zeros. `map` is the current entry's own, and
    /// nothing of the payload was read yet.
    pub fn expanded(self, map: &SparseMap) -> Expanded<'_, Self> {
        Expanded::new(self, map)
    }
}

impl<R: BufRead> BufRead for EntryData<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = usize::try_from(self.reader.payload_left()).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(&[]);
        }
        let available = self.reader.fill()?.len().min(left);
        if available == 0 {
            return Err(self.reader.ended_inside(Part::Payload).into());
        }
        // Buffered already: this only borrows it again.
        Ok(&self.reader.fill()?[..available])
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume_payload(amount);
    }
}

impl<R: BufRead> Read for EntryData<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let amount = available.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&available[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}

/// A sparse file's content with zeros in its holes.
#[derive(Debug)]
pub struct Expanded<'m, D> {
    stored: D,
    map: &'m SparseMap,
    /// The fragment that comes next or is being read.
    next: usize,
    position: u64,
}

impl<'m, D: Read> Expanded<'m, D> {
    /// `stored` yields the fragments of `map` one after another, and nothing else.
    pub fn new(stored: D, map: &'m SparseMap) -> Self {
        Self { stored, map, next: 0, position: 0 }
    }

    /// The rest of the hole or fragment at the present position: how many bytes, and whether they are
    /// stored.
    fn run(&self) -> (u64, bool) {
        match self.map.fragments().get(self.next) {
            Some(Fragment { offset, .. }) if self.position < *offset => {
                (offset - self.position, false)
            }
            Some(Fragment { offset, length }) => (offset + length - self.position, true),
            None => (self.map.real_size() - self.position, false),
        }
    }
}

impl<D: Read> Read for Expanded<'_, D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (left, stored) = self.run();
        let amount = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = &mut buffer[..amount];
        let read = if stored {
            self.stored.read(buffer)?
        } else {
            buffer.fill(0);
            amount
        };
        if stored && read == 0 && amount > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += read as u64;
        if stored && read as u64 == left {
            self.next += 1;
        }
        Ok(read)
    }
}
