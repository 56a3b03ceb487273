//! `/etc/ld.so.cache`: which file is which library, so that the loader need not look through folders
//! (*GNU C library, sysdeps/generic/dl-cache.h*: the format `glibc-ld.so.cache1.1`).
//!
//! A header of 48 bytes, entries of 24, then texts. The loader finds a name by binary search, so the
//! entries must be in its own order; that is [`compare`], descending.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::{ByteOrder, Class, Machine};

const HEADER_SIZE: usize = 48;
const ENTRY_SIZE: usize = 24;

/// What the loader of one processor takes, as `ldconfig` writes it: the kind of library and its ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Abi(u32);

impl Abi {
    /// The ABI of libraries of this machine. `None` for processors whose ABI these three do not tell, or
    /// which Lightship builds no images for.
    pub fn of(class: Class, order: ByteOrder, machine: Machine) -> Option<Self> {
        use object::elf::{EM_386, EM_AARCH64, EM_X86_64};
        if order == ByteOrder::Big {
            return None;
        }
        match (object::elf::Machine(machine.0), class) {
            (EM_X86_64, Class::Elf64) => Some(Self(0x0303)),
            (EM_AARCH64, Class::Elf64) => Some(Self(0x0a03)),
            (EM_386, Class::Elf32) => Some(Self(0x0003)),
            _ => None,
        }
    }
}

/// One library.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CacheEntry {
    /// What programs ask for: `libz.so.1`.
    pub name: String,
    /// Where it is: `/usr/lib/x86_64-linux-gnu/libz.so.1`.
    pub path: String,
    /// For which loader.
    pub abi: Abi,
}

/// Why no cache can be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CacheError {
    /// The order of other characters depends on the processor's `char`.
    #[error("library `{0}` cannot be in the loader's cache: its name is not plain ASCII")]
    Name(String),
    /// Offsets have 32 bits.
    #[error("{0} libraries are more than the loader's cache can hold")]
    TooMany(usize),
}

impl lightship_base::Diagnose for CacheError {
    fn category(&self) -> lightship_base::Category {
        lightship_base::Category::BadInput
    }
}

/// Writes the cache. The order of `entries` does not matter, except that of two with the same name and
/// ABI the loader takes the first; the other is left out, as `ldconfig` does.
pub fn write(entries: &[CacheEntry]) -> Result<Vec<u8>, CacheError> {
    let odd =
        |text: &str| text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if let Some(entry) = entries.iter().find(|entry| odd(&entry.name) || odd(&entry.path)) {
        return Err(CacheError::Name(entry.name.clone()));
    }
    let mut sorted: Vec<&CacheEntry> = entries.iter().collect();
    // Stable: which of equals was first still tells which is taken.
    sorted.sort_by(|a, b| {
        compare(&b.name, &a.name).then_with(|| b.name.cmp(&a.name)).then_with(|| b.abi.cmp(&a.abi))
    });
    sorted.dedup_by(|later, first| later.name == first.name && later.abi == first.abi);
    layout(&sorted).ok_or(CacheError::TooMany(entries.len()))
}

fn layout(entries: &[&CacheEntry]) -> Option<Vec<u8>> {
    let mut texts = Texts {
        base: HEADER_SIZE + ENTRY_SIZE * entries.len(),
        bytes: Vec::new(),
        known: BTreeMap::new(),
    };
    let mut table = Vec::with_capacity(ENTRY_SIZE * entries.len());
    for entry in entries {
        let (path, name) = texts.path_and_name(&entry.path, &entry.name)?;
        for word in [entry.abi.0, name, path, 0] {
            table.extend_from_slice(&word.to_le_bytes());
        }
        table.extend_from_slice(&0u64.to_le_bytes()); // for every kind of processor
    }
    let mut file = Vec::with_capacity(HEADER_SIZE + table.len() + texts.bytes.len());
    file.extend_from_slice(b"glibc-ld.so.cache1.1");
    file.extend_from_slice(&u32::try_from(entries.len()).ok()?.to_le_bytes());
    file.extend_from_slice(&u32::try_from(texts.bytes.len()).ok()?.to_le_bytes());
    file.extend_from_slice(&[LITTLE_ENDIAN, 0, 0, 0]);
    file.resize(HEADER_SIZE, 0); // no extensions
    file.extend_from_slice(&table);
    file.extend_from_slice(&texts.bytes);
    Some(file)
}

/// `cache_file_new_flags_endian_little`.
const LITTLE_ENDIAN: u8 = 2;

/// Texts that end with zero bytes, each once.
struct Texts {
    /// Where they begin in the file, to which offsets are relative.
    base: usize,
    bytes: Vec<u8>,
    known: BTreeMap<String, usize>,
}

impl Texts {
    /// Offsets of both. A name is nearly always the end of its path.
    fn path_and_name(&mut self, path: &str, name: &str) -> Option<(u32, u32)> {
        let path_at = self.put(path);
        let name_at = match path.strip_suffix(name) {
            Some(folder) => path_at + folder.len(),
            None => self.put(name),
        };
        let offset = |at: usize| u32::try_from(self.base.checked_add(at)?).ok();
        Some((offset(path_at)?, offset(name_at)?))
    }

    fn put(&mut self, text: &str) -> usize {
        if let Some(at) = self.known.get(text) {
            return *at;
        }
        let at = self.bytes.len();
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        self.known.insert(text.to_owned(), at);
        at
    }
}

/// The loader's order of names (`_dl_cache_libcmp`): runs of digits by their number, a digit behind
/// every other character. `libfoo.so.9` comes before `libfoo.so.10`.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let Some(&first) = a.first() {
        let second = b.first().copied().unwrap_or(0);
        match (first.is_ascii_digit(), second.is_ascii_digit()) {
            (true, true) => {
                // As the loader's: numbers that wrap around at 32 bits, whatever that means for them.
                let difference = number(&mut a).wrapping_sub(number(&mut b));
                if difference != 0 {
                    return difference.cmp(&0);
                }
            }
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) if first != second => return first.cmp(&second),
            (false, false) => {
                a = &a[1..];
                b = &b[1..];
            }
        }
    }
    if b.is_empty() { Ordering::Equal } else { Ordering::Less }
}

fn number(text: &mut &[u8]) -> i32 {
    let mut value = 0i32;
    while let Some((digit, rest)) = text.split_first().filter(|(digit, _)| digit.is_ascii_digit()) {
        value = value.wrapping_mul(10).wrapping_add(i32::from(digit - b'0'));
        *text = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, path: &str) -> CacheEntry {
        CacheEntry { name: name.to_owned(), path: path.to_owned(), abi: Abi(0x0303) }
    }

    #[test]
    fn digits_are_numbers_and_stand_behind_letters() {
        let ascending =
            ["ld-linux.so.2", "libA.so", "lib_.so", "libz.so.1", "libz.so.9", "libz.so.10"];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(compare("libz.so", "libz.so.1"), Ordering::Less);
        assert_eq!(compare("lib0.so", "libz.so"), Ordering::Greater);
        assert_eq!(compare("lib01.so", "lib1.so"), Ordering::Equal);
        assert_eq!(compare("", ""), Ordering::Equal);
    }

    #[test]
    fn the_order_of_the_input_does_not_show() {
        let mut entries = vec![
            entry("libb.so.1", "/lib/libb.so.1"),
            entry("liba.so.10", "/lib/liba.so.10"),
            entry("liba.so.9", "/lib/other.so"),
        ];
        let one = write(&entries).unwrap();
        entries.reverse();
        assert_eq!(write(&entries).unwrap(), one);
        assert!(one.starts_with(b"glibc-ld.so.cache1.1\x03\0\0\0"));
        entries.push(entry("libb.so.1", "/later/libb.so.1"));
        assert_eq!(write(&entries).unwrap(), one, "the first of two stays");
    }

    #[test]
    fn names_that_no_loader_compares_alike_are_refused() {
        assert!(matches!(write(&[entry("libä.so", "/lib/x")]), Err(CacheError::Name(_))));
        assert!(matches!(write(&[entry("", "/lib/x")]), Err(CacheError::Name(_))));
    }
}
