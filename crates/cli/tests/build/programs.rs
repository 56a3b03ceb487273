//! Images for one executable, compiled here.

use std::fs;
use std::path::Path;

use lightship_testkit::docker_registry::skip;
use serde_json::{Value, json};

use super::stock::with_packages;
use super::{refusal, text};
use crate::common::TestEnvironment;

/// Needs nothing of a system.
const PLAIN: &str =
    "#include <unistd.h>\nint main() { return write(1, \"plain\\n\", 6) == 6 ? 0 : 1; }\n";

/// Reads a time zone and the certificates.
const CURIOUS: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int main() {
    time_t moment = 1752000000;
    char text[64];
    setenv("TZ", "Europe/Lisbon", 1);
    strftime(text, sizeof text, "%H:%M %Z", localtime(&moment));
    FILE *file = fopen("/etc/ssl/certs/ca-certificates.crt", "r");
    printf("%s %s %d\n", text, file ? "trust" : "none", (int)getuid());
    return 0;
}
"#;

/// Compiles, or says why not.
fn compile(environment: &TestEnvironment, name: &str, source: &str, words: &str) -> bool {
    let folder = environment.work().join("project/out");
    fs::create_dir_all(&folder).unwrap();
    fs::write(environment.work().join("program.c"), source).unwrap();
    let made = environment.shell(&format!("cc -O1 {words} -o project/out/{name} program.c"));
    if !made.status.success() {
        skip(&format!("no C compiler for {words} here"));
    }
    made.status.success()
}

fn settings(project: &Path, lines: &str) {
    fs::write(project.join("lightship.toml"), format!("[app]\n{lines}\n")).unwrap();
}

/// Bytes to pull besides the executable itself.
fn overhead(report: &Value) -> u64 {
    let of = |category: &Value| category["compressed_bytes"].as_u64().unwrap();
    let categories = report["categories"].as_array().unwrap();
    categories.iter().filter(|category| category["stage"] != "project").map(of).sum()
}

#[test]
fn a_static_program_stands_alone() {
    let Some(environment) = with_packages() else { return };
    if !compile(&environment, "plain", PLAIN, "-static") {
        return;
    }
    let project = environment.work().join("project");
    // What tools build is what `.dockerignore` leaves out, and the one thing that is wanted.
    fs::write(project.join(".dockerignore"), "out\n").unwrap();
    settings(&project, "binary = \"out/plain\"");
    let report = environment.json(0, "build project -t plain:v1");
    assert!(overhead(&report) < 4096, "{report}");
    assert_eq!(report["base"], Value::Null);
    let lock = fs::read_to_string(project.join("lightship.lock")).unwrap();
    assert!(
        lock.contains("image = \"for a static program\"") && !lock.contains("[[deb]]"),
        "{lock}"
    );
    assert_eq!(environment.json(0, "image validate plain:v1")["violations"], json!([]));
    let run = environment.run("--quiet image run --read-only plain:v1");
    assert_eq!((run.code(), run.stdout.as_str(), run.stderr.as_str()), (0, "plain\n", ""));

    let again = environment.json(0, "build project --locked --offline -t plain:v2");
    assert_eq!(text(&again, "digest"), text(&report, "digest"));
    settings(&project, "binary = \"out/plain\"\ncertificates = true");
    let run = environment.run("--quiet build project --locked -t plain:v3");
    assert!(run.stderr.contains("`image` was"), "{}", run.stderr);
}

#[test]
fn a_program_gets_what_it_reads() {
    let Some(environment) = with_packages() else { return };
    let project = environment.work().join("project");
    for (name, words) in [("apart", "-static"), ("linked", "")] {
        if !compile(&environment, name, CURIOUS, words) {
            return;
        }
        settings(&project, &format!("binary = \"out/{name}\""));
        let report = environment.json(0, &format!("build project -t {name}:v1"));
        assert!(name == "linked" || overhead(&report) < 1_000_000, "{report}");
        let notes = report["notes"].to_string();
        assert!(notes.contains("because the program mentions `/etc/ssl/certs`"), "{notes}");
        let run = environment.run(&format!("--quiet image run {name}:v1"));
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("19:40 WEST trust 65532\n", ""));
    }
    settings(&project, "binary = \"out/apart\"\ncertificates = false\nzones = false");
    let bare = environment.json(0, "build project -t bare:v1");
    assert!(overhead(&bare) < 4096, "{bare}");
    let run = environment.run("--quiet image run bare:v1");
    assert!(run.stdout.ends_with(" none 65532\n"), "{}", run.stdout);
}

#[test]
fn what_is_no_program_is_refused() {
    let Some(environment) = with_packages() else { return };
    let project = environment.work().join("project");
    fs::create_dir_all(project.join("out")).unwrap();
    let fails = |code: i32, lines: &str, words: &str| {
        settings(&project, lines);
        let said = refusal(&environment, code, "build project -t bad:v1");
        assert!(said.contains(words), "{words}: {said}");
        assert!(!project.join("lightship.lock").exists());
    };
    fails(2, "binary = \"out/no\"", "which is not there");
    fs::write(project.join("out/script"), "#!/bin/sh\n").unwrap();
    fails(3, "binary = \"out/script\"", "it is a script");
    fails(2, "binary = \"../x\"", "write a path in the project's folder");
    fails(2, "binary = \"out/script\"\nstatic = \"out\"", "not both");
    fails(2, "zones = true", "`zones` is for images with `binary`");
    if !compile(&environment, "plain", PLAIN, "-static") {
        return;
    }
    let mut bytes = fs::read(project.join("out/plain")).unwrap();
    // *System V ABI, ELF Header*, `e_machine`: SPARC.
    bytes[18..20].copy_from_slice(&43u16.to_le_bytes());
    fs::write(project.join("out/plain"), bytes).unwrap();
    fails(3, "binary = \"out/plain\"", "and the image is for");
}
