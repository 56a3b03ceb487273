//! Artifacts that belong to an image, on a registry that keeps no list of them.

use std::collections::BTreeMap;

use lightship_oci::artifact::{Artifact, attached};
use lightship_oci::reference::RegistryReference;
use lightship_oci::registry::RegistryImage;
use lightship_oci::spec::{Descriptor, Flavour, Index, MediaType};
use lightship_oci::{Destination as _, Error, Source as _};
use lightship_testkit::docker_registry::{DockerRegistry, RegistryOptions};

use crate::support::{MIB, Sample, Setup, image, put};

/// An artifact of one type that belongs to `subject`.
fn artifact(subject: &Descriptor, kind: &str, note: &str) -> (Descriptor, Vec<u8>) {
    let empty = Descriptor::of(MediaType::Empty, b"{}");
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"{kind}","config":{0},"layers":[{0}],"subject":{1},"annotations":{{"note":"{note}"}}}}"#,
        serde_json::to_string(&empty).unwrap(),
        serde_json::to_string(subject).unwrap(),
    )
    .into_bytes();
    (Descriptor::of(MediaType::Manifest(Flavour::Oci), &manifest), manifest)
}

fn attach(to: &RegistryImage, subject: &Descriptor, kind: &str, note: &str) -> Descriptor {
    let empty = Descriptor::of(MediaType::Empty, b"{}");
    put(to, &empty, b"{}", None).unwrap();
    let (descriptor, manifest) = artifact(subject, kind, note);
    let by_digest = RegistryReference {
        target: lightship_oci::reference::Target::Digest(descriptor.digest),
        ..to.reference().clone()
    };
    RegistryImage::new(to.registry().clone(), by_digest).finish(&descriptor, &manifest).unwrap();
    descriptor
}

#[test]
fn a_tag_stands_in_for_the_list() {
    let Some(server) = DockerRegistry::start(&RegistryOptions::default()) else { return };
    let registry = Setup::new().registry(&server.name());
    let sample = Sample::new(1, &[10]);
    let target = image(&registry, "app:v1");
    sample.push(&target).unwrap();
    let subject = sample.root.digest;
    assert_eq!(registry.referrers("app", &subject, None).unwrap(), []);
    let sbom = attach(&target, &sample.root, "a/sbom", "one");
    let signature = attach(&target, &sample.root, "a/signature", "two");
    attach(&target, &sample.root, "a/sbom", "one");
    let all = registry.referrers("app", &subject, None).unwrap();
    let digests: Vec<_> = all.iter().map(|one| one.digest).collect();
    assert_eq!(digests, [sbom.digest, signature.digest], "each once");
    assert_eq!(all[0].annotations["note"], "one");
    assert_eq!(all[0].size, sbom.size);
    let only = registry.referrers("app", &subject, Some("a/signature")).unwrap();
    assert_eq!(only.len(), 1);
    let sent = Artifact::about(&sample.root, "a/bill", b"words".to_vec(), BTreeMap::new());
    sent.send(&target).unwrap();
    assert_eq!(attached(&target, &subject, "a/bill").unwrap().as_deref(), Some(&b"words"[..]));
    assert_eq!(attached(&target, &subject, "a/none").unwrap(), None);
    // What other tools look at.
    let tag = image(&registry, &format!("app:sha256-{}", subject.hex()));
    let root = tag.root().unwrap();
    assert_eq!(root.media_type, MediaType::Index(Flavour::Oci));
    let index: Index = serde_json::from_slice(&tag.document(&root, MIB).unwrap()).unwrap();
    assert_eq!(index.manifests.len(), 3);
}

#[test]
fn threads_do_not_lose_each_others_entries() {
    let Some(server) = DockerRegistry::start(&RegistryOptions::default()) else { return };
    let registry = Setup::new().registry(&server.name());
    let sample = Sample::new(2, &[10]);
    let target = image(&registry, "app:v1");
    sample.push(&target).unwrap();
    // The config that all of them share is there before: this registry loses it now and then when it gets
    // the same blob six times at once, which is not what is tried here.
    put(&target, &Descriptor::of(MediaType::Empty, b"{}"), b"{}", None).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let (target, sample) = (&target, &sample);
            scope.spawn(move || attach(target, &sample.root, "a/sbom", &thread.to_string()));
        }
    });
    assert_eq!(registry.referrers("app", &sample.root.digest, None).unwrap().len(), 6);
}

#[test]
fn an_image_that_happens_to_have_the_tag_is_left_alone() {
    let Some(server) = DockerRegistry::start(&RegistryOptions::default()) else { return };
    let registry = Setup::new().registry(&server.name());
    let sample = Sample::new(3, &[10]);
    let tag = format!("app:sha256-{}", sample.root.digest.hex());
    sample.push(&image(&registry, "app:v1")).unwrap();
    sample.push(&image(&registry, &tag)).unwrap();
    let empty = Descriptor::of(MediaType::Empty, b"{}");
    let target = image(&registry, "app:sbom");
    put(&target, &empty, b"{}", None).unwrap();
    let (descriptor, manifest) = artifact(&sample.root, "a/sbom", "x");
    let error = target.finish(&descriptor, &manifest).unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    assert_eq!(image(&registry, &tag).root().unwrap(), sample.root);
}
