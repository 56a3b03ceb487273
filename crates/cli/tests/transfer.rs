//! Images on the move between registries, archives, layouts and the store, with skopeo at the other
//! end.

use std::fs;

use lightship_oci::compression::CompressionLevel;
use lightship_testkit::docker_registry::{DockerRegistry, RegistryOptions};
use lightship_testkit::images::{ImageBuilder, toolchain_bytes};
use serde_json::{Value, json};

use crate::audit::{audit, bytes};
use crate::common::TestEnvironment;
use crate::common::image::unique;

/// Three layers, of which the last hides a part of the second.
fn sample() -> ImageBuilder {
    ImageBuilder::new()
        .layer(|layer| layer.file("bin/sh", &unique("sh", 4_000)).dir("etc"))
        .history("ADD rootfs.tar /")
        .layer(|layer| {
            layer
                .stream("opt/data", 600_000, toolchain_bytes(7, 600_000))
                .file("opt/other", &unique("other", 1_234))
                .symlink("opt/link", "data")
        })
        .history("RUN make")
        .layer(|layer| layer.whiteout("opt/other"))
        .history("RUN rm /opt/other")
}

fn open_registry() -> Option<DockerRegistry> {
    DockerRegistry::start(&RegistryOptions::default())
}

fn skopeo(environment: &TestEnvironment, arguments: &[&str]) -> String {
    environment.peer("skopeo", &[&["--insecure-policy"], arguments].concat())
}

/// What skopeo says the digest of an image is.
fn digest_for_skopeo(environment: &TestEnvironment, image: &str) -> String {
    let tls = if image.starts_with("docker:") { &["--tls-verify=false"][..] } else { &[] };
    let inspect = ["inspect", "--no-tags", "--format", "{{.Digest}}"];
    skopeo(environment, &[&inspect[..], tls, &[image]].concat()).trim().to_owned()
}

fn blobs(report: &Value) -> (u64, u64) {
    (bytes(report, "blobs_copied"), bytes(report, "blobs_reused"))
}

#[test]
fn push_pull_and_mount() {
    let Some(registry) = open_registry() else { return };
    let environment = TestEnvironment::new();
    let place = |name: &str| format!("docker://{}/{name}", registry.name());
    let layout = environment.layout("app", sample());
    let report = audit(&environment, &layout);
    let digest = report["digest"].as_str().unwrap();

    environment.json(0, &format!("image copy {layout} store:app:v1"));
    let pushed = environment.json(0, &format!("image push app:v1 {}", place("team/app:v1")));
    assert_eq!((&pushed["digest"], blobs(&pushed)), (&json!(digest), (4, 0)));
    assert_eq!(digest_for_skopeo(&environment, &place("team/app:v1")), digest);

    let again = environment.json(0, &format!("image push app:v1 {}", place("team/app:v1")));
    assert_eq!((blobs(&again), bytes(&again, "bytes_copied")), ((0, 4), 0));
    assert_eq!(bytes(&again, "bytes_reused"), bytes(&pushed, "bytes_copied"));

    let (from, to) = (place("team/app:v1"), place("other/app:v2"));
    let mounted = environment.json(0, &format!("image copy {from} {to}"));
    assert_eq!((blobs(&mounted), bytes(&mounted, "bytes_copied")), ((0, 4), 0));
    assert_eq!(digest_for_skopeo(&environment, &to), digest);

    let run = environment.run(&format!("image copy {from} {}", place("third/app:v1")));
    assert_eq!(run.stderr.matches("mounted from another repository").count(), 4, "{}", run.stderr);

    let reference = format!("{}/other/app@{digest}", registry.name());
    let pulled = environment.json(0, &format!("--home fresh image pull {reference} --name it:v2"));
    assert_eq!((&pulled["digest"], blobs(&pulled)), (&json!(digest), (4, 0)));
    let list = environment.json(0, "--home fresh image ls");
    assert_eq!(list["images"][0]["name"], "it:v2");
    assert_eq!(list["images"][0]["digest"], digest);

    let remote = audit(&environment, &to);
    assert_eq!((&remote["digest"], &remote["layers"]), (&report["digest"], &report["layers"]));
}

#[test]
fn skopeo_and_lightship_read_what_the_other_wrote() {
    let Some(registry) = open_registry() else { return };
    let environment = TestEnvironment::new();
    let layout = environment.layout("app", sample());
    let ours = audit(&environment, &layout);

    let from = "oci:app";
    for (format, name) in [("oci", "skopeo/oci:v1"), ("v2s2", "skopeo/docker:v1")] {
        let to = format!("docker://{}/{name}", registry.name());
        let copy = ["copy", "--quiet", "--dest-tls-verify=false", "--format", format, from, &to];
        skopeo(&environment, &copy);
        let theirs = audit(&environment, &to);
        assert_eq!(theirs["digest"], digest_for_skopeo(&environment, &to), "{format}");
        assert_eq!(theirs["wasted_paths"], ours["wasted_paths"]);
        assert_eq!(theirs["layers"], ours["layers"]);
        let valid = environment.json(0, &format!("image validate {to}"));
        assert_eq!(valid["violations"], json!([]), "{format}");
    }

    // Docker's documents become OCI's and the other way round; the layers stay.
    let docker = format!("docker://{}/skopeo/docker:v1", registry.name());
    let oci = format!("docker://{}/skopeo/again:v1", registry.name());
    let converted = environment.json(0, &format!("image convert {docker} -o {oci} --manifest oci"));
    assert_eq!(digest_for_skopeo(&environment, &oci), converted["digest"].as_str().unwrap());
    assert_eq!(audit(&environment, &oci)["layers"], ours["layers"]);

    let there = format!("docker://{}/ours/zstd:v1", registry.name());
    environment.json(0, &format!("image convert {layout} -o {there} --compression zstd:3"));
    skopeo(&environment, &["copy", "--quiet", "--src-tls-verify=false", &there, "oci:back:v1"]);
    let back = audit(&environment, "oci:back:v1");
    assert_eq!(back["layers"][0]["compression"], "zstd");
    assert_eq!(back["wasted_paths"].as_array().unwrap().len(), 1);
    let diff = environment.json(0, &format!("image diff {layout} oci:back"));
    assert_eq!(diff["files"]["changes"], json!([]));
}

/// Every format that we write keeps the manifest, so the digest survives the whole round.
#[test]
fn a_round_through_every_format_ends_where_it_began() {
    let Some(registry) = open_registry() else { return };
    let environment = TestEnvironment::new();
    let layout = environment.layout("start", sample().compression(CompressionLevel::Zstd(3)));
    let digest = audit(&environment, &layout)["digest"].clone();
    let remote = format!("docker://{}/round:v1", registry.name());
    let stations = [
        layout.as_str(),
        "oci-archive:a.tar:v1",
        "store:round:v1",
        &remote,
        "docker-archive:d.tar:round:v1",
        "oci:end:v1",
    ];
    for pair in stations.windows(2) {
        let moved = environment.json(0, &format!("image copy {} {}", pair[0], pair[1]));
        assert_eq!(moved["digest"], digest, "{pair:?}");
    }
    // Without a scheme a path is looked at.
    for path in ["a.tar", "d.tar", "end", "./end:v1", "round:v1", remote.as_str()] {
        assert_eq!(audit(&environment, path)["digest"], digest, "{path}");
    }
    skopeo(&environment, &["copy", "--quiet", "oci-archive:a.tar:v1", "oci:theirs:v1"]);
    assert_eq!(Value::from(digest_for_skopeo(&environment, "oci:theirs:v1")), digest);

    // skopeo stores plain layers in its docker-archives: other blobs, the same files.
    skopeo(&environment, &["copy", "--quiet", "docker-archive:d.tar", "docker-archive:s.tar:x:v1"]);
    let diff = environment.json(0, "image diff start s.tar");
    assert_eq!((&diff["files"]["changes"], &diff["config"]), (&json!([]), &json!([])));
    assert_eq!(diff["layers"]["shared"], 3);
}

#[test]
fn saved_archives_load_again_and_elsewhere() {
    let environment = TestEnvironment::new();
    let layout = environment.layout("app", sample());
    let digest = audit(&environment, &layout)["digest"].clone();
    environment.json(0, &format!("image copy {layout} store:team/app:v1"));
    for (format, scheme) in [("oci", "oci-archive"), ("docker", "docker-archive")] {
        let save = format!("image save team/app:v1 -o {format}.tar --archive-format {format}");
        assert_eq!(environment.json(0, &save)["digest"], digest);
        let loaded = environment.json(0, &format!("--home {format} image load -i {format}.tar"));
        let image = &loaded["images"][0];
        assert_eq!((&image["digest"], &image["names"]), (&digest, &json!(["team/app:v1"])));
        let list = environment.json(0, &format!("--home {format} image ls"));
        assert_eq!(list["images"][0]["name"], "team/app:v1", "{format}");
        let named = format!("--home {format} image load -i {format}.tar --name other:v2");
        assert_eq!(blobs(&environment.json(0, &named)["images"][0]), (0, 4));
        skopeo(&environment, &["copy", "--quiet", &format!("{scheme}:{format}.tar"), "dir:seen"]);
    }
    // The same image gives the same archive.
    let first = fs::read(environment.work().join("oci.tar")).unwrap();
    environment.json(0, "image save team/app:v1 -o again.tar");
    assert!(first == fs::read(environment.work().join("again.tar")).unwrap());
}

/// Another image on no common ground.
fn other() -> ImageBuilder {
    ImageBuilder::new().layer(|layer| layer.file("srv/only", &unique("only", 2_000)))
}

/// `two.tar`, an OCI archive of `team/app:v1`, which is also `app:stable`, and `base:v2`, as skopeo and
/// tar make it; their digests.
fn two_in_an_oci_archive(environment: &TestEnvironment) -> [Value; 2] {
    let (app, base) = (environment.layout("app", sample()), environment.layout("base", other()));
    for (image, name) in [(&app, "team/app:v1"), (&app, "app:stable"), (&base, "base:v2")] {
        skopeo(environment, &["copy", "--quiet", image, &format!("oci:two:{name}")]);
    }
    environment.peer("tar", &["-C", "two", "-cf", "two.tar", "."]);
    [app, base].map(|image| audit(environment, &image)["digest"].clone())
}

/// The same as `docker save` writes it, a third image without a name at the end. Docker itself needs a
/// daemon, so two archives are merged as it would.
fn two_in_a_docker_archive(environment: &TestEnvironment) -> [Value; 2] {
    let digests = two_in_an_oci_archive(environment);
    let mut images = Vec::new();
    for (at, name) in ["team/app:v1", "base:v2", "base:v2"].iter().enumerate() {
        let to = format!("docker-archive:part{at}.tar:{name}");
        environment.json(0, &format!("image copy two.tar:{name} {to}"));
        environment.peer("tar", &["-xf", &format!("part{at}.tar")]);
        let list = fs::read(environment.work().join("manifest.json")).unwrap();
        let list: Value = serde_json::from_slice(&list).unwrap();
        images.push(list[0].clone());
    }
    images[0]["RepoTags"] = json!(["team/app:v1", "app:stable"]);
    images[2]["RepoTags"] = Value::Null;
    fs::write(environment.work().join("manifest.json"), Value::from(images).to_string()).unwrap();
    environment.peer("tar", &["-cf", "two.tar", "manifest.json", "blobs"]);
    digests
}

/// Names in the store of this home, with what they point to.
fn stored(environment: &TestEnvironment, home: &str) -> Vec<(String, Value)> {
    let list = environment.json(0, &format!("--home {home} image ls"));
    let images = list["images"].as_array().unwrap().iter();
    images.map(|image| (image["name"].as_str().unwrap().into(), image["digest"].clone())).collect()
}

#[test]
fn all_images_of_an_archive_load_under_all_their_names() {
    for (archive, nameless) in [
        (two_in_an_oci_archive as fn(&TestEnvironment) -> [Value; 2], json!([])),
        (two_in_a_docker_archive, json!(["@2"])),
    ] {
        let environment = TestEnvironment::new();
        let [app, base] = archive(&environment);
        let loaded = environment.json(0, "--home all image load -i two.tar");
        assert_eq!(loaded["images"].as_array().unwrap().len(), 2);
        assert_eq!(loaded["images"][0]["names"], json!(["team/app:v1", "app:stable"]));
        assert_eq!(loaded["nameless"], nameless);
        let all = [("app:stable", &app), ("base:v2", &base), ("team/app:v1", &app)];
        let all = all.map(|(name, digest)| (name.to_owned(), digest.clone()));
        assert_eq!(stored(&environment, "all"), all);
        assert_eq!(environment.json(0, "--home all store verify")["corrupt"], json!([]));

        // One of them, with the name it was chosen by or another.
        environment.json(0, "--home one image load -i two.tar --image app:stable");
        assert_eq!(stored(&environment, "one"), [("app:stable".to_owned(), app.clone())]);
        environment.json(0, "--home own image load -i two.tar --image base:v2 --name mine");
        assert_eq!(stored(&environment, "own"), [("mine:latest".to_owned(), base.clone())]);

        for (line, code, says) in [
            ("image load -i two.tar --name mine", 3, "choose one with `--image`"),
            ("image load -i two.tar --image absent", 3, "team/app:v1"),
            ("audit two.tar", 3, "two.tar:NAME`: team/app:v1"),
        ] {
            let run = environment.run(line);
            assert_eq!((run.code(), run.stdout.as_str()), (code, ""), "{line}: {}", run.stderr);
            assert!(run.stderr.contains(says), "{line}: {}", run.stderr);
        }
        assert_eq!(environment.run("audit two.tar:base:v2").code(), 0);
    }
}

#[test]
fn an_image_without_a_name_is_loaded_by_its_place_or_digest() {
    let environment = TestEnvironment::new();
    let [_, base] = two_in_a_docker_archive(&environment);
    let run = environment.run("image load -i two.tar");
    assert!(run.stdout.contains("1 image left out") && run.stdout.contains("@2"), "{}", run.stdout);
    let run = environment.run("image load -i two.tar --image @2");
    assert_eq!(run.code(), 2, "{}", run.stderr);
    environment.json(0, "--home third image load -i two.tar --image @2 --name third");
    assert_eq!(stored(&environment, "third"), [("third:latest".to_owned(), base.clone())]);

    let environment = TestEnvironment::new();
    let [_, base] = two_in_an_oci_archive(&environment);
    let by_digest =
        format!("--home digest image load -i two.tar --image {}", base.as_str().unwrap());
    environment.json(0, &by_digest);
    assert_eq!(stored(&environment, "digest"), [("base:v2".to_owned(), base)]);
}

/// The user `lightship` with the password `open sesame`.
const HTPASSWD: &str = "lightship:$2b$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n";

#[test]
fn passwords_come_from_files_and_the_environment_and_are_never_shown() {
    let options = RegistryOptions { htpasswd: Some(HTPASSWD.into()), ..RegistryOptions::default() };
    let Some(registry) = DockerRegistry::start(&options) else { return };
    let mut environment = TestEnvironment::new();
    let layout = environment.layout("app", sample());
    let to = format!("docker://{}/app:v1", registry.name());
    let refused = environment.run(&format!("image copy {layout} {to}"));
    assert_eq!(refused.code(), 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("docker login"), "{}", refused.stderr);

    // `lightship:open sesame`, as `docker login` writes it.
    let auth = json!({"auths": {registry.name(): {"auth": "bGlnaHRzaGlwOm9wZW4gc2VzYW1l"}}});
    fs::write(environment.work().join("auth.json"), auth.to_string()).unwrap();
    environment.set("REGISTRY_AUTH_FILE", "auth.json");
    let run = environment.run(&format!("--verbose image copy {layout} {to}"));
    assert_eq!(run.code(), 0, "{}", run.stderr);
    assert!(!run.stderr.contains("sesame") && !run.stderr.contains("bGlnaHRz"), "{}", run.stderr);

    environment.set("REGISTRY_AUTH_FILE", "absent.json");
    let run = environment.run(&format!("audit {to}"));
    assert_eq!(run.code(), 3, "{}", run.stderr);
    assert!(run.stderr.contains("absent.json"), "{}", run.stderr);

    environment.set("REGISTRY_AUTH_FILE", "/dev/null");
    environment.set("LIGHTSHIP_REGISTRY", "elsewhere.example");
    environment.set("LIGHTSHIP_REGISTRY_USERNAME", "lightship");
    environment.set("LIGHTSHIP_REGISTRY_PASSWORD", "open sesame");
    let run = environment.run(&format!("audit {to} --format json"));
    assert_eq!(run.code(), 4, "a login for another registry was shown to this one");
    environment.set("LIGHTSHIP_REGISTRY", &registry.name());
    let run = environment.run(&format!("--verbose audit {to} --format json"));
    assert_eq!(run.code(), 0, "{}", run.stderr);
    assert!(!run.stderr.contains("sesame") && !run.stdout.contains("sesame"));

    environment.set("LIGHTSHIP_REGISTRY_PASSWORD", "hunter2-wrong");
    let run = environment.run(&format!("--verbose audit {to}"));
    assert_eq!(run.code(), 4);
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
}

#[test]
fn what_cannot_be_reached_or_is_not_there_says_so_by_its_exit_code() {
    let environment = TestEnvironment::new();
    let layout = environment.layout("app", sample());
    // Nobody listens on port 1 of this machine.
    let run = environment.run("audit docker://127.0.0.1:1/team/app:v1");
    assert_eq!(run.code(), 4, "{}", run.stderr);
    assert!(run.stderr.contains("127.0.0.1:1"), "{}", run.stderr);
    let Some(registry) = open_registry() else { return };
    let name = registry.name();
    for (line, code) in [
        (format!("audit docker://{name}/app:absent"), 3),
        (format!("image pull {name}/absent"), 3),
        ("image push absent docker://localhost:1/absent".to_owned(), 3),
        (format!("image copy {layout} docker://{name}/Capital"), 2),
        (format!("image copy {layout} plain-path/"), 2),
        (format!("image copy {layout} lean.tar"), 2),
        (format!("image squash {layout} -o ./new/lean --keep-layers 1"), 2),
        ("image copy oci:absent store:x".to_owned(), 3),
        ("image save absent -o x.tar".to_owned(), 3),
        ("image load -i absent.tar".to_owned(), 3),
        (format!("image save {layout} -o x.tar"), 3),
        ("audit no-such-name".to_owned(), 3),
        ("audit ./no/such/path".to_owned(), 3),
        ("audit .".to_owned(), 2),
    ] {
        let run = environment.run(&line);
        assert_eq!((run.code(), run.stdout.as_str()), (code, ""), "{line}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: "), "{line}: {}", run.stderr);
        assert!(run.stderr.lines().count() <= 4, "{line}: {}", run.stderr);
    }
}
