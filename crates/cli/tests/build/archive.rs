//! An interpreter from an archive. No release of python-build-standalone is at hand where tests run, so one is
//! made of the distribution's own Python: its files, taken out of their packages and moved to where such a
//! release has them. Two things are made the way `CPython`'s own build has them: a `sitecustomize` looks into
//! `site-packages`, which Debian's Python does not, and links into the rest of a Debian system are left out.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::stock::Stocked;
use super::{refusal, text};

const PROGRAM: &str = "import ctypes, six, sqlite3, ssl, sys\n\n\
    if __name__ == '__main__':\n    \
    certificates = len(ssl.create_default_context().get_ca_certs())\n    \
    print(sys.prefix, six.__file__, certificates > 50, sqlite3.sqlite_version > '3')\n";

/// `$1` is the store's folder of blobs, `$2` the lock, `$3` the series: `3.11`.
const MAKE: &str = r#"
set -eu
blobs=$1 lock=$2 series=$3
python3 - "$lock" "$series" > debs <<'PYTHON'
import sys
lock, series = sys.argv[1:]
entries = open(lock).read().split("[[")
for entry in entries:
    if entry.startswith("deb]]") and f'name = "python{series}' in entry or f'name = "libpython{series}' in entry:
        digest = entry.split('sha256 = "sha256:')[1].split('"')[0]
        print(f"{digest[:2]}/{digest}")
PYTHON
for deb in $(cat debs); do dpkg-deb -x "$blobs/$deb" root; done
mkdir -p python/bin "python/lib/python$series/site-packages/pip-99.0.dist-info"
cp -a "root/usr/bin/python$series" python/bin/
cp -a "root/usr/lib/python$series/." "python/lib/python$series/"
ln -s "python$series" python/bin/python3
find python -type l -lname '/*' -delete
find python -type l -lname '*../*' -delete
printf 'import site, sys\nsite.addsitedir(f"{sys.prefix}/lib/python%s/site-packages")\n' "$series" \
    > "python/lib/python$series/sitecustomize.py"
echo x > "python/lib/python$series/site-packages/pip.py"
echo 'pip.py,,2' > "python/lib/python$series/site-packages/pip-99.0.dist-info/RECORD"
mkdir -p "python/lib/python$series/idlelib" "python/lib/python$series/test" python/include
echo x > "python/lib/python$series/idlelib/idle.py"
echo x > "python/lib/python$series/test/test_x.py"
tar --sort=name --owner=0 --group=0 --mtime=@0 -czf cpython.tar.gz python
mkdir bad
ln -s ../../../../etc bad/link
cp -a python bad/python
mv bad/link bad/python/lib/link
tar -C bad -czf bad.tar.gz python
"#;

/// Makes the archives; says where they are.
fn archives(stocked: &Stocked) -> PathBuf {
    let folder = stocked.environment.work().join("archives");
    fs::create_dir(&folder).unwrap();
    let script = folder.join("make.sh");
    fs::write(&script, MAKE).unwrap();
    let lock = stocked.project().join("lightship.lock");
    let (blobs, series) = (stocked.home().join("store/blobs/sha256"), series(stocked));
    let line = format!(
        "cd {} && bash make.sh {} {} {series}",
        folder.display(),
        blobs.display(),
        lock.display()
    );
    let made = stocked.environment.shell(&line);
    assert!(made.status.success(), "{}", made.stderr);
    folder
}

/// `3.11`, of the stocked lock.
fn series(stocked: &Stocked) -> String {
    let lock = fs::read_to_string(stocked.project().join("lightship.lock")).unwrap();
    let (_, rest) = lock.split_once("[python]\n").unwrap();
    let version = rest.split("version = \"").nth(1).unwrap().split('"').next().unwrap();
    version.rsplit_once('.').unwrap().0.to_owned()
}

fn write_project(stocked: &Stocked, archive: &str, digest: &str, more: &str) {
    let folder = stocked.environment.work().join("own");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("main.py"), PROGRAM).unwrap();
    fs::write(folder.join("requirements.txt"), "six\n").unwrap();
    let base = format!("[base]\ninterpreter = \"../archives/{archive}\"\nsha256 = \"{digest}\"\n");
    fs::write(folder.join("lightship.toml"), base + more).unwrap();
}

fn digest(stocked: &Stocked, archive: &str) -> String {
    let line = stocked.environment.peer("sha256sum", &[&format!("archives/{archive}")]);
    line.split(' ').next().unwrap().to_owned()
}

#[test]
fn an_archives_python_runs_on_a_base_of_packages() {
    let Some(mut stocked) = Stocked::open() else { return };
    stocked.environment.allow(Duration::from_mins(4));
    let environment = &stocked.environment;
    let archives = archives(&stocked);
    let right = digest(&stocked, "cpython.tar.gz");

    // What is not what it should be comes first: nothing of it is kept.
    let fails = |code: i32, archive: &str, digest: &str, more: &str, words: &[&str]| {
        write_project(&stocked, archive, digest, more);
        let said = refusal(environment, code, "build own -t own:v1");
        for word in words {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(!environment.work().join("own/lightship.lock").exists(), "{said}");
    };
    fails(3, "cpython.tar.gz", &"0".repeat(64), "", &["cpython.tar.gz"]);
    let bad = digest(&stocked, "bad.tar.gz");
    fails(3, "bad.tar.gz", &bad, "", &["link /python/lib/link leads out", "install_only"]);

    let series = series(&stocked);
    write_project(&stocked, "cpython.tar.gz", &right, "");
    let built = environment.json(0, "build own -t own:v1");
    let words = text(&built, "base");
    assert!(words.contains(&format!("Python {series}")), "{built}");
    let dropped = built["dropped"].as_array().unwrap();
    let pip = dropped.iter().find(|one| text(one, "name") == "pip").unwrap();
    assert_eq!((text(pip, "version"), &pip["bytes"]), ("99.0", &json!(2)));
    let kinds: Vec<&str> =
        built["left_out"].as_array().unwrap().iter().map(|one| text(one, "category")).collect();
    assert!(kinds.contains(&"tk") && kinds.contains(&"tests"), "{kinds:?}");
    let run = environment.run("--quiet image run own:v1");
    let expected =
        format!("/usr/local /usr/local/lib/python{series}/site-packages/six.py True True\n");
    assert_eq!((run.code(), run.stdout, run.stderr.as_str()), (0, expected, ""));

    // Libraries came with the distribution's packages, its Python did not.
    let lock = fs::read_to_string(environment.work().join("own/lightship.lock")).unwrap();
    assert!(lock.contains("[[interpreter]]\n") && lock.contains(&right), "{lock}");
    assert!(lock.contains("reason = \"native code needs libz.so.1\""), "{lock}");
    assert!(!lock.contains("name = \"python3"), "{lock}");
    let bill: Value =
        serde_json::from_str(&environment.run("sbom own:v1 --format json").stdout).unwrap();
    let components = bill["components"].as_array().unwrap();
    let own = components.iter().find(|one| text(one, "name") == "cpython").unwrap();
    assert_eq!(own["hashes"][0]["content"], json!(right));

    // The store has the archive; and so has a folder of packages, for a machine that has neither.
    assert_eq!(environment.run("vendor vendored --project own").code(), 0);
    assert!(environment.work().join("vendored/interpreter/cpython.tar.gz").is_file());
    fs::remove_dir_all(archives).unwrap();
    let again = environment.json(0, "build own --locked --offline -t own:v2");
    assert_eq!(again["digest"], built["digest"]);
    let other = environment.json(0, "--home other build own --locked --vendor vendored -t own:v1");
    assert_eq!(other["digest"], built["digest"]);
}
