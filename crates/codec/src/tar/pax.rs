//! Pax extended headers: records of `length key=value\n` (*POSIX.1-2017, pax, pax Extended Header*).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::entry::Mtime;
use super::error::TarErrorKind;
use super::path::display_path;
use super::sparse::parse_decimal;

/// What the pax headers before an entry say about it.
#[derive(Debug, Clone, Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link_path: Option<Vec<u8>>,
    pub(super) user_name: Option<Vec<u8>>,
    pub(super) group_name: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) mtime: Option<Mtime>,
    pub(super) xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// `LIBARCHIVE.xattr.*`; the same attribute under `SCHILY.xattr.*` wins.
    libarchive_xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) sparse: PaxSparse,
}

/// The `GNU.sparse.*` records.
#[derive(Debug, Clone, Default)]
pub(super) struct PaxSparse {
    pub(super) major: Option<Vec<u8>>,
    pub(super) minor: Option<Vec<u8>>,
    pub(super) name: Option<Vec<u8>>,
    /// `GNU.sparse.size` (0.x).
    pub(super) size: Option<u64>,
    /// `GNU.sparse.realsize` (1.0).
    pub(super) real_size: Option<u64>,
    /// `offset,length,…` (0.1), also gathered from the repeated records of 0.0.
    pub(super) map: Option<Vec<u8>>,
    /// In a 0.0 map, whether an offset waits for its length.
    half: bool,
}

/// Which sparse format the records describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PaxSparseFormat {
    /// The map is in the records.
    Records,
    /// The map stands before the payload.
    BeforePayload,
}

impl PaxSparse {
    /// The format, if this is one that is known. As in Go, a version that nobody defined makes no
    /// sparse file.
    pub(super) fn format(&self) -> Option<PaxSparseFormat> {
        match (self.major.as_deref(), self.minor.as_deref()) {
            (Some(b"0"), Some(b"0" | b"1")) => Some(PaxSparseFormat::Records),
            (Some(b"1"), Some(b"0")) => Some(PaxSparseFormat::BeforePayload),
            (None, None) if self.map.is_some() => Some(PaxSparseFormat::Records),
            _ => None,
        }
    }
}

impl Pax {
    /// Takes in the records of one header, over whatever is there already.
    pub(super) fn apply(&mut self, mut records: &[u8]) -> Result<(), TarErrorKind> {
        // A map of format 0.0 is spread over many records; each header begins its own.
        let mut gathering = false;
        while !records.is_empty() {
            let (record, rest) = split_record(records)?;
            records = rest;
            let (key, value) = split_pair(record)?;
            if matches!(key, b"GNU.sparse.offset" | b"GNU.sparse.numbytes") {
                if !std::mem::replace(&mut gathering, true) {
                    self.sparse.map = None;
                    self.sparse.half = false;
                }
                self.gather(key, value)?;
            } else {
                self.set(key, value)?;
            }
        }
        if self.sparse.half {
            return Err(bad(b"GNU.sparse.offset", "its GNU.sparse.numbytes is missing"));
        }
        Ok(())
    }

    /// All extended attributes, however they were written.
    pub(super) fn take_xattrs(&mut self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut all = std::mem::take(&mut self.libarchive_xattrs);
        if all.is_empty() {
            return std::mem::take(&mut self.xattrs);
        }
        all.append(&mut self.xattrs);
        all
    }

    /// One pair of a 0.0 map arrives in two records, the offset first.
    fn gather(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarErrorKind> {
        let is_offset = key == b"GNU.sparse.offset";
        if is_offset == self.sparse.half || parse_decimal(value).is_none() {
            return Err(bad(key, "offsets and lengths must alternate and be numbers"));
        }
        let map = self.sparse.map.get_or_insert_default();
        if !map.is_empty() {
            map.push(b',');
        }
        map.extend_from_slice(value);
        self.sparse.half = is_offset;
        Ok(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarErrorKind> {
        match key {
            b"path" => self.path = name(key, value)?,
            b"linkpath" => self.link_path = name(key, value)?,
            b"uname" => self.user_name = name(key, value)?,
            b"gname" => self.group_name = name(key, value)?,
            b"size" => self.size = count(key, value)?,
            b"uid" => self.uid = count(key, value)?,
            b"gid" => self.gid = count(key, value)?,
            b"mtime" => self.mtime = time(key, value)?,
            b"GNU.sparse.major" => self.sparse.major = name(key, value)?,
            b"GNU.sparse.minor" => self.sparse.minor = name(key, value)?,
            b"GNU.sparse.name" => self.sparse.name = name(key, value)?,
            b"GNU.sparse.size" => self.sparse.size = count(key, value)?,
            b"GNU.sparse.realsize" => self.sparse.real_size = count(key, value)?,
            b"GNU.sparse.map" => self.sparse.map = name(key, value)?,
            _ => return self.set_xattr(key, value),
        }
        Ok(())
    }

    /// Anything that is no extended attribute either (`atime`, `comment`, `hdrcharset`, other vendors'
    /// keys) says nothing that we keep: names are bytes whatever their encoding.
    fn set_xattr(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarErrorKind> {
        if let Some(attribute) = key.strip_prefix(b"SCHILY.xattr.") {
            if attribute.is_empty() {
                return Err(bad(key, "the attribute has no name"));
            }
            self.xattrs.insert(attribute.to_vec(), value.to_vec());
        } else if let Some(encoded) = key.strip_prefix(b"LIBARCHIVE.xattr.") {
            let attribute = url_decode(encoded)
                .filter(|name| !name.is_empty() && !name.contains(&0))
                .ok_or_else(|| bad(key, "the attribute's name is badly encoded"))?;
            let value = BASE64.decode(value).map_err(|_| bad(key, "the value is not base64"))?;
            self.libarchive_xattrs.insert(attribute, value);
        }
        Ok(())
    }
}

/// libarchive writes no padding; other writers of its records might.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Splits off the first record, without its length and newline.
fn split_record(records: &[u8]) -> Result<(&[u8], &[u8]), TarErrorKind> {
    let digits = records.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let lying = || bad(&records[..records.len().min(40)], "its length is wrong");
    let length = parse_decimal(&records[..digits])
        .and_then(|length| usize::try_from(length).ok())
        .filter(|length| *length <= records.len() && *length > digits + 1)
        .ok_or_else(lying)?;
    let (record, rest) = records.split_at(length);
    match (record[digits], record[length - 1]) {
        (b' ', b'\n') if length > digits + 2 => Ok((&record[digits + 1..length - 1], rest)),
        _ => Err(lying()),
    }
}

fn split_pair(record: &[u8]) -> Result<(&[u8], &[u8]), TarErrorKind> {
    let equals = record.iter().position(|byte| *byte == b'=');
    match equals {
        Some(at) if at > 0 && !record[..at].contains(&0) => Ok((&record[..at], &record[at + 1..])),
        _ => Err(bad(&record[..record.len().min(40)], "it has no key")),
    }
}

/// An empty value means that the header's own field counts.
fn name(key: &[u8], value: &[u8]) -> Result<Option<Vec<u8>>, TarErrorKind> {
    if value.contains(&0) {
        return Err(bad(key, "it has a NUL byte"));
    }
    Ok((!value.is_empty()).then(|| value.to_vec()))
}

fn count(key: &[u8], value: &[u8]) -> Result<Option<u64>, TarErrorKind> {
    if value.is_empty() {
        return Ok(None);
    }
    parse_decimal(value).map(Some).ok_or_else(|| bad(key, "it is not a number that it can be"))
}

fn time(key: &[u8], value: &[u8]) -> Result<Option<Mtime>, TarErrorKind> {
    if value.is_empty() {
        return Ok(None);
    }
    parse_time(value).map(Some).ok_or_else(|| bad(key, "it is not a time"))
}

/// `[-]seconds[.fraction]`. Digits after the ninth are cut off, as Go does.
fn parse_time(value: &[u8]) -> Option<Mtime> {
    let (negative, value) = match value.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, value),
    };
    let point = value.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = point.map_or((value, &b""[..]), |at| (&value[..at], &value[at + 1..]));
    let secs = i64::try_from(parse_decimal(whole)?).ok()?;
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = fraction.iter().chain(std::iter::repeat(&b'0')).take(9);
    let nanos = digits.fold(0_u32, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
    Some(match (negative, nanos) {
        (false, _) => Mtime { secs, nanos },
        (true, 0) => Mtime { secs: -secs, nanos: 0 },
        (true, _) => Mtime { secs: -secs - 1, nanos: 1_000_000_000 - nanos },
    })
}

/// The way back: `seconds[.fraction]` without trailing zeros, as Go writes it.
pub(super) fn format_time(time: Mtime) -> String {
    if time.nanos == 0 {
        return time.secs.to_string();
    }
    let (sign, secs, nanos) = if time.secs < 0 {
        ("-", (time.secs + 1).unsigned_abs(), 1_000_000_000 - time.nanos)
    } else {
        ("", time.secs.unsigned_abs(), time.nanos)
    };
    format!("{sign}{secs}.{nanos:09}").trim_end_matches('0').to_owned()
}

/// Appends one record, whose length counts its own digits.
pub(super) fn push_record(records: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let body = key.len() + value.len() + 3; // the space, the `=` and the newline
    let mut length = body + 1;
    while length != body + length.to_string().len() {
        length = body + length.to_string().len();
    }
    records.extend_from_slice(length.to_string().as_bytes());
    records.push(b' ');
    records.extend_from_slice(key);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

fn url_decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(*bytes.next()?)? << 4 | hex(*bytes.next()?)?,
            _ => *byte,
        });
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn bad(key: &[u8], reason: &'static str) -> TarErrorKind {
    TarErrorKind::BadPax { key: display_path(&key[..key.len().min(100)]), reason }
}
