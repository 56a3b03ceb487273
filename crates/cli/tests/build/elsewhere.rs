//! Images for a processor that this machine does not have.

use std::fs;
use std::time::Duration;

use lightship_oci::spec::Platform;
use serde_json::{Value, json};

use super::native_source::pack;
use super::stock::Stocked;
use super::{refusal, text};
use crate::common::{LIGHTSHIP, TestEnvironment};

/// Of a layout of gzip layers: processors of its native code by their numbers in ELF, digests of its byte code,
/// and where its Python went.
const LOOK: &str = r#"
import collections, gzip, hashlib, json, sys, tarfile

layout = sys.argv[1]
def blob(digest):
    return f"{layout}/blobs/sha256/{digest[7:]}"
index = json.load(open(f"{layout}/index.json"))
manifests = [json.load(open(blob(one["digest"]))) for one in index["manifests"]]
image = next(one for one in manifests if "artifactType" not in one)
config = json.load(open(blob(image["config"]["digest"])))
machines, code, python = collections.Counter(), {}, b""
for layer in image["layers"]:
    with tarfile.open(fileobj=gzip.open(blob(layer["digest"]))) as tar:
        for entry in tar:
            if not entry.isfile():
                continue
            content = tar.extractfile(entry).read()
            if content[:4] == b"\x7fELF":
                machines[int.from_bytes(content[18:20], "little")] += 1
            if entry.name.endswith(".pyc"):
                code[entry.name] = hashlib.sha256(content).hexdigest()
            if entry.name.startswith("usr/bin/python3."):
                python = content
open(f"{layout}/python", "wb").write(python)
print(json.dumps({"machines": machines, "code": code, "architecture": config["architecture"]}))
"#;

/// All pieces of the byte code that a Python was built with: its makers had the same Python compile it, on
/// its own kind of machine.
const PIECES: &str = r"
import _imp, base64, json, types

def pieces(code):
    yield from (code.co_code, code.co_linetable)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from pieces(inner)

found = []
for name in _imp._frozen_module_names():
    try:
        found += pieces(_imp.get_frozen_object(name))
    except ImportError:
        pass
print(json.dumps([base64.b64encode(one).decode() for one in found if len(one) >= 48]))
";

const COMPARE: &str = "
import base64, json, sys
pieces = [base64.b64decode(one) for one in json.load(open(sys.argv[1]))]
program = open(sys.argv[2], 'rb').read()
print(len(pieces), sum(piece not in program for piece in pieces))
";

/// This machine's platform, and the other one with its number in ELF.
fn platforms() -> (String, &'static str, u16) {
    let host = Platform::host();
    match host.architecture.as_str() {
        "amd64" => (host.to_string(), "linux/arm64", 183),
        _ => (host.to_string(), "linux/amd64", 62),
    }
}

fn stocked() -> Option<Stocked> {
    let mut stocked = Stocked::open()?;
    // Packages for the other processor are fetched, and all of them compressed.
    stocked.environment.allow(Duration::from_mins(3));
    Some(stocked)
}

fn look(environment: &TestEnvironment, layout: &str) -> Value {
    serde_json::from_str(&environment.peer("python3", &["-c", LOOK, layout])).unwrap()
}

#[test]
fn an_image_for_the_other_processor_has_nothing_of_this_one() {
    let Some(stocked) = stocked() else { return };
    let environment = &stocked.environment;
    let (here, there, machine) = platforms();
    let line = format!("build project --platform {there} --compression gzip:1 -o oci:there");
    let built = environment.json(0, &line);
    assert_eq!(text(&built, "platform"), there);
    assert_eq!(environment.json(0, "image validate oci:there")["violations"], json!([]));
    let other = look(environment, "there");
    assert_eq!(format!("linux/{}", text(&other, "architecture")), there);
    let machines = other["machines"].as_object().unwrap();
    assert!(machines[&machine.to_string()].as_u64().unwrap() > 50, "{machines:?}");
    assert_eq!(machines.len(), 1, "{machines:?}");

    // One lock for both.
    let lock = fs::read_to_string(stocked.project().join("lightship.lock")).unwrap();
    assert!(lock.contains("platforms = [\"linux/amd64\", \"linux/arm64\"]"), "{lock}");
    for platform in [there, &here] {
        let check = environment.run(&format!("lock project --check --platform {platform}"));
        assert_eq!(check.code(), 0, "{}", check.stdout);
    }
    let own = "build project --locked --offline --compression gzip:1 -o oci:here";
    environment.json(0, own);
    assert_eq!(look(environment, "here")["code"], other["code"], "byte code is for all processors");

    // With what a store has: nobody is asked which Python stands for the other one.
    stocked.forget_results();
    let again = environment.json(0, &format!("{line} --locked --offline"));
    assert_eq!(text(&again, "digest"), text(&built, "digest"));
    let said = environment.run(&format!("build project --platform {there} --locked")).stdout;
    assert!(said.contains("not on this machine") && !said.contains("image run"), "{said}");
    let run = environment.run("image run oci:there -- python3 -c 1");
    assert_ne!(run.code(), 0);
    assert!(run.stderr.contains("is made for"), "{}", run.stderr);
}

#[test]
fn python_compiles_to_the_same_on_both_processors() {
    let Some(stocked) = stocked() else { return };
    let environment = &stocked.environment;
    let (_, there, _) = platforms();
    let line = format!("build project --platform {there} --compression gzip:1 -o oci:there");
    environment.json(0, &line);
    look(environment, "there");
    let inside = ["--quiet", "image", "run", "app:v1", "--", "python3", "-c", PIECES];
    fs::write(environment.work().join("pieces"), environment.peer(LIGHTSHIP, &inside)).unwrap();
    let words = ["-c", COMPARE, "pieces", "there/python"];
    let said = environment.peer("python3", &words);
    let (pieces, missing) = said.trim().split_once(' ').unwrap();
    assert!(pieces.parse::<u32>().unwrap() > 200, "{said}");
    assert_eq!(missing, "0", "of {pieces} pieces that this machine's Python has");
}

/// Pretends to have been compiled.
const PRETENDER: &str = "from setuptools import setup, Distribution
class Native(Distribution):
    def has_ext_modules(self):
        return True
setup(name='lightship_test_pretender', version='1.0', py_modules=['pretender'], distclass=Native)
";

const PURE: &str = "from setuptools import setup\nsetup(name='lightship_test_pure', version='1.0', py_modules=['pure'])\n";

#[test]
fn only_pure_sources_are_built_for_elsewhere() {
    let Some(stocked) = stocked() else { return };
    let environment = &stocked.environment;
    let (_, there, _) = platforms();
    let sources = environment.work().join("sources");
    let module = "VALUE = 1\n";
    pack(
        &sources.join("lightship_test_pure-1.0.tar.gz"),
        "lightship_test_pure-1.0",
        &[("setup.py", PURE), ("pure.py", module)],
    );
    let pretender = [("setup.py", PRETENDER), ("pretender.py", module)];
    pack(
        &sources.join("lightship_test_pretender-1.0.tar.gz"),
        "lightship_test_pretender-1.0",
        &pretender,
    );
    let setup = PURE.replace("test_pure", "test_compiled");
    let compiled = [("setup.py", &*setup), ("pure.py", module), ("fast.c", "int fast;\n")];
    pack(
        &sources.join("lightship_test_compiled-1.0.tar.gz"),
        "lightship_test_compiled-1.0",
        &compiled,
    );
    let project = environment.work().join("elsewhere");
    fs::create_dir(&project).unwrap();
    let asks = |name: &str| {
        let text = format!("--find-links ../sources\n{name}\n");
        fs::write(project.join("requirements.txt"), text).unwrap();
    };
    let line = format!("lock elsewhere --platform {there}");
    asks("lightship-test-pretender==1.0");
    let said = refusal(environment, 3, &line);
    assert!(said.contains("which is for this machine and not for"), "{said}");
    assert!(said.contains("find-links"), "{said}");
    asks("lightship-test-compiled==1.0");
    let said = refusal(environment, 3, &line);
    assert!(said.contains("comes as source with code for a compiler"), "{said}");
    assert!(!project.join("lightship.lock").exists());

    asks("lightship-test-pure==1.0");
    for line in [&*line, "lock elsewhere"] {
        let run = environment.run(&format!("--quiet {line}"));
        assert_eq!((run.code(), run.stderr.as_str()), (0, ""), "{line}");
    }
    let lock = fs::read_to_string(project.join("lightship.lock")).unwrap();
    assert_eq!(lock.matches("lightship_test_pure-1.0-py3-none-any.whl").count(), 1, "{lock}");
}
