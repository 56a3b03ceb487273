//! Layouts in one file, and what both kinds of archive have in common.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use lightship_oci::archive::{
    DockerArchiveDestination, DockerArchiveSource, OciArchiveDestination, Scratch, open, open_oci,
};
use lightship_oci::compression::CompressionLevel;
use lightship_oci::{Destination, Source};
use tempfile::TempDir;

use crate::sample::{
    TwoPlatforms, compressed, files, image, put, run, sample_files, scratch, told,
};

const GZIP: CompressionLevel = CompressionLevel::Gzip(6);

/// An archive of the sample image of a word, of either kind.
fn save(folder: &Path, kind: &str, word: &str) -> PathBuf {
    let file = folder.join(format!("{kind}.tar"));
    let scratch = scratch(folder);
    let destination: Box<dyn Destination> = match kind {
        "oci" => Box::new(OciArchiveDestination::create(&file, Some("v1"), &scratch).unwrap()),
        _ => Box::new(DockerArchiveDestination::create(&file, Some("it:v1"), &scratch).unwrap()),
    };
    put(&image(word, GZIP), &*destination).unwrap();
    file
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_goes_in_comes_out() {
    let folder = TempDir::new().unwrap();
    let root = image("word", GZIP).root().unwrap().digest;
    let oci = save(folder.path(), "oci", "word");
    let docker = save(folder.path(), "docker", "word");
    let scratch = scratch(folder.path());
    for tag in [None, Some("v1")] {
        let found = open_oci(&oci, tag, &scratch).unwrap();
        assert_eq!(found.root().unwrap().digest, root);
        assert_eq!(files(found), sample_files("word"));
        assert_eq!(open(&oci, tag, &scratch).unwrap().root().unwrap().digest, root);
    }
    for tag in [None, Some("it:v1"), Some("docker.io/library/it:v1"), Some("@0")] {
        let found = DockerArchiveSource::open(&docker, tag, &scratch).unwrap();
        assert_eq!(found.root().unwrap().digest, root);
        assert_eq!(files(found), sample_files("word"));
        assert_eq!(open(&docker, tag, &scratch).unwrap().root().unwrap().digest, root);
    }
    // A docker-archive of ours is a layout, too.
    assert_eq!(open_oci(&docker, Some("v1"), &scratch).unwrap().root().unwrap().digest, root);
    // Nothing else is left in the folder, and nothing temporary was seen in it.
    let mut left = names(folder.path());
    left.sort();
    assert_eq!(left, ["docker.tar", "oci.tar"]);
}

#[test]
fn blobs_are_read_from_any_place_on() {
    let folder = TempDir::new().unwrap();
    let file = save(folder.path(), "oci", "word");
    let found = open_oci(&file, None, &scratch(folder.path())).unwrap();
    let root = found.root().unwrap();
    let whole = found.document(&root, 1 << 20).unwrap();
    for offset in [0, 1, 100, root.size] {
        let mut rest = Vec::new();
        found.blob(&root, offset).unwrap().read_to_end(&mut rest).unwrap();
        assert_eq!(rest, whole[usize::try_from(offset).unwrap()..]);
    }
}

#[test]
fn the_same_image_gives_the_same_bytes() {
    for kind in ["oci", "docker"] {
        let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let one = save(first.path(), kind, "word");
        // From another source, copied in another order.
        let two = second.path().join("again.tar");
        let scratch = scratch(second.path());
        let source = open(&one, None, &scratch).unwrap();
        let destination: Box<dyn Destination> = match kind {
            "oci" => Box::new(OciArchiveDestination::create(&two, Some("v1"), &scratch).unwrap()),
            _ => Box::new(DockerArchiveDestination::create(&two, Some("it:v1"), &scratch).unwrap()),
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        pool.install(|| put(&*source, &*destination)).unwrap();
        assert!(fs::read(&one).unwrap() == fs::read(&two).unwrap(), "{kind}");
    }
}

#[test]
fn compressed_archives_are_decompressed_once() {
    let folder = TempDir::new().unwrap();
    for kind in ["oci", "docker"] {
        let plain = save(folder.path(), kind, "word");
        let bytes = fs::read(&plain).unwrap();
        let packed = folder.path().join("packed");
        let zstd = CompressionLevel::Zstd(1);
        fs::write(&packed, compressed(&bytes, GZIP)).unwrap();
        let check = || {
            let found = open(&packed, None, &scratch(folder.path())).unwrap();
            assert_eq!(found.root().unwrap().digest, image("word", GZIP).root().unwrap().digest);
            assert_eq!(names(folder.path()).iter().filter(|name| name.starts_with('.')).count(), 0);
        };
        check();
        fs::write(&packed, compressed(&bytes, zstd)).unwrap();
        check();
        for module in ["lzma", "bz2"] {
            let script = "import importlib, sys\nm = importlib.import_module(sys.argv[1])\n\
                open(sys.argv[3], 'wb').write(m.compress(open(sys.argv[2], 'rb').read()))";
            run(Command::new("python3").args(["-I", "-c", script, module]).args([&plain, &packed]));
            check();
        }
        let limited = Scratch { max_bytes: 1000, ..scratch(folder.path()) };
        let error = told(&open(&packed, None, &limited).err().unwrap());
        assert!(error.contains("decompresses to more than 1.00 kB"), "{error}");
        fs::write(&packed, &compressed(&bytes, GZIP)[..500]).unwrap();
        assert!(open(&packed, None, &scratch(folder.path())).is_err());
    }
}

#[test]
fn pipes_can_be_read_and_written() {
    let folder = TempDir::new().unwrap();
    let plain = save(folder.path(), "docker", "word");
    let bytes = fs::read(&plain).unwrap();
    let pipe = folder.path().join("pipe");
    run(Command::new("mkfifo").arg(&pipe));
    let scratch = scratch(folder.path());
    let root = std::thread::scope(|scope| {
        scope.spawn(|| {
            // Whoever reads may stop early; that is its right.
            let _ = fs::OpenOptions::new().write(true).open(&pipe).unwrap().write_all(&bytes);
        });
        open(&pipe, None, &scratch).unwrap().root().unwrap()
    });
    assert_eq!(root.digest, image("word", GZIP).root().unwrap().digest);

    let destination = DockerArchiveDestination::create(&pipe, Some("it:v1"), &scratch).unwrap();
    let written = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut written = Vec::new();
            File::open(&pipe).unwrap().read_to_end(&mut written).unwrap();
            written
        });
        put(&image("word", GZIP), &destination).unwrap();
        reader.join().unwrap()
    });
    assert!(written == bytes);
    let kind = fs::metadata(&pipe).unwrap().file_type();
    assert!(!kind.is_file(), "a pipe must never be replaced by a file");
}

#[test]
fn a_file_is_replaced_when_the_image_is_complete_and_not_before() {
    let folder = TempDir::new().unwrap();
    let real = folder.path().join("real");
    fs::create_dir(&real).unwrap();
    let file = real.join("image.tar");
    fs::write(&file, b"old").unwrap();
    let link = folder.path().join("link.tar");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let destination = OciArchiveDestination::create(&link, None, &scratch(folder.path())).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"old");
    put(&image("word", GZIP), &destination).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let found = open_oci(&file, None, &scratch(folder.path())).unwrap();
    assert_eq!(files(found), sample_files("word"));
    assert_eq!(names(&real), ["image.tar"]);
}

#[test]
fn what_is_no_archive_says_what_it_is() {
    let folder = TempDir::new().unwrap();
    let scratch = scratch(folder.path());
    let told_of = |path: &Path| told(&open(path, None, &scratch).err().unwrap());
    assert!(told_of(folder.path()).contains("it is a folder, not an archive; for an image layout"));
    assert!(told_of(&folder.path().join("absent")).contains("cannot open"));
    let file = folder.path().join("file");
    for (content, why) in [
        (&b""[..], "the archive is empty"),
        (b"#!/bin/sh\n", "it is not a tar archive"),
        (&[b'x'; 5000], "it is not a tar archive"),
        (&[0; 10240], "the archive is empty"),
        (b"\x1f\x8b\x08rubbish", "cannot read"),
    ] {
        fs::write(&file, content).unwrap();
        assert!(told_of(&file).contains(why), "{}", told_of(&file));
    }
    assert!(OciArchiveDestination::create(folder.path(), None, &scratch).is_err());
}

#[test]
fn an_index_over_platforms_fits_an_oci_archive_only() {
    let folder = TempDir::new().unwrap();
    let scratch = scratch(folder.path());
    let source = TwoPlatforms::new();
    let file = folder.path().join("multi.tar");
    put(&source, &OciArchiveDestination::create(&file, Some("m"), &scratch).unwrap()).unwrap();
    let found = open_oci(&file, Some("m"), &scratch).unwrap();
    assert_eq!(found.root().unwrap().digest, source.root().unwrap().digest);
    let docker = DockerArchiveDestination::create(&file, Some("m"), &scratch).unwrap();
    let error = told(&put(&source, &docker).unwrap_err());
    assert!(error.contains("for 2 platforms") && error.contains("--platform"), "{error}");
    assert!(open_oci(&file, Some("m"), &scratch).is_ok(), "the old file must be as it was");
}
