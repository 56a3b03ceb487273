//! The local store: names, what it holds, damage and healing.

use std::fs;
use std::path::PathBuf;

use lightship_testkit::docker_registry::{DockerRegistry, RegistryOptions};
use lightship_testkit::images::ImageBuilder;
use serde_json::{Value, json};

use crate::audit::{audit, bytes};
use crate::common::TestEnvironment;
use crate::common::image::unique;

fn image(own: &str) -> ImageBuilder {
    ImageBuilder::new()
        .layer(|layer| layer.file("bin/sh", &unique("sh", 40_000)))
        .history("ADD rootfs.tar /")
        .layer(|layer| layer.file("app/main", &unique(own, 9_000)))
        .history("COPY main /app/")
}

fn files_of_store(environment: &TestEnvironment) -> Vec<PathBuf> {
    let mut folders = vec![environment.work().join("home/store")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let list = if entry.file_type().unwrap().is_dir() { &mut folders } else { &mut files };
            list.push(entry.path());
        }
    }
    files
}

/// The file that holds a blob.
fn blob(environment: &TestEnvironment, digest: &Value) -> PathBuf {
    let hex = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
    let is_it = |path: &PathBuf| path.file_name().is_some_and(|name| name == hex);
    files_of_store(environment).into_iter().find(is_it).expect("the blob is in the store")
}

fn in_store(line: &str) -> String {
    format!("--home home {line}")
}

#[test]
fn names_come_and_go_and_what_nobody_names_is_freed() {
    let environment = TestEnvironment::new();
    let run = environment.run(&in_store("image ls"));
    assert!(run.code() == 0 && run.stdout.starts_with("no images yet"), "{}", run.stdout);
    for name in ["one", "two"] {
        environment.layout(name, image(name));
        environment.json(0, &in_store(&format!("image copy oci:{name} store:{name}:v1")));
    }
    let tagged = environment.json(0, &in_store("image tag one:v1 team/other"));
    assert_eq!(tagged["name"], "team/other:latest");

    let images = environment.json(0, &in_store("image ls"));
    let images = images["images"].as_array().unwrap();
    let names: Vec<&Value> = images.iter().map(|image| &image["name"]).collect();
    assert_eq!(names, ["one:v1", "team/other:latest", "two:v1"]);
    // The second image needs the base layer, too; its other blobs are its own.
    assert_eq!(bytes(&images[0], "unique_bytes"), 0);
    assert!(bytes(&images[2], "unique_bytes") < bytes(&images[2], "total_bytes"));

    let before = environment.json(0, &in_store("store df"));
    assert_eq!(bytes(&before["unreachable"], "bytes"), 0);
    let run = environment.run(&in_store("image rm two:v1 absent"));
    assert_eq!(run.code(), 3, "{}", run.stderr);
    assert_eq!(environment.json(0, &in_store("store df")), before, "nothing was removed");

    environment.json(0, &in_store("image rm one:v1 two:v1"));
    let after = environment.json(0, &in_store("store df"));
    assert_eq!(bytes(&after["unreachable"], "bytes"), bytes(&images[2], "unique_bytes"));
    let would = environment.json(0, &in_store("store gc --dry-run"));
    assert_eq!(environment.json(0, &in_store("store df")), after);
    let freed = environment.json(0, &in_store("store gc"));
    assert_eq!(would["freed"], freed["freed"]);
    assert_eq!(bytes(&freed["freed"], "bytes"), bytes(&after["unreachable"], "bytes"));

    let digest = images[1]["digest"].as_str().unwrap();
    for reference in ["team/other", digest, &digest[..20], &digest[7..20]] {
        let report = audit(&environment, &format!("--home home {reference}"));
        assert_eq!(report["digest"], digest, "{reference}");
    }
    environment.json(0, &in_store("image rm team/other"));
    environment.json(0, &in_store("store gc"));
    let empty = environment.json(0, &in_store("store df"));
    assert_eq!(
        (&empty["reachable"], &empty["unreachable"]),
        (&json!({"count": 0, "bytes": 0}), &json!({"count": 0, "bytes": 0}))
    );
}

#[test]
fn damage_is_found_removed_and_healed_by_pulling_again() {
    let Some(registry) = DockerRegistry::start(&RegistryOptions::default()) else { return };
    let environment = TestEnvironment::new();
    environment.layout("it", image("it"));
    let name = format!("{}/it:v1", registry.name());
    environment.json(0, &in_store(&format!("image copy oci:it docker://{name}")));
    let pull = in_store(&format!("image pull {name} --name it:v1"));
    environment.json(0, &pull);
    let all_is_well = environment.json(0, &in_store("store verify"));
    assert_eq!((&all_is_well["corrupt"], &all_is_well["missing"]), (&json!([]), &json!([])));

    let report = audit(&environment, "--home home it:v1");
    let layer = &report["layers"][1]["digest"];
    let file = blob(&environment, layer);
    let mut content = fs::read(&file).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    make_writable(&file);
    fs::write(&file, content).unwrap();

    let found = environment.json(1, &in_store("store verify"));
    assert_eq!(
        (&found["corrupt"][0]["digest"], &found["corrupt"][0]["removed"]),
        (layer, &json!(false))
    );
    let run = environment.run(&in_store("audit it:v1"));
    assert_eq!(run.code(), 3);
    assert!(run.stderr.contains(layer.as_str().unwrap()), "{}", run.stderr);

    let removed = environment.json(1, &in_store("store verify --remove-corrupt"));
    assert_eq!(removed["corrupt"][0]["removed"], true);
    let missing = environment.json(1, &in_store("store verify"));
    assert_eq!(missing["missing"][0]["digest"], *layer);
    assert_eq!(missing["missing"][0]["needed_by"], json!(["images/it:v1"]));
    let list = environment.json(0, &in_store("image ls"));
    assert!(list["images"][0]["damage"].as_str().unwrap().contains("missing"), "{list}");
    assert!(environment.run(&in_store("image ls")).stdout.contains("damaged"));

    let healed = environment.json(0, &pull);
    assert_eq!((&healed["blobs_copied"], &healed["blobs_reused"]), (&json!(1), &json!(2)));
    environment.json(0, &in_store("store verify"));
    assert_eq!(audit(&environment, "--home home it:v1")["layers"], report["layers"]);

    // A blob that lost its end is noticed without reading it, and fetched again.
    make_writable(&file);
    fs::write(&file, b"short").unwrap();
    environment.json(1, &in_store("store verify"));
    environment.json(0, &pull);
    environment.json(0, &in_store("store verify"));
}

fn make_writable(file: &PathBuf) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
}

#[test]
fn several_processes_fill_one_store_at_once() {
    let environment = TestEnvironment::new();
    for number in 0..6 {
        environment.layout(&format!("image{number}"), image(&format!("own{number}")));
    }
    let run = environment.shell(
        "for n in 0 1 2 3 4 5 0 1 2; do
            \"$LIGHTSHIP\" --quiet --home home image copy oci:image$n store:image$n:v1 &
            \"$LIGHTSHIP\" --quiet --home home store gc &
            pids=\"$pids $!\"
         done
         code=0; for pid in $(jobs -p); do wait $pid || code=$?; done; exit $code",
    );
    assert_eq!(run.code(), 0, "{}", run.stderr);
    assert_eq!(environment.json(0, &in_store("image ls"))["images"].as_array().unwrap().len(), 6);
    let verified = environment.json(0, &in_store("store verify"));
    assert_eq!(verified["missing"], json!([]));
}

#[test]
fn a_short_name_is_what_docker_means_by_it() {
    let environment = TestEnvironment::new();
    environment.layout("one", image("one"));
    environment.json(0, &in_store("image copy oci:one store:docker.io/library/app:1"));
    let history = environment.run(&in_store("image history app:1"));
    assert_eq!(history.code(), 0, "{}", history.stderr);
    assert_eq!(environment.run(&in_store("image rm app:1")).code(), 0);
    assert_eq!(environment.run(&in_store("image history app:1")).code(), 3);
}
