//! Cases whose answer a person can work out: what is waste, and what squashing leaves.

use std::collections::BTreeMap;

use lightship_oci::Image;
use lightship_oci::compression::CompressionLevel;
use lightship_oci::rootfs::Inode;
use lightship_testkit::images::{ImageBuilder, toolchain_bytes};
use lightship_testkit::listing::{Indexed, index};

use crate::support::squashed;

const MB: u64 = 1_000_000;

/// Bytes of contents by their fate, and what was wasted by path.
#[derive(Debug, Default, PartialEq, Eq)]
struct Waste {
    kept: u64,
    shadowed: u64,
    deleted: u64,
    wasted: BTreeMap<String, u64>,
}

fn waste(indexed: &Indexed) -> Waste {
    let mut waste = Waste::default();
    for (_, inode) in indexed.tree.inodes() {
        match inode.removal {
            None => waste.kept += inode.stored,
            Some(removal) => {
                let sum = if removal.replaced { &mut waste.shadowed } else { &mut waste.deleted };
                *sum += inode.stored;
                let path = indexed.tree.path(removal.name).to_string();
                *waste.wasted.entry(path).or_default() += inode.stored;
            }
        }
    }
    let stored: u64 = indexed.indexes.iter().map(|index| index.stored_bytes).sum();
    assert_eq!(waste.kept + waste.shadowed + waste.deleted, stored);
    waste
}

/// A base; 150 MB of tools and a 10 KB program; the tools removed, some file by file, some with their
/// folder.
fn churned() -> Image {
    let tool = |seed, size| toolchain_bytes(seed, size * MB);
    ImageBuilder::new()
        .compression(CompressionLevel::Zstd(1))
        .layer(|l| l.dir("bin").file("bin/sh", &vec![1; 70_000]).dir("usr").dir("usr/lib"))
        .history("ADD rootfs.tar /")
        .layer(|l| {
            let l = l.dir("usr/lib/gcc").stream("usr/lib/gcc/cc1", 90 * MB, tool(1, 90));
            let l = l.dir("usr/lib/gcc/include").file("usr/lib/gcc/include/stdio.h", &[2; 999]);
            let l = l.dir("usr/bin").stream("usr/bin/gcc", 40 * MB, tool(2, 40));
            let l = l.hard_link("usr/bin/cc", "usr/bin/gcc");
            let l = l.stream("usr/bin/ld", 20 * MB - 999, toolchain_bytes(3, 20 * MB - 999));
            l.dir("app").file("app/program", &vec![3; 10_000])
        })
        .history("RUN install toolchain && make")
        .layer(|l| {
            let l = l.whiteout("usr/lib/gcc").dir("usr/bin").whiteout("usr/bin/gcc");
            l.whiteout("usr/bin/cc").whiteout("usr/bin/ld")
        })
        .history("RUN remove toolchain")
        .image()
}

#[test]
fn a_toolchain_that_was_removed_is_the_only_waste() {
    let image = churned();
    let indexed = index(&image);
    let found = waste(&indexed);
    assert_eq!(found.deleted, 150 * MB);
    assert_eq!(found.shadowed, 0);
    assert_eq!(found.kept, 70_000 + 10_000);
    let by_path = |path: &str| found.wasted.get(path).copied();
    assert_eq!(found.wasted.len(), 4, "{found:?}");
    assert_eq!(by_path("/usr/lib/gcc/cc1"), Some(90 * MB));
    assert_eq!(by_path("/usr/lib/gcc/include/stdio.h"), Some(999));
    assert_eq!(by_path("/usr/bin/ld"), Some(20 * MB - 999));
    let removed_by = |inode: &Inode| inode.removal.map(|removal| removal.layer);
    assert!(indexed.tree.inodes().all(|(_, inode)| matches!(removed_by(inode), None | Some(2))));

    let scratch = tempfile::tempdir().unwrap();
    let after = squashed(&image, 1, CompressionLevel::Zstd(1), scratch.path());
    assert_eq!(after.manifest().layers[0], image.manifest().layers[0]);
    let squashed = index(&after);
    let base_and_program = Waste { kept: 70_000 + 10_000, ..Waste::default() };
    assert_eq!(waste(&squashed), base_and_program);
    assert_eq!(squashed.indexes[1].stored_bytes, 10_000);
    assert_eq!(squashed.listing(), indexed.listing());
}

#[test]
fn of_a_file_written_three_times_two_copies_are_waste() {
    let image = ImageBuilder::new()
        .layer(|l| l.dir("etc").file("etc/hosts", &[1; 100]))
        .layer(|l| l.file("etc/hosts", &[2; 200]))
        .layer(|l| l.file("etc/hosts", &[3; 400]))
        .image();
    let wasted = BTreeMap::from([("/etc/hosts".to_owned(), 300)]);
    let expected = Waste { kept: 400, shadowed: 300, deleted: 0, wasted };
    assert_eq!(waste(&index(&image)), expected);
}

#[test]
fn the_same_content_at_two_paths_is_no_waste() {
    let image = ImageBuilder::new()
        .layer(|l| l.file("a", &[7; 1000]).file("b", &[7; 1000]))
        .layer(|l| l.file("c", &[7; 1000]).hard_link("d", "c"))
        .image();
    assert_eq!(waste(&index(&image)), Waste { kept: 3000, ..Waste::default() });
}

#[test]
fn a_content_lives_as_long_as_one_of_its_names() {
    let built = || {
        ImageBuilder::new()
            .layer(|l| l.file("a", &[7; 1000]).hard_link("b", "a").hard_link("c", "a"))
            .layer(|l| l.whiteout("a").file("b", &[8; 10]))
    };
    assert_eq!(waste(&index(&built().image())), Waste { kept: 1010, ..Waste::default() });
    // The layer that takes the last name decides: by then nothing is at `c`.
    let deleted = waste(&index(&built().layer(|l| l.whiteout("c")).image()));
    assert_eq!((deleted.kept, deleted.shadowed, deleted.deleted), (10, 0, 1000));
    let shadowed = waste(&index(&built().layer(|l| l.dir("c").file("c/d", b"")).image()));
    assert_eq!((shadowed.kept, shadowed.shadowed, shadowed.deleted), (10, 1000, 0));
}

#[test]
fn an_opaque_folder_in_the_place_of_a_link_hides_nothing_behind_the_link() {
    let image = ImageBuilder::new()
        .layer(|l| l.dir("run").file("run/lock", &[1; 50]).dir("var").symlink("var/run", "/run"))
        .layer(|l| l.dir("var/run").opaque("var/run").file("var/run/pid", &[2; 5]))
        .image();
    let indexed = index(&image);
    assert_eq!(waste(&indexed), Waste { kept: 55, ..Waste::default() });
    assert!(indexed.listing().contains_key("run/lock"));
}

#[test]
fn what_a_careless_writer_puts_into_whiteouts_is_overhead() {
    let image = ImageBuilder::new()
        .layer(|l| l.file("a", &[1; 600]))
        .layer(|l| l.file(".wh.a", &[2; 600]).file(".wh..wh.plnk/1.2", &[3; 600]))
        .image();
    let indexed = index(&image);
    assert_eq!(waste(&indexed).deleted, 600);
    assert_eq!(indexed.indexes[1].stored_bytes, 0);
}

#[test]
fn a_content_that_cannot_be_unpacked_is_deleted_by_its_own_layer() {
    let image = ImageBuilder::new()
        .layer(|l| l.symlink("loop", "loop").file("loop/a", &[1; 600]).file("b", &[2; 7]))
        .image();
    let indexed = index(&image);
    assert_eq!(indexed.problems.len(), 1);
    let wasted = BTreeMap::from([("/loop/a".to_owned(), 600)]);
    assert_eq!(waste(&indexed), Waste { kept: 7, deleted: 600, shadowed: 0, wasted });
}
