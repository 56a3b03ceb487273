//! Headers of an ELF file, by which both what it needs and what can be cut is found
//! (*System V gABI 4.1, ELF Header, Program Header, Sections*): both classes, both byte orders.

use object::elf;

use super::reach::Reach;
use super::{ByteOrder, Class, ElfError, Kind, Machine};

/// More program headers than any program has.
const MOST_SEGMENTS: u16 = 1024;
/// More sections than any linked file has. Object files compiled with a section for each function have
/// more; nobody loads them.
const MOST_SECTIONS: u16 = 0xfeff;

/// How numbers are written in this file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    pub(super) class: Class,
    pub(super) order: ByteOrder,
}

impl Words {
    pub(super) fn half(self, bytes: &[u8], at: usize) -> Option<u16> {
        let two = bytes.get(at..)?.first_chunk::<2>()?;
        Some(match self.order {
            ByteOrder::Little => u16::from_le_bytes(*two),
            ByteOrder::Big => u16::from_be_bytes(*two),
        })
    }

    pub(super) fn word(self, bytes: &[u8], at: usize) -> Option<u32> {
        let four = bytes.get(at..)?.first_chunk::<4>()?;
        Some(match self.order {
            ByteOrder::Little => u32::from_le_bytes(*four),
            ByteOrder::Big => u32::from_be_bytes(*four),
        })
    }

    fn long(self, bytes: &[u8], at: usize) -> Option<u64> {
        let eight = bytes.get(at..)?.first_chunk::<8>()?;
        Some(match self.order {
            ByteOrder::Little => u64::from_le_bytes(*eight),
            ByteOrder::Big => u64::from_be_bytes(*eight),
        })
    }

    /// A number as wide as an address.
    pub(super) fn address(self, bytes: &[u8], at: usize) -> Option<u64> {
        match self.class {
            Class::Elf32 => self.word(bytes, at).map(u64::from),
            Class::Elf64 => self.long(bytes, at),
        }
    }

    /// One of two, by class.
    pub(super) fn pick<T>(self, of_32: T, of_64: T) -> T {
        match self.class {
            Class::Elf32 => of_32,
            Class::Elf64 => of_64,
        }
    }
}

/// The file header and the program headers.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) words: Words,
    pub(super) kind: Kind,
    pub(super) machine: Machine,
    /// Bytes of the file header.
    pub(super) header_size: u64,
    /// Where the program headers lie: offset and size.
    pub(super) segment_table: (u64, u64),
    pub(super) segments: Vec<Segment>,
    /// Where the section headers lie; `None` without any.
    pub(super) sections: Option<SectionTable>,
}

/// Where section headers lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct SectionTable {
    pub(super) offset: u64,
    pub(super) count: u16,
    /// The section that has the names.
    pub(super) names: u16,
}

/// A program header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub(super) kind: elf::ProgramType,
    pub(super) offset: u64,
    pub(super) address: u64,
    /// Bytes in the file.
    pub(super) size: u64,
}

impl Segment {
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }
}

/// A section header.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) name: Vec<u8>,
    pub(super) is_loaded: bool,
    pub(super) offset: u64,
    /// Bytes in the file.
    pub(super) size: u64,
    /// Its offset is a multiple of this.
    pub(super) alignment: u64,
}

impl Layout {
    /// Reads the headers; `None` for what is no ELF file.
    pub(super) fn read(reach: &mut Reach<'_>) -> Result<Option<Self>, ElfError> {
        let head = reach.up_to(0, 64)?.to_vec();
        let Some(words) = words(&head) else { return Ok(None) };
        let mut layout = header(words, &head)
            .ok_or(ElfError::Broken("its header is cut or contradicts itself"))?;
        let (offset, size) = layout.segment_table;
        let table =
            reach.get(offset, size)?.ok_or(ElfError::Broken("its program headers are cut"))?;
        let step = words.pick(32, 56);
        layout.segments = table.chunks_exact(step).filter_map(|one| segment(words, one)).collect();
        Ok(Some(layout))
    }

    /// Where in the file the byte lies that is loaded at `address`, and how many are loaded from there on. Nothing
    /// but a loader has business in the file's header, which is loaded as well, and which a cut changes.
    pub(super) fn loaded_at(&self, address: u64) -> Option<(u64, u64)> {
        self.loads().find_map(|segment| {
            let inside = address.checked_sub(segment.address).filter(|at| *at < segment.size)?;
            let offset = segment.offset.checked_add(inside)?;
            (offset >= self.header_size).then_some((offset, segment.size - inside))
        })
    }

    /// What is loaded into memory.
    pub(super) fn loads(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|segment| segment.kind == elf::PT_LOAD)
    }

    /// The section headers with their names; `None` where there are none that can be trusted.
    pub(super) fn read_sections(
        &self,
        reach: &mut Reach<'_>,
    ) -> Result<Option<Vec<Section>>, ElfError> {
        let Some(table) = self.sections else { return Ok(None) };
        let step = self.words.pick(40, 64);
        let size = u64::from(table.count) * step;
        let Some(bytes) = reach.get(table.offset, size)? else { return Ok(None) };
        let bytes = bytes.to_vec();
        let mut raw = Vec::with_capacity(usize::from(table.count));
        for one in bytes.chunks_exact(self.words.pick(40, 64)) {
            let Some(section) = section(self.words, one) else { return Ok(None) };
            raw.push(section);
        }
        let Some((_, names)) = raw.get(usize::from(table.names)) else { return Ok(None) };
        let Some(names) = reach.get(names.offset, names.size)? else { return Ok(None) };
        let with_names = raw.into_iter().map(|(name, section)| {
            let rest = names.get(usize::try_from(name).ok()?..)?;
            let rest = &rest[..rest.len().min(LONGEST_NAME)];
            let name = rest[..memchr::memchr(0, rest)?].to_vec();
            Some(Section { name, ..section })
        });
        Ok(with_names.collect())
    }
}

/// The longest name of a section that we know is shorter; what is longer is none of them.
const LONGEST_NAME: usize = 256;

fn words(head: &[u8]) -> Option<Words> {
    if !head.starts_with(b"\x7fELF") {
        return None;
    }
    let class = match head.get(4)? {
        1 => Class::Elf32,
        2 => Class::Elf64,
        _ => return None,
    };
    let order = match head.get(5)? {
        1 => ByteOrder::Little,
        2 => ByteOrder::Big,
        _ => return None,
    };
    Some(Words { class, order })
}

fn header(words: Words, head: &[u8]) -> Option<Layout> {
    let sizes = words.pick(40, 52);
    let half = |n: usize| words.half(head, sizes + 2 * n);
    let (segment_size, segments) = (half(1)?, half(2)?);
    let (section_size, sections, names) = (half(3)?, half(4)?, half(5)?);
    let first_segment = words.address(head, words.pick(28, 32))?;
    let first_section = words.address(head, words.pick(32, 40))?;
    if segments > MOST_SEGMENTS || (segments > 0 && segment_size != words.pick(32, 56)) {
        return None;
    }
    // With no number or 0xffff the real one is in the first section; no linker needs that for what is
    // loaded.
    let trusted = first_section != 0
        && (1..=MOST_SECTIONS).contains(&sections)
        && section_size == words.pick(40, 64);
    Some(Layout {
        words,
        kind: kind(words.half(head, 16)?),
        machine: Machine(words.half(head, 18)?),
        // Not `e_ehsize`, which no loader looks at.
        header_size: words.pick(52, 64),
        segment_table: (first_segment, u64::from(segments) * u64::from(segment_size)),
        segments: Vec::new(),
        sections: trusted.then_some(SectionTable { offset: first_section, count: sections, names }),
    })
}

fn kind(kind: u16) -> Kind {
    match elf::FileType(kind) {
        elf::ET_REL => Kind::Relocatable,
        elf::ET_EXEC => Kind::Executable,
        elf::ET_DYN => Kind::Dynamic,
        _ => Kind::Other,
    }
}

fn segment(words: Words, bytes: &[u8]) -> Option<Segment> {
    Some(Segment {
        kind: elf::ProgramType(words.word(bytes, 0)?),
        offset: words.address(bytes, words.pick(4, 8))?,
        address: words.address(bytes, words.pick(8, 16))?,
        size: words.address(bytes, words.pick(16, 32))?,
    })
}

/// Where its name is in the table of names, and the rest.
fn section(words: Words, bytes: &[u8]) -> Option<(u32, Section)> {
    let kind = elf::SectionType(words.word(bytes, 4)?);
    let has_bytes = kind != elf::SHT_NOBITS && kind != elf::SHT_NULL;
    let flags = words.address(bytes, 8)?;
    let size = words.address(bytes, words.pick(20, 32))?;
    let section = Section {
        name: Vec::new(),
        is_loaded: flags & 2 != 0, // SHF_ALLOC
        offset: words.address(bytes, words.pick(16, 24))?,
        size: if has_bytes { size } else { 0 },
        alignment: words.address(bytes, words.pick(32, 48))?,
    };
    Some((words.word(bytes, 0)?, section))
}
