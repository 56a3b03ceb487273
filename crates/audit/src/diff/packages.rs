//! Installed packages of two images, side by side.

use std::collections::BTreeMap;

use lightship_base::ByteSize;
use lightship_packages::{Ecosystem, Inventory, Package};
use serde::Serialize;

/// Differences among packages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PackageDiff {
    /// Only in the second image.
    pub added: Vec<PackageChange>,
    /// Only in the first image.
    pub removed: Vec<PackageChange>,
    /// In both, in other versions.
    pub changed: Vec<PackageChange>,
    /// In both, in the same version.
    pub unchanged: u64,
}

/// A package that differs; heaviest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageChange {
    /// Who packaged it.
    pub ecosystem: Ecosystem,
    /// Its name.
    pub name: String,
    /// Its versions in the first image: mostly one.
    pub before: Vec<String>,
    /// Its versions in the second image.
    pub after: Vec<String>,
    /// Bytes in the first image.
    pub bytes_before: ByteSize,
    /// Bytes in the second image.
    pub bytes_after: ByteSize,
}

/// Versions and bytes under one name; npm installs several versions of one package side by side.
#[derive(Default)]
struct Installed {
    versions: Vec<String>,
    bytes: ByteSize,
}

type ByName = BTreeMap<(Ecosystem, String), (Installed, Installed)>;

pub(super) fn compare(before: &Inventory, after: &Inventory) -> PackageDiff {
    let mut by_name = ByName::new();
    for package in &before.packages {
        collect(&mut by_name.entry(key(package)).or_default().0, package);
    }
    for package in &after.packages {
        collect(&mut by_name.entry(key(package)).or_default().1, package);
    }
    let mut diff = PackageDiff::default();
    for ((ecosystem, name), (mut old, mut new)) in by_name {
        old.versions.sort();
        new.versions.sort();
        let list = match (old.versions.is_empty(), new.versions.is_empty()) {
            (true, _) => &mut diff.added,
            (_, true) => &mut diff.removed,
            _ if old.versions == new.versions => {
                diff.unchanged += 1;
                continue;
            }
            _ => &mut diff.changed,
        };
        list.push(PackageChange {
            ecosystem,
            name,
            before: old.versions,
            after: new.versions,
            bytes_before: old.bytes,
            bytes_after: new.bytes,
        });
    }
    for list in [&mut diff.added, &mut diff.removed, &mut diff.changed] {
        list.sort_by_key(|change| std::cmp::Reverse(change.bytes_before.max(change.bytes_after)));
    }
    diff
}

fn key(package: &Package) -> (Ecosystem, String) {
    (package.ecosystem, package.name.clone())
}

fn collect(into: &mut Installed, package: &Package) {
    into.versions.push(package.version.clone().unwrap_or_else(|| "(no version)".to_owned()));
    into.bytes += package.bytes;
}
