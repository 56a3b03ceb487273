//! The structures of the format, brought from their four layouts (two classes, two byte orders) to
//! one. Each function reads from what was kept, so each can be called again when more has arrived.

use std::ops::Range;

use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _, SectionHeader as _};
use object::{Endian as _, Endianness, ReadRef as _, elf};

use super::kept::Kept;

type Header32 = elf::FileHeader32<Endianness>;
type Header64 = elf::FileHeader64<Endianness>;

/// More program headers than any program has (memory dumps do, and have nothing that we read); and
/// more of a section's name than any that we know.
const MOST_SEGMENTS: usize = 1024;
const LONGEST_NAME: usize = 64;

/// Calls a function that is generic over the class of the file.
macro_rules! by_class {
    ($function:ident($kept:expr)) => {
        match $kept.get(4, 1) {
            Some([1]) => $function::<Header32>($kept),
            Some([2]) => $function::<Header64>($kept),
            _ => None,
        }
    };
}

/// The file header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) is_64: bool,
    pub(super) is_big_endian: bool,
    pub(super) kind: u16,
    pub(super) machine: u16,
    /// Where the program headers lie.
    pub(super) segments: (u64, u64),
    /// Where the first section header lies; `None` without a section table.
    pub(super) first_section: Option<(u64, u64)>,
}

/// A program header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub(super) kind: elf::ProgramType,
    pub(super) writable: bool,
    pub(super) executable: bool,
    pub(super) offset: u64,
    pub(super) address: u64,
    /// Bytes in the file.
    pub(super) size: u64,
}

/// A section header.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// Its name, cut after [`LONGEST_NAME`] bytes; `None` if the table of names was not kept.
    pub(super) name: Option<Vec<u8>>,
    pub(super) kind: elf::SectionType,
    /// Whether it is in memory when the program runs.
    pub(super) is_loaded: bool,
    pub(super) offset: u64,
    /// Bytes, in the file unless `kind` says that it has none there.
    pub(super) size: u64,
}

impl Section {
    /// The bytes it has in the file.
    pub(super) fn file_range(&self) -> Option<Range<u64>> {
        let has_bytes = self.kind != elf::SHT_NOBITS && self.kind != elf::SHT_NULL;
        has_bytes.then(|| self.offset..self.offset.saturating_add(self.size))
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name.as_bytes())
    }
}

pub(super) fn header(kept: &Kept) -> Option<Header> {
    by_class!(read_header(kept))
}

pub(super) fn segments(kept: &Kept) -> Option<Vec<Segment>> {
    by_class!(read_segments(kept))
}

/// Program headers at their usual place right behind the file header, where a tool that optimises
/// finished binaries left them when it wrote larger ones further on. Stale, so good for hints only;
/// `None` unless they say themselves that this is their place.
pub(super) fn former_segments(kept: &Kept) -> Option<Vec<Segment>> {
    by_class!(read_former_segments(kept))
}

/// Offset and size of the section table; the first section header must be there, since it can hold
/// the number of the others.
pub(super) fn section_table(kept: &Kept) -> Option<(u64, u64)> {
    by_class!(read_section_table(kept))
}

/// Offset and size of the table of section names.
pub(super) fn section_names(kept: &Kept) -> Option<(u64, u64)> {
    by_class!(read_section_names(kept))
}

pub(super) fn sections(kept: &Kept) -> Option<Vec<Section>> {
    by_class!(read_sections(kept))
}

/// Tags and values of the dynamic section, up to its end marker. `Some` and empty for a file without
/// one.
pub(super) fn dynamic(kept: &Kept) -> Option<Vec<(elf::DynamicTag, u64)>> {
    by_class!(read_dynamic(kept))
}

/// Where in the file the byte lies that is loaded at `address`.
pub(super) fn offset_of(segments: &[Segment], address: u64) -> Option<u64> {
    segments.iter().filter(|segment| segment.kind == elf::PT_LOAD).find_map(|segment| {
        let inside = address.checked_sub(segment.address).filter(|at| *at < segment.size)?;
        segment.offset.checked_add(inside)
    })
}

fn parse<H: FileHeader<Endian = Endianness>>(kept: &Kept) -> Option<(&H, Endianness)> {
    let header = H::parse(kept).ok()?;
    let endian = header.endian().ok()?;
    Some((header, endian))
}

fn read_header<H: FileHeader<Endian = Endianness>>(kept: &Kept) -> Option<Header> {
    let (header, endian) = parse::<H>(kept)?;
    let segments = u64::from(header.e_phnum(endian)) * u64::from(header.e_phentsize(endian));
    let sections: u64 = header.e_shoff(endian).into();
    Some(Header {
        is_64: header.is_class_64(),
        is_big_endian: endian.is_big_endian(),
        kind: header.e_type(endian).0,
        machine: header.e_machine(endian).0,
        segments: (header.e_phoff(endian).into(), segments),
        first_section: (sections != 0).then(|| (sections, header.e_shentsize(endian).into())),
    })
}

fn read_segments<H: FileHeader<Endian = Endianness>>(kept: &Kept) -> Option<Vec<Segment>> {
    let (header, endian) = parse::<H>(kept)?;
    let headers = header.program_headers(endian, kept).ok()?;
    if headers.len() > MOST_SEGMENTS {
        return None;
    }
    Some(headers.iter().map(|segment| convert::<H>(segment, endian)).collect())
}

fn read_former_segments<H: FileHeader<Endian = Endianness>>(kept: &Kept) -> Option<Vec<Segment>> {
    let (header, endian) = parse::<H>(kept)?;
    let offset = u64::from(header.e_ehsize(endian));
    let first: &H::ProgramHeader = kept.read_at(offset).ok()?;
    let table = convert::<H>(first, endian);
    if table.kind != elf::PT_PHDR || table.offset != offset {
        return None;
    }
    let count = usize::try_from(table.size).ok()? / size_of::<H::ProgramHeader>();
    if count > MOST_SEGMENTS {
        return None;
    }
    let headers: &[H::ProgramHeader] = kept.read_slice_at(offset, count).ok()?;
    Some(headers.iter().map(|segment| convert::<H>(segment, endian)).collect())
}

fn convert<H: FileHeader<Endian = Endianness>>(
    segment: &H::ProgramHeader,
    endian: Endianness,
) -> Segment {
    let (offset, size) = segment.file_range(endian);
    Segment {
        kind: segment.p_type(endian),
        writable: segment.p_flags(endian).contains(elf::PF_W),
        executable: segment.p_flags(endian).contains(elf::PF_X),
        offset,
        address: segment.p_vaddr(endian).into(),
        size,
    }
}

fn read_section_table<H: FileHeader<Endian = Endianness>>(kept: &Kept) -> Option<(u64, u64)> {
    let (header, endian) = parse::<H>(kept)?;
    let count = u64::from(header.shnum(endian, kept).ok()?);
    Some((header.e_shoff(endian).into(), count * u64::from(header.e_shentsize(endian))))
}

fn read_section_names<H: FileHeader<Endian = Endianness>>(kept: &Kept) -> Option<(u64, u64)> {
    let (header, endian) = parse::<H>(kept)?;
    let table = header.section_headers(endian, kept).ok()?;
    let index = header.section_strings_index(endian, kept).ok()?;
    table.get(index.0)?.file_range(endian)
}

fn read_sections<H: FileHeader<Endian = Endianness>>(kept: &Kept) -> Option<Vec<Section>> {
    let (header, endian) = parse::<H>(kept)?;
    let table = header.section_headers(endian, kept).ok()?;
    // The whole table at once: looking for the end of each name in a table without ends would take
    // time without end.
    let names = read_section_names::<H>(kept).and_then(|(offset, size)| kept.get(offset, size));
    let name_at = |offset: u32| {
        let name = names?.get(usize::try_from(offset).ok()?..)?;
        let name = &name[..name.len().min(LONGEST_NAME)];
        Some(name.split(|b| *b == 0).next().unwrap_or_default().to_vec())
    };
    let sections = table.iter().map(|section| Section {
        name: name_at(section.sh_name(endian)),
        kind: section.sh_type(endian),
        is_loaded: section.sh_flags(endian).contains(elf::SHF_ALLOC),
        offset: section.sh_offset(endian).into(),
        size: section.sh_size(endian).into(),
    });
    Some(sections.collect())
}

fn read_dynamic<H: FileHeader<Endian = Endianness>>(
    kept: &Kept,
) -> Option<Vec<(elf::DynamicTag, u64)>> {
    let (header, endian) = parse::<H>(kept)?;
    for segment in header.program_headers(endian, kept).ok()? {
        if let Some(entries) = segment.dynamic(endian, kept).ok()? {
            let entries =
                entries.iter().map(|entry| (entry.d_tag(endian), entry.d_val(endian).into()));
            return Some(entries.take_while(|(tag, _)| *tag != elf::DT_NULL).collect());
        }
    }
    Some(Vec::new())
}
