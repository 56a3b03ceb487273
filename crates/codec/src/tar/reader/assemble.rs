//! Puts an entry together from its header and whatever extension headers stand before it.

use std::io::BufRead;

use super::{GlobalHeaders, TarReader};
use crate::tar::entry::{Entry, EntryKind, Mtime};
use crate::tar::error::{Part, TarErrorKind};
use crate::tar::header::{Dialect, Header, text};
use crate::tar::pax::{Pax, PaxSparseFormat};
use crate::tar::sparse::{self, Fragment, MapParser, SparseError, SparseMap};
use crate::tar::{BLOCK, BLOCK_LEN, padding_after};

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
    /// Reads extension headers up to and including the header of the entry they belong to.
    pub(super) fn read_entry(&mut self) -> Result<Option<Entry>, TarErrorKind> {
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
