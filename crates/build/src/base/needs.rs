//! What native code asks for, as far as it decides which packages stay.

use std::collections::BTreeSet;
use std::io;

use lightship_packages::parcel::{Content, Item, ItemKind};
use object::read::{NameOrOrdinal, Object as _};

/// What one program or library asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// File names of libraries (`DT_NEEDED`).
    pub(super) libraries: BTreeSet<String>,
    /// Whether it calls `iconv_open(3)`, which reads tables of character sets.
    pub(super) character_sets: bool,
}

/// Nothing larger is looked into; the largest library of Debian has 150 MB.
const LARGEST: u64 = 1 << 30;

/// Reads a file; nothing is asked for by what is no ELF file, or a broken one, which no loader takes.
pub(super) fn read(content: &Content) -> io::Result<Needs> {
    if content.size() > LARGEST || content.head(4)? != b"\x7fELF" {
        return Ok(Needs::default());
    }
    let bytes = content.read(LARGEST)?;
    let Ok(file) = object::File::parse(&bytes[..]) else { return Ok(Needs::default()) };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let libraries = file.import_libraries().into_iter().flatten().flatten();
    let mut imports = file.imports().into_iter().flatten().flatten();
    Ok(Needs {
        libraries: libraries.map(|library| text(library.name())).collect(),
        character_sets: imports.any(|import| {
            matches!(import.name(), NameOrOrdinal::Name(name) if *name == b"iconv_open"[..])
        }),
    })
}

/// The name of a library that any program finds by it alone.
pub(super) fn library_name(item: &Item) -> Option<&[u8]> {
    if matches!(item.kind, ItemKind::Folder { .. }) {
        return None;
    }
    let parts: Vec<&[u8]> = item.path.components().collect();
    let (name, folder) = parts.split_last()?;
    let is_everybodys = match folder {
        [b"usr", lib] => lib.starts_with(b"lib"),
        [b"usr", b"lib", triplet] => triplet.windows(6).any(|part| part == b"linux-"),
        _ => false,
    };
    is_everybodys.then_some(*name)
}

#[cfg(test)]
mod tests {
    use lightship_codec::tar::RootPath;

    use super::*;

    #[test]
    fn this_very_program_needs_the_c_library() {
        let bytes = std::fs::read("/proc/self/exe").unwrap();
        let needs = read(&Content::bytes(bytes)).unwrap();
        assert!(needs.libraries.contains("libc.so.6"), "{needs:?}");
        assert!(!needs.character_sets);
        for other in [&b"#!/bin/sh\n"[..], b"\x7fELF and no more", b""] {
            assert_eq!(read(&Content::bytes(other)).unwrap(), Needs::default());
        }
    }

    #[test]
    fn libraries_lie_in_everybodys_folders() {
        let item = |path: &str| Item::made(RootPath::parse(path.as_bytes()).unwrap(), "");
        for path in
            ["usr/lib/libz.so.1", "usr/lib/x86_64-linux-gnu/libz.so.1", "usr/lib64/libz.so.1"]
        {
            assert_eq!(library_name(&item(path)), Some(&b"libz.so.1"[..]), "{path}");
        }
        for path in ["usr/lib/python3.11/libz.so.1", "opt/libz.so.1", "libz.so.1"] {
            assert_eq!(library_name(&item(path)), None, "{path}");
        }
    }
}
