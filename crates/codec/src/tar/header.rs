//! One 512-byte header block: its checksum, its dialect, its fields.

use super::error::TarErrorKind;
use super::{BLOCK_LEN, field};

/// The fields of a header, before extension headers have their say.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    /// As the field says, also where no payload follows.
    pub(super) size: u64,
    pub(super) mtime: i64,
    pub(super) flag: u8,
    pub(super) link_name: Vec<u8>,
    pub(super) user_name: Vec<u8>,
    pub(super) group_name: Vec<u8>,
    pub(super) device: (u32, u32),
    pub(super) dialect: Dialect,
}

/// Which of the header's many layouts it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Nothing after the link name.
    V7,
    /// *POSIX.1-2017, pax, ustar Interchange Format*.
    Ustar,
    /// Ustar with a shorter prefix and times after it, by the program `star`.
    Star,
    /// GNU tar's own.
    Gnu,
}

impl Header {
    /// Reads a header block that is not all zeros.
    pub(super) fn parse(block: &[u8; BLOCK_LEN]) -> Result<Self, TarErrorKind> {
        verify_checksum(block)?;
        let dialect = Dialect::of(block);
        let flag = block[field::FLAG];
        let unsigned = |range: std::ops::Range<usize>, what| {
            number(&block[range])
                .and_then(|value| u64::try_from(value).ok())
                .ok_or(TarErrorKind::BadNumber(what))
        };
        // Device numbers count only for devices: some writers leave rubbish in the fields of others.
        let device = if matches!(flag, b'3' | b'4') && dialect != Dialect::V7 {
            let part = |range, what| {
                u32::try_from(unsigned(range, what)?).map_err(|_| TarErrorKind::BadNumber(what))
            };
            (part(field::MAJOR, "major device number")?, part(field::MINOR, "minor device number")?)
        } else {
            (0, 0)
        };
        let names = |range| match dialect {
            Dialect::V7 => Vec::new(),
            Dialect::Ustar | Dialect::Star | Dialect::Gnu => text(&block[range]).to_vec(),
        };
        Ok(Self {
            name: full_name(block, dialect),
            // Twelve bits always fit.
            mode: (unsigned(field::MODE, "mode")? & 0o7777) as u32,
            uid: unsigned(field::UID, "user id")?,
            gid: unsigned(field::GID, "group id")?,
            size: unsigned(field::SIZE, "size")?,
            mtime: number(&block[field::MTIME])
                .ok_or(TarErrorKind::BadNumber("modification time"))?,
            flag,
            link_name: text(&block[field::LINK_NAME]).to_vec(),
            user_name: names(field::USER_NAME),
            group_name: names(field::GROUP_NAME),
            device,
            dialect,
        })
    }
}

impl Dialect {
    fn of(block: &[u8; BLOCK_LEN]) -> Self {
        match &block[field::MAGIC] {
            b"ustar  \0" => Self::Gnu,
            magic if magic.starts_with(b"ustar\0") => {
                if &block[field::STAR_TRAILER] == b"tar\0" {
                    Self::Star
                } else {
                    Self::Ustar
                }
            }
            _ => Self::V7,
        }
    }
}

/// The name with the prefix before it, where there is one.
fn full_name(block: &[u8; BLOCK_LEN], dialect: Dialect) -> Vec<u8> {
    let name = text(&block[field::NAME]);
    let prefix = match dialect {
        Dialect::V7 => b"",
        Dialect::Ustar => text(&block[field::PREFIX]),
        Dialect::Star => text(&block[field::STAR_PREFIX]),
        Dialect::Gnu => stray_prefix(block),
    };
    if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
}

/// Go before 1.8 (and so Docker of that time) wrote a prefix into GNU headers, which have none: its
/// bytes stand where GNU keeps access and change time. If those are no numbers, it is a prefix.
fn stray_prefix(block: &[u8; BLOCK_LEN]) -> &[u8] {
    let is_time = |field: &[u8]| field[0] == 0 || number(field).is_some();
    if is_time(&block[field::GNU_ATIME]) && is_time(&block[field::GNU_CTIME]) {
        return b"";
    }
    let prefix = text(&block[field::PREFIX]);
    if prefix.is_ascii() { prefix } else { b"" }
}

/// POSIX sums the bytes as unsigned numbers, some old writers as signed ones; both are accepted.
fn verify_checksum(block: &[u8; BLOCK_LEN]) -> Result<(), TarErrorKind> {
    let stored = number(&block[field::CHECKSUM]).ok_or(TarErrorKind::BadChecksum)?;
    if stored == i64::from(checksum(block)) {
        return Ok(());
    }
    let signed: i64 = block
        .iter()
        .enumerate()
        .map(
            |(at, byte)| {
                if field::CHECKSUM.contains(&at) { 0x20 } else { i64::from(byte.cast_signed()) }
            },
        )
        .sum();
    if stored == signed { Ok(()) } else { Err(TarErrorKind::BadChecksum) }
}

/// The sum of a header's bytes, its checksum field taken as spaces.
pub(super) fn checksum(block: &[u8; BLOCK_LEN]) -> u32 {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    sum(block) - sum(&block[field::CHECKSUM]) + 8 * 0x20
}

/// Everything before the first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or(field)
}

/// A number field: octal digits with spaces and NULs around them (nothing at all is zero), or, with
/// the first bit set, a big-endian two's complement number (GNU's base-256). `None` if it is neither
/// or does not fit 63 bits and a sign.
pub(super) fn number(field: &[u8]) -> Option<i64> {
    match field.first() {
        Some(first) if first & 0x80 != 0 => base256(field),
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<i64> {
    let blank = |byte: &&u8| matches!(**byte, b' ' | 0);
    let start = field.iter().take_while(blank).count();
    let end = field.len() - field[start..].iter().rev().take_while(blank).count();
    // As in Go: what follows a NUL inside the digits is no part of the number.
    text(&field[start..end.max(start)]).iter().try_fold(0_i64, |value, byte| match byte {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(i64::from(byte - b'0')),
        _ => None,
    })
}

fn base256(field: &[u8]) -> Option<i64> {
    // The first bit only marks the encoding; the second is the sign.
    let negative = field[0] & 0x40 != 0;
    let first = if negative { field[0] } else { field[0] & 0x7f };
    let mut value = i64::from(first.cast_signed());
    for byte in &field[1..] {
        value = value.checked_mul(256)?.checked_add(i64::from(*byte))?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_numbers_tolerate_blanks_and_nothing_else() {
        for (field, value) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"  644 \0 ", Some(0o644)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"        ", Some(0)),
            (b"777777777777", Some(0o777_777_777_777)),
            (b"12\x0034\0\0\0", Some(0o12)),
            (b"12 34\0\0\0", None),
            (b"0000648\0", None),
            (b"-000001\0", None),
            (b"0x00001\0", None),
        ] {
            assert_eq!(number(field), value, "{field:?}");
        }
    }

    #[test]
    fn base_256_numbers_have_a_sign_and_an_end() {
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x01"), Some(1));
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), Some(-1));
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00"), Some(-256));
        assert_eq!(number(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"), Some(i64::MAX));
        assert_eq!(number(b"\xff\xff\xff\xff\x80\0\0\0\0\0\0\0"), Some(i64::MIN));
        assert_eq!(number(b"\x80\0\0\0\x80\0\0\0\0\0\0\0"), None);
        assert_eq!(number(b"\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
    }
}
