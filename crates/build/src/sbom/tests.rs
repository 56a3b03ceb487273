//! Bills of a made-up build: they name what the layers have, the same twice, and hang together.

use lightship_base::{ByteSize, DiffId, Digest, Timestamp};
use lightship_codec::tar::RootPath;
use lightship_packages::lock::{Deb, Lock, LockedFile, Sdist, Suite, Wheel};
use lightship_packages::parcel::{Item, Origin, PackageId, Parcel};
use serde_json::Value;

use super::{Facts, Made, Sbom, Summary, of_build};
use crate::assemble::{self, Bundle, Layer, Stage};

fn file(name: &str) -> LockedFile {
    LockedFile { name: name.to_owned(), sha256: Digest::of(name.as_bytes()), size: None }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

fn deb(name: &str, version: &str, depends: &[&str]) -> Deb {
    Deb {
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: "amd64".to_owned(),
        file: format!("pool/main/{name}.deb"),
        size: 1000,
        sha256: Digest::of(name.as_bytes()),
        archive: "Debian".to_owned(),
        depends: names(depends),
        reason: String::new(),
        platforms: Vec::new(),
    }
}

fn wheel(name: &str, depends: &[&str]) -> Wheel {
    Wheel {
        name: name.to_owned(),
        version: "2.0".to_owned(),
        file: file(&format!("{name}-2.0-py3-none-any.whl")),
        index: "default".to_owned(),
        depends: names(depends),
        platforms: Vec::new(),
    }
}

fn lock() -> Lock {
    let sdist = Sdist {
        name: "kfp-server-api".to_owned(),
        version: "2.0".to_owned(),
        file: file("kfp-server-api-2.0.tar.gz"),
        index: "default".to_owned(),
        depends: names(&["pandas"]),
        platforms: Vec::new(),
        build: Vec::new(),
        built: Some(file("kfp_server_api-2.0-py3-none-any.whl")),
    };
    Lock {
        suite: Some(Suite {
            distribution: "debian".to_owned(),
            codename: "bookworm".to_owned(),
            version: Some("12.11".to_owned()),
        }),
        debs: vec![deb("python3.11", "1:3.11+b1", &["libc6", "dpkg"]), deb("libc6", "2", &[])],
        wheels: vec![wheel("numpy", &[]), wheel("pandas", &["numpy", "left-out"])],
        sdists: vec![sdist],
        ..Lock::default()
    }
}

fn id(origin: Origin, name: &str, version: &str) -> PackageId {
    PackageId { origin, name: name.to_owned(), version: version.to_owned() }
}

fn layer(stage: Stage, packages: Vec<PackageId>) -> Layer {
    let title = format!("{stage:?} {packages:?}");
    Layer {
        digest: Digest::of(title.as_bytes()),
        diff_id: DiffId(Digest::of(title.as_bytes())),
        title,
        stage,
        packages,
        size: ByteSize(1),
        content: ByteSize(2),
        files: 3,
        origin: assemble::Origin::Made,
    }
}

fn layers() -> Vec<Layer> {
    use Origin::{Debian, Lightship, Project, Python};
    vec![
        layer(Stage::Base, vec![id(Debian, "libc6", "2"), id(Debian, "python3.11", "1:3.11+b1")]),
        layer(Stage::Packages, vec![id(Python, "numpy", "2.0")]),
        layer(
            Stage::Packages,
            vec![id(Python, "kfp-server-api", "2.0"), id(Python, "pandas", "2.0")],
        ),
        layer(Stage::Made, vec![id(Lightship, "accounts", "1")]),
        layer(Stage::Bytecode, vec![id(Python, "numpy", "2.0")]),
        layer(Stage::Project, vec![id(Project, "churn", "1.0")]),
    ]
}

fn parcel(package: PackageId, files: &[(&str, &str)]) -> Bundle {
    let item = |(path, text): &(&str, &str)| {
        Item::made(RootPath::parse(path.as_bytes()).unwrap(), text.as_bytes())
    };
    let items = files.iter().map(item).collect();
    let parcel = Parcel { package, items };
    Bundle { parcel, digest: None, stage: Stage::Packages, last: None, shared: Vec::new() }
}

fn facts() -> Facts {
    let site = "usr/local/lib/python3.11/dist-packages";
    let copyright = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: LGPL-2.1+\n";
    let bundles = [
        parcel(
            id(Origin::Python, "numpy", "2.0"),
            &[
                (
                    &format!("{site}/numpy-2.0.dist-info/METADATA"),
                    "Name: NumPy\nVersion: 2.0\nLicense-Expression: BSD-3-Clause AND MIT\n\n",
                ),
                // Another's, inside of it.
                (
                    &format!("{site}/numpy/_vendor/x-1.dist-info/METADATA"),
                    "Name: pandas\nLicense: no\n",
                ),
            ],
        ),
        parcel(
            id(Origin::Python, "pandas", "2.0"),
            &[(
                &format!("{site}/pandas-2.0.dist-info/METADATA"),
                "Name: pandas\nVersion: 2.0\nClassifier: License :: OSI Approved :: BSD License\n\n",
            )],
        ),
        parcel(
            id(Origin::Debian, "libc6", "2"),
            &[
                ("usr/share/doc/libc6/copyright", copyright),
                ("var/lib/dpkg/status.d/libc6", "Package: libc6\nSource: glibc (2.36-9)\n"),
                ("var/lib/dpkg/status.d/libc6.md5sums", "Package: none\n"),
            ],
        ),
    ];
    Facts::of(&bundles).unwrap()
}

pub(super) fn build(image: &str, name: &str) -> Sbom {
    build_with(image, name, &facts())
}

pub(super) fn build_with(image: &str, name: &str, facts: &Facts) -> Sbom {
    of_build(&Made {
        lock: &lock(),
        below: None,
        layers: &layers(),
        facts,
        image: Digest::of(image.as_bytes()),
        platform: &"linux/amd64".parse().unwrap(),
        name,
        version: Some("1.0"),
        created: Timestamp::from_second(1_700_000_000).unwrap(),
    })
}

#[test]
fn an_image_has_what_its_layers_have() {
    insta::assert_snapshot!(String::from_utf8(build("image", "churn").to_json()).unwrap());
}

#[test]
fn the_same_image_has_the_same_document() {
    let serial = |sbom: &Sbom| -> Value {
        serde_json::from_slice::<Value>(&sbom.to_json()).unwrap()["serialNumber"].clone()
    };
    let first = build("image", "churn");
    assert_eq!(first.to_json(), build("image", "churn").to_json());
    assert_ne!(serial(&first), serial(&build("another", "churn")));
}

#[test]
fn references_are_unique_and_lead_somewhere() {
    let document: Value = serde_json::from_slice(&build("image", "churn").to_json()).unwrap();
    let mut known = vec![document["metadata"]["component"]["bom-ref"].clone()];
    known.extend(document["components"].as_array().unwrap().iter().map(|c| c["bom-ref"].clone()));
    let count = known.len();
    known.sort_by_key(ToString::to_string);
    known.dedup();
    assert_eq!(known.len(), count);
    let dependencies = document["dependencies"].as_array().unwrap();
    assert_eq!(dependencies.len(), count, "each once");
    for dependency in dependencies {
        assert!(known.contains(&dependency["ref"]));
        let below = dependency["dependsOn"].as_array().cloned().unwrap_or_default();
        assert!(below.iter().all(|one| known.contains(one)), "{below:?}");
    }
}

#[test]
fn facts_can_be_kept() {
    let facts = facts();
    let text = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
}

#[test]
fn a_summary_reads_ours_and_others() {
    let summary = Summary::parse(&build("image", "churn").to_json()).unwrap();
    assert_eq!(summary.subject.as_deref(), Some("churn 1.0"));
    assert!(summary.tool.unwrap().starts_with("lightship "));
    let lines: Vec<String> = (summary.lines.iter())
        .map(|line| format!("{} {} {:?}", line.kind, line.name, line.licences))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    deb libc6 ["LGPL-2.1-or-later"]
    deb python3.11 []
    pypi kfp-server-api []
    pypi numpy ["BSD-3-Clause AND MIT"]
    pypi pandas ["BSD License"]
    "#);
    let old = br#"{"bomFormat":"CycloneDX","specVersion":"1.4","metadata":{"tools":[{"vendor":"v","name":"t","version":"3"}]},"components":[{"type":"library","name":"x","licenses":[{"license":{"name":"L"}},7]}]}"#;
    let summary = Summary::parse(old).unwrap();
    assert_eq!(summary.tool.as_deref(), Some("t 3"));
    assert_eq!(summary.lines[0].kind, "library");
    assert_eq!(summary.lines[0].licences, ["L"]);
    for other in [
        &b"{}"[..],
        b"[]",
        br#"{"bomFormat":"SPDX"}"#,
        br#"{"bomFormat":"CycloneDX","components":7}"#,
    ] {
        assert!(Summary::parse(other).is_err());
    }
}
