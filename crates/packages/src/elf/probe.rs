//! Feeds on a file as it passes by; see the module above for how and why.

use std::ops::Range;

use object::elf;

use super::facts::{self, ElfFacts};
use super::kept::{Kept, Window};
use super::landmarks::{LOOK_AHEAD, Layout, REACH_BACK, Search};
use super::raw::Segment;
use super::{go, raw};

/// A file of at most so many bytes is kept whole: no search, nothing unseen.
pub const WHOLE_LIMIT: u64 = 4 * 1024 * 1024;

/// Of a larger file, so many bytes from its beginning.
const BEGINNING: u64 = 1024 * 1024;
/// The file header, and the program headers that usually follow it.
const HEADERS: u64 = 4 * 1024;
/// Section tables and dynamic sections larger than this are not read: 65,535 sections, and more
/// libraries than a loader would open.
const SECTION_TABLE_LIMIT: u64 = 4 * 1024 * 1024;
const DYNAMIC_LIMIT: u64 = 64 * 1024;
const NAMES_LIMIT: u64 = 1024 * 1024;
/// Contents of single sections: Go's build information, cargo-auditable's list, compilers' names.
const CONTENT_LIMIT: u64 = 512 * 1024;
/// Names of libraries, and run paths, as long as a path can be.
const STRING_LIMIT: u64 = 4 * 1024;

/// How the window moves: pieces come in, and every so often landmarks are looked for.
const PIECE: usize = 64 * 1024;
const SCAN_EVERY: u64 = 256 * 1024;

/// Reads the facts of one ELF file from its bytes in order.
#[derive(Debug)]
pub struct ElfProbe {
    size: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The magic number has not arrived yet.
    Beginning(Vec<u8>),
    /// It is no ELF file.
    Refused,
    /// It may be one.
    Reading(Box<Reading>),
}

/// Whether a probe needs the rest of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Go on.
    More,
    /// It is no ELF file: what follows changes nothing.
    Done,
}

impl ElfProbe {
    /// A probe for a file of `size` bytes. Allocates nothing yet.
    pub fn new(size: u64) -> Self {
        Self { size, state: State::Beginning(Vec::new()) }
    }

    /// Takes the next bytes of the file, in order, in pieces of any size. Bytes beyond the size are
    /// ignored.
    pub fn feed(&mut self, bytes: &[u8]) -> Interest {
        match &mut self.state {
            State::Refused => return Interest::Done,
            State::Reading(reading) => {
                reading.feed(bytes);
                return Interest::More;
            }
            State::Beginning(seen) => {
                let missing = elf::ELFMAG.len().saturating_sub(seen.len());
                let (magic, rest) = bytes.split_at(missing.min(bytes.len()));
                seen.extend_from_slice(magic);
                if !elf::ELFMAG.starts_with(seen) {
                    self.state = State::Refused;
                    return Interest::Done;
                }
                if seen.len() == elf::ELFMAG.len() {
                    let mut reading = Box::new(Reading::new(self.size));
                    reading.feed(&elf::ELFMAG);
                    reading.feed(rest);
                    self.state = State::Reading(reading);
                }
            }
        }
        Interest::More
    }

    /// Bytes that are held now.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        match &self.state {
            State::Beginning(seen) => seen.len(),
            State::Refused => 0,
            State::Reading(reading) => {
                let window = reading.sliding.as_ref().map_or(0, |s| s.window.bytes.capacity());
                reading.kept.held() + window
            }
        }
    }

    /// The facts; `None` where the bytes were no ELF file that anything could load or link. A file
    /// that ended early gives what can be said of it.
    pub fn finish(self) -> Option<ElfFacts> {
        match self.state {
            State::Beginning(_) | State::Refused => None,
            State::Reading(reading) => reading.finish(),
        }
    }
}

/// What becomes possible once the file has passed by up to some offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Header,
    Segments,
    Dynamic,
    FirstSection,
    SectionTable,
    SectionNames,
}

#[derive(Debug)]
struct Reading {
    kept: Kept,
    /// `None` for a file that is kept whole.
    sliding: Option<Sliding>,
    position: u64,
    /// Steps to take, each when the position has reached its offset.
    steps: Vec<(u64, Step)>,
    layout: Layout,
}

#[derive(Debug)]
struct Sliding {
    window: Window,
    /// Landmarks were looked for up to here.
    scanned: u64,
    search: Search,
}

impl Reading {
    fn new(size: u64) -> Self {
        let mut kept = Kept::new(size);
        let whole = size <= WHOLE_LIMIT;
        let window = Window::default();
        kept.want(0..if whole { size } else { BEGINNING }, &window);
        let sliding = Sliding { window, scanned: 0, search: Search::new() };
        Self {
            kept,
            sliding: (!whole).then_some(sliding),
            position: 0,
            steps: vec![(HEADERS, Step::Header)],
            layout: Layout::Unknown,
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let room = usize::try_from(self.kept.size() - self.position).unwrap_or(usize::MAX);
        for piece in bytes[..bytes.len().min(room)].chunks(PIECE) {
            self.kept.arrive(self.position, piece);
            self.position += piece.len() as u64;
            if let Some(sliding) = &mut self.sliding {
                sliding.window.bytes.extend_from_slice(piece);
                self.take_steps();
                self.slide(LOOK_AHEAD);
            }
        }
    }

    fn finish(mut self) -> Option<ElfFacts> {
        if self.sliding.is_some() {
            self.take_steps();
            self.slide(0);
        }
        facts::read(&self.kept)
    }

    /// Looks for landmarks once enough has come in (or, without looking ahead, in all that is left),
    /// and forgets what no landmark can reach any more.
    fn slide(&mut self, look_ahead: u64) {
        let Some(sliding) = &mut self.sliding else { return };
        let until = self.position.saturating_sub(look_ahead);
        if look_ahead > 0 && until < sliding.scanned.saturating_add(SCAN_EVERY) {
            return;
        }
        let range = sliding.scanned..until.max(sliding.scanned);
        if sliding.search.scan(&range, &sliding.window, &self.layout, &mut self.kept) {
            want_strings_of_go(&mut self.kept, &sliding.window);
        }
        sliding.scanned = range.end;
        sliding.window.forget_before(range.end.saturating_sub(REACH_BACK));
    }

    /// Takes each step whose bytes are there; a step may ask for more and so put up another.
    fn take_steps(&mut self) {
        while let Some(due) = self.steps.iter().position(|(at, _)| *at <= self.position) {
            let (_, step) = self.steps.swap_remove(due);
            // What cannot be read is left out; the facts will say what that costs.
            let _unread: Option<()> = match step {
                Step::Header => self.after_header(),
                Step::Segments => self.after_segments(),
                Step::Dynamic => self.after_dynamic(),
                Step::FirstSection => self.after_first_section(),
                Step::SectionTable => self.after_section_table(),
                Step::SectionNames => self.after_section_names(),
            };
        }
    }

    /// Asks for a table and puts up the step that reads it.
    fn want_then(&mut self, (offset, size): (u64, u64), limit: u64, step: Step) {
        let end = offset.saturating_add(size);
        if size <= limit && self.want(offset..end) {
            self.steps.push((end.min(self.kept.size()), step));
        }
    }

    fn want(&mut self, range: Range<u64>) -> bool {
        match &self.sliding {
            Some(sliding) => self.kept.want(range, &sliding.window),
            None => false,
        }
    }

    fn after_header(&mut self) -> Option<()> {
        let header = raw::header(&self.kept)?;
        // 65,535 program headers of 56 bytes are within the same limit as sections.
        self.want_then(header.segments, SECTION_TABLE_LIMIT, Step::Segments);
        if let Some(first) = header.first_section {
            self.want_then(first, SECTION_TABLE_LIMIT, Step::FirstSection);
        }
        if header.segments.0 > self.position
            && let Some(former) = raw::former_segments(&self.kept)
        {
            self.expect_layout(&former);
        }
        Some(())
    }

    fn after_segments(&mut self) -> Option<()> {
        let segments = raw::segments(&self.kept)?;
        self.expect_layout(&segments);
        Some(())
    }

    /// Where things are, or, by program headers that were superseded, where most of them still are.
    fn expect_layout(&mut self, segments: &[Segment]) {
        self.layout = Layout::of(segments, go::has_note(&self.kept, segments));
        let of_kind = |kind| segments.iter().find(|segment| segment.kind == kind);
        if let Some(dynamic) = of_kind(elf::PT_DYNAMIC) {
            self.want_then((dynamic.offset, dynamic.size), DYNAMIC_LIMIT, Step::Dynamic);
        }
        if let Some(interpreter) = of_kind(elf::PT_INTERP) {
            let start = interpreter.offset;
            self.want(start..start.saturating_add(STRING_LIMIT));
        }
    }

    fn after_dynamic(&mut self) -> Option<()> {
        for offset in facts::dynamic_strings(&self.kept)? {
            self.want(offset..offset.saturating_add(STRING_LIMIT));
        }
        Some(())
    }

    fn after_first_section(&mut self) -> Option<()> {
        let table = raw::section_table(&self.kept)?;
        self.want_then(table, SECTION_TABLE_LIMIT, Step::SectionTable);
        Some(())
    }

    fn after_section_table(&mut self) -> Option<()> {
        let names = raw::section_names(&self.kept)?;
        self.want_then(names, NAMES_LIMIT, Step::SectionNames);
        Some(())
    }

    fn after_section_names(&mut self) -> Option<()> {
        for section in raw::sections(&self.kept)? {
            let is_read =
                [".comment", ".dep-v0", ".go.buildinfo"].iter().any(|n| section.is_named(n));
            if is_read && section.size <= CONTENT_LIMIT {
                self.want(section.file_range()?);
            }
        }
        Some(())
    }
}

/// Build information of before Go 1.18 points to two string headers, which usually follow it.
fn want_strings_of_go(kept: &mut Kept, window: &Window) {
    let Some(segments) = raw::segments(kept) else { return };
    for offset in go::string_headers(kept, &segments) {
        kept.want(offset..offset.saturating_add(16), window);
    }
}
