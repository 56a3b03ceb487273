//! Python distributions.

use std::collections::HashMap;

use super::Found;
use super::builder::Builder;
use super::claims::PackageIndex;
use super::model::{Ecosystem, InventoryNote, PackageNote};
use crate::path;
use crate::places::{Place, place};
use crate::purl::Purl;
use crate::python::{normalise_name, parse_direct_url, parse_metadata, parse_record};

/// One record of a distribution.
struct Record<'p> {
    /// METADATA, PKG-INFO or the `*.egg-info` file itself.
    evidence: &'p [u8],
    /// The `*.dist-info`, `*.egg-info` or `EGG-INFO` folder; `None` where the record is one file.
    folder: Option<&'p [u8]>,
    /// The folder on Python's path that the record describes a part of.
    site: &'p [u8],
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    DistInfo,
    EggInfo,
    /// A folder `*.egg` on Python's path, with everything in it.
    Egg,
    EggInfoFile,
}

/// Reads every distribution, outer ones before those inside them, so that a distribution has the
/// files of the copies it carries; and those in folders that Python looks in before others, so that
/// hard links into a cache count for what is installed.
pub(super) fn read(builder: &mut Builder<'_>, found: &Found) {
    let mut records: Vec<Record<'_>> = found.python.iter().filter_map(|p| record(p)).collect();
    records.sort_by_key(|record| {
        let depth = record.site.split(|b| *b == b'/').count();
        let is_usual = record.site.ends_with(b"-packages");
        (!is_usual, depth, record.site, record.form, record.evidence)
    });
    let mut known: HashMap<(&[u8], String, String), PackageIndex> = HashMap::new();
    for record in &records {
        read_record(builder, record, &mut known);
    }
}

fn record(evidence: &[u8]) -> Option<Record<'_>> {
    let parent = path::parent;
    let record = |folder, site, form| Record { evidence, folder, site, form };
    Some(match place(evidence)? {
        Place::DistInfo { folder, .. } => record(Some(folder), parent(folder), Form::DistInfo),
        Place::EggInfo { folder, .. } if folder.ends_with(b"/EGG-INFO") => {
            record(Some(folder), parent(folder), Form::Egg)
        }
        Place::EggInfo { folder, .. } => record(Some(folder), parent(folder), Form::EggInfo),
        Place::EggInfoFile => record(None, parent(evidence), Form::EggInfoFile),
        _ => return None,
    })
}

fn read_record<'p>(
    builder: &mut Builder<'_>,
    record: &Record<'p>,
    known: &mut HashMap<(&'p [u8], String, String), PackageIndex>,
) {
    let Some(content) = builder.content(record.evidence) else { return };
    let Some(metadata) = parse_metadata(content.bytes) else {
        let reason = "it names no distribution".to_owned();
        let path = path::display(record.evidence);
        builder.notes.push(InventoryNote::MetadataUnread { path, reason });
        return;
    };
    let name = normalise_name(&metadata.name);
    // Debian installs a `*.dist-info` and a `*.egg-info` for some distributions: one thing, said twice.
    let key = (record.site, name.clone(), metadata.version.clone());
    if let Some(same) = known.get(&key).copied() {
        claim_record(builder, record, same);
        return;
    }
    let mut package = Builder::blank(Ecosystem::PyPi, &name, record.evidence);
    let purl = Purl::new("pypi", &name).with_version(&metadata.version);
    package.purl = Some(purl.to_string());
    package.version = (!metadata.version.is_empty()).then_some(metadata.version);
    package.layer = Some(content.layer);
    let folder_name = path::file_name(record.folder.unwrap_or(record.evidence));
    if folder_name.starts_with(b"~") {
        package.notes.push(PackageNote::PipLeftover);
    }
    let outer = builder.file_owner(Ecosystem::PyPi, record.evidence);
    let index = builder.add(package);
    known.insert(key, index);
    if let Some(outer) = outer {
        let name = builder.package(outer).name.clone();
        builder.package(index).notes.push(PackageNote::VendoredIn { name });
    }
    note_origin(builder, record, index);
    claim_record(builder, record, index);
    claim_files(builder, record, &name, index);
}

/// The record's own files.
fn claim_record(builder: &mut Builder<'_>, record: &Record<'_>, index: PackageIndex) {
    match record.folder {
        Some(folder) => builder.claim_folder(folder, index),
        None => builder.claim(record.evidence, index),
    }
}

fn note_origin(builder: &mut Builder<'_>, record: &Record<'_>, index: PackageIndex) {
    let Some(folder) = record.folder else { return };
    let document = path::join(folder, b"direct_url.json");
    let Some(content) = builder.content(&document) else { return };
    match parse_direct_url(content.bytes) {
        Ok(direct) => {
            let (url, commit) = (direct.url, direct.commit);
            let note = if direct.editable {
                PackageNote::Editable { url }
            } else {
                PackageNote::DirectUrl { url, commit }
            };
            builder.package(index).notes.push(note);
        }
        Err(error) => builder.notes.push(InventoryNote::MetadataUnread {
            path: path::display(&document),
            reason: error.to_string(),
        }),
    }
}

/// Claims by the best list there is: RECORD, `installed-files.txt`, everything in an egg, or else
/// what lies under the names of its modules.
fn claim_files(builder: &mut Builder<'_>, record: &Record<'_>, name: &str, index: PackageIndex) {
    let site = record.site;
    if record.form == Form::Egg {
        builder.claim_folder(site, index);
        return;
    }
    let listed = record.folder.is_some_and(|folder| match record.form {
        Form::DistInfo => {
            let parse = |bytes: &[u8]| parse_record(bytes);
            claim_list(builder, &path::join(folder, b"RECORD"), site, index, parse)
        }
        // pip wrote this one, relative to the folder itself.
        Form::EggInfo | Form::Egg | Form::EggInfoFile => {
            claim_list(builder, &path::join(folder, b"installed-files.txt"), folder, index, lines)
        }
    });
    if !listed {
        builder.package(index).notes.push(PackageNote::FilesByModuleName);
        claim_sources(builder, record, index);
        claim_modules(builder, record, name, index);
    }
}

/// Claims the paths of a list, each relative to `base`. Whether there is such a list with anything in
/// it besides the record itself: Debian's have only that.
fn claim_list(
    builder: &mut Builder<'_>,
    list: &[u8],
    base: &[u8],
    index: PackageIndex,
    parse: impl Fn(&[u8]) -> Vec<Vec<u8>>,
) -> bool {
    let Some(content) = builder.content(list) else { return false };
    if !content.is_whole {
        builder.package(index).notes.push(PackageNote::FileListCut);
    }
    let record_folder = path::parent(list);
    let mut has_others = false;
    for relative in parse(content.bytes) {
        let path = path::normalise(base, &relative);
        has_others |= path::parent(&path) != record_folder;
        builder.claim(&path, index);
    }
    has_others
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes
        .split(|b| *b == b'\n')
        .map(|line| line.trim_ascii().to_vec())
        .filter(|line| !line.is_empty())
        .collect()
}

/// `SOURCES.txt` lists the source tree: what of it was installed lies at the same path, perhaps
/// without the folder that held it.
fn claim_sources(builder: &mut Builder<'_>, record: &Record<'_>, index: PackageIndex) {
    let Some(folder) = record.folder else { return };
    let Some(content) = builder.content(&path::join(folder, b"SOURCES.txt")) else { return };
    for source in lines(content.bytes) {
        // `setup.py` and `README` at its top were not installed; what has their name is another's.
        if source.contains(&b'/') {
            let inner = source.strip_prefix(b"src/").or_else(|| source.strip_prefix(b"lib/"));
            let path = path::normalise(record.site, inner.unwrap_or(&source));
            builder.claim(&path, index);
        }
    }
}

/// The top-level modules that `top_level.txt` names, or else one called like the distribution.
fn claim_modules(builder: &mut Builder<'_>, record: &Record<'_>, name: &str, index: PackageIndex) {
    let named = record
        .folder
        .and_then(|folder| builder.content(&path::join(folder, b"top_level.txt")))
        .map(|content| lines(content.bytes))
        .filter(|names| !names.is_empty());
    let modules = named.unwrap_or_else(|| vec![name.replace('-', "_").into_bytes()]);
    for module in modules {
        // One name, not a way out of the folder.
        if module.contains(&b'/') || module.starts_with(b".") {
            continue;
        }
        let path = path::join(record.site, &module);
        builder.claim(&[path.as_slice(), b".py"].concat(), index);
        builder.claim_folder(&path, index);
    }
}
