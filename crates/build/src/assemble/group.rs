//! Which parcels share a layer.
//!
//! Heavy packages have layers of their own: an image that changes one of them sends that one, and all
//! images that have it share it. Small ones share a layer, because each layer costs a request when an
//! image is pulled, and runtimes bear a hundred of them at most.

use lightship_packages::parcel::PackageId;

use super::{Bundle, Stage};

/// How parcels are grouped.
#[derive(Debug, Clone, Copy)]
pub struct Grouping {
    /// Bytes on disk from which on a Python distribution has a layer of its own.
    pub heavy: u64,
    /// The most layers of single distributions. Runtimes bear 127 layers in all.
    pub most: usize,
}

impl Default for Grouping {
    fn default() -> Self {
        Self { heavy: 512 * 1024, most: 96 }
    }
}

/// Parcels of one layer.
pub struct Group {
    /// For people: `numpy 2.3.1`, `38 small packages`.
    pub title: String,
    /// Which part of the image it is.
    pub stage: Stage,
    /// By name.
    pub bundles: Vec<Bundle>,
}

impl Group {
    /// The packages in it.
    pub fn packages(&self) -> impl Iterator<Item = &PackageId> {
        self.bundles.iter().map(|bundle| &bundle.parcel.package)
    }
}

/// Groups parcels, from the lowest layer up. The order is that of stages; within the packages heavy ones
/// come first, so that what images have in common tends to be at the bottom.
pub fn group(bundles: Vec<Bundle>, grouping: Grouping) -> Vec<Group> {
    let mut stages: std::collections::BTreeMap<Stage, Vec<Bundle>> =
        std::collections::BTreeMap::new();
    for bundle in bundles.into_iter().filter(|bundle| !is_empty(bundle)) {
        stages.entry(bundle.stage).or_default().push(bundle);
    }
    stages.into_iter().flat_map(|(stage, bundles)| one_stage(stage, bundles, grouping)).collect()
}

fn is_empty(bundle: &Bundle) -> bool {
    bundle.parcel.items.is_empty() && bundle.last.is_none()
}

fn one_stage(stage: Stage, mut bundles: Vec<Bundle>, grouping: Grouping) -> Vec<Group> {
    bundles.sort_by(|a, b| a.parcel.package.cmp(&b.parcel.package));
    if stage != Stage::Packages {
        return vec![Group { title: stage.as_str().to_owned(), stage, bundles }];
    }
    let mut weighed: Vec<(u64, Bundle)> =
        bundles.into_iter().map(|bundle| (weight(&bundle), bundle)).collect();
    // Stable: packages of the same weight stay in the order of their names.
    weighed.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let own = weighed.iter().take_while(|(weight, _)| *weight >= grouping.heavy).count();
    let small = weighed.split_off(own.min(grouping.most));
    let alone = weighed.into_iter().map(|(_, bundle)| Group {
        title: name(&bundle.parcel.package),
        stage,
        bundles: vec![bundle],
    });
    let mut groups: Vec<Group> = alone.collect();
    let mut small: Vec<Bundle> = small.into_iter().map(|(_, bundle)| bundle).collect();
    small.sort_by(|a, b| a.parcel.package.cmp(&b.parcel.package));
    match &small[..] {
        [] => {}
        [only] => {
            let title = name(&only.parcel.package);
            groups.push(Group { title, stage, bundles: small });
        }
        several => {
            let title = format!("{} small packages", several.len());
            groups.push(Group { title, stage, bundles: small });
        }
    }
    groups
}

fn weight(bundle: &Bundle) -> u64 {
    bundle.parcel.items.iter().map(lightship_packages::parcel::Item::size).sum()
}

fn name(package: &PackageId) -> String {
    format!("{} {}", package.name, package.version)
}
