//! Made-up files of every layout that gave us trouble, and lies.

use std::io;

use super::*;
use crate::parcel::{Content, ContentSource};
use crate::{golang, rust};

/// A little-endian 64-bit file, put together from pieces at chosen offsets.
struct Fake {
    bytes: Vec<u8>,
    segments: Vec<[u64; 5]>,
    sections: Vec<(&'static str, u32, u64, u64, u64)>,
}

const LOAD: u64 = 1;
const DYNAMIC: u64 = 2;
const NOTE: u64 = 4;
const READ: u64 = 4;
const WRITE: u64 = 6;
const PROGBITS: u32 = 1;
const SYMTAB: u32 = 2;
const STRTAB: u32 = 3;
const ALLOC: u64 = 2;

/// What the loader adds to offsets.
const BASE: u64 = 0x40_0000;

impl Fake {
    fn new(size: usize) -> Self {
        // Not zero, so that strings end only where they are made to.
        Self { bytes: vec![b'.'; size], segments: Vec::new(), sections: vec![("", 0, 0, 0, 0)] }
    }

    fn put(&mut self, offset: u64, bytes: &[u8]) -> &mut Self {
        let at = usize::try_from(offset).unwrap();
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    fn segment(&mut self, kind: u64, flags: u64, offset: u64, size: u64) -> &mut Self {
        self.segments.push([kind, flags, offset, offset + BASE, size]);
        self
    }

    fn section(
        &mut self,
        name: &'static str,
        kind: u32,
        flags: u64,
        offset: u64,
        size: u64,
    ) -> &mut Self {
        self.sections.push((name, kind, flags, offset, size));
        self
    }

    /// Writes headers and section names at the offsets given; the section table goes to `table`.
    fn finish(&mut self, names_at: u64, table: u64) -> Vec<u8> {
        let mut names = Vec::new();
        let mut headers = Vec::new();
        let total: usize =
            self.sections.iter().map(|s| s.0.len() + 1).sum::<usize>() + ".shstrtab".len() + 1;
        self.section(".shstrtab", STRTAB, 0, names_at, total as u64);
        for (name, kind, flags, offset, size) in self.sections.clone() {
            let at = u32::try_from(names.len()).unwrap();
            names.extend_from_slice(name.as_bytes());
            names.push(0);
            headers.extend_from_slice(&at.to_le_bytes());
            headers.extend_from_slice(&kind.to_le_bytes());
            for word in [flags, 0, offset, size, 0, 1, 0] {
                headers.extend_from_slice(&word.to_le_bytes());
            }
        }
        let count = u16::try_from(self.sections.len()).unwrap();
        self.put(names_at, &names).put(table, &headers);
        let mut header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        header.extend_from_slice(&3u16.to_le_bytes());
        header.extend_from_slice(&62u16.to_le_bytes());
        header.extend_from_slice(&1u32.to_le_bytes());
        for word in [0, 64, table] {
            header.extend_from_slice(&word.to_le_bytes());
        }
        header.extend_from_slice(&0u32.to_le_bytes());
        for half in [64, 56, u16::try_from(self.segments.len()).unwrap(), 64, count, count - 1] {
            header.extend_from_slice(&half.to_le_bytes());
        }
        for [kind, flags, offset, address, size] in &self.segments {
            header.extend_from_slice(&u32::try_from(*kind).unwrap().to_le_bytes());
            header.extend_from_slice(&u32::try_from(*flags).unwrap().to_le_bytes());
            for word in [offset, address, address, size, size, &1] {
                header.extend_from_slice(&word.to_le_bytes());
            }
        }
        self.put(0, &header);
        std::mem::take(&mut self.bytes)
    }
}

fn feed(bytes: &[u8], piece: usize) -> Option<ElfFacts> {
    let mut probe = ElfProbe::new(bytes.len() as u64);
    for piece in bytes.chunks(piece) {
        probe.feed(piece);
    }
    probe.finish()
}

/// The facts, which must not depend on how the bytes arrive.
fn facts(bytes: &[u8]) -> ElfFacts {
    let facts = feed(bytes, 1 << 20).unwrap();
    assert_eq!(feed(bytes, 4_093).unwrap(), facts);
    assert_eq!(feed(bytes, bytes.len()).unwrap(), facts);
    facts
}

fn known(facts: &ElfFacts) -> &SectionFacts {
    match &facts.sections {
        Sections::Known(known) => known,
        other => panic!("{other:?}"),
    }
}

const MIB: u64 = 1 << 20;

/// As LLVM's linker lays out: the names of sections before a large `.strtab`.
#[test]
fn section_names_far_before_the_section_table() {
    let mut fake = Fake::new(12 << 20);
    fake.segment(LOAD, READ, 0, 3 * MIB)
        .section(".debug_info", PROGBITS, 0, 4 * MIB, MIB + 1)
        .section(".debug_gdb_scripts", PROGBITS, ALLOC, MIB, 34)
        .section(".symtab", SYMTAB, 0, 6 * MIB, MIB)
        .section(".strtab", STRTAB, 0, 8 * MIB, 3 * MIB);
    let facts = facts(&fake.finish(7 * MIB + 500, 11 * MIB + 8));
    let sections = known(&facts);
    assert_eq!(sections.debug_bytes.bytes(), MIB + 1);
    assert_eq!(sections.symbol_bytes.bytes(), 4 * MIB);
    assert!(!sections.is_stripped);
    assert_eq!(facts.linking, Linking::Static);
}

/// As patchelf leaves it: a segment behind the sections that are not loaded.
#[test]
fn section_names_between_two_segments() {
    let mut fake = Fake::new(9 << 20);
    fake.segment(LOAD, READ, 0, 5 * MIB).segment(LOAD, WRITE, 6 * MIB, 2 * MIB).section(
        ".debug_str",
        PROGBITS,
        0,
        5 * MIB,
        10,
    );
    let facts = facts(&fake.finish(5 * MIB + 77, 9 * MIB - 1000));
    assert_eq!(known(&facts).debug_bytes.bytes(), 10);
}

/// As Go lays out: the section table in front, the names behind.
#[test]
fn section_names_far_behind_the_section_table() {
    let mut fake = Fake::new(9 << 20);
    fake.segment(LOAD, READ, 0, 5 * MIB).section(".zdebug_line", PROGBITS, 0, 6 * MIB, 7);
    let facts = facts(&fake.finish(9 * MIB - 300, 1000));
    assert_eq!(known(&facts).debug_bytes.bytes(), 7);
}

fn dynamic_section(table: u64, entries: &[(u64, u64)]) -> Vec<u8> {
    let mut section = Vec::new();
    for (tag, value) in entries.iter().chain(&[(5, table + BASE), (0, 0), (1, 12345)]) {
        section.extend_from_slice(&tag.to_le_bytes());
        section.extend_from_slice(&value.to_le_bytes());
    }
    section
}

#[test]
fn libraries_named_long_before_or_after_the_dynamic_section() {
    // Strings end up in the past, beyond the beginning that is kept; or behind the dynamic section.
    for table in [3 * MIB, 6 * MIB] {
        let mut fake = Fake::new(8 << 20);
        let strings = b"\0libm.so.6\0$ORIGIN/../lib\0libself.so\0";
        let section = dynamic_section(table, &[(1, 1), (29, 11), (14, 26), (15, 30)]);
        fake.put(table, strings).put(5 * MIB, &section).segment(LOAD, WRITE, 0, 7 * MIB).segment(
            DYNAMIC,
            WRITE,
            5 * MIB,
            section.len() as u64,
        );
        let facts = facts(&fake.finish(7 * MIB + 1, 8 * MIB - 1000));
        let Linking::Dynamic(dynamic) = facts.linking else { panic!("{table}") };
        assert_eq!(dynamic.needed, ["libm.so.6"]);
        assert_eq!(dynamic.soname.as_deref(), Some("libself.so"));
        assert_eq!(dynamic.run_path.as_deref(), Some("$ORIGIN/../lib"));
    }
}

#[test]
fn a_library_without_a_usual_name_out_of_reach_is_unread_not_forgotten() {
    let mut fake = Fake::new(8 << 20);
    let section = dynamic_section(3 * MIB, &[(1, 1)]);
    fake.put(3 * MIB, b"\0odd\0").put(5 * MIB, &section).segment(LOAD, WRITE, 0, 7 * MIB).segment(
        DYNAMIC,
        WRITE,
        5 * MIB,
        section.len() as u64,
    );
    assert_eq!(facts(&fake.finish(7 * MIB + 1, 8 * MIB - 1000)).linking, Linking::Unread);
}

fn framed(modules: &str) -> Vec<u8> {
    [
        &b"0w\xaf\x0c\x92t\x08\x02A\xe1\xc1\x07\xe6\xd6\x18\xe6"[..],
        modules.as_bytes(),
        b"\xf92C1\x86\x18 r\x00\x82B\x10A\x16\xd8\xf2",
    ]
    .concat()
}

const MODULES: &str = "path\texample.org/app\nmod\texample.org/app\tv1.2.3\t\n";

#[test]
fn go_build_information_with_its_strings_behind_it() {
    let modules = framed(MODULES);
    let mut info = b"\xff Go buildinf:\x08\x02".to_vec();
    info.resize(32, 0);
    info.push(8);
    info.extend_from_slice(b"go1.22.1");
    info.extend_from_slice(&[u8::try_from(modules.len() & 0x7f).unwrap() | 0x80, 0]);
    let continued = info.len() - 1;
    info[continued] = u8::try_from(modules.len() >> 7).unwrap();
    info.extend_from_slice(&modules);
    for (size, at) in [(1u64 << 20, 0x8000), (9 << 20, 5 * MIB)] {
        let mut fake = Fake::new(usize::try_from(size).unwrap());
        fake.put(at, &info)
            .segment(LOAD, READ, 0, at - 16)
            .segment(LOAD, WRITE, at - 16, 0x4000)
            .section(".go.buildinfo", PROGBITS, ALLOC, at, info.len() as u64);
        let with_sections = fake.finish(size - 500, size - 1000 + 256);
        let go = facts(&with_sections).go.unwrap();
        assert_eq!(go.version.as_deref(), Some("go1.22.1"));
        assert_eq!(golang::parse_module_info(&go.modules).main.unwrap().version, "v1.2.3");
        // Without sections: found by its magic number.
        let mut without = with_sections;
        without[40..48].fill(0);
        without[60..62].fill(0);
        let facts = facts(&without);
        assert_eq!(facts.go, Some(go));
        assert_eq!(facts.sections, Sections::Absent);
    }
}

/// The layout of before Go 1.18, in a file too large to be kept.
#[test]
fn go_build_information_with_pointers() {
    let modules = framed(MODULES);
    let (text, data) = (2 * MIB, 6 * MIB);
    let word = |value: u64| value.to_le_bytes();
    let headers = data + 0x5000;
    let mut info = b"\xff Go buildinf:\x08\0".to_vec();
    info.extend_from_slice(&word(BASE + headers));
    info.extend_from_slice(&word(BASE + headers + 16));
    let strings = [word(BASE + text), word(8), word(BASE + text + 100), word(modules.len() as u64)];
    let mut fake = Fake::new(8 << 20);
    fake.put(text, b"go1.17.5")
        .put(text + 100, &modules)
        .put(data, &info)
        .put(headers, &strings.concat())
        .put(4000, b"\x04\0\0\0\x04\0\0\0\x04\0\0\0Go\0\0")
        .segment(NOTE, READ, 4000, 20)
        .segment(LOAD, READ, 0, 5 * MIB)
        .segment(LOAD, WRITE, data - 16, MIB)
        .section(".go.buildinfo", PROGBITS, ALLOC, data, info.len() as u64);
    let go = facts(&fake.finish(8 * MIB - 1000, 8 * MIB - 500)).go.unwrap();
    assert_eq!(go.version.as_deref(), Some("go1.17.5"));
    assert_eq!(go.modules, MODULES);
}

#[test]
fn a_list_of_crates_between_debug_information_and_symbols() {
    use std::io::Write as _;
    let json = br#"{"packages":[{"name":"app","version":"1.0.0","source":"local","root":true}]}"#;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(7));
    encoder.write_all(json).unwrap();
    let list = encoder.finish().unwrap();
    let size = list.len() as u64;
    let comment = b"GCC: 12\0rustc version 1.82.0 (x)\0";
    let mut fake = Fake::new(12 << 20);
    fake.put(4 * MIB + 9, comment)
        .put(7 * MIB + 5, &list)
        // Looks like the beginning of such a list, and is none.
        .put(6 * MIB, b"x\x9cx\xdax\x01x\x5exx")
        .segment(LOAD, READ, 0, 3 * MIB)
        .section(".comment", PROGBITS, 0, 4 * MIB + 9, comment.len() as u64)
        .section(".debug_info", PROGBITS, 0, 5 * MIB, 2 * MIB)
        .section(".dep-v0", PROGBITS, 0, 7 * MIB + 5, size)
        .section(".symtab", SYMTAB, 0, 8 * MIB, 3 * MIB);
    let build = facts(&fake.finish(11 * MIB + 1, 12 * MIB - 1000)).rust.unwrap();
    assert_eq!(build.compiler.as_deref(), Some("rustc version 1.82.0 (x)"));
    let list = build.dependencies.unwrap();
    assert_eq!(list.size.bytes(), size);
    assert_eq!(rust::parse_dependency_list(&list.content.unwrap()).unwrap()[0].name, "app");
}

#[test]
fn more_sections_than_the_header_can_count() {
    let mut fake = Fake::new(9 << 20);
    fake.segment(LOAD, READ, 0, 4096).section(".debug_x", PROGBITS, 0, 8 * MIB, 3);
    let table = usize::try_from(5 * MIB).unwrap();
    let mut bytes = fake.finish(8 * MIB + 100, 5 * MIB);
    // The number and the index of the names move to the first section header.
    bytes[60..64].copy_from_slice(&[0, 0, 0xff, 0xff]);
    bytes[table + 32..table + 40].copy_from_slice(&3u64.to_le_bytes());
    bytes[table + 40..table + 44].copy_from_slice(&2u32.to_le_bytes());
    assert_eq!(known(&facts(&bytes)).debug_bytes.bytes(), 3);
    // And lies.
    for lie in [1u64 << 20, u64::MAX, 1 << 33] {
        bytes[table + 32..table + 40].copy_from_slice(&lie.to_le_bytes());
        assert_eq!(facts(&bytes).sections, Sections::Unread, "{lie}");
    }
}

#[test]
fn what_is_no_elf_file_is_refused_at_once() {
    let mut probe = ElfProbe::new(1 << 40);
    assert_eq!(probe.feed(b""), Interest::More);
    assert_eq!(probe.feed(b"\x7fE"), Interest::More);
    assert_eq!(probe.feed(b"XX"), Interest::Done);
    assert_eq!(probe.feed(b"LF"), Interest::Done);
    assert!(probe.finish().is_none());
    assert!(feed(b"\x7fELF", 1).is_none());
    assert!(feed(b"\x7fELF\x03\x01\x01 and nothing that any loader knows", 7).is_none());
}

#[test]
fn a_file_that_ends_early_gives_what_can_be_said() {
    let mut fake = Fake::new(9 << 20);
    fake.segment(LOAD, READ, 0, 4096);
    let bytes = fake.finish(8 * MIB, 9 * MIB - 1000);
    let mut probe = ElfProbe::new(bytes.len() as u64);
    probe.feed(&bytes[..70]);
    let facts = probe.finish().unwrap();
    assert_eq!((facts.sections, facts.linking), (Sections::Unread, Linking::Unread));
}

/// As BOLT leaves it: program headers in the middle, the dynamic section before them, and the former
/// headers still at their old place.
#[test]
fn program_headers_behind_what_they_describe() {
    let mut fake = Fake::new(12 << 20);
    let section = dynamic_section(2 * MIB, &[(1, 1)]);
    fake.put(2 * MIB, b"\0libfar.so.1\0")
        .put(5 * MIB, &section)
        .segment(6, READ, 64, 3 * 56)
        .segment(LOAD, WRITE, 0, 6 * MIB)
        .segment(DYNAMIC, WRITE, 5 * MIB, section.len() as u64)
        .section(".debug_line", PROGBITS, 0, 9 * MIB, 5);
    let mut bytes = fake.finish(10 * MIB, 12 * MIB - 1000);
    let table: Vec<u8> = bytes[64..64 + 3 * 56].to_vec();
    let at = usize::try_from(7 * MIB).unwrap();
    bytes[at..at + table.len()].copy_from_slice(&table);
    bytes[32..40].copy_from_slice(&(7 * MIB).to_le_bytes());
    let facts = facts(&bytes);
    let Linking::Dynamic(dynamic) = &facts.linking else { panic!() };
    assert_eq!(dynamic.needed, ["libfar.so.1"]);
    assert_eq!(known(&facts).debug_bytes.bytes(), 5);
}

/// Everything that can be asked for is asked for: section tables, dynamic strings, all landmarks.
#[test]
fn memory_is_bounded_whatever_the_file_claims() {
    let greedy =
        b".shstrtab\0rustc version .so\0$ORIGIN\0go1.\xff Go buildinf:\x08\0\0\0x\x9cx\xda";
    let mut fake = Fake::new(64);
    fake.put(0, b"\x7fELF\x02\x01\x01");
    let mut bytes = std::mem::take(&mut fake.bytes);
    bytes[32..40].copy_from_slice(&(20 * MIB).to_le_bytes());
    bytes[40..48].copy_from_slice(&(30 * MIB).to_le_bytes());
    bytes[54..64].copy_from_slice(&[56, 0, 0xfe, 0xff, 64, 0, 0xff, 0xff, 0, 0]);
    let mut probe = ElfProbe::new(u64::MAX);
    probe.feed(&bytes);
    let block: Vec<u8> = greedy.iter().copied().cycle().take(1 << 20).collect();
    let mut most = 0;
    for _ in 0..48 {
        probe.feed(&block);
        most = most.max(probe.held());
    }
    assert!(most > 4 << 20, "much more than the beginning was asked for: {most}");
    // Vectors grow by doubling, so they may hold twice what they were asked to.
    assert!(most < 17 << 20, "{most}");
    probe.finish();
}

/// Small files whose tables point to the same long text again and again.
#[test]
fn facts_stay_small() {
    let size = 3 << 20;
    let mut fake = Fake::new(size);
    let entries: Vec<(u64, u64)> = (0..30_000).map(|n| (1, n)).collect();
    let section = dynamic_section(MIB, &entries);
    fake.bytes[1 << 20..2 << 20].fill(b'a');
    for end in (0..256).map(|n| MIB + n * 4000) {
        fake.put(end, &[0]);
    }
    fake.put(64 + 10 * 56, &section).segment(LOAD, WRITE, 0, size as u64).segment(
        DYNAMIC,
        WRITE,
        64 + 10 * 56,
        section.len() as u64,
    );
    for n in 0..5 {
        fake.section(".comment", PROGBITS, 0, 2 * MIB + n, MIB / 2);
    }
    fake.put(2 * MIB, b"rustc version ");
    let facts = facts(&fake.finish(3 * MIB - 9000, 3 * MIB - 8000));
    assert_eq!(facts.linking, Linking::Unread);
    assert!(facts.rust.unwrap().compiler.unwrap().len() <= 256);
}

/// 60,000 sections, each with a name as long as the table of names: to look for the end of each would
/// take 60 GB of reading.
#[test]
fn names_without_ends() {
    let count = 60_000usize;
    let mut fake = Fake::new((count * 64) + (4 << 18));
    let names_at = 4096;
    let mut bytes = fake.finish(names_at, 1 << 20);
    let (table, header) = (1usize << 20, bytes.clone());
    bytes.resize(table + count * 64, 0);
    for entry in bytes[table..].chunks_exact_mut(64) {
        entry.fill(0);
        entry[4..8].copy_from_slice(&1u32.to_le_bytes());
        entry[24..32].copy_from_slice(&names_at.to_le_bytes());
        entry[32..40].copy_from_slice(&(MIB - names_at).to_le_bytes());
    }
    bytes[..4096].copy_from_slice(&header[..4096]);
    bytes[60..64].copy_from_slice(&[0x60, 0xea, 1, 0]);
    assert_eq!(known(&facts(&bytes)).count, count);
}

/// A file whose source knows only at its end that it is damaged, as a wheel's does.
struct Damaged(Vec<u8>);

impl ContentSource for Damaged {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn io::Read + Send + '_>> {
        Ok(Box::new(io::Read::chain(&self.0[..], Failing)))
    }
}

struct Failing;

impl io::Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("another digest"))
    }
}

#[test]
fn a_cut_file_is_still_held_against_its_digest() {
    let mut fake = Fake::new(64 << 10);
    let (end, names, table) = (64 << 10, 20, 3 * 64);
    fake.segment(LOAD, READ, 0, 4096);
    fake.section(".debug_x", PROGBITS, 0, 4096, end - table - names - 4096);
    let bytes = fake.finish(end - table - names, end - table);
    let cut = |content: Content| match cut::plan(&Content::bytes(bytes.clone())).unwrap() {
        cut::Verdict::Cut(plan) => plan.apply(content),
        other => panic!("{other:?}"),
    };
    let whole = cut(Content::bytes(bytes.clone())).read(u64::MAX).unwrap();
    assert!(whole.len() < bytes.len());
    let told = cut(Content::new(Damaged(bytes.clone()))).read(u64::MAX).unwrap_err();
    assert_eq!(told.to_string(), "another digest");
    assert!(whole.len() as u64 == cut(Content::new(Damaged(bytes.clone()))).size());
}
