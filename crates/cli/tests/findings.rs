//! One example of every rule: what is found, what it costs to the byte, and what is left in peace.

use std::fs;

use lightship_testkit::docker_registry::skip;
use lightship_testkit::images::{ImageBuilder, LayerBuilder};
use serde_json::{Value, json};

use crate::audit::{audit, bytes};
use crate::common::TestEnvironment;
use crate::common::image::{reconfigured, unique};

/// The rule, and the files that it applies to: path and size.
type Example = (&'static str, &'static [(&'static str, usize)]);

const EXAMPLES: [Example; 20] = [
    ("pip-cache", &[("root/.cache/pip/http/0/a", 1_001), ("root/.cache/pip/wheels/b.whl", 1_002)]),
    ("uv-cache", &[("home/dev/.cache/uv/archive-v0/c", 1_003)]),
    ("poetry-cache", &[("root/.cache/pypoetry/cache/d", 1_004)]),
    ("conda-cache", &[("opt/miniconda3/pkgs/python.conda", 1_005)]),
    (
        "apt-cache",
        &[
            ("var/lib/apt/lists/deb_main_Packages", 1_006),
            ("var/cache/apt/archives/gcc_12_amd64.deb", 1_007),
        ],
    ),
    ("os-package-cache", &[("var/cache/apk/APKINDEX.tar.gz", 1_008)]),
    ("npm-cache", &[("root/.npm/_cacache/content-v2/e", 1_009)]),
    ("cargo-cache", &[("root/.cargo/registry/cache/serde.crate", 1_010)]),
    ("go-cache", &[("root/.cache/go-build/0/f", 1_011)]),
    ("version-control", &[("app/.git/objects/pack/g.pack", 1_012), ("app/.git/HEAD", 21)]),
    ("virtualenv", &[("app/.venv/pyvenv.cfg", 80), ("app/.venv/bin/python", 1_013)]),
    ("package-tests", &[("usr/lib/python3.11/site-packages/numpy/tests/test_core.py", 1_014)]),
    ("bytecode", &[("app/__pycache__/main.cpython-311.pyc", 1_015)]),
    ("headers", &[("usr/include/stdio.h", 1_016), ("usr/lib/x86_64-linux-gnu/libz.a", 1_017)]),
    ("documentation", &[("usr/share/doc/zlib/changelog.gz", 1_018)]),
    ("manual-pages", &[("usr/share/man/man1/ls.1.gz", 1_019)]),
    ("locales", &[("usr/share/locale/de/LC_MESSAGES/coreutils.mo", 1_020)]),
    ("temporary-files", &[("tmp/leftover.tar", 1_021)]),
    ("cuda-twice", &[("usr/local/cuda/lib64/libcublas.so.12.4.5", 2_000)]),
    (
        "build-tools",
        &[
            ("usr/bin/gcc-12", 1_022),
            ("usr/lib/gcc/x86_64-linux-gnu/12/cc1", 1_023),
            // dpkg's own note about the package goes with it.
            (GCC_LIST.0, GCC_LIST.1.len()),
        ],
    ),
];

/// What looks like it but is needed.
const INNOCENT: [(&str, usize); 8] = [
    ("usr/share/doc/zlib/copyright", 1_101),
    ("opt/venv/pyvenv.cfg", 90),
    ("opt/venv/bin/python", 1_102),
    ("usr/lib/python3.11/site-packages/nvidia/cublas/lib/libcublas.so.12", 2_100),
    ("app/tests/test_app.py", 1_103),
    ("usr/lib/x86_64-linux-gnu/libgcc_s.so.1", 1_104),
    ("usr/lib/locale/C.utf8/LC_CTYPE", 1_105),
    ("app/.env.example", 1_106),
];

const GCC_LIST: (&str, &str) =
    ("var/lib/dpkg/info/gcc-12.list", "/.\n/usr\n/usr/bin\n/usr/bin/gcc-12\n");

const DPKG_STATUS: &str = "\
Package: gcc-12
Status: install ok installed
Architecture: amd64
Version: 12.2.0-14

Package: libgcc-s1
Status: install ok installed
Architecture: amd64
Version: 12.2.0-14
";

fn add(layer: LayerBuilder, files: &[(&str, usize)]) -> LayerBuilder {
    files.iter().fold(layer, |layer, (path, size)| match *path {
        path if path == GCC_LIST.0 => layer.file(path, GCC_LIST.1.as_bytes()),
        path => layer.file(path, &unique(path, *size)),
    })
}

fn image() -> ImageBuilder {
    ImageBuilder::new()
        .layer(|layer| {
            let layer = EXAMPLES.iter().fold(layer, |layer, (_, files)| add(layer, files));
            add(layer, &INNOCENT)
                .file("var/lib/dpkg/status", DPKG_STATUS.as_bytes())
                .file(
                    "var/lib/dpkg/info/libgcc-s1:amd64.list",
                    b"/usr/lib/x86_64-linux-gnu/libgcc_s.so.1\n",
                )
                .file("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n")
        })
        .history("COPY . /")
}

fn finding<'a>(report: &'a Value, code: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["code"] == code).unwrap_or_else(|| {
        let codes: Vec<&Value> = findings.iter().map(|finding| &finding["code"]).collect();
        panic!("no {code} among {codes:?}")
    })
}

fn paths(finding: &Value) -> Vec<&str> {
    finding["paths"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect()
}

#[test]
fn every_rule_finds_its_example_and_counts_it_to_the_byte() {
    let environment = TestEnvironment::new();
    let source = reconfigured(&image().build(), |config| {
        config["config"]["Env"] = json!(["PATH=/opt/venv/bin:/usr/bin"]);
    });
    let report = audit(&environment, &environment.put("image", &*source));
    for (code, files) in EXAMPLES {
        let found = finding(&report, code);
        let sum: usize = files.iter().map(|(_, size)| size).sum();
        assert_eq!(bytes(&found["bytes"], "disk"), sum as u64, "{code}");
        let mut heaviest_first = files.to_vec();
        heaviest_first.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
        let expected: Vec<String> = heaviest_first.iter().map(|(p, _)| format!("/{p}")).collect();
        assert_eq!(paths(found), expected, "{code}");
        assert_eq!(bytes(found, "path_count"), files.len() as u64);
        for words in ["title", "evidence", "fix"] {
            assert!(found[words].as_str().is_some_and(|text| text.len() > 5), "{code} {words}");
        }
    }
    assert_eq!(report["findings"].as_array().unwrap().len(), EXAMPLES.len(), "{report:#}");
    let everything: usize = EXAMPLES.iter().flat_map(|(_, files)| *files).map(|(_, s)| s).sum();
    assert_eq!(bytes(&report["savings"], "disk_bytes"), everything as u64);

    let first = &report["inventory"]["packages"][0];
    assert_eq!((&first["name"], &first["layer"]), (&json!("libgcc-s1"), &json!(1)));
    assert_eq!(first["evidence"], "/var/lib/dpkg/info/libgcc-s1:amd64.list");
}

#[test]
fn the_exit_code_is_the_verdict_that_was_asked_for() {
    let environment = TestEnvironment::new();
    let full = environment.layout("full", image());
    let minor = ImageBuilder::new().layer(|layer| {
        // A hundredth of what is there: worth knowing, no more.
        layer.file("app/data", &unique("data", 2_000_000)).file("app/.git/HEAD", b"ref: x")
    });
    let minor = environment.layout("minor", minor);
    let clean = ImageBuilder::new().layer(|layer| layer.file("app/main.py", b"print()"));
    let clean = environment.layout("clean", clean);
    for (image, level, code) in [
        (&full, "", 0),
        (&full, "--fail-on info", 1),
        (&full, "--fail-on warning", 1),
        (&full, "--fail-on error", 0),
        (&minor, "--fail-on info", 1),
        (&minor, "--fail-on warning", 0),
        (&clean, "--fail-on info", 0),
    ] {
        let run = environment.run(&format!("--quiet audit {image} {level}"));
        assert_eq!(run.code(), code, "{image} {level}: {}", run.stderr);
    }
    let run = environment.run(&format!("--quiet audit {clean}"));
    assert!(run.stdout.contains("Nothing to save"), "{}", run.stdout);
}

const MARK: &str = "hunter2-swordfish";

#[test]
fn secrets_are_named_wherever_they_are_and_never_shown() {
    let environment = TestEnvironment::new();
    let key = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{MARK}\n");
    let account = format!("{{\"type\": \"service_account\", \"private_key\": \"{MARK}\"}}");
    let stored = format!("[default]\naws_secret_access_key={MARK}\n");
    let image = ImageBuilder::new()
        .layer(|layer| {
            layer
                .file("root/.ssh/deploy", key.as_bytes())
                .file("srv/gcp.json", account.as_bytes())
                .file("root/.aws/credentials", stored.as_bytes())
                .file("app/.env", format!("PASSWORD={MARK}\n").as_bytes())
                .file("app/keys.py", b"MARK = '-----BEGIN OPENSSH PRIVATE KEY-----'")
        })
        .history("COPY . /")
        .layer(|layer| layer.whiteout("root/.ssh").file("root/.aws/credentials", b"[default]\n"))
        .history("RUN rm -r /root/.ssh");
    let reference = environment.layout("image", image);
    let report = audit(&environment, &reference);
    let secret = finding(&report, "secret");
    assert_eq!(secret["severity"], "error");
    assert_eq!(bytes(&secret["bytes"], "disk"), 0);
    let notes: Vec<&str> =
        secret["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap()).collect();
    let told: Vec<(String, &str)> =
        paths(secret).into_iter().map(String::from).zip(notes).collect();
    assert_eq!(
        told.iter().map(|(path, note)| (path.as_str(), *note)).collect::<Vec<_>>(),
        [
            ("/app/.env", "environment settings, which often hold passwords, layer 1"),
            (
                "/root/.aws/credentials",
                "stored credentials, layer 1, removed later but still in its layer"
            ),
            ("/root/.aws/credentials", "stored credentials, layer 2"),
            ("/root/.ssh/deploy", "a private key, layer 1, removed later but still in its layer"),
            ("/srv/gcp.json", "a service account's key, layer 1"),
        ]
    );
    for line in ["", "--top all", "--format json", "--format json --verbose"] {
        let run = environment.run(&format!("audit {reference} {line} --fail-on error"));
        assert_eq!(run.code(), 1, "{}", run.stderr);
        assert!(!run.stdout.contains(MARK) && !run.stderr.contains(MARK), "{line}");
    }
    let run = environment.run(&format!("image diff {reference} {reference} --format json"));
    assert!(!run.stdout.contains(MARK));
}

/// A binary with debug sections, a copy of it, and a copy without.
#[test]
fn debug_sections_are_counted_once_and_not_in_copies() {
    let environment = TestEnvironment::new();
    if !environment.shell("command -v cc readelf strip").status.success() {
        return skip("this machine has no C compiler or no binutils");
    }
    fs::write(environment.work().join("p.c"), "int main(void) { return 42; }\n").unwrap();
    environment.peer("cc", &["-g", "-o", "program", "p.c"]);
    environment.peer("strip", &["--strip-debug", "-o", "stripped", "program"]);
    let program = fs::read(environment.work().join("program")).unwrap();
    let stripped = fs::read(environment.work().join("stripped")).unwrap();
    let image = ImageBuilder::new().layer(|layer| {
        layer
            .file("usr/bin/program", &program)
            .file("usr/bin/copy", &program)
            .file("usr/bin/stripped", &stripped)
    });
    let report = audit(&environment, &environment.layout("image", image));
    let debug = finding(&report, "elf-debug");
    assert_eq!(bytes(&debug["bytes"], "disk"), debug_bytes(&environment));
    assert_eq!(bytes(debug, "path_count"), 1);
    let copy = finding(&report, "duplicate-files");
    assert_eq!(bytes(&copy["bytes"], "disk"), program.len() as u64);
}

/// What the linker's own tools say: the sum of the `.debug_*` sections.
fn debug_bytes(environment: &TestEnvironment) -> u64 {
    let sections = environment.peer("readelf", &["--section-headers", "--wide", "program"]);
    let sizes = sections.lines().filter_map(|line| {
        // `[27] .debug_info PROGBITS 0000000000000000 00303b 000065 …`, after `[ 1]` and the like.
        let words: Vec<&str> = line.split_once(']')?.1.split_whitespace().collect();
        let size = words.first().filter(|name| name.starts_with(".debug_")).and(words.get(4))?;
        Some(u64::from_str_radix(size, 16).unwrap())
    });
    sizes.sum()
}
