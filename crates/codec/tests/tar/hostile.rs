//! Archives that lie: each is told apart and named, none is believed.

use std::io::Read;

use lightship_codec::tar::{Limits, Part, TarError, TarErrorKind, TarReader};

use crate::raw::{END, Raw, entries, extension, file, padded, pax, record};

fn error(parts: &[Vec<u8>]) -> TarError {
    entries(&parts.concat()).unwrap_err()
}

#[test]
fn wrong_checksums() {
    let found = error(&[file("first", b"x"), Raw::new("f", b'0', 0).unsealed()]);
    assert!(matches!(found.kind, TarErrorKind::BadChecksum));
    assert_eq!(found.offset, 1024);
    assert!(matches!(error(&[vec![b'x'; 512]]).kind, TarErrorKind::BadChecksum));
    let lone = error(&[vec![0; 512], file("f", b"")]);
    assert!(matches!(lone.kind, TarErrorKind::LoneZeroBlock));
}

#[test]
fn numbers_that_cannot_be() {
    for (range, value, field) in [
        (124..136, &b"-0000000001\0"[..], "size"),
        (124..136, &[0xff; 12][..], "size"),
        (124..136, b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", "size"),
        (124..136, b"\x80\0\0\x01\0\0\0\0\0\0\0\0", "size"),
        (124..136, b"12345678\0\0\0\0", "size"),
        (108..116, b"\xff\xff\xff\xff\xff\xff\xff\xff", "user id"),
        (116..124, b"nogroup\0", "group id"),
        (100..108, b"rwxr-xr-", "mode"),
        (136..148, b"yesterday\0\0\0", "modification time"),
    ] {
        let found = error(&[Raw::new("f", b'0', 0).put(range, value).seal()]);
        assert!(matches!(found.kind, TarErrorKind::BadNumber(name) if name == field), "{found}");
    }
    let device = Raw::new("f", b'3', 0).put(329..337, b"\x80\0\0\x01\0\0\0\0").seal();
    assert!(matches!(error(&[device]).kind, TarErrorKind::BadNumber("major device number")));
}

#[test]
fn sizes_that_the_stream_does_not_have() {
    for size in [1, 512, 1 << 32] {
        let found = error(&[Raw::new("f", b'0', size).seal()]);
        assert!(matches!(found.kind, TarErrorKind::UnexpectedEnd(Part::Payload)), "{found}");
    }
    let huge = [pax(&[("size", b"9223372036854775807")]), Raw::new("f", b'0', 0).seal()];
    assert!(matches!(error(&huge).kind, TarErrorKind::BadNumber("size")));
}

#[test]
fn a_payload_that_ends_early_is_no_short_read() {
    let archive = [Raw::new("f", b'0', 100).seal(), b"only this".to_vec()].concat();
    let mut reader = TarReader::new(&archive[..]);
    reader.next_entry().unwrap();
    let failed = reader.data().read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(failed.kind(), std::io::ErrorKind::UnexpectedEof);
    assert!(failed.to_string().contains("entry `f`"), "{failed}");
    assert!(matches!(reader.next_entry().unwrap_err().kind, TarErrorKind::AfterError));
}

#[test]
fn cuts_anywhere_are_noticed_unless_between_blocks() {
    let whole = [
        pax(&[("SCHILY.xattr.user.a", b"b")]),
        file("first", &[1; 700]),
        extension(b'L', "second\0"),
        Raw::new("s", b'2', 0).seal(),
        END.to_vec(),
    ]
    .concat();
    for cut in 0..whole.len() {
        match entries(&whole[..cut]) {
            Ok(_) => assert_eq!(cut % 512, 0, "cut at {cut}"),
            Err(found) => assert!(
                matches!(
                    found.kind,
                    TarErrorKind::UnexpectedEnd(_) | TarErrorKind::DanglingExtension
                ),
                "{found}"
            ),
        }
    }
}

fn pax_error(records: impl AsRef<[u8]>) -> TarError {
    error(&[extension(b'x', &records), file("f", b""), END.to_vec()])
}

#[test]
fn pax_records_whose_shape_lies() {
    assert!(entries(&[extension(b'x', "12 path=abc\n"), file("f", b"")].concat()).is_ok());
    for records in [
        "12 path=ab\n",
        "10 path=abc\n",
        "13 path=abc\n",
        "999 path=abc\n",
        "99999999999999999999 path=abc\n",
        "0 path=abc\n",
        "3 \n",
        "-12 path=abc\n",
        " 12 path=abc\n",
        "+12 path=abc\n",
        "12\tpath=abc\n",
        "12 path abc\n",
        "9 =value\n",
        "path=abc\n",
        "12 path=abc\n\n",
        "12 path=abc\n12 path=a",
        "12 pa\0h=abc\n",
    ] {
        let found = pax_error(records);
        assert!(matches!(found.kind, TarErrorKind::BadPax { .. }), "{records:?}: {found}");
        assert!(!found.to_string().chars().any(char::is_control), "{found:?}");
    }
}

#[test]
fn pax_records_whose_value_lies() {
    for (key, value) in [
        ("path", "a\0c"),
        ("linkpath", "\0"),
        ("uid", "-1"),
        ("gid", "1 "),
        ("size", "0x10"),
        ("size", "9223372036854775808"),
        ("mtime", "1e9"),
        ("mtime", "1.5s"),
        ("mtime", "--1"),
        ("mtime", "."),
        ("SCHILY.xattr.", "value"),
        ("GNU.sparse.offset", "1"),
        ("GNU.sparse.numbytes", "1"),
        ("GNU.sparse.realsize", "many"),
        ("LIBARCHIVE.xattr.a", "?!"),
        ("LIBARCHIVE.xattr.%4", "YQ"),
        ("LIBARCHIVE.xattr.%zz", "YQ"),
        ("LIBARCHIVE.xattr.%00", "YQ"),
    ] {
        let found = pax_error(record(key, value));
        let named = matches!(&found.kind, TarErrorKind::BadPax { key: named, .. } if named == key);
        assert!(named, "{key}={value}: {found}");
    }
}

#[test]
fn extensions_without_an_entry() {
    for part in [pax(&[("path", b"p")]), extension(b'L', "l\0"), extension(b'K', "k\0")] {
        let at_the_end = error(&[file("f", b""), part.clone()]);
        assert!(matches!(at_the_end.kind, TarErrorKind::DanglingExtension));
        let before_the_marker = error(&[part, END.to_vec()]);
        assert!(matches!(before_the_marker.kind, TarErrorKind::DanglingExtension));
    }
    // A global header alone is what `git archive` of nothing writes.
    assert!(entries(&extension(b'g', record("comment", "c"))).unwrap().is_empty());
}

#[test]
fn extensions_without_end() {
    let big = vec![b'x'; 600_000];
    let twice = error(&[extension(b'L', &big), extension(b'K', &big)]);
    assert!(matches!(twice.kind, TarErrorKind::ExtensionTooLarge { limit: 1_048_576 }));
    // The size is refused before anything is allocated or read for it.
    let huge = error(&[Raw::new("x", b'x', 8_000_000_000).seal()]);
    assert!(matches!(huge.kind, TarErrorKind::ExtensionTooLarge { .. }));
    // Headers without content count too, or a chain of them could go on forever.
    let chain = error(&[extension(b'x', "").repeat(5000)]);
    assert!(matches!(chain.kind, TarErrorKind::ExtensionTooLarge { .. }));
    // Global records add up over the whole archive.
    let step = |at: usize| {
        let key = format!("SCHILY.xattr.user.{at}");
        [extension(b'g', record(&key, vec![b'v'; 50_000])), file("f", b"")].concat()
    };
    let globals = error(&(0..30).map(step).collect::<Vec<_>>());
    assert!(matches!(globals.kind, TarErrorKind::ExtensionTooLarge { .. }));
}

#[test]
fn names_that_no_filesystem_takes() {
    let name = vec![b'n'; 4097];
    let path = error(&[extension(b'L', &name), file("f", b"")]);
    assert!(matches!(path.kind, TarErrorKind::NameTooLong { field: "path", length: 4097, .. }));
    let target = error(&[pax(&[("linkpath", &name)]), Raw::new("l", b'2', 0).seal()]);
    assert!(matches!(target.kind, TarErrorKind::NameTooLong { field: "link target", .. }));
    // What is no link has no target, so its length does not matter.
    assert!(entries(&[pax(&[("linkpath", &name)]), file("f", b"")].concat()).is_ok());
}

#[test]
fn kinds_that_nobody_unpacks() {
    for flag in [b'D', b'M', b'N', b'V', b'X', b'8', b'A', b'\x1b', 0xff] {
        let found = error(&[Raw::new("e", flag, 0).seal()]);
        assert!(matches!(found.kind, TarErrorKind::UnknownType(unknown) if unknown == flag));
        assert!(!found.to_string().contains('\x1b'));
    }
}

#[test]
fn more_entries_than_allowed() {
    let limits = Limits { max_entries: 2, ..Limits::default() };
    let archive = file("f", b"").repeat(3);
    let mut reader = TarReader::with_limits(&archive[..], limits);
    assert!(reader.next_entry().is_ok() && reader.next_entry().is_ok());
    let found = reader.next_entry().unwrap_err();
    assert!(matches!(found.kind, TarErrorKind::TooManyEntries { limit: 2 }));
    assert!(matches!(reader.next_entry().unwrap_err().kind, TarErrorKind::AfterError));
}

#[test]
fn messages_name_place_and_entry_and_cannot_hijack_a_terminal() {
    let found = error(&[
        file("fine", &[0; 600]),
        pax(&[("path", b"dir/\x1b[2J\xff"), ("GNU.sparse.map", b"3,1,0,1")]),
        padded(Raw::new("f", b'0', 6).seal()),
    ]);
    assert_eq!(
        found.to_string(),
        "its sparse map is invalid: its ranges overlap or are not in order, at byte 2560, in entry \
         `dir/\\x1b[2J\\xff`"
    );
}
