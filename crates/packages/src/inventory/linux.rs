//! Debian and Alpine packages.

use std::collections::HashMap;

use super::Found;
use super::builder::Builder;
use super::claims::PackageIndex;
use super::model::{Ecosystem, PackageNote, SourcePackage};
use crate::debian::{DebianPackage, Diversions, State, parse_list, parse_md5sums, parse_status};
use crate::places::{Place, place};
use crate::{alpine, path};

const STATUS: &[u8] = b"var/lib/dpkg/status";
const DIVERSIONS: &[u8] = b"var/lib/dpkg/diversions";

/// Reads dpkg's database, and `status.d` of images that were put together without dpkg.
pub(super) fn read_debian(builder: &mut Builder<'_>, found: &Found) {
    let mut by_info_name: HashMap<Vec<u8>, PackageIndex> = HashMap::new();
    let diversions = builder
        .whole_content(DIVERSIONS)
        .map(|content| Diversions::parse(content.bytes))
        .unwrap_or_default();
    if let Some(status) = builder.whole_content(STATUS) {
        let packages = parse_status(status.bytes);
        builder.note_if_cut(STATUS, packages.len());
        for package in packages {
            if package.state == State::Absent {
                continue;
            }
            let index = add_debian(builder, &package, STATUS, status.layer);
            let names =
                [package.name.clone(), format!("{}:{}", package.name, package.architecture)];
            for name in names {
                read_list(builder, &package, name.as_bytes(), index, &diversions);
                by_info_name.insert(name.into_bytes(), index);
            }
        }
    }
    // The package manager's own files about a package came with it: lists, checksums, scripts.
    for path in &found.dpkg_info {
        if let Some(Place::DpkgInfo { package, .. }) = place(path)
            && let Some(index) = by_info_name.get(package)
        {
            builder.claim(path, *index);
        }
    }
    for path in &found.status_folder {
        read_status_folder(builder, path);
    }
}

fn add_debian(
    builder: &mut Builder<'_>,
    package: &DebianPackage,
    evidence: &[u8],
    layer: usize,
) -> PackageIndex {
    let mut entry = Builder::blank(Ecosystem::Deb, &package.name, evidence);
    entry.purl =
        builder.distribution_purl("deb", (&package.name, &package.version, &package.architecture));
    entry.version = (!package.version.is_empty()).then(|| package.version.clone());
    entry.layer = Some(layer);
    entry.source = package.source.clone().map(|(name, version)| SourcePackage {
        name,
        version: version.or_else(|| entry.version.clone()),
    });
    if package.state == State::Partial {
        entry.notes.push(PackageNote::HalfInstalled);
    }
    builder.add(entry)
}

/// Claims the files of `info/<name>.list`. The list is written when its package is installed, while
/// `status` is written again by every later run: so the list tells the layer.
fn read_list(
    builder: &mut Builder<'_>,
    package: &DebianPackage,
    name: &[u8],
    index: PackageIndex,
    diversions: &Diversions,
) {
    let list = path::join(b"var/lib/dpkg/info", &[name, b".list"].concat());
    let Some(content) = builder.content(&list) else { return };
    let entry = builder.package(index);
    entry.layer = Some(content.layer);
    entry.evidence = path::display(&list);
    if !content.is_whole {
        entry.notes.push(PackageNote::FileListCut);
    }
    for path in parse_list(content.bytes) {
        builder.claim(diversions.place(package.name.as_bytes(), path), index);
    }
}

/// One file of `status.d`, with the lists beside it: `<name>.md5sums`, and `<name>.list` where the
/// tool that made the image writes it.
fn read_status_folder(builder: &mut Builder<'_>, path: &[u8]) {
    if path.ends_with(b".md5sums") || path.ends_with(b".list") {
        return;
    }
    let Some(content) = builder.content(path) else { return };
    let Some(package) = parse_status(content.bytes).into_iter().next() else { return };
    if package.state == State::Absent {
        return;
    }
    let index = add_debian(builder, &package, path, content.layer);
    builder.claim(path, index);
    for (suffix, is_list) in [(&b".md5sums"[..], false), (b".list", true)] {
        let beside = [path, suffix].concat();
        let Some(content) = builder.content(&beside) else { continue };
        builder.claim(&beside, index);
        if !content.is_whole {
            builder.package(index).notes.push(PackageNote::FileListCut);
        }
        if is_list {
            parse_list(content.bytes).for_each(|path| builder.claim(path, index));
        } else {
            parse_md5sums(content.bytes).for_each(|path| builder.claim(path, index));
        }
    }
}

/// Reads apk's database.
pub(super) fn read_alpine(builder: &mut Builder<'_>) {
    let places = [&b"lib/apk/db/installed"[..], b"usr/lib/apk/db/installed"];
    for path in places {
        let Some(content) = builder.whole_content(path) else { continue };
        let packages = alpine::parse_installed(content.bytes);
        builder.note_if_cut(path, packages.len());
        for package in packages {
            let mut entry = Builder::blank(Ecosystem::Apk, &package.name, path);
            entry.purl = builder
                .distribution_purl("apk", (&package.name, &package.version, &package.architecture));
            entry.version = (!package.version.is_empty()).then_some(package.version);
            entry.source = package
                .origin
                .filter(|origin| *origin != package.name)
                .map(|name| SourcePackage { name, version: entry.version.clone() });
            let index = builder.add(entry);
            for file in &package.files {
                builder.claim(file, index);
            }
        }
    }
}
