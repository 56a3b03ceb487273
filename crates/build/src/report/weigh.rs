//! What each package weighs.

use std::borrow::Cow;
use std::collections::BTreeMap;

use lightship_base::ByteSize;
use lightship_packages::parcel::{Item, Origin, PackageId};
use serde::{Deserialize, Serialize};

use crate::assemble::{Group, Layer, Stage};

/// One package of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageWeight {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it is from: `debian`, `interpreter`, `python`.
    pub origin: Cow<'static, str>,
    /// Contents of its files, without byte code and without the list of them (`RECORD`).
    pub disk_bytes: ByteSize,
    /// Contents of its byte code.
    pub bytecode_bytes: ByteSize,
    /// What it adds to a pull, where it has layers of its own. Byte code does not count.
    pub compressed_bytes: Option<ByteSize>,
    /// The same where it shares a layer: as much of that as it has of its contents.
    pub compressed_bytes_estimate: Option<ByteSize>,
}

/// What is summed up for one package.
#[derive(Default)]
struct Sum {
    disk: u64,
    bytecode: u64,
    compressed: u64,
    shares: bool,
}

/// Heaviest first. The user's own files and what was made here are no packages.
pub(super) fn packages(groups: &[Group], layers: &[Layer]) -> Vec<PackageWeight> {
    let mut sums: BTreeMap<&PackageId, Sum> = BTreeMap::new();
    for (group, layer) in groups.iter().zip(layers) {
        let weights: Vec<u64> = (group.bundles.iter())
            .map(|bundle| bundle.parcel.items.iter().map(Item::size).sum())
            .collect();
        let whole: u64 = weights.iter().sum();
        for (bundle, weight) in group.bundles.iter().zip(weights) {
            let sum = sums.entry(&bundle.parcel.package).or_default();
            if layer.stage == Stage::Bytecode {
                sum.bytecode += weight;
                continue;
            }
            sum.disk += weight;
            sum.shares |= group.bundles.len() > 1;
            sum.compressed += share(layer.size.bytes(), weight, whole, group.bundles.len());
        }
    }
    let mut packages: Vec<PackageWeight> =
        sums.into_iter().filter_map(|(package, sum)| weight(package, &sum)).collect();
    packages.sort_by(|a, b| {
        let key = |one: &PackageWeight| (std::cmp::Reverse(one.disk_bytes), one.name.clone());
        key(a).cmp(&key(b))
    });
    packages
}

/// All of a layer for its only package; else as much of it as the package has of its contents.
fn share(layer: u64, weight: u64, whole: u64, packages: usize) -> u64 {
    match (packages, whole) {
        (1, _) => layer,
        (_, 0) => 0,
        _ => {
            let share = u128::from(layer) * u128::from(weight) / u128::from(whole);
            u64::try_from(share).expect("it is at most the layer, which came from a u64")
        }
    }
}

fn weight(package: &PackageId, sum: &Sum) -> Option<PackageWeight> {
    let origin = match package.origin {
        Origin::Debian => "debian",
        Origin::Interpreter => "interpreter",
        Origin::Python => "python",
        Origin::Project | Origin::Lightship => return None,
    };
    let compressed = ByteSize(sum.compressed);
    Some(PackageWeight {
        name: package.name.clone(),
        version: package.version.clone(),
        origin: origin.into(),
        disk_bytes: ByteSize(sum.disk),
        bytecode_bytes: ByteSize(sum.bytecode),
        compressed_bytes: (!sum.shares).then_some(compressed),
        compressed_bytes_estimate: sum.shares.then_some(compressed),
    })
}
