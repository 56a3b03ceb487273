//! Files of earlier runs that a lock does not name any more. Only what an earlier run wrote is removed: a
//! plain file, at the place that its list says, with the digest that its list says.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use lightship_base::Digest;
use serde::Deserialize;

use super::{Kind, LIST, VendorError, digest_of, failed};

/// No list is larger; one of 1,000 files has 200 kB.
const MAX_LIST: u64 = 64 << 20;

#[derive(Deserialize)]
struct List {
    version: u64,
    files: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    file: String,
    sha256: String,
}

/// What an earlier list names and the new one does not. A list that makes no sense names nothing.
pub(super) fn files(
    folder: &Path,
    now: &BTreeSet<&str>,
) -> Result<Vec<(PathBuf, Digest)>, VendorError> {
    let path = folder.join(LIST);
    let mut text = Vec::new();
    match File::open(&path) {
        Ok(file) => file.take(MAX_LIST).read_to_end(&mut text).map_err(failed("read", &path))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("read", &path)(error)),
    };
    let Ok(List { version: 1, files }) = serde_json::from_slice(&text) else {
        return Ok(Vec::new());
    };
    let old = files.into_iter().filter(|entry| !now.contains(entry.file.as_str()));
    let old = old.filter(|entry| is_ours(&entry.file));
    Ok(old
        .filter_map(|entry| {
            let digest = format!("sha256:{}", entry.sha256).parse().ok()?;
            Some((folder.join(entry.file), digest))
        })
        .collect())
}

/// `wheel/NAME` or `wheel/DIGEST/NAME`, as they are written here.
fn is_ours(file: &str) -> bool {
    let parts: Vec<&str> = file.split('/').collect();
    let known = [Kind::Deb, Kind::Wheel, Kind::Sdist].map(Kind::folder);
    let plain = |part: &&str| !matches!(*part, "" | "." | "..") && !part.contains(['\\', '\0']);
    matches!(parts.len(), 2 | 3) && known.contains(&parts[0]) && parts.iter().all(plain)
}

/// Removes them, and the folders that are empty then. Says how many files went.
pub(super) fn remove(folder: &Path, files: &[(PathBuf, Digest)]) -> Result<u64, VendorError> {
    let mut removed = 0;
    for (path, digest) in files {
        // Nothing on the way may lead out of the folder.
        let parent = path.parent().unwrap_or(folder);
        let inside = parent.canonicalize().ok().zip(folder.canonicalize().ok());
        let inside = inside.is_some_and(|(parent, folder)| parent.starts_with(folder));
        let plain = fs::symlink_metadata(path).is_ok_and(|about| about.is_file());
        if !inside || !plain || digest_of(path)? != *digest {
            continue;
        }
        fs::remove_file(path).map_err(failed("remove", path))?;
        removed += 1;
        // Fails where something else is in it, which then stays.
        let _ = fs::remove_dir(parent);
    }
    Ok(removed)
}
