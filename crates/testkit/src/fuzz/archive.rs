//! Images in one file: archives of layouts, and what `docker save` writes.

use std::io::{BufReader, Cursor};
use std::path::Path;
use std::sync::Arc;

use lightship_base::Quiet;
use lightship_oci::archive::{self, ArchiveIndex, Scratch};
use lightship_oci::copy::Selection;
use lightship_oci::validate::validate;
use lightship_oci::{Image, Source, layout};

use super::tar::with_checksums_repaired;

/// No archive of a few kilobytes has a reason to be larger than this inside.
const MAX_UNPACKED_BYTES: u64 = 64 * 1024 * 1024;

/// An archive: every file that it claims to have lies within it; its images open or are refused, the
/// same each time; their validation ends; and nothing is left on the disk.
///
/// As with [`super::tar`], also with the tar's checksums repaired, if it is not compressed.
pub fn archive(input: &[u8]) {
    // The small documents of archives, each fed with everything.
    let _ = archive::parse_manifest_json(input);
    let _ = layout::parse_index(input);
    let _ = layout::parse_layout_version(input);
    open_in_every_way(input);
    let repaired = with_checksums_repaired(input);
    if repaired != input {
        open_in_every_way(&repaired);
    }
}

fn open_in_every_way(input: &[u8]) {
    assert_files_lie_within(input);
    let folder = tempfile::tempdir().expect("there is a temporary folder to write to");
    let file = folder.path().join("archive");
    std::fs::write(&file, input).expect("a few kilobytes can be written");
    let scratch = Scratch { folder: folder.path().to_owned(), max_bytes: MAX_UNPACKED_BYTES };
    for tag in [None, Some("latest"), Some("churn:latest")] {
        let any = || archive::open(&file, tag, &scratch).ok().map(Arc::from);
        open_twice(any);
        let layout = || {
            let source = archive::open_oci(&file, tag, &scratch).ok()?;
            Some(Arc::new(source) as Arc<dyn Source>)
        };
        open_twice(layout);
    }
    assert_only_file(folder.path(), &file);
}

fn open_twice(open: impl Fn() -> Option<Arc<dyn Source>>) {
    let Some(source) = open() else { return };
    let again = open().expect("what opened once opens again");
    let root = source.root().expect("an open archive knows its image");
    assert_eq!(again.root().ok().as_ref(), Some(&root), "another image than before");
    // May fail, and may find fault; both only have to come to an end.
    let _ = validate(&source, &Selection::Everything, &Quiet);
    let _ = Image::open(source, None);
}

fn assert_files_lie_within(input: &[u8]) {
    let Ok(index) = ArchiveIndex::read(BufReader::new(Cursor::new(input))) else { return };
    for path in ["manifest.json", "index.json", "oci-layout", "repositories", "../x", "/", "a/b"] {
        if let Ok(Some(extent)) = index.find(path.as_bytes()) {
            let end = extent.offset.checked_add(extent.length);
            assert!(end.is_some_and(|end| end <= input.len() as u64), "{path} ends outside");
        }
    }
}

fn assert_only_file(folder: &Path, file: &Path) {
    let entries = std::fs::read_dir(folder).expect("the folder is ours");
    let paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|e| e.path())).collect();
    assert_eq!(paths, [file], "something was left behind");
}
