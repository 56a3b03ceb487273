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

#[test]
fn settings_of_the_build_have_places_too() {
    let text = r#"
[image]
name = "registry.invalid/team/churn"
tags = ["1.0", 2]
entrypoint = "python -m 'a b'"
cmd = ["--all", "$HOME"]
env = { MODE = "x", LEVEL = 3 }
workdir = "/srv"
user = 1000
expose = [8080, "53/udp"]
labels = { "org.example.a" = "b" }

[python]
version = "3.10"
requirements = "./requirements/prod.txt"
extras = ["plots"]
groups = ["serving"]
bytecode = "all"
scripts = ["gunicorn"]

[base]
suite = "bookworm"
packages = ["libgomp1", "ffmpeg=7:5.1"]
shell = true
interpreter = "https://${HOST}/python.tar.gz"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"

[app]
include = ["a"]
exclude = ["*.csv", "!b.csv"]
destination = "/srv/app"
static = "dist"

[build]
compression = "zstd:19"
keep = ["tests"]
layers = 20

[index.cpu]
url = "${TORCH}"
packages = ["Torch_Vision"]

[index.main]
url = "https://mirror.invalid/simple"
default = true
"#;
    insta::assert_debug_snapshot!(parse(text).unwrap().settings);
    assert_eq!(parse("").unwrap().settings, Settings::default());
}

#[test]
fn mistakes_about_the_build_are_told_with_their_lines() {
    let zeros = "0".repeat(64);
    let texts = [
        "[imgae]".to_owned(),
        "[image]\nentry = \"x\"".to_owned(),
        "[image]\nname = \"a:1\"".to_owned(),
        "[image]\ntags = [\"a b\"]".to_owned(),
        "[image]\nentrypoint = \"a && b\"".to_owned(),
        "[image]\ncmd = []".to_owned(),
        "[image]\nenv = { \"A=B\" = \"c\" }".to_owned(),
        "[image]\nworkdir = \"app\"".to_owned(),
        "[image]\nexpose = [0]".to_owned(),
        "[image]\nexpose = [\"80/icmp\"]".to_owned(),
        "[python]\nversion = 3.10".to_owned(),
        "[python]\nversion = \"3\"".to_owned(),
        "[python]\nrequirements = [\"../x.txt\"]".to_owned(),
        "[python]\nbytecode = \"some\"".to_owned(),
        "[python]\nscripts = \"some\"".to_owned(),
        "[base]\nimage = \"x\"\nsuite = \"y\"".to_owned(),
        "[base]\nimage = \"x\"\ninterpreter = \"y\"".to_owned(),
        "[base]\ninterpreter = \"y\"".to_owned(),
        "[base]\ninterpreter = \"y\"\nsha256 = \"z\"".to_owned(),
        format!("[base]\nsha256 = \"{zeros}\""),
        format!("[base]\ninterpreter = \"https://u:p@h/x\"\nsha256 = \"{zeros}\""),
        "[base]\npackages = [\"No Package\"]".to_owned(),
        "[base]\nshell = \"yes\"".to_owned(),
        "[app]\nbinary = \"a\"\nstatic = \"b\"".to_owned(),
        "[app]\nexclude = [\"[\"]".to_owned(),
        "[app]\ndestination = \"/a/../b\"".to_owned(),
        "[build]\nlayers = 0".to_owned(),
        "[build]\ncompression = \"lzma\"".to_owned(),
        "[index]\ncpu = 3".to_owned(),
        "[index.cpu]\npackages = []".to_owned(),
        "[index.cpu]\nurl = \"https://me:secret@mirror.invalid/\"".to_owned(),
        "[index.a]\nurl = \"${A}\"\ndefault = true\n[index.b]\nurl = \"${B}\"\ndefault = true"
            .to_owned(),
    ];
    let told: String = texts.iter().map(|text| mistake(text)).collect();
    assert!(!told.contains("secret"));
    insta::assert_snapshot!(told);
}

#[test]
fn both_files_of_a_folder_count() {
    let folder = tempfile::TempDir::new().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    assert!(Project::of_folder(folder.path()).unwrap().settings == Settings::default());
    write(PYPROJECT, "[project]\nname = \"x\"\n[tool.lightship.python]\nversion = \"3.11\"\n");
    let version = |project: &Project| project.settings.python.version.map(|v| v.to_string());
    let project = Project::of_folder(folder.path()).unwrap();
    assert_eq!(version(&project).as_deref(), Some("3.11"));
    write(FILE_NAME, "[image]\nname = \"y\"\n");
    let project = Project::of_folder(folder.path()).unwrap();
    assert_eq!(version(&project).as_deref(), Some("3.11"));
    assert_eq!(project.settings.image.name.as_deref(), Some("y"));
    write(FILE_NAME, "[python]\nversion = \"3.12\"\n");
    let error = Project::of_folder(folder.path()).unwrap_err().to_string();
    let (both, first) = (folder.path().join(PYPROJECT), folder.path().join(FILE_NAME));
    assert_eq!(error, format!("{}:3: [python] is in {} too", both.display(), first.display()));
    write(PYPROJECT, "[tool.lightship]\npyhton = 3\n");
    assert!(Project::of_folder(folder.path()).unwrap_err().to_string().contains("`pyhton`"));
}

#[test]
fn what_pipelines_find_here_has_places() {
    let text = r#"
[images]
alpine = "native"
"python:alpine3.9" = { base = "native", packages = ["curl"], python = "3.11" }
"team/tool:1" = "oci:images/tool"

[secrets.login]
password = { file = "secret.txt" }
token = { env = "TOKEN" }

[config-maps.options]
level = "3"
rules = { file = "/etc/rules" }
"#;
    let path = Path::new("/project/lightship.toml");
    let found = Project::parse(path, text).unwrap().pipelines;
    let plain = Stand::Native { packages: Vec::new(), python: None };
    let own = Stand::Native { packages: vec!["curl".to_owned()], python: Some((3, 11)) };
    let folder = "/project".into();
    let other = Stand::Image { reference: "oci:images/tool".to_owned(), folder };
    let images = [("alpine", plain), ("python:alpine3.9", own), ("team/tool:1", other)];
    assert_eq!(found.images, images.map(|(name, stand)| (name.to_owned(), stand)));
    assert_eq!(found.secrets["login"]["password"], Source::File("/project/secret.txt".into()));
    assert_eq!(found.secrets["login"]["token"], Source::Variable("TOKEN".to_owned()));
    assert_eq!(found.config_maps["options"]["level"], Source::Text("3".to_owned()));
    assert_eq!(found.config_maps["options"]["rules"], Source::File("/etc/rules".into()));
}

#[test]
fn mistakes_about_pipelines_are_told_with_their_lines() {
    let texts = [
        "[imgaes]\na = \"native\"",
        "[images]\na = \"\"",
        "[images]\na = { base = \"other\" }",
        "[images]\na = { base = \"native\", pakages = [] }",
        "[images]\na = { base = \"native\", python = \"three\" }",
        "[secrets.login]\npassword = \"hush\"",
        "[secrets]\nlogin = \"hush\"",
        "[secrets.login]\npassword = { file = \"a\", env = \"B\" }",
        "[config-maps.options]\nlevel = { fil = \"a\" }",
    ];
    let told: String = texts.iter().map(|text| mistake(text)).collect();
    assert!(!told.contains("hush"));
    insta::assert_snapshot!(told);
}

/// Editors and this reader know the same keys.
#[test]
fn the_schema_has_the_same_keys() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lightship.schema.json");
    let text = std::fs::read_to_string(path).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    let keys = |pointer: &str| {
        let table = schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is missing"));
        assert_eq!(table["additionalProperties"], false, "{pointer}");
        let mut keys: Vec<String> =
            table["properties"].as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    let same = |pointer: &str, known: &[&str]| {
        let mut known: Vec<String> = known.iter().map(|key| (*key).to_owned()).collect();
        known.sort();
        assert_eq!(keys(pointer), known, "{pointer}");
    };
    same("", &SECTIONS);
    same("/properties/image", &build::IMAGE);
    same("/properties/python", &build::PYTHON);
    same("/properties/base", &build::BASE);
    same("/properties/app", &build::APP);
    same("/properties/build", &build::BUILD);
    same("/properties/index/additionalProperties", &build::INDEX);
    same("/properties/images/additionalProperties/oneOf/1", &pipelines::STAND);
    for table in ["secrets", "config-maps"] {
        let keys = "additionalProperties/additionalProperties/oneOf/0";
        same(&format!("/properties/{table}/{keys}"), &pipelines::SOURCE);
    }
    same("/properties/verify", &VERIFY);
    same("/properties/verify/properties/check/items", &check::all_keys());
}
