//! Turns an entry into header blocks: plain ustar where that can say everything, a pax extended header
//! before it where it cannot.

use std::collections::BTreeMap;

use super::entry::{Entry, EntryKind};
use super::header::checksum;
use super::path::display_path;
use super::pax::{format_time, push_record};
use super::{BLOCK_LEN, TarWriteError, field, sparse};

/// Everything before an entry's payload.
pub(super) struct Encoded {
    /// Headers, pax records and a sparse file's map.
    pub(super) bytes: Vec<u8>,
    /// How many payload bytes follow, before padding.
    pub(super) payload: u64,
}

/// What octal fields of eight and twelve bytes can hold, their closing NUL counted.
const MAX_SHORT: u64 = 0o7_777_777;
const MAX_LONG: u64 = 0o77_777_777_777;

/// Our own reader, like Go's, takes no more extension bytes than this for one entry.
const MAX_EXTENSION: usize = 1024 * 1024;

/// Encodes an entry.
pub(super) fn encode(entry: &Entry) -> Result<Encoded, TarWriteError> {
    check(entry)?;
    let map = entry.sparse.as_ref().map(sparse::to_map).unwrap_or_default();
    let payload = if entry.kind == EntryKind::File { entry.size } else { 0 };
    // Of a sparse file, the map counts as payload in the header's eyes.
    let stored =
        payload.checked_add(map.len() as u64).ok_or_else(|| refuse(entry, "it is too large"))?;
    let mut records = Records::default();
    let block = main_block(entry, stored, &mut records);
    let mut bytes = Vec::with_capacity(BLOCK_LEN);
    if !records.is_empty() {
        push_pax_header(&mut bytes, entry, &records.into_bytes());
    }
    bytes.extend_from_slice(&block);
    bytes.extend_from_slice(&map);
    if bytes.len() > MAX_EXTENSION {
        return Err(refuse(
            entry,
            "its names, attributes and sparse map are larger than readers take",
        ));
    }
    Ok(Encoded { bytes, payload })
}

/// Refuses what some reader would take for something else.
fn check(entry: &Entry) -> Result<(), TarWriteError> {
    let names = [&entry.path, &entry.link_target, &entry.user_name, &entry.group_name];
    let reason = if names.iter().any(|name| name.contains(&0)) {
        "a name has a NUL byte"
    } else if entry.path.is_empty() {
        "its path is empty"
    } else if entry.kind != EntryKind::Directory && entry.path.ends_with(b"/") {
        "only a folder's path may end in a slash"
    } else if entry.kind.is_link() && entry.link_target.is_empty() {
        "it links to nothing"
    } else if entry.mode > 0o7777 {
        "its mode has more than permission bits"
    } else if entry.mtime.nanos >= 1_000_000_000 {
        "its time has more than a second of nanoseconds"
    } else if entry.mtime.secs == i64::MIN {
        "its time is too long ago"
    } else if i64::try_from(entry.real_size.max(entry.size).max(entry.uid).max(entry.gid)).is_err()
    {
        "its size or owner is too large"
    } else if entry
        .xattrs
        .keys()
        .any(|key| key.is_empty() || key.contains(&b'=') || key.contains(&0))
    {
        "an extended attribute's name is empty or has a NUL byte or equals sign"
    } else if !sparse_fits(entry) {
        "its sparse map is not that of its content"
    } else {
        return Ok(());
    };
    Err(refuse(entry, reason))
}

fn sparse_fits(entry: &Entry) -> bool {
    match &entry.sparse {
        Some(map) => {
            entry.kind == EntryKind::File
                && map.stored_bytes() == entry.size
                && map.real_size() == entry.real_size
        }
        None => entry.kind != EntryKind::File || entry.real_size == entry.size,
    }
}

fn refuse(entry: &Entry, reason: &'static str) -> TarWriteError {
    TarWriteError::Unrepresentable { path: display_path(&entry.path), reason }
}

/// Pax records by key; sorted, so that the same entry gives the same bytes.
#[derive(Default)]
struct Records {
    by_key: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Whether a name is not UTF-8, as pax wants names to be.
    binary: bool,
}

impl Records {
    fn set(&mut self, key: &str, value: String) {
        self.by_key.insert(key.as_bytes().to_vec(), value.into_bytes());
    }

    fn set_name(&mut self, key: &str, value: &[u8]) {
        self.binary |= std::str::from_utf8(value).is_err();
        self.by_key.insert(key.as_bytes().to_vec(), value.to_vec());
    }

    fn set_xattr(&mut self, name: &[u8], value: &[u8]) {
        self.by_key.insert([b"SCHILY.xattr.", name].concat(), value.to_vec());
    }

    fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// `hdrcharset` comes first, since it says how to read what follows. Without it libarchive
    /// complains of names that are not UTF-8; GNU tar, Python and Go read them either way.
    fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.binary {
            push_record(&mut bytes, b"hdrcharset", b"BINARY");
        }
        for (key, value) in &self.by_key {
            push_record(&mut bytes, key, value);
        }
        bytes
    }
}

/// The entry's own header; what does not fit goes to `records`.
fn main_block(entry: &Entry, stored: u64, records: &mut Records) -> [u8; BLOCK_LEN] {
    let mut block = [0; BLOCK_LEN];
    put_names(&mut block, entry, records);
    put_octal(&mut block[field::MODE], u64::from(entry.mode));
    put_number(&mut block[field::UID], entry.uid, MAX_SHORT, "uid", records);
    put_number(&mut block[field::GID], entry.gid, MAX_SHORT, "gid", records);
    put_number(&mut block[field::SIZE], stored, MAX_LONG, "size", records);
    let whole = u64::try_from(entry.mtime.secs).ok().filter(|secs| *secs <= MAX_LONG);
    put_octal(&mut block[field::MTIME], whole.unwrap_or(0));
    if whole.is_none() || entry.mtime.nanos != 0 {
        records.set("mtime", format_time(entry.mtime));
    }
    block[field::FLAG] = flag_of(entry.kind);
    let (major, minor) = if entry.kind.is_device() { entry.device } else { (0, 0) };
    put_device(&mut block[field::MAJOR], major);
    put_device(&mut block[field::MINOR], minor);
    for (name, value) in &entry.xattrs {
        records.set_xattr(name, value);
    }
    seal(&mut block);
    block
}

fn put_names(block: &mut [u8; BLOCK_LEN], entry: &Entry, records: &mut Records) {
    if let Some(map) = &entry.sparse {
        // The name in the header is for readers that know no sparse files: what they unpack is not
        // the file, and must not pass for it.
        put_text(&mut block[field::NAME], &sparse_stand_in(&entry.path));
        records.set("GNU.sparse.major", "1".to_owned());
        records.set("GNU.sparse.minor", "0".to_owned());
        records.set_name("GNU.sparse.name", &entry.path);
        records.set("GNU.sparse.realsize", map.real_size().to_string());
    } else if let Some((prefix, name)) = split_path(&entry.path) {
        put_text(&mut block[field::NAME], name);
        put_text(&mut block[field::PREFIX], prefix);
    } else {
        put_text(&mut block[field::NAME], &entry.path);
        records.set_name("path", &entry.path);
    }
    let target = if entry.kind.is_link() { entry.link_target.as_slice() } else { b"" };
    for (range, key, value) in [
        (field::LINK_NAME, "linkpath", target),
        (field::USER_NAME, "uname", &entry.user_name),
        (field::GROUP_NAME, "gname", &entry.group_name),
    ] {
        // Of the three only the link name may fill its field without a closing NUL.
        let room = if key == "linkpath" { range.len() } else { range.len() - 1 };
        put_text(&mut block[range], value);
        if value.len() > room {
            records.set_name(key, value);
        }
    }
}

/// The two fields of a ustar path: nothing and the whole if it fits, else cut at a slash so that both
/// parts fit. `None` if it cannot be cut.
fn split_path(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= field::NAME.len() {
        return Some((b"", path));
    }
    // The name must not be empty, so a slash at the end is no place to cut.
    let last = path.len().min(field::PREFIX.len() + 2) - 1;
    let cut = path[..last].iter().rposition(|byte| *byte == b'/').filter(|cut| *cut > 0)?;
    let (prefix, name) = (&path[..cut], &path[cut + 1..]);
    (name.len() <= field::NAME.len()).then_some((prefix, name))
}

fn sparse_stand_in(path: &[u8]) -> Vec<u8> {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    [b"GNUSparseFile.0/", name].concat()
}

/// As much of a text as fits. A cut right after a slash would make a folder of a file in the eyes of
/// old readers, so the slash goes too.
fn put_text(field: &mut [u8], value: &[u8]) {
    let mut end = value.len().min(field.len());
    while end < value.len() && end > 0 && value[end - 1] == b'/' {
        end -= 1;
    }
    field[..end].copy_from_slice(&value[..end]);
}

fn put_number(field: &mut [u8], value: u64, max: u64, key: &str, records: &mut Records) {
    if value <= max {
        put_octal(field, value);
    } else {
        put_octal(field, 0);
        records.set(key, value.to_string());
    }
}

/// Zero-padded octal digits and a NUL. The value fits: the caller looked.
fn put_octal(field: &mut [u8], mut value: u64) {
    let digits = field.len() - 1;
    for digit in field[..digits].iter_mut().rev() {
        *digit = b'0' + (value & 7) as u8;
        value >>= 3;
    }
    field[digits] = 0;
}

/// Pax has no key for device numbers. Linux' own fit in octal; others take GNU's base-256, which every
/// reader of today knows.
fn put_device(field: &mut [u8], value: u32) {
    if u64::from(value) <= MAX_SHORT {
        put_octal(field, u64::from(value));
    } else {
        field.copy_from_slice(&u64::from(value).to_be_bytes());
        field[0] = 0x80;
    }
}

fn flag_of(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::File => b'0',
        EntryKind::HardLink => b'1',
        EntryKind::Symlink => b'2',
        EntryKind::CharDevice => b'3',
        EntryKind::BlockDevice => b'4',
        EntryKind::Directory => b'5',
        EntryKind::Fifo => b'6',
    }
}

/// Magic, version and checksum.
fn seal(block: &mut [u8; BLOCK_LEN]) {
    block[field::MAGIC].copy_from_slice(b"ustar\x0000");
    let sum = u64::from(checksum(block));
    put_octal(&mut block[field::CHECKSUM.start..field::CHECKSUM.end - 1], sum);
    block[field::CHECKSUM.end - 1] = b' ';
}

/// A pax extended header with its records. Its own fields say nothing about the entry, so they are the
/// same for all.
fn push_pax_header(bytes: &mut Vec<u8>, entry: &Entry, records: &[u8]) {
    let mut block = [0; BLOCK_LEN];
    let name = entry.path.rsplit(|byte| *byte == b'/').find(|part| !part.is_empty());
    put_text(&mut block[field::NAME], &[b"PaxHeaders.0/", name.unwrap_or(b"root")].concat());
    put_octal(&mut block[field::MODE], 0o644);
    for range in [field::UID, field::GID, field::MTIME, field::MAJOR, field::MINOR] {
        put_octal(&mut block[range], 0);
    }
    put_octal(&mut block[field::SIZE], records.len() as u64);
    block[field::FLAG] = b'x';
    seal(&mut block);
    bytes.extend_from_slice(&block);
    bytes.extend_from_slice(records);
    bytes.resize(bytes.len().next_multiple_of(BLOCK_LEN), 0);
}
