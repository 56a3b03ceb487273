//! Which parcels share a layer.
//!
//! Heavy packages have layers of their own: an image that changes one of them sends that one, and all
//! images that have it share it. So has heavy byte code, beside its package and not in it: which modules a
//! project uses is its own affair, and shall not make other bytes of the package. Small ones share a layer,
//! because each layer costs a request when an image is pulled, and runtimes bear a hundred of them at most.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use lightship_packages::parcel::{Item, PackageId};

use super::{Bundle, Stage};

/// How parcels are grouped.
#[derive(Debug, Clone, Copy)]
pub struct Grouping {
    /// Bytes on disk from which on a Python distribution, or the byte code of a package, has a layer of its own.
    pub heavy: u64,
    /// The most layers of one package each: the heaviest have them.
    pub most: usize,
}

impl Default for Grouping {
    /// With the six other layers an image has 60 at most.
    fn default() -> Self {
        Self { heavy: 512 * 1024, most: 54 }
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

/// Groups parcels, from the lowest layer up. The order is that of stages; within a stage heavy ones come first,
/// so that what images have in common tends to be at the bottom.
pub fn group(bundles: Vec<Bundle>, grouping: Grouping) -> Vec<Group> {
    let mut weighed: Vec<(u64, Bundle)> = bundles
        .into_iter()
        .filter(|bundle| !is_empty(bundle))
        .map(|bundle| (weight(&bundle), bundle))
        .collect();
    weighed.sort_by_cached_key(|(weight, bundle)| {
        (Reverse(*weight), bundle.stage, bundle.parcel.package.clone())
    });
    let mut single = 0;
    let mut stages: BTreeMap<Stage, (Vec<Group>, Vec<Bundle>)> = BTreeMap::new();
    for (weight, bundle) in weighed {
        let (alone, small) = stages.entry(bundle.stage).or_default();
        let may = matches!(bundle.stage, Stage::Packages | Stage::Bytecode);
        if may && weight >= grouping.heavy && single < grouping.most {
            single += 1;
            alone.push(one(bundle));
        } else {
            small.push(bundle);
        }
    }
    let stages = stages.into_iter();
    stages
        .flat_map(|(stage, (alone, small))| alone.into_iter().chain(shared(stage, small)))
        .collect()
}

fn is_empty(bundle: &Bundle) -> bool {
    bundle.parcel.items.is_empty() && bundle.last.is_none()
}

fn weight(bundle: &Bundle) -> u64 {
    bundle.parcel.items.iter().map(Item::size).sum()
}

/// A layer for one package.
fn one(bundle: Bundle) -> Group {
    let PackageId { name, version, .. } = &bundle.parcel.package;
    let title = match bundle.stage {
        Stage::Bytecode => format!("byte code of {name} {version}"),
        _ => format!("{name} {version}"),
    };
    Group { title, stage: bundle.stage, bundles: vec![bundle] }
}

/// The layer of all that have none of their own.
fn shared(stage: Stage, mut bundles: Vec<Bundle>) -> Option<Group> {
    bundles.sort_by(|a, b| a.parcel.package.cmp(&b.parcel.package));
    match (stage, &bundles[..]) {
        (_, []) => None,
        (Stage::Packages, [_]) => bundles.pop().map(one),
        (Stage::Packages, several) => {
            let title = format!("{} small packages", several.len());
            Some(Group { title, stage, bundles })
        }
        _ => Some(Group { title: stage.as_str().to_owned(), stage, bundles }),
    }
}

#[cfg(test)]
mod tests {
    use lightship_codec::tar::RootPath;
    use lightship_packages::parcel::{Origin, Parcel};

    use super::*;

    fn bundle(name: &str, stage: Stage, bytes: usize) -> Bundle {
        let package =
            PackageId { origin: Origin::Python, name: name.to_owned(), version: "1".to_owned() };
        let path = RootPath::parse(format!("{name}.{stage:?}").as_bytes()).unwrap();
        let items = vec![Item::made(path, "x".repeat(bytes))];
        Bundle {
            parcel: Parcel { package, items },
            digest: None,
            stage,
            last: None,
            shared: Vec::new(),
        }
    }

    fn titles(grouping: Grouping) -> Vec<String> {
        use Stage::{Base, Bytecode, Packages, Project};
        let bundles = vec![
            bundle("app", Project, 90),
            bundle("b", Packages, 20),
            bundle("a", Packages, 30),
            bundle("a", Bytecode, 10),
            bundle("b", Bytecode, 40),
            bundle("c", Packages, 1),
            bundle("c", Bytecode, 1),
            bundle("libc", Base, 50),
        ];
        group(bundles, grouping).into_iter().map(|group| group.title).collect()
    }

    #[test]
    fn the_heaviest_have_layers_of_their_own() {
        let all = [
            "base",
            "a 1",
            "b 1",
            "c 1",
            "byte code of b 1",
            "byte code of a 1",
            "byte code",
            "project",
        ];
        assert_eq!(titles(Grouping { heavy: 10, most: 9 }), all);
        let two = ["base", "a 1", "2 small packages", "byte code of b 1", "byte code", "project"];
        assert_eq!(titles(Grouping { heavy: 10, most: 2 }), two);
        let none = ["base", "3 small packages", "byte code", "project"];
        assert_eq!(titles(Grouping { heavy: 10, most: 0 }), none);
    }
}
