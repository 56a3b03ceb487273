//! Tar headers made by hand: what no writer of ours would write.

/// A header block under construction.
pub(crate) struct Raw([u8; 512]);

/// Two blocks of zeros: the end of an archive.
pub(crate) const END: [u8; 1024] = [0; 1024];

impl Raw {
    /// A ustar header with this type flag, for so many bytes of payload.
    pub(crate) fn new(name: impl AsRef<[u8]>, flag: u8, size: u64) -> Self {
        let size = format!("{size:011o}\0");
        let mut raw = Self([0; 512])
            .put(100, b"0000644\0")
            .put(108, b"0000000\0")
            .put(116, b"0000000\0")
            .put(124, size.as_bytes())
            .put(136, b"00000000000\0")
            .put(257, b"ustar\x0000");
        raw.0[..name.as_ref().len()].copy_from_slice(name.as_ref());
        raw.0[156] = flag;
        raw
    }

    /// Overwrites the field that begins at this offset.
    pub(crate) fn put(mut self, at: usize, value: &[u8]) -> Self {
        self.0[at..at + value.len()].copy_from_slice(value);
        self
    }

    /// The finished block, with the right checksum.
    pub(crate) fn seal(self) -> Vec<u8> {
        let spaces = self.put(148, b"        ");
        let sum: u32 = spaces.0.iter().map(|byte| u32::from(*byte)).sum();
        spaces.put(148, format!("{sum:06o}\0 ").as_bytes()).0.to_vec()
    }

    /// The finished block with its payload, padded.
    pub(crate) fn with(self, payload: &[u8]) -> Vec<u8> {
        let mut block = self.seal();
        block.extend_from_slice(payload);
        block.resize(block.len().next_multiple_of(512), 0);
        block
    }
}

/// A file with this content.
pub(crate) fn file(name: impl AsRef<[u8]>, content: &[u8]) -> Vec<u8> {
    Raw::new(name, b'0', content.len() as u64).with(content)
}

/// Another name, a link, a device: an entry without payload.
pub(crate) fn link(name: impl AsRef<[u8]>, flag: u8, target: &str) -> Vec<u8> {
    Raw::new(name, flag, 0).put(157, target.as_bytes()).seal()
}

/// An archive of these entries.
pub(crate) fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    entries.iter().flatten().copied().chain(END).collect()
}
