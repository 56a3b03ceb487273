//! What a program's file says about how it is started (*System V ABI, Program Header*, `PT_INTERP`; *execve(2)*,
//! Interpreter scripts).

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

/// How a program is started.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// By itself.
    Static,
    /// By this loader.
    Dynamic(String),
    /// By another program, with at most one argument before the script.
    Script { interpreter: String, argument: Option<String> },
    /// Not at all.
    Unknown,
}

/// The segment that names the loader.
const PT_INTERP: u32 = 3;

/// No path of a loader or interpreter is longer (`PATH_MAX`).
const LONGEST: u64 = 4096;

impl Kind {
    /// Reads the beginning of a file.
    pub(super) fn of(file: &mut File) -> io::Result<Self> {
        let mut head = Vec::new();
        file.by_ref().take(LONGEST).read_to_end(&mut head)?;
        if head.starts_with(b"\x7fELF") {
            return elf(file, &head);
        }
        let Some(line) = head.strip_prefix(b"#!") else { return Ok(Self::Unknown) };
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or(line);
        let line = String::from_utf8_lossy(line).trim().to_owned();
        let (interpreter, argument) =
            line.split_once([' ', '\t']).map_or((line.as_str(), ""), |(a, b)| (a, b.trim()));
        let argument = Some(argument.to_owned()).filter(|text| !text.is_empty());
        Ok(Self::Script { interpreter: interpreter.to_owned(), argument })
    }
}

/// Of 64 bits with the lowest byte first, as all processors have that images are made for here.
fn elf(file: &mut File, head: &[u8]) -> io::Result<Kind> {
    if head.get(4..6) != Some(&[2, 1]) {
        return Ok(Kind::Unknown);
    }
    let (Some(table), Some(size), Some(count)) = (long(head, 32), short(head, 54), short(head, 56))
    else {
        return Ok(Kind::Unknown);
    };
    for number in 0..u64::from(count) {
        let mut entry = [0; 56];
        let at = table.saturating_add(number * u64::from(size));
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut entry)?;
        let kind = entry.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        let (Some(PT_INTERP), Some(at), Some(size)) = (kind, long(&entry, 8), long(&entry, 32))
        else {
            continue;
        };
        file.seek(SeekFrom::Start(at))?;
        let mut path = Vec::new();
        file.take(size.min(LONGEST)).read_to_end(&mut path)?;
        let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
        return Ok(Kind::Dynamic(String::from_utf8_lossy(path).into_owned()));
    }
    Ok(Kind::Static)
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Kind {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        std::fs::write(&path, bytes).unwrap();
        Kind::of(&mut File::open(path).unwrap()).unwrap()
    }

    #[test]
    fn programs_say_how_they_are_started() {
        let script = |interpreter: &str, argument: Option<&str>| Kind::Script {
            interpreter: interpreter.to_owned(),
            argument: argument.map(str::to_owned),
        };
        assert_eq!(of(b"#!/bin/sh\necho"), script("/bin/sh", None));
        assert_eq!(
            of(b"#! /usr/bin/env -S python3 -u\n"),
            script("/usr/bin/env", Some("-S python3 -u"))
        );
        assert_eq!(of(b"plain"), Kind::Unknown);
        assert_eq!(of(b"\x7fELF\x01\x01"), Kind::Unknown);
        // This test itself is a program with a loader.
        let own = std::fs::read("/proc/self/exe").unwrap();
        assert!(matches!(of(&own), Kind::Dynamic(loader) if loader.starts_with('/')));
    }
}
