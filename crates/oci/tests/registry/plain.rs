//! A registry and a line that both behave.

use std::process::Command;

use lightship_base::{Category, Diagnose as _, Digest, TransferOutcome};
use lightship_oci::spec::{Descriptor, Flavour, MediaType};
use lightship_oci::{Destination as _, Error, Source as _};
use lightship_testkit::docker_registry::{DockerRegistry, RegistryOptions, skip};
use lightship_testkit::faulty_proxy::{Action, FaultyProxy};

use crate::support::{MIB, Sample, Setup, blob, fetch, hints, image, put};

fn start() -> Option<DockerRegistry> {
    DockerRegistry::start(&RegistryOptions::default())
}

/// A registry that is watched.
fn watched() -> Option<(DockerRegistry, FaultyProxy)> {
    let registry = start()?;
    let proxy = FaultyProxy::start(Some(registry.address()), |_| Action::Forward);
    Some((registry, proxy))
}

#[test]
fn what_is_pushed_comes_back() {
    for relative_urls in [false, true] {
        let options = RegistryOptions { relative_urls, ..RegistryOptions::default() };
        let Some(registry) = DockerRegistry::start(&options) else { return };
        let sample = Sample::new(1, &[3 * MIB + 5, 1, 0]);
        let target = Setup::new().image(&registry.name(), "team/app:v1");
        let total: u64 = sample.blobs.iter().map(|(descriptor, _)| descriptor.size).sum();
        assert_eq!(sample.push(&target).unwrap(), total);
        // Another client, which knows nothing of the first.
        sample.check(&Setup::new().image(&registry.name(), "team/app:v1"));
        let by_digest = format!("team/app@{}", sample.root.digest);
        sample.check(&Setup::new().image(&registry.name(), &by_digest));
        let (layer, bytes) = sample.layer(0);
        for offset in [1, MIB, layer.size - 1, layer.size] {
            let rest = fetch(&target, layer, offset).unwrap();
            assert!(rest == bytes[usize::try_from(offset).unwrap()..], "{offset}");
        }
        assert_eq!(target.registry().tags("team/app").unwrap(), ["v1"]);
    }
}

#[test]
fn skopeo_reads_what_we_pushed_and_we_read_what_skopeo_pushed() {
    let Some(registry) = start() else { return };
    if Command::new("skopeo").arg("--version").output().is_err() {
        return skip("skopeo is not installed (scripts/setup.sh installs it)");
    }
    let sample = Sample::new(2, &[MIB, 77]);
    sample.push(&Setup::new().image(&registry.name(), "ours:v1")).unwrap();
    let skopeo = |arguments: &[&str]| {
        let output = Command::new("skopeo").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let ours = format!("docker://{}/ours:v1", registry.name());
    let raw = skopeo(&["inspect", "--raw", "--tls-verify=false", &ours]);
    assert_eq!(raw, sample.manifest);
    let inspected = skopeo(&["inspect", "--tls-verify=false", &ours]);
    let digest = sample.root.digest.to_string();
    assert!(String::from_utf8_lossy(&inspected).contains(&digest));
    let theirs = format!("docker://{}/theirs:v2", registry.name());
    let copy = ["copy", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"];
    skopeo(&[&copy[..], &[&ours, &theirs]].concat());
    sample.check(&Setup::new().image(&registry.name(), "theirs:v2"));
    let folder = tempfile::tempdir().unwrap();
    let layout = format!("oci:{}:v1", folder.path().display());
    skopeo(&["copy", "--preserve-digests", "--src-tls-verify=false", &ours, &layout]);
    let stored = folder.path().join("blobs/sha256").join(sample.layer(0).0.digest.hex());
    assert!(std::fs::read(stored).unwrap() == sample.layer(0).1);
}

#[test]
fn nothing_is_sent_that_is_there() {
    let Some((_registry, proxy)) = watched() else { return };
    let sample = Sample::new(3, &[MIB]);
    let target = Setup::new().image(&proxy.name(), "app:v1");
    sample.push(&target).unwrap();
    proxy.forget();
    for (descriptor, bytes) in &sample.blobs {
        let put = put(&target, descriptor, bytes, None).unwrap();
        assert_eq!(put, (TransferOutcome::AlreadyThere, 0));
    }
    target.put_manifest(&sample.root, &sample.manifest).unwrap();
    let seen = proxy.seen();
    assert!(seen.iter().all(|request| request.method == "HEAD"), "{seen:#?}");
    assert_eq!(seen.len(), 3);
}

#[test]
fn mounting_sends_no_bytes() {
    let Some((_registry, proxy)) = watched() else { return };
    let setup = Setup::new();
    let registry = setup.registry(&proxy.name());
    let (layer, bytes) = blob(4, 2 * MIB);
    let first = image(&registry, "first/app");
    put(&first, &layer, &bytes, None).unwrap();
    proxy.forget();
    let second = image(&registry, "second/app");
    let origin = first.mount_origin().unwrap();
    let mounted = put(&second, &layer, &bytes, Some(&origin)).unwrap();
    assert_eq!(mounted, (TransferOutcome::Mounted, 0));
    assert_eq!(proxy.seen().iter().map(|request| request.body_bytes).sum::<u64>(), 0);
    assert!(fetch(&second, &layer, 0).unwrap() == bytes);
    // One that is not there, one of another registry, and itself: all are uploads.
    let elsewhere = ("other.example".to_owned(), "first/app".to_owned());
    let nowhere = (registry.name().to_owned(), "no/such".to_owned());
    for (at, origin) in [elsewhere, nowhere].iter().enumerate() {
        let (layer, bytes) = blob(50 + at as u64, MIB);
        let put = put(&second, &layer, &bytes, Some(origin)).unwrap();
        assert_eq!(put, (TransferOutcome::Done, MIB));
    }
}

#[test]
fn what_is_not_there_is_said_to_be_missing() {
    let Some(registry) = start() else { return };
    let setup = Setup::new();
    let error = setup.image(&registry.name(), "no/such:v9").root().unwrap_err();
    let expected = format!("docker://{0}/no/such:v9 was not found in {0}", registry.name());
    assert_eq!((error.to_string(), error.category()), (expected, Category::BadInput));
    let target = setup.image(&registry.name(), "app");
    let (layer, _) = blob(5, 10);
    let Err(error) = target.blob(&layer, 0) else { panic!("it was never pushed") };
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    let error = target.registry().tags("no/such").unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    // A manifest whose blobs are missing is the registry's to refuse.
    let sample = Sample::new(6, &[10]);
    let error = target.finish(&sample.root, &sample.manifest).unwrap_err();
    assert!(error.to_string().contains("BLOB_UNKNOWN"), "{error}");
    assert_eq!(error.category(), Category::Network);
}

#[test]
fn wrong_bytes_are_never_stored() {
    let Some(registry) = start() else { return };
    let target = Setup::new().image(&registry.name(), "app");
    let (layer, bytes) = blob(7, 3 * MIB);
    let mut wrong = bytes.clone();
    wrong[1_000_000] ^= 1;
    let error = put(&target, &layer, &wrong, None).unwrap_err();
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error:?}");
    let error = put(&target, &layer, &bytes[..2_000_000], None).unwrap_err();
    assert!(matches!(error, Error::SizeMismatch { actual: 2_000_000, .. }), "{error:?}");
    let Err(error) = target.blob(&layer, 0) else { panic!("wrong bytes were stored") };
    assert!(matches!(error, Error::NotFound { .. }));
    // And right ones after that.
    assert_eq!(put(&target, &layer, &bytes, None).unwrap().0, TransferOutcome::Done);
}

#[test]
fn a_registry_that_serves_other_bytes_is_caught() {
    let Some((registry, _)) = watched() else { return };
    let sample = Sample::new(8, &[10]);
    sample.push(&Setup::new().image(&registry.name(), "app:v1")).unwrap();
    let forged = Sample::new(9, &[10]).manifest;
    let claim = format!("Docker-Content-Digest: {}", sample.root.digest);
    let proxy = FaultyProxy::start(Some(registry.address()), move |request| {
        if !request.target.contains("/manifests/") {
            return Action::Forward;
        }
        let Action::Answer(mut answer) = Action::answer(200, forged.clone()) else {
            unreachable!()
        };
        answer.headers.push(claim.clone());
        Action::Answer(answer)
    });
    let by_digest = format!("app@{}", sample.root.digest);
    let error = Setup::new().image(&proxy.name(), &by_digest).root().unwrap_err();
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error:?}");
    // By tag, the digest is that of what came, whatever the header says.
    let root = Setup::new().image(&proxy.name(), "app:v1").root().unwrap();
    assert_ne!(root.digest, sample.root.digest);
    // A descriptor that lies about its size.
    let mut longer = sample.root.clone();
    longer.size += 1;
    let target = Setup::new().image(&registry.name(), "app:v1");
    let error = target.document(&longer, MIB).unwrap_err();
    assert!(matches!(error, Error::SizeMismatch { .. }), "{error:?}");
    let (layer, _) = sample.layer(0);
    let longer = Descriptor { size: layer.size + 1, ..layer.clone() };
    let Err(error) = target.blob(&longer, 0) else { panic!("the size is wrong") };
    assert!(error.to_string().contains("10 bytes where 11 were expected"), "{error}");
}

#[test]
fn indexes_and_docker_manifests_pass_through() {
    let Some(registry) = start() else { return };
    let sample = Sample::new(10, &[100]);
    let target = Setup::new().image(&registry.name(), "app:multi");
    for (descriptor, bytes) in &sample.blobs {
        put(&target, descriptor, bytes, None).unwrap();
    }
    target.put_manifest(&sample.root, &sample.manifest).unwrap();
    let child = serde_json::to_string(&sample.root).unwrap();
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{child}]}}"#
    );
    let root = Descriptor::of(MediaType::Index(Flavour::Oci), index.as_bytes());
    target.finish(&root, index.as_bytes()).unwrap();
    let source = Setup::new().image(&registry.name(), "app:multi");
    assert_eq!(source.root().unwrap(), root);
    assert_eq!(source.document(&sample.root, MIB).unwrap(), sample.manifest);
    let error = source.document(&sample.root, 10).unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    // A digest that is pushed to must be that of the image.
    let other = format!("app@{}", Digest::of(b"other"));
    let error = Setup::new().image(&registry.name(), &other).finish(&root, index.as_bytes());
    assert!(matches!(error, Err(Error::Invalid { .. })));
}

#[test]
fn many_threads_push_and_pull_at_once() {
    let Some(registry) = start() else { return };
    let client = Setup::new().registry(&registry.name());
    let shared = blob(99, MIB);
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (client, shared) = (&client, &shared);
            scope.spawn(move || {
                let target = image(client, &format!("app{}:t{thread}", thread % 2));
                let (descriptor, bytes) = blob(100 + thread, MIB / 2);
                put(&target, &descriptor, &bytes, None).unwrap();
                put(&target, &shared.0, &shared.1, None).unwrap();
                assert!(fetch(&target, &descriptor, 0).unwrap() == bytes);
                let sample = Sample::new(200 + thread, &[1000]);
                sample.push(&target).unwrap();
                sample.check(&target);
            });
        }
    });
    let mut tags = client.tags("app0").unwrap();
    tags.sort();
    assert_eq!(tags, ["t0", "t2", "t4", "t6"]);
}

#[test]
fn nobody_there_is_a_network_failure_with_a_hint() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let name = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = Setup::new().image(&name, "app").root().unwrap_err();
    assert_eq!(error.category(), Category::Network);
    assert!(error.to_string().contains("connection refused"), "{error}");
    assert!(hints(&error).contains(&name), "{}", hints(&error));
}
