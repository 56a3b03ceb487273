//! Reads an archive entry by entry, front to back.

mod assemble;

use std::io::{self, BufRead, Seek};

use super::data::EntryData;
use super::entry::Entry;
use super::error::{Part, TarError, TarErrorKind};
use super::path::{MAX_PATH_BYTES, display_path};
use super::pax::Pax;
use super::{BLOCK, BLOCK_LEN};

/// How much of an archive to believe before calling it hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries in the whole archive. Ten million: the largest images known have a few hundred
    /// thousand.
    pub max_entries: u64,
    /// Bytes of pax records, long names and sparse maps of one entry, their own headers included.
    /// 1 MiB, as in Go: extended attributes of one file cannot have more than 64 KiB on Linux.
    pub max_extension_bytes: u64,
    /// Bytes of a path and of a link target. 4,096: Linux neither creates nor follows longer ones.
    pub max_name_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_entries: 10_000_000,
            max_extension_bytes: 1024 * 1024,
            max_name_bytes: MAX_PATH_BYTES,
        }
    }
}

/// What a pax global header means for the entries after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GlobalHeaders {
    /// Its records count for every entry that does not override them (POSIX; GNU tar, libarchive).
    #[default]
    Apply,
    /// Nothing (containerd, Docker, Podman).
    Ignore,
}

/// A streaming reader. Alternate [`TarReader::next_entry`] and [`TarReader::data`].
///
/// It reads through the stream's own buffer: give it a `BufReader` of 64 KiB or more. The stream may
/// be a file, a decompressor or anything else; what comes after the end of the archive stays unread
/// until [`TarReader::drain`].
#[derive(Debug)]
pub struct TarReader<R> {
    inner: R,
    limits: Limits,
    global_headers: GlobalHeaders,
    position: u64,
    payload_bytes: u64,
    entries: u64,
    /// Of the current entry.
    payload_left: u64,
    padding_left: u64,
    /// Of the current entry, for messages.
    path: Vec<u8>,
    /// Where the header block read last begins, for messages.
    header_at: u64,
    globals: Option<Box<Pax>>,
    global_bytes: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Ended,
    Failed,
}

impl<R: BufRead> TarReader<R> {
    /// Reads from `inner`, with the default [`Limits`].
    pub fn new(inner: R) -> Self {
        Self::with_limits(inner, Limits::default())
    }

    /// Reads from `inner`, believing no more than `limits`.
    pub fn with_limits(inner: R, limits: Limits) -> Self {
        Self {
            inner,
            limits,
            global_headers: GlobalHeaders::default(),
            position: 0,
            payload_bytes: 0,
            entries: 0,
            payload_left: 0,
            padding_left: 0,
            path: Vec::new(),
            header_at: 0,
            globals: None,
            global_bytes: 0,
            state: State::Reading,
        }
    }

    /// Chooses what pax global headers mean.
    #[must_use]
    pub fn global_headers(mut self, meaning: GlobalHeaders) -> Self {
        self.global_headers = meaning;
        self
    }

    /// The next entry, after skipping what is left of the current one's payload; `None` at the end of
    /// the archive. After an error there is nothing to continue from.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, TarError> {
        self.guarded(|reader| {
            reader.skip_payload()?;
            reader.read_entry()
        })
    }

    /// The current entry's stored payload, as far as it was not read yet.
    pub fn data(&mut self) -> EntryData<'_, R> {
        EntryData::new(self)
    }

    /// Bytes of the stream consumed so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Payload bytes of all file entries returned so far, the current one's counted in full. At the
    /// end, `position() - payload_bytes()` is what headers, padding and trailer take.
    pub fn payload_bytes(&self) -> u64 {
        self.payload_bytes
    }

    /// Reads the stream to its end, whatever is there, so that a digest taken below covers it all.
    pub fn drain(&mut self) -> Result<(), TarError> {
        loop {
            match self.fill().map(<[u8]>::len) {
                Ok(0) => break,
                Ok(available) => self.advance(available),
                Err(error) => return Err(self.error(TarErrorKind::Io(error))),
            }
        }
        if self.state == State::Reading {
            self.state = State::Ended;
        }
        (self.payload_left, self.padding_left) = (0, 0);
        Ok(())
    }

    /// The stream below.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// Gives the stream back, wherever it stands.
    pub fn into_inner(self) -> R {
        self.inner
    }

    pub(super) fn payload_left(&self) -> u64 {
        self.payload_left
    }

    pub(super) fn consume_payload(&mut self, amount: usize) {
        debug_assert!(
            amount as u64 <= self.payload_left,
            "nobody may consume what was not offered"
        );
        self.payload_left -= amount as u64;
        self.advance(amount);
    }

    /// The buffered bytes, at least one unless the stream has ended.
    pub(super) fn fill(&mut self) -> io::Result<&[u8]> {
        loop {
            match self.inner.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.inner.fill_buf()
    }

    /// The error of a stream that ended too early; nothing can be read after it.
    pub(super) fn ended_inside(&mut self, part: Part) -> TarError {
        self.state = State::Failed;
        self.error(TarErrorKind::UnexpectedEnd(part))
    }

    fn error(&self, kind: TarErrorKind) -> TarError {
        let path = (!self.path.is_empty())
            .then(|| display_path(&self.path[..self.path.len().min(MAX_PATH_BYTES)]));
        let offset = match &kind {
            TarErrorKind::Io(_) | TarErrorKind::UnexpectedEnd(_) | TarErrorKind::AfterError => {
                self.position
            }
            _ => self.header_at,
        };
        TarError { offset, path, kind }
    }

    /// Runs one step, unless there is nothing to step to, and remembers a failure.
    fn guarded<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<Option<T>, TarErrorKind>,
    ) -> Result<Option<T>, TarError> {
        match self.state {
            State::Ended => return Ok(None),
            State::Failed => return Err(self.error(TarErrorKind::AfterError)),
            State::Reading => {}
        }
        match step(self) {
            Ok(None) => {
                self.state = State::Ended;
                Ok(None)
            }
            Ok(some) => Ok(some),
            Err(kind) => {
                self.state = State::Failed;
                Err(self.error(kind))
            }
        }
    }

    fn advance(&mut self, amount: usize) {
        self.inner.consume(amount);
        self.position += amount as u64;
    }

    fn skip_payload(&mut self) -> Result<(), TarErrorKind> {
        let payload = std::mem::take(&mut self.payload_left);
        self.skip(payload, Part::Payload)?;
        let padding = std::mem::take(&mut self.padding_left);
        self.skip(padding, Part::Padding)
    }

    fn skip(&mut self, mut left: u64, part: Part) -> Result<(), TarErrorKind> {
        while left > 0 {
            let available = self.fill().map_err(TarErrorKind::Io)?.len();
            if available == 0 {
                return Err(TarErrorKind::UnexpectedEnd(part));
            }
            let amount = usize::try_from(left).unwrap_or(usize::MAX).min(available);
            self.advance(amount);
            left -= amount as u64;
        }
        Ok(())
    }

    /// One whole block, or `None` if the stream ended before its first byte.
    fn block(&mut self, part: Part) -> Result<Option<[u8; BLOCK_LEN]>, TarErrorKind> {
        let mut block = [0; BLOCK_LEN];
        let mut filled = 0;
        while filled < BLOCK_LEN {
            let available = self.fill().map_err(TarErrorKind::Io)?;
            let amount = available.len().min(BLOCK_LEN - filled);
            if amount == 0 && filled == 0 {
                return Ok(None);
            }
            if amount == 0 {
                return Err(TarErrorKind::UnexpectedEnd(part));
            }
            block[filled..filled + amount].copy_from_slice(&available[..amount]);
            self.advance(amount);
            filled += amount;
        }
        Ok(Some(block))
    }
}

impl<R: BufRead + Seek> TarReader<R> {
    /// Like [`TarReader::next_entry`], but steps over the payload by seeking. Its last byte is still
    /// read, so that a truncated file is found out.
    pub fn next_entry_seeking(&mut self) -> Result<Option<Entry>, TarError> {
        self.guarded(|reader| {
            let left = reader.payload_left + reader.padding_left;
            // Not worth leaving the buffer for a few blocks.
            if left > 16 * BLOCK {
                let jump = left - 1;
                // `begin_payload` keeps positions below 2⁶³.
                let offset = i64::try_from(jump).map_err(|_| TarErrorKind::BadNumber("size"))?;
                reader.inner.seek_relative(offset).map_err(TarErrorKind::Io)?;
                reader.position += jump;
                (reader.payload_left, reader.padding_left) = (1, 0);
            }
            reader.skip_payload()?;
            reader.read_entry()
        })
    }
}
