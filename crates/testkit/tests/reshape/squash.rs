//! Squashing keeps the filesystem and the base, and writes a layer that anybody can unpack.

use std::collections::BTreeSet;
use std::io::Read;

use crate::support::{assert_same, config, squashed};
use lightship_base::Quiet;
use lightship_oci::Image;
use lightship_oci::compression::CompressionLevel;
use lightship_oci::history::History;
use lightship_oci::rootfs::ProblemKind;
use lightship_oci::squash::{SquashOptions, squash};
use lightship_testkit::images::ImageBuilder;
use lightship_testkit::listing::{Kind, index, with_kinds};
use lightship_testkit::naive::archive::{self, Item};
use lightship_testkit::naive::unpack;
use lightship_testkit::stack::sane_stack;
use proptest::prelude::*;

const LEVEL: CompressionLevel = CompressionLevel::Gzip(1);

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn the_filesystem_and_the_base_stay_whatever_is_kept(stack in sane_stack()) {
        let scratch = tempfile::tempdir().unwrap();
        let image = stack.image(&[CompressionLevel::None]);
        let before = unpack(&image).listing();
        for keep in 0..image.layers().len() {
            let after = squashed(&image, keep, LEVEL, scratch.path());
            assert_same(&before, &unpack(&after).listing())?;
            let indexed = index(&after);
            prop_assert!(indexed.problems.is_empty(), "{:?}", indexed.problems);
            assert_same(&with_kinds(before.clone(), Kind::as_indexed), &indexed.listing())?;

            let (old, new) = (&image.manifest().layers, &after.manifest().layers);
            prop_assert_eq!(new.len(), keep + 1);
            prop_assert_eq!(&old[..keep], &new[..keep]);
            prop_assert_eq!(&image.diff_ids()[..keep], &after.diff_ids()[..keep]);
            well_made(&items(&after, keep), keep)?;
            prop_assert_eq!(squashed(&image, keep, LEVEL, scratch.path()).digest(), after.digest());
        }
    }

    #[test]
    fn squashing_again_changes_nothing(stack in sane_stack()) {
        let scratch = tempfile::tempdir().unwrap();
        let image = stack.image(&[CompressionLevel::None]);
        for keep in 0..image.layers().len() {
            let once = squashed(&image, keep, LEVEL, scratch.path());
            let twice = squashed(&once, keep, LEVEL, scratch.path());
            prop_assert_eq!(once.diff_ids(), twice.diff_ids(), "above {}", keep);
        }
    }
}

fn items(image: &Image, layer: usize) -> Vec<Item> {
    let mut tar = Vec::new();
    image.layers()[layer].read().unwrap().read_to_end(&mut tar).unwrap();
    archive::read(&tar)
}

/// No path twice, folders before what is in them, targets before hard links; whiteouts only where
/// there is something to hide.
fn well_made(items: &[Item], keep: usize) -> Result<(), TestCaseError> {
    let mut seen: BTreeSet<&[u8]> = BTreeSet::new();
    for item in items {
        let path = item.path.as_slice();
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        prop_assert!(keep > 0 || !name.starts_with(b".wh."), "{:?} hides nothing", item.path);
        prop_assert!(keep > 0 || item.flag != b'1' || seen.contains(&item.target[..]));
        if item.flag == b'5' {
            let below = [path, b"/"].concat();
            prop_assert!(!seen.iter().any(|other| other.starts_with(&below)), "{:?} is late", path);
        }
        prop_assert!(seen.insert(path), "{:?} is there twice", item.path);
    }
    Ok(())
}

fn history(image: &Image) -> Vec<(Option<String>, bool)> {
    let entries = image.config().history.iter();
    entries.map(|entry| (entry.created_by.clone(), entry.empty_layer)).collect()
}

#[test]
fn every_instruction_stays_in_the_history() {
    let image = ImageBuilder::new()
        .layer(|l| l.file("a", b""))
        .history("ADD base /")
        .instruction("ENV A=1")
        .layer(|l| l.file("b", b""))
        .history("COPY b /")
        .layer(|l| l.file("c", b""))
        .history("COPY c /")
        .instruction("CMD sh")
        .image();
    let scratch = tempfile::tempdir().unwrap();
    let after = squashed(&image, 1, LEVEL, scratch.path());
    let made = |text: &str, empty| (Some(text.to_owned()), empty);
    let expected = [
        made("ADD base /", false),
        made("ENV A=1", true),
        made("COPY b /", true),
        made("COPY c /", true),
        made("CMD sh", true),
        made("lightship squash: layers 2 to 3 merged", false),
    ];
    assert_eq!(history(&after), expected);
    assert!(History::of(after.config(), after.layers().len()).agrees());
}

#[test]
fn a_history_that_disagrees_with_the_layers_agrees_after_a_squash() {
    let layers = |count: usize| {
        (0..count).fold(ImageBuilder::new(), |builder, n| {
            builder.layer(|l| l.file(&format!("file {n}"), b""))
        })
    };
    let scratch = tempfile::tempdir().unwrap();
    for (builder, name) in [
        (layers(4).history("one for all"), "too few entries"),
        (layers(2).history("a").history("b").history("c").history("d"), "too many entries"),
    ] {
        let image = builder.image();
        for keep in 0..image.layers().len() {
            let after = squashed(&image, keep, LEVEL, scratch.path());
            let history = History::of(after.config(), after.layers().len());
            assert!(history.agrees(), "{name}, {keep} kept: {history:?}");
            let newest = history.instruction(keep).unwrap();
            assert!(newest.starts_with("lightship squash"), "{name}, {keep} kept: {newest}");
        }
    }
    let silent = layers(3).image();
    assert!(squashed(&silent, 1, LEVEL, scratch.path()).config().history.is_empty());
}

#[test]
fn the_longest_name_can_be_deleted() {
    let name = format!("d/{}", "x".repeat(255));
    let image = ImageBuilder::new()
        .layer(|l| l.dir("d").file(&name, b"long").file("d/b", b""))
        .layer(|l| l.whiteout("d"))
        .layer(|l| l.dir("d").file("d/b", b"new"))
        .image();
    let scratch = tempfile::tempdir().unwrap();
    let after = squashed(&image, 1, LEVEL, scratch.path());
    assert_same(&unpack(&image).listing(), &unpack(&after).listing()).unwrap();
    assert_eq!(index(&after).listing(), index(&image).listing());
}

#[test]
fn what_nothing_can_unpack_is_refused_by_name() {
    // Each link leads two thousand folders further down.
    let down = "d/".repeat(2000);
    let image = ImageBuilder::new()
        .layer(|l| l.dir(&down).symlink("l", &down))
        .layer(|l| l.file(&format!("l/{}file", "e/".repeat(100)), b"far down"))
        .image();
    let indexed = index(&image);
    assert_eq!(indexed.problems[0].kind, ProblemKind::PathTooLong);
    let scratch = tempfile::tempdir().unwrap();
    let options = SquashOptions { keep_layers: 0, compression: LEVEL, threads: 1 };
    let Err(error) = squash(&image, &options, scratch.path(), &Quiet) else {
        panic!("no runtime could unpack it")
    };
    let message = error.to_string();
    assert!(message.contains("layer 2") && message.contains("/l/e/"), "{message}");
    assert!(message.ends_with("is too long"), "{message}");
}
