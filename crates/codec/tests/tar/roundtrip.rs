//! Whatever is written is read back the same, and written again to the same bytes; whatever else is
//! read does no harm.

use std::collections::BTreeMap;
use std::io::Read;

use lightship_codec::tar::{
    Entry, EntryKind, Fragment, Mtime, SparseMap, TarReader, TarWriteError, TarWriter,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// Bytes that names are made of: every byte but NUL, with slashes and letters more often.
fn name(max: usize) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => b'a'..=b'e', 1 => Just(b'/'), 1 => 1_u8..=255];
    prop_oneof![vec(byte.clone(), 1..20), vec(byte.clone(), 90..110), vec(byte, 1..max)]
}

fn kind() -> impl Strategy<Value = EntryKind> {
    use EntryKind::{BlockDevice, CharDevice, Directory, Fifo, File, HardLink, Symlink};
    prop::sample::select(vec![
        File,
        File,
        File,
        HardLink,
        Symlink,
        CharDevice,
        BlockDevice,
        Directory,
        Fifo,
    ])
}

fn number(small: u64) -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0..small, 1 => 0..=i64::MAX.unsigned_abs(), 1 => Just(0o7_777_777), 1 => Just(0o10_000_000)]
}

fn mtime() -> impl Strategy<Value = Mtime> {
    let secs = prop_oneof![3 => 0..2_000_000_000_i64, 1 => any::<i32>().prop_map(i64::from), 1 => -i64::MAX..i64::MAX];
    let nanos = prop_oneof![Just(0), 0..1_000_000_000_u32];
    (secs, nanos).prop_map(|(secs, nanos)| Mtime { secs, nanos })
}

fn xattrs() -> impl Strategy<Value = BTreeMap<Vec<u8>, Vec<u8>>> {
    let key = "(user|security|trusted)\\.[a-z.\\xe9]{1,12}".prop_map(String::into_bytes);
    btree_map(key, vec(any::<u8>(), 0..80), 0..3)
}

/// Gaps and lengths in turn, or none for an ordinary file.
fn ranges() -> impl Strategy<Value = Option<Vec<(u64, u64)>>> {
    prop_oneof![3 => Just(None), 1 => vec((0..1_u64 << 40, 1..300_u64), 0..60).prop_map(Some)]
}

fn sparse_of(gaps: &[(u64, u64)], tail: u64) -> SparseMap {
    let mut end = 0;
    let mut ranges = Vec::new();
    for (gap, length) in gaps {
        ranges.push(Fragment { offset: end + gap, length: *length });
        end += gap + length;
    }
    SparseMap::new(ranges, end + tail).unwrap()
}

prop_compose! {
    fn entry()(
        mut path in name(400),
        kind in kind(),
        mode in 0..=0o7777_u32,
        owner in (number(3_000_000), number(3_000_000)),
        names in (name(60), name(60), any::<bool>()),
        mtime in mtime(),
        target in name(400),
        device in (any::<u32>(), 0..4096_u32),
        xattrs in xattrs(),
        content in vec(any::<u8>(), 0..1500),
        ranges in ranges(),
        tail in 0..1_u64 << 30,
    ) -> (Entry, Vec<u8>) {
        if kind != EntryKind::Directory {
            while path.ends_with(b"/") {
                path.push(b'f');
            }
        }
        let mut entry = Entry { mode, uid: owner.0, gid: owner.1, mtime, xattrs, ..Entry::new(path, kind) };
        if names.2 {
            (entry.user_name, entry.group_name) = (names.0, names.1);
        }
        if kind.is_link() {
            entry.link_target = target;
        }
        if kind.is_device() {
            entry.device = device;
        }
        if kind != EntryKind::File {
            return (entry, Vec::new());
        }
        let mut content = content;
        entry.sparse = ranges.map(|gaps| sparse_of(&gaps, tail));
        if let Some(map) = &entry.sparse {
            content = content.into_iter().cycle().take(usize::try_from(map.stored_bytes()).unwrap()).collect();
            content.resize(usize::try_from(map.stored_bytes()).unwrap(), 9);
        }
        entry.size = content.len() as u64;
        entry.real_size = entry.sparse.as_ref().map_or(entry.size, SparseMap::real_size);
        (entry, content)
    }
}

fn write(entries: &[(Entry, Vec<u8>)]) -> Vec<u8> {
    let mut writer = TarWriter::new(Vec::new());
    for (entry, content) in entries {
        writer.append(entry, &mut &content[..]).unwrap();
    }
    writer.finish().unwrap()
}

fn read(archive: &[u8]) -> Vec<(Entry, Vec<u8>)> {
    let mut reader = TarReader::new(archive);
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        let mut content = Vec::new();
        reader.data().read_to_end(&mut content).unwrap();
        entries.push((entry, content));
    }
    reader.drain().unwrap();
    assert_eq!(reader.position(), archive.len() as u64);
    assert_eq!(reader.payload_bytes(), entries.iter().map(|(entry, _)| entry.size).sum::<u64>());
    entries
}

/// Reads whatever it is to its end or first error, and gives back how many entries there were.
fn survive(bytes: &[u8]) -> usize {
    let mut reader = TarReader::new(bytes);
    let mut count = 0;
    while let Ok(Some(entry)) = reader.next_entry() {
        count += 1;
        assert!(entry.real_size >= entry.size);
        if let Some(map) = entry.sparse {
            let mut some = Vec::new();
            drop(reader.data().expanded(&map).take(4096).read_to_end(&mut some));
        }
        let _ = entry.path.len();
    }
    assert!(reader.position() <= bytes.len() as u64);
    count
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn written_entries_are_read_back(entries in vec(entry(), 0..8)) {
        let archive = write(&entries);
        prop_assert_eq!(archive.len() % 512, 0);
        let mut found = read(&archive);
        let mut offset = None;
        for (entry, _) in &mut found {
            prop_assert!(Some(entry.header_offset) > offset);
            offset = Some(std::mem::take(&mut entry.header_offset));
        }
        prop_assert_eq!(&found, &entries);
        prop_assert!(write(&found) == archive, "the same entries must give the same bytes");
    }

    #[test]
    fn damaged_archives_do_no_harm(
        entries in vec(entry(), 1..4),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        reseal in any::<bool>(),
    ) {
        let mut archive = write(&entries);
        for (at, byte) in damage {
            let at = at.index(archive.len());
            archive[at] = byte;
            if reseal {
                // Make the header that was hit believable again, so that the damage gets past the
                // checksum.
                let start = at / 512 * 512;
                let block = &mut archive[start..start + 512];
                block[148..156].fill(b' ');
                let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
                block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        survive(&archive);
    }

    #[test]
    fn noise_does_no_harm(bytes in vec(any::<u8>(), 0..3000)) {
        survive(&bytes);
    }
}

#[test]
fn what_no_reader_would_read_back_is_refused() {
    let file = || Entry { size: 1, real_size: 1, ..Entry::new("f", EntryKind::File) };
    let link = |target: &[u8]| Entry {
        link_target: target.to_vec(),
        ..Entry::new("l", EntryKind::Symlink)
    };
    let attribute =
        |key: &[u8]| Entry { xattrs: BTreeMap::from([(key.to_vec(), b"v".to_vec())]), ..file() };
    for entry in [
        Entry { path: b"a\0b".to_vec(), ..file() },
        Entry { path: Vec::new(), ..file() },
        Entry { path: b"f/".to_vec(), ..file() },
        Entry { user_name: b"\0".to_vec(), ..file() },
        Entry { mode: 0o10_000, ..file() },
        Entry { mtime: Mtime { secs: 0, nanos: 1_000_000_000 }, ..file() },
        Entry { uid: u64::MAX, ..file() },
        Entry { size: u64::MAX, real_size: u64::MAX, ..file() },
        Entry { real_size: 2, ..file() },
        Entry { sparse: Some(SparseMap::new(vec![], 1).unwrap()), ..file() },
        attribute(b""),
        attribute(b"user.a=b"),
        attribute(b"user.\0"),
        Entry { xattrs: BTreeMap::from([(b"user.big".to_vec(), vec![0; 1 << 20])]), ..file() },
        link(b""),
        link(b"a\0"),
    ] {
        let result = TarWriter::new(Vec::new()).append(&entry, &mut &b"x"[..]);
        assert!(matches!(result, Err(TarWriteError::Unrepresentable { .. })), "{entry:?}");
    }
}

#[test]
fn content_must_have_the_announced_length() {
    let entry = Entry { size: 3, real_size: 3, ..Entry::new("f", EntryKind::File) };
    for (content, longer) in [(&b"ab"[..], false), (b"abcd", true)] {
        let result = TarWriter::new(Vec::new()).append(&entry, &mut &content[..]);
        match result {
            Err(TarWriteError::Length { expected: 3, longer: found, .. }) => {
                assert_eq!(found, longer);
            }
            other => panic!("{other:?}"),
        }
    }
}
