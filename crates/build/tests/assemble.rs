//! From parcels to an image: the same bytes every time, each layer made once, nothing lost.

#![allow(clippy::unwrap_used, reason = "helpers of tests panic like tests do")]

use std::collections::BTreeMap;
use std::sync::Arc;

use lightship_base::{Digest, Quiet, Timestamp};
use lightship_build::assemble::{
    Bundle, Grouping, Image, ImageSettings, LastFile, Layer, Layers, Origin, Stage, WrittenFile,
    group, put_together, settle,
};
use lightship_build::notebooks::Notebooks;
use lightship_cas::{Cas, Lease};
use lightship_codec::compression::CompressionLevel;
use lightship_codec::tar::{EntryKind, RootPath, TarReader};
use lightship_oci::Source;
use lightship_oci::compression::decoder;
use lightship_oci::spec::{Platform, RunConfig};
use lightship_packages::parcel::{Item, ItemKind, Origin as From, PackageId, Parcel};

struct Listing(RootPath);

impl LastFile for Listing {
    fn path(&self) -> &RootPath {
        &self.0
    }

    fn make(&self, written: &[WrittenFile]) -> Vec<u8> {
        let lines =
            written.iter().map(|file| format!("{},{},{}\n", file.path, file.digest, file.size));
        lines.collect::<String>().into_bytes()
    }
}

fn path(text: &str) -> RootPath {
    RootPath::parse(text.as_bytes()).unwrap()
}

fn bundle(name: &str, stage: Stage, files: &[(&str, &[u8])], listed: bool) -> Bundle {
    let items = files.iter().map(|(at, bytes)| Item::made(path(at), *bytes)).collect();
    let package =
        PackageId { origin: From::Python, name: name.to_owned(), version: "1".to_owned() };
    let last = listed.then(|| Box::new(Listing(path(&format!("lib/{name}.list")))) as _);
    Bundle {
        parcel: Parcel { package, items },
        digest: Some(Digest::of(name.as_bytes())),
        stage,
        last,
        shared: Vec::new(),
    }
}

fn sample() -> Vec<Bundle> {
    let heavy = vec![7; 900_000];
    let mut base = bundle("base", Stage::Base, &[("etc/os-release", b"ID=test\n")], false);
    base.parcel.items.push(Item { path: path("tmp"), kind: ItemKind::Folder { mode: 0o1777 } });
    base.parcel.items.push(Item::link(path("bin"), *b"usr/bin"));
    vec![
        bundle("b", Stage::Packages, &[("lib/b/x.py", b"x"), ("lib/same.py", b"same")], true),
        bundle("heavy", Stage::Packages, &[("lib/heavy/data", &heavy)], true),
        bundle("a", Stage::Packages, &[("lib/a/y.py", b"y"), ("lib/same.py", b"same")], true),
        base,
        bundle("app", Stage::Project, &[("app/main.py", b"print()")], false),
    ]
}

fn lease(folder: &std::path::Path) -> Lease {
    Cas::open(folder).unwrap().lease().unwrap()
}

fn layers(lease: &Lease, mut bundles: Vec<Bundle>) -> Vec<Layer> {
    settle(&mut bundles, &Notebooks::default()).unwrap();
    let groups = group(bundles, Grouping::default());
    let layers = Layers { lease, compression: CompressionLevel::Zstd(3), time: 0 };
    layers.make(&groups, &Quiet).unwrap()
}

fn image(lease: &Lease, layers: &[Layer]) -> Image {
    let settings = ImageSettings {
        platform: Platform::host(),
        run: RunConfig::default(),
        created: Timestamp::UNIX_EPOCH,
        annotations: BTreeMap::new(),
        compression: CompressionLevel::Zstd(3),
    };
    put_together("test", layers, &settings, lease.cas())
}

fn files(lease: &Lease, layer: &Layer) -> Vec<(String, EntryKind, u32, Vec<u8>)> {
    let blob = lease.cas().open_blob(&layer.digest).unwrap();
    let mut reader = TarReader::new(std::io::BufReader::new(decoder(blob).unwrap()));
    let mut files = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut reader.data(), &mut bytes).unwrap();
        let name = String::from_utf8(entry.path).unwrap();
        files.push((name, entry.kind, entry.mode, bytes));
    }
    files
}

#[test]
fn the_same_parcels_are_the_same_image_on_any_number_of_threads_in_any_order() {
    let digests = [1, 4].map(|threads| {
        let folder = tempfile::tempdir().unwrap();
        let lease = lease(folder.path());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut bundles = sample();
        bundles.rotate_left(threads);
        pool.install(|| image(&lease, &layers(&lease, bundles)).digest)
    });
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn what_was_made_is_not_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let lease = lease(folder.path());
    let first = layers(&lease, sample());
    assert!(first.iter().all(|layer| layer.origin == Origin::Made));
    let titles: Vec<&str> = first.iter().map(|layer| layer.title.as_str()).collect();
    assert_eq!(titles, ["base", "heavy 1", "2 small packages", "project"]);
    let mut changed = sample();
    changed[4] = bundle("app", Stage::Project, &[("app/main.py", b"print(1)")], false);
    let second = layers(&lease, changed);
    let origins: Vec<Origin> = second.iter().map(|layer| layer.origin).collect();
    assert_eq!(origins, [Origin::Kept, Origin::Kept, Origin::Kept, Origin::Made]);
    assert_eq!(first[1].digest, second[1].digest);
}

#[test]
fn a_lost_layer_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let lease = lease(folder.path());
    let first = layers(&lease, sample());
    std::fs::remove_file(lease.cas().blob_path(&first[1].digest)).unwrap();
    let second = layers(&lease, sample());
    assert_eq!(second[1].origin, Origin::Made);
    assert_eq!(first[1].digest, second[1].digest);
}

#[test]
fn lists_are_true_and_come_last() {
    let folder = tempfile::tempdir().unwrap();
    let lease = lease(folder.path());
    let made = layers(&lease, sample());
    let small = files(&lease, &made[2]);
    let names: Vec<&str> = small.iter().map(|(name, ..)| name.as_str()).collect();
    let expected = [
        "lib",
        "lib/a",
        "lib/b",
        "lib/a/y.py",
        "lib/same.py",
        "lib/a.list",
        "lib/b/x.py",
        "lib/b.list",
    ];
    assert_eq!(names, expected);
    // The second to bring an equal file does not write it, but lists it.
    let list = String::from_utf8(small[7].3.clone()).unwrap();
    assert!(list.contains(&format!("lib/same.py,{},4", Digest::of(b"same"))), "{list}");
}

#[test]
fn folders_keep_their_modes() {
    let folder = tempfile::tempdir().unwrap();
    let lease = lease(folder.path());
    let made = layers(&lease, sample());
    let base = files(&lease, &made[0]);
    let of = |name: &str| base.iter().find(|file| file.0 == name).unwrap();
    assert_eq!((of("tmp").1, of("tmp").2), (EntryKind::Directory, 0o1777));
    assert_eq!(of("etc").2, 0o755);
    assert_eq!(of("bin").1, EntryKind::Symlink);
}

#[test]
fn different_files_of_one_name_are_left_to_the_first_and_told() {
    let mut bundles = vec![
        bundle("z", Stage::Packages, &[("lib/tests/__init__.py", b"z")], true),
        bundle("a", Stage::Packages, &[("lib/tests/__init__.py", b"aa")], true),
    ];
    let overlaps = settle(&mut bundles, &Notebooks::default()).unwrap();
    assert_eq!(overlaps.len(), 1);
    assert_eq!((overlaps[0].kept.name.as_str(), overlaps[0].left_out.name.as_str()), ("a", "z"));
    assert_eq!(bundles.iter().map(|bundle| bundle.parcel.items.len()).sum::<usize>(), 1);
}

#[test]
fn a_file_where_another_package_has_a_folder_is_refused_whoever_comes_first() {
    let refused = |mut bundles: Vec<Bundle>| {
        settle(&mut bundles, &Notebooks::default()).unwrap_err().to_string()
    };
    let one = |name: &str, stage, file: &str| bundle(name, stage, &[(file, b"x")], false);
    let told = refused(vec![
        one("a", Stage::Packages, "lib/clash"),
        one("b", Stage::Packages, "lib/clash/deep/__init__.py"),
    ]);
    insta::assert_snapshot!(told, @"a and b both bring /lib/clash, and they differ");
    let told = refused(vec![
        one("a", Stage::Packages, "lib/clash/deep/__init__.py"),
        one("b", Stage::Packages, "lib/clash/deep"),
    ]);
    insta::assert_snapshot!(told, @"a and b both bring /lib/clash/deep, and they differ");
    let told = refused(vec![
        one("a", Stage::Packages, "lib/clash/__init__.py"),
        one("app", Stage::Project, "lib"),
    ]);
    insta::assert_snapshot!(told, @"app and a both bring /lib, and they differ");
    // A folder that is empty is one as well.
    let mut empty = bundle("a", Stage::Packages, &[], false);
    empty.parcel.items.push(Item { path: path("lib/x"), kind: ItemKind::Folder { mode: 0o755 } });
    let told = refused(vec![empty, one("b", Stage::Packages, "lib/x")]);
    insta::assert_snapshot!(told, @"a and b both bring /lib/x, and they differ");
    let link = |name: &str, stage| {
        let mut bundle = bundle(name, stage, &[], false);
        bundle.parcel.items.push(Item::link(path("lib"), *b"usr/lib"));
        bundle
    };
    let told = refused(vec![
        link("a", Stage::Packages),
        one("b", Stage::Packages, "lib/clash/__init__.py"),
    ]);
    insta::assert_snapshot!(told, @"a and b both bring /lib, and they differ");
    // What the distribution links to, it has as a folder.
    let mut below = vec![link("base", Stage::Base), one("b", Stage::Packages, "lib/x/y.py")];
    assert!(settle(&mut below, &Notebooks::default()).unwrap().is_empty());
}

#[test]
fn the_image_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let lease = lease(folder.path());
    let made = image(&lease, &layers(&lease, sample()));
    let source: Arc<dyn Source> = Arc::new(made.assembly);
    assert_eq!(source.root().unwrap().digest, made.digest);
    let selection = lightship_oci::copy::Selection::Everything;
    let found = lightship_oci::validate::validate(&source, &selection, &Quiet).unwrap();
    assert!(found.is_valid(), "{found:?}");
}
