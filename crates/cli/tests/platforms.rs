//! Images for several platforms under one name.

use lightship_testkit::docker_registry::{DockerRegistry, RegistryOptions};
use lightship_testkit::images::ImageBuilder;
use serde_json::json;

use crate::audit::{audit, bytes};
use crate::common::TestEnvironment;
use crate::common::image::unique;

fn image(architecture: &str) -> ImageBuilder {
    ImageBuilder::new()
        .layer(|layer| layer.file("etc/shared", &unique("shared", 3_000)))
        .layer(|layer| layer.file("bin/program", &unique(architecture, 5_000)))
}

#[test]
fn one_platform_is_looked_at_and_all_can_travel() {
    let Some(registry) = DockerRegistry::start(&RegistryOptions::default()) else { return };
    let environment = TestEnvironment::new();
    let index = environment.index("multi", image);
    for architecture in ["amd64", "arm64"] {
        let report = audit(&environment, &format!("oci:multi --platform linux/{architecture}"));
        assert_eq!(report["platform"], format!("linux/{architecture}"));
    }
    let run = environment.run("audit oci:multi --platform linux/s390x");
    assert_eq!(run.code(), 3);
    for word in ["linux/s390x", "linux/amd64", "linux/arm64", "--platform"] {
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
    let differs = "image diff oci:multi oci:multi --platform linux/arm64";
    assert_eq!(environment.json(0, differs)["files"]["changes"], json!([]));

    let there = format!("docker://{}/multi:v1", registry.name());
    let all = environment.json(0, &format!("image copy oci:multi {there} --all-platforms"));
    assert_eq!(all["digest"], index.to_string());
    // Two configs, two layers of their own and the one that they share.
    assert_eq!(bytes(&all, "blobs_copied"), 5);
    let skopeo = ["--insecure-policy", "--override-arch=arm64", "inspect", "--tls-verify=false"];
    let shown = environment.peer("skopeo", &[&skopeo[..], &[&there]].concat());
    assert!(shown.contains("\"Architecture\": \"arm64\""), "{shown}");
    let valid = environment.json(0, &format!("image validate {there} --all-platforms"));
    assert_eq!((&valid["manifests"], &valid["violations"]), (&json!(3), &json!([])));

    let name = format!("{}/multi:v1", registry.name());
    environment.json(0, &format!("image pull {name} --platform linux/arm64 --name arm:v1"));
    environment.json(0, &format!("image pull {name} --all-platforms --name all:v1"));
    let images = &environment.json(0, "image ls")["images"];
    assert_eq!(images[0]["platforms"], json!(["linux/amd64", "linux/arm64"]));
    assert_eq!(images[0]["digest"], index.to_string());
    assert_eq!(images[1]["platforms"], json!(["linux/arm64"]));
    // What both names need goes with neither.
    assert_eq!(bytes(&images[1], "unique_bytes"), 0);
    assert_eq!(audit(&environment, "arm:v1")["platform"], "linux/arm64");

    environment.json(0, "image save all:v1 -o all.tar --all-platforms");
    let arm = audit(&environment, "all.tar --platform linux/arm64");
    assert_eq!(arm["platform"], "linux/arm64");
    let run = environment.run("image copy all:v1 docker-archive:x.tar --all-platforms");
    assert_eq!(run.code(), 3, "{}", run.stderr);
    assert!(run.stderr.contains("choose one with `--platform`"), "{}", run.stderr);
    assert!(!environment.work().join("x.tar").exists());
}
