//! What a build shows, as a person and as a program reads it: snapshots of made-up reports and plans, at
//! several widths.

use lightship_base::{ByteSize, Digest};
use lightship_build::assemble::{Grouping, Stage};
use lightship_build::report::{
    Before, Category, Dropped, LayerLine, LeftOut, Overlap, PackageWeight, Phase, Plan, Report,
    Start, Weight,
};
use lightship_packages::lock::Lock;

use super::{details, document, plan_text, text};
use crate::args::Top;
use crate::render::text::width;
use crate::render::{Glyphs, Look, json};

fn weight(compressed: u64, disk: u64, files: u64, layers: u64) -> Weight {
    Weight { compressed_bytes: ByteSize(compressed), disk_bytes: ByteSize(disk), files, layers }
}

fn category(stage: Stage, weight: Weight, packages: u64, own_layers: u64) -> Category {
    Category { stage, weight, packages, own_layers }
}

fn package(name: &str, disk: u64, compressed: u64, exact: bool) -> PackageWeight {
    let compressed = ByteSize(compressed);
    PackageWeight {
        name: name.to_owned(),
        version: "1.2.3".to_owned(),
        origin: if name == "libc6" { "debian".into() } else { "python".into() },
        disk_bytes: ByteSize(disk),
        bytecode_bytes: if exact { ByteSize(disk / 20) } else { ByteSize::ZERO },
        compressed_bytes: exact.then_some(compressed),
        compressed_bytes_estimate: (!exact).then_some(compressed),
    }
}

fn layer(title: &str, stage: Stage, bytes: u64, kept: bool) -> LayerLine {
    LayerLine {
        title: title.to_owned(),
        stage,
        digest: Digest::of(title.as_bytes()),
        compressed_bytes: ByteSize(bytes),
        disk_bytes: ByteSize(bytes * 3),
        files: 1234,
        packages: 1,
        kept,
    }
}

fn report() -> Report {
    let categories = vec![
        category(Stage::Base, weight(13_900_000, 54_000_000, 1_900, 1), 21, 0),
        category(Stage::Packages, weight(125_000_000, 490_000_000, 18_000, 97), 147, 96),
        category(Stage::Made, weight(9_000, 42_000, 4, 1), 1, 1),
        category(Stage::Bytecode, weight(19_800_000, 61_000_000, 4_000, 1), 90, 0),
        category(Stage::Project, weight(312_000, 1_100_000, 14, 1), 1, 1),
    ];
    let left = |category: &str, bytes| LeftOut {
        category: category.to_owned(),
        files: 40,
        bytes: ByteSize(bytes),
    };
    Report {
        project: "./churn".to_owned(),
        names: vec!["churn:latest".to_owned()],
        platform: "linux/amd64".to_owned(),
        digest: Digest::of(b"image"),
        base: Some("Debian 12, Python 3.11.2".to_owned()),
        before: Some(Before {
            what: "the Dockerfile's image".to_owned(),
            compressed_bytes: Some(ByteSize(3_644_000_000)),
            disk_bytes: None,
        }),
        after: weight(159_021_000, 606_142_000, 23_918, 101),
        start: Some(Start { seconds: 5.432, modules: 12 }),
        categories,
        packages: vec![
            package("pyarrow", 152_000_000, 30_100_000, true),
            package("scipy", 60_000_000, 18_000_000, true),
            package("libc6", 12_900_000, 4_100_000, false),
            package("six", 33_000, 9_000, false),
        ],
        layers: vec![
            layer("base", Stage::Base, 13_900_000, true),
            layer("pyarrow 1.2.3", Stage::Packages, 30_100_000, true),
            layer("project", Stage::Project, 312_000, false),
        ],
        kept_on: Vec::new(),
        left_out: vec![
            left("tests", 120_000_000),
            left("elf-tails", 31_000_000),
            left("stubs", 8_000_000),
            left("headers", 5_000_000),
            left("docs", 900_000),
            left("man", 0),
        ],
        dropped: vec![Dropped {
            name: "dpkg".to_owned(),
            version: "1.21".to_owned(),
            bytes: ByteSize(6_500_000),
            reason: "installs packages".to_owned(),
        }],
        overlaps: vec![Overlap {
            path: "usr/local/lib/python3.11/dist-packages/google/__init__.py".to_owned(),
            kept: "google-api-core".to_owned(),
            left_out: "googleapis-common-protos".to_owned(),
        }],
        phases: [("lock", 0.1), ("fetch", 3.24), ("layers", 6.5), ("write", 0.4)]
            .map(|(name, seconds)| Phase { name: name.to_owned(), seconds })
            .to_vec(),
        seconds: 10.24,
        notes: vec!["`USER app` of the Dockerfile is not in the base; 65532 runs it".to_owned()],
    }
}

fn look(width: Option<usize>, glyphs: Glyphs) -> Look {
    Look { width, glyphs, live: false }
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn the_first_screen() {
    insta::assert_snapshot!(plain(&text(&report(), true, &look(Some(80), Glyphs::Unicode))));
}

#[test]
fn the_first_screen_of_an_old_terminal() {
    let mut report = report();
    report.before = None;
    report.names = Vec::new();
    report.notes = Vec::new();
    report.overlaps = Vec::new();
    insta::assert_snapshot!(plain(&text(&report, true, &look(Some(80), Glyphs::Ascii))));
}

#[test]
fn nobody_is_sent_to_run_what_cannot_run_here() {
    let said = plain(&text(&report(), false, &look(None, Glyphs::Ascii)));
    assert!(!said.contains("image run") && !said.contains("lightship verify"), "{said}");
    assert!(said.contains("not on this machine"), "{said}");
}

#[test]
fn the_tables() {
    insta::assert_snapshot!(plain(&details(&report(), Top::All, &look(None, Glyphs::Unicode))));
}

#[test]
fn nothing_is_wider_than_the_terminal() {
    for columns in [60, 72, 80, 100] {
        for line in plain(&text(&report(), true, &look(Some(columns), Glyphs::Unicode))).lines() {
            let is_command = line.contains("next:");
            assert!(is_command || width(line) <= columns, "{columns}: {line}");
            assert_eq!(line.trim_end(), line);
        }
    }
}

#[test]
fn comparisons_are_honest() {
    let said = |old: u64, new: u64| {
        let mut report = report();
        report.after.compressed_bytes = ByteSize(new);
        report.before = Some(Before {
            what: "x".to_owned(),
            compressed_bytes: Some(ByteSize(old)),
            disk_bytes: None,
        });
        super::less(report.before.as_ref().unwrap(), &report)
    };
    assert_eq!(said(2_300, 100).unwrap(), "23 × less than the 2.30 kB of x");
    assert_eq!(said(150, 100).unwrap(), "1.5 × less than the 150 B of x");
    assert_eq!(said(100, 100).unwrap(), "as much as the 100 B of x");
    assert_eq!(said(100, 200).unwrap(), "more than the 100 B of x");
    assert_eq!(said(0, 200), None);
}

#[test]
fn programs_get_all_of_it() {
    let mut bytes = Vec::new();
    json::write(&mut bytes, &document(&report())).unwrap();
    insta::assert_snapshot!(String::from_utf8(bytes).unwrap());
}

const LOCK: &str = r#"
version = 1
platforms = ["linux/amd64"]

[python]
implementation = "cpython"
version = "3.11.2"
chosen = "`.python-version` says 3.11"

[suite]
distribution = "debian"
codename = "bookworm"
version = "12.11"
"#;

fn plan() -> Plan {
    let mut lock = Lock::parse(LOCK, "lightship.lock").unwrap();
    let file = |name: &str, size| lightship_packages::lock::LockedFile {
        name: format!("{name}.whl"),
        sha256: Digest::of(name.as_bytes()),
        size: Some(size),
    };
    let wheels =
        [("pyarrow", 40_000_000), ("numpy", 16_000_000), ("six", 11_000), ("idna", 70_000)];
    lock.wheels = wheels
        .map(|(name, size)| lightship_packages::lock::Wheel {
            name: name.to_owned(),
            version: "1.2.3".to_owned(),
            file: file(name, size),
            index: "default".to_owned(),
            depends: Vec::new(),
            platforms: Vec::new(),
        })
        .to_vec();
    lock.debs = [("libc6", 2_758_000), ("python3.11-minimal", 2_066_000)]
        .map(|(name, size)| lightship_packages::lock::Deb {
            name: name.to_owned(),
            version: "1".to_owned(),
            architecture: "amd64".to_owned(),
            file: format!("pool/{name}.deb"),
            size,
            sha256: Digest::of(name.as_bytes()),
            archive: "Debian".to_owned(),
            depends: Vec::new(),
            reason: "asked for".to_owned(),
            platforms: Vec::new(),
        })
        .to_vec();
    Plan::of("./churn", &lock, Grouping::default())
}

#[test]
fn a_plan() {
    insta::assert_snapshot!(plain(&plan_text(&plan(), Top::All, &look(Some(80), Glyphs::Unicode))));
}

#[test]
fn a_plan_for_programs() {
    let mut bytes = Vec::new();
    json::write(&mut bytes, &super::PlanDocument(&plan())).unwrap();
    insta::assert_snapshot!(String::from_utf8(bytes).unwrap());
}

#[test]
fn many_notes_leave_the_first_screen_its_size() {
    let look = look(None, Glyphs::Ascii);
    let notes = |count: usize| {
        let mut report = report();
        report.notes = (0..count).map(|n| format!("line {n}")).collect();
        let lines =
            |text: String| plain(&text).lines().filter(|line| line.contains("note:")).count();
        (lines(text(&report, true, &look)), lines(details(&report, Top::All, &look)))
    };
    // One is about names that two packages bring.
    assert_eq!([notes(0), notes(8), notes(30)], [(1, 0), (9, 0), (10, 22)]);
}
