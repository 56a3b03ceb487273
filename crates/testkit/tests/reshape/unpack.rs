//! Real unpackers as a second opinion: what they make of an image, and of its squashed form.
//!
//! umoci unpacks into one folder, as our model does, but leaves a hard link's attributes alone. Buildah
//! unpacks with the code of Podman and CRI-O, which sets them; its driver `vfs` needs no overlay.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{assert_same, config, squashed};
use lightship_base::Quiet;
use lightship_oci::Image;
use lightship_oci::compression::CompressionLevel;
use lightship_oci::copy::{Selection, copy};
use lightship_oci::layout::LayoutDestination;
use lightship_oci::tar::{Entry, EntryKind, Fragment, Mtime, SparseMap};
use lightship_testkit::docker_registry::skip;
use lightship_testkit::images::{ImageBuilder, LayerBuilder, file, folder};
use lightship_testkit::listing::{Kind, Listing, unpacked, with_kinds};
use lightship_testkit::naive::unpack;
use lightship_testkit::stack::any_stack;
use proptest::prelude::*;

fn write_layout(image: &Image, dir: &Path) {
    let layout = LayoutDestination::create(dir, Some("it")).unwrap();
    copy(&**image.source(), &layout, &Selection::Everything, &Quiet).unwrap();
}

/// Runs a script in a folder, as an ordinary shell would be set up.
fn shell(dir: &Path, script: &str) -> Output {
    let script = format!("umask 022; {script}");
    let command = ["-c", &script];
    Command::new("sh").args(command).current_dir(dir).stdin(Stdio::null()).output().unwrap()
}

fn succeed(dir: &Path, script: &str) -> String {
    let done = shell(dir, script);
    assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Owners, devices and capabilities are for root to make.
fn can(tool: &str) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let is_root = fs::metadata(dir.path()).unwrap().uid() == 0;
    let is_there = shell(dir.path(), &format!("command -v {tool}")).status.success();
    if !is_root {
        skip("only root can unpack owners, devices and capabilities");
    } else if !is_there {
        skip(&format!("{tool} is not installed (scripts/setup.sh installs it)"));
    }
    is_root && is_there
}

fn by_umoci(image: &Image) -> Listing {
    let dir = tempfile::tempdir().unwrap();
    write_layout(image, &dir.path().join("layout"));
    succeed(dir.path(), "exec umoci unpack --image layout:it bundle");
    unpacked(&dir.path().join("bundle/rootfs"))
}

/// The root itself is buildah's own, and hard links of anything but files do not outlast the copy that
/// `vfs` makes of each layer.
fn by_buildah(image: &Image) -> Listing {
    let dir = tempfile::tempdir().unwrap();
    write_layout(image, &dir.path().join("layout"));
    let buildah = "buildah --root storage --runroot run --storage-driver vfs";
    let container = succeed(dir.path(), &format!("{buildah} from oci:layout:it"));
    let root = succeed(dir.path(), &format!("{buildah} mount {container}"));
    let listing = unpacked(Path::new(root.trim()));
    succeed(dir.path(), &format!("{buildah} rm --all"));
    as_buildah_shows(listing)
}

fn as_buildah_shows(mut listing: Listing) -> Listing {
    listing.remove("");
    for (path, item) in &mut listing {
        if !matches!(item.kind, Kind::File { .. }) {
            item.names = vec![path.clone()];
        }
    }
    listing
}

/// What the model expects on disk.
fn expected(image: &Image) -> Listing {
    let model = unpack(image);
    assert_eq!(model.problems, []);
    with_kinds(model.listing(), Kind::as_unpacked)
}

/// Unpackers leave their own time on a folder where a layer puts something into it without an entry for
/// the folder itself; those get the time they should have.
fn with_times_of(expected: &Listing, mut found: Listing) -> Listing {
    for (path, item) in &mut found {
        let changed = item.kind == Kind::Directory && item.attributes.mtime == (0, 0);
        if let Some(wanted) = expected.get(path)
            && changed
        {
            item.attributes.mtime = wanted.attributes.mtime;
        }
    }
    found
}

fn assert_unpacks_to(expected: &Listing, found: Listing) -> Result<(), TestCaseError> {
    assert_same(expected, &with_times_of(expected, found))
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn umoci_makes_of_random_stacks_what_the_model_makes(stack in any_stack()) {
        prop_assume!(can("umoci"));
        let image = stack.uniform().undisputed().image(&[CompressionLevel::Gzip(1)]);
        assert_unpacks_to(&expected(&image), by_umoci(&image))?;
    }
}

const CAPABILITY: &[u8] = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn with_xattr(entry: Entry, name: &[u8], value: &[u8]) -> Entry {
    let mut entry = entry;
    entry.xattrs.insert(name.to_vec(), value.to_vec());
    entry
}

fn link(path: &str, target: &str, like: &Entry) -> Entry {
    Entry {
        path: path.into(),
        kind: EntryKind::HardLink,
        link_target: target.into(),
        size: 0,
        real_size: 0,
        sparse: None,
        ..like.clone()
    }
}

fn empty(layer: LayerBuilder, entry: Entry) -> LayerBuilder {
    layer.entry(entry, io::empty())
}

/// File capabilities through links, copies and removals of names.
fn capabilities() -> ImageBuilder {
    let ping = Entry {
        mode: 0o755,
        ..with_xattr(file("bin/ping", 4), b"security.capability", CAPABILITY)
    };
    ImageBuilder::new()
        .layer(|l| l.dir("bin").entry(ping.clone(), &b"ping"[..]))
        .layer(|l| empty(l.dir("sbin"), link("sbin/ping", "bin/ping", &ping)))
        .layer(|l| empty(l, link("sbin/ping4", "sbin/ping", &ping)).whiteout("bin/ping"))
        .layer(|l| l.entry(Entry { path: b"bin/other".into(), ..ping.clone() }, &b"pong"[..]))
        .layer(|l| empty(l, link("bin/ping6", "bin/other", &ping)))
}

/// Devices, pipes, hard links between them, and folders in their place.
fn devices() -> ImageBuilder {
    let fifo = Entry { mode: 0o640, ..Entry::new("run/pipe", EntryKind::Fifo) };
    ImageBuilder::new()
        .layer(|l| l.dir("dev").device("dev/null", 1, 3).device("dev/zero", 1, 5).dir("run"))
        .layer(|l| empty(empty(l, fifo.clone()), link("run/pipe2", "run/pipe", &fifo)))
        .layer(|l| l.whiteout("run/pipe").file("dev/zero", b"no device any more"))
        .layer(|l| l.dir("dev/zero").fifo("dev/zero/inside").symlink("dev/null", "zero/inside"))
}

/// Folders that are hidden, made anew, opaque, and links in whose place an opaque folder stands.
fn opaque_folders() -> ImageBuilder {
    let private = || Entry { mode: 0o700, uid: 33, gid: 44, ..folder("srv") };
    ImageBuilder::new()
        .layer(|l| {
            let l = l.dir("run").file("run/lock", b"1").dir("var").symlink("var/run", "../run");
            let l = empty(l, with_xattr(folder("srv"), b"user.owner", b"base")).file("srv/a", b"a");
            l.dir("srv/deep").file("srv/deep/b", b"b").file("srv/deep/c", b"c")
        })
        .layer(|l| l.dir("var/run").opaque("var/run").file("var/run/pid", b"2"))
        .layer(|l| l.whiteout("srv"))
        .layer(|l| empty(l, private()).dir("srv/deep").file("srv/deep/c", b"new"))
        .layer(|l| l.file("srv/deep/d", b"d").opaque("srv/deep").file("made/on/the/way", b""))
        .layer(|l| l.whiteout("made/on/the/way"))
}

/// Names, times and contents that every format has its own way of writing.
fn oddities() -> ImageBuilder {
    let content = vec![7; 1024];
    let ranges = vec![Fragment { offset: 4096, length: 1024 }];
    let sparse = Entry {
        real_size: 1 << 20,
        sparse: Some(SparseMap::new(ranges, 1 << 20).unwrap()),
        ..file("holes", 1024)
    };
    let long = format!("{}/{}", "folder/".repeat(30), "n".repeat(200));
    let latin = Entry { path: b"caf\xe9".to_vec(), ..file("", 3) };
    let early = Entry { mtime: Mtime { secs: -2, nanos: 250_000_000 }, ..file("early", 0) };
    let owned = Entry { uid: 3_000_000, gid: 70_000, mode: 0o4711, ..file("owned", 0) };
    ImageBuilder::new()
        .layer(|l| l.entry(sparse.clone(), &content[..]).file(&long, b"far down"))
        .layer(|l| l.entry(latin.clone(), &b"one"[..]).entry(early.clone(), io::empty()))
        .layer(|l| l.entry(owned.clone(), io::empty()).hard_link("again", &long))
        .layer(|l| empty(l, link("other holes", "holes", &sparse)))
        .layer(|l| l.whiteout("holes"))
}

#[test]
fn umoci_unpacks_a_squashed_image_to_the_same_filesystem() {
    if !can("umoci") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    for image in [capabilities(), devices(), opaque_folders(), oddities()] {
        let image = image.image();
        let before = by_umoci(&image);
        assert_unpacks_to(&expected(&image), before.clone()).unwrap();
        for keep in 0..image.layers().len() {
            let after = squashed(&image, keep, CompressionLevel::Gzip(6), scratch.path());
            let after = by_umoci(&after);
            // A folder that was only implied may have an entry now, and with it a time.
            let before = with_times_of(&expected(&image), before.clone());
            assert_unpacks_to(&before, after).unwrap();
        }
    }
}

#[test]
fn buildah_unpacks_a_squashed_image_to_the_same_filesystem() {
    if !can("buildah") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    // The link's attributes are not those of the file, which had capabilities until then.
    let program = with_xattr(file("bin/program", 3), b"security.capability", CAPABILITY);
    let alias = Entry { mode: 0o751, uid: 12, ..link("bin/alias", "bin/program", &file("", 0)) };
    let image = capabilities()
        .layer(|l| empty(l.entry(program, &b"one"[..]), alias))
        .layer(|l| l.whiteout("bin/alias").dir("etc"))
        .image();
    let wanted = as_buildah_shows(expected(&image));
    assert_unpacks_to(&wanted, by_buildah(&image)).unwrap();
    for keep in [0, 2] {
        let after = squashed(&image, keep, CompressionLevel::Zstd(3), scratch.path());
        assert_unpacks_to(&wanted, by_buildah(&after)).unwrap();
    }
}

#[test]
fn skopeo_copies_a_squashed_image() {
    let dir = tempfile::tempdir().unwrap();
    if !shell(dir.path(), "command -v skopeo").status.success() {
        return skip("skopeo is not installed (scripts/setup.sh installs it)");
    }
    for level in [CompressionLevel::Zstd(3), CompressionLevel::Gzip(6)] {
        let image = capabilities().image();
        let after = squashed(&image, 1, level, dir.path());
        let place = tempfile::tempdir().unwrap();
        write_layout(&after, &place.path().join("layout"));
        // `dir:` keeps the manifest as it is, so its digest proves that nothing was rewritten.
        succeed(place.path(), "skopeo --insecure-policy copy --quiet oci:layout:it dir:copied");
        let digest = succeed(place.path(), "sha256sum copied/manifest.json");
        assert!(digest.starts_with(&after.digest().hex()), "{digest} is not {}", after.digest());
    }
}
