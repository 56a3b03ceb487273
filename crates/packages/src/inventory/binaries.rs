//! Programs and libraries that Go or Rust built.

use super::Found;
use super::builder::Builder;
use super::model::{Ecosystem, Linked, Package, PackageNote};
use crate::elf::{GoBuild, RustBuild};
use crate::golang::{self, Module};
use crate::path;
use crate::purl::Purl;
use crate::rust::{self, Crate};

/// What all lists of modules and crates together may take, in bytes: a hundred times what an image
/// full of such binaries has. A list of crates can decompress to a thousand times its size.
const LINKED_LIMIT: usize = 64 * 1024 * 1024;

/// Makes a package of each such binary; it owns the one file.
pub(super) fn read(builder: &mut Builder<'_>, found: &Found) {
    let mut room = LINKED_LIMIT;
    for path in &found.binaries {
        let Some(entry) = builder.tree.entry(path) else { continue };
        let Some(elf) = entry.file().and_then(|file| file.elf) else { continue };
        let packages = [
            elf.go.as_ref().map(|build| go_package(path, build)),
            elf.rust.as_ref().map(|build| rust_package(path, build)),
        ];
        for mut package in packages.into_iter().flatten() {
            package.layer = Some(entry.layer);
            limit_linked(&mut package, &mut room);
            let index = builder.add(package);
            builder.claim(path, index);
        }
    }
}

/// Drops a list for which there is no room, and says so.
fn limit_linked(package: &mut Package, room: &mut usize) {
    let text = |l: &Linked| l.name.len() + l.version.as_ref().map_or(0, String::len) + l.purl.len();
    let size: usize = package.linked.iter().map(|linked| text(linked) + size_of::<Linked>()).sum();
    if size <= *room {
        *room -= size;
    } else {
        package.linked = Vec::new();
        let reason = "the lists of this image are too long".to_owned();
        package.notes.push(PackageNote::DependencyListUnread { reason });
    }
}

fn go_package(path: &[u8], build: &GoBuild) -> Package {
    let info = golang::parse_module_info(&build.modules);
    // A build without modules still names the package of `main`.
    let main = info.main.or_else(|| info.path.map(|path| Module { path, version: String::new() }));
    let mut package = Builder::blank(Ecosystem::Go, &path::display(path::file_name(path)), path);
    if let Some(main) = main.filter(|main| main.path != "command-line-arguments") {
        package.version = main.known_version().map(str::to_owned);
        package.purl = Some(go_purl(&main));
        package.name = main.path;
    }
    let standard_library = build
        .version
        .as_deref()
        .and_then(golang::release_of)
        .map(|release| Module { path: "stdlib".to_owned(), version: release.to_owned() });
    package.linked = info.dependencies.iter().chain(&standard_library).map(linked_module).collect();
    if let Some(version) = &build.version {
        package.notes.push(PackageNote::Compiler { version: version.clone() });
    }
    if info.dependencies.is_empty() {
        package.notes.push(PackageNote::NoDependencyList);
    }
    package
}

fn linked_module(module: &Module) -> Linked {
    Linked {
        name: module.path.clone(),
        version: module.known_version().map(str::to_owned),
        purl: go_purl(module),
    }
}

fn go_purl(module: &Module) -> String {
    let (namespace, name) = module.path.rsplit_once('/').unwrap_or(("", &module.path));
    Purl::new("golang", name)
        .with_namespace(namespace)
        .with_version(module.known_version().unwrap_or_default())
        .to_string()
}

fn rust_package(path: &[u8], build: &RustBuild) -> Package {
    let mut package = Builder::blank(Ecosystem::Cargo, &path::display(path::file_name(path)), path);
    if let Some(version) = &build.compiler {
        package.notes.push(PackageNote::Compiler { version: version.clone() });
    }
    let list = build.dependencies.as_ref().map(|list| match &list.content {
        Some(content) => rust::parse_dependency_list(content).map_err(|error| error.to_string()),
        None => Err(format!("its {} are out of reach", list.size)),
    });
    match list {
        Some(Ok(crates)) => add_crates(&mut package, crates),
        Some(Err(reason)) => package.notes.push(PackageNote::DependencyListUnread { reason }),
        None => package.notes.push(PackageNote::NoDependencyList),
    }
    package
}

/// The root crate names the package; the others that are in the binary are linked.
fn add_crates(package: &mut Package, crates: Vec<Crate>) {
    for one in crates {
        let purl = Purl::new("cargo", &one.name).with_version(&one.version).to_string();
        if one.root {
            package.name = one.name;
            package.version = Some(one.version);
            package.purl = Some(purl);
        } else if one.kind != rust::Kind::Build {
            package.linked.push(Linked { name: one.name, version: Some(one.version), purl });
        }
    }
}
