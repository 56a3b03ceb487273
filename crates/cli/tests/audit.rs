//! Known answers: images whose every wasted byte was put there on purpose.

use std::collections::BTreeMap;
use std::io::Read;

use lightship_oci::compression::CompressionLevel;
use lightship_testkit::images::{ImageBuilder, LayerBuilder, toolchain_bytes};
use serde_json::Value;

use crate::common::TestEnvironment;
use crate::common::image::unique;

/// The audit, after a look at everything that holds for every image.
pub(crate) fn audit(environment: &TestEnvironment, line: &str) -> Value {
    let report = environment.json(0, &format!("audit {line}"));
    assert_eq!(report["schema"], "lightship.audit/1");
    let layers = report["layers"].as_array().unwrap();
    for sums in layers.iter().chain([&report]) {
        let [kept, shadowed, deleted] =
            ["kept_bytes", "shadowed_bytes", "deleted_bytes"].map(|name| bytes(sums, name));
        assert_eq!(kept + shadowed + deleted, bytes(sums, "stored_bytes"), "{sums}");
        let stored = bytes(sums, "stored_bytes") + bytes(sums, "overhead_bytes");
        assert_eq!(stored, bytes(sums, "uncompressed_bytes"));
    }
    for name in ["stored_bytes", "shadowed_bytes", "deleted_bytes", "compressed_bytes"] {
        let sum: u64 = layers.iter().map(|layer| bytes(layer, name)).sum();
        assert_eq!(sum, bytes(&report, name), "{name}");
    }
    check_waste(&report);
    check_savings(&report);
    report
}

/// Totals are the sums of what is listed.
fn check_waste(report: &Value) {
    let waste = &report["waste"];
    let mut by_kind = BTreeMap::from([("shadowed", 0), ("deleted", 0)]);
    for path in report["wasted_paths"].as_array().unwrap() {
        *by_kind.get_mut(path["kind"].as_str().unwrap()).unwrap() += bytes(path, "bytes");
        assert!(path["written_by"]["layer"].as_u64() <= path["removed_by"]["layer"].as_u64());
    }
    assert_eq!(by_kind["shadowed"], bytes(waste, "shadowed_bytes"));
    assert_eq!(by_kind["deleted"], bytes(waste, "deleted_bytes"));
    assert_eq!(waste["shadowed_bytes"], report["shadowed_bytes"]);
    assert_eq!(waste["deleted_bytes"], report["deleted_bytes"]);
    let duplicates = report["duplicates"].as_array().unwrap();
    let copies: u64 = duplicates.iter().map(|copy| bytes(copy, "wasted_bytes")).sum();
    assert_eq!(copies, bytes(waste, "duplicate_bytes"));
}

/// No byte is saved twice.
fn check_savings(report: &Value) {
    let savings = &report["savings"];
    let lines = savings["lines"].as_array().unwrap();
    for (total, most) in [
        ("disk_bytes", bytes(report, "stored_bytes")),
        ("compressed_bytes_estimate", bytes(report, "compressed_bytes")),
    ] {
        let sum: u64 = lines.iter().map(|line| bytes(line, total)).sum();
        assert_eq!(sum, bytes(savings, total));
        assert!(sum <= most, "{sum} bytes cannot be saved of {most}");
    }
    let invisible = bytes(report, "shadowed_bytes") + bytes(report, "deleted_bytes");
    assert!(invisible <= bytes(savings, "disk_bytes"));
}

pub(crate) fn bytes(of: &Value, name: &str) -> u64 {
    of[name].as_u64().unwrap_or_else(|| panic!("{name} is no number in {of}"))
}

/// `(path, kind, bytes, layer and instruction that wrote it, layer and instruction that took it)`.
type Wasted<'a> = (&'a str, &'a str, u64, (u64, &'a str), (u64, &'a str));

fn wasted(report: &Value) -> Vec<Wasted<'_>> {
    let mut all: Vec<Wasted<'_>> = Vec::new();
    for path in report["wasted_paths"].as_array().unwrap() {
        let text = |name: &str| path[name].as_str().unwrap();
        let by =
            |name: &str| (bytes(&path[name], "layer"), path[name]["instruction"].as_str().unwrap());
        all.push((
            text("path"),
            text("kind"),
            bytes(path, "bytes"),
            by("written_by"),
            by("removed_by"),
        ));
    }
    all.sort_unstable();
    all
}

const ADD: &str = "ADD rootfs.tar /";
const INSTALL: &str = "RUN apt-get install -y toolchain && make program";
const REMOVE: &str = "RUN rm -rf /opt/toolchain /opt/sdk/lib /usr/local/bin/tool";

/// Path and size of everything in the toolchain: 150,000,000 bytes.
const TOOLCHAIN: [(&str, u64); 5] = [
    ("/opt/toolchain/bin/cc1", 60_000_000),
    ("/opt/toolchain/lib/deep/er/libcc.so", 69_999_999),
    ("/opt/toolchain/lib/crt.o", 1),
    ("/opt/sdk/lib/headers.bin", 15_000_000),
    ("/usr/local/bin/tool", 5_000_000),
];
const BASE_BYTES: u64 = 4_000 + 300;
const PROGRAM_BYTES: u64 = 10_240;

fn base(layer: LayerBuilder) -> LayerBuilder {
    (layer.dir("bin").dir("etc"))
        .file("bin/sh", &unique("sh", 4_000))
        .file("etc/passwd", &unique("passwd", 300))
}

/// A base, a layer with a toolchain and a program, and one that removes the toolchain: single files,
/// a whole folder, and a folder that is emptied by an opaque mark.
fn toolchain_image() -> ImageBuilder {
    let with_toolchain = |layer: LayerBuilder| {
        let layer = layer.dir("opt").dir("opt/toolchain").dir("opt/sdk").dir("opt/sdk/lib");
        (TOOLCHAIN.iter().zip(1..))
            .fold(layer, |layer, ((path, size), seed)| {
                layer.stream(&path[1..], *size, toolchain_bytes(seed, *size))
            })
            .file("app/program", &program())
    };
    ImageBuilder::new()
        .compression(CompressionLevel::Zstd(1))
        .layer(base)
        .history(ADD)
        .layer(with_toolchain)
        .history(&format!("/bin/sh -c {} # buildkit", &INSTALL["RUN ".len()..]))
        .layer(|layer| {
            layer
                .dir("opt")
                .whiteout("opt/toolchain")
                .dir("opt/sdk")
                .dir("opt/sdk/lib")
                .opaque("opt/sdk/lib")
                .whiteout("usr/local/bin/tool")
        })
        .history(REMOVE)
}

fn program() -> Vec<u8> {
    let mut bytes = Vec::new();
    toolchain_bytes(99, PROGRAM_BYTES).read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_removed_toolchain_is_all_the_waste_there_is_and_squash_takes_it_out() {
    let environment = TestEnvironment::new();
    let image = environment.layout("image", toolchain_image());
    let report = audit(&environment, &image);
    let total: u64 = TOOLCHAIN.iter().map(|(_, size)| size).sum();
    assert_eq!(total, 150_000_000);
    assert_eq!(bytes(&report["waste"], "deleted_bytes"), total);
    assert_eq!(bytes(&report["waste"], "shadowed_bytes"), 0);
    assert_eq!(bytes(&report["waste"], "duplicate_bytes"), 0);
    assert_eq!(bytes(&report, "kept_bytes"), BASE_BYTES + PROGRAM_BYTES);
    assert_eq!(bytes(&report["savings"], "disk_bytes"), total);
    let mut expected: Vec<Wasted<'_>> = TOOLCHAIN
        .iter()
        .map(|(path, size)| (*path, "deleted", *size, (2, INSTALL), (3, REMOVE)))
        .collect();
    expected.sort_unstable();
    assert_eq!(wasted(&report), expected);
    let codes: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["deleted-files"]);

    let squash = environment.json(0, &format!("image squash {image} -o oci:lean --keep-layers 1"));
    assert_eq!((&squash["layers_before"], &squash["layers_after"]), (&3.into(), &2.into()));
    let lean = audit(&environment, "oci:lean");
    assert_eq!(bytes(&lean, "stored_bytes"), BASE_BYTES + PROGRAM_BYTES);
    assert_eq!(bytes(&lean, "kept_bytes"), BASE_BYTES + PROGRAM_BYTES);
    assert_eq!(lean["findings"], Value::Array(Vec::new()));
    assert_eq!(lean["layers"][0]["digest"], report["layers"][0]["digest"]);
    let valid = environment.json(0, "image validate oci:lean");
    assert_eq!(valid["valid"], true);
    // Nothing that one can see has changed: only the folder that was removed with its contents.
    let diff = environment.json(0, &format!("image diff {image} oci:lean"));
    assert_eq!(diff["files"]["changes"], Value::Array(Vec::new()));
    assert_eq!(diff["config"], Value::Array(Vec::new()));
}

#[test]
fn of_a_file_written_three_times_two_copies_are_waste() {
    let environment = TestEnvironment::new();
    let write = |size| move |layer: LayerBuilder| layer.file("data/model", &unique("model", size));
    let image = ImageBuilder::new()
        .layer(write(1_000))
        .history("COPY model /data/")
        .layer(write(2_000))
        .history("RUN train")
        .layer(write(3_000))
        .history("RUN train again");
    let report = audit(&environment, &environment.layout("image", image));
    assert_eq!(bytes(&report["waste"], "shadowed_bytes"), 3_000);
    assert_eq!(bytes(&report["waste"], "deleted_bytes"), 0);
    assert_eq!(bytes(&report, "kept_bytes"), 3_000);
    assert_eq!(
        wasted(&report),
        [
            ("/data/model", "shadowed", 1_000, (1, "COPY model /data/"), (2, "RUN train")),
            ("/data/model", "shadowed", 2_000, (2, "RUN train"), (3, "RUN train again")),
        ]
    );
}

#[test]
fn the_same_content_twice_is_one_duplicate_and_a_hard_link_is_none() {
    let environment = TestEnvironment::new();
    let image = ImageBuilder::new()
        .layer(|layer| {
            layer
                .file("a/copied", &unique("copied", 5_000))
                .file("a/linked", &unique("linked", 7_000))
                .hard_link("b/linked", "a/linked")
                .file("b/thrice", &unique("thrice", 90))
        })
        .history("COPY a b /")
        .layer(|layer| {
            layer
                .file("c/copied", &unique("copied", 5_000))
                .file("c/thrice", &unique("thrice", 90))
                .file("d/thrice", &unique("thrice", 90))
        })
        .history("COPY c /");
    let report = audit(&environment, &environment.layout("image", image));
    assert_eq!(bytes(&report["waste"], "duplicate_bytes"), 5_000 + 2 * 90);
    assert_eq!(report["duplicates"][0]["paths"], serde_json::json!(["/a/copied", "/c/copied"]));
    assert_eq!(report["duplicates"][1]["copies"], 3);
    assert_eq!(report["duplicates"].as_array().unwrap().len(), 2);
    assert_eq!(bytes(&report, "kept_bytes"), bytes(&report, "stored_bytes"));
}

#[test]
fn a_content_is_kept_while_one_of_its_names_is_seen() {
    let environment = TestEnvironment::new();
    let image = ImageBuilder::new()
        .layer(|layer| {
            layer
                .file("a/one", &unique("one", 1_000))
                .hard_link("b/one", "a/one")
                .file("a/two", &unique("two", 2_000))
                .hard_link("b/two", "a/two")
        })
        .history("COPY a b /")
        .layer(|layer| layer.whiteout("a/one").whiteout("a/two"))
        .history("RUN rm a/*")
        .layer(|layer| layer.file("b/two", &unique("new", 10)))
        .history("RUN echo > b/two");
    let report = audit(&environment, &environment.layout("image", image));
    assert_eq!(bytes(&report, "kept_bytes"), 1_010);
    assert_eq!(
        wasted(&report),
        [("/b/two", "shadowed", 2_000, (1, "COPY a b /"), (3, "RUN echo > b/two"))]
    );
}

/// The base is recognised by the store's images, by name, and by the history.
#[test]
fn the_base_is_told_and_marked() {
    let environment = TestEnvironment::new();
    let lower = ImageBuilder::new().layer(base).history(ADD).instruction("CMD [\"sh\"]");
    let below = environment.layout("base", lower);
    let upper = |image: ImageBuilder| {
        image.layer(|layer| layer.file("app/main.py", b"print()")).history("COPY . /app")
    };
    let image = environment.layout("image", upper(ImageBuilder::new().layer(base).history(ADD)));
    assert_eq!(audit(&environment, &image)["base"], Value::Null);

    let given = audit(&environment, &format!("{image} --base {below}"));
    assert_eq!(
        (&given["base"]["evidence"], &given["base"]["layers"]),
        (&"given".into(), &1.into())
    );

    environment.json(0, &format!("image copy {below} store:debian:13"));
    let found = audit(&environment, &image);
    assert_eq!(found["base"]["name"], "debian:13");
    assert_eq!(found["base"]["evidence"], "chain-id");
    let in_base: Vec<&Value> =
        found["layers"].as_array().unwrap().iter().map(|layer| &layer["in_base"]).collect();
    assert_eq!(in_base, [&Value::Bool(true), &Value::Bool(false)]);

    let with_end = ImageBuilder::new()
        .layer(|layer| base(layer).file("etc/other", b"other"))
        .history(ADD)
        .instruction("CMD [\"sh\"]");
    let guessed = audit(&environment, &environment.layout("guess", upper(with_end)));
    assert_eq!(guessed["base"]["evidence"], "history");

    let stranger = ImageBuilder::new().layer(|layer| layer.file("x", b"x"));
    let stranger = environment.layout("stranger", stranger);
    let run = environment.run(&format!("audit {stranger} --base {below}"));
    assert_eq!(run.code(), 3);
    assert!(run.stderr.contains("is not built on oci:base"), "{}", run.stderr);
}
