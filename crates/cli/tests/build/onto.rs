//! Images as bases: only Python distributions and the project go on top, and a Dockerfile's `FROM` is what the
//! result is compared with. The base is an image that was built here, with Python, markupsafe and six in it.

use std::fs;
use std::sync::Arc;

use lightship_oci::Source;
use lightship_testkit::docker_registry::{DockerRegistry, RegistryOptions};
use lightship_testkit::images::ImageBuilder;
use serde_json::{Value, json};

use super::stock::Stocked;
use super::{layers, refusal, text};
use crate::common::LIGHTSHIP;
use crate::common::image::reconfigured;

const PROGRAM: &str = "import six\n\nif __name__ == '__main__':\n    print('heir', six.PY3)\n";

/// Writes a project that builds on an image.
fn write_heir(stocked: &Stocked, name: &str, image: &str, requirements: &str, more: &str) {
    let folder = stocked.environment.work().join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("report.py"), PROGRAM).unwrap();
    fs::write(folder.join("requirements.txt"), requirements).unwrap();
    let settings = format!("[base]\nimage = \"{image}\"\n{more}");
    fs::write(folder.join("lightship.toml"), settings).unwrap();
}

fn notes(report: &Value) -> Vec<&str> {
    report["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap()).collect()
}

/// The version of six that the stocked lock has.
fn locked_six(stocked: &Stocked) -> String {
    let lock = fs::read_to_string(stocked.project().join("lightship.lock")).unwrap();
    let (_, entry) = lock.split_once("name = \"six\"\nversion = \"").unwrap();
    entry.split('"').next().unwrap().to_owned()
}

#[test]
fn what_the_base_has_is_not_added_again() {
    let Some(stocked) = Stocked::open() else { return };
    let environment = &stocked.environment;
    write_heir(&stocked, "heir", "app:v1", "markupsafe\nsix\n", "");
    fs::write(environment.work().join("heir/main.py"), PROGRAM).unwrap();
    let built = environment.json(0, "build heir -t heir:v1");

    // The base's layers are below, as they are; only the project is new.
    let below: Vec<&str> = layers(&stocked.report).iter().map(|(_, digest, _)| *digest).collect();
    let all = layers(&built);
    let (own, new): (Vec<&str>, Vec<&str>) = (
        all.iter().take(below.len()).map(|(_, digest, _)| *digest).collect(),
        all.iter().skip(below.len()).map(|(title, ..)| *title).collect(),
    );
    assert_eq!((own, new), (below, vec!["project"]));
    let six = locked_six(&stocked);
    let note = format!("six {six} is the base image's own");
    assert!(notes(&built).contains(&note.as_str()), "{built}");

    assert_eq!(environment.json(0, "image validate heir:v1")["violations"], json!([]));
    let run = environment.run("--quiet image run heir:v1");
    assert_eq!((run.code(), run.stdout.as_str(), run.stderr.as_str()), (0, "heir True\n", ""));
    environment.run("image copy heir:v1 oci:out");
    let manifest = environment.manifest("out");
    assert_eq!(
        manifest.annotations["org.opencontainers.image.base.digest"],
        text(&stocked.report, "digest")
    );
    assert_eq!(manifest.annotations["org.opencontainers.image.base.name"], "app:v1");
    let differences = environment.json(0, "image diff app:v1 heir:v1");
    let added = differences["files"]["changes"].as_array().unwrap();
    assert!(added.iter().all(|one| text(one, "path").starts_with("/app/")), "{differences}");

    // The bill has what the base has, and says how that is known.
    let bill = environment.run("sbom heir:v1 --format json").stdout;
    for word in ["pkg:pypi/six@", "pkg:deb/", "lightship:base-image", "the base image"] {
        assert!(bill.contains(word), "{word}: {bill}");
    }

    // The lock alone says which base: without a network, in another folder, the same image.
    environment.peer("cp", &["-a", "heir", "elsewhere"]);
    let again = environment.json(0, "build elsewhere --locked --offline -t heir:v2");
    assert_eq!(again["digest"], built["digest"]);
    let plan = environment.json(0, "build heir --dry-run");
    assert!(text(&plan, "base").starts_with("the image app:v1 ("), "{plan}");
}

#[test]
fn another_version_gives_way_and_folders_stay_whose_they_are() {
    let Some(stocked) = Stocked::open() else { return };
    let environment = &stocked.environment;
    let was = locked_six(&stocked);
    let more = "[app]\ndestination = \"/home/nonroot/app\"\n";
    write_heir(&stocked, "heir", "app:v1", &format!("six<{was}\n"), more);
    let built = environment.json(0, "build heir -t heir:v1");
    let note = format!("six {was} of the base image gives way to ");
    assert!(notes(&built).iter().any(|one| one.starts_with(&note)), "{built}");

    let inside = "import importlib.metadata as m, os, six\n\
        print([d.version for d in m.distributions() if d.name == 'six'] == [six.__version__])\n\
        print(sorted(f for f in os.listdir(os.path.dirname(six.__file__)) if f.startswith('six')))\n\
        print([oct(os.stat(f).st_mode & 0o7777) for f in ('/home/nonroot', '/tmp', '/home')])\n";
    let run = ["--quiet", "image", "run", "heir:v1", "--", "python3", "-c", inside];
    let said = environment.peer(LIGHTSHIP, &run);
    let version = said.split("six-").nth(1).unwrap_or_else(|| panic!("{said}"));
    let version = version.split(".dist-info").next().unwrap();
    assert_ne!(version, was);
    let expected =
        format!("True\n['six-{version}.dist-info', 'six.py']\n['0o1777', '0o1777', '0o755']\n");
    assert_eq!(said, expected);

    // Others see the same: whiteouts are whiteouts.
    let gone = format!("six-{was}.dist-info/METADATA");
    let differences = environment.json(0, "image diff app:v1 heir:v1");
    let changes = differences["files"]["changes"].as_array().unwrap();
    let of_gone = changes.iter().find(|one| text(one, "path").ends_with(&gone)).unwrap();
    assert_eq!(text(of_gone, "kind"), "removed");
    let again = environment.json(0, "build heir --locked --offline -t heir:v2");
    assert_eq!(again["digest"], built["digest"]);
}

#[test]
fn a_tag_that_moves_moves_no_locked_base() {
    let Some(stocked) = Stocked::open() else { return };
    let environment = &stocked.environment;
    let Some(registry) = DockerRegistry::start(&RegistryOptions::default()) else { return };
    let base = format!("{}/team/base:1", registry.name());
    environment.run(&format!("image copy app:v1 docker://{base}"));
    write_heir(&stocked, "heir", &base, "six\n", "");
    let built = environment.json(0, "build heir -t heir:v1");
    let lock = environment.work().join("heir/lightship.lock");
    let first = fs::read_to_string(&lock).unwrap();
    assert!(first.contains(&format!("reference = \"{base}\"")), "{first}");
    assert!(first.contains(text(&stocked.report, "digest")), "{first}");

    environment.run(&format!("image copy heir:v1 docker://{base}"));
    let again = environment.json(0, "build heir -t heir:v2");
    assert_eq!(again["digest"], built["digest"], "the lock decides");
    // A machine that never saw the base has it from the registry, by its digest.
    let other = environment.json(0, "--home other build heir --locked -t heir:v1");
    assert_eq!(other["digest"], built["digest"]);
    let said = refusal(environment, 4, "--home third build heir --locked --offline -t heir:v1");
    assert!(said.contains(&format!("the base image {base} (sha256:")), "{said}");

    // Or from a folder of packages.
    let run = environment.run("--quiet vendor vendored --project heir");
    assert_eq!(run.code(), 0, "{}", run.stderr);
    let line = "--home third build heir --locked --vendor vendored -t heir:v1";
    assert_eq!(environment.json(0, line)["digest"], built["digest"]);

    let run = environment.run("--quiet lock heir --upgrade");
    assert_eq!(run.code(), 0, "{}", run.stderr);
    let renewed = fs::read_to_string(&lock).unwrap();
    assert!(renewed.contains(text(&built, "digest")), "{renewed}");
}

#[test]
fn what_cannot_be_built_on_is_told() {
    let Some(stocked) = Stocked::open() else { return };
    let environment = &stocked.environment;
    let fails = |code: i32, image: &str, more: &str, words: &[&str]| {
        write_heir(&stocked, "heir", image, "six\n", more);
        let said = refusal(environment, code, "build heir -t heir:v1");
        for word in words {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(!environment.work().join("heir/lightship.lock").exists(), "{said}");
    };
    let bare = environment.layout("bare", ImageBuilder::new());
    let bare = bare.replace("oci:", "oci:../");
    fails(3, &bare, "", &["has no Python", "PATH"]);
    let version = "[python]\nversion = \"3.1\"\n";
    fails(2, "app:v1", version, &["wants Python 3.1 (settings)", "the base has 3."]);
    fails(3, "oci:../nowhere", "", &["nowhere"]);
    fails(2, "app:v1", "suite = \"bookworm\"\n", &["`suite`"]);

    environment.run("image copy app:v1 oci:own");
    let own = environment.work().join("own");
    let own: Arc<dyn Source> =
        Arc::new(lightship_oci::layout::LayoutSource::open(&own, None).unwrap());
    let other = reconfigured(&own, |config| config["architecture"] = json!("riscv64"));
    environment.put("foreign", &*other);
    fails(3, "oci:../foreign", "", &["riscv64"]);
}

/// Makes a wheel whose native code asks for a library that nobody has: markupsafe's, under another name and
/// with one letter of its need changed. Its arguments are the wheel, a folder, and the wheel's name.
const NEEDY_WHEEL: &str = r#"
import base64, hashlib, sys, zipfile
source, folder, name = sys.argv[1:]
rows = []
with zipfile.ZipFile(source) as old, zipfile.ZipFile(
    f"{folder}/needy-1.0-{name.split('-', 2)[2]}", "w"
) as new:
    for item in old.namelist():
        content = old.read(item)
        if item.endswith("RECORD") or item.endswith("/"):
            continue
        if item.endswith(".so"):
            assert b"libc.so.6\0" in content
            content = content.replace(b"libc.so.6\0", b"libq.so.6\0")
        if item.endswith("METADATA"):
            lines = content.decode().splitlines()
            lines = [line for line in lines if not line.startswith(("Name:", "Version:"))]
            content = "\n".join(["Name: needy", "Version: 1.0", *lines]).encode()
        parts = item.split("/")
        parts[0] = "needy-1.0.dist-info" if parts[0].endswith(".dist-info") else "needy"
        item = "/".join(parts)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{item},sha256={digest},{len(content)}\n")
        new.writestr(item, content)
    record = "needy-1.0.dist-info/RECORD"
    new.writestr(record, "".join(rows) + f"{record},,\n")
"#;

#[test]
fn a_library_that_the_base_lacks_is_named() {
    let Some(mut stocked) = Stocked::open() else { return };
    let lock = stocked.project().join("lightship.lock");
    let (file, digits) = super::wheel(&lock, "markupsafe");
    let blob = super::blob(&stocked.home(), &digits);
    let links = stocked.environment.work().join("links");
    fs::create_dir(&links).unwrap();
    let script = stocked.environment.work().join("needy.py");
    fs::write(&script, NEEDY_WHEEL).unwrap();
    let words = [&script, &blob, &links].map(|path| path.to_str().unwrap().to_owned());
    let words = [&words[0], &words[1], &words[2], &file].map(String::as_str);
    stocked.environment.peer("python3", &words);
    stocked.environment.set("UV_FIND_LINKS", links.to_str().unwrap());

    write_heir(&stocked, "heir", "app:v1", "needy\n", "");
    let said = refusal(&stocked.environment, 3, "build heir -t heir:v1");
    let file = "needy/_speedups.cpython-";
    for word in ["libraries that app:v1 does not have: libq.so.6 (for ", file, "of needy"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}
