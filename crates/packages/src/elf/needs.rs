//! What an ELF file asks of the loader, found the way the loader finds it: through program headers and
//! the dynamic segment only, because section headers may have been cut (*gABI 4.1, Dynamic Section*;
//! *LSB Core, Symbol Versioning*).

use std::fmt;

use object::elf;
use serde::{Deserialize, Serialize};

use super::layout::Layout;
use super::reach::Reach;
use super::{ByteOrder, Class, ElfError, Kind, Machine};
use crate::parcel::Content;

/// What one ELF file asks of the loader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// 32 or 64 bits.
    pub class: Class,
    /// Which byte of a number comes first.
    pub byte_order: ByteOrder,
    /// The processor.
    pub machine: Machine,
    /// Program, library or object file.
    pub kind: Kind,
    /// The loader that a program asks for: `/lib64/ld-linux-x86-64.so.2` (`PT_INTERP`).
    pub interpreter: Option<String>,
    /// Whether it has a dynamic segment; without one it needs nothing.
    pub is_dynamic: bool,
    /// `DT_NEEDED`, in the loader's order.
    pub needed: Vec<String>,
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// `DT_RPATH`: folders separated by colons, also for what its libraries need.
    pub rpath: Option<String>,
    /// `DT_RUNPATH`: folders separated by colons, for its own needs only; it makes the loader ignore
    /// [`Needs::rpath`].
    pub runpath: Option<String>,
    /// `DF_1_NODEFLIB`: the loader's default folders are not for it.
    pub without_default_folders: bool,
    /// Which versions of symbols it needs of which library, in the file's order.
    pub versions: Vec<VersionNeed>,
}

/// The versions of symbols that are needed of one library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionNeed {
    /// As in [`Needs::needed`]: `libc.so.6`.
    pub file: String,
    /// `GLIBC_2.17`, `CXXABI_1.3`, in the file's order.
    pub versions: Vec<String>,
}

/// A version of the GNU C library: `2.2.5`, `2.36`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GlibcVersion {
    /// 2, until further notice.
    pub major: u16,
    /// A release each half year.
    pub minor: u16,
    /// Symbols of the earliest times have one.
    pub patch: u16,
}

/// As long as a path can be.
const LONGEST_TEXT: u64 = 4096;
/// All texts of one file together: some thousand libraries and versions.
const MOST_TEXT: usize = 256 << 10;
/// Bytes of a dynamic segment: the largest have some hundred entries of 16.
const LARGEST_DYNAMIC: u64 = 1 << 20;
/// Libraries, and versions of all of them together, that a file may need.
const MOST_VERSIONS: u32 = 8192;

impl Needs {
    /// Reads them from a file; `None` for what is no ELF file. Of a file whose tables lie in front, only
    /// the front is read.
    pub fn read(content: &Content) -> Result<Option<Self>, ElfError> {
        Self::within(&mut Reach::new(content))
    }

    pub(super) fn within(reach: &mut Reach<'_>) -> Result<Option<Self>, ElfError> {
        let Some(layout) = Layout::read(reach)? else { return Ok(None) };
        let mut needs = Self {
            class: layout.words.class,
            byte_order: layout.words.order,
            machine: layout.machine,
            kind: layout.kind,
            interpreter: interpreter(reach, &layout)?,
            is_dynamic: false,
            needed: Vec::new(),
            soname: None,
            rpath: None,
            runpath: None,
            without_default_folders: false,
            versions: Vec::new(),
        };
        if let Some(dynamic) = dynamic(reach, &layout)? {
            needs.is_dynamic = true;
            needs.take_dynamic(reach, &layout, &dynamic)?;
        }
        Ok(Some(needs))
    }

    /// The oldest C library that has all the symbols it needs, by their versions' names.
    pub fn oldest_glibc(&self) -> Option<GlibcVersion> {
        let versions = self.versions.iter().flat_map(|need| &need.versions);
        versions.filter_map(|version| GlibcVersion::of_symbol(version)).max()
    }

    fn take_dynamic(
        &mut self,
        reach: &mut Reach<'_>,
        layout: &Layout,
        entries: &[(elf::DynamicTag, u64)],
    ) -> Result<(), ElfError> {
        let value =
            |wanted| entries.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
        let mut texts = Texts { layout, table: value(elf::DT_STRTAB), room: MOST_TEXT };
        let named = entries.iter().filter(|(tag, _)| NAMING.contains(tag)).map(|(_, at)| *at);
        texts.prefetch(reach, named.collect())?;
        for (tag, at) in entries {
            match *tag {
                elf::DT_NEEDED => self.needed.push(texts.get(reach, *at)?),
                elf::DT_SONAME => self.soname = Some(texts.get(reach, *at)?),
                elf::DT_RPATH => self.rpath = Some(texts.get(reach, *at)?),
                elf::DT_RUNPATH => self.runpath = Some(texts.get(reach, *at)?),
                elf::DT_FLAGS_1 => self.without_default_folders = at & NODEFLIB != 0,
                _ => {}
            }
        }
        if let Some(first) = value(elf::DT_VERNEED) {
            self.versions = versions(reach, layout, first, &mut texts)?;
        }
        Ok(())
    }
}

/// Entries whose value is a text.
const NAMING: [elf::DynamicTag; 4] =
    [elf::DT_NEEDED, elf::DT_SONAME, elf::DT_RPATH, elf::DT_RUNPATH];

/// `DF_1_NODEFLIB`.
const NODEFLIB: u64 = 0x800;

impl GlibcVersion {
    /// The version in a symbol version's name, `GLIBC_2.17`.
    pub fn of_symbol(name: &str) -> Option<Self> {
        let mut numbers = name.strip_prefix("GLIBC_")?.split('.').map(str::parse);
        let major = numbers.next()?.ok()?;
        let minor = numbers.next()?.ok()?;
        let patch = numbers.next().unwrap_or(Ok(0)).ok()?;
        numbers.next().is_none().then_some(Self { major, minor, patch })
    }
}

impl fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch == 0 { Ok(()) } else { write!(f, ".{}", self.patch) }
    }
}

fn interpreter(reach: &mut Reach<'_>, layout: &Layout) -> Result<Option<String>, ElfError> {
    let Some(segment) = layout.segments.iter().find(|one| one.kind == elf::PT_INTERP) else {
        return Ok(None);
    };
    let bytes = reach.up_to(segment.offset, segment.size.min(LONGEST_TEXT))?;
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    Ok(Some(String::from_utf8_lossy(&bytes[..end]).into_owned()))
}

/// Tags and values, up to the end marker; `None` without a dynamic segment.
fn dynamic(
    reach: &mut Reach<'_>,
    layout: &Layout,
) -> Result<Option<Vec<(elf::DynamicTag, u64)>>, ElfError> {
    let Some(segment) = layout.segments.iter().find(|one| one.kind == elf::PT_DYNAMIC) else {
        return Ok(None);
    };
    if segment.size > LARGEST_DYNAMIC {
        return Err(ElfError::Broken("its dynamic segment is larger than any honest file's"));
    }
    if segment.size == 0 {
        // What a separate debug file has of it.
        return Ok(None);
    }
    let bytes = reach
        .get(segment.offset, segment.size)?
        .ok_or(ElfError::Broken("its dynamic segment is cut"))?;
    let words = layout.words;
    let pairs = bytes.chunks_exact(words.pick(8, 16)).filter_map(|pair| {
        let tag = words.address(pair, 0)?.cast_signed();
        Some((elf::DynamicTag(tag), words.address(pair, words.pick(4, 8))?))
    });
    Ok(Some(pairs.take_while(|(tag, _)| *tag != elf::DT_NULL).collect()))
}

/// The table of strings that dynamic entries point into. What is not loaded is none of it: a loader does not see
/// the file behind a segment.
struct Texts<'l> {
    layout: &'l Layout,
    /// Its address.
    table: Option<u64>,
    room: usize,
}

impl Texts<'_> {
    /// Reads what will be asked for in the file's order: the table may be larger than what is kept of it.
    fn prefetch(&self, reach: &mut Reach<'_>, mut wanted: Vec<u64>) -> Result<(), ElfError> {
        wanted.sort_unstable();
        wanted.dedup();
        for at in wanted {
            if let Some((offset, most)) = self.place(at) {
                reach.up_to(offset, most)?;
            }
        }
        Ok(())
    }

    /// Where a text begins, and how many bytes it has at most.
    fn place(&self, at: u64) -> Option<(u64, u64)> {
        let (offset, most) = self.layout.loaded_at(self.table?.checked_add(at)?)?;
        Some((offset, most.min(LONGEST_TEXT)))
    }

    /// All or nothing: a list of libraries that lacks one would be worse than none.
    fn get(&mut self, reach: &mut Reach<'_>, at: u64) -> Result<String, ElfError> {
        const BROKEN: ElfError =
            ElfError::Broken("its dynamic segment names a text that is not there");
        let (offset, most) = self.place(at).ok_or(BROKEN)?;
        let bytes = reach.up_to(offset, most)?;
        let end = memchr::memchr(0, bytes).ok_or(BROKEN)?;
        self.room = self.room.checked_sub(end + 1).ok_or(BROKEN)?;
        Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }
}

/// Where the names are that one library's versions have.
struct RawVersions {
    file: u64,
    names: Vec<u64>,
}

fn versions(
    reach: &mut Reach<'_>,
    layout: &Layout,
    first: u64,
    texts: &mut Texts<'_>,
) -> Result<Vec<VersionNeed>, ElfError> {
    let raw = raw_versions(reach, layout, first)?;
    let wanted = raw.iter().flat_map(|one| one.names.iter().copied().chain([one.file]));
    texts.prefetch(reach, wanted.collect())?;
    let mut found = Vec::with_capacity(raw.len());
    for one in raw {
        let file = texts.get(reach, one.file)?;
        let names = one.names.into_iter().map(|name| texts.get(reach, name));
        found.push(VersionNeed { file, versions: names.collect::<Result<_, _>>()? });
    }
    Ok(found)
}

/// A record of 16 bytes that is loaded at an address.
fn record<'r>(
    reach: &'r mut Reach<'_>,
    layout: &Layout,
    address: u64,
) -> Result<Option<&'r [u8]>, ElfError> {
    match layout.loaded_at(address) {
        Some((offset, 16..)) => reach.get(offset, 16),
        Some(_) | None => Ok(None),
    }
}

fn raw_versions(
    reach: &mut Reach<'_>,
    layout: &Layout,
    first: u64,
) -> Result<Vec<RawVersions>, ElfError> {
    let mut found = Vec::new();
    let mut room = MOST_VERSIONS;
    let mut at = first;
    let words = layout.words;
    while let Some(bytes) = record(reach, layout, at)? {
        let numbers = (words.word(bytes, 4), words.word(bytes, 8), words.word(bytes, 12));
        let (Some(file), Some(names), Some(next)) = numbers else { break };
        let names = names_of(reach, layout, at.saturating_add(u64::from(names)), &mut room)?;
        found.push(RawVersions { file: u64::from(file), names });
        room = room.saturating_sub(1);
        if next == 0 || room == 0 {
            break;
        }
        at = at.saturating_add(u64::from(next));
    }
    Ok(found)
}

fn names_of(
    reach: &mut Reach<'_>,
    layout: &Layout,
    first: u64,
    room: &mut u32,
) -> Result<Vec<u64>, ElfError> {
    let mut names = Vec::new();
    let mut at = first;
    while *room > 0 {
        *room -= 1;
        let Some(bytes) = record(reach, layout, at)? else { break };
        let words = layout.words;
        let (Some(name), Some(next)) = (words.word(bytes, 8), words.word(bytes, 12)) else { break };
        names.push(u64::from(name));
        if next == 0 {
            break;
        }
        at = at.saturating_add(u64::from(next));
    }
    Ok(names)
}
