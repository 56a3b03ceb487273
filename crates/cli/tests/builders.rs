//! Images that other programs built, and what other programs make of ours.

use std::fs;
use std::os::unix::fs::MetadataExt;

use lightship_oci::compression::CompressionLevel;
use lightship_testkit::docker_registry::skip;
use lightship_testkit::images::ImageBuilder;
use serde_json::json;

use crate::audit::{audit, bytes};
use crate::common::TestEnvironment;
use crate::common::image::unique;

/// Writes a file for each pair of a path and a size, and removes what follows `rm`: all that an
/// image without a shell needs for a `RUN`.
const TOOL: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int count, char **words) {
    for (int at = 1; at + 1 < count; at += 2) {
        if (!strcmp(words[at], "rm")) {
            if (remove(words[at + 1])) return 1;
            continue;
        }
        FILE *file = fopen(words[at], "w");
        if (!file) return 2;
        for (long left = atol(words[at + 1]); left > 0; left--) fputc('a' + left % 17, file);
        if (fclose(file)) return 3;
    }
    return 0;
}
"#;

const DOCKERFILE: &str = r#"FROM scratch
COPY tool /tool
RUN ["/tool", "/lib.so", "300000", "/config", "10"]
ENV MODE=fast
RUN ["/tool", "rm", "/lib.so", "/config", "20"]
CMD ["/tool"]
"#;

#[test]
fn what_buildah_builds_is_told_instruction_by_instruction() {
    let environment = TestEnvironment::new();
    if !environment.shell("command -v buildah cc").status.success() {
        return skip("this machine has no buildah or no C compiler (scripts/setup.sh has both)");
    }
    let work = environment.work();
    fs::write(work.join("tool.c"), TOOL).unwrap();
    fs::write(work.join("Dockerfile"), DOCKERFILE).unwrap();
    environment.peer("cc", &["-static", "-O1", "-s", "-o", "tool", "tool.c"]);
    let storage = ["--root=storage", "--runroot=run", "--storage-driver=vfs"];
    let build = ["build", "--isolation", "chroot", "--layers", "--quiet", "--tag", "it:v1", "."];
    environment.peer("buildah", &[&storage[..], &build].concat());
    let push = ["push", "--quiet", "it:v1"];
    environment.peer("buildah", &[&storage[..], &push, &["oci:built:v1"]].concat());
    let save = format!("docker-archive:{}:it:v1", work.join("built.tar").display());
    environment.peer("buildah", &[&storage[..], &push, &[&save]].concat());

    let report = audit(&environment, "oci:built:v1");
    let layers = report["layers"].as_array().unwrap();
    let instructions: Vec<&str> =
        layers.iter().map(|layer| layer["instruction"].as_str().unwrap()).collect();
    assert!(instructions[0].starts_with("COPY "), "{instructions:?}");
    assert_eq!(instructions[1], r#"RUN ["/tool", "/lib.so", "300000", "/config", "10"]"#);
    assert_eq!(report["history_agrees"], true);
    let tool = fs::metadata(work.join("tool")).unwrap().len();
    assert_eq!(bytes(&report, "kept_bytes"), tool + 20);
    assert_eq!(bytes(&report["waste"], "deleted_bytes"), 300_000);
    assert_eq!(bytes(&report["waste"], "shadowed_bytes"), 10);
    let lost = &report["wasted_paths"][0];
    assert_eq!((&lost["path"], &lost["removed_by"]["layer"]), (&json!("/lib.so"), &json!(3)));
    assert_eq!(lost["removed_by"]["instruction"], instructions[2]);

    let history = environment.json(0, "image history oci:built:v1");
    let steps: Vec<&serde_json::Value> = history["steps"].as_array().unwrap().iter().collect();
    assert_eq!(steps.len(), 5);
    assert_eq!(
        (&steps[2]["instruction"], &steps[2]["layer"]),
        (&json!("ENV MODE=fast"), &json!(null))
    );
    assert_eq!(environment.json(0, "image validate oci:built:v1")["violations"], json!([]));

    let saved = audit(&environment, "built.tar");
    assert_eq!(saved["wasted_paths"].as_array().unwrap().len(), 2);
    assert_eq!(saved["kept_bytes"], report["kept_bytes"]);

    environment.json(0, "image squash oci:built:v1 -o oci:lean --keep-layers 0");
    assert_eq!(bytes(&audit(&environment, "oci:lean"), "stored_bytes"), tool + 20);
    // What was built still runs after it was squashed, as buildah sees it.
    let from = ["from", "--name", "again", "oci:lean"];
    environment.peer("buildah", &[&storage[..], &from].concat());
    let run = ["run", "--isolation", "chroot", "again", "/tool", "/out", "5"];
    environment.peer("buildah", &[&storage[..], &run].concat());
}

fn umoci(environment: &TestEnvironment, arguments: &[&str]) {
    environment.peer("umoci", arguments);
}

#[test]
fn umoci_unpacks_our_layouts_and_we_audit_its() {
    let environment = TestEnvironment::new();
    let image = ImageBuilder::new()
        .compression(CompressionLevel::Gzip(6))
        .layer(|layer| {
            layer
                .dir("etc")
                .file("etc/passwd", &unique("passwd", 300))
                .file("opt/sdk/lib.so", &unique("sdk", 40_000))
                .hard_link("opt/sdk/alias.so", "opt/sdk/lib.so")
                .symlink("bin", "opt/sdk")
        })
        .history("ADD rootfs.tar /")
        .layer(|layer| layer.file("etc/passwd", &unique("new", 310)).whiteout("opt/sdk/alias.so"))
        .history("RUN adduser");
    environment.json(0, &format!("image copy {} oci:tagged:v1", environment.layout("a", image)));
    for (name, squashed) in [("tagged", false), ("squashed", true)] {
        if squashed {
            environment.json(0, "image squash oci:tagged:v1 -o oci:squashed:v1 --keep-layers 0");
        }
        let image = format!("{name}:v1");
        let bundle = format!("{name}-bundle");
        umoci(&environment, &["unpack", "--rootless", "--image", &image, &bundle]);
        let root = environment.work().join(&bundle).join("rootfs");
        assert_eq!(fs::read(root.join("etc/passwd")).unwrap(), unique("new", 310));
        let library = fs::metadata(root.join("bin/lib.so")).unwrap();
        assert_eq!((library.len(), library.nlink()), (40_000, 1));
        assert!(!root.join("opt/sdk/alias.so").exists());
    }

    // umoci adds a layer of its own: one file written again, one removed, one new.
    let root = environment.work().join("tagged-bundle/rootfs");
    fs::write(root.join("etc/passwd"), unique("newest", 320)).unwrap();
    fs::remove_file(root.join("opt/sdk/lib.so")).unwrap();
    fs::write(root.join("etc/motd"), b"hello").unwrap();
    umoci(&environment, &["repack", "--image", "tagged:v2", "tagged-bundle"]);
    let report = audit(&environment, "oci:tagged:v2");
    assert_eq!(report["layers"].as_array().unwrap().len(), 3);
    assert_eq!(bytes(&report, "kept_bytes"), 320 + 5);
    assert_eq!(bytes(&report["waste"], "shadowed_bytes"), 300 + 310);
    assert_eq!(bytes(&report["waste"], "deleted_bytes"), 40_000);
    assert_eq!(report["wasted_paths"][0]["removed_by"]["layer"], 3);
}
