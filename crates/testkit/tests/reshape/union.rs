//! The union filesystem and the fate of every byte, against a model that is too simple to be wrong.

use crate::support::{assert_same, config};
use lightship_oci::compression::CompressionLevel;
use lightship_oci::rootfs::{Inode, Removal};
use lightship_testkit::listing::{Kind, index, with_kinds};
use lightship_testkit::naive::{Fate, unpack};
use lightship_testkit::stack::any_stack;
use proptest::prelude::*;

fn fate(inode: &Inode) -> Fate {
    match inode.removal {
        Some(Removal { layer, replaced: true, .. }) => Fate::Shadowed(layer as usize),
        Some(Removal { layer, .. }) => Fate::Deleted(layer as usize),
        None => Fate::Kept,
    }
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn the_tree_is_what_unpacking_makes(stack in any_stack()) {
        let image = stack.image(&[CompressionLevel::None]);
        let (model, indexed) = (unpack(&image), index(&image));
        let expected = with_kinds(model.listing(), Kind::as_indexed);
        assert_same(&expected, &indexed.listing())?;

        let problems: Vec<(usize, usize)> = (indexed.problems.iter())
            .map(|problem| (problem.origin.layer as usize, problem.origin.entry as usize))
            .collect();
        prop_assert_eq!(model.problems, problems);
    }

    #[test]
    fn every_stored_byte_is_kept_shadowed_or_deleted(stack in any_stack()) {
        let image = stack.image(&[CompressionLevel::None]);
        let indexed = index(&image);
        let mut expected = unpack(&image).stored();
        expected.sort_by_key(|stored| (stored.layer, stored.entry));
        let mut sums = vec![0; stack.layers.len()];
        let mut inodes: Vec<&Inode> = indexed.tree.inodes().map(|(_, inode)| inode).collect();
        inodes.sort_by_key(|inode| inode.origin);
        prop_assert_eq!(expected.len(), inodes.len());
        for (expected, inode) in expected.iter().zip(inodes) {
            let origin = (inode.origin.layer as usize, inode.origin.entry as usize);
            prop_assert_eq!((expected.layer, expected.entry), origin);
            prop_assert_eq!(expected.bytes, inode.stored);
            prop_assert_eq!(expected.fate, fate(inode), "entry {:?}", origin);
            prop_assert_eq!(fate(inode) == Fate::Kept, inode.visible > 0);
            sums[expected.layer] += expected.bytes;
        }
        let stored: Vec<u64> = indexed.indexes.iter().map(|index| index.stored_bytes).collect();
        prop_assert_eq!(sums, stored);
    }
}
