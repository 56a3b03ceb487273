//! Squashing keeps the filesystem and the base, and writes a layer that anybody can unpack.

use std::collections::BTreeSet;
use std::io::Read;

use crate::support::{assert_same, config, squashed};
use lightship_oci::Image;
use lightship_oci::compression::CompressionLevel;
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
