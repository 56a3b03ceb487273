//! What an index finds, and what it passes over.

use super::*;
use crate::apt::Automatic;

const FIRST: &str = "\
Package: libssl3
Version: 3.0.15-1
Architecture: amd64
Multi-Arch: same
Provides: libssl, openssl-abi (= 3)
Source: openssl (3.0.15-0)
Filename: pool/main/o/openssl/libssl3_3.0.15-1_amd64.deb
Size: 1000
Installed-Size: 7
SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
Description: text
 with more
 .
 Version: not this

Package: broken

Package: other
Version: 1
Architecture: i386


Package: base-files
Essential: yes
Priority: required
Architecture: all
Version: 12.4
Filename: ../etc/passwd
Provides: base,
 libssl
";

const SECOND: &str = "Package: libssl3\nVersion: 3.0.16-1\nArchitecture: amd64\n\nPackage: base-files\nVersion: 12.4\nArchitecture: all\nSection: second";

fn index() -> Index {
    let mut builder = IndexBuilder::new("amd64", Archives::default());
    builder.add(FIRST.as_bytes().to_vec(), ArchiveId(0));
    builder.add(SECOND.as_bytes().to_vec(), ArchiveId(1));
    builder.finish()
}

#[test]
fn the_highest_version_wins_and_the_first_archive_among_equals() {
    let index = index();
    assert_eq!(index.len(), 4);
    let best = index.get("libssl3").unwrap();
    assert_eq!((best.version(), best.archive()), ("3.0.16-1", ArchiveId(1)));
    let versions: Vec<_> = index.versions("libssl3").map(|package| package.version()).collect();
    assert_eq!(versions, ["3.0.16-1", "3.0.15-1"]);
    assert_eq!(index.get("base-files").unwrap().archive(), ArchiveId(0));
    assert!(index.get("other").is_none() && index.get("broken").is_none());
    let names: Vec<_> = index.iter().map(|package| package.name()).collect();
    assert_eq!(names, ["base-files", "libssl3"]);
}

#[test]
fn backports_do_not_win() {
    let archive = |automatic| crate::apt::Archive {
        label: "Debian".to_owned(),
        suite: "bookworm".to_owned(),
        version: None,
        codename: None,
        class: None,
        origin: None,
        automatic,
        base: "http://mirror.invalid/".parse().unwrap(),
    };
    let archives = [Automatic::Always, Automatic::Upgrades, Automatic::Never].map(archive);
    let mut builder = IndexBuilder::new("amd64", Archives::new(archives.to_vec()));
    let package = |name: &str, version: u8| {
        format!("Package: {name}\nVersion: {version}\nArchitecture: all\n\n").into_bytes()
    };
    builder.add([package("a", 3), package("b", 3)].concat(), ArchiveId(2));
    builder.add([package("a", 2), package("b", 2)].concat(), ArchiveId(1));
    builder.add([package("a", 1), package("c", 0)].concat(), ArchiveId(0));
    let index = builder.finish();
    let version = |name: &str| index.get(name).unwrap().version();
    assert_eq!((version("a"), version("b"), version("c")), ("1", "2", "0"));
    let all: Vec<_> = index.versions("a").map(|package| package.version()).collect();
    assert_eq!(all, ["1", "2", "3"]);
}

#[test]
fn only_the_best_provide() {
    let index = index();
    let by = |name| index.providers(name).map(|package| package.name()).collect::<Vec<_>>();
    assert_eq!(by("libssl"), ["base-files"]);
    assert_eq!(by("base"), ["base-files"]);
    assert!(by("openssl-abi").is_empty() && by("libss").is_empty() && by("zz").is_empty());
}

#[test]
fn fields_are_read_when_asked_for() {
    let index = index();
    let package = index.versions("libssl3").nth(1).unwrap();
    assert_eq!(package.multi_arch(), MultiArch::Same);
    assert_eq!(package.source(), ("openssl", Some("3.0.15-0")));
    assert_eq!(package.pool_path(), Ok("pool/main/o/openssl/libssl3_3.0.15-1_amd64.deb"));
    assert_eq!(package.size(), Ok(1000));
    assert_eq!(package.installed_size(), Some(7 * 1024));
    assert_eq!(package.sha256(), Ok(lightship_base::Digest::of(b"")));
    assert_eq!(package.provides().unwrap().len(), 2);
    assert!(package.depends().unwrap().is_empty());
    assert!(package.paragraph().ends_with("Version: not this\n"));
    let base = index.get("base-files").unwrap();
    assert!(base.is_essential());
    assert_eq!(base.priority(), Priority::Required);
    assert!(matches!(base.pool_path(), Err(PackageError::Field { field: "Filename", .. })));
    assert!(matches!(base.size(), Err(PackageError::Missing { field: "Size", .. })));
}

#[test]
fn bytes_that_are_no_text_do_no_harm() {
    let mut builder = IndexBuilder::new("amd64", Archives::default());
    let bytes = b"\n\n\xff\xfe\nPackage: a\nVersion: 1\nArchitecture: all\nProvides: \xff , ,b\n";
    builder.add(bytes.to_vec(), ArchiveId(0));
    builder.add(Vec::new(), ArchiveId(0));
    builder.add(b"P\nV\nA\nPackage:\nVersion:\nArchitecture: all".to_vec(), ArchiveId(0));
    let index = builder.finish();
    assert_eq!(index.iter().map(|package| package.name()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(index.providers("b").count(), 1);
}
