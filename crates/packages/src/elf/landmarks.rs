//! Byte strings that mark a table which nothing has pointed to yet.

use std::ops::Range;

use object::elf;

use super::kept::{Kept, Window};
use super::raw::Segment;
use crate::rust::Recogniser;

/// How far a landmark may reach back from where it is found.
pub(super) const REACH_BACK: u64 = 64 * 1024;
/// How many bytes behind a position must have arrived before it is looked at.
pub(super) const LOOK_AHEAD: u64 = 4 * 1024;

const KIB: u64 = 1024;

/// Go's build information (*Go, debug/buildinfo*).
pub(super) const GO_BUILD_INFO: &[u8] = b"\xff Go buildinf:";
/// The sixteen bytes that Go's linker puts before its text about modules.
pub(super) const GO_MODULES_START: &[u8; 16] =
    b"0w\xaf\x0c\x92t\x08\x02A\xe1\xc1\x07\xe6\xd6\x18\xe6";

/// Where a landmark can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Region {
    /// In what the loader does not map.
    FileOnly,
    /// In memory that the program can write.
    Writable,
    /// Among the constants of a file that has a dynamic section.
    DynamicConstants,
    /// Among the constants of a file that has Go's note.
    GoConstants,
}

#[derive(Debug)]
struct Landmark {
    needle: &'static [u8],
    region: Region,
    /// Bytes to keep before it.
    before: u64,
    /// Bytes to keep from its beginning on.
    after: u64,
    /// How often it counts. Budgets for hostile files; honest ones have fewer.
    times: u32,
}

/// Names in the table of section names, which contains its own name.
const SECTION_NAMES: Landmark = Landmark {
    needle: b".shstrtab\0",
    region: Region::FileOnly,
    before: REACH_BACK,
    after: 256 * KIB,
    times: 8,
};

const LANDMARKS: [Landmark; 7] = [
    SECTION_NAMES,
    // `.comment`, one of whose strings this is.
    Landmark {
        needle: b"rustc version ",
        region: Region::FileOnly,
        before: KIB,
        after: KIB,
        times: 8,
    },
    Landmark {
        needle: GO_BUILD_INFO,
        region: Region::Writable,
        before: 0,
        after: 256 * KIB,
        times: 4,
    },
    // Before Go 1.18 build information held addresses of strings that lie anywhere before it.
    Landmark {
        needle: GO_MODULES_START,
        region: Region::GoConstants,
        before: 0,
        after: 256 * KIB,
        times: 2,
    },
    Landmark { needle: b"go1.", region: Region::GoConstants, before: 64, after: 64, times: 4096 },
    // Libraries by name, and run paths, in the dynamic section's table of strings.
    Landmark {
        needle: b".so",
        region: Region::DynamicConstants,
        before: 256,
        after: 16,
        times: 4096,
    },
    Landmark {
        needle: b"$ORIGIN",
        region: Region::DynamicConstants,
        before: 512,
        after: 512,
        times: 64,
    },
];

/// How many zlib streams are tried, and how many lists of crates are kept.
const ZLIB_TRIES: u32 = 65_536;
const ZLIB_KEPT: u32 = 2;
const ZLIB_AFTER: u64 = 512 * KIB;

/// What is known of the file's layout while landmarks are looked for.
#[derive(Debug)]
pub(super) enum Layout {
    /// The program headers are still to come: every landmark can be anywhere.
    Unknown,
    /// The program headers were read.
    Known(KnownLayout),
}

/// File ranges, each list ascending and without overlaps.
#[derive(Debug)]
pub(super) struct KnownLayout {
    mapped: Vec<Range<u64>>,
    writable: Vec<Range<u64>>,
    dynamic_constants: Vec<Range<u64>>,
    go_constants: Vec<Range<u64>>,
}

impl Layout {
    /// Constants are searched for in what cannot be executed, most of a large file being code. Older
    /// linkers put headers, constants and code into one segment, which begins the file.
    pub(super) fn of(segments: &[Segment], is_go: bool) -> Self {
        let is_dynamic = segments.iter().any(|segment| segment.kind == elf::PT_DYNAMIC);
        let ranges = |wanted: &dyn Fn(&Segment) -> bool| {
            let loaded = segments.iter().filter(|s| s.kind == elf::PT_LOAD && wanted(s));
            joined(loaded.map(|s| s.offset..s.offset.saturating_add(s.size)).collect())
        };
        let constants = |wanted: bool| {
            ranges(&|segment| wanted && (!segment.executable || segment.offset == 0))
        };
        Self::Known(KnownLayout {
            mapped: ranges(&|_| true),
            writable: ranges(&|segment| segment.writable),
            dynamic_constants: constants(is_dynamic),
            go_constants: constants(is_go),
        })
    }

    /// Where in `range` a region lies.
    fn within(&self, region: Region, range: &Range<u64>) -> Vec<Range<u64>> {
        let Self::Known(known) = self else { return vec![range.clone()] };
        let inside = |ranges: &[Range<u64>]| -> Vec<Range<u64>> {
            ranges.iter().map(|r| intersection(r, range)).filter(|r| !r.is_empty()).collect()
        };
        match region {
            Region::FileOnly => complement(&inside(&known.mapped), range),
            Region::Writable => inside(&known.writable),
            Region::DynamicConstants => inside(&known.dynamic_constants),
            Region::GoConstants => inside(&known.go_constants),
        }
    }
}

/// Looks for landmarks, and remembers how many of each may still count.
#[derive(Debug)]
pub(super) struct Search {
    left: [u32; LANDMARKS.len()],
    zlib_tries: u32,
    zlib_kept: u32,
    recogniser: Recogniser,
}

impl Search {
    pub(super) fn new() -> Self {
        Self {
            left: LANDMARKS.map(|landmark| landmark.times),
            zlib_tries: ZLIB_TRIES,
            zlib_kept: ZLIB_KEPT,
            recogniser: Recogniser::new(),
        }
    }

    /// Looks for landmarks that begin in `range` of the file, and asks for what lies around them. The
    /// window must hold the range and should hold [`LOOK_AHEAD`] bytes more. Whether Go's build
    /// information was among them.
    pub(super) fn scan(
        &mut self,
        range: &Range<u64>,
        window: &Window,
        layout: &Layout,
        kept: &mut Kept,
    ) -> bool {
        let mut found_go = false;
        for (landmark, left) in LANDMARKS.iter().zip(&mut self.left) {
            let before = *left;
            for region in &layout.within(landmark.region, range) {
                find(landmark, left, region, window, kept);
            }
            found_go |= *left < before && landmark.needle == GO_BUILD_INFO;
        }
        for region in &layout.within(Region::FileOnly, range) {
            self.find_dependency_lists(region, window, kept);
        }
        found_go
    }

    /// cargo-auditable's list is in no segment, and nothing announces it: so every two bytes that can
    /// begin a zlib stream (*RFC 1950, 2.2*) are tried.
    fn find_dependency_lists(&mut self, region: &Range<u64>, window: &Window, kept: &mut Kept) {
        let bytes = window.part(region);
        for at in memchr::memchr_iter(0x78, bytes) {
            if self.zlib_tries == 0 || self.zlib_kept == 0 {
                return;
            }
            let start = region.start + at as u64;
            let ahead = window.part(&(start..start.saturating_add(LOOK_AHEAD)));
            if !matches!(ahead, [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..]) {
                continue;
            }
            self.zlib_tries -= 1;
            if self.recogniser.recognises(ahead) {
                self.zlib_kept -= 1;
                kept.want(start..start.saturating_add(ZLIB_AFTER), window);
            }
        }
    }
}

fn find(
    landmark: &Landmark,
    left: &mut u32,
    region: &Range<u64>,
    window: &Window,
    kept: &mut Kept,
) {
    // A landmark may begin in the region and end behind it.
    let overhang = landmark.needle.len() as u64 - 1;
    let bytes = window.part(&(region.start..region.end.saturating_add(overhang)));
    for at in memchr::memmem::find_iter(bytes, landmark.needle) {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let start = region.start + at as u64;
        let from = start.saturating_sub(landmark.before).max(window.start);
        kept.want(from..start.saturating_add(landmark.after), window);
    }
}

fn intersection(a: &Range<u64>, b: &Range<u64>) -> Range<u64> {
    a.start.max(b.start)..a.end.min(b.end)
}

/// The parts of `range` that are in none of `holes`, which are ascending and inside it.
fn complement(holes: &[Range<u64>], range: &Range<u64>) -> Vec<Range<u64>> {
    let mut parts = Vec::with_capacity(holes.len() + 1);
    let mut from = range.start;
    for hole in holes {
        parts.push(from..hole.start);
        from = hole.end;
    }
    parts.push(from..range.end);
    parts.retain(|part| !part.is_empty());
    parts
}

/// Ranges in ascending order, those that touch or overlap joined.
pub(super) fn joined(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "lists of ranges, some of one")]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(joined(vec![5..9, 0..2, 2..3, 7..8, 4..4]), [0..3, 5..9]);
        assert_eq!(complement(&[2..4, 6..7], &(0..10)), [0..2, 4..6, 7..10]);
        assert_eq!(complement(&[0..10], &(0..10)), []);
        assert_eq!(complement(&[], &(3..4)), [3..4]);
    }
}
