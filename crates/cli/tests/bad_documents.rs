//! Manifests, configs and indexes that lie, or lead nowhere.

use std::fs;
use std::sync::Arc;

use lightship_base::Digest;
use lightship_oci::Source;
use lightship_oci::spec::{Descriptor, Manifest};
use lightship_testkit::images::ImageBuilder;
use serde_json::{Value, json};

use crate::bad_input::{COMMANDS, every_command, rules};
use crate::common::TestEnvironment;
use crate::common::image::{reconfigured, remanifested, unique};

#[test]
fn documents_that_lie_are_refused() {
    let environment = TestEnvironment::new();
    let image = || ImageBuilder::new().layer(|layer| layer.file("x", &unique("x", 5_000))).build();
    let resized = |change: fn(&mut Manifest)| remanifested(&image(), change);

    // The layout's writer would notice, so the manifest is put in by hand.
    let cases: [(&str, Arc<dyn Source>, &str); 3] = [
        ("huge-layer", resized(|m| m.layers[0].size = 1_000_000_000_000_000_000), "it should have"),
        (
            "huge-config",
            resized(|m| m.config.size = 1_000_000_000_000_000_000),
            "more than such a document",
        ),
        (
            "no-config",
            resized(|m| m.config = Descriptor::of(m.config.media_type.clone(), b"{}")),
            "was not found",
        ),
    ];
    for (name, lying, words) in cases {
        environment.put(name, &*image());
        let root = lying.root().unwrap();
        let bytes = lying.document(&root, 1 << 20).unwrap();
        fs::write(environment.blobs(name).join(root.digest.hex()), bytes).unwrap();
        let index = json!({"schemaVersion": 2, "manifests": [root]}).to_string();
        fs::write(environment.work().join(name).join("index.json"), index).unwrap();
        let reference = format!("oci:{name}");
        for ((code, said), command) in every_command(&environment, &reference).iter().zip(COMMANDS)
        {
            let expected = if command.contains("validate") { 1 } else { 3 };
            assert_eq!(*code, expected, "{name}: {command}: {said}");
            assert!(said.contains(words) || expected == 1, "{name}: {command}: {said}");
        }
        for to in ["oci:copied", "store:copied", "oci-archive:copied.tar"] {
            let run = environment.run(&format!("image copy {reference} {to}"));
            assert_eq!(run.code(), 3, "{name} {to}: {}", run.stderr);
        }
    }

    let nulls = reconfigured(&image(), |config| {
        config["rootfs"]["diff_ids"] = Value::Null;
        config["history"] = Value::Null;
        config["config"] = Value::Null;
    });
    let reference = environment.put("nulls", &*nulls);
    for ((code, said), command) in every_command(&environment, &reference).iter().zip(COMMANDS) {
        let expected = if command.contains("validate") { 1 } else { 3 };
        assert_eq!(*code, expected, "{command}: {said}");
        assert!(said.contains("1 layer"), "{command}: {said}");
    }
    let found = environment.json(1, &format!("image validate {reference}"));
    assert!(rules(&found).contains(&&json!("layer-count")), "{found}");

    for (name, text) in [
        ("no-json", "{"),
        ("two-faced", r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#),
        ("list", "[]"),
    ] {
        let folder = environment.work().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        fs::write(folder.join("index.json"), text).unwrap();
        for (code, said) in every_command(&environment, &format!("oci:{name}")) {
            assert_eq!(code, 3, "{name}: {said}");
            assert!(said.contains("index.json"), "{said}");
        }
    }
}

/// Indexes that lead from one to the next, and one that leads to itself.
#[test]
fn indexes_without_end_come_to_one() {
    let environment = TestEnvironment::new();
    environment.layout("deep", ImageBuilder::new().layer(|layer| layer.file("x", b"x")));
    let list = environment.work().join("deep/index.json");
    let index_type = "application/vnd.oci.image.index.v1+json";
    for _ in 0..10 {
        let bytes = fs::read(&list).unwrap();
        let digest = Digest::of(&bytes);
        fs::write(environment.blobs("deep").join(digest.hex()), &bytes).unwrap();
        let entry = json!({"mediaType": index_type, "digest": digest, "size": bytes.len()});
        fs::write(&list, json!({"schemaVersion": 2, "manifests": [entry]}).to_string()).unwrap();
    }
    for (code, said) in every_command(&environment, "oci:deep") {
        assert!(matches!(code, 1 | 3), "{said}");
        assert!(said.contains("indexes without end"), "{said}");
    }
    let run = environment.run("image copy oci:deep oci:out --all-platforms");
    assert_eq!(run.code(), 3, "{}", run.stderr);

    environment.layout("self", ImageBuilder::new().layer(|layer| layer.file("x", b"x")));
    let digest = Digest::of(b"nothing has this");
    let entry = json!({"mediaType": index_type, "digest": digest, "size": 300});
    let list = json!({"schemaVersion": 2, "manifests": [entry]}).to_string();
    fs::write(environment.work().join("self/index.json"), &list).unwrap();
    fs::write(environment.blobs("self").join(digest.hex()), &list).unwrap();
    for (code, said) in every_command(&environment, "oci:self") {
        assert!(matches!(code, 1 | 3), "{said}");
    }
}
