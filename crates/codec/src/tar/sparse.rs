//! Sparse files: which ranges of a file are stored, and the four ways in which tar writes that down.

use super::header::number;

/// One stored range of a sparse file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Where in the unpacked file it begins, in bytes.
    pub offset: u64,
    /// How many bytes it has; never zero.
    pub length: u64,
}

/// The stored ranges of a sparse file: sorted, none empty, none overlapping, all within the file.
/// Everything between them reads as zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SparseMap {
    fragments: Vec<Fragment>,
    real_size: u64,
}

/// Why a sparse map makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SparseError {
    /// Something stands where a number should.
    #[error("it holds something that is not a number")]
    Number,
    /// Two ranges overlap, or a later one comes first.
    #[error("its ranges overlap or are not in order")]
    Order,
    /// A range ends after the file does.
    #[error("a range ends after the file")]
    BeyondEnd,
    /// The stored bytes are more or fewer than the ranges need.
    #[error("its ranges need more or fewer bytes than are stored")]
    StoredSize,
    /// Numbers are missing, or there are more than announced.
    #[error("it has more or fewer ranges than it announces")]
    Count,
    /// Only files have content that can be sparse.
    #[error("it belongs to an entry that is not a file")]
    NotAFile,
    /// The old format's fields overlap with what other formats keep there.
    #[error("it needs a GNU header")]
    NotGnu,
}

impl SparseMap {
    /// Checks the ranges against each other and the file's size. Empty ranges, with which GNU tar
    /// marks the end of a file, are left out: `real_size` says the same.
    pub fn new(ranges: Vec<Fragment>, real_size: u64) -> Result<Self, SparseError> {
        let mut end = 0;
        for range in &ranges {
            if range.offset < end {
                return Err(SparseError::Order);
            }
            end = range.offset.checked_add(range.length).ok_or(SparseError::BeyondEnd)?;
            if end > real_size {
                return Err(SparseError::BeyondEnd);
            }
        }
        let mut fragments = ranges;
        fragments.retain(|range| range.length > 0);
        Ok(Self { fragments, real_size })
    }

    /// The stored ranges in order.
    pub fn fragments(&self) -> &[Fragment] {
        &self.fragments
    }

    /// The file's size once unpacked.
    pub fn real_size(&self) -> u64 {
        self.real_size
    }

    /// How many bytes all ranges have together.
    pub fn stored_bytes(&self) -> u64 {
        // Disjoint ranges within a `u64`: the sum cannot overflow.
        self.fragments.iter().map(|fragment| fragment.length).sum()
    }
}

/// How one 24-byte pair of an old GNU map begins, and how many there are in a header and in an
/// extension block (*GNU tar manual, Basic Tar Format, `struct sparse`*).
const PAIR: usize = 24;
const HEADER_MAP: usize = 386;
const HEADER_PAIRS: usize = 4;
const EXTENSION_PAIRS: usize = 21;
const HEADER_MORE: usize = 482;
const EXTENSION_MORE: usize = 504;
const REAL_SIZE: std::ops::Range<usize> = 483..495;

/// The part of an old GNU map that is in the entry's header: its ranges, the file's size and whether
/// an extension block follows.
pub(super) fn from_old_header(
    block: &[u8],
    ranges: &mut Vec<Fragment>,
) -> Result<(u64, bool), SparseError> {
    let real_size = unsigned(&block[REAL_SIZE])?;
    pairs(&block[HEADER_MAP..], HEADER_PAIRS, ranges)?;
    Ok((real_size, block[HEADER_MORE] != 0))
}

/// The next extension block of an old GNU map; returns whether another one follows.
pub(super) fn from_old_extension(
    block: &[u8],
    ranges: &mut Vec<Fragment>,
) -> Result<bool, SparseError> {
    pairs(block, EXTENSION_PAIRS, ranges)?;
    Ok(block[EXTENSION_MORE] != 0)
}

fn pairs(bytes: &[u8], count: usize, ranges: &mut Vec<Fragment>) -> Result<(), SparseError> {
    for pair in bytes.chunks_exact(PAIR).take(count) {
        // An unused pair ends the block, as in GNU tar; extension blocks may follow regardless.
        if pair[0] == 0 {
            break;
        }
        let (offset, length) = pair.split_at(PAIR / 2);
        ranges.push(Fragment { offset: unsigned(offset)?, length: unsigned(length)? });
    }
    Ok(())
}

fn unsigned(field: &[u8]) -> Result<u64, SparseError> {
    number(field).and_then(|value| u64::try_from(value).ok()).ok_or(SparseError::Number)
}

/// The value of a `GNU.sparse.map` record: `offset,length,offset,length…` (formats 0.0, after its
/// records were joined, and 0.1).
pub(super) fn from_list(list: &[u8]) -> Result<Vec<Fragment>, SparseError> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let numbers: Vec<u64> =
        list.split(|byte| *byte == b',').map(decimal).collect::<Result<_, _>>()?;
    if !numbers.len().is_multiple_of(2) {
        return Err(SparseError::Count);
    }
    Ok(numbers.chunks_exact(2).map(|p| Fragment { offset: p[0], length: p[1] }).collect())
}

/// Decimal digits only, at most what a file's size can be.
pub(super) fn decimal(text: &[u8]) -> Result<u64, SparseError> {
    parse_decimal(text).ok_or(SparseError::Number)
}

/// Decimal digits only, at most 2⁶³ − 1: no sign, no spaces.
pub(super) fn parse_decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = std::str::from_utf8(text).ok()?.parse::<u64>().ok()?;
    i64::try_from(value).is_ok().then_some(value)
}

/// Takes in a format 1.0 map, which stands before the payload: newline-terminated decimal numbers, the
/// first of them the count of pairs that follow. Feed it bytes until it is complete.
#[derive(Debug, Default)]
pub(super) struct MapParser {
    pending: Vec<u8>,
    announced: Option<u64>,
    offset: Option<u64>,
    ranges: Vec<Fragment>,
}

impl MapParser {
    /// No number that is valid has more digits.
    const MAX_DIGITS: usize = 20;

    /// Takes in the next bytes; returns whether the map is complete. What follows it in `bytes` is
    /// padding.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<bool, SparseError> {
        for byte in bytes {
            if self.is_complete() {
                break;
            }
            if *byte == b'\n' {
                let value = decimal(&self.pending)?;
                self.pending.clear();
                self.take(value);
            } else if self.pending.len() < Self::MAX_DIGITS {
                self.pending.push(*byte);
            } else {
                return Err(SparseError::Number);
            }
        }
        Ok(self.is_complete())
    }

    fn take(&mut self, value: u64) {
        if self.announced.is_none() {
            self.announced = Some(value);
        } else if let Some(offset) = self.offset.take() {
            self.ranges.push(Fragment { offset, length: value });
        } else {
            self.offset = Some(value);
        }
    }

    fn is_complete(&self) -> bool {
        self.announced == Some(self.ranges.len() as u64)
    }

    /// The ranges of a complete map.
    pub(super) fn finish(self) -> Vec<Fragment> {
        self.ranges
    }
}

/// Writes a format 1.0 map, padded to whole blocks. A file that ends in a hole needs an empty range at
/// its end: GNU tar takes the file's length from it.
pub(super) fn to_map(map: &SparseMap) -> Vec<u8> {
    let end = map.fragments.last().map_or(0, |last| last.offset + last.length);
    let closing = (end < map.real_size).then_some(Fragment { offset: map.real_size, length: 0 });
    let ranges = map.fragments.iter().chain(closing.as_ref());
    let numbers = ranges.clone().flat_map(|range| [range.offset, range.length]);
    let mut bytes = Vec::new();
    for number in std::iter::once(ranges.count() as u64).chain(numbers) {
        bytes.extend_from_slice(number.to_string().as_bytes());
        bytes.push(b'\n');
    }
    bytes.resize(bytes.len().next_multiple_of(super::BLOCK_LEN), 0);
    bytes
}
