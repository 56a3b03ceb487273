//! Which parcels share a layer.
//!
//! Heavy packages have layers of their own: an image that changes one of them sends that one, and all
//! images that have it share it. So has heavy byte code, beside its package and not in it: which modules a
//! project uses is its own affair, and shall not make other bytes of the package. Small ones share a layer,
//! because each layer costs a request when an image is pulled, and runtimes bear a hundred of them at most. Where
//! they are many, they share eight, by their names alone, and their byte code another eight: whoever changes one
//! of them makes and sends an eighth.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use lightship_base::Digest;
use lightship_packages::parcel::{Item, PackageId};

use super::{Bundle, Stage};

/// How parcels are grouped.
#[derive(Debug, Clone, Copy)]
pub struct Grouping {
    /// Bytes on disk from which on a Python distribution, or the byte code of a package, has a layer of its own.
    pub heavy: u64,
    /// The most layers of Python distributions and byte code beside one for each of these two: the heaviest have
    /// one of their own.
    pub most: usize,
}

/// Small packages share so many layers at most, where there is room for them.
const PARTS: usize = 8;
const ROOM_FOR_PARTS: usize = 32;
/// From so many bytes on there are more.
const PART: u64 = 4 << 20;

impl Grouping {
    /// How many packages may have a layer of their own.
    pub fn single(&self) -> usize {
        if self.most < ROOM_FOR_PARTS { self.most } else { self.most - 2 * (PARTS - 1) }
    }

    /// Small packages in the layers that they share: weights, names, and what is known by them.
    pub fn parts<T>(&self, small: Vec<(u64, String, T)>) -> Vec<Vec<T>> {
        let whole: u64 = small.iter().map(|(weight, ..)| weight).sum();
        let wanted = usize::try_from(whole.div_ceil(PART)).unwrap_or(PARTS).next_power_of_two();
        let count = if self.most < ROOM_FOR_PARTS { 1 } else { wanted.clamp(1, PARTS) };
        let mut parts: Vec<Vec<T>> = (0..count).map(|_| Vec::new()).collect();
        for (_, name, one) in small {
            let [first, ..] = *Digest::of(name.as_bytes()).as_bytes();
            parts[usize::from(first) % count].push(one);
        }
        parts.retain(|part| !part.is_empty());
        parts
    }
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
        if may && weight >= grouping.heavy && single < grouping.single() {
            single += 1;
            alone.push(one(bundle));
        } else {
            small.push(bundle);
        }
    }
    let mut groups = Vec::new();
    for (stage, (alone, mut small)) in stages {
        groups.extend(alone);
        small.sort_by(|a, b| a.parcel.package.cmp(&b.parcel.package));
        let parts = if matches!(stage, Stage::Packages | Stage::Bytecode) {
            let named = |one: Bundle| (weight(&one), one.parcel.package.name.clone(), one);
            grouping.parts(small.into_iter().map(named).collect())
        } else {
            vec![small]
        };
        groups.extend(parts.into_iter().filter_map(|part| shared(stage, part)));
    }
    groups
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

/// A layer of several.
fn shared(stage: Stage, mut bundles: Vec<Bundle>) -> Option<Group> {
    match (stage, &bundles[..]) {
        (_, []) => None,
        (Stage::Packages | Stage::Bytecode, [_]) => bundles.pop().map(one),
        (Stage::Packages, several) => {
            let title = format!("{} small packages", several.len());
            Some(Group { title, stage, bundles })
        }
        (Stage::Bytecode, several) => {
            let title = format!("byte code of {} small packages", several.len());
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
            "byte code of c 1",
            "project",
        ];
        assert_eq!(titles(Grouping { heavy: 10, most: 9 }), all);
        let two = [
            "base",
            "a 1",
            "2 small packages",
            "byte code of b 1",
            "byte code of 2 small packages",
            "project",
        ];
        assert_eq!(titles(Grouping { heavy: 10, most: 2 }), two);
        let none = ["base", "3 small packages", "byte code of 3 small packages", "project"];
        assert_eq!(titles(Grouping { heavy: 10, most: 0 }), none);
    }

    #[test]
    fn many_small_packages_share_eight_layers_by_their_names() {
        let grouping = Grouping::default();
        let small =
            |count: u64| (0..count).map(|n| (1 << 18, format!("p{n}"), n)).collect::<Vec<_>>();
        let of = |count| grouping.parts(small(count)).len();
        assert_eq!([of(0), of(16), of(17), of(33), of(300)], [0, 1, 2, 4, 8]);
        assert_eq!(Grouping { most: 31, ..grouping }.parts(small(300)).len(), 1);
        // One more changes one layer.
        let (before, after) = (grouping.parts(small(40)), grouping.parts(small(41)));
        assert_eq!(before.iter().zip(&after).filter(|(a, b)| a != b).count(), 1);
    }
}
