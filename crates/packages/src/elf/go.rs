//! Go's build information in a binary (*Go, debug/buildinfo; the two layouts are those of its
//! `buildinfo.go`*).

use object::elf;

use super::facts::GoBuild;
use super::kept::Kept;
use super::landmarks::{GO_BUILD_INFO, GO_MODULES_START};
use super::raw::{self, Section, Segment};

/// The header before the data: magic number, size of a pointer, flags, two pointers.
const HEADER: u64 = 32;
/// The texts about modules in the largest known binaries have some 50 kB.
const TEXT_LIMIT: u64 = 256 * 1024;
/// `go1.21.5 X:boringcrypto` is long for a version.
const VERSION_LIMIT: usize = 256;
/// How many places with the magic number are tried; a program that reads other programs' build
/// information may contain it, too.
const CANDIDATES: usize = 16;
/// Flags: the pointers are big-endian; there are no pointers, the strings follow the header.
const BIG_ENDIAN: u8 = 1;
const INLINE: u8 = 2;

/// Where the strings of one build information are.
enum Strings {
    /// Behind the header, each after its length (since Go 1.18).
    Inline(u64),
    /// Addresses of string headers: of the version, of the text about modules.
    Pointers { version: u64, modules: u64, pointers: Pointers },
}

/// How pointers are written.
#[derive(Clone, Copy)]
struct Pointers {
    size: u64,
    is_big_endian: bool,
}

/// Whether a note names Go: its linker writes a build ID for every ELF binary.
pub(super) fn has_note(kept: &Kept, segments: &[Segment]) -> bool {
    segments.iter().filter(|segment| segment.kind == elf::PT_NOTE).any(|note| {
        kept.get(note.offset, note.size.min(4096))
            .is_some_and(|bytes| memchr::memmem::find(bytes, b"Go\0\0").is_some())
    })
}

/// Reads the build information that the section table names, or else the first that lies aligned in
/// writable memory, which is where Go looks for it in a file without sections.
pub(super) fn build(
    kept: &Kept,
    segments: &[Segment],
    sections: Option<&[Section]>,
) -> Option<GoBuild> {
    let named = sections.unwrap_or_default().iter().find(|s| s.is_named(".go.buildinfo"));
    named
        .map(|section| section.offset)
        .into_iter()
        .chain(candidates(kept, segments))
        .find_map(|offset| read(kept, segments, offset))
}

/// Where the string headers lie that build information found so far points to.
pub(super) fn string_headers(kept: &Kept, segments: &[Segment]) -> Vec<u64> {
    let addresses = candidates(kept, segments).filter_map(|offset| match strings(kept, offset)? {
        Strings::Inline(_) => None,
        Strings::Pointers { version, modules, .. } => Some([version, modules]),
    });
    addresses.flatten().filter_map(|address| raw::offset_of(segments, address)).collect()
}

fn candidates<'a>(kept: &Kept, segments: &'a [Segment]) -> impl Iterator<Item = u64> + use<'a> {
    let candidates = kept.find(GO_BUILD_INFO).into_iter().filter(|offset| {
        offset % 16 == 0
            && segments.iter().any(|segment| {
                let end = segment.offset.saturating_add(segment.size);
                segment.kind == elf::PT_LOAD
                    && segment.writable
                    && (segment.offset..end).contains(offset)
            })
    });
    candidates.take(CANDIDATES)
}

fn strings(kept: &Kept, offset: u64) -> Option<Strings> {
    let header = kept.get(offset, HEADER)?;
    if !header.starts_with(GO_BUILD_INFO) {
        return None;
    }
    let (size, flags) = (header[14], header[15]);
    if flags & INLINE != 0 {
        return Some(Strings::Inline(offset + HEADER));
    }
    if size != 4 && size != 8 {
        return None;
    }
    let pointers = Pointers { size: size.into(), is_big_endian: flags & BIG_ENDIAN != 0 };
    let second = 16 + usize::from(size);
    Some(Strings::Pointers {
        version: pointers.read(&header[16..])?,
        modules: pointers.read(&header[second..])?,
        pointers,
    })
}

fn read(kept: &Kept, segments: &[Segment], offset: u64) -> Option<GoBuild> {
    match strings(kept, offset)? {
        Strings::Inline(start) => {
            let (version, next) = inline_string(kept, start)?;
            let modules = inline_string(kept, next).map(|(text, _)| text).unwrap_or_default();
            Some(build_from(Some(version), modules))
        }
        Strings::Pointers { version, modules, pointers } => {
            let text = |address| pointed_string(kept, segments, pointers, address);
            let version = text(version);
            let modules = text(modules).or_else(|| text_about_modules(kept)).unwrap_or_default();
            (version.is_some() || !modules.is_empty()).then(|| build_from(version, modules))
        }
    }
}

/// Takes off the sixteen bytes that frame the text about modules on both sides.
fn build_from(version: Option<&[u8]>, modules: &[u8]) -> GoBuild {
    let framed = modules.len() >= 33 && modules[modules.len() - 17] == b'\n';
    let text = if framed { &modules[16..modules.len() - 16] } else { b"" };
    GoBuild {
        version: version
            .map(|v| String::from_utf8_lossy(&v[..v.len().min(VERSION_LIMIT)]).into_owned()),
        modules: String::from_utf8_lossy(text).into_owned(),
    }
}

/// A string after its length as a variable-length integer, and the offset behind it.
fn inline_string(kept: &Kept, start: u64) -> Option<(&[u8], u64)> {
    let (mut length, mut shift, mut at) = (0u64, 0u32, start);
    loop {
        let byte = *kept.get(at, 1)?.first()?;
        at += 1;
        length |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
        if shift > 28 {
            return None;
        }
    }
    if length > TEXT_LIMIT {
        return None;
    }
    Some((kept.get(at, length)?, at + length))
}

/// Follows an address to a string header (address, length) and that to the string.
fn pointed_string<'k>(
    kept: &'k Kept,
    segments: &[Segment],
    pointers: Pointers,
    address: u64,
) -> Option<&'k [u8]> {
    let header = kept.get(raw::offset_of(segments, address)?, 2 * pointers.size)?;
    let data = pointers.read(header)?;
    let length = pointers.read(&header[usize::try_from(pointers.size).ok()?..])?;
    if length == 0 || length > TEXT_LIMIT {
        return None;
    }
    kept.get(raw::offset_of(segments, data)?, length)
}

/// The framed text itself, where the pointer to it was not kept.
fn text_about_modules(kept: &Kept) -> Option<&[u8]> {
    const END: &[u8] = b"\xf92C1\x86\x18 r\x00\x82B\x10A\x16\xd8\xf2";
    kept.find(GO_MODULES_START).into_iter().find_map(|start| {
        let available = (1..=TEXT_LIMIT / 4096).rev().find_map(|n| kept.get(start, n * 4096))?;
        let end = memchr::memmem::find(available, END)? + END.len();
        Some(&available[..end])
    })
}

impl Pointers {
    fn read(self, bytes: &[u8]) -> Option<u64> {
        let size = usize::try_from(self.size).ok()?;
        let bytes = bytes.get(..size)?;
        let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(if self.is_big_endian {
            bytes.iter().fold(0, fold)
        } else {
            bytes.iter().rev().fold(0, fold)
        })
    }
}
