//! What is in a built image, what runs in it, and what others make of it.

use std::fs;

use lightship_testkit::docker_registry::{DockerRegistry, RegistryOptions, skip};
use serde_json::{Value, json};

use super::stock::Stocked;
use super::text;
use crate::common::LIGHTSHIP;

/// Everything that must hold inside, as the interpreter there sees it.
const INSIDE: &str = r#"
import base64, csv, ctypes, hashlib, importlib.metadata, importlib.util, os, sqlite3, ssl, subprocess
import tempfile
import markupsafe, six

assert (os.getuid(), os.getgid()) == (65532, 65532), os.getuid()
assert markupsafe.escape("<") == "&lt;"
from markupsafe import _speedups

with tempfile.NamedTemporaryFile(dir="/tmp") as file:
    file.write(b"written")
try:
    open("/etc/mine", "w")
except OSError:
    pass
else:
    raise AssertionError("/etc is writable")

# Nothing that installs, nothing that interprets commands.
programs = ["sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "pip", "pip3", "uv", "perl", "tar"]
for folder in ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin"]:
    for program in programs:
        assert not os.path.lexists(f"{folder}/{program}"), f"{folder}/{program}"
for module in ["pip", "setuptools", "ensurepip"]:
    assert importlib.util.find_spec(module) is None, module

# RECORD tells the truth: what it lists is there, and what is there it lists.
listed = set()
for name in ["six", "MarkupSafe"]:
    found = importlib.metadata.distribution(name)
    assert found.version == importlib.metadata.version(name)
    rows = list(csv.reader(found.read_text("RECORD").splitlines()))
    assert len(rows) > 4, rows
    unhashed = []
    for path, digest, size in rows:
        place = os.path.realpath(found.locate_file(path))
        listed.add(place)
        with open(place, "rb") as file:
            content = file.read()
        if not digest:
            unhashed.append(path)
            continue
        kind, value = digest.split("=", 1)
        own = base64.urlsafe_b64encode(hashlib.new(kind, content).digest()).rstrip(b"=").decode()
        assert own == value, path
        assert int(size) == len(content), path
    assert [path for path in unhashed if not path.endswith(".pyc")] == [
        path for path, _, _ in rows if path.endswith(".dist-info/RECORD")
    ], unhashed
site = os.path.realpath(importlib.metadata.distribution("six").locate_file(""))
for folder, _, files in os.walk(site):
    for file in files:
        path = os.path.join(folder, file)
        assert path in listed or path.endswith(".pyc"), path

# Parts of the standard library that stand on libraries of the distribution.
assert sqlite3.connect(":memory:").execute("select sqlite_version()").fetchone()[0]
assert len(ssl.create_default_context().get_ca_certs()) > 50
assert ctypes.CDLL(None).getpid() == os.getpid()
import bz2, curses, decimal, lzma, uuid, zlib, zoneinfo
assert zoneinfo.ZoneInfo("Europe/Lisbon")
print("as it should be", markupsafe.__version__, six.__version__)
"#;

#[test]
fn it_runs_and_has_what_it_needs_and_nothing_else() {
    let Some(stocked) = Stocked::open() else { return };
    let environment = &stocked.environment;
    assert_eq!(environment.json(0, "image validate app:v1")["violations"], json!([]));
    let listed = environment.json(0, "image ls");
    assert_eq!(listed["images"][0]["digest"], stocked.report["digest"]);

    let inside = ["--quiet", "image", "run", "app:v1", "--", "python3", "-c", INSIDE];
    let said = environment.peer(LIGHTSHIP, &inside);
    let lock = fs::read_to_string(stocked.project().join("lightship.lock")).unwrap();
    let versions: Vec<&str> =
        said.trim().trim_start_matches("as it should be ").split(' ').collect();
    for (name, version) in ["markupsafe", "six"].iter().zip(&versions) {
        let entry = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        assert!(lock.contains(&entry), "{entry}: {lock}");
    }
    // The project's own program is what runs where nothing else is asked for.
    let run = environment.run("--quiet image run app:v1 -- python3 /app/report.py");
    assert_eq!((run.code(), run.stdout.as_str(), run.stderr.as_str()), (0, "&lt; True\n", ""));
    // Where nothing of this machine is, the lock says nothing of it either.
    for word in ["://", "127.0.0.1", environment.work().to_str().unwrap()] {
        assert!(!lock.contains(word), "{word}: {lock}");
    }
}

#[test]
fn skopeo_buildah_and_a_registry_take_it() {
    let Some(stocked) = Stocked::open() else { return };
    let environment = &stocked.environment;
    if !environment.shell("command -v skopeo buildah").status.success() {
        return skip("this machine has no skopeo or no buildah (scripts/setup.sh has both)");
    }
    let Some(registry) = DockerRegistry::start(&RegistryOptions::default()) else { return };
    let digest = text(&stocked.report, "digest");

    let remote = format!("docker://{}/team/app:v1", registry.name());
    let pushed =
        environment.json(0, &format!("build project --locked -o oci:out:v1 --push {remote}"));
    assert_eq!(text(&pushed, "digest"), digest);
    assert_eq!(pushed["names"], json!(["oci:out:v1", remote]));
    let inspect = ["--insecure-policy", "inspect", "--tls-verify=false", "--no-tags"];
    let arguments = [&inspect[..], &["--format", "{{.Digest}}", &remote]].concat();
    assert_eq!(environment.peer("skopeo", &arguments).trim(), digest);
    let copy = ["--insecure-policy", "copy", "--quiet", "oci:out:v1", "oci:copied:v1"];
    environment.peer("skopeo", &copy);
    let diff = environment.json(0, "image diff oci:out:v1 oci:copied:v1");
    assert_eq!((&diff["files"]["changes"], &diff["config"]), (&json!([]), &json!([])));

    // The bill of materials went along, into the registry and into the layout.
    for place in [remote.as_str(), "oci:out:v1"] {
        let run = environment.run(&format!("sbom {place} --format json"));
        assert_eq!((run.code(), run.stderr.as_str()), (0, ""), "{place}");
        let bill: Value = serde_json::from_str(&run.stdout).unwrap();
        let components = bill["components"].as_array().unwrap();
        for kind in ["pkg:pypi/six@", "pkg:pypi/markupsafe@", "pkg:deb/"] {
            let known =
                |one: &Value| one["purl"].as_str().is_some_and(|purl| purl.starts_with(kind));
            assert!(components.iter().any(known), "{place}: {kind}");
        }
        assert_eq!(
            environment.json(0, &format!("image validate {place}"))["violations"],
            json!([])
        );
    }

    let storage = ["--root=storage", "--runroot=run", "--storage-driver=vfs"];
    let from = ["from", "--name", "app", "oci:copied:v1"];
    environment.peer("buildah", &[&storage[..], &from].concat());
    let run = ["run", "--isolation", "chroot", "app", "--", "python3", "/app/report.py"];
    assert_eq!(environment.peer("buildah", &[&storage[..], &run].concat()), "&lt; True\n");
}
