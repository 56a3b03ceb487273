//! Reports of a build of three packages: their bytes add up, shares are told from what is exact, and a
//! plan needs nothing but the lock.

use lightship_base::{ByteSize, DiffId, Digest};
use lightship_codec::tar::RootPath;
use lightship_packages::lock::{Lock, LockedFile, Wheel};
use lightship_packages::parcel::{Item, Origin, PackageId, Parcel};

use super::{Known, Plan, Report};
use crate::assemble::{self, Bundle, Group, Grouping, Layer, Stage};

fn bundle(origin: Origin, name: &str, stage: Stage, bytes: usize) -> Bundle {
    let path = RootPath::parse(format!("usr/{name}").as_bytes()).unwrap();
    let package = PackageId { origin, name: name.to_owned(), version: "1".to_owned() };
    let parcel = Parcel { package, items: vec![Item::made(path, vec![0; bytes])] };
    Bundle { parcel, digest: None, stage, last: None, shared: Vec::new() }
}

fn group(stage: Stage, bundles: Vec<Bundle>) -> Group {
    Group { title: stage.as_str().to_owned(), stage, bundles }
}

fn layer(group: &Group, size: u64) -> Layer {
    let content = group.bundles.iter().flat_map(|b| &b.parcel.items).map(Item::size).sum();
    Layer {
        title: group.title.clone(),
        stage: group.stage,
        packages: group.packages().cloned().collect(),
        digest: Digest::of(group.title.as_bytes()),
        size: ByteSize(size),
        diff_id: DiffId(Digest::of(b"")),
        content: ByteSize(content),
        files: group.bundles.len() as u64,
        origin: assemble::Origin::Kept,
    }
}

fn report() -> Report {
    use Origin::{Debian, Project, Python};
    let groups = [
        group(
            Stage::Base,
            vec![
                bundle(Debian, "libc6", Stage::Base, 300),
                bundle(Debian, "zlib1g", Stage::Base, 100),
            ],
        ),
        group(Stage::Packages, vec![bundle(Python, "numpy", Stage::Packages, 1000)]),
        group(Stage::Packages, vec![bundle(Python, "six", Stage::Packages, 10)]),
        group(Stage::Bytecode, vec![bundle(Python, "numpy", Stage::Bytecode, 70)]),
        group(Stage::Project, vec![bundle(Project, "churn", Stage::Project, 5)]),
    ];
    let layers: Vec<Layer> =
        groups.iter().zip([101, 333, 7, 22, 4]).map(|(group, size)| layer(group, size)).collect();
    Report::of("./churn", Digest::of(b"image"), &layers, Known::of(&groups, &layers))
}

#[test]
fn bytes_add_up() {
    let report = report();
    let sum = |of: fn(&super::Weight) -> u64| -> u64 {
        report.categories.iter().map(|category| of(&category.weight)).sum()
    };
    assert_eq!(sum(|weight| weight.compressed_bytes.bytes()), 467);
    assert_eq!(report.after.compressed_bytes, ByteSize(467));
    assert_eq!(sum(|weight| weight.disk_bytes.bytes()), report.after.disk_bytes.bytes());
    assert_eq!(report.after.layers, 5);
    let stages: Vec<Stage> = report.categories.iter().map(|category| category.stage).collect();
    assert_eq!(stages, [Stage::Base, Stage::Packages, Stage::Bytecode, Stage::Project]);
    assert_eq!((report.categories[1].packages, report.categories[1].own_layers), (2, 2));
}

#[test]
fn shares_of_a_layer_are_estimates() {
    let lines: Vec<String> = (report().packages.iter())
        .map(|one| {
            let numbers = (one.disk_bytes, one.bytecode_bytes);
            let compressed = (one.compressed_bytes, one.compressed_bytes_estimate);
            format!("{} {numbers:?} {compressed:?}", one.name)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    numpy (ByteSize(1000), ByteSize(70)) (Some(ByteSize(333)), None)
    libc6 (ByteSize(300), ByteSize(0)) (None, Some(ByteSize(75)))
    zlib1g (ByteSize(100), ByteSize(0)) (None, Some(ByteSize(25)))
    six (ByteSize(10), ByteSize(0)) (Some(ByteSize(7)), None)
    ");
}

#[test]
fn what_is_left_out_is_summed_by_kind() {
    let mut known = Known::default();
    known.leave_out("docs", 1, ByteSize(5));
    known.leave_out("tests", 3, ByteSize(9));
    known.leave_out("docs", 1, ByteSize(6));
    let found: Vec<_> = known.left_out.iter().map(|one| (&*one.category, one.files)).collect();
    assert_eq!(found, [("docs", 2), ("tests", 3)]);
}

#[test]
fn a_plan_follows_the_lock() {
    let wheel = |name: &str, size: Option<u64>| Wheel {
        name: name.to_owned(),
        version: "1".to_owned(),
        file: LockedFile { name: format!("{name}.whl"), sha256: Digest::of(b""), size },
        index: "default".to_owned(),
        depends: Vec::new(),
        platforms: Vec::new(),
    };
    let wheels = vec![
        wheel("six", Some(9)),
        wheel("abc", Some(11)),
        wheel("numpy", Some(16 << 20)),
        wheel("pyarrow", Some(40 << 20)),
    ];
    let mut lock = Lock { wheels, ..Lock::default() };
    let plan = Plan::of("./churn", &lock, Grouping::default());
    let titles: Vec<&str> = plan.layers.iter().map(|layer| layer.title.as_str()).collect();
    assert_eq!(titles, ["pyarrow 1", "numpy 1", "2 small packages", "project"]);
    assert_eq!(plan.download_bytes, Some(ByteSize((56 << 20) + 20)));
    lock.wheels[0].file.size = None;
    let plan = Plan::of("./churn", &lock, Grouping { most: 1, ..Grouping::default() });
    assert_eq!((plan.layers.len(), plan.download_bytes), (3, None));
}
