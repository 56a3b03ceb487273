//! Every dialect is read as those who write it mean it.

use lightship_codec::tar::{Entry, EntryKind, GlobalHeaders, Mtime, TarReader};
use std::io::Read;

use crate::raw::{END, Raw, entries, extension, file, only, padded, pax, record};

#[test]
fn version_7_marks_folders_by_a_slash() {
    assert_eq!(only(&[Raw::new("d/", 0, 0).v7().seal()]).kind, EntryKind::Directory);
    assert_eq!(only(&[Raw::new("d/", b'0', 0).v7().seal()]).kind, EntryKind::Directory);
    assert_eq!(only(&[Raw::new("f", 0, 0).v7().seal()]).kind, EntryKind::File);
    // Like Go, and so containerd: where there is a flag for folders, the slash means nothing.
    assert_eq!(only(&[Raw::new("d/", b'0', 0).seal()]).kind, EntryKind::File);
    assert_eq!(only(&[Raw::new("d/", 0, 0).seal()]).kind, EntryKind::Directory);
}

#[test]
fn type_flags_become_kinds() {
    for (flag, kind) in [
        (b'0', EntryKind::File),
        (b'1', EntryKind::HardLink),
        (b'2', EntryKind::Symlink),
        (b'3', EntryKind::CharDevice),
        (b'4', EntryKind::BlockDevice),
        (b'5', EntryKind::Directory),
        (b'6', EntryKind::Fifo),
        (b'7', EntryKind::File),
    ] {
        assert_eq!(only(&[Raw::new("e", flag, 0).seal()]).kind, kind);
    }
}

#[test]
fn a_prefix_stands_before_the_name() {
    let long = "p".repeat(155);
    let ustar = Raw::new("name", b'0', 0).put(345..500, long.as_bytes()).seal();
    assert_eq!(only(&[ustar]).path, format!("{long}/name").into_bytes());
    // In version 7 and GNU headers there is something else.
    let v7 = Raw::new("name", b'0', 0).v7().put(345..500, b"prefix").seal();
    assert_eq!(only(&[v7]).path, b"name");
    let gnu = Raw::new("name", b'0', 0).gnu().put(345..357, b"14000000000\0").seal();
    assert_eq!(only(&[gnu]).path, b"name");
    // star has a shorter one, with times behind it.
    let star = Raw::new("name", b'0', 0)
        .put(345..476, "s".repeat(131).as_bytes())
        .put(476..488, b"12345670123\0")
        .put(508..512, b"tar\0")
        .seal();
    assert_eq!(only(&[star]).path, format!("{}/name", "s".repeat(131)).into_bytes());
    // Go before 1.8 put one where GNU keeps times.
    let go = Raw::new("name", b'0', 0).gnu().put(345..500, b"usr/share/doc").seal();
    assert_eq!(only(&[go]).path, b"usr/share/doc/name");
}

#[test]
fn fields_may_be_full_to_the_last_byte() {
    let name = "n".repeat(100);
    let entry = only(&[Raw::new(&name, b'2', 0).put(157..257, &[b't'; 100]).seal()]);
    assert_eq!((entry.path, entry.link_target), (name.into_bytes(), vec![b't'; 100]));
}

#[test]
fn numbers_are_octal_or_base_256() {
    let entry = only(&[Raw::new("f", b'3', 0)
        .put(100..108, b"0104755\0")
        .put(108..116, b"\x80\0\0\0\x7f\xff\xff\xff")
        .put(116..124, b"   144 \0")
        .put(136..148, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe")
        .put(329..337, b"0000010\0")
        .put(337..345, b"\x80\0\0\0\0\x10\0\0")
        .seal()]);
    assert_eq!((entry.mode, entry.uid, entry.gid), (0o4755, 0x7fff_ffff, 100));
    assert_eq!(entry.mtime, Mtime { secs: -2, nanos: 0 });
    assert_eq!(entry.device, (8, 0x0010_0000));
}

#[test]
fn device_numbers_of_what_is_no_device_do_not_matter() {
    let entry = only(&[Raw::new("f", b'0', 0).put(329..345, b"rubbish rubbish!").seal()]);
    assert_eq!(entry.device, (0, 0));
}

#[test]
fn checksums_may_be_signed() {
    let block = Raw::new("caf\u{e9}", b'0', 0).seal();
    let signed: i32 = block
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { i32::from(byte.cast_signed()) })
        .sum();
    let mut block = block;
    block[148..156].copy_from_slice(format!("{signed:06o}\0 ").as_bytes());
    assert_eq!(only(&[block]).path, "caf\u{e9}".as_bytes());
}

#[test]
fn long_names_come_before_their_entry() {
    let (name, target) = (vec![b'n'; 300], vec![b't'; 400]);
    let terminated = |text: &[u8]| [text, b"\0"].concat();
    let entry = only(&[
        extension(b'K', terminated(&target)),
        extension(b'L', terminated(&name)),
        Raw::new("cut", b'2', 0).gnu().seal(),
    ]);
    assert_eq!((entry.path, entry.link_target, entry.header_offset), (name, target, 0));
    let wins = only(&[
        extension(b'L', "from L\0"),
        pax(&[("path", b"from pax")]),
        Raw::new("own", b'0', 0).seal(),
    ]);
    assert_eq!(wins.path, b"from L");
}

#[test]
fn pax_records_override_the_header() {
    let mut big = Raw::new("short", b'0', 0).seal();
    big.extend(padded("content"));
    let entry = only(&[
        pax(&[
            ("path", b"a/b\xff"),
            ("size", b"7"),
            ("uid", b"3000000"),
            ("gid", b"4000000"),
            ("uname", b"\xc3\xbc"),
            ("gname", b"g"),
            ("mtime", b"-1.25"),
            ("atime", b"nobody reads this"),
            ("hdrcharset", b"BINARY"),
            ("comment", b""),
        ]),
        big,
    ]);
    let expected = Entry {
        uid: 3_000_000,
        gid: 4_000_000,
        user_name: b"\xc3\xbc".to_vec(),
        group_name: b"g".to_vec(),
        mtime: Mtime { secs: -2, nanos: 750_000_000 },
        mode: 0o644,
        size: 7,
        real_size: 7,
        ..Entry::new(&b"a/b\xff"[..], EntryKind::File)
    };
    assert_eq!(entry, expected);
}

#[test]
fn times_have_nine_digits() {
    for (text, secs, nanos) in [
        ("0", 0, 0),
        ("12", 12, 0),
        ("12.", 12, 0),
        ("12.5", 12, 500_000_000),
        ("12.000000001", 12, 1),
        ("12.0000000019", 12, 1),
        ("-1", -1, 0),
        ("-0.5", -1, 500_000_000),
        ("-0.000000001", -1, 999_999_999),
    ] {
        let entry = only(&[pax(&[("mtime", text.as_bytes())]), Raw::new("f", b'0', 0).seal()]);
        assert_eq!(entry.mtime, Mtime { secs, nanos }, "{text}");
    }
}

#[test]
fn an_empty_value_restores_the_headers_own() {
    let entry = only(&[
        pax(&[("path", b""), ("uid", b""), ("mtime", b"")]),
        Raw::new("own", b'0', 0).put(108..116, b"0000007\0").seal(),
    ]);
    assert_eq!((entry.path, entry.uid), (b"own".to_vec(), 7));
}

#[test]
fn of_two_headers_before_an_entry_the_last_counts() {
    let entry = only(&[
        pax(&[("uid", b"1"), ("gid", b"1")]),
        pax(&[("uid", b"2")]),
        Raw::new("f", b'0', 0).seal(),
    ]);
    assert_eq!((entry.uid, entry.gid), (2, 0));
}

#[test]
fn attributes_keep_every_byte() {
    let value = b"\x01\0=\n\xff".as_slice();
    let entry = only(&[
        pax(&[
            ("SCHILY.xattr.security.capability", value),
            ("SCHILY.xattr.user.empty", b""),
            ("LIBARCHIVE.xattr.user.%41%3d", b"AQA9Cv8"),
            ("LIBARCHIVE.xattr.user.both", b"bGliYXJjaGl2ZQ=="),
            ("SCHILY.xattr.user.both", b"schily"),
        ]),
        Raw::new("f", b'0', 0).seal(),
    ]);
    let found: Vec<(&[u8], &[u8])> = entry.xattrs.iter().map(|(k, v)| (&k[..], &v[..])).collect();
    let expected: [(&[u8], &[u8]); 4] = [
        (b"security.capability", value),
        (b"user.A=", value),
        (b"user.both", b"schily"),
        (b"user.empty", b""),
    ];
    assert_eq!(found, expected);
}

#[test]
fn global_headers_last_until_overridden() {
    let archive = [
        extension(b'g', [record("uid", "5"), record("gid", "6")].concat()),
        file("a", b""),
        pax(&[("uid", b"7")]),
        file("b", b""),
        pax(&[("uid", b"")]),
        file("c", b""),
        extension(b'g', record("gid", "")),
        file("d", b""),
        END.to_vec(),
    ]
    .concat();
    let owners: Vec<(u64, u64)> =
        entries(&archive).unwrap().iter().map(|entry| (entry.uid, entry.gid)).collect();
    assert_eq!(owners, [(5, 6), (7, 6), (0, 6), (5, 0)]);

    let mut reader = TarReader::new(&archive[..]).global_headers(GlobalHeaders::Ignore);
    let first = reader.next_entry().unwrap().unwrap();
    assert_eq!((first.uid, first.gid), (0, 0));
}

#[test]
fn what_has_no_content_has_no_payload_whatever_its_size_field_says() {
    for flag in b'1'..=b'6' {
        let archive =
            [Raw::new("e", flag, 1 << 32).seal(), file("next", b"x"), END.to_vec()].concat();
        let entries = entries(&archive).unwrap();
        assert_eq!(entries[0].size, 0);
        assert_eq!(entries[1].path, b"next");
    }
}

#[test]
fn the_end_may_be_missing_and_something_may_follow_it() {
    let body = [file("a", b"12345"), file("b", b"")].concat();
    for (tail, drained) in [
        (vec![], 0),
        (vec![0; 512], 512),
        (END.to_vec(), 1024),
        ([&END[..], b"trailing rubbish"].concat(), 1040),
    ] {
        let archive = [body.clone(), tail].concat();
        let mut reader = TarReader::new(&archive[..]);
        while reader.next_entry().unwrap().is_some() {}
        assert!(reader.position() <= 1536 + 1024);
        assert!(reader.next_entry().unwrap().is_none());
        reader.drain().unwrap();
        assert_eq!(reader.position(), 1536 + drained);
        assert_eq!(reader.payload_bytes(), 5);
    }
}

#[test]
fn payloads_can_be_read_in_part_or_whole() {
    let archive = [file("a", &[1; 1000]), file("b", &[2; 512]), file("c", b"")].concat();
    let mut reader = TarReader::new(std::io::BufReader::with_capacity(7, &archive[..]));
    reader.next_entry().unwrap();
    let mut some = [0; 10];
    reader.data().read_exact(&mut some).unwrap();
    assert_eq!((some, reader.data().remaining()), ([1; 10], 990));
    reader.next_entry().unwrap();
    let mut whole = Vec::new();
    reader.data().read_to_end(&mut whole).unwrap();
    assert_eq!(whole, [2; 512]);
    let last = reader.next_entry().unwrap().unwrap();
    assert_eq!(last.header_offset, 512 + 1024 + 512 + 512);
    assert_eq!(reader.data().read(&mut some).unwrap(), 0);
    assert!(reader.next_entry().unwrap().is_none());
    assert_eq!((reader.payload_bytes(), reader.position()), (1512, archive.len() as u64));
}

#[test]
fn seeking_over_payloads_finds_the_same() {
    let archive =
        [file("a", &vec![1; 100_000]), file("b", &[2; 20]), file("c", &vec![3; 65536])].concat();
    let mut seeking = TarReader::new(std::io::BufReader::new(std::io::Cursor::new(&archive)));
    for expected in entries(&archive).unwrap() {
        assert_eq!(seeking.next_entry_seeking().unwrap(), Some(expected));
    }
    assert_eq!(seeking.next_entry_seeking().unwrap(), None);
    assert_eq!(seeking.position(), archive.len() as u64);

    let short = &archive[..archive.len() - 1];
    let mut seeking = TarReader::new(std::io::BufReader::new(std::io::Cursor::new(short)));
    for _ in 0..3 {
        seeking.next_entry_seeking().unwrap().unwrap();
    }
    let error = seeking.next_entry_seeking().unwrap_err();
    assert!(error.to_string().contains("ends inside"), "{error}");
}
