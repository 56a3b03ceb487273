//! What a project's file may say, and what is said about what it may not.

use std::path::Path;

use super::*;

fn parse(text: &str) -> Result<Project, ProjectError> {
    Project::parse(Path::new("lightship.toml"), text)
}

/// What a person reads about a mistake.
fn mistake(text: &str) -> String {
    let error = parse(text).expect_err(text);
    let hints = error.hints().iter().map(|hint| format!("\n  try: {hint}")).collect::<String>();
    format!("{error}{hints}\n")
}

#[test]
fn everything_has_a_place() {
    let text = r#"
[verify]
image = "oci:build/app"
timeout = "2m"
memory = "1GB"

[[verify.check]]
name = "it predicts"
run = "python -m churn 'two words'"
exit_code = 3
stdout = ['^a$', 'b']
not_stderr = "Traceback"
user = 1000
environment = { MODE = "test", LEVEL = 3 }
network = "host"
timeout = 5
memory = "200m"

[[verify.check]]
http = 8080
start = ["serve", "--port", "8080"]
path = "/health"
status = "200..204"
body = "ok"
wait = "3s"

[[verify.check]]
import = "pandas"

[[verify.check]]
files = ["/a", { path = "/b", mode = "0755", kind = "file" }]
absent = ["/c"]
"#;
    let verify = parse(text).unwrap().verify;
    insta::assert_json_snapshot!(serde_json::json!({
        "image": verify.image,
        "seconds": verify.timeout.map(|time| time.as_secs()),
        "memory": verify.memory,
        "checks": verify.checks,
    }));
    assert!(parse("").unwrap().verify.checks.is_empty());
}

#[test]
fn mistakes_are_told_with_their_lines() {
    let check = |lines: &str| format!("[[verify.check]]\n{lines}");
    let texts = [
        "[verfy]".to_owned(),
        "verify = 3".to_owned(),
        "[verify]\nimage = 3".to_owned(),
        "[verify]\ntimeout = \"soon\"".to_owned(),
        "[verify]\ncheck = \"x\"".to_owned(),
        "[verify\n".to_owned(),
        check("name = \"nothing\""),
        check("rum = \"x\""),
        check("run = \"x\"\nhttp = 1"),
        check("run = \"x\"\n\nstdot = \"y\""),
        check("run = \"x\"\nstatus = 200"),
        check("run = \"x\"\nwhatever = 200"),
        check("run = \"a && b\""),
        check("run = \"a 'b\""),
        check("run = []"),
        check("run = 3"),
        check("run = \"x\"\nexit_code = 256"),
        check("run = \"x\"\nstdout = \"(\""),
        check("run = \"x\"\nnetwork = \"all\""),
        check("run = \"x\"\nenvironment = { A = [] }"),
        check("import = [\"os\", \"a b\"]"),
        check("http = 70000"),
        check("http = 80\npath = \"health\""),
        check("http = 80\nstatus = \"399..200\""),
        check("files = [\"etc\"]"),
        check("files = [{ mode = \"0755\" }]"),
        check("files = [{ path = \"/a\", mode = \"rwx\" }]"),
        check("files = [{ path = \"/a\", king = \"file\" }]"),
    ];
    let told: String = texts.iter().map(|text| mistake(text)).collect();
    insta::assert_snapshot!(told);
}
