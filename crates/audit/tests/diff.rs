//! What two images have that the other has not, worked out by hand.

#![expect(
    clippy::unwrap_used,
    reason = "helpers, too, end the test where its world is not as needed"
)]

use lightship_audit::Account;
use lightship_audit::diff::{FileChangeKind, FileDiff, diff};
use lightship_base::Quiet;
use lightship_oci::tar::{Entry, EntryKind};
use lightship_testkit::images::{ImageBuilder, LayerBuilder, file, folder};

fn compared(
    old: impl FnOnce(LayerBuilder) -> LayerBuilder,
    new: impl FnOnce(LayerBuilder) -> LayerBuilder,
) -> FileDiff {
    let before = Account::of(ImageBuilder::new().layer(old).image(), &Quiet).unwrap();
    let after = Account::of(ImageBuilder::new().layer(new).image(), &Quiet).unwrap();
    diff(&before, &after).files
}

/// Path, kind, bytes before and after.
fn changes(diff: &FileDiff) -> Vec<(&str, FileChangeKind, u64, u64)> {
    (diff.changes.iter())
        .map(|change| {
            let (before, after) = (change.bytes_before.bytes(), change.bytes_after.bytes());
            (change.path.as_str(), change.kind, before, after)
        })
        .collect()
}

use FileChangeKind::{Added, Attributes, Changed, Removed};

#[test]
fn what_came_went_and_changed() {
    let found = compared(
        |layer| layer.file("gone", b"12345").file("other", b"123").file("same", b"1"),
        |layer| layer.file("new", b"1234").file("other", b"124").file("same", b"1"),
    );
    let expected = [("/gone", Removed, 5, 0), ("/new", Added, 0, 4), ("/other", Changed, 3, 3)];
    assert_eq!(changes(&found), expected);
    assert_eq!(found.unchanged, 2, "the root and `same`");
}

/// The bytes of a content count at the first of its names.
#[test]
fn bytes_move_with_the_name_that_carries_them() {
    let capable = Entry {
        link_target: b"a".to_vec(),
        xattrs: [(b"security.capability".to_vec(), b"x".to_vec())].into(),
        ..Entry::new("b", EntryKind::HardLink)
    };
    let found = compared(
        |layer| layer.file("b", &[7; 512]),
        |layer| layer.file("a", &[7; 512]).entry(capable, std::io::empty()),
    );
    assert_eq!(changes(&found), [("/a", Added, 0, 512), ("/b", Changed, 512, 0)]);

    // In which order the names were made is no difference.
    let found = compared(
        |layer| layer.file("a", b"content").hard_link("b", "a"),
        |layer| layer.file("b", b"content").hard_link("a", "b"),
    );
    assert_eq!(changes(&found), []);
}

#[test]
fn attributes_are_those_that_one_sees() {
    let mode = |path, mode| Entry { mode, ..file(path, 0) };
    let found = compared(
        |layer| layer.entry(mode("program", 0o755), std::io::empty()).file("d/x", b""),
        |layer| {
            (layer.entry(mode("program", 0o4755), std::io::empty()))
                .entry(folder("d"), std::io::empty())
                .file("d/x", b"")
        },
    );
    // A folder that is only implied is made like the one that is written out.
    assert_eq!(changes(&found), [("/program", Attributes, 0, 0)]);

    let link =
        |mode| Entry { mode, link_target: b"x".to_vec(), ..Entry::new("link", EntryKind::Symlink) };
    let found = compared(
        |layer| layer.entry(link(0o777), std::io::empty()),
        |layer| layer.entry(link(0o644), std::io::empty()),
    );
    assert_eq!(changes(&found), [], "a symbolic link has no mode of its own");
}

#[test]
fn devices_are_their_kind_and_numbers() {
    let found = compared(
        |layer| layer.device("a", 1, 3).device("b", 1, 5).fifo("c"),
        |layer| layer.device("a", 1, 3).device("b", 1, 7).device("c", 1, 5),
    );
    assert_eq!(changes(&found), [("/b", Changed, 0, 0), ("/c", Changed, 0, 0)]);
}
