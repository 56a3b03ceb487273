//! Squash and convert: the same files in other layers, and in other clothes.

use std::fs;

use lightship_oci::spec::{Compression, MediaType};
use lightship_oci::tar::{Entry, EntryKind};
use lightship_testkit::images::{ImageBuilder, LayerBuilder, file};
use serde_json::{Value, json};

use crate::audit::{audit, bytes};
use crate::common::TestEnvironment;
use crate::common::image::{reconfigured, remanifested, unique};

fn base(layer: LayerBuilder) -> LayerBuilder {
    layer
        .dir("etc")
        .file("etc/passwd", &unique("passwd", 300))
        .dir("opt")
        .dir("opt/kit")
        .file("opt/kit/a", &unique("a", 1_000))
        .file("opt/kit/b", &unique("b", 2_000))
        .device("dev/null", 1, 3)
}

/// What is easily lost: file capabilities, hard links across layers, an opaque folder, a device in
/// place of a file, a link in place of a folder.
fn tricky() -> ImageBuilder {
    let capable = |path: &str| {
        let mut entry = file(path, 500);
        entry.mode = 0o4755;
        entry.xattrs.insert(b"security.capability".to_vec(), b"\x01\0\0\x02\0\x04\0\0".to_vec());
        entry
    };
    ImageBuilder::new()
        .layer(base)
        .history("ADD rootfs.tar /")
        .instruction("CMD [\"sh\"]")
        .layer(|layer| {
            (layer.opaque("opt/kit").file("opt/kit/b", &unique("new b", 2_100)))
                .entry(capable("bin/ping"), &unique("ping", 500)[..])
                .hard_link("etc/alias", "etc/passwd")
                .file("tmp/gone", &unique("gone", 3_000))
        })
        .history("RUN install")
        .layer(|layer| {
            layer
                .whiteout("tmp/gone")
                .fifo("run/pipe")
                .symlink("opt/link", "kit")
                .hard_link("sbin/ping", "bin/ping")
        })
        .history("RUN tidy")
}

fn layer_digests(report: &Value) -> Vec<&str> {
    let layers = report["layers"].as_array().unwrap();
    layers.iter().map(|layer| layer["digest"].as_str().unwrap()).collect()
}

#[test]
fn squash_keeps_the_files_and_the_base() {
    let environment = TestEnvironment::new();
    let image = environment.layout("image", tricky());
    let before = audit(&environment, &image);
    let digests = layer_digests(&before);
    let second = &digests[1]["sha256:".len()..][..12];
    let diff_id = before["layers"][1]["diff_id"].as_str().unwrap();
    environment.layout("base", ImageBuilder::new().layer(base));
    for (number, (keep, kept)) in [
        ("", 1),
        ("--base oci:base", 1),
        ("--keep-layers 1", 1),
        ("--keep-layers 2", 2),
        ("--keep-layers 0", 0),
        (&format!("--from-layer {second}"), 1),
        (&format!("--from-layer {diff_id}"), 1),
    ]
    .into_iter()
    .enumerate()
    {
        let out = format!("oci:out{number}");
        let report = environment.json(0, &format!("image squash {image} -o {out} {keep}"));
        assert_eq!(report["kept_layers"], kept, "{keep}");
        let after = audit(&environment, &out);
        assert_eq!(layer_digests(&after)[..kept], digests[..kept], "{keep}");
        assert_eq!(layer_digests(&after).len(), kept + 1);
        let wasted = bytes(&after, "shadowed_bytes") + bytes(&after, "deleted_bytes");
        match kept {
            // Those of the base that the upper layers hide stay with it.
            1 => assert_eq!(wasted, 1_000 + 2_000),
            0 => assert_eq!(wasted, 0),
            _ => {}
        }
        let diff = environment.json(0, &format!("image diff {image} {out}"));
        assert_eq!(
            (&diff["files"]["changes"], &diff["config"]),
            (&json!([]), &json!([])),
            "{keep}"
        );
        let valid = environment.json(0, &format!("image validate {out}"));
        assert_eq!(valid["valid"], true, "{valid}");
        assert_eq!(after["history_agrees"], true);
    }
    // The same question, the same bytes; also with one thread.
    let again =
        environment.shell("LIGHTSHIP_JOBS=1 \"$LIGHTSHIP\" image squash oci:image -o oci:again");
    assert_eq!(again.code(), 0, "{}", again.stderr);
    assert_eq!(
        audit(&environment, "oci:again")["digest"],
        audit(&environment, "oci:out0")["digest"]
    );
}

#[test]
fn squash_says_why_it_cannot() {
    let environment = TestEnvironment::new();
    let image = environment.layout("image", ImageBuilder::new().layer(base).layer(base));
    let stranger = ImageBuilder::new().layer(|layer| layer.file("x", b"x"));
    environment.layout("stranger", stranger);
    let link_out = |layer: LayerBuilder| {
        let link_target = b"nowhere/at/all".to_vec();
        let link = Entry { link_target, ..Entry::new("x", EntryKind::HardLink) };
        layer.entry(link, std::io::empty())
    };
    environment.layout("dangling", ImageBuilder::new().layer(base).layer(link_out));
    for (line, word) in [
        (format!("image squash {image} -o oci:x"), "--keep-layers 0"),
        (format!("image squash {image} -o oci:x --keep-layers 2"), "none is left to merge"),
        (format!("image squash {image} -o oci:x --base oci:stranger"), "is not built on"),
        (format!("image squash {image} -o oci:x --from-layer abcdef123456"), "was not found"),
        ("image squash oci:dangling -o oci:x --keep-layers 1".to_owned(), "hard link to nothing"),
    ] {
        let run = environment.run(&line);
        assert_eq!((run.code(), run.stdout.as_str()), (3, ""), "{line}");
        assert!(run.stderr.contains(word), "{line}: {}", run.stderr);
        assert!(!environment.work().join("x").exists(), "nothing half done");
    }
    assert!(fs::read_dir(environment.temporary()).unwrap().next().is_none(), "nothing left over");
}

#[test]
fn convert_changes_the_clothes_only() {
    let environment = TestEnvironment::new();
    let image = environment.layout("image", tricky());
    let before = audit(&environment, &image);
    let diff_ids = |report: &Value| -> Vec<Value> {
        let layers = report["layers"].as_array().unwrap();
        layers.iter().map(|layer| layer["diff_id"].clone()).collect()
    };
    let mut from = image.clone();
    for (number, (change, compression)) in [
        ("--compression zstd:3", "zstd"),
        ("--compression none", "none"),
        ("--compression gzip:9", "gzip"),
        ("--manifest docker", "gzip"),
        ("--manifest oci --compression zstd:19", "zstd"),
        ("--compression gzip:1", "gzip"),
    ]
    .into_iter()
    .enumerate()
    {
        let to = format!("oci:converted{number}");
        let first = environment.json(0, &format!("image convert {from} -o {to} {change}"));
        let line = format!("image convert {from} -o oci:twice{number} {change}");
        assert_eq!(environment.json(0, &line)["digest"], first["digest"], "{change}");
        let after = audit(&environment, &to);
        assert_eq!(diff_ids(&after), diff_ids(&before), "{change}");
        assert_eq!(after["layers"][0]["compression"], compression, "{change}");
        assert_eq!(after["wasted_paths"][0]["path"], before["wasted_paths"][0]["path"]);
        let valid = environment.json(0, &format!("image validate {to}"));
        assert_eq!(valid["valid"], true, "{change}: {valid}");
        let diff = environment.json(0, &format!("image diff {image} {to}"));
        assert_eq!((&diff["files"]["changes"], &diff["config"]), (&json!([]), &json!([])));
        from = to;
    }
    // The first layers were gzip 1, and so are the last ones: the same blobs.
    assert_eq!(layer_digests(&audit(&environment, &from)), layer_digests(&before));
    let docker = environment.manifest("converted3");
    assert!(matches!(docker.layers[0].media_type, MediaType::Layer(_, Compression::Gzip)));
    assert!(docker.media_type.unwrap().to_string().contains("vnd.docker"));

    let annotated = remanifested(&tricky().build(), |manifest| {
        let notes = ["org.example.b", "org.example.a"].map(|name| (name.into(), "x".into()));
        manifest.annotations.extend(notes);
    });
    let annotated = environment.put("annotated", &*annotated);
    let kept =
        environment.json(0, &format!("image convert {annotated} -o oci:kept --manifest oci"));
    assert_eq!(kept["dropped_annotations"], json!([]));
    let line = format!("image convert {annotated} -o oci:dropped --manifest docker");
    let dropped = environment.json(0, &line);
    assert_eq!(dropped["dropped_annotations"], json!(["org.example.a", "org.example.b"]));
    let said = environment.run(&line).stdout;
    assert!(said.contains("2 annotations dropped") && said.contains("org.example.a"), "{said}");

    // What nobody can verify is not dressed up as a good image.
    for ids in [json!(null), json!([])] {
        let edit = |config: &mut Value| config["rootfs"]["diff_ids"] = ids;
        let unverifiable = environment.put("no-ids", &*reconfigured(&tricky().build(), edit));
        let line = format!("image convert {unverifiable} -o oci:y --compression zstd");
        let run = environment.run(&line);
        assert_eq!(run.code(), 3, "{}", run.stderr);
        assert!(run.stderr.contains("image validate"), "{}", run.stderr);
    }

    let run = environment.run("image convert oci:converted0 -o oci:x --manifest docker");
    assert_eq!(run.code(), 3, "{}", run.stderr);
    assert!(run.stderr.contains("--compression gzip"), "{}", run.stderr);
}
