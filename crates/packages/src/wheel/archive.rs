//! The zip archive of a wheel: its members, and readers of their bytes that any thread may have.
//!
//! The central directory is read by the `zip` crate. What stands before each member is compared with it
//! here, so that no two readers of zip archives see different files, and no byte is used twice.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use lightship_codec::tar::{RootPath, display_path};
use zip::CompressionMethod;
use zip::read::{ArchiveOffset, Config, ZipArchive};

use super::error::Flaw;

/// The largest wheels have some 20,000.
const MOST_MEMBERS: usize = 1_000_000;

/// Deflate cannot do better (a match of 258 bytes in 2 bits).
const DEFLATE_RATIO: u64 = 1_032;

/// Honest wheels unpack to three times their size, a few to ten. What claims more than this many times
/// its size, and is not small, is there to fill a disk. (The bound for layers, 2,000, is beyond what zip's
/// deflate can do at all.)
const MOST_RATIO: u64 = 100;
const FREE_UNPACKED_BYTES: u64 = 4 << 30;

/// Bytes of a local header before its name.
const LOCAL_HEADER: usize = 30;

/// Where the archive's bytes are.
#[derive(Debug)]
pub(super) enum Bytes {
    /// A file; nothing of it is kept in memory.
    File(File),
    /// Memory.
    Memory(Vec<u8>),
}

impl Bytes {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self::File)
    }

    fn len(&self) -> io::Result<u64> {
        match self {
            Self::File(file) => Ok(file.metadata()?.len()),
            Self::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read_at(buffer, position),
            Self::Memory(bytes) => {
                let start = usize::try_from(position).map_or(bytes.len(), |p| p.min(bytes.len()));
                (&bytes[start..]).read(buffer)
            }
        }
    }
}

/// A part of the archive, read in order.
struct Window {
    bytes: Arc<Bytes>,
    start: u64,
    end: u64,
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.start).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let count = self.bytes.read_at(&mut buffer[..most], self.start)?;
        self.start += count as u64;
        Ok(count)
    }
}

/// For the `zip` crate, which seeks; only the start moves.
impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.end.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.start.checked_add_signed(offset),
        };
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, "a seek before the start");
        self.start = position.ok_or_else(outside)?.min(self.end);
        Ok(self.start)
    }
}

/// A zip archive, checked as far as that goes without unpacking.
#[derive(Debug)]
pub(super) struct Archive {
    bytes: Arc<Bytes>,
    /// Its files by their names.
    pub(super) files: BTreeMap<RootPath, Member>,
}

/// A file in the archive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    deflated: bool,
    /// Where its compressed bytes begin, and how many there are.
    pub(super) start: u64,
    compressed: u64,
    /// Bytes once unpacked, as the archive says.
    pub(super) size: u64,
    /// Of the unpacked bytes.
    pub(super) crc: u32,
    /// Whether anybody may execute it.
    pub(super) executable: bool,
}

/// What goes wrong while an archive is opened.
#[derive(Debug)]
pub(super) enum Failure {
    Io(io::Error),
    Flaw(Flaw),
}

impl From<Flaw> for Failure {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A member as the central directory has it.
struct Listed {
    name: Vec<u8>,
    header: u64,
    folder: bool,
    member: Member,
}

impl Archive {
    pub(super) fn open(bytes: Bytes) -> Result<Self, Failure> {
        let bytes = Arc::new(bytes);
        let end = bytes.len()?;
        let (mut listed, directory) = list(&bytes, end)?;
        // In the order of their bytes, so that each may be held against the one before.
        listed.sort_by_key(|entry| entry.header);
        let mut used = 0;
        let mut total = 0u64;
        let mut files = BTreeMap::new();
        for entry in listed {
            let shown = display_path(&entry.name);
            if entry.header < used {
                return Err(Flaw::Contradiction(shown).into());
            }
            let member = locate(&bytes, entry.member, &entry.name, entry.header, directory)?;
            used = member.start + member.compressed;
            total = total.saturating_add(member.size);
            let path = safe_path(&entry.name)?;
            if !entry.folder && files.insert(path, member).is_some() {
                return Err(Flaw::Duplicate(shown).into());
            }
        }
        if total > FREE_UNPACKED_BYTES.max(end.saturating_mul(MOST_RATIO)) {
            return Err(Flaw::Bomb { packed: end, unpacked: total }.into());
        }
        check_folders(files.keys())?;
        Ok(Self { bytes, files })
    }

    /// Reads a member's unpacked bytes; nothing about them is checked yet.
    pub(super) fn reader(&self, member: &Member) -> Box<dyn Read + Send + 'static> {
        let end = member.start + member.compressed;
        let window = Window { bytes: Arc::clone(&self.bytes), start: member.start, end };
        if member.deflated {
            Box::new(flate2::read::DeflateDecoder::new(window))
        } else {
            Box::new(window)
        }
    }
}

/// The central directory's entries, and where it begins.
fn list(bytes: &Arc<Bytes>, end: u64) -> Result<(Vec<Listed>, u64), Failure> {
    let window = Window { bytes: Arc::clone(bytes), start: 0, end };
    // A wheel begins at the file's first byte. Without this, bytes before it would shift every offset.
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let archive = ZipArchive::with_config(config, window).map_err(zip_failure)?;
    if archive.has_duplicate_names() {
        return Err(Flaw::Duplicate(duplicate_hint(&archive)).into());
    }
    if archive.len() > MOST_MEMBERS {
        return Err(Flaw::TooManyMembers(MOST_MEMBERS).into());
    }
    let mut listed = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index).map_err(zip_failure)?;
        let name = entry.name_raw().to_vec();
        let shown = || display_path(&name);
        if entry.encrypted() {
            return Err(Flaw::Encrypted(shown()).into());
        }
        let deflated = match entry.compression() {
            CompressionMethod::STORE => false,
            CompressionMethod::DEFLATE => true,
            _ => return Err(Flaw::Method(shown()).into()),
        };
        let folder = name.ends_with(b"/");
        let mode = unix_mode(entry.external_attributes());
        if !is_plain(mode, folder) || folder && entry.size() != 0 {
            return Err(Flaw::Special(shown()).into());
        }
        let member = Member {
            deflated,
            start: 0,
            compressed: entry.compressed_size(),
            size: entry.size(),
            crc: entry.crc32(),
            // As pip decides: only a mode that says "regular file" is believed.
            executable: mode & FILE_TYPE == REGULAR && mode & 0o111 != 0,
        };
        listed.push(Listed { header: entry.header_start(), folder, member, name });
    }
    Ok((listed, archive.central_directory_start()))
}

const FILE_TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// The upper half of the external attributes. Which system is said to have made the archive does not
/// matter: every unpacker that heeds modes heeds these.
fn unix_mode(attributes: u32) -> u32 {
    attributes >> 16
}

fn is_plain(mode: u32, folder: bool) -> bool {
    match mode & FILE_TYPE {
        0 => true,
        REGULAR => !folder,
        FOLDER => folder,
        _ => false,
    }
}

/// The crate keeps one entry for each name, so only their number tells; which name it was is not known.
fn duplicate_hint<R: Read + Seek>(archive: &ZipArchive<R>) -> String {
    format!("one of the {} names", archive.len())
}

fn zip_failure(error: zip::result::ZipError) -> Failure {
    match error {
        zip::result::ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            Failure::Io(error)
        }
        other => Failure::Flaw(Flaw::Zip(other.to_string())),
    }
}

/// Reads what stands before a member and finds its bytes.
fn locate(
    bytes: &Bytes,
    member: Member,
    name: &[u8],
    header: u64,
    directory: u64,
) -> Result<Member, Failure> {
    let contradiction = || Failure::Flaw(Flaw::Contradiction(display_path(name)));
    let mut head = vec![0; LOCAL_HEADER + name.len()];
    read_exact_at(bytes, &mut head, header)?.then_some(()).ok_or_else(contradiction)?;
    let number = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    let method = if member.deflated { 8 } else { 0 };
    let same = head.starts_with(b"PK\x03\x04")
        && number(6) & 1 == 0
        && number(8) == method
        && usize::from(number(26)) == name.len()
        && head[LOCAL_HEADER..] == *name;
    let start = header + (LOCAL_HEADER + name.len()) as u64 + u64::from(number(28));
    let end = start.checked_add(member.compressed);
    let possible = if member.deflated {
        member.size <= member.compressed.saturating_mul(DEFLATE_RATIO)
    } else {
        member.size == member.compressed
    };
    if !same || !possible || end.is_none_or(|end| end > directory) {
        return Err(contradiction());
    }
    Ok(Member { start, ..member })
}

/// Whether the buffer could be filled.
fn read_exact_at(bytes: &Bytes, mut buffer: &mut [u8], mut position: u64) -> io::Result<bool> {
    while !buffer.is_empty() {
        match bytes.read_at(buffer, position) {
            Ok(0) => return Ok(false),
            Ok(count) => {
                buffer = &mut buffer[count..];
                position += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// A member's or a RECORD row's name as a path that means the same thing to everybody.
pub(super) fn safe_path(name: &[u8]) -> Result<RootPath, Flaw> {
    let refuse = |reason| Flaw::UnsafeName { member: display_path(name), reason };
    if std::str::from_utf8(name).is_err() {
        return Err(refuse("a name that is not UTF-8"));
    }
    if name.contains(&b'\\') {
        return Err(refuse("a backslash in its name"));
    }
    if name.starts_with(b"/") {
        return Err(refuse("an absolute name"));
    }
    if name.len() > 1 && name[0].is_ascii_alphabetic() && name[1] == b':' {
        return Err(refuse("a drive letter in its name"));
    }
    if name.iter().any(u8::is_ascii_control) {
        return Err(refuse("a control character in its name"));
    }
    let path = RootPath::parse(name).map_err(|error| match error {
        lightship_codec::tar::PathError::ParentComponent(_) => refuse("a `..` in its name"),
        _ => refuse("a name that no file system takes"),
    })?;
    if path.is_root() {
        return Err(refuse("no name"));
    }
    Ok(path)
}

/// No file lies below another. Names come in order, so that all below a folder follow it directly.
pub(super) fn check_folders<'a>(paths: impl Iterator<Item = &'a RootPath>) -> Result<(), Flaw> {
    let mut before: Option<&RootPath> = None;
    for path in paths {
        if let Some(file) = before.filter(|file| path.starts_with(file)) {
            return Err(Flaw::FileAndFolder(display_path(file.as_bytes())));
        }
        before = Some(path);
    }
    Ok(())
}
