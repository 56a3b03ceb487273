//! skopeo and umoci read what we write and write what we read.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use lightship_base::Digest;
use lightship_oci::archive::{
    DockerArchiveDestination, DockerArchiveSource, OciArchiveDestination, open, open_oci,
};
use lightship_oci::assembly::Assembly;
use lightship_oci::compression::CompressionLevel;
use lightship_oci::layout::{LayoutDestination, LayoutSource};
use lightship_oci::spec::{Compression, Flavour, Manifest, MediaType};
use lightship_oci::tar::{Entry, EntryKind, Fragment, Mtime, SparseMap, TarReader, TarWriter};
use lightship_oci::{Image, Source};
use tempfile::TempDir;

use crate::sample::{
    compressed, config_of, files, image, is_compressed_with, put, run, sample_files, scratch,
};

const GZIP: CompressionLevel = CompressionLevel::Gzip(6);

fn skopeo(arguments: &[&str]) -> String {
    run(Command::new("skopeo").arg("--insecure-policy").args(arguments))
}

/// Has skopeo copy an image and says what the manifest's digest is where it came to.
fn skopeo_copy(from: &str, to: &str) -> Digest {
    skopeo(&["copy", "--quiet", from, to]);
    skopeo(&["inspect", "--no-tags", "--format", "{{.Digest}}", to]).trim().parse().unwrap()
}

#[test]
fn skopeo_reads_our_layouts_and_archives() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let scratch = scratch(folder.path());
    for (name, level) in [("gzip", GZIP), ("zstd", CompressionLevel::Zstd(3))] {
        let source = image(name, level);
        let digest = source.root().unwrap().digest;
        let layout = path("layout");
        put(&source, &LayoutDestination::create(Path::new(&layout), Some(name)).unwrap()).unwrap();
        let copied = skopeo_copy(&format!("oci:{layout}:{name}"), &format!("oci:{}:x", path(name)));
        assert_eq!(copied, digest);
        assert_eq!(
            files(LayoutSource::open(Path::new(&path(name)), None).unwrap()),
            sample_files(name)
        );

        let archive = path("archive.tar");
        let destination =
            OciArchiveDestination::create(Path::new(&archive), Some("v1"), &scratch).unwrap();
        put(&source, &destination).unwrap();
        let there = format!("dir:{}", path(&format!("{name}-dir")));
        assert_eq!(skopeo_copy(&format!("oci-archive:{archive}:v1"), &there), digest);

        // skopeo reads docker-archives by `manifest.json` and stores layers uncompressed.
        let saved = path("saved.tar");
        let destination =
            DockerArchiveDestination::create(Path::new(&saved), Some("it:v1"), &scratch).unwrap();
        put(&source, &destination).unwrap();
        let again = path(&format!("{name}-again"));
        skopeo_copy(&format!("docker-archive:{saved}:it:v1"), &format!("oci:{again}:x"));
        assert_eq!(files(LayoutSource::open(Path::new(&again), None).unwrap()), sample_files(name));
    }
}

#[test]
fn we_read_skopeos_layouts_and_archives() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    let scratch = scratch(folder.path());
    let ours = path("ours");
    put(&image("word", GZIP), &LayoutDestination::create(&ours, Some("v1")).unwrap()).unwrap();
    let from = format!("oci:{}:v1", text("ours"));

    let digest = skopeo_copy(&from, &format!("oci:{}:theirs", text("layout")));
    let found = LayoutSource::open(&path("layout"), Some("theirs")).unwrap();
    assert_eq!(found.root().unwrap().digest, digest);
    assert_eq!(files(found), sample_files("word"));

    let digest = skopeo_copy(&from, &format!("oci-archive:{}:theirs", text("archive.tar")));
    for found in [
        Box::new(open_oci(&path("archive.tar"), Some("theirs"), &scratch).unwrap()),
        open(&path("archive.tar"), None, &scratch).unwrap() as Box<dyn Source>,
    ] {
        assert_eq!(found.root().unwrap().digest, digest);
    }

    let saved = format!("docker-archive:{}:team/churn:v1", text("saved.tar"));
    skopeo(&["copy", "--quiet", "--additional-tag", "churn:other", &from, &saved]);
    for tag in [None, Some("team/churn:v1"), Some("docker.io/team/churn:v1"), Some("churn:other")] {
        let found = DockerArchiveSource::open(&path("saved.tar"), tag, &scratch).unwrap();
        assert!(is_compressed_with(found, Compression::None));
        let found = DockerArchiveSource::open(&path("saved.tar"), tag, &scratch).unwrap();
        assert_eq!(files(found), sample_files("word"));
    }
    let v2s2 = format!("oci:{}:docker", text("layout"));
    skopeo(&["copy", "--quiet", "--format", "v2s2", &saved, &format!("dir:{}", text("v2s2"))]);
    skopeo(&["copy", "--quiet", &format!("dir:{}", text("v2s2")), &v2s2]);
    let found = LayoutSource::open(&path("layout"), Some("docker")).unwrap();
    assert_eq!(files(found), sample_files("word"));
}

/// Entries whose names and attributes take every part of a pax header to say, and an image of them.
fn tricky() -> (Vec<Entry>, Assembly) {
    let file = |path: &[u8], mode| Entry { mode, ..Entry::new(path, EntryKind::File) };
    let mut fraction = file(b"etc/fraction", 0o640);
    fraction.mtime = Mtime { secs: 1_600_000_000, nanos: 123_456_789 };
    let mut attributes = file(b"usr/attributes", 0o4755);
    attributes.xattrs.insert(b"user.note".to_vec(), b"\x01\0=\n\xff".to_vec());
    let mut holes = file(b"usr/holes", 0o600);
    let map = SparseMap::new(vec![Fragment { offset: 65536, length: 4 }], 1 << 20).unwrap();
    (holes.size, holes.real_size, holes.sparse) = (4, 1 << 20, Some(map));
    let link = |path: &[u8], kind, target: &[u8]| Entry {
        link_target: target.to_vec(),
        mode: 0o777,
        ..Entry::new(path, kind)
    };
    let folder = |path: &str| Entry { mode: 0o755, ..Entry::new(path, EntryKind::Directory) };
    let long = [&b"usr/caf\xe9/"[..], &b"caf\xe9".repeat(40)].concat();
    let entries = vec![
        folder("etc/"),
        folder("usr/"),
        Entry { path: b"usr/caf\xe9/".to_vec(), ..folder("x") },
        fraction,
        attributes,
        holes,
        file(b"usr/caf\xe9/short", 0o644),
        file(&long, 0o644),
        file(["usr/", &"\u{e9}".repeat(60), "/n"].concat().replace('/', "_").as_bytes(), 0o600),
        link(b"usr/far", EntryKind::Symlink, &b"caf\xe9/".repeat(40)),
        link(b"usr/hard", EntryKind::HardLink, &long),
    ];
    let mut writer = TarWriter::new(Vec::new());
    for entry in &entries {
        writer.append(entry, &mut &b"full"[..usize::try_from(entry.size).unwrap()]).unwrap();
    }
    let tar = writer.finish().unwrap();
    let mut image = Assembly::over("tricky", None);
    let layer =
        image.add_bytes(MediaType::Layer(Flavour::Oci, Compression::Gzip), compressed(&tar, GZIP));
    let config = image.add_bytes(MediaType::Config(Flavour::Oci), config_of(&[tar]));
    let media_type = MediaType::Manifest(Flavour::Oci);
    image.set_root(
        media_type.clone(),
        &Manifest {
            schema_version: 2,
            media_type: Some(media_type),
            artifact_type: None,
            config,
            layers: vec![layer],
            subject: None,
            annotations: std::collections::BTreeMap::new(),
            extra: serde_json::Map::new(),
        },
    );
    (entries, image)
}

/// umoci unpacks layers with the same library as containerd, Docker and Podman.
#[test]
fn umoci_unpacks_what_we_write() {
    let folder = TempDir::new().unwrap();
    let layout = folder.path().join("layout");
    let (entries, image) = tricky();
    put(&image, &LayoutDestination::create(&layout, Some("v1")).unwrap()).unwrap();
    let bundle = folder.path().join("bundle");
    unpack(&layout, "v1", &bundle);
    let root = bundle.join("rootfs");
    for entry in &entries {
        let path = root.join(OsStr::from_bytes(&entry.path));
        let found = fs::symlink_metadata(&path).unwrap();
        match entry.kind {
            EntryKind::File => {
                assert_eq!(found.len(), entry.real_size);
                assert_eq!(found.permissions().mode() & 0o7777, entry.mode);
                let time = (found.mtime(), u32::try_from(found.mtime_nsec()).unwrap());
                assert_eq!(time, (entry.mtime.secs, entry.mtime.nanos), "{}", path.display());
            }
            EntryKind::Symlink => {
                let target = fs::read_link(&path).unwrap();
                assert_eq!(target.as_os_str().as_bytes(), entry.link_target);
            }
            EntryKind::HardLink => {
                let target = root.join(OsStr::from_bytes(&entry.link_target));
                assert_eq!(found.ino(), fs::metadata(target).unwrap().ino());
            }
            _ => assert!(found.is_dir()),
        }
    }
    let holes = fs::read(root.join("usr/holes")).unwrap();
    assert_eq!(&holes[65536..65540], b"full");
    assert_eq!(holes.iter().filter(|byte| **byte != 0).count(), 4);
}

fn unpack(layout: &Path, tag: &str, bundle: &Path) {
    let image = format!("{}:{tag}", layout.display());
    run(Command::new("umoci").args(["unpack", "--rootless", "--image", &image]).arg(bundle));
}

#[test]
fn we_read_what_umoci_writes() {
    let folder = TempDir::new().unwrap();
    let layout = folder.path().join("layout");
    run(Command::new("umoci").arg("init").arg("--layout").arg(&layout));
    let empty = LayoutSource::open(&layout, None).err().unwrap();
    assert!(crate::sample::told(&empty).contains("no image at all"), "{empty}");

    let image = format!("{}:v1", layout.display());
    run(Command::new("umoci").args(["new", "--image", &image]));
    let bundle = folder.path().join("bundle");
    unpack(&layout, "v1", &bundle);
    let root = bundle.join("rootfs");
    let long = "n".repeat(200);
    fs::create_dir_all(root.join("etc/deep/er")).unwrap();
    fs::write(root.join("etc/deep/er").join(&long), b"long").unwrap();
    fs::write(root.join(OsStr::from_bytes(b"etc/caf\xe9")), b"x").unwrap();
    std::os::unix::fs::symlink("t".repeat(150), root.join("link")).unwrap();
    fs::hard_link(root.join(OsStr::from_bytes(b"etc/caf\xe9")), root.join("hard")).unwrap();
    run(Command::new("umoci").args(["repack", "--image", &image]).arg(&bundle));

    let source = LayoutSource::open(&layout, Some("v1")).unwrap();
    let image = Image::open(Arc::new(source), None).unwrap();
    let mut seen = Vec::new();
    for layer in image.layers() {
        let mut reader = TarReader::new(layer.read().unwrap());
        while let Some(entry) = reader.next_entry().unwrap() {
            let path = entry.root_path().unwrap();
            let found =
                fs::symlink_metadata(root.join(OsStr::from_bytes(path.as_bytes()))).unwrap();
            if entry.kind != EntryKind::HardLink {
                assert_eq!(entry.mode, found.permissions().mode() & 0o7777, "{path}");
                // Go rounds to whole seconds where nobody asks for more.
                let rounded = found.mtime() + i64::from(found.mtime_nsec() >= 500_000_000);
                assert_eq!(entry.mtime, Mtime { secs: rounded, nanos: 0 }, "{path}");
            }
            seen.push((path, entry));
        }
        reader.into_inner().finish().unwrap();
    }
    let find = |path: &[u8]| &seen.iter().find(|(found, _)| found.as_bytes() == path).unwrap().1;
    assert_eq!(find(format!("etc/deep/er/{long}").as_bytes()).size, 4);
    assert_eq!(find(b"link").link_target, "t".repeat(150).into_bytes());
    let pair = [find(b"etc/caf\xe9").kind, find(b"hard").kind];
    assert!(pair.contains(&EntryKind::HardLink) && pair.contains(&EntryKind::File));
}
