//! Layers that want out, or that want to be told apart from nothing. Whatever they are: nothing is
//! written outside, nothing hangs, and what is refused is named.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use lightship_base::{Category, Diagnose, Quiet};
use lightship_cas::{Cas, GcOptions};
use lightship_oci::Image;
use lightship_oci::tar::{Entry, EntryKind, Fragment, SparseMap};
use lightship_sandbox::snapshot::{Error, Ownership, Prepared, prepare, prepare_flat};
use lightship_testkit::images::{ImageBuilder, LayerBuilder, file, folder};

/// A store, and a folder beside it that no layer may touch.
struct Place {
    folder: tempfile::TempDir,
    cas: Cas,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("victim")).unwrap();
        fs::write(folder.path().join("victim/secret"), "untouched").unwrap();
        let cas = Cas::open(&folder.path().join("store")).unwrap();
        Self { folder, cas }
    }

    fn victim(&self) -> String {
        self.folder.path().join("victim").to_str().unwrap().to_owned()
    }

    fn prepare(&self, image: &Image) -> Result<Prepared, Error> {
        let prepared = prepare(image, &self.cas.lease().unwrap(), ownership(), &Quiet);
        self.assert_untouched();
        prepared
    }

    /// Where things are in the only layer.
    fn unpacked(&self, image: &Image) -> PathBuf {
        let prepared = self.prepare(image).unwrap_or_else(|error| panic!("{error}: {error:?}"));
        assert_eq!(prepared.layers.len(), 1);
        prepared.layers[0].clone()
    }

    fn refused(&self, image: &Image) -> Error {
        let error = self.prepare(image).expect_err("nobody can unpack this");
        assert_eq!(error.category(), Category::BadInput, "{error}: {error:?}");
        let lease = self.cas.lease().unwrap();
        assert!(prepare_flat(image, &lease, ownership(), &Quiet).is_err());
        self.assert_untouched();
        error
    }

    fn assert_untouched(&self) {
        let secret = Path::new(&self.victim()).join("secret");
        assert_eq!(fs::read(&secret).unwrap(), b"untouched");
        assert_eq!(fs::metadata(&secret).unwrap().nlink(), 1);
        assert_eq!(fs::read_dir(self.victim()).unwrap().count(), 1);
        assert_eq!(fs::read_dir(self.folder.path()).unwrap().count(), 2);
        assert_eq!(fs::read_dir(self.cas.root().join("tmp")).unwrap().count(), 0, "all cleaned up");
    }
}

fn ownership() -> Ownership {
    if rustix::process::geteuid().is_root() { Ownership::Real } else { Ownership::Flattened }
}

fn image(fill: impl FnOnce(LayerBuilder) -> LayerBuilder) -> Image {
    ImageBuilder::new().layer(fill).image()
}

#[test]
fn paths_that_climb_are_refused_by_name() {
    for path in ["../victim/x", "a/../../victim/x", "/..", "a/.."] {
        let place = Place::new();
        let error = place.refused(&image(|layer| layer.entry(file(path, 1), &b"x"[..])));
        let text = error.to_string();
        assert!(text.contains("layer 1") && text.contains(path), "{text}");
    }
}

#[test]
fn links_lead_nowhere_but_inside() {
    let place = Place::new();
    let victim = place.victim();
    let climbing = format!("{}{}", "../".repeat(40), &victim[1..]);
    for target in [&victim, &climbing] {
        let fs = place.unpacked(&image(|layer| layer.symlink("out", target).file("out/new", b"x")));
        assert_eq!(fs::read(fs.join(&victim[1..]).join("new")).unwrap(), b"x");
    }
    // A file in the place of a link is written beside it, never through it.
    let secret = format!("{victim}/secret");
    let fs = place.unpacked(&image(|layer| layer.symlink("f", &secret).file("f", b"mine")));
    assert!(fs::symlink_metadata(fs.join("f")).unwrap().is_file());
}

#[test]
fn hard_links_to_the_outside_are_dangling() {
    let place = Place::new();
    let victim = place.victim();
    let secret = format!("{victim}/secret");
    let direct = image(|layer| layer.hard_link("stolen", &secret));
    let by_link = image(|layer| layer.symlink("d", &victim).hard_link("stolen", "d/secret"));
    let by_dots = image(|layer| layer.hard_link("stolen", "../victim/secret"));
    for image in [direct, by_link, by_dots] {
        let text = place.refused(&image).to_string();
        assert!(text.contains("layer 1") && text.contains("stolen"), "{text}");
    }
}

#[test]
fn folders_and_files_take_each_others_place() {
    let place = Place::new();
    let image = image(|mut layer| {
        for round in 0..200 {
            layer = layer.file("x/deep/er/file", b"1").file("x", b"2").symlink("x", "y");
            layer = layer.dir("x").fifo("x/pipe").file("x/pipe", format!("{round}").as_bytes());
        }
        layer
    });
    let prepared = place.prepare(&image).unwrap();
    assert!(prepared.flat);
    let names: Vec<_> = fs::read_dir(&prepared.layers[0]).unwrap().map(Result::unwrap).collect();
    assert_eq!(names.len(), 1);
    assert_eq!(fs::read(prepared.layers[0].join("x/pipe")).unwrap(), b"199");
}

#[test]
fn circles_of_links_end() {
    let place = Place::new();
    let circle = image(|layer| layer.symlink("a", "b").symlink("b", "a").file("a/x", b""));
    let text = place.refused(&circle).to_string();
    assert!(text.contains("circle") && text.contains("a/x"), "{text}");
}

#[test]
fn names_of_any_kind_and_length() {
    let place = Place::new();
    let longest = "x".repeat(255);
    let odd: &[u8] = b"caf\xe9\n\x1b[31m";
    let entry = |path: &[u8]| Entry { mode: 0o644, ..Entry::new(path, EntryKind::File) };
    let taken =
        image(|layer| layer.entry(entry(longest.as_bytes()), &b""[..]).entry(entry(odd), &b""[..]));
    assert_eq!(fs::read_dir(place.unpacked(&taken)).unwrap().count(), 2);
    for path in [format!("{longest}x"), "long/".repeat(1_000) + "x"] {
        let text = place.refused(&image(|layer| layer.file(&path, b""))).to_string();
        assert!(text.contains("layer 1"), "{text}");
    }
}

#[test]
fn the_deepest_tree_is_made_counted_and_removed() {
    let place = Place::new();
    let deep = image(|layer| {
        let path = "d/".repeat(2_000);
        layer.dir(&path).file(&format!("{path}file"), b"bottom").file(&format!("{path}file"), b"x")
    });
    let prepared = place.prepare(&deep).unwrap();
    let tree = prepared.layers[0].parent().unwrap().to_owned();
    drop(prepared);
    let report = place.cas.gc(&|_| Ok(Vec::new()), GcOptions::default()).unwrap();
    assert!(report.freed_trees.count >= 2 && !tree.exists());
    place.assert_untouched();
}

#[test]
fn what_overlayfs_would_read_never_comes_from_an_image() {
    let place = Place::new();
    let xattrs = [
        (&b"user.overlay.opaque"[..], &b"y"[..]),
        (b"user.overlay.redirect", b"/etc"),
        (b"trusted.overlay.opaque", b"y"),
        (b"user.fine", b"yes"),
    ];
    let xattrs = xattrs.map(|(name, value)| (name.to_vec(), value.to_vec())).into();
    let marked = image(|layer| {
        layer.dir("z").entry(Entry { xattrs, ..folder("d") }, &b""[..]).device("hidden", 0, 0)
    });
    let fs = place.unpacked(&marked);
    let mut names = [0; 1_000];
    let length = rustix::fs::llistxattr(fs.join("d"), &mut names).unwrap();
    assert_eq!(&names[..length], b"user.fine\0");
    // A device hides what lower layers have, as it should, and is none itself.
    let hidden = fs::symlink_metadata(fs.join("hidden")).unwrap();
    assert!(hidden.file_type().is_char_device() && hidden.rdev() == 0);
}

#[test]
fn sparse_files_stay_sparse_and_absurd_ones_are_refused() {
    let sparse = |real_size: u64| {
        let fragment = Fragment { offset: 4096, length: 3 };
        let map = SparseMap::new(vec![fragment], real_size).unwrap();
        let entry = Entry { size: 3, real_size, sparse: Some(map), ..file("sparse", 3) };
        image(|layer| layer.entry(entry, &b"abc"[..]))
    };
    let place = Place::new();
    let found = fs::metadata(place.unpacked(&sparse(1 << 40)).join("sparse")).unwrap();
    assert_eq!(found.len(), 1 << 40);
    assert!(found.blocks() * 512 < 1 << 20);
    let text = place.refused(&sparse((1 << 63) - 1)).to_string();
    assert!(text.contains("sparse"), "{text}");
}

#[test]
fn folders_that_nobody_declares_do_not_grow_without_end() {
    let place = Place::new();
    let image = image(|mut layer| {
        for number in 0..200_u32 {
            layer = layer.file(&format!("{number}/{}x", "y/".repeat(1_900)), b"");
        }
        layer
    });
    let text = place.refused(&image).to_string();
    assert!(text.contains("too many folders"), "{text}");
}

#[test]
fn a_layer_that_is_not_what_its_digest_says_leaves_nothing() {
    let place = Place::new();
    let good = image(|layer| layer.file("a", &vec![1; 100_000]));
    let other = image(|layer| layer.file("a", &vec![2; 100_000]));
    let mixed = crate::mixed::image(&good, &other);
    let text = place.refused(&mixed).to_string();
    assert!(text.contains("corrupt"), "{text}");
    assert!(!place.cas.root().join("trees").exists());
}
