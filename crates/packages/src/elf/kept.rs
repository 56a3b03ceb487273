//! The parts of a file that were kept while it passed by.

use std::ops::Range;

use object::ReadRef;

/// All stretches of one file together hold at most this many bytes. The largest honest need: the
/// beginning (1 MiB), a section table of 65,535 entries (4 MiB), and tables of names.
const BUDGET: u64 = 8 * 1024 * 1024;

/// The latest bytes that passed by, so that a landmark found in them can reach back.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Offset in the file of the first byte.
    pub(super) start: u64,
    /// The bytes.
    pub(super) bytes: Vec<u8>,
}

impl Window {
    /// Offset in the file behind the last byte.
    pub(super) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// The part of `range` that is in the window.
    pub(super) fn part(&self, range: &Range<u64>) -> &[u8] {
        let from = range.start.clamp(self.start, self.end()) - self.start;
        let to = range.end.clamp(self.start, self.end()) - self.start;
        // Both are at most the window's length, which is a `usize`.
        let index = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        self.bytes.get(index(from)..index(to)).unwrap_or_default()
    }

    /// Forgets what lies before `offset`.
    pub(super) fn forget_before(&mut self, offset: u64) {
        let surplus = offset.clamp(self.start, self.end()) - self.start;
        self.bytes.drain(..usize::try_from(surplus).unwrap_or(usize::MAX).min(self.bytes.len()));
        self.start += surplus;
    }
}

/// A range that was asked for, and as much of it as has passed by.
#[derive(Debug)]
struct Stretch {
    range: Range<u64>,
    bytes: Vec<u8>,
}

/// A file with holes. Reading from a hole fails like reading past the end.
#[derive(Debug)]
pub(super) struct Kept {
    size: u64,
    stretches: Vec<Stretch>,
    /// Indexes of stretches that are not yet complete.
    open: Vec<usize>,
    budget: u64,
}

impl Kept {
    pub(super) fn new(size: u64) -> Self {
        Self { size, stretches: Vec::new(), open: Vec::new(), budget: BUDGET }
    }

    /// Bytes that are held now.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.stretches.iter().map(|stretch| stretch.bytes.capacity()).sum()
    }

    /// The file's size in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Asks for a range, which may lie in the window or ahead of it. Whether it is kept: not if it
    /// has begun before the window, nor when the budget is spent.
    pub(super) fn want(&mut self, range: Range<u64>, window: &Window) -> bool {
        let range = range.start..range.end.min(self.size);
        if range.is_empty() {
            return false;
        }
        if self.stretches.iter().any(|s| s.range.start <= range.start && range.end <= s.range.end) {
            return true;
        }
        let length = range.end - range.start;
        if range.start < window.start || length > self.budget {
            return false;
        }
        self.budget -= length;
        let bytes = window.part(&range).to_vec();
        if (bytes.len() as u64) < length {
            self.open.push(self.stretches.len());
        }
        self.stretches.push(Stretch { range, bytes });
        true
    }

    /// Takes what passes by: `bytes` at `offset`, without gaps from call to call.
    pub(super) fn arrive(&mut self, offset: u64, bytes: &[u8]) {
        let end = offset + bytes.len() as u64;
        let stretches = &mut self.stretches;
        self.open.retain(|&index| {
            let stretch = &mut stretches[index];
            let next = stretch.range.start + stretch.bytes.len() as u64;
            if next < end {
                // Below the length of `bytes`, since `next` and the range's end are clamped to it.
                let at = |position: u64| usize::try_from(position - offset).unwrap_or(usize::MAX);
                let from = at(next.max(offset));
                let to = at(stretch.range.end.min(end));
                stretch.bytes.extend_from_slice(&bytes[from..to]);
            }
            stretch.range.start + (stretch.bytes.len() as u64) < stretch.range.end
        });
    }

    /// The bytes of a range, if one stretch has them all.
    pub(super) fn get(&self, offset: u64, size: u64) -> Option<&[u8]> {
        let size = usize::try_from(size).ok()?;
        self.from(offset).find_map(|bytes| bytes.get(..size))
    }

    /// Everything kept from `offset` on, once for each stretch that has that byte.
    fn from(&self, offset: u64) -> impl Iterator<Item = &[u8]> {
        self.stretches.iter().filter_map(move |stretch| {
            let skip = usize::try_from(offset.checked_sub(stretch.range.start)?).ok()?;
            stretch.bytes.get(skip..)
        })
    }

    /// The text at `offset` that ends with a zero byte, if all of it was kept and it has at most
    /// `limit` bytes.
    pub(super) fn text(&self, offset: u64, limit: usize) -> Option<String> {
        self.from(offset).find_map(|bytes| {
            let bytes = &bytes[..bytes.len().min(limit)];
            let end = memchr::memchr(0, bytes)?;
            Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
        })
    }

    /// Where `needle` occurs in what was kept, ascending.
    pub(super) fn find(&self, needle: &[u8]) -> Vec<u64> {
        let mut found: Vec<u64> = self
            .stretches
            .iter()
            .flat_map(|stretch| {
                memchr::memmem::find_iter(&stretch.bytes, needle)
                    .map(|at| stretch.range.start + at as u64)
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl<'a> ReadRef<'a> for &'a Kept {
    fn len(self) -> Result<u64, ()> {
        Ok(self.size)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        if size == 0 {
            return Ok(&[]);
        }
        self.get(offset, size).ok_or(())
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let length =
            usize::try_from(range.end.checked_sub(range.start).ok_or(())?).map_err(drop)?;
        let found = self.from(range.start).find_map(|bytes| {
            let bytes = &bytes[..bytes.len().min(length)];
            Some(&bytes[..memchr::memchr(delimiter, bytes)?])
        });
        found.ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_fill_from_the_window_and_from_what_follows() {
        let data: Vec<u8> = (0..200).collect();
        let mut kept = Kept::new(200);
        let mut window = Window::default();
        assert!(kept.want(0..10, &window));
        assert!(kept.want(150..160, &window));
        for (n, piece) in data.chunks(7).enumerate() {
            let offset = n as u64 * 7;
            kept.arrive(offset, piece);
            window.bytes.extend_from_slice(piece);
            if offset == 49 {
                window.forget_before(40);
                assert!(kept.want(45..70, &window));
                assert!(!kept.want(39..41, &window), "gone");
                assert!(kept.want(46..50, &window), "inside another stretch");
            }
        }
        assert_eq!(kept.get(0, 10), Some(&data[..10]));
        assert_eq!(kept.get(45, 25), Some(&data[45..70]));
        assert_eq!(kept.get(152, 8), Some(&data[152..160]));
        assert_eq!(kept.get(152, 9), None);
        assert_eq!(kept.find(&[47, 48]), [47]);
        assert!(kept.open.is_empty());
    }

    #[test]
    fn the_budget_holds_and_ends_are_clamped() {
        let mut kept = Kept::new(u64::MAX);
        let window = Window::default();
        assert!(kept.want(0..BUDGET - 1, &window));
        assert!(!kept.want(BUDGET..BUDGET + 2, &window));
        assert!(kept.want(BUDGET..BUDGET + 1, &window));
        let mut small = Kept::new(10);
        assert!(small.want(5..u64::MAX, &window));
        assert!(!small.want(10..20, &window));
    }
}
