//! Images for a folder of web files, asked over HTTP.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::stock::with_packages;
use super::{refusal, text};
use crate::common::TestEnvironment;

const SETTINGS: &str = r#"
[app]
static = "dist"
FALLBACK
[build]
compression = "zstd:9"
"#;

/// What must be true of the answers. Each check starts the server anew, without a network.
const CHECKS: &str = r#"
[[verify.check]]
http = 8080
body = "<h1>front</h1>"
[[verify.check]]
http = 8080
path = "/about"
body = "about us"
[[verify.check]]
http = 8080
path = "/assets/missing.js"
status = 404
[[verify.check]]
http = 8080
path = "/some/route"
status = STATUS
body = "BODY"
[[verify.check]]
http = 8080
path = "/.private"
status = 404
"#;

fn write(project: &Path, fallback: &str, status: &str, body: &str) {
    fs::create_dir_all(project.join("dist/assets")).unwrap();
    let files = [
        ("dist/index.html", "<h1>front</h1>\n"),
        ("dist/about.html", "about us\n"),
        ("dist/404.html", "nothing here\n"),
        ("dist/.private", "secret\n"),
        ("dist/assets/index-DiwrgT3a.js", "export default 1;\n"),
        // What tools build is ignored, and is what is wanted here.
        (".dockerignore", "dist\n"),
    ];
    for (name, text) in files {
        fs::write(project.join(name), text).unwrap();
    }
    let checks = CHECKS.replace("STATUS", status).replace("BODY", body);
    let settings = SETTINGS.replace("FALLBACK", fallback) + &checks;
    fs::write(project.join("lightship.toml"), settings).unwrap();
}

fn passes(environment: &TestEnvironment, image: &str) {
    let run = environment.run(&format!("--quiet verify project --image {image}"));
    assert_eq!(run.code(), 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn web_files_are_served_by_little_more_than_themselves() {
    let Some(environment) = with_packages() else { return };
    let project = environment.work().join("project");
    write(&project, "", "404", "nothing here");
    let report = environment.json(0, "build project -t site:v1");
    let size = report["after"]["compressed_bytes"].as_u64().unwrap();
    assert!(size < 7_000_000, "{report}");
    // Nothing goes without a word.
    let dropped = report["dropped"].to_string();
    for name in ["iproute2", "nginx-common", "libgssapi-krb5-2"] {
        assert!(dropped.contains(name), "{name}: {dropped}");
    }
    assert_eq!(environment.json(0, "image validate site:v1")["violations"], json!([]));
    passes(&environment, "site:v1");
    // A root that nobody may write to is enough.
    let command = "image run --read-only site:v1 -- -t";
    let run = environment.run(&format!("--quiet {command}"));
    assert_eq!(run.code(), 0, "{}", run.stderr);
    assert!(run.stderr.contains("test is successful"), "{}", run.stderr);
    assert!(!run.stderr.contains("warn") && !run.stderr.contains("alert"), "{}", run.stderr);

    let bill = environment.run("sbom site:v1 --format json").stdout;
    assert!(bill.contains("pkg:deb/debian/nginx@") && !bill.contains("iproute2"), "{bill}");

    // The same bytes without a network, and without what earlier builds left.
    for kind in ["layers", "recipes"] {
        fs::remove_dir_all(environment.work().join("home/store/refs").join(kind)).unwrap();
    }
    let again = environment.json(0, "build project --locked --offline -t site:v2");
    assert_eq!(text(&again, "digest"), text(&report, "digest"));
}

#[test]
fn a_single_page_answers_for_all_paths() {
    let Some(environment) = with_packages() else { return };
    let project = environment.work().join("project");
    write(&project, "fallback = \"index.html\"", "200", "<h1>front</h1>");
    environment.json(0, "build project -t site:v1");
    passes(&environment, "site:v1");

    let fails = |settings: &str, words: &str| {
        fs::write(project.join("lightship.toml"), settings).unwrap();
        let said = refusal(&environment, 2, "build project -t bad:v1");
        assert!(said.contains(words), "{words}: {said}");
    };
    fails("[app]\nstatic = \"dist\"\nfallback = \"app.html\"\n", "which is not in");
    fails("[app]\nstatic = \"build\"\n", "which is not there");
    fails("[app]\nstatic = \"dist/index.html\"\n", "which is no folder");
    let python = "[python]\nversion = \"3.11\"\n[app]\nstatic = \"dist\"\n";
    fails(python, "[python] is for images of Python projects");
}
