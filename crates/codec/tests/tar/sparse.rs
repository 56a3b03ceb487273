//! Sparse files, in the four ways there are to write them.

use std::io::Read;

use lightship_codec::tar::{
    Entry, Expanded, Fragment, SparseMap, TarErrorKind, TarReader, TarWriter,
};

use crate::raw::{END, Raw, entries, extension, file, padded, pax, record};

/// Two stored ranges in a file of 20 bytes: `..AAA.....BBBB......`
const STORED: &[u8] = b"AAABBBB";
const EXPANDED: &[u8] = b"\0\0AAA\0\0\0\0\0BBBB\0\0\0\0\0\0";

fn check(archive: &[u8]) -> Entry {
    let mut reader = TarReader::new(archive);
    let entry = reader.next_entry().unwrap().unwrap();
    assert_eq!((entry.size, entry.real_size), (7, 20));
    let map = entry.sparse.clone().unwrap();
    assert_eq!(
        map.fragments(),
        [Fragment { offset: 2, length: 3 }, Fragment { offset: 10, length: 4 }]
    );
    let mut expanded = Vec::new();
    reader.data().expanded(&map).read_to_end(&mut expanded).unwrap();
    assert_eq!(expanded, EXPANDED);
    assert_eq!(reader.next_entry().unwrap().unwrap().path, b"next");
    assert!(reader.next_entry().unwrap().is_none());
    // Only what is stored counts as payload; maps are headers.
    assert_eq!(reader.payload_bytes(), 7 + 1);
    entry
}

fn with_next(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), file("next", b"!"), END.to_vec()].concat()
}

fn pair(offset: u64, length: u64) -> Vec<u8> {
    format!("{offset:011o}\0{length:011o}\0").into_bytes()
}

fn old(pairs: &[Vec<u8>], more: bool, size: u64, real: u64) -> Vec<u8> {
    Raw::new("old", b'S', size)
        .gnu()
        .put(386..482, &pairs.concat())
        .put(482..483, &[u8::from(more)])
        .put(483..495, format!("{real:011o}\0").as_bytes())
        .seal()
}

#[test]
fn the_old_gnu_format() {
    let plain = old(&[pair(2, 3), pair(10, 4), pair(20, 0)], false, 7, 20);
    check(&with_next(&[plain, padded(STORED)]));
    // An extension block may carry the rest, and another one nothing.
    let mut block = padded(pair(10, 4));
    block[504] = 1;
    let spread = [old(&[pair(2, 3)], true, 7, 20), block, vec![0; 512], padded(STORED)];
    check(&with_next(&spread));
}

#[test]
fn pax_formats_with_the_map_in_records() {
    let body = [Raw::new("GNUSparseFile.1/f", b'0', 7).seal(), padded(STORED)].concat();
    let zero = extension(
        b'x',
        [
            record("GNU.sparse.size", "20"),
            record("GNU.sparse.numblocks", "2"),
            record("GNU.sparse.offset", "2"),
            record("GNU.sparse.numbytes", "3"),
            record("GNU.sparse.offset", "10"),
            record("GNU.sparse.numbytes", "4"),
        ]
        .concat(),
    );
    check(&with_next(&[zero, body.clone()]));
    let one: &[(&str, &[u8])] = &[
        ("GNU.sparse.major", b"0"),
        ("GNU.sparse.minor", b"1"),
        ("GNU.sparse.name", b"real name"),
        ("GNU.sparse.size", b"20"),
        ("GNU.sparse.map", b"2,3,10,4,20,0"),
    ];
    assert_eq!(check(&with_next(&[pax(one), body])).path, b"real name");
}

fn one_dot_zero(map: &str, size: u64, real: &str) -> Vec<u8> {
    [
        pax(&[
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.name", b"real name"),
            ("GNU.sparse.realsize", real.as_bytes()),
        ]),
        Raw::new("GNUSparseFile.1/f", b'0', size).seal(),
        padded(map),
    ]
    .concat()
}

#[test]
fn the_pax_format_with_the_map_before_the_payload() {
    let archive = with_next(&[one_dot_zero("2\n2\n3\n10\n4\n", 512 + 7, "20"), padded(STORED)]);
    assert_eq!(check(&archive).path, b"real name");
}

#[test]
fn maps_may_fill_many_blocks() {
    let ranges: Vec<Fragment> =
        (0..5000).map(|at| Fragment { offset: at * 10, length: 1 }).collect();
    let map = SparseMap::new(ranges, 1 << 40).unwrap();
    let entry = Entry {
        size: 5000,
        real_size: 1 << 40,
        sparse: Some(map),
        ..Entry::new("huge", lightship_codec::tar::EntryKind::File)
    };
    let mut writer = TarWriter::new(Vec::new());
    writer.append(&entry, &mut &[7; 5000][..]).unwrap();
    let archive = writer.finish().unwrap();
    assert!(archive.len() < 100_000, "a hole of a terabyte must stay a hole");
    assert_eq!(entries(&archive).unwrap(), [entry]);
}

#[test]
fn maps_that_lie_are_found_out() {
    for (map, size, real, why) in [
        ("2\n2\n3\n4\n4\n", 519, "20", "overlap"),
        ("2\n10\n4\n2\n3\n", 519, "20", "overlap"),
        ("2\n2\n3\n10\n4\n", 519, "13", "ends after the file"),
        ("1\n9223372036854775807\n9223372036854775807\n", 519, "20", "ends after the file"),
        ("2\n2\n3\n10\n5\n", 519, "20", "more or fewer bytes"),
        ("2\n2\n3\n10\n4\n", 520, "20", "more or fewer bytes"),
        ("9\n2\n3\n10\n4\n", 519, "20", "not a number"),
        ("2\n2\n3\n", 100, "20", "more or fewer ranges"),
        ("two\n", 519, "20", "not a number"),
        ("-1\n", 519, "20", "not a number"),
        ("000000000000000000000000002\n", 519, "20", "not a number"),
        ("18446744073709551617\n", 519, "20", "not a number"),
    ] {
        let archive = with_next(&[one_dot_zero(map, size, real), padded(STORED)]);
        let error = entries(&archive).unwrap_err();
        assert!(error.to_string().contains(why), "{map:?}: {error}");
        assert!(error.to_string().contains("real name"), "{error}");
    }
}

#[test]
fn a_map_that_never_ends_is_cut_off() {
    // Announces more than it could ever hold, and goes on for megabytes.
    let numbers = "0\n0\n".repeat(1 << 20);
    let map = format!("1099511627776\n{numbers}");
    let archive = with_next(&[one_dot_zero(&map, 1 << 30, "20")]);
    let error = entries(&archive).unwrap_err();
    assert!(matches!(error.kind, TarErrorKind::ExtensionTooLarge { .. }), "{error}");
    // So is the old format's chain of extension blocks.
    let mut block = padded(pair(0, 0));
    block[504] = 1;
    let archive = [old(&[pair(0, 0)], true, 0, 0), block.repeat(4096)].concat();
    let error = entries(&archive).unwrap_err();
    assert!(matches!(error.kind, TarErrorKind::ExtensionTooLarge { .. }), "{error}");
}

#[test]
fn only_files_are_sparse_and_only_gnu_headers_are_old() {
    let folder = [
        pax(&[("GNU.sparse.map", b"0,0"), ("GNU.sparse.size", b"5")]),
        Raw::new("d", b'5', 0).seal(),
    ];
    assert!(entries(&folder.concat()).unwrap_err().to_string().contains("not a file"));
    let ustar = Raw::new("f", b'S', 0).seal();
    assert!(entries(&ustar).unwrap_err().to_string().contains("GNU header"));
}

#[test]
fn unknown_versions_are_ordinary_files() {
    let archive = [
        pax(&[("GNU.sparse.major", b"2"), ("GNU.sparse.minor", b"0"), ("GNU.sparse.name", b"n")]),
        file("f", b"abc"),
    ];
    let entry = &entries(&archive.concat()).unwrap()[0];
    assert_eq!((&entry.path[..], entry.size, &entry.sparse), (&b"f"[..], 3, &None));
}

#[test]
fn a_short_source_does_not_pass_for_a_whole_file() {
    let map = SparseMap::new(vec![Fragment { offset: 2, length: 3 }], 20).unwrap();
    let error = Expanded::new(&b"AA"[..], &map).read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}
