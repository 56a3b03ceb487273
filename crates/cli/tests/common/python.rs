//! Images with this machine's own Python: interpreter, libraries and a part of the standard library.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use lightship_oci::Source;
use lightship_testkit::images::{ImageBuilder, LayerBuilder, file};
use serde_json::{Value, json};

use super::image::reconfigured;

/// Folders of the standard library that the tests' programs need.
const PACKAGES: [&str; 10] = [
    "collections",
    "email",
    "encodings",
    "html",
    "http",
    "importlib",
    "json",
    "logging",
    "re",
    "urllib",
];

/// An image in which `python3` runs, with these files on top. `config` is merged into the image's own.
pub(crate) fn python_image(files: &[(&str, &str)], config: &Value) -> Arc<dyn Source> {
    let (program, library) = installed();
    let base = ImageBuilder::new().layer(|layer| {
        let layer = with_program(layer, &program);
        let layer = PACKAGES.iter().fold(with_folder(layer, &library), |layer, name| {
            with_folder(layer, &library.join(name))
        });
        layer.symlink("usr/bin/python3", program.file_name().unwrap().to_str().unwrap()).dir("tmp")
    });
    let image = base.layer(|layer| {
        files.iter().fold(layer, |layer, (path, text)| layer.file(path, text.as_bytes()))
    });
    reconfigured(&image.build(), |whole| {
        whole["config"] = json!({"Env": ["PATH=/usr/bin", "PYTHONDONTWRITEBYTECODE=1"]});
        let own = whole["config"].as_object_mut().unwrap();
        own.extend(config.as_object().unwrap().clone());
    })
}

/// The folder inside where other people's packages are.
pub(crate) const PACKAGES_FOLDER: &str = "usr/lib/python3/dist-packages";

fn installed() -> (PathBuf, PathBuf) {
    let script = "import os, sys, sysconfig\n\
                  print(os.path.realpath(sys.executable)); print(sysconfig.get_path('stdlib'))";
    let output = Command::new("/usr/bin/python3").args(["-c", script]).output();
    let text = String::from_utf8(output.expect("install Debian's python3").stdout).unwrap();
    let mut lines = text.lines().map(PathBuf::from);
    (lines.next().unwrap(), lines.next().unwrap())
}

/// The interpreter and every library that the loader finds for it.
fn with_program(layer: LayerBuilder, program: &Path) -> LayerBuilder {
    let output = Command::new("ldd").arg(program).output().expect("libc-bin has ldd");
    let text = String::from_utf8(output.stdout).unwrap();
    let libraries = text.split_whitespace().filter(|word| word.starts_with('/'));
    let mut all: Vec<&str> = libraries.collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter().map(Path::new).chain([program]).fold(layer, with_file)
}

fn with_file(layer: LayerBuilder, path: &Path) -> LayerBuilder {
    let bytes = std::fs::read(path).unwrap();
    let mut entry = file(path.to_str().unwrap().trim_start_matches('/'), bytes.len() as u64);
    entry.mode = 0o755;
    layer.entry(entry, &bytes[..])
}

/// A folder's own Python files.
fn with_folder(layer: LayerBuilder, folder: &Path) -> LayerBuilder {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "py") && path.is_file());
    paths.iter().fold(layer, |layer, path| with_file(layer, path))
}
