//! Reads an archive entry by entry, front to back.

use std::io::{self, BufRead, Seek};

use super::data::EntryData;
use super::entry::{Entry, EntryKind, Mtime};
use super::error::{Part, TarError, TarErrorKind};
use super::header::{Dialect, Header, text};
use super::path::{MAX_PATH_BYTES, display_path};
use super::pax::{Pax, PaxSparseFormat};
use super::sparse::{self, Fragment, MapParser, SparseError, SparseMap};
use super::{BLOCK, BLOCK_LEN, padding_after};

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

/// What extension headers said about the entry that follows them.
#[derive(Debug, Default)]
struct Extensions {
    pax: Option<Box<Pax>>,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    /// Bytes of extension headers so far.
    bytes: u64,
}

impl Extensions {
    fn bind_the_next_entry(&self) -> bool {
        self.pax.is_some() || self.long_name.is_some() || self.long_link.is_some()
    }
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

    /// Reads extension headers up to and including the header of the entry they belong to.
    fn read_entry(&mut self) -> Result<Option<Entry>, TarErrorKind> {
        self.path.clear();
        let header_offset = self.position;
        let mut extensions = Extensions::default();
        loop {
            let Some(block) = self.header_block()? else {
                return if extensions.bind_the_next_entry() {
                    Err(TarErrorKind::DanglingExtension)
                } else {
                    Ok(None)
                };
            };
            let header = Header::parse(&block)?;
            match header.flag {
                b'x' => {
                    let records = self.extension(&header, &mut extensions)?;
                    let mut pax = self.globals.clone().unwrap_or_default();
                    pax.apply(&records)?;
                    extensions.pax = Some(pax);
                }
                b'g' => self.global(&header, &mut extensions)?,
                b'L' => {
                    let name = self.extension(&header, &mut extensions)?;
                    extensions.long_name = Some(text(&name).to_vec());
                }
                b'K' => {
                    let target = self.extension(&header, &mut extensions)?;
                    extensions.long_link = Some(text(&target).to_vec());
                }
                _ => return self.finish_entry(header, &block, extensions, header_offset).map(Some),
            }
        }
    }

    /// The next header block; `None` at the end marker or where the stream ends without one.
    fn header_block(&mut self) -> Result<Option<[u8; BLOCK_LEN]>, TarErrorKind> {
        self.header_at = self.position;
        let Some(block) = self.block(Part::Header)? else { return Ok(None) };
        if block != [0; BLOCK_LEN] {
            return Ok(Some(block));
        }
        match self.block(Part::Header)? {
            Some(second) if second != [0; BLOCK_LEN] => Err(TarErrorKind::LoneZeroBlock),
            _ => Ok(None),
        }
    }

    /// The payload of an extension header, whole.
    fn extension(
        &mut self,
        header: &Header,
        extensions: &mut Extensions,
    ) -> Result<Vec<u8>, TarErrorKind> {
        self.charge(&mut extensions.bytes, BLOCK)?;
        self.charge(&mut extensions.bytes, header.size)?;
        // The charge bounds the size.
        let mut payload = Vec::with_capacity(usize::try_from(header.size).unwrap_or(0));
        while (payload.len() as u64) < header.size {
            let wanted = header.size - payload.len() as u64;
            let available = self.fill().map_err(TarErrorKind::Io)?;
            let amount = usize::try_from(wanted).unwrap_or(usize::MAX).min(available.len());
            if amount == 0 {
                return Err(TarErrorKind::UnexpectedEnd(Part::Extension));
            }
            payload.extend_from_slice(&available[..amount]);
            self.advance(amount);
        }
        self.skip(padding_after(header.size), Part::Extension)?;
        Ok(payload)
    }

    /// A global header changes every entry after it, so what it may leave behind is bounded over the
    /// whole archive.
    fn global(&mut self, header: &Header, extensions: &mut Extensions) -> Result<(), TarErrorKind> {
        let records = self.extension(header, extensions)?;
        let mut globals = self.globals.take().unwrap_or_default();
        globals.apply(&records)?;
        if self.global_headers == GlobalHeaders::Apply {
            let mut total = self.global_bytes;
            self.charge(&mut total, records.len() as u64)?;
            self.global_bytes = total;
            self.globals = Some(globals);
        }
        Ok(())
    }

    fn charge(&self, total: &mut u64, bytes: u64) -> Result<(), TarErrorKind> {
        let limit = self.limits.max_extension_bytes;
        *total = total.saturating_add(bytes);
        if *total > limit { Err(TarErrorKind::ExtensionTooLarge { limit }) } else { Ok(()) }
    }

    /// Puts together what header and extensions say.
    fn finish_entry(
        &mut self,
        header: Header,
        block: &[u8; BLOCK_LEN],
        extensions: Extensions,
        header_offset: u64,
    ) -> Result<Entry, TarErrorKind> {
        let Extensions { pax, long_name, long_link, bytes: mut extension_bytes } = extensions;
        let mut pax = pax.or_else(|| self.globals.clone()).map_or_else(Pax::default, |pax| *pax);
        let named = |long: Option<Vec<u8>>, pax: Option<Vec<u8>>, own| {
            long.filter(|name| !name.is_empty()).or(pax).unwrap_or(own)
        };
        let mut path = named(long_name, pax.path.take(), header.name);
        if pax.sparse.format().is_some() {
            path = pax.sparse.name.take().unwrap_or(path);
        }
        path.clone_into(&mut self.path);
        let kind = kind_of(header.flag, header.dialect, &path)?;
        let mut entry = Entry {
            path,
            kind,
            mode: header.mode,
            uid: pax.uid.unwrap_or(header.uid),
            gid: pax.gid.unwrap_or(header.gid),
            user_name: pax.user_name.take().unwrap_or(header.user_name),
            group_name: pax.group_name.take().unwrap_or(header.group_name),
            mtime: pax.mtime.unwrap_or(Mtime { secs: header.mtime, nanos: 0 }),
            link_target: Vec::new(),
            size: 0,
            real_size: 0,
            device: header.device,
            xattrs: pax.take_xattrs(),
            sparse: None,
            header_offset,
        };
        if kind.is_link() {
            entry.link_target = named(long_link, pax.link_path.take(), header.link_name);
        }
        self.check_names(&entry)?;
        if kind == EntryKind::File {
            self.begin_payload(pax.size.unwrap_or(header.size))?;
        }
        let map =
            self.sparse_map(header.flag, header.dialect, block, &pax, &mut extension_bytes)?;
        entry.size = self.payload_left;
        entry.real_size = map.as_ref().map_or(entry.size, SparseMap::real_size);
        check_sparse(map.as_ref(), &entry)?;
        entry.sparse = map;
        self.count(&entry)?;
        Ok(entry)
    }

    fn check_names(&self, entry: &Entry) -> Result<(), TarErrorKind> {
        let limit = self.limits.max_name_bytes;
        for (field, name) in [("path", &entry.path), ("link target", &entry.link_target)] {
            if name.len() > limit {
                return Err(TarErrorKind::NameTooLong { field, length: name.len(), limit });
            }
        }
        Ok(())
    }

    /// A size that would carry the position beyond what 63 bits can count is a lie.
    fn begin_payload(&mut self, size: u64) -> Result<(), TarErrorKind> {
        let end = self.position.checked_add(size).and_then(|end| end.checked_add(BLOCK));
        if end.is_none_or(|end| i64::try_from(end).is_err()) {
            return Err(TarErrorKind::BadNumber("size"));
        }
        self.payload_left = size;
        self.padding_left = padding_after(size);
        Ok(())
    }

    fn count(&mut self, entry: &Entry) -> Result<(), TarErrorKind> {
        self.entries += 1;
        if self.entries > self.limits.max_entries {
            return Err(TarErrorKind::TooManyEntries { limit: self.limits.max_entries });
        }
        self.payload_bytes += entry.size;
        Ok(())
    }

    /// The map of a sparse file, from wherever its format keeps it.
    fn sparse_map(
        &mut self,
        flag: u8,
        dialect: Dialect,
        block: &[u8; BLOCK_LEN],
        pax: &Pax,
        charged: &mut u64,
    ) -> Result<Option<SparseMap>, TarErrorKind> {
        if flag == b'S' {
            if dialect != Dialect::Gnu {
                return Err(TarErrorKind::BadSparse(SparseError::NotGnu));
            }
            return self.old_sparse_map(block, charged).map(Some);
        }
        let Some(format) = pax.sparse.format() else { return Ok(None) };
        let stored = self.payload_left;
        let ranges = match format {
            PaxSparseFormat::Records => {
                sparse::from_list(pax.sparse.map.as_deref().unwrap_or_default())
                    .map_err(TarErrorKind::BadSparse)?
            }
            PaxSparseFormat::BeforePayload => self.leading_map(charged)?,
        };
        let real_size = pax.sparse.size.or(pax.sparse.real_size).unwrap_or(stored);
        SparseMap::new(ranges, real_size).map(Some).map_err(TarErrorKind::BadSparse)
    }

    fn old_sparse_map(
        &mut self,
        block: &[u8; BLOCK_LEN],
        charged: &mut u64,
    ) -> Result<SparseMap, TarErrorKind> {
        let mut ranges: Vec<Fragment> = Vec::new();
        let (real_size, mut more) =
            sparse::from_old_header(block, &mut ranges).map_err(TarErrorKind::BadSparse)?;
        while more {
            self.charge(charged, BLOCK)?;
            let extension =
                self.block(Part::Extension)?.ok_or(TarErrorKind::UnexpectedEnd(Part::Extension))?;
            more = sparse::from_old_extension(&extension, &mut ranges)
                .map_err(TarErrorKind::BadSparse)?;
        }
        SparseMap::new(ranges, real_size).map_err(TarErrorKind::BadSparse)
    }

    /// Reads the map that stands before a format 1.0 payload, and takes its blocks off the payload.
    fn leading_map(&mut self, charged: &mut u64) -> Result<Vec<Fragment>, TarErrorKind> {
        let mut parser = MapParser::default();
        loop {
            self.charge(charged, BLOCK)?;
            self.payload_left = self
                .payload_left
                .checked_sub(BLOCK)
                .ok_or(TarErrorKind::BadSparse(SparseError::Count))?;
            let block =
                self.block(Part::Extension)?.ok_or(TarErrorKind::UnexpectedEnd(Part::Extension))?;
            if parser.feed(&block).map_err(TarErrorKind::BadSparse)? {
                return Ok(parser.finish());
            }
        }
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

/// The kind behind a type flag (*POSIX.1-2017, pax, ustar Interchange Format, typeflag*).
fn kind_of(flag: u8, dialect: Dialect, path: &[u8]) -> Result<EntryKind, TarErrorKind> {
    Ok(match flag {
        // Before there was a flag for folders, a slash at the end made one.
        0 if path.ends_with(b"/") => EntryKind::Directory,
        b'0' if dialect == Dialect::V7 && path.ends_with(b"/") => EntryKind::Directory,
        0 | b'0' | b'7' | b'S' => EntryKind::File,
        b'1' => EntryKind::HardLink,
        b'2' => EntryKind::Symlink,
        b'3' => EntryKind::CharDevice,
        b'4' => EntryKind::BlockDevice,
        b'5' => EntryKind::Directory,
        b'6' => EntryKind::Fifo,
        unknown => return Err(TarErrorKind::UnknownType(unknown)),
    })
}

/// A map must be a file's, and need exactly the bytes that are stored.
fn check_sparse(map: Option<&SparseMap>, entry: &Entry) -> Result<(), TarErrorKind> {
    match map {
        Some(_) if entry.kind != EntryKind::File => {
            Err(TarErrorKind::BadSparse(SparseError::NotAFile))
        }
        Some(map) if map.stored_bytes() != entry.size => {
            Err(TarErrorKind::BadSparse(SparseError::StoredSize))
        }
        _ => Ok(()),
    }
}
