//! A tar reader of a hundred lines that knows what Lightship and its generators write, and shares no
//! code with theirs: ustar, and pax records for paths, owners, times, attributes and sparse files.

use std::collections::BTreeMap;

use lightship_base::Digest;

/// One entry, whole.
#[derive(Debug, Clone)]
pub struct Item {
    /// As it was written.
    pub path: Vec<u8>,
    /// The type flag.
    pub flag: u8,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Seconds and nanoseconds since 1970.
    pub mtime: (i64, u32),
    /// Target of a link.
    pub target: Vec<u8>,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Extended attributes.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The content as it is stored.
    pub stored: Vec<u8>,
    /// Of a sparse file: its size, and where its stored ranges begin and how long they are.
    pub sparse: Option<(usize, Vec<(usize, usize)>)>,
}

impl Item {
    /// The file's size, holes included.
    pub fn size(&self) -> u64 {
        self.sparse.as_ref().map_or(self.stored.len(), |(size, _)| *size) as u64
    }

    /// The digest of the content, holes filled.
    pub fn content(&self) -> Digest {
        let Some((size, ranges)) = &self.sparse else { return Digest::of(&self.stored) };
        let mut whole = vec![0; *size];
        let mut stored = &self.stored[..];
        for (offset, length) in ranges {
            let (range, rest) = stored.split_at(*length);
            whole[*offset..offset + length].copy_from_slice(range);
            stored = rest;
        }
        Digest::of(&whole)
    }
}

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// Reads a whole archive.
///
/// # Panics
///
/// If it is anything but a tar that ends in two blocks of zeros.
pub fn read(mut tar: &[u8]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut records = Records::new();
    loop {
        let header: &[u8; 512] = take(&mut tar, 512).try_into().expect("these are 512 bytes");
        if header == &[0; 512] {
            assert!(tar.len() >= 512 && tar[..512] == [0; 512], "two blocks of zeros end it");
            return items;
        }
        let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum::<u64>()
            - header[148..156].iter().map(|byte| u64::from(*byte)).sum::<u64>()
            + 8 * 32;
        assert_eq!(number(&header[148..156]), sum, "the checksum is right");
        let flag = header[156];
        let has_payload = matches!(flag, b'0' | 0 | b'x');
        let size = records.get(&b"size"[..]).map_or(number(&header[124..136]), |n| decimal(n));
        let size = if has_payload { usize::try_from(size).expect("it is in memory") } else { 0 };
        let payload = take(&mut tar, size).to_vec();
        take(&mut tar, size.next_multiple_of(512) - size);
        if flag == b'x' {
            records = parse_records(&payload);
        } else {
            items.push(item(header, payload, std::mem::take(&mut records)));
        }
    }
}

fn item(header: &[u8; 512], payload: Vec<u8>, mut records: Records) -> Item {
    let mut record = |key: &str| records.remove(key.as_bytes());
    let mut path = text(&header[..100]);
    let prefix = text(&header[345..500]);
    if !prefix.is_empty() {
        path = [&prefix[..], b"/", &path[..]].concat();
    }
    let (mut stored, mut sparse) = (payload, None);
    if record("GNU.sparse.major").is_some() {
        path = record("GNU.sparse.name").expect("a sparse file has a name");
        let size = record("GNU.sparse.realsize").expect("a sparse file has a size");
        let ranges = take_map(&mut stored);
        sparse = Some((usize::try_from(decimal(&size)).expect("it is in memory"), ranges));
    }
    Item {
        path: record("path").unwrap_or(path),
        flag: header[156],
        mode: u32::try_from(number(&header[100..108])).expect("a mode is short"),
        uid: record("uid").map_or(number(&header[108..116]), |n| decimal(&n)),
        gid: record("gid").map_or(number(&header[116..124]), |n| decimal(&n)),
        mtime: record("mtime").map_or_else(
            || (i64::try_from(number(&header[136..148])).expect("a time is short"), 0),
            |time| moment(&time),
        ),
        target: record("linkpath").unwrap_or_else(|| text(&header[157..257])),
        device: (device(&header[329..337]), device(&header[337..345])),
        xattrs: (records.into_iter())
            .filter_map(|(key, value)| Some((key.strip_prefix(b"SCHILY.xattr.")?.to_vec(), value)))
            .collect(),
        stored,
        sparse,
    }
}

/// Takes the map off a payload: how many ranges, then where each begins and how long it is.
fn take_map(payload: &mut Vec<u8>) -> Vec<(usize, usize)> {
    let mut at = 0;
    let mut next = || {
        let end = at + payload[at..].iter().position(|b| *b == b'\n').expect("lines end");
        let value = usize::try_from(decimal(&payload[at..end])).expect("it is in memory");
        at = end + 1;
        value
    };
    let count = next();
    let ranges = (0..count).map(|_| (next(), next())).collect();
    payload.drain(..at.next_multiple_of(512));
    ranges
}

fn parse_records(mut bytes: &[u8]) -> Records {
    let mut records = Records::new();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|b| *b == b' ').expect("a length comes first");
        let length = usize::try_from(decimal(&bytes[..space])).expect("it is in memory");
        let record = &take(&mut bytes, length)[space + 1..length - 1];
        let equals = record.iter().position(|b| *b == b'=').expect("a key has a value");
        records.insert(record[..equals].to_vec(), record[equals + 1..].to_vec());
    }
    records
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}

fn text(field: &[u8]) -> Vec<u8> {
    field.iter().copied().take_while(|byte| *byte != 0).collect()
}

fn number(field: &[u8]) -> u64 {
    let digits = String::from_utf8(text(field)).expect("digits are ASCII");
    u64::from_str_radix(digits.trim(), 8).expect("numbers are octal")
}

fn decimal(digits: &[u8]) -> u64 {
    let digits = std::str::from_utf8(digits).expect("digits are ASCII");
    digits.parse().expect("pax numbers are decimal")
}

/// Linux' device numbers fit in octal; larger ones are binary, marked by the first bit.
fn device(field: &[u8]) -> u32 {
    if field[0] & 0x80 == 0 {
        return u32::try_from(number(field)).expect("a device number is short");
    }
    u32::from_be_bytes([field[4], field[5], field[6], field[7]])
}

/// `[-]seconds[.fraction]`, rounded down to whole seconds.
fn moment(text: &[u8]) -> (i64, u32) {
    let text = std::str::from_utf8(text).expect("digits are ASCII");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let whole: i64 = whole.parse().expect("seconds are decimal");
    let fraction: u32 = format!("{fraction:0<9}").parse().expect("nanoseconds are decimal");
    match (text.starts_with('-'), fraction) {
        (true, 1..) => (whole - 1, 1_000_000_000 - fraction),
        _ => (whole, fraction),
    }
}
