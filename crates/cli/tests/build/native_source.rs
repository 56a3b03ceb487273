//! A distribution that comes as C++ source only: built beside a compiler that no image gets, twice, to the
//! same bytes.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use lightship_codec::compression::{CompressionLevel, encoder};
use lightship_codec::tar::{Entry, EntryKind, TarWriter};

use super::stock::Stocked;
use super::{blob, text};

const MODULE: &str = r#"
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string>

static PyObject *answer(PyObject *self, PyObject *arguments) {
    std::string text(ANSWER);
    return PyUnicode_FromString((text + " in " + __FILE__).c_str());
}

static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_small", NULL, -1, methods};
PyMODINIT_FUNC PyInit__small(void) { return PyModule_Create(&module); }
"#;

const SETUP: &str = r#"
from setuptools import Extension, setup
module = Extension("_small", ["_small.cpp"], define_macros=[("ANSWER", '"compiled"')])
setup(name="small", version="1.0", ext_modules=[module])
"#;

fn write_source(path: &Path) {
    pack(path, "small-1.0", &[("setup.py", SETUP), ("_small.cpp", MODULE)]);
}

/// A source distribution of these files, which are in one folder.
pub(super) fn pack(path: &Path, folder: &str, files: &[(&str, &str)]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let level = CompressionLevel::Gzip(6);
    let mut tar = TarWriter::new(encoder(File::create(path).unwrap(), level, 1).unwrap());
    let (name, version) = folder.split_once('-').unwrap();
    let info = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
    for (name, text) in [("PKG-INFO", info.as_str())].iter().chain(files) {
        let mut entry = Entry::new(format!("{folder}/{name}"), EntryKind::File);
        (entry.mode, entry.size, entry.real_size) = (0o644, text.len() as u64, text.len() as u64);
        tar.append(&entry, &mut text.as_bytes()).unwrap();
    }
    tar.finish().unwrap().finish().unwrap();
}

#[test]
fn it_is_compiled_to_the_same_bytes_and_the_compiler_stays_out() {
    let Some(mut stocked) = Stocked::open() else { return };
    // A compiler is fetched and unpacked.
    stocked.environment.allow(Duration::from_mins(5));
    let environment = &stocked.environment;
    let project = environment.work().join("native");
    write_source(&environment.work().join("sources/small-1.0.tar.gz"));
    fs::create_dir(&project).unwrap();
    fs::write(project.join("requirements.txt"), "--find-links ../sources\nsmall\n").unwrap();
    fs::write(project.join("say.py"), "import _small\nprint(_small.answer())\n").unwrap();

    let built = environment.json(0, "build native -t native:v1 -o oci:out:v1");
    let run = environment.run("--quiet image run native:v1 -- python3 say.py");
    assert_eq!(
        (run.code(), run.stdout.as_str()),
        (0, "compiled in _small.cpp\n"),
        "{}",
        run.stderr
    );
    let bill = environment.run("sbom oci:out:v1 --format json").stdout;
    assert!(bill.contains("pkg:deb/") && bill.contains("/libstdc%2B%2B6@"), "{bill}");
    for package in ["/gcc@", "/g%2B%2B@", "/binutils@", "-dev@"] {
        assert!(!bill.contains(package), "{package}: {bill}");
    }
    let lock = fs::read_to_string(project.join("lightship.lock")).unwrap();
    assert!(lock.contains("[[build-deb]]\nname = \"gcc\"\n"), "{lock}");
    assert!(!lock.contains("[[deb]]\nname = \"gcc\"\n"), "{lock}");

    // The lock has the digest of what comes of it: another one would be an error.
    let (_, made) = lock.split_once("\nbuilt = ").unwrap();
    let (_, digits) = made.split_once("sha256:").unwrap();
    let digits = &digits[..64];
    fs::remove_file(stocked.home().join("store/refs/packages").join(digits)).unwrap();
    fs::remove_file(blob(&stocked.home(), digits)).unwrap();
    fs::remove_dir_all(stocked.home().join("store/refs/recipes")).unwrap();
    let again = environment.json(0, "build native --locked -t native:v2");
    assert_eq!(text(&again, "digest"), text(&built, "digest"));
    assert!(blob(&stocked.home(), digits).is_file(), "built once more");

    // Another requirement changes neither what was built nor what it was built beside.
    fs::write(project.join("requirements.txt"), "--find-links ../sources\nsmall\nsix\n").unwrap();
    environment.json(0, "build native -t native:v3");
    let after = fs::read_to_string(project.join("lightship.lock")).unwrap();
    let builder = |lock: &str| lock.split_once("[[build-deb]]").unwrap().1.to_owned();
    assert!(after.contains("name = \"six\"") && after.contains(digits), "{after}");
    assert_eq!(builder(&after), builder(&lock));
}
