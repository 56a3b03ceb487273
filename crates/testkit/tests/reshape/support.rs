//! What these tests share.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use lightship_base::Quiet;
use lightship_oci::Image;
use lightship_oci::compression::CompressionLevel;
use lightship_oci::squash::{SquashOptions, squash};
use lightship_testkit::listing::Listing;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError};

/// So many cases, or as many as `PROPTEST_CASES` says; failures are kept beside the test and tried first
/// the next time.
pub(crate) fn config(cases: u32) -> Config {
    let default = Config::default();
    Config {
        cases: if default.cases == PROPTEST_DEFAULT { cases } else { default.cases },
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        max_shrink_iters: 20_000,
        ..default
    }
}

/// What proptest takes where nobody says anything.
const PROPTEST_DEFAULT: u32 = 256;

/// Compares two filesystems and names what differs, not everything there is.
pub(crate) fn assert_same(expected: &Listing, actual: &Listing) -> Result<(), TestCaseError> {
    let paths: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    let differences: Vec<String> = (paths.into_iter())
        .filter(|path| expected.get(*path) != actual.get(*path))
        .map(|path| {
            let (expected, actual) = (expected.get(path), actual.get(path));
            format!("`{path}`\n  expected {expected:?}\n  found    {actual:?}")
        })
        .collect();
    if differences.is_empty() {
        return Ok(());
    }
    Err(TestCaseError::fail(differences.join("\n")))
}

/// The image with all layers above the first `keep_layers` merged.
pub(crate) fn squashed(
    image: &Image,
    keep_layers: usize,
    compression: CompressionLevel,
    scratch: &Path,
) -> Image {
    let options = SquashOptions { keep_layers, compression, threads: 1 };
    let squashed = squash(image, &options, scratch, &Quiet).unwrap();
    Image::open(Arc::new(squashed.image), None).unwrap()
}
