//! Archives and layouts that lie. None is believed, none does harm.

use std::fs;
use std::io::Cursor;
use std::sync::Arc;

use lightship_base::Digest;
use lightship_oci::archive::{ArchiveIndex, open, open_oci, parse_manifest_json};
use lightship_oci::compression::CompressionLevel;
use lightship_oci::layout::{LayoutDestination, LayoutSource, parse_index, parse_layout_version};
use lightship_oci::{Error, Image, Source};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::docker::{Saved, open_saved};
use crate::sample::{config_of, image, layers, put, scratch, told};

fn refusal(saved: Saved) -> String {
    let folder = TempDir::new().unwrap();
    told(&open_saved(saved, &folder, None).unwrap_err())
}

fn list_of(config: &str, layer: &str) -> Value {
    json!([{"Config": config, "RepoTags": ["it:v1"], "Layers": [layer]}])
}

fn one_layer() -> (Vec<u8>, Vec<u8>) {
    let tar = layers("word").remove(0);
    (config_of(std::slice::from_ref(&tar)), tar)
}

#[test]
fn paths_and_links_never_leave_the_archive() {
    let (config, tar) = one_layer();
    let with = |saved: Saved, config_path: &str, layer_path: &str| {
        refusal(saved.file("c.json", &config).list(&list_of(config_path, layer_path)))
    };
    for (path, why) in [
        ("../layer.tar", "`..` component"),
        ("a/../../layer.tar", "`..` component"),
        ("/etc/passwd", "layer `/etc/passwd` was not found"),
        ("up", "leaves the archive"),
        ("absolute", "leaves the archive"),
        ("circle", "too many links"),
        ("folder", "was not found"),
        ("", "a folder"),
    ] {
        let saved = Saved::new()
            .file("layer.tar", &tar)
            .file("folder/x", b"")
            .link("up", "../layer.tar")
            .link("absolute", "/etc/passwd")
            .link("circle", "circle");
        let error = with(saved, "c.json", path);
        // The root and folders that are only implied are nothing that could be opened.
        let why = if path.is_empty() { "was not found" } else { why };
        assert!(error.contains(why), "{path:?}: {error}");
    }
    let error = with(Saved::new().link("x.json", "../../etc/passwd"), "x.json", "layer.tar");
    assert!(error.contains("leaves the archive"), "{error}");
    // An entry that climbs spoils the whole archive, whether it is used or not.
    let error = with(Saved::new().file("../evil", b""), "c.json", "layer.tar");
    assert!(error.contains("`..` component"), "{error}");
}

#[test]
fn lists_that_are_there_twice_are_refused() {
    let (config, tar) = one_layer();
    let saved = Saved::new()
        .file("a.json", &config)
        .file("layer.tar", &tar)
        .list(&list_of("a.json", "layer.tar"))
        .list(&list_of("a.json", "other.tar"));
    assert!(refusal(saved).contains("`manifest.json` is in the archive more than once"));
}

#[test]
fn lists_that_do_not_fit_are_refused() {
    let (config, tar) = one_layer();
    let saved = || Saved::new().file("a.json", &config).file("layer.tar", &tar);
    for (list, why) in [
        (list_of("absent.json", "layer.tar"), "config `absent.json` was not found"),
        (list_of("a.json", "absent.tar"), "layer `absent.tar` was not found"),
        (list_of("layer.tar", "layer.tar"), "is not valid"),
        (
            json!([{"Config": "a.json", "RepoTags": null, "Layers": []}]),
            "lists 1 layers, and the archive has 0",
        ),
        (json!([{"Config": "a.json", "RepoTags": null, "Layers": null}]), "lists 1 layers"),
        (json!({"Config": "a.json"}), "manifest.json of docker-archive:"),
        (json!([{"Config": 7}]), "manifest.json of docker-archive:"),
        (list_of("a\u{1b}[2J.json", "layer.tar"), "a\\x1b[2J.json"),
    ] {
        let error = refusal(saved().list(&list));
        assert!(error.contains(why), "{list}: {error}");
        assert!(!error.chars().any(|c| c.is_control() && c != '\n'), "{error:?}");
    }
}

#[test]
fn a_layer_with_the_wrong_bytes_is_found_out_by_whoever_reads_it() {
    let (config, mut tar) = one_layer();
    tar[600] ^= 1;
    let folder = TempDir::new().unwrap();
    let saved = Saved::new().file("a.json", &config).file("l", &tar).list(&list_of("a.json", "l"));
    let image = Image::open(Arc::new(open_saved(saved, &folder, None).unwrap()), None).unwrap();
    let error = image.layers()[0].read().unwrap().finish().unwrap_err();
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error}");
}

/// The archive's index names one image, its list another: `docker load` believes the list.
#[test]
fn an_index_that_contradicts_the_list_is_not_believed() {
    let folder = TempDir::new().unwrap();
    let gzip = CompressionLevel::Gzip(6);
    let decoy = image("decoy", gzip);
    let dir = folder.path().join("layout");
    put(&decoy, &LayoutDestination::create(&dir, Some("v1")).unwrap()).unwrap();
    let (config, tar) = one_layer();
    let mut saved = Saved::new()
        .file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)
        .file("index.json", &fs::read(dir.join("index.json")).unwrap())
        .file("real.json", &config)
        .file("real.tar", &tar)
        .list(&list_of("real.json", "real.tar"));
    for blob in fs::read_dir(dir.join("blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let name = format!("blobs/sha256/{}", path.file_name().unwrap().to_str().unwrap());
        saved = saved.file(&name, &fs::read(&path).unwrap());
    }
    let file = saved.write(folder.path());
    let scratch = scratch(folder.path());
    let found = open(&file, None, &scratch).unwrap();
    let image = Image::open(Arc::from(found), None).unwrap();
    assert_eq!(image.config_bytes(), config);
    assert_ne!(image.digest(), decoy.root().unwrap().digest);
    // Asked for the layout in it, that is what one gets.
    let found = open_oci(&file, None, &scratch).unwrap();
    assert_eq!(found.root().unwrap().digest, decoy.root().unwrap().digest);
}

#[test]
fn layouts_whose_blobs_are_wrong_or_missing_say_so() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path();
    let source = image("word", CompressionLevel::Gzip(6));
    put(&source, &LayoutDestination::create(dir, None).unwrap()).unwrap();
    let root = source.root().unwrap();
    let path = dir.join("blobs/sha256").join(root.digest.hex());
    let bytes = fs::read(&path).unwrap();
    let refused = || {
        let found = LayoutSource::open(dir, None).unwrap();
        let blob = found.document(&root, 1 << 20);
        told(&blob.unwrap_err())
    };
    let mut flipped = bytes.clone();
    flipped[10] ^= 1;
    for (content, why) in [
        (flipped, "is corrupt: it should be"),
        (bytes[..20].to_vec(), "but has 20"),
        ([bytes.clone(), vec![b' '; 1 << 20]].concat(), "is corrupt: it should have"),
    ] {
        fs::write(&path, content).unwrap();
        assert!(refused().contains(why), "{}", refused());
    }
    fs::remove_file(&path).unwrap();
    assert!(refused().contains("was not found in oci:"), "{}", refused());
    // A pipe in place of a blob must not make anybody wait.
    crate::sample::run(std::process::Command::new("mkfifo").arg(&path));
    assert!(refused().contains("not a regular file"), "{}", refused());
    fs::remove_file(&path).unwrap();
    fs::write(&path, &bytes).unwrap();
    // A size that no document has is refused unread.
    let mut huge = root.clone();
    huge.size = 1 << 40;
    let found = LayoutSource::open(dir, None).unwrap();
    let error = found.document(&huge, 1 << 20).unwrap_err();
    assert!(error.to_string().contains("more than such a document may have"), "{error}");
}

#[test]
fn indexes_of_the_wrong_shape_are_refused() {
    let digest = Digest::of(b"");
    for (text, fine) in [
        (r#"{"schemaVersion":2,"manifests":[]}"#.to_owned(), true),
        (r#"{"schemaVersion":2,"manifests":null}"#.to_owned(), true),
        (r#"{"schemaVersion":2}"#.to_owned(), false),
        (r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#.to_owned(), false),
        (r#"{"schemaVersion":2,"manifests":[{}]}"#.to_owned(), false),
        (format!(r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"x","digest":"{digest}","size":-1}}]}}"#), false),
        (r#"{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"../../etc/passwd","size":1}]}"#.to_owned(), false),
        ("[".repeat(100_000), false),
    ] {
        assert_eq!(parse_index(text.as_bytes()).is_ok(), fine, "{}", &text[..text.len().min(200)]);
    }
}

/// A valid archive of Docker's, to be damaged.
fn archive() -> Vec<u8> {
    let (config, tar) = one_layer();
    let folder = TempDir::new().unwrap();
    let path = Saved::new()
        .file("a.json", &config)
        .file("1/layer.tar", &tar)
        .link("2/layer.tar", "../1/layer.tar")
        .list(&list_of("a.json", "2/layer.tar"))
        .write(folder.path());
    fs::read(path).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_archives_do_no_harm(damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = archive();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(index) = ArchiveIndex::read(Cursor::new(&bytes))
            && let Ok(Some(extent)) = index.find(b"2/layer.tar")
        {
            prop_assert!(extent.offset + extent.length <= bytes.len() as u64);
        }
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("x.tar");
        fs::write(&path, &bytes).unwrap();
        if let Ok(source) = open(&path, None, &scratch(folder.path())) {
            let _ = Image::open(Arc::from(source), None);
        }
    }

    #[test]
    fn noise_does_no_harm(bytes in vec(any::<u8>(), 0..600)) {
        let _ = ArchiveIndex::read(Cursor::new(&bytes));
        let _ = parse_index(&bytes);
        let _ = parse_layout_version(&bytes);
        let _ = parse_manifest_json(&bytes);
    }
}
