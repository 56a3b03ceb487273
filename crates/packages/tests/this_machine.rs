//! What this machine itself has installed: Debian packages, Go binaries, libraries.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;
use std::process::Command;

use lightship_packages::elf::{Linking, Sections};
use lightship_packages::{Ecosystem, InventoryNote, OwnedFiles, golang, inventory};
use support::{DiskTree, facts, skip};

/// dpkg's own view of one field of all installed packages.
fn dpkg_query() -> Option<Vec<(String, String)>> {
    let format = "${db:Status-Status}\\t${Package}\\t${Version}\\n";
    let output = Command::new("dpkg-query").args(["-W", "-f", format]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut packages: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| {
            let mut columns = line.split('\t');
            (columns.next()? == "installed")
                .then(|| Some((columns.next()?.to_owned(), columns.next()?.to_owned())))?
        })
        .collect();
    packages.sort();
    Some(packages)
}

#[test]
fn debian_packages_are_those_that_dpkg_names() {
    let Some(expected) = dpkg_query().filter(|packages| !packages.is_empty()) else {
        return skip("this machine has no dpkg");
    };
    let parts = ["var/lib/dpkg", "usr/bin", "usr/lib", "bin", "lib", "sbin", "lib64", "etc"];
    let tree = DiskTree::read(Path::new("/"), &parts, false);
    let inventory = inventory(&tree, OwnedFiles::List);
    let debs = || inventory.packages.iter().filter(|p| p.ecosystem == Ecosystem::Deb);
    let mut found: Vec<(String, String)> =
        debs().map(|p| (p.name.clone(), p.version.clone().unwrap())).collect();
    found.sort();
    assert_eq!(found, expected);
    for package in debs() {
        let folder = "var/lib/dpkg/info/";
        assert!(package.evidence.starts_with(folder), "{} has no list", package.name);
    }
    // The folders were merged: the list says /lib or /bin, the file is below /usr.
    let libc = debs().find(|p| p.name == "libc6").unwrap();
    assert!(libc.files.iter().any(|f| f.ends_with("/libc.so.6")), "{:?}", libc.files);
    assert!(libc.bytes.bytes() > 1_000_000);
    assert!(!inventory.notes.contains(&InventoryNote::UnknownDistribution));
    let purl = libc.purl.as_deref().unwrap();
    assert!(purl.starts_with("pkg:deb/") && purl.contains("&distro="), "{purl}");
    let owned: u64 = debs().map(|p| p.bytes.bytes()).sum();
    assert!(owned <= tree.bytes_below(b""), "no byte twice");
}

/// Sizes of sections as `readelf` prints them: debug information, symbol tables.
fn readelf(path: &Path) -> Option<(u64, u64)> {
    let output = Command::new("readelf").args(["-S", "-W"]).arg(path).output().ok()?;
    let (mut debug, mut symbols) = (0, 0);
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Some((_, row)) = line.split_once(']') else { continue };
        let columns: Vec<&str> = row.split_whitespace().collect();
        let [name, kind, _, _, size, rest @ ..] = columns.as_slice() else { continue };
        let Ok(size) = u64::from_str_radix(size, 16) else { continue };
        // Entry size, flags (which may be missing), link, info, alignment.
        let is_loaded = rest.len() == 5 && rest[1].contains('A');
        if is_loaded || *kind == "NOBITS" {
            continue;
        }
        if name.starts_with(".debug") || name.starts_with(".zdebug") || *name == ".gdb_index" {
            debug += size;
        } else if *kind == "SYMTAB" || *name == ".strtab" {
            symbols += size;
        }
    }
    Some((debug, symbols))
}

/// `NEEDED` as `readelf` prints them.
fn needed(path: &Path) -> Vec<String> {
    let output = Command::new("readelf").args(["-d", "-W"]).arg(path).output().unwrap();
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| Some(line.split_once('[')?.1.split_once(']')?.0.to_owned()))
        .collect()
}

/// Large files of several linkers: this test program (debug information), the compiler's own
/// libraries, Go programs, small programs.
fn samples() -> Vec<std::path::PathBuf> {
    let mut samples: Vec<std::path::PathBuf> =
        ["/bin/ls", "/usr/bin/skopeo", "/usr/bin/umoci", "/usr/bin/gcc", "/usr/bin/python3"]
            .iter()
            .filter_map(|path| std::fs::canonicalize(path).ok())
            .collect();
    samples.push(std::env::current_exe().unwrap());
    if let Ok(output) = Command::new("rustc").args(["--print", "sysroot"]).output() {
        let sysroot = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let folder = Path::new(&sysroot).join("lib");
        samples.extend(std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()));
    }
    samples.retain(|path| path.is_file());
    samples
}

#[test]
fn sections_and_libraries_are_those_that_readelf_names() {
    if Command::new("readelf").arg("--version").output().is_err() {
        return skip("this machine has no readelf");
    }
    let (mut compared, mut large) = (0, 0);
    for path in samples() {
        let Some(elf) = facts(&path) else { continue };
        let Sections::Known(sections) = &elf.sections else { panic!("{}", path.display()) };
        let found = (sections.debug_bytes.bytes(), sections.symbol_bytes.bytes());
        assert_eq!(Some(found), readelf(&path), "{}", path.display());
        let libraries = match &elf.linking {
            Linking::Dynamic(dynamic) => dynamic.needed.clone(),
            Linking::Static => Vec::new(),
            Linking::Unread => panic!("{}", path.display()),
        };
        assert_eq!(libraries, needed(&path), "{}", path.display());
        compared += 1;
        let size = std::fs::metadata(&path).unwrap().len();
        large += u32::from(size > lightship_packages::elf::WHOLE_LIMIT);
    }
    println!("{compared} files compared, {large} of them too large to be kept whole");
    assert!(compared > 0 && large > 0);
}

#[test]
fn go_programs_say_what_they_are() {
    let path = Path::new("/usr/bin/skopeo");
    let Some(elf) = facts(path) else { return skip("this machine has no skopeo") };
    let Some(build) = elf.go else { return skip("skopeo is not built by Go here") };
    assert!(build.version.as_deref().unwrap().starts_with("go1."), "{:?}", build.version);
    let info = golang::parse_module_info(&build.modules);
    assert_eq!(info.path.as_deref(), Some("github.com/containers/skopeo/cmd/skopeo"));
    assert!(info.settings.iter().any(|(key, value)| key == "GOOS" && value == "linux"));
    let tree = DiskTree::read(Path::new("/"), &["usr/bin/skopeo"], true);
    let inventory = inventory(&tree, OwnedFiles::Count);
    let [package] = inventory.packages.as_slice() else { panic!("{:?}", inventory.packages) };
    assert_eq!(package.bytes.bytes(), std::fs::metadata(path).unwrap().len());
    assert!(
        package.purl.as_deref().unwrap().starts_with("pkg:golang/github.com/containers/skopeo")
    );
}

#[test]
fn rust_programs_are_recognised() {
    let elf = facts(&std::env::current_exe().unwrap()).expect("tests run from ELF files");
    let build = elf.rust.expect("the compiler leaves its name");
    assert!(build.compiler.unwrap().starts_with("rustc version "));
    assert_eq!(build.dependencies, None);
    assert!(elf.interpreter.is_some());
}
