//! A virtual environment, made on the spot and without a network.

mod support;

use std::process::Command;

use lightship_packages::{Ecosystem, OwnedFiles, inventory, python};
use support::{DiskTree, skip};

#[test]
fn distributions_own_all_of_site_packages() {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("python3").args(["-m", "venv"]).arg(folder.path()).output();
    if !made.is_ok_and(|output| output.status.success()) {
        return skip("this machine cannot make a virtual environment");
    }
    let tree = DiskTree::read(folder.path(), &[], false);
    let inventory = inventory(&tree, OwnedFiles::List);
    let pip = inventory.packages.iter().find(|p| p.ecosystem == Ecosystem::PyPi && p.name == "pip");
    let pip = pip.expect("a virtual environment has pip");
    assert!(pip.files.iter().any(|f| f == "bin/pip"), "its script");
    assert!(pip.files.iter().any(|f| f.contains("/__pycache__/")), "its bytecode");

    // Everything below the site folder is somebody's.
    let evidence = &pip.evidence;
    let site = &evidence[..=evidence.find("/pip-").unwrap()];
    let total = tree.bytes_below(site.as_bytes());
    let unowned: Vec<_> =
        inventory.unowned.largest.iter().filter(|f| f.path.starts_with(site)).collect();
    let unowned_bytes: u64 = unowned.iter().map(|f| f.bytes.bytes()).sum();
    assert!(unowned_bytes * 1000 < total, "{unowned_bytes} of {total}: {unowned:?}");
    let outside: u64 = inventory
        .packages
        .iter()
        .flat_map(|p| &p.files)
        .filter(|f| !f.starts_with(site))
        .map(|f| std::fs::metadata(folder.path().join(f)).unwrap().len())
        .sum();
    let owned: u64 = inventory.packages.iter().map(|p| p.bytes.bytes()).sum();
    assert_eq!(owned, total - unowned_bytes + outside, "each byte once");

    let record = std::fs::read(folder.path().join(evidence.replace("METADATA", "RECORD"))).unwrap();
    let paths = python::parse_record(&record);
    assert_eq!(python::import_roots(paths.iter().map(Vec::as_slice)), ["pip"]);
}
