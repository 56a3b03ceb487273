//! Reports on random stacks of layers, against a model that is too simple to be wrong.

#![expect(
    clippy::unwrap_used,
    reason = "helpers, too, end the test where its world is not as needed"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lightship_audit::diff::diff;
use lightship_audit::{Account, ImageReport, Totals, Waste, report};
use lightship_base::{ByteSize, Digest, Quiet};
use lightship_oci::Image;
use lightship_oci::compression::CompressionLevel;
use lightship_oci::squash::{SquashOptions, squash};
use lightship_testkit::listing::{Kind, Listing};
use lightship_testkit::naive::{Fate, Model, unpack};
use lightship_testkit::stack::{Stack, any_stack, sane_stack};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

const PLAIN: CompressionLevel = CompressionLevel::None;

fn audited(image: Image) -> ImageReport {
    report(&Account::of(image, &Quiet).unwrap(), None)
}

/// Bytes that are kept, shadowed and deleted, layer by layer, as the model counts them.
fn expected_sums(model: &Model, layers: usize) -> Vec<[u64; 3]> {
    let mut sums = vec![[0; 3]; layers];
    for stored in model.stored() {
        let at = match stored.fate {
            Fate::Kept => 0,
            Fate::Shadowed(_) => 1,
            Fate::Deleted(_) => 2,
        };
        sums[stored.layer][at] += stored.bytes;
    }
    sums
}

/// Who wrote what was lost, who took it, how, and how large it was.
fn expected_waste(model: &Model) -> Vec<(usize, usize, bool, u64)> {
    let mut waste: Vec<(usize, usize, bool, u64)> = (model.stored().into_iter())
        .filter(|stored| stored.bytes > 0)
        .filter_map(|stored| match stored.fate {
            Fate::Kept => None,
            Fate::Shadowed(by) => Some((stored.layer + 1, by + 1, true, stored.bytes)),
            Fate::Deleted(by) => Some((stored.layer + 1, by + 1, false, stored.bytes)),
        })
        .collect();
    waste.sort_unstable();
    waste
}

/// Second and further copies among what can be seen; hard links and sparse files are none.
fn expected_duplicates(listing: &Listing) -> u64 {
    let mut copies: BTreeMap<(Digest, u64), BTreeSet<&String>> = BTreeMap::new();
    for listed in listing.values() {
        if let Kind::File { size, stored: Some((stored, content)), .. } = &listed.kind
            && size == stored
        {
            copies.entry((*content, *stored)).or_default().insert(&listed.names[0]);
        }
    }
    copies.into_iter().map(|((_, bytes), names)| bytes * (names.len() as u64 - 1)).sum()
}

fn parts(totals: &Totals) -> [u64; 3] {
    [totals.kept_bytes, totals.shadowed_bytes, totals.deleted_bytes].map(ByteSize::bytes)
}

fn image(stack: &Stack) -> Image {
    stack.image(&[PLAIN, CompressionLevel::Gzip(1), CompressionLevel::Zstd(1)])
}

/// What proptest takes where nobody says anything by `PROPTEST_CASES`.
const PROPTEST_DEFAULT: u32 = 256;

/// Failures are kept beside the test and tried first the next time.
fn config() -> ProptestConfig {
    let failure_persistence =
        Some(Box::new(FileFailurePersistence::WithSource("regressions")) as _);
    let default = ProptestConfig::default();
    let cases = if default.cases == PROPTEST_DEFAULT { 96 } else { default.cases };
    ProptestConfig { cases, failure_persistence, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_byte_is_accounted_for(stack in any_stack()) {
        let (model, report) = (unpack(&image(&stack)), audited(image(&stack)));
        let layers: Vec<[u64; 3]> = report.layers.iter().map(|layer| parts(&layer.totals)).collect();
        prop_assert_eq!(&layers, &expected_sums(&model, stack.layers.len()));
        for totals in report.layers.iter().map(|layer| &layer.totals).chain([&report.totals]) {
            prop_assert_eq!(parts(totals).iter().sum::<u64>(), totals.stored_bytes.bytes());
            let whole = totals.stored_bytes + totals.overhead_bytes;
            prop_assert_eq!(whole, totals.uncompressed_bytes);
        }
        let mut waste: Vec<(usize, usize, bool, u64)> = (report.wasted_paths.iter())
            .map(|path| {
                let shadowed = path.kind == Waste::Shadowed;
                (path.written_by.layer, path.removed_by.layer, shadowed, path.bytes.bytes())
            })
            .collect();
        waste.sort_unstable();
        prop_assert_eq!(waste, expected_waste(&model));
        let duplicates = expected_duplicates(&model.listing());
        prop_assert_eq!(report.waste.duplicate_bytes.bytes(), duplicates);
    }

    #[test]
    fn no_byte_is_saved_twice(stack in any_stack()) {
        let report = audited(image(&stack));
        let savings = &report.savings;
        let disk: ByteSize = savings.lines.iter().map(|line| line.disk_bytes).sum();
        prop_assert_eq!(disk, savings.disk_bytes);
        prop_assert!(disk <= report.totals.stored_bytes);
        prop_assert!(savings.compressed_bytes_estimate <= report.totals.compressed_bytes);
        let lost = report.waste.shadowed_bytes + report.waste.deleted_bytes;
        prop_assert!(lost <= disk);
    }

    #[test]
    fn a_squashed_image_differs_in_its_layers_only(stack in sane_stack()) {
        let scratch = tempfile::tempdir().unwrap();
        let before = Account::of(image(&stack), &Quiet).unwrap();
        for keep_layers in 0..stack.layers.len() {
            let options = SquashOptions { keep_layers, compression: PLAIN, threads: 1 };
            let squashed = squash(&before.image, &options, scratch.path(), &Quiet).unwrap();
            let after = Image::open(Arc::new(squashed.image), None).unwrap();
            let found = diff(&before, &Account::of(after, &Quiet).unwrap());
            prop_assert_eq!(&found.files.changes, &[], "above {}", keep_layers);
            prop_assert_eq!(&found.config, &[]);
            prop_assert_eq!(found.before.totals.kept_bytes, found.after.totals.kept_bytes);
            // More, where the merged layer comes out as the one that it was made of.
            prop_assert!(found.layers.shared >= keep_layers);
        }
    }

    #[test]
    fn a_diff_adds_up(old in any_stack(), new in any_stack()) {
        let [old, new] = [old, new].map(|stack| Account::of(image(&stack), &Quiet).unwrap());
        let found = diff(&old, &new);
        let files = &found.files;
        let gone = files.removed.bytes + files.changed_bytes_before + found.after.totals.kept_bytes;
        let come = files.added.bytes + files.changed_bytes_after + found.before.totals.kept_bytes;
        prop_assert_eq!(gone, come);
        let back = diff(&new, &old);
        prop_assert_eq!((files.added, files.removed), (back.files.removed, back.files.added));
        prop_assert_eq!(files.changes.len(), back.files.changes.len());
    }
}
