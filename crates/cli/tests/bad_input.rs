//! Images that are broken or mean harm: every command ends soon, says what is wrong, and does nothing
//! that it was not asked for.

use std::fs;
use std::io::Write as _;

use lightship_base::Digest;
use lightship_oci::compression::{CompressionLevel, encoder};
use lightship_testkit::images::ImageBuilder;
use serde_json::{Value, json};

use crate::audit::{audit, bytes};
use crate::common::TestEnvironment;
use crate::common::image::{reconfigured, unique};
use crate::common::raw::{END, Raw, archive, file, link};

/// Everything that reads an image to its end; `OUT` is a layout of its own for each.
pub(crate) const COMMANDS: [&str; 7] = [
    "audit REF",
    "audit REF --format json",
    "image history REF",
    "image diff REF REF",
    "image validate REF",
    "image squash REF -o OUT --keep-layers 0",
    "image convert REF -o OUT --compression zstd:1",
];

/// Runs every command on an image; none may find a bug in itself or write anything that a terminal
/// obeys. Says how each ended.
pub(crate) fn every_command(environment: &TestEnvironment, reference: &str) -> Vec<(i32, String)> {
    let run = |(number, command): (usize, &&str)| {
        let out = format!("oci:out-{}-{number}", Digest::of(reference.as_bytes()).short());
        let line = command.replace("REF", reference).replace("OUT", &out);
        let run = environment.run(&format!("--quiet {line}"));
        let said = run.stdout + &run.stderr;
        let code = run.status.code().unwrap_or(-1);
        assert!(matches!(code, 0 | 1 | 3), "{line} ends with {code}: {said}");
        assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{line}: {said:?}");
        if code == 3 {
            assert!(run.stderr.starts_with("error: "), "{line}: {said}");
        }
        (code, said)
    };
    COMMANDS.iter().enumerate().map(run).collect()
}

/// An image whose only layer is this tar, whatever it is.
fn layer_of(tar: &[u8]) -> ImageBuilder {
    ImageBuilder::new().layer(|layer| layer.file("etc/fine", b"fine")).tar(tar).history("COPY a")
}

/// All commands but `convert`, which does not look into layers, end with 3 and say one of the words;
/// `validate` ends with 1 and names the rule.
fn is_refused(environment: &TestEnvironment, name: &str, tar: &[u8], words: &[&str], rule: &str) {
    let reference = environment.layout(name, layer_of(tar));
    for ((code, said), command) in every_command(environment, &reference).iter().zip(COMMANDS) {
        let expected = match command {
            _ if command.contains("validate") => 1,
            _ if command.contains("convert") => 0,
            _ => 3,
        };
        assert_eq!(*code, expected, "{name}: {command}: {said}");
        if expected == 3 {
            assert!(words.iter().any(|word| said.contains(word)), "{name}: {command}: {said}");
            assert!(said.contains("layer 2"), "{name}: {said}");
        }
    }
    let found = environment.json(1, &format!("image validate {reference}"));
    let rules: Vec<&Value> = rules(&found);
    assert!(rules.contains(&&json!(rule)), "{name}: {rules:?}");
}

pub(crate) fn rules(found: &Value) -> Vec<&Value> {
    found["violations"].as_array().unwrap().iter().map(|violation| &violation["rule"]).collect()
}

#[test]
fn hostile_archives_are_refused_by_name() {
    let environment = TestEnvironment::new();
    let huge = |field: [u8; 12]| [Raw::new("huge", b'0', 0).put(124, &field).seal(), END.to_vec()];
    let mut negative = [0xff; 12];
    negative[11] = 0x9c;
    let mut exabytes = [0; 12];
    (exabytes[0], exabytes[4]) = (0x80, 0x7f);
    let pax = |record: &str| {
        archive(&[
            Raw::new("pax", b'x', record.len() as u64).with(record.as_bytes()),
            file("f", b"x"),
        ])
    };
    let cases: [(&str, Vec<u8>, &[&str], &str); 12] = [
        ("dots", archive(&[file("a/../../escape", b"x")]), &["`..`", ".."], "traversal"),
        ("hard-link-out", archive(&[link("x", b'1', "../../etc/passwd")]), &[".."], "traversal"),
        ("negative", huge(negative).concat(), &["negative", "size"], "tar"),
        ("exabytes", huge(exabytes).concat(), &["size", "end"], "tar"),
        ("longer-than-said", pax("9999 path=x\n"), &["pax", "record"], "tar"),
        ("no-length", pax("path=x\n"), &["pax", "record"], "tar"),
        ("zero-length", pax("0 path=x\n"), &["pax", "record"], "tar"),
        ("pax-size", pax("25 size=9999999999999999\n"), &["ends", "size", "end"], "tar"),
        (
            "checksum",
            archive(&[file("f", b"x")]).into_iter().map(|b| b ^ 2).collect(),
            &["checksum"],
            "tar",
        ),
        ("cut-header", archive(&[file("f", &[7; 2_000])])[..300].to_vec(), &["end"], "tar"),
        ("cut-payload", archive(&[file("f", &[7; 2_000])])[..1_000].to_vec(), &["end"], "tar"),
        ("bare-whiteout", archive(&[file("a/.wh.", b"")]), &["whiteout"], "whiteout"),
    ];
    for (name, tar, words, rule) in cases {
        is_refused(&environment, name, &tar, words, rule);
    }
}

#[test]
fn what_only_looks_dangerous_stays_inside() {
    let environment = TestEnvironment::new();
    fs::write(environment.work().join("canary"), "untouched").unwrap();
    let away = environment.work().display().to_string();
    let tar = archive(&[
        link("link", b'2', &away),
        file("link/canary", b"overwritten"),
        file("/absolute", b"absolute"),
        link("up", b'2', "../../../.."),
        file("up/etc/passwd", b"root::0:0"),
        link("null", b'3', ""),
        link("disk", b'4', ""),
        link("circle", b'2', "circle"),
    ]);
    let reference = environment.layout("links", layer_of(&tar));
    for ((code, said), command) in every_command(&environment, &reference).iter().zip(COMMANDS) {
        assert_eq!(*code, 0, "{command}: {said}");
    }
    let report = audit(&environment, &reference);
    assert_eq!(bytes(&report, "kept_bytes"), 4 + 11 + 8 + 9);
    assert_eq!(fs::read_to_string(environment.work().join("canary")).unwrap(), "untouched");
    assert!(!environment.work().join("absolute").exists());
}

/// Names that are no UTF-8 and names that a terminal would obey, in every place where one is shown.
#[test]
fn strangers_names_are_shown_not_obeyed() {
    let environment = TestEnvironment::new();
    let name = b"caf\xe9\x1b]0;pwned\x07\x1b[2J";
    let tar = archive(&[
        file([b"app/", &name[..]].concat(), &unique("a", 2_000)),
        file([b"app/.git/", &name[..]].concat(), &unique("b", 3_000)),
        file([b"app/.env.", &name[..]].concat(), &unique("c", 100)),
        file([b"one/", &name[..]].concat(), &unique("same", 1_000)),
        file([b"two/", &name[..]].concat(), &unique("same", 1_000)),
        file(
            "usr/lib/node_modules/x/package.json",
            br#"{"name":"x\u001b[31m","version":"1\u0007"}"#,
        ),
        link([b"three/", &name[..]].concat(), b'1', "nowhere"),
    ]);
    let instruction = "RUN echo \u{1b}[31m\u{202e} && rm";
    let image = ImageBuilder::new()
        .tar(&tar)
        .history(instruction)
        .tar(&archive(&[file([b"app/.wh.", &name[..]].concat(), b"")]))
        .history(instruction);
    let labelled = reconfigured(&image.build(), |config| {
        config["config"]["Labels"] = json!({"\u{1b}[31mname": "\u{1b}[32mvalue"});
        config["config"]["Env"] = json!(["A\u{1b}=\u{9b}2J"]);
    });
    let reference = environment.put("names", &*labelled);
    environment.layout("other", ImageBuilder::new().layer(|layer| layer.file("x", b"x")));
    for line in [
        format!("audit {reference}"),
        format!("audit {reference} --top all"),
        format!("audit {reference} --format json"),
        format!("image history {reference}"),
        format!("image diff {reference} oci:other --top all"),
        format!("image validate {reference}"),
        format!("image squash {reference} -o oci:out --keep-layers 0"),
    ] {
        // Run::stdout is a String: bytes that are no UTF-8 would have ended the test.
        let run = environment.run(&line);
        let said = run.stdout + &run.stderr;
        assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{line}: {said:?}");
        assert!(!line.starts_with("audit") || said.contains("pwned"), "{line}: {said}");
        assert!(line.contains("json") || !said.contains('\u{202e}'), "{line}: {said}");
    }
}

type Damage = fn(&mut Vec<u8>);

#[test]
fn damaged_blobs_are_told_from_broken_archives() {
    let environment = TestEnvironment::new();
    let image = || {
        ImageBuilder::new()
            .layer(|layer| layer.file("etc/fine", b"fine"))
            .layer(|layer| layer.file("data", &unique("data", 50_000)))
    };
    let cases: [(&str, Damage, &str, &str); 4] = [
        (
            "flipped",
            |blob| {
                let middle = blob.len() / 2;
                blob[middle] ^= 4;
            },
            "but is sha256:",
            "digest",
        ),
        ("truncated", |blob| blob.truncate(blob.len() - 50), "it should have", "size"),
        ("longer", |blob| blob.extend([0; 10]), "it should have", "size"),
        ("empty", Vec::clear, "it should have", "size"),
    ];
    for (name, damage, words, rule) in cases {
        environment.layout(name, image());
        let digest = environment.manifest(name).layers[1].digest;
        let path = environment.blobs(name).join(digest.hex());
        let mut blob = fs::read(&path).unwrap();
        damage(&mut blob);
        fs::write(&path, blob).unwrap();
        let reference = format!("oci:{name}");
        for ((code, said), command) in every_command(&environment, &reference).iter().zip(COMMANDS)
        {
            let expected = if command.contains("validate") { 1 } else { 3 };
            assert_eq!(*code, expected, "{name}: {command}: {said}");
            assert!(said.contains(&digest.short()), "{name}: {command}: {said}");
            assert!(expected == 1 || said.contains(words), "{name}: {command}: {said}");
        }
        let found = environment.json(1, &format!("image validate {reference}"));
        assert!(rules(&found).contains(&&json!(rule)), "{name}: {found}");
        // Nothing of it can be taken for an image elsewhere.
        for to in ["oci:copied", "store:copied", "oci-archive:copied.tar"] {
            let run = environment.run(&format!("image copy {reference} {to}"));
            assert_eq!(run.code(), 3, "{name} {to}: {}", run.stderr);
        }
        assert!(!environment.work().join("copied/index.json").exists());
        assert!(!environment.work().join("copied.tar").exists());
    }
    assert_eq!(environment.json(0, "image ls")["images"], json!([]));
}

#[test]
fn archives_that_end_early_or_are_none_say_so() {
    let environment = TestEnvironment::new();
    environment
        .layout("app", ImageBuilder::new().layer(|layer| layer.file("x", &unique("x", 90_000))));
    environment.json(0, "image convert oci:app -o oci:plain --compression none");
    for (scheme, file) in [("docker-archive", "saved.tar"), ("oci-archive", "oci.tar")] {
        environment.json(0, &format!("image copy oci:plain {scheme}:{file}"));
        let whole = fs::read(environment.work().join(file)).unwrap();
        for (number, length) in
            [0, 100, 700, whole.len() / 2, whole.len() - 5_000].into_iter().enumerate()
        {
            let cut = format!("cut{number}-{file}");
            fs::write(environment.work().join(&cut), &whole[..length]).unwrap();
            for reference in [cut.clone(), format!("{scheme}:{cut}")] {
                let run = environment.run(&format!("audit {reference}"));
                assert_eq!(run.code(), 3, "{reference}: {}", run.stderr);
                assert!(run.stderr.contains(&cut), "{reference}: {}", run.stderr);
            }
        }
    }
    fs::write(environment.work().join("text.tar"), "this is no archive\n".repeat(100)).unwrap();
    let mut packed = encoder(Vec::new(), CompressionLevel::Gzip(6), 1).unwrap();
    packed.write_all(b"nor is this").unwrap();
    fs::write(environment.work().join("text.tar.gz"), packed.finish().unwrap()).unwrap();
    for file in ["text.tar", "text.tar.gz"] {
        let run = environment.run(&format!("audit {file}"));
        assert_eq!(run.code(), 3);
        assert!(run.stderr.contains("not a tar archive"), "{}", run.stderr);
    }
}

#[test]
fn two_hundred_layers_are_read_and_remarked_upon() {
    let environment = TestEnvironment::new();
    let image = (0..200).fold(ImageBuilder::new(), |image, number| {
        let path = format!("layer/{number}");
        image.layer(|layer| layer.file(&path, path.as_bytes())).history(&path)
    });
    let reference = environment.layout("many", image);
    let report = audit(&environment, &reference);
    assert_eq!(report["layers"].as_array().unwrap().len(), 200);
    let found = environment.json(1, &format!("image validate {reference}"));
    assert_eq!(rules(&found), [&json!("too-many-layers")]);
    environment.json(0, &format!("image squash {reference} -o oci:one --keep-layers 0"));
    assert_eq!(environment.json(0, "image validate oci:one")["violations"], json!([]));
}
