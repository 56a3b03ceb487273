//! Bytes that nobody vouches for: at random, and real ones with a few changed.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use lightship_packages::elf::ElfProbe;
use lightship_packages::os_release::OsRelease;
use lightship_packages::purl::Purl;
use lightship_packages::{
    Entry, EntryKind, FileEntry, OwnedFiles, Tree, alpine, debian, golang, inventory, npm, python,
    rust,
};
use proptest::prelude::*;

/// Every parser of text; what they return does not matter here.
fn parse_everything(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    debian::parse_status(bytes);
    debian::parse_list(bytes).count();
    debian::parse_md5sums(bytes).count();
    debian::Diversions::parse(bytes);
    alpine::parse_installed(bytes);
    let record = python::parse_record(bytes);
    python::import_roots(record.iter().map(Vec::as_slice));
    python::parse_metadata(bytes);
    python::parse_direct_url(bytes).ok();
    python::normalise_name(&text);
    python::source_of_bytecode(bytes);
    npm::parse_package_json(bytes).ok();
    golang::parse_module_info(&text);
    golang::release_of(&text);
    rust::parse_dependency_list(bytes).ok();
    rust::compiler_in_comment(bytes);
    OsRelease::parse(bytes).distro();
    if let Ok(purl) = text.parse::<Purl>() {
        let canonical = purl.to_string();
        assert_eq!(canonical.parse::<Purl>().unwrap().to_string(), canonical, "{text}");
    }
}

fn probe(bytes: &[u8], size: u64, piece: usize) {
    let mut probe = ElfProbe::new(size);
    for piece in bytes.chunks(piece) {
        probe.feed(piece);
    }
    probe.finish();
}

/// Pieces of the formats, so that random text gets past the first line.
fn words() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "Package: a",
        "Version: 1",
        "Status: install ok installed",
        "Source: b (",
        "P:x",
        "V:",
        "F:a",
        "R:b",
        "Name: n",
        "Requires-Dist: m",
        "\"",
        ",",
        "\n",
        "\r\n",
        " ",
        "../",
        "/",
        "{",
        "}",
        "[",
        "\"name\":",
        "\"version\":",
        "\"url\":",
        "pkg:",
        "deb",
        "@",
        "?",
        "#",
        "%4",
        "=",
        "&",
        ":",
        "mod\t",
        "dep\t",
        "=>\t",
        "path\t",
        "go1.",
        "rustc version ",
        "\0",
        "ID=",
        "'",
        "\\",
        "é",
        ".pyc",
        "__pycache__/",
        ".cpython-311",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat().into_bytes())
}

/// An ELF file of this machine, small enough to change it many times.
fn elf_sample() -> Vec<u8> {
    std::fs::read("/bin/true").unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn parsers_take_anything(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        parse_everything(&bytes);
    }

    #[test]
    fn parsers_take_what_looks_right(bytes in words()) {
        parse_everything(&bytes);
    }

    #[test]
    fn probes_take_headers_that_lie(
        class in 1u8..=2,
        order in 1u8..=2,
        header in prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(255), any::<u8>()], 0..4000),
        size in prop_oneof![0u64..10_000, Just(1 << 40), Just(u64::MAX)],
        piece in 1usize..5000,
    ) {
        let mut bytes = vec![0x7f, b'E', b'L', b'F', class, order, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend(header);
        probe(&bytes, size, piece);
    }

    #[test]
    fn probes_take_real_files_with_lies_in_them(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
        in_header in prop::collection::vec((0usize..600, any::<u8>()), 0..10),
        cut in any::<prop::sample::Index>(),
        pretend in prop_oneof![Just(0u64), Just(1 << 33)],
    ) {
        let mut bytes = elf_sample();
        prop_assume!(bytes.len() > 1000);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for (at, byte) in in_header {
            bytes[at] = byte;
        }
        let size = bytes.len() as u64;
        probe(&bytes, size + pretend, 10_000);
        bytes.truncate(cut.index(bytes.len()));
        probe(&bytes, size + pretend, 777);
    }

    #[test]
    fn inventories_of_anything_add_up(tree in trees()) {
        let inventory = inventory(&tree, OwnedFiles::List);
        for package in &inventory.packages {
            prop_assert_eq!(package.files.len() as u64, package.file_count);
        }
        let total: u64 = tree.0.values().map(|node| match node {
            Node::File(content) => content.len() as u64,
            Node::Link(_) => 0,
        }).sum();
        for sum in &inventory.ecosystems {
            prop_assert!(sum.bytes.bytes() + inventory.unowned.bytes.bytes() <= total);
        }
        let files = tree.0.values().filter(|node| matches!(node, Node::File(_))).count();
        let mut owned: Vec<&String> = inventory.packages.iter().flat_map(|p| &p.files).collect();
        owned.sort();
        owned.dedup();
        prop_assert_eq!(owned.len() as u64 + inventory.unowned.file_count, files as u64);
    }
}

enum Node {
    File(Vec<u8>),
    Link(Vec<u8>),
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(content) => write!(f, "File({:?})", String::from_utf8_lossy(content)),
            Self::Link(target) => write!(f, "Link({:?})", String::from_utf8_lossy(target)),
        }
    }
}

#[derive(Debug)]
struct SmallTree(BTreeMap<String, Node>);

impl Tree for SmallTree {
    fn entry(&self, path: &[u8]) -> Option<Entry<'_>> {
        self.0.get(std::str::from_utf8(path).ok()?).map(show)
    }

    fn visit(&self, visitor: &mut dyn FnMut(&[u8], &Entry<'_>)) {
        for (path, node) in &self.0 {
            visitor(path.as_bytes(), &show(node));
        }
    }
}

fn show(node: &Node) -> Entry<'_> {
    let kind = match node {
        Node::File(content) => EntryKind::File(FileEntry {
            size: content.len() as u64,
            content: Some(content),
            ..FileEntry::default()
        }),
        Node::Link(target) => EntryKind::Symlink(target),
    };
    Entry { kind, layer: 0 }
}

/// Records at their places, filled with pieces of their formats, and links that lead in circles.
fn trees() -> impl Strategy<Value = SmallTree> {
    let place = prop::sample::select(vec![
        "etc/os-release",
        "var/lib/dpkg/status",
        "var/lib/dpkg/info/a.list",
        "var/lib/dpkg/diversions",
        "var/lib/dpkg/status.d/a",
        "var/lib/dpkg/status.d/a.md5sums",
        "lib/apk/db/installed",
        "a",
        "a/b",
        "s/n-1.dist-info/METADATA",
        "s/n-1.dist-info/RECORD",
        "s/n-1.dist-info/direct_url.json",
        "s/m.egg-info/PKG-INFO",
        "s/m.egg-info/top_level.txt",
        "s/m.egg-info/SOURCES.txt",
        "s/m.py",
        "s/m/x.py",
        "s/m/__pycache__/x.cpython-311.pyc",
        "m.egg/EGG-INFO/PKG-INFO",
        "n.egg-info",
        "node_modules/a/package.json",
        "node_modules/a/node_modules/@b/c/package.json",
        "lib",
        "s",
    ]);
    let content = prop_oneof![
        words(),
        Just(b"Package: a\nStatus: install ok installed\nVersion: 1\n\n".to_vec()),
        Just(b"Name: n\nVersion: 1\n".to_vec()),
        Just(b"m/x.py,,\nm.py,,\n../a/b,,\n".to_vec()),
        Just(b"/a/b\n/s/m.py\n/lib/x\n".to_vec()),
        Just(br#"{"name":"a","version":"1"}"#.to_vec()),
        Just(b"m\n".to_vec()),
    ];
    let node = prop_oneof![
        4 => content.prop_map(Node::File),
        1 => prop::sample::select(vec!["a", "../s", "/lib", "lib/lib", "", "a/../a"])
            .prop_map(|target| Node::Link(target.into())),
    ];
    prop::collection::btree_map(place.prop_map(str::to_owned), node, 0..16).prop_map(SmallTree)
}
