//! Layouts in folders.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use lightship_base::{Digest, TransferOutcome};
use lightship_oci::compression::CompressionLevel;
use lightship_oci::layout::{LayoutDestination, LayoutSource};
use lightship_oci::spec::{Compression, Descriptor, Flavour, MediaType};
use lightship_oci::{Destination, Source};
use tempfile::TempDir;

use crate::sample::{TwoPlatforms, files, image, is_compressed_with, put, sample_files, told};

const GZIP: CompressionLevel = CompressionLevel::Gzip(6);

fn save(dir: &Path, tag: Option<&str>, word: &str) {
    put(&image(word, GZIP), &LayoutDestination::create(dir, tag).unwrap()).unwrap();
}

fn open(dir: &Path, tag: Option<&str>) -> LayoutSource {
    LayoutSource::open(dir, tag).unwrap()
}

fn file_names(dir: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(dir).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_goes_in_comes_out() {
    let folder = TempDir::new().unwrap();
    for (tag, level, compression) in [
        ("plain", CompressionLevel::None, Compression::None),
        ("gzip", GZIP, Compression::Gzip),
        ("zstd", CompressionLevel::Zstd(3), Compression::Zstd),
    ] {
        let dir = folder.path().join("out");
        let source = image(tag, level);
        put(&source, &LayoutDestination::create(&dir, Some(tag)).unwrap()).unwrap();
        assert_eq!(open(&dir, Some(tag)).root().unwrap().digest, source.root().unwrap().digest);
        assert_eq!(files(open(&dir, Some(tag))), sample_files(tag));
        assert!(is_compressed_with(open(&dir, Some(tag)), compression));
    }
}

#[test]
fn several_images_live_in_one_layout() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path();
    for (tag, word) in [(Some("a"), "one"), (Some("b"), "two"), (None, "three")] {
        save(dir, tag, word);
    }
    for (tag, word) in [(Some("a"), "one"), (Some("b"), "two")] {
        assert_eq!(files(open(dir, tag)), sample_files(word));
    }
    let error = told(&LayoutSource::open(dir, None).err().unwrap());
    assert!(error.contains("it holds 3 images") && error.contains("a, b, sha256:"), "{error}");
    // The same tag again replaces, no tag replaces what has none; nothing else moves.
    save(dir, Some("a"), "four");
    save(dir, None, "five");
    assert_eq!(files(open(dir, Some("a"))), sample_files("four"));
    assert_eq!(files(open(dir, Some("b"))), sample_files("two"));
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.join("index.json")).unwrap()).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 3);
    assert_eq!(file_names(dir), ["blobs", "index.json", "oci-layout"].map(str::to_owned).into());
}

#[test]
fn what_others_wrote_into_the_index_stays() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path();
    save(dir, Some("a"), "one");
    let path = dir.join("index.json");
    let mut index: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    index["annotations"] = serde_json::json!({"who": "somebody"});
    index["later"] = serde_json::json!([1]);
    index["manifests"][0]["urls"] = serde_json::json!(["kept"]);
    fs::write(&path, index.to_string()).unwrap();
    save(dir, Some("b"), "two");
    let after: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for key in ["annotations", "later"] {
        assert_eq!(after[key], index[key]);
    }
    assert_eq!(after["manifests"][0], index["manifests"][0]);
}

#[test]
fn the_same_images_give_the_same_files() {
    let folder = TempDir::new().unwrap();
    let read = |dir: &Path| {
        (fs::read(dir.join("index.json")).unwrap(), file_names(&dir.join("blobs/sha256")))
    };
    let (first, second) = (folder.path().join("1"), folder.path().join("2"));
    save(&first, Some("a"), "one");
    // By a detour, which must not show.
    let detour = folder.path().join("detour");
    save(&detour, Some("other"), "one");
    let destination = LayoutDestination::create(&second, Some("a")).unwrap();
    put(&open(&detour, Some("other")), &destination).unwrap();
    assert_eq!(read(&first), read(&second));
}

#[test]
fn an_index_over_platforms_is_kept_whole() {
    let folder = TempDir::new().unwrap();
    let source = TwoPlatforms::new();
    let destination = LayoutDestination::create(folder.path(), Some("multi")).unwrap();
    put(&source, &destination).unwrap();
    let found = open(folder.path(), Some("multi"));
    assert_eq!(found.root().unwrap().digest, source.root().unwrap().digest);

    // Some tools make the image's index the layout's own.
    let bytes = found.document(&found.root().unwrap(), 1 << 20).unwrap();
    fs::write(folder.path().join("index.json"), &bytes).unwrap();
    let found = open(folder.path(), None);
    assert_eq!(found.root().unwrap().digest, Digest::of(&bytes));
    assert_eq!(found.document(&found.root().unwrap(), 1 << 20).unwrap(), bytes);
}

#[test]
fn nothing_is_visible_before_the_end() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("out");
    let destination = LayoutDestination::create(&dir, Some("a")).unwrap();
    assert!(!dir.exists());
    let bytes = b"layer".to_vec();
    let blob = Descriptor::of(MediaType::Layer(Flavour::Oci, Compression::None), &bytes);
    let put = || {
        let open = |_| Ok(Box::new(&b"layer"[..]) as Box<dyn std::io::Read + Send>);
        destination.put_blob(&blob, None, &open, &|_| {}).unwrap()
    };
    assert_eq!(put(), TransferOutcome::Done);
    assert_eq!(put(), TransferOutcome::AlreadyThere);
    assert!(!dir.join("index.json").exists());
    let error = told(&LayoutSource::open(&dir, None).err().unwrap());
    assert!(error.contains("did not finish"), "{error}");
    // A blob that was cut short is written again.
    let path = dir.join("blobs/sha256").join(blob.digest.hex());
    fs::write(&path, b"lay").unwrap();
    assert_eq!(put(), TransferOutcome::Done);
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn blobs_that_are_not_what_they_should_be_leave_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let destination = LayoutDestination::create(folder.path(), Some("a")).unwrap();
    let blob = Descriptor::of(MediaType::Config(Flavour::Oci), b"right");
    for (content, why) in
        [("wrong", "it should be sha256:"), ("rig", "has 3"), ("rightly", "has 7")]
    {
        let content: &'static [u8] = content.as_bytes();
        let open = |_| Ok(Box::new(content) as Box<dyn std::io::Read + Send>);
        let error = destination.put_blob(&blob, None, &open, &|_| {}).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        let error = destination.put_manifest(&blob, content).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    assert!(file_names(&folder.path().join("blobs/sha256")).is_empty());
    assert_eq!(file_names(folder.path()), ["blobs", "oci-layout"].map(str::to_owned).into());
}

#[test]
fn many_can_write_at_once() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("shared");
    std::thread::scope(|scope| {
        for at in 0..8 {
            let dir = &dir;
            scope.spawn(move || save(dir, Some(&format!("t{at}")), &format!("word {at}")));
        }
    });
    for at in 0..8 {
        let found = files(open(&dir, Some(&format!("t{at}"))));
        assert_eq!(found, sample_files(&format!("word {at}")));
    }
    assert_eq!(file_names(&dir), ["blobs", "index.json", "oci-layout"].map(str::to_owned).into());
}

#[test]
fn folders_with_something_else_in_them_are_left_alone() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("thesis.txt"), b"precious").unwrap();
    let error = told(&LayoutDestination::create(folder.path(), None).unwrap_err());
    assert!(error.contains("is not empty, and is no image layout; name a new"), "{error}");
    let file = folder.path().join("thesis.txt");
    assert!(LayoutDestination::create(&file, None).is_err());
    for tag in ["", "a b", "a\nb", "\u{e9}", &"x".repeat(256)] {
        assert!(LayoutDestination::create(&folder.path().join("new"), Some(tag)).is_err());
    }
}

#[test]
fn what_is_no_layout_says_what_it_is() {
    let folder = TempDir::new().unwrap();
    let told_of = |path: &Path| told(&LayoutSource::open(path, None).err().unwrap());
    let file = folder.path().join("file.tar");
    fs::write(&file, b"").unwrap();
    assert!(
        told_of(&file).contains("it is a file, not an image layout; for an archive: oci-archive:")
    );
    assert!(told_of(&folder.path().join("absent")).contains("cannot open"));
    assert!(told_of(folder.path()).contains("oci-layout was not found"));
    fs::write(folder.path().join("oci-layout"), br#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    assert!(told_of(folder.path()).contains("has version \"2.0.0\""));
    fs::write(folder.path().join("oci-layout"), b"{}").unwrap();
    assert!(told_of(folder.path()).contains("oci-layout of oci:"));
}
