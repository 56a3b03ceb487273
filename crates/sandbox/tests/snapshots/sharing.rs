//! One store, many images, many processes: what is shared, kept, collected, and made again.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lightship_base::{Category, Diagnose, FixedClock, Quiet, Timestamp};
use lightship_cas::{Cas, GcOptions, GcReport, Trace, remove_tree};
use lightship_oci::Image;
use lightship_oci::copy::{Selection, copy};
use lightship_oci::store::ImageStore;
use lightship_oci::tar::Entry;
use lightship_sandbox::snapshot::{Ownership, Prepared, kept_by, owners, prepare, prepare_flat};
use lightship_testkit::images::{ImageBuilder, LayerBuilder, file, folder};

use crate::namespace;

const OWN: Ownership = Ownership::Flattened;

fn store() -> (tempfile::TempDir, Cas) {
    let folder = tempfile::tempdir().unwrap();
    let cas = Cas::open(&folder.path().join("store")).unwrap();
    (folder, cas)
}

fn base(layer: LayerBuilder) -> LayerBuilder {
    layer.dir("etc").file("etc/passwd", b"root").file("etc/gone", b"")
}

fn image() -> Image {
    let upper = |layer: LayerBuilder| layer.file("etc/new", b"new").whiteout("etc/gone");
    ImageBuilder::new().layer(base).layer(upper).image()
}

fn ready(image: &Image, cas: &Cas) -> Prepared {
    let prepared = prepare(image, &cas.lease().unwrap(), OWN, &Quiet);
    prepared.unwrap_or_else(|error| panic!("{error}: {error:?}"))
}

fn temporary(cas: &Cas) -> usize {
    fs::read_dir(cas.root().join("tmp")).unwrap().count()
}

#[test]
fn equal_layers_are_unpacked_once() {
    let (_folder, cas) = store();
    let one = ready(&image(), &cas);
    let other = ImageBuilder::new().layer(base).layer(|layer| layer.file("x", b"")).image();
    let other = ready(&other, &cas);
    assert_eq!(one.layers[0], other.layers[0]);
    assert_eq!(other.layers.len(), 2, "nothing was implied");
    // The upper layer of the first needs `etc` and does not declare it, which the base does.
    assert_eq!(one.layers.len(), 3);
}

#[test]
fn layers_that_are_repeated_empty_or_hidden_are_not_stacked() {
    let (_folder, cas) = store();
    let empty = |layer: LayerBuilder| layer;
    let again = ImageBuilder::new().layer(empty).layer(base).layer(empty).layer(base).image();
    assert_eq!(ready(&again, &cas).layers.len(), 1);
    let hidden = ImageBuilder::new().layer(base).layer(|layer| layer.opaque("").dir("new")).image();
    assert_eq!(ready(&hidden, &cas).layers.len(), 1);
    for nothing in [ImageBuilder::new().image(), ImageBuilder::new().layer(empty).image()] {
        let prepared = ready(&nothing, &cas);
        assert_eq!(fs::read_dir(&prepared.layers[0]).unwrap().count(), 0);
        assert_eq!(prepared.layers.len(), 1);
    }
}

#[test]
fn many_at_once_agree() {
    let (_folder, cas) = store();
    let image = image();
    let all: Vec<Vec<PathBuf>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| ready(&image, &cas).layers)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(all.iter().all(|layers| *layers == all[0]));
    assert_eq!(temporary(&cas), 0, "who came second threw theirs away");
}

#[test]
fn a_named_image_keeps_its_snapshots_and_no_other() {
    let (_folder, cas) = store();
    let images = ImageStore::new(cas.clone(), Arc::new(FixedClock(Timestamp::UNIX_EPOCH)));
    let image = image();
    let name = "kept".parse().unwrap();
    let destination = images.destination(&name).unwrap();
    copy(image.source().as_ref(), &destination, &Selection::Everything, &Quiet).unwrap();
    drop(destination);
    let gc = || -> GcReport {
        let tracer = images.tracer().unwrap();
        let blobs = |digest: &_| tracer.children(digest);
        let trees = |digest: &_| kept_by(&cas, digest);
        let trace = Trace { blobs: &blobs, trees: &trees };
        cas.gc_with(trace, &remove_tree, GcOptions::default()).unwrap()
    };
    let prepared = ready(&image, &cas);
    prepare_flat(&image, &cas.lease().unwrap(), OWN, &Quiet).unwrap();
    drop(ready(&ImageBuilder::new().layer(|layer| layer.file("other", b"")).image(), &cas));
    let report = gc();
    assert_eq!((report.kept_trees.count, report.freed_trees.count), (4, 2));

    let layers = prepared.layers.clone();
    drop(prepared);
    assert_eq!(gc().freed_trees.count, 0);
    assert!(layers.iter().all(|layer| layer.exists()));
    images.remove(&lightship_oci::reference::StoreReference::Name(name)).unwrap();
    assert_eq!(gc().freed_trees.count, 4);
    assert!(!layers.iter().any(|layer| layer.exists()));
}

/// As if the machine had been started again since.
fn reboot(tree: &Path) {
    let boot = tree.join("boot");
    let text = fs::read_to_string(&boot).unwrap();
    let (_, weight) = text.split_once(' ').unwrap();
    fs::write(&boot, format!("another-boot {weight}")).unwrap();
}

#[test]
fn what_a_power_failure_took_is_made_again() {
    let (_folder, cas) = store();
    let image = image();
    let prepared = ready(&image, &cas);
    let trees: Vec<&Path> = prepared.layers.iter().map(|fs| fs.parent().unwrap()).collect();
    let inodes = || trees.iter().map(|tree| fs::metadata(tree).unwrap().ino()).collect::<Vec<_>>();
    let before = inodes();
    for tree in &trees {
        reboot(tree);
    }
    ready(&image, &cas);
    assert_eq!(inodes(), before, "whole, so kept");

    for lost in ["about.json", "fs/etc/passwd", "boot", "fs/etc/gone"] {
        let tree = trees[0];
        if tree.join("boot").exists() {
            reboot(tree);
        }
        let path = tree.join(lost);
        if lost == "fs/etc/gone" {
            fs::remove_file(&path).unwrap();
        } else {
            fs::write(&path, "").unwrap();
        }
        ready(&image, &cas);
        assert_eq!(fs::read(tree.join("fs/etc/passwd")).unwrap(), b"root", "{lost}");
        assert!(fs::metadata(tree.join("about.json")).unwrap().len() > 0, "{lost}");
        assert!(tree.join("fs/etc/gone").exists(), "{lost}");
    }
    assert_eq!(temporary(&cas), 0);
}

#[test]
fn true_owners_are_written_beside_what_belongs_to_the_caller() {
    let (_folder, cas) = store();
    let owned = |entry: Entry, uid, gid| Entry { uid, gid, ..entry };
    let image = ImageBuilder::new()
        .layer(|layer| {
            layer
                .entry(owned(folder("./"), 5, 6), &b""[..])
                .entry(owned(folder("home"), 1000, 1000), &b""[..])
                .entry(owned(file("home/mine", 1), 1000, 3_000_000_000), &b"x"[..])
                .file("roots", b"")
                .entry(owned(file("twice", 0), 7, 7), &b""[..])
                .file("twice", b"")
        })
        .image();
    let expected = HashMap::from([
        (b"".to_vec(), (5, 6)),
        (b"home".to_vec(), (1000, 1000)),
        (b"home/mine".to_vec(), (1000, 3_000_000_000)),
    ]);
    let prepared = ready(&image, &cas);
    assert_eq!(owners(prepared.layers[0].parent().unwrap()).unwrap(), expected);
    assert_eq!((prepared.root.uid, prepared.root.gid), (5, 6));
    let flat = prepare_flat(&image, &cas.lease().unwrap(), OWN, &Quiet).unwrap();
    assert_eq!(owners(flat.layers[0].parent().unwrap()).unwrap(), expected);
    assert_eq!(flat.root, prepared.root);
    let own = rustix::process::geteuid().as_raw();
    assert_eq!(fs::metadata(prepared.layers[0].join("home/mine")).unwrap().uid(), own);
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    if !namespace::possible(namespace::OWN_ROOT) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    namespace::run(namespace::OWN_ROOT, "sharing::full_inside", folder.path());
}

#[test]
#[ignore = "a process of the test above; does nothing without a folder"]
fn full_inside() {
    let Some(folder) = namespace::folder() else { return };
    let options = c"size=2m";
    rustix::mount::mount("tmpfs", &folder, "tmpfs", rustix::mount::MountFlags::empty(), options)
        .unwrap();
    let cas = Cas::open(&folder.join("store")).unwrap();
    let large = ImageBuilder::new().layer(|layer| layer.file("large", &vec![7; 4 << 20])).image();
    for make in [prepare, prepare_flat] {
        let error = make(&large, &cas.lease().unwrap(), OWN, &Quiet).unwrap_err();
        assert_eq!(error.category(), Category::Machine, "{error:?}");
        assert!(error.to_string().contains("large") && error.to_string().contains("layer 1"));
        assert!(error.hints()[0].to_string().contains("store gc"));
        assert_eq!(temporary(&cas), 0);
    }
    let small = ImageBuilder::new().layer(|layer| layer.file("small", &[7; 1 << 10])).image();
    ready(&small, &cas);
}

#[test]
fn an_owner_that_this_machine_does_not_have_is_told() {
    if !namespace::possible(namespace::OWN_ROOT) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    namespace::run(namespace::OWN_ROOT, "sharing::unmapped_inside", folder.path());
}

/// One id is mapped here: root's.
#[test]
#[ignore = "a process of the test above; does nothing without a folder"]
fn unmapped_inside() {
    let Some(folder) = namespace::folder() else { return };
    let cas = Cas::open(&folder.join("store")).unwrap();
    let lease = cas.lease().unwrap();
    let owned = Entry { uid: 1000, ..file("mine", 0) };
    let strange = ImageBuilder::new().layer(|layer| layer.entry(owned, &b""[..])).image();
    let error = prepare(&strange, &lease, Ownership::Mapped, &Quiet).unwrap_err();
    assert_eq!(error.category(), Category::Machine);
    assert!(error.to_string().contains("set the owner of `mine`"), "{error}");
    assert!(error.hints()[0].to_string().contains("doctor"));
    let roots = ImageBuilder::new().layer(base).image();
    prepare(&roots, &lease, Ownership::Mapped, &Quiet).unwrap();
}
