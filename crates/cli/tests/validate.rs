//! `image validate` names every rule that an image breaks, and where.

use std::fs;
use std::sync::Arc;

use lightship_base::Digest;
use lightship_oci::Source;
use lightship_oci::spec::{Compression, Flavour, MediaType};
use lightship_testkit::images::ImageBuilder;
use serde_json::{Value, json};

use crate::common::TestEnvironment;
use crate::common::image::{reconfigured, remanifested, unique};
use crate::common::raw::{Raw, archive, file, link};

fn image() -> ImageBuilder {
    ImageBuilder::new()
        .layer(|layer| layer.file("etc/passwd", &unique("passwd", 500)))
        .history("ADD rootfs.tar /")
        .layer(|layer| layer.file("app/main", &unique("main", 700)))
        .history("COPY main /app/")
}

/// What is found: rule, gravity, place, in the order of the report.
fn found(report: &Value) -> Vec<(&str, &str, &str)> {
    let text = |violation: &'_ Value, name: &str| -> &'static str {
        violation[name].as_str().unwrap().to_owned().leak()
    };
    let violations = report["violations"].as_array().unwrap();
    (violations.iter()).map(|v| (text(v, "rule"), text(v, "gravity"), text(v, "place"))).collect()
}

type Edit = fn(&mut Value);

/// Rules and gravities, in the order of the report.
type Expected = &'static [(&'static str, &'static str)];

#[test]
fn broken_configs() {
    let environment = TestEnvironment::new();
    let cases: [(&str, Edit, Expected); 8] = [
        ("sound", |_| {}, &[]),
        (
            "diff-id",
            |config| config["rootfs"]["diff_ids"][1] = json!(Digest::of(b"other")),
            &[("diff-id", "error")],
        ),
        (
            "too-few",
            |config| {
                config["rootfs"]["diff_ids"].as_array_mut().unwrap().pop();
            },
            &[("layer-count", "error")],
        ),
        ("rootfs", |config| config["rootfs"]["type"] = json!("tree"), &[("schema", "error")]),
        (
            "nowhere",
            |config| (config["architecture"], config["os"]) = (json!(""), json!("")),
            &[("schema", "error"), ("schema", "error")],
        ),
        ("time", |config| config["created"] = json!("yesterday"), &[("schema", "error")]),
        (
            "history",
            |config| {
                config["history"].as_array_mut().unwrap().pop();
            },
            &[("history", "warning")],
        ),
        ("shapeless", |config| *config = json!([]), &[("schema", "error")]),
    ];
    for (name, edit, expected) in cases {
        let reference = environment.put(name, &*reconfigured(&image().build(), edit));
        let errors = expected.iter().any(|(_, gravity)| *gravity == "error");
        let report = environment.json(i32::from(errors), &format!("image validate {reference}"));
        let rules: Vec<(&str, &str)> = found(&report).iter().map(|v| (v.0, v.1)).collect();
        assert_eq!(rules, expected, "{name}: {report:#}");
        assert_eq!(report["valid"], !errors);
        assert_eq!((&report["manifests"], &report["layers"]), (&json!(1), &json!(2)));
    }
}

#[test]
fn broken_layers() {
    let environment = TestEnvironment::new();
    let twice = [file("a", b"1"), file("./a", b"2")];
    let full = [file("a/.wh.b", b"content"), Raw::new(".wh.c", b'5', 0).seal()];
    let away = [file("../up", b"x"), link("hard", b'1', "../../etc/passwd")];
    let odd = [file("/absolute", b"x"), link("hard", b'1', "elsewhere")];
    let folder = [Raw::new("d/", b'5', 0).seal(), link("hard", b'1', "d")];
    // What a whiteout hides is not there, so that a file may take its place.
    let hidden = [file(".wh.b", b""), file("b", b""), file(".wh.b", b"")];
    let cases: [(&str, &[Vec<u8>], Expected); 6] = [
        ("twice", &twice, &[("duplicate-path", "error")]),
        ("whiteouts", &full, &[("whiteout", "error"), ("whiteout", "error")]),
        ("traversal", &away, &[("traversal", "error"), ("traversal", "error")]),
        ("odd", &odd, &[("absolute-path", "warning"), ("hard-link", "warning")]),
        ("hidden", &hidden, &[("duplicate-path", "error")]),
        ("folder-link", &folder, &[("hard-link", "error")]),
    ];
    for (name, entries, expected) in cases {
        let reference = environment.layout(name, image().tar(&archive(entries)).history("COPY"));
        let errors = expected.iter().any(|(_, gravity)| *gravity == "error");
        let report = environment.json(i32::from(errors), &format!("image validate {reference}"));
        let rules: Vec<(&str, &str)> = found(&report).iter().map(|v| (v.0, v.1)).collect();
        assert_eq!(rules, expected, "{name}: {report:#}");
        assert!(found(&report).iter().all(|(_, _, place)| place.starts_with("layer 3 (sha256:")));
    }
}

/// The name of what hides it is longer than any name may be, and is never a file's.
#[test]
fn the_longest_name_can_be_hidden() {
    let environment = TestEnvironment::new();
    let longest = format!("opt/{}", "x".repeat(255));
    let built = image().layer(|layer| layer.whiteout(&longest)).history("RUN rm");
    let report = environment.json(0, &format!("image validate {}", environment.layout("x", built)));
    assert_eq!(report["violations"], json!([]));
}

#[test]
fn wrong_types() {
    let environment = TestEnvironment::new();
    let retyped = |layer: MediaType, config: MediaType| -> Arc<dyn Source> {
        remanifested(&image().build(), |manifest| {
            manifest.layers[0].media_type = layer;
            manifest.config.media_type = config;
        })
    };
    let (gzip, zstd) = (Compression::Gzip, Compression::Zstd);
    let (oci, docker) = (Flavour::Oci, Flavour::Docker);
    let strange = MediaType::Other("text/plain; json".to_owned());
    for (name, source, code, expected) in [
        ("lying", retyped(MediaType::Layer(oci, zstd), MediaType::Config(oci)), 1, "says zstd"),
        (
            "mixed",
            retyped(MediaType::Layer(docker, gzip), MediaType::Config(oci)),
            0,
            "other family",
        ),
        (
            "odd-config",
            retyped(MediaType::Layer(oci, gzip), MediaType::Config(docker)),
            0,
            "other family",
        ),
        ("no-layer", retyped(strange, MediaType::Config(oci)), 1, "is no layer"),
    ] {
        let reference = environment.put(name, &*source);
        let report = environment.json(code, &format!("image validate {reference}"));
        assert_eq!(report["violations"].as_array().unwrap().len(), 1, "{name}: {report:#}");
        assert_eq!(report["violations"][0]["rule"], "media-type");
        let message = report["violations"][0]["message"].as_str().unwrap();
        assert!(message.contains(expected), "{name}: {message}");
    }
}

/// One image, everything wrong with it: nothing hides behind what was found first.
#[test]
fn everything_at_once() {
    let environment = TestEnvironment::new();
    let hostile = archive(&[file("../up", b"x"), file("same", b"1"), file("same", b"2")]);
    let built = image().tar(&hostile).layer(|layer| layer.file("fine", b"fine")).build();
    let source = reconfigured(&built, |config| {
        config["rootfs"]["diff_ids"][0] = json!(Digest::of(b"other"));
        config["os"] = json!("");
    });
    let reference = environment.put("broken", &*source);
    let layers = environment.manifest("broken").layers;
    let blob = |at: usize| environment.blobs("broken").join(layers[at].digest.hex());
    let mut bytes = fs::read(blob(1)).unwrap();
    bytes[20] ^= 1;
    fs::write(blob(1), bytes).unwrap();
    fs::remove_file(blob(3)).unwrap();

    let report = environment.json(1, &format!("image validate {reference}"));
    let rules: Vec<&str> = found(&report).iter().map(|violation| violation.0).collect();
    assert_eq!(
        rules,
        ["history", "schema", "diff-id", "digest", "traversal", "duplicate-path", "unreadable"]
    );
    let run = environment.run(&format!("--quiet image validate {reference}"));
    insta::assert_snapshot!(run.seen());
}

#[test]
fn of_several_platforms_the_broken_one_is_named() {
    let environment = TestEnvironment::new();
    environment.index("multi", |architecture| {
        let broken = archive(&[file("same", b"1"), file("same", b"2")]);
        if architecture == "arm64" { image().tar(&broken).history("COPY") } else { image() }
    });
    environment.json(0, "image validate oci:multi --platform linux/amd64");
    environment.json(1, "image validate oci:multi --platform linux/arm64");
    let all = environment.json(1, "image validate oci:multi --all-platforms");
    assert_eq!((&all["manifests"], &all["layers"]), (&json!(3), &json!(5)));
    assert_eq!(all["violations"].as_array().unwrap().len(), 1);
}
