//! The safe cut: what the loader never maps is left out, and nothing that it maps is moved.
//!
//! Symbol tables, debug information and section headers lie behind the loaded segments. Leaving them
//! out saves nearly all that `strip` would, and cannot break what `strip` breaks: files that were patched
//! after linking, whose sections no longer tell where things are. What lies between segments (a patched
//! file has its new segment last) stays in place and becomes zeros, which cost nothing when compressed.
//!
//! A file is left whole unless every byte that would go is explained by a section that is known to serve
//! debuggers and linkers only: programs carry archives, certificates and scripts behind their last
//! segment, or in sections of their own, and read them from their own file.

use std::borrow::Cow;
use std::io::{self, Read};
use std::ops::Range;

use lightship_base::Digest;
use serde::{Deserialize, Serialize};

use super::layout::{Layout, Section};
use super::reach::Reach;
use super::{ElfError, Kind};
use crate::parcel::{Content, ContentSource, made_of};

/// What can be done with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It is no ELF file, or one that is not loaded: an object file, a memory dump.
    NotLoaded,
    /// Nothing in it is for debuggers.
    Lean,
    /// Something in it cannot be explained, so all of it stays: why, half a sentence.
    Whole(Cow<'static, str>),
    /// This can go.
    Cut(Plan),
}

/// How a file is cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Bytes it has then.
    size: u64,
    /// What becomes zeros, ascending, without overlaps, all below `size`.
    zeros: Vec<Range<u64>>,
}

impl Plan {
    /// Bytes that the file has after the cut.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of a file with this plan carried out; reads nothing before they are opened.
    pub fn apply(self, content: Content) -> Content {
        Content::new(CutFile { content, plan: self })
    }
}

/// Gaps between what is explained that are not looked at: linkers align sections by at most so much.
const LARGEST_ALIGNMENT: u64 = 64;
/// No larger gap is looked at; a patched file has a page of up to 64 KiB.
const LARGEST_GAP: u64 = 64 << 10;
/// A cut that saves less is not worth a file that differs from its package's.
const LEAST: u64 = 64;

/// Says how a file can be cut. It is read up to its section headers, which are usually last.
pub fn plan(content: &Content) -> Result<Verdict, ElfError> {
    let mut reach = Reach::new(content);
    let layout = match Layout::read(&mut reach) {
        Ok(Some(layout)) => layout,
        Ok(None) | Err(ElfError::Broken(_)) => return Ok(Verdict::NotLoaded),
        Err(error @ ElfError::Read(_)) => return Err(error),
    };
    match judge(&mut reach, &layout) {
        Err(ElfError::Broken(why)) => Ok(Verdict::Whole(why.into())),
        other => other,
    }
}

fn judge(reach: &mut Reach<'_>, layout: &Layout) -> Result<Verdict, ElfError> {
    let size = reach.size();
    let is_loaded = matches!(layout.kind, Kind::Executable | Kind::Dynamic);
    if !is_loaded || layout.loads().all(|segment| segment.size == 0) {
        return Ok(Verdict::NotLoaded);
    }
    let kept = mapped(layout);
    let end = kept.last().map_or(0, |range| range.end);
    if end > size {
        return Ok(Verdict::Whole("its segments lie in another file".into()));
    }
    let Some(sections) = layout.read_sections(reach)? else {
        let nothing_behind = size == end;
        return Ok(if nothing_behind {
            Verdict::Lean
        } else {
            Verdict::Whole("no section explains what lies behind its segments".into())
        });
    };
    if let Some(why) = sections.iter().find_map(reason_to_stay) {
        return Ok(Verdict::Whole(why.into()));
    }
    if !tail_is_explained(reach, layout, &sections, end)? {
        return Ok(Verdict::Whole("it carries data behind its last section".into()));
    }
    let plan = Plan { size: end, zeros: zeros(layout, &sections, &kept, end) };
    let zeroed: u64 = plan.zeros.iter().map(|range| range.end - range.start).sum();
    if size - end + zeroed < LEAST { Ok(Verdict::Lean) } else { Ok(Verdict::Cut(plan)) }
}

/// What must stay as it is: headers and everything that a program header names, joined and ascending.
fn mapped(layout: &Layout) -> Vec<Range<u64>> {
    let (table, table_size) = layout.segment_table;
    let headers = [0..layout.header_size, table..table.saturating_add(table_size)];
    let segments = layout.segments.iter().map(|segment| segment.offset..segment.end());
    joined(headers.into_iter().chain(segments).collect())
}

fn joined(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.retain(|range| range.start < range.end);
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// Sections that are not loaded and that no program reads from its own file. Others are unknown: they
/// may be an archive that the program unpacks, or a list that scanners look for.
fn reason_to_stay(section: &Section) -> Option<&'static str> {
    const NAMES: [&[u8]; 18] = [
        b".symtab",
        b".symtab_shndx",
        b".strtab",
        b".shstrtab",
        b".comment",
        b".gdb_index",
        b".gnu_debuglink",
        b".gnu_debugaltlink",
        b".gnu_debugdata",
        b".gnu.build.attributes",
        b".stab",
        b".stabstr",
        b".line",
        b".llvm_addrsig",
        b".annobin.notes",
        b".ARM.attributes",
        b".riscv.attributes",
        b".note.stapsdt",
    ];
    const PREFIXES: [&[u8]; 5] =
        [b".debug", b".zdebug", b".gnu.lto_", b".gnu.debuglto_", b".note.gnu."];
    let name = section.name.as_slice();
    let known = NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    if section.is_loaded || section.size == 0 || known {
        return None;
    }
    Some(match name {
        b".dep-v0" => "it has a list of the crates that it was made of, for scanners",
        _ => "it has a section that only it may know how to read",
    })
}

/// Whether sections and their headers account for everything behind `end`, but for alignment.
fn tail_is_explained(
    reach: &mut Reach<'_>,
    layout: &Layout,
    sections: &[Section],
    end: u64,
) -> Result<bool, ElfError> {
    let mut parts: Vec<(Range<u64>, u64)> = sections
        .iter()
        .filter(|section| section.size > 0)
        .map(|section| {
            (section.offset..section.offset.saturating_add(section.size), section.alignment)
        })
        .collect();
    parts.extend(table_range(layout).map(|range| (range, 8)));
    parts.sort_by_key(|(range, _)| (range.start, range.end));
    let mut covered = end;
    let mut gaps = Vec::new();
    for (range, alignment) in parts {
        if range.end <= covered {
            continue;
        }
        if range.start > covered && range.start - covered >= alignment.min(LARGEST_ALIGNMENT) {
            gaps.push(covered..range.start);
        }
        covered = range.end;
    }
    // The last gap has nothing behind it to be aligned for.
    gaps.extend((covered < reach.size()).then(|| covered..reach.size()));
    for gap in gaps {
        let length = gap.end - gap.start;
        let is_padding = length <= LARGEST_GAP
            && reach.get(gap.start, length)?.is_some_and(|bytes| bytes.iter().all(|b| *b == 0));
        if !is_padding {
            return Ok(false);
        }
    }
    Ok(covered <= reach.size())
}

fn table_range(layout: &Layout) -> Option<Range<u64>> {
    let table = layout.sections?;
    let size = u64::from(table.count) * layout.words.pick(40, 64);
    Some(table.offset..table.offset.saturating_add(size))
}

/// What becomes zeros below the cut: sections that are not loaded, their headers, and the fields of the
/// file header that lead to them; never a byte that a program header names.
fn zeros(layout: &Layout, sections: &[Section], kept: &[Range<u64>], end: u64) -> Vec<Range<u64>> {
    let outside = sections
        .iter()
        .filter(|section| !section.is_loaded && section.size > 0)
        .map(|section| section.offset..section.offset.saturating_add(section.size))
        .chain(table_range(layout));
    let mut zeros: Vec<Range<u64>> = outside.flat_map(|range| without(range, kept)).collect();
    zeros.retain(|range| range.end <= end);
    // `e_shoff`, then `e_shnum` and `e_shstrndx`.
    let words = layout.words;
    zeros.push(words.pick(32..36, 40..48));
    zeros.push(words.pick(48..52, 60..64));
    joined(zeros)
}

/// The parts of a range that none of the others, which are ascending, touches.
fn without(range: Range<u64>, others: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut parts = Vec::new();
    let mut start = range.start;
    for other in others.iter().filter(|other| other.end > range.start && other.start < range.end) {
        if other.start > start {
            parts.push(start..other.start);
        }
        start = start.max(other.end);
    }
    if start < range.end {
        parts.push(start..range.end);
    }
    parts
}

struct CutFile {
    content: Content,
    plan: Plan,
}

impl ContentSource for CutFile {
    fn size(&self) -> u64 {
        self.plan.size
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let (inner, size) = (self.content.open()?, self.plan.size);
        Ok(Box::new(CutReader { inner, size, position: 0, zeros: &self.plan.zeros }))
    }

    fn identity(&self) -> Option<Digest> {
        let (original, plan) = (self.content.identity()?.to_string(), format!("{:?}", self.plan));
        Some(made_of("cut", &[original.as_bytes(), plan.as_bytes()]))
    }
}

/// Passes bytes on, some of them as zeros.
struct CutReader<'a, R> {
    inner: R,
    /// How many are passed on.
    size: u64,
    position: u64,
    /// Those that do not lie wholly before the position.
    zeros: &'a [Range<u64>],
}

impl<R: Read> Read for CutReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size - self.position).unwrap_or(usize::MAX);
        let most = left.min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let n = self.inner.read(&mut buffer[..most])?;
        let start = self.position;
        let end = start + n as u64;
        if end == self.size {
            // Whether the whole is what it claims to be, its source may know only at its end. Nobody
            // gets the last byte before that.
            io::copy(&mut self.inner, &mut io::sink())?;
        }
        // Both are within what was just read, so the difference is below the buffer's length.
        let at = |offset: u64| usize::try_from(offset.clamp(start, end) - start).unwrap_or(n);
        while let Some(range) = self.zeros.first().filter(|range| range.start < end) {
            buffer[at(range.start)..at(range.end)].fill(0);
            if range.end > end {
                break;
            }
            self.zeros = &self.zeros[1..];
        }
        self.position = end;
        Ok(n)
    }
}
