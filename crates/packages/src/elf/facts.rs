//! What is said about an ELF file in the end.

use std::fmt;

use lightship_base::ByteSize;
use object::elf;
use serde::{Deserialize, Serialize};

use super::kept::Kept;
use super::raw::{self, Section, Segment};
use super::{debug, go};
use crate::rust;

/// The facts of one ELF file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ElfFacts {
    /// 32 or 64 bits.
    pub class: Class,
    /// Which byte of a number comes first.
    pub byte_order: ByteOrder,
    /// The processor.
    pub machine: Machine,
    /// Program, library or object file.
    pub kind: Kind,
    /// The loader that a program asks for: `/lib64/ld-linux-x86-64.so.2`.
    pub interpreter: Option<String>,
    /// Which libraries it needs.
    pub linking: Linking,
    /// What its sections weigh.
    pub sections: Sections,
    /// What Go's linker wrote about its build.
    pub go: Option<GoBuild>,
    /// What Rust's tools wrote about its build.
    pub rust: Option<RustBuild>,
}

/// Width of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// `ELFCLASS32`.
    Elf32,
    /// `ELFCLASS64`.
    Elf64,
}

/// `EI_DATA`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// `e_machine`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Machine(pub u16);

/// `e_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An object file, to be linked.
    Relocatable,
    /// A program at fixed addresses.
    Executable,
    /// A library, or a program that can be loaded anywhere.
    Dynamic,
    /// A memory dump, or something of an operating system's own.
    Other,
}

/// Whether and what it links at run time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Linking {
    /// It has no dynamic section.
    Static,
    /// Its dynamic section was read.
    Dynamic(Dynamic),
    /// It has a dynamic section that could not be read, or not in full.
    Unread,
}

/// The part of a dynamic section that names other files (*gABI, Dynamic Section*).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Dynamic {
    /// `DT_NEEDED`, in the loader's order.
    pub needed: Vec<String>,
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// `DT_RUNPATH`, or the older `DT_RPATH`; separated by colons.
    pub run_path: Option<String>,
}

/// What is known of the section table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sections {
    /// The file has none: it was cut to what the loader needs.
    Absent,
    /// It was read.
    Known(SectionFacts),
    /// It is broken or beyond our limits, or its names were not seen in time.
    Unread,
}

/// What sections weigh in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SectionFacts {
    /// Number of sections, the empty first one included.
    pub count: usize,
    /// Bytes of sections that serve debuggers only: `.debug_*`, `.zdebug_*` and their like.
    pub debug_bytes: ByteSize,
    /// Bytes of the full symbol table and its names, `.symtab` and `.strtab`.
    pub symbol_bytes: ByteSize,
    /// Whether the full symbol table was removed.
    pub is_stripped: bool,
    /// Whether it says in which other file its debug information is.
    pub has_debug_link: bool,
}

/// Go's build information.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoBuild {
    /// `go1.21.5`; `None` where a binary of before Go 1.18 keeps it out of reach.
    pub version: Option<String>,
    /// The text that [`crate::golang::parse_module_info`] reads; empty for a build without modules.
    pub modules: String,
}

/// Traces of Rust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RustBuild {
    /// `rustc version 1.82.0 (…)`, from `.comment`; a C program that links a Rust library has it too.
    pub compiler: Option<String>,
    /// cargo-auditable's list.
    pub dependencies: Option<DependencyList>,
}

/// The section `.dep-v0`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DependencyList {
    /// Its bytes, for [`crate::rust::parse_dependency_list`]; `None` where it passed by unseen or is
    /// larger than half a MiB.
    #[serde(skip)]
    pub content: Option<Vec<u8>>,
    /// How many bytes it has.
    pub size: ByteSize,
}

/// As long as a path can be.
const LONGEST_PATH: usize = 4096;
/// All texts of a dynamic section together: some thousand libraries.
const DYNAMIC_TEXTS: usize = 64 * 1024;
/// A larger list of crates is not kept.
const DEPENDENCY_LIST_LIMIT: u64 = 512 * 1024;

/// Reads everything from what was kept.
pub(super) fn read(kept: &Kept) -> Option<ElfFacts> {
    let header = raw::header(kept)?;
    let segments = raw::segments(kept);
    let sections = raw::sections(kept);
    let known = sections.as_deref().filter(|s| s.iter().skip(1).all(|s| s.name.is_some()));
    let facts = known.and_then(|sections| debug::section_facts(sections, kept.size()));
    Some(ElfFacts {
        class: if header.is_64 { Class::Elf64 } else { Class::Elf32 },
        byte_order: if header.is_big_endian { ByteOrder::Big } else { ByteOrder::Little },
        machine: Machine(header.machine),
        kind: kind_of(header.kind),
        interpreter: segments.as_deref().and_then(|segments| interpreter(kept, segments)),
        linking: segments.as_deref().map_or(Linking::Unread, |segments| linking(kept, segments)),
        sections: match (facts, &sections, header.first_section) {
            (_, _, None) => Sections::Absent,
            (Some(facts), Some(table), _) if !table.is_empty() => Sections::Known(facts),
            _ => Sections::Unread,
        },
        go: segments.as_deref().and_then(|s| go::build(kept, s, known)),
        rust: rust_build(kept, known.unwrap_or_default()),
    })
}

fn kind_of(kind: u16) -> Kind {
    match elf::FileType(kind) {
        elf::ET_REL => Kind::Relocatable,
        elf::ET_EXEC => Kind::Executable,
        elf::ET_DYN => Kind::Dynamic,
        _ => Kind::Other,
    }
}

fn interpreter(kept: &Kept, segments: &[Segment]) -> Option<String> {
    let segment = segments.iter().find(|segment| segment.kind == elf::PT_INTERP)?;
    kept.text(segment.offset, usize::try_from(segment.size).ok()?.min(LONGEST_PATH))
}

/// Where in the file the strings lie that the dynamic section names.
pub(super) fn dynamic_strings(kept: &Kept) -> Option<Vec<u64>> {
    let segments = raw::segments(kept)?;
    let entries = raw::dynamic(kept)?;
    let table = string_table(&segments, &entries)?;
    let named = entries.iter().filter(|(tag, _)| {
        [elf::DT_NEEDED, elf::DT_SONAME, elf::DT_RUNPATH, elf::DT_RPATH].contains(tag)
    });
    Some(named.map(|(_, value)| table.saturating_add(*value)).collect())
}

fn string_table(segments: &[Segment], entries: &[(elf::DynamicTag, u64)]) -> Option<u64> {
    let (_, address) = entries.iter().find(|(tag, _)| *tag == elf::DT_STRTAB)?;
    raw::offset_of(segments, *address)
}

fn linking(kept: &Kept, segments: &[Segment]) -> Linking {
    if !segments.iter().any(|segment| segment.kind == elf::PT_DYNAMIC) {
        return Linking::Static;
    }
    read_dynamic(kept, segments).map_or(Linking::Unread, Linking::Dynamic)
}

/// All of it or nothing: a list of libraries that lacks one would be worse than none.
fn read_dynamic(kept: &Kept, segments: &[Segment]) -> Option<Dynamic> {
    let entries = raw::dynamic(kept)?;
    let mut dynamic = Dynamic::default();
    let mut old_path = None;
    let mut room = DYNAMIC_TEXTS;
    let table = string_table(segments, &entries);
    for (tag, value) in &entries {
        let mut text = || {
            let text = kept.text(table?.checked_add(*value)?, LONGEST_PATH)?;
            room = room.checked_sub(text.len() + 1)?;
            Some(text)
        };
        match *tag {
            elf::DT_NEEDED => dynamic.needed.push(text()?),
            elf::DT_SONAME => dynamic.soname = Some(text()?),
            elf::DT_RUNPATH => dynamic.run_path = Some(text()?),
            elf::DT_RPATH => old_path = Some(text()?),
            _ => {}
        }
    }
    // The loader ignores the older tag where the newer is there.
    dynamic.run_path = dynamic.run_path.or(old_path);
    Some(dynamic)
}

fn rust_build(kept: &Kept, sections: &[Section]) -> Option<RustBuild> {
    let named = |name: &str| sections.iter().find(|section| section.is_named(name));
    let content = |section: &Section| {
        let range = section.file_range()?;
        kept.get(range.start, range.end - range.start)
    };
    let compiler = named(".comment").and_then(content).and_then(rust::compiler_in_comment);
    let dependencies = named(".dep-v0").map(|section| DependencyList {
        content: content(section)
            .filter(|_| section.size <= DEPENDENCY_LIST_LIMIT)
            .map(<[u8]>::to_vec),
        size: section.size.into(),
    });
    (compiler.is_some() || dependencies.is_some()).then_some(RustBuild { compiler, dependencies })
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match elf::Machine(self.0) {
            elf::EM_386 => "x86",
            elf::EM_X86_64 => "x86-64",
            elf::EM_ARM => "arm",
            elf::EM_AARCH64 => "aarch64",
            elf::EM_RISCV => "riscv",
            elf::EM_PPC64 => "ppc64",
            elf::EM_S390 => "s390",
            elf::EM_MIPS => "mips",
            elf::EM_LOONGARCH => "loongarch",
            _ => return write!(f, "machine {}", self.0),
        };
        f.pad(name)
    }
}
