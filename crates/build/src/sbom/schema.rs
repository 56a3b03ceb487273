//! Our documents against the official schema, which a package of the Python index ships. Where there is
//! no pip, or it cannot reach its index, there is nothing to hold them against.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use lightship_base::Digest;
use lightship_packages::{Ecosystem, Inventory, Linked, Package, SourcePackage};

use super::{Facts, Licence, PackageFacts, ReadFrom, Sbom, licence, of_image, tests};

/// Says `fine`, or what is wrong.
const VALIDATE: &str = "
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read())
print('fine' if error is None else str(error)[:2000])
";

/// A folder with the validator.
fn validator() -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]);
    pip.arg(folder.path()).arg("cyclonedx-python-lib[json-validation]");
    pip.args(["--retries", "1", "--timeout", "20"]).stdout(Stdio::null()).stderr(Stdio::null());
    if pip.status().is_ok_and(|status| status.success()) {
        return Some(folder);
    }
    eprintln!(
        "no validator of CycloneDX to be had here: documents are not held against the schema"
    );
    None
}

fn verdict(validator: &Path, document: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), document).unwrap();
    let input = std::fs::File::open(file.path()).unwrap();
    let mut python = Command::new("python3");
    python.args(["-c", VALIDATE]).env("PYTHONPATH", validator).stdin(input);
    let output = python.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    said + &String::from_utf8_lossy(&output.stderr)
}

/// Every identifier that we ever write, an expression, and a name.
fn licensed() -> Sbom {
    let ids = licence::identifiers().map(|id| Licence::Id(id.to_owned()));
    let facts = |licences| PackageFacts { licences, source: Some("glibc 2".to_owned()) };
    let expression = Licence::Expression("MIT OR Apache-2.0".to_owned());
    let python = BTreeMap::from([
        ("numpy".to_owned(), facts(vec![expression])),
        ("pandas".to_owned(), facts(vec![Licence::Name("BSD License".to_owned())])),
    ]);
    let debs = BTreeMap::from([("libc6".to_owned(), facts(ids.collect()))]);
    tests::build_with("image", "churn", &Facts { debs, python, ..Facts::default() })
}

fn read() -> Sbom {
    let linked = Linked {
        name: "z".to_owned(),
        version: Some("1".to_owned()),
        purl: "pkg:golang/z@1".to_owned(),
    };
    let package = |ecosystem, purl: Option<&str>| Package {
        ecosystem,
        name: "x".to_owned(),
        version: None,
        bytes: 1.into(),
        file_count: 1,
        layer: Some(0),
        evidence: "usr/bin/x".to_owned(),
        purl: purl.map(str::to_owned),
        source: Some(SourcePackage { name: "y".to_owned(), version: None }),
        linked: vec![linked.clone(), linked.clone()],
        files: Vec::new(),
        notes: Vec::new(),
    };
    let mut packages: Vec<Package> =
        Ecosystem::ALL.into_iter().map(|one| package(one, Some("pkg:generic/x"))).collect();
    packages.push(package(Ecosystem::Go, None));
    let inventory = Inventory {
        os: None,
        packages,
        ecosystems: Vec::new(),
        unowned: lightship_packages::Unowned::default(),
        notes: Vec::new(),
    };
    of_image(&ReadFrom {
        inventory: &inventory,
        layers: &[Digest::of(b"layer")],
        image: Digest::of(b"image"),
        platform: &"linux/arm64".parse().unwrap(),
        name: "team/x",
        created: None,
    })
}

#[test]
fn documents_obey_the_official_schema() {
    let Some(validator) = validator() else { return };
    let documents = [tests::build("image", "churn"), licensed(), read()].map(|one| one.to_json());
    for document in &documents {
        assert_eq!(verdict(validator.path(), document), "fine");
    }
    // The validator means what it says.
    let text = String::from_utf8(documents[1].clone()).unwrap();
    for (right, wrong) in
        [("\"container\"", "\"ship\""), ("\"MIT\"", "\"MITT\""), ("\"phase\"", "\"faze\"")]
    {
        assert!(text.contains(right));
        assert_ne!(verdict(validator.path(), text.replace(right, wrong).as_bytes()), "fine");
    }
}
