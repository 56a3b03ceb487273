//! Headers made by hand, right or wrong.

use std::ops::Range;

use lightship_codec::tar::{Entry, TarError, TarReader};

/// A header block under construction; ustar unless something else is asked for.
pub(crate) struct Raw([u8; 512]);

/// Two blocks of zeros.
pub(crate) const END: [u8; 1024] = [0; 1024];

impl Raw {
    /// A header whose every field but these is zero.
    pub(crate) fn new(name: impl AsRef<[u8]>, flag: u8, size: u64) -> Self {
        let mut raw = Self([0; 512])
            .put(100..108, b"0000644\0")
            .put(108..116, b"0000000\0")
            .put(116..124, b"0000000\0")
            .put(124..136, format!("{size:011o}\0").as_bytes())
            .put(136..148, b"00000000000\0")
            .put(257..265, b"ustar\x0000");
        let name = name.as_ref();
        raw.0[..name.len()].copy_from_slice(name);
        raw.0[156] = flag;
        raw
    }

    /// The same as GNU tar would begin it.
    pub(crate) fn gnu(self) -> Self {
        self.put(257..265, b"ustar  \0")
    }

    /// The same without anything that version 7 did not have.
    pub(crate) fn v7(self) -> Self {
        self.put(257..512, &[0; 255])
    }

    /// Overwrites a field, zeros after the value.
    pub(crate) fn put(mut self, range: Range<usize>, value: &[u8]) -> Self {
        self.0[range.clone()].fill(0);
        self.0[range][..value.len()].copy_from_slice(value);
        self
    }

    /// With the right checksum.
    pub(crate) fn seal(self) -> Vec<u8> {
        let spaces = self.put(148..156, b"        ");
        let sum: u32 = spaces.0.iter().map(|byte| u32::from(*byte)).sum();
        spaces.put(148..156, format!("{sum:06o}\0 ").as_bytes()).0.to_vec()
    }

    /// As it stands.
    pub(crate) fn unsealed(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

/// Fills the last block with zeros.
pub(crate) fn padded(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut bytes = bytes.as_ref().to_vec();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// A file with its content.
pub(crate) fn file(name: impl AsRef<[u8]>, content: &[u8]) -> Vec<u8> {
    [Raw::new(name, b'0', content.len() as u64).seal(), padded(content)].concat()
}

/// An extension header (`x`, `g`, `L`, `K`) with its payload.
pub(crate) fn extension(flag: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    file_of_kind("extension", flag, payload.as_ref())
}

fn file_of_kind(name: &str, flag: u8, content: &[u8]) -> Vec<u8> {
    [Raw::new(name, flag, content.len() as u64).seal(), padded(content)].concat()
}

/// A pax record with the right length.
pub(crate) fn record(key: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    let rest = [b" ", key.as_bytes(), b"=", value.as_ref(), b"\n"].concat();
    let length =
        (rest.len()..rest.len() + 20).find(|n| n.to_string().len() + rest.len() == *n).unwrap();
    [length.to_string().into_bytes(), rest].concat()
}

/// A pax header with these records.
pub(crate) fn pax(records: &[(&str, &[u8])]) -> Vec<u8> {
    let records: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
    extension(b'x', records)
}

/// All entries, or the error that ended them.
pub(crate) fn entries(archive: &[u8]) -> Result<Vec<Entry>, TarError> {
    let mut reader = TarReader::new(archive);
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        entries.push(entry);
    }
    Ok(entries)
}

/// The only entry of an archive made of these parts and an end marker.
pub(crate) fn only(parts: &[Vec<u8>]) -> Entry {
    let mut entries = entries(&[parts.concat(), END.to_vec()].concat()).unwrap();
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}
