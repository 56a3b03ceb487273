//! How many bytes of a file are there for debuggers and linkers only.

use std::ops::Range;

use object::elf;

use super::facts::SectionFacts;
use super::landmarks::joined;
use super::raw::Section;

/// What the section table says, or `None` where it or its names were not kept.
pub(super) fn section_facts(sections: &[Section], size: u64) -> Option<SectionFacts> {
    // The first header stands for no section; a table whose other entries have no names was not
    // understood.
    let named = sections.iter().skip(1).all(|section| section.name.is_some());
    if !named {
        return None;
    }
    let bytes_of = |wanted: fn(&Section) -> bool| {
        let ranges = sections.iter().filter(|s| wanted(s)).filter_map(Section::file_range);
        distinct_bytes(ranges, size)
    };
    Some(SectionFacts {
        count: sections.len(),
        debug_bytes: bytes_of(is_debug).into(),
        symbol_bytes: bytes_of(is_symbols).into(),
        is_stripped: !sections.iter().any(|section| section.kind == elf::SHT_SYMTAB),
        has_debug_link: sections.iter().any(|section| section.is_named(".gnu_debuglink")),
    })
}

/// What `strip --strip-debug` takes away by name: sections that are not in memory when the program
/// runs. `.debug_gdb_scripts` is in memory, so it stays.
fn is_debug(section: &Section) -> bool {
    const PREFIXES: [&[u8]; 4] = [b".debug", b".zdebug", b".stab", b".gnu.debuglto_"];
    let name = section.name.as_deref().unwrap_or_default();
    !section.is_loaded
        && (name == b".gdb_index" || PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
}

/// The full symbol table and its names.
fn is_symbols(section: &Section) -> bool {
    !section.is_loaded && (section.kind == elf::SHT_SYMTAB || section.is_named(".strtab"))
}

/// Each byte of the file once, also where a hostile table lets sections overlap or end behind it.
fn distinct_bytes(ranges: impl Iterator<Item = Range<u64>>, size: u64) -> u64 {
    let inside = ranges.map(|range| range.start.min(size)..range.end.min(size));
    joined(inside.collect()).iter().map(|range| range.end - range.start).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(name: &str, kind: elf::SectionType, offset: u64, size: u64) -> Section {
        Section { name: Some(name.into()), kind, is_loaded: false, offset, size }
    }

    #[test]
    fn overlapping_and_endless_sections_count_once_and_end_with_the_file() {
        let mut scripts = section(".debug_gdb_scripts", elf::SHT_PROGBITS, 0, 10);
        scripts.is_loaded = true;
        let sections = [
            section("", elf::SHT_NULL, 0, 0),
            scripts,
            section(".debug_info", elf::SHT_PROGBITS, 100, 50),
            section(".zdebug_line", elf::SHT_PROGBITS, 120, 50),
            section(".debug_str", elf::SHT_PROGBITS, 190, u64::MAX),
            section(".debug_empty", elf::SHT_NOBITS, 0, 1000),
            section(".strtab", elf::SHT_STRTAB, 10, 5),
        ];
        let facts = section_facts(&sections, 200).unwrap();
        assert_eq!(facts.debug_bytes.bytes(), 70 + 10);
        assert_eq!(facts.symbol_bytes.bytes(), 5);
        assert!(facts.is_stripped);
        let mut nameless = sections.to_vec();
        nameless[2].name = None;
        assert!(section_facts(&nameless, 200).is_none());
    }
}
