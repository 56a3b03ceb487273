//! Tar archives, read in every way there is, and written again.

use std::io::{Cursor, Read};

use lightship_oci::tar::{
    Entry, Expanded, GlobalHeaders, TarReader, TarWriteError, TarWriter, display_path,
};

/// Bytes of a sparse file that are unpacked to see whether they add up; a lying map may ask for
/// exabytes of zeros.
const MAX_EXPANDED_BYTES: u64 = 1024 * 1024;

/// An archive: reading it front to back and reading it by seeking find the same; every byte is
/// counted once; no safe path is unsafe; what was read can be written, and reads the same again.
///
/// Nearly every mutation breaks a header's checksum, and then nothing behind it is reached: so the
/// input is tried as it is and with its checksums repaired.
pub fn tar(input: &[u8]) {
    read_and_write(input);
    let repaired = with_checksums_repaired(input);
    if repaired != input {
        read_and_write(&repaired);
    }
}

fn read_and_write(input: &[u8]) {
    for meaning in [GlobalHeaders::Apply, GlobalHeaders::Ignore] {
        let found = read(input, meaning);
        let sought = seek(input, meaning);
        assert_eq!(found.names_for_seeking(), sought, "seeking finds something else");
        for (entry, stored) in &found.files {
            assert_entry(entry, stored);
        }
        assert_survives_writing(found.files);
    }
}

/// What a reader found before the archive ended or broke.
struct Found {
    /// Entries with their stored payload.
    files: Vec<(Entry, Vec<u8>)>,
    /// The entry whose payload was cut off, if that is how it broke.
    cut: Option<Entry>,
    /// Whether it ended well.
    whole: bool,
}

impl Found {
    fn names_for_seeking(&self) -> (Vec<Entry>, bool) {
        let entries = self.files.iter().map(|(entry, _)| entry.clone());
        (entries.chain(self.cut.clone()).collect(), self.whole)
    }
}

fn read(input: &[u8], meaning: GlobalHeaders) -> Found {
    let mut reader = TarReader::new(input).global_headers(meaning);
    let mut found = Found { files: Vec::new(), cut: None, whole: false };
    let mut payload = 0;
    loop {
        match reader.next_entry() {
            Err(_) => return found,
            Ok(None) => break,
            Ok(Some(entry)) => {
                let mut stored = Vec::new();
                if reader.data().read_to_end(&mut stored).is_err() {
                    found.cut = Some(entry);
                    return found;
                }
                assert_eq!(stored.len() as u64, entry.size, "not the payload that was announced");
                payload += entry.size;
                assert_eq!(reader.payload_bytes(), payload);
                assert!(reader.position() >= entry.header_offset + 512 + entry.size);
                found.files.push((entry, stored));
            }
        }
    }
    reader.drain().expect("a slice can always be read");
    assert_eq!(reader.position(), input.len() as u64, "bytes were not counted, or twice");
    found.whole = true;
    found
}

fn seek(input: &[u8], meaning: GlobalHeaders) -> (Vec<Entry>, bool) {
    let mut reader = TarReader::new(std::io::BufReader::new(Cursor::new(input)));
    reader = reader.global_headers(meaning);
    let mut entries = Vec::new();
    loop {
        match reader.next_entry_seeking() {
            Ok(Some(entry)) => entries.push(entry),
            Ok(None) => return (entries, true),
            Err(_) => return (entries, false),
        }
    }
}

fn assert_entry(entry: &Entry, stored: &[u8]) {
    if let Ok(path) = entry.root_path() {
        let safe = |name: &[u8]| {
            !matches!(name, b"" | b"." | b"..") && !name.contains(&0) && !name.contains(&b'/')
        };
        assert!(path.components().all(safe), "{path}");
    }
    assert!(!display_path(&entry.path).chars().any(char::is_control));
    let Some(map) = &entry.sparse else {
        return assert_eq!(entry.real_size, entry.size, "only sparse files are larger than stored");
    };
    assert_eq!((map.stored_bytes(), map.real_size()), (entry.size, entry.real_size));
    let mut start = Vec::new();
    let read = Expanded::new(stored, map).take(MAX_EXPANDED_BYTES).read_to_end(&mut start);
    assert_eq!(read.expect("all of it is stored") as u64, map.real_size().min(MAX_EXPANDED_BYTES));
}

/// Entries may be refused by the writer; those that are not come back as they were, but for where they
/// stand. Writing them once more gives the same bytes.
fn assert_survives_writing(files: Vec<(Entry, Vec<u8>)>) {
    let mut written = Vec::new();
    let bytes = write(files, &mut written);
    let again = read(&bytes, GlobalHeaders::Ignore);
    assert!(again.whole, "what was written cannot be read");
    let places_aside = |files: &[(Entry, Vec<u8>)]| -> Vec<(Entry, Vec<u8>)> {
        let aside = |(entry, stored): &(Entry, Vec<u8>)| {
            (Entry { header_offset: 0, ..entry.clone() }, stored.clone())
        };
        files.iter().map(aside).collect()
    };
    assert_eq!(places_aside(&again.files), places_aside(&written));
    assert_eq!(write(again.files, &mut Vec::new()), bytes, "writing is not stable");
}

fn write(files: Vec<(Entry, Vec<u8>)>, written: &mut Vec<(Entry, Vec<u8>)>) -> Vec<u8> {
    let mut writer = TarWriter::new(Vec::new());
    for (entry, stored) in files {
        match writer.append(&entry, &mut stored.as_slice()) {
            Ok(()) => written.push((entry, stored)),
            Err(TarWriteError::Unrepresentable { .. }) => {}
            Err(error) => panic!("writing to memory failed: {error:?}"),
        }
    }
    writer.finish().expect("memory takes everything")
}

/// Every block that calls itself `ustar` with the checksum it should have.
pub(super) fn with_checksums_repaired(input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for block in bytes.chunks_exact_mut(512).filter(|block| block[257..].starts_with(b"ustar")) {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    bytes
}
