//! Bills of materials: attached ones, and those that are read from an image.

use std::collections::BTreeMap;

use lightship_base::Quiet;
use lightship_oci::artifact::Artifact;
use lightship_oci::copy::{Selection, copy_with};
use lightship_oci::layout::LayoutDestination;
use lightship_testkit::images::ImageBuilder;
use serde_json::Value;

use crate::common::TestEnvironment;

const SITE: &str = "usr/lib/python3.11/dist-packages";

fn image() -> ImageBuilder {
    ImageBuilder::new()
        .layer(|layer| {
            layer
                .file("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n")
                .file(
                    "var/lib/dpkg/status.d/libc6",
                    b"Package: libc6\nArchitecture: amd64\nSource: glibc\nVersion: 2.36-9+deb12u10\n",
                )
                .file("lib/libc.so.6", b"libc")
        })
        .layer(|layer| {
            layer
                .file(&format!("{SITE}/numpy/core.py"), b"numpy")
                .file(
                    &format!("{SITE}/numpy-2.0.0.dist-info/METADATA"),
                    b"Name: numpy\nVersion: 2.0.0\n\n",
                )
                .file(&format!("{SITE}/numpy-2.0.0.dist-info/RECORD"), b"numpy/core.py,,\n")
        })
}

const BILL: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"tools":{"components":[{"type":"application","name":"tester","version":"7"}]}},"components":[{"type":"library","name":"six","version":"1.17.0","purl":"pkg:pypi/six@1.17.0","licenses":[{"license":{"id":"MIT"}}]},{"type":"library","name":"evil\u001b[2J"}]}"#;

/// A layout with the image and that bill.
fn attach(environment: &TestEnvironment, name: &str) -> String {
    let image = image().build();
    let root = image.root().unwrap();
    let kind = "application/vnd.cyclonedx+json";
    let bill = Artifact::about(&root, kind, BILL.as_bytes().to_vec(), BTreeMap::new());
    let destination = LayoutDestination::create(&environment.work().join(name), None).unwrap();
    copy_with(&*image, &[bill], &destination, &Selection::Everything, &Quiet).unwrap();
    format!("oci:{name}")
}

#[test]
fn an_attached_one_is_printed_as_it_is() {
    let environment = TestEnvironment::new();
    let reference = attach(&environment, "app");
    let run = environment.run(&format!("sbom {reference} --format json"));
    assert_eq!((run.code(), run.stdout.as_str(), run.stderr.as_str()), (0, BILL, ""));
    let run = environment.run(&format!("sbom {reference}"));
    assert_eq!((run.code(), run.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("attached", run.stdout);
    // Whoever looks at the image itself still finds one.
    assert_eq!(environment.run(&format!("image validate {reference}")).code(), 0);
}

#[test]
fn without_one_the_image_is_asked() {
    let environment = TestEnvironment::new();
    let reference = environment.layout("app", image());
    let run = environment.run(&format!("--quiet sbom {reference}"));
    assert_eq!((run.code(), run.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("read", run.stdout);
    let run = environment.run(&format!("sbom {reference} --format json"));
    assert_eq!(run.code(), 0);
    assert!(run.stderr.contains("none is attached"), "{}", run.stderr);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["metadata"]["lifecycles"][0]["phase"], "post-build");
    let purls: Vec<&str> = (document["components"].as_array().unwrap().iter())
        .map(|component| component["purl"].as_str().unwrap())
        .collect();
    assert_eq!(
        purls,
        [
            "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12",
            "pkg:pypi/numpy@2.0.0"
        ]
    );
    let again = environment.run(&format!("sbom {reference} --format json"));
    assert_eq!(again.stdout, run.stdout, "the same image, the same document");
}

#[test]
fn one_that_is_no_bill_is_an_error() {
    let environment = TestEnvironment::new();
    let image = image().build();
    let kind = "application/vnd.cyclonedx+json";
    let bill = Artifact::about(&image.root().unwrap(), kind, b"[]".to_vec(), BTreeMap::new());
    let destination = LayoutDestination::create(&environment.work().join("app"), None).unwrap();
    copy_with(&*image, &[bill], &destination, &Selection::Everything, &Quiet).unwrap();
    let run = environment.run("sbom oci:app");
    assert_ne!(run.code(), 0);
    assert!(run.stderr.contains("the bill of materials of oci:app is not valid"), "{}", run.stderr);
}
