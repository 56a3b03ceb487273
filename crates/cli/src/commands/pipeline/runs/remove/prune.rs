//! Removes a folder but for some of what is in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lightship_base::ByteSize;
use lightship_cas::remove_tree;

use crate::commands::Error;

/// Bytes of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pruned {
    /// Those that went.
    pub(super) freed: ByteSize,
    /// Those that stay.
    pub(super) kept: ByteSize,
}

/// Removes what is at a path, but for what is at these or below; nothing, if `dry`.
pub(super) fn prune(
    path: &Path,
    keep: &BTreeSet<PathBuf>,
    dry: bool,
    pruned: &mut Pruned,
) -> Result<(), Error> {
    let Ok(about) = path.symlink_metadata() else { return Ok(()) };
    if keep.contains(path) {
        pruned.kept += size(path);
        return Ok(());
    }
    // Paths are ordered part by part, so what is below a folder comes right behind it.
    let inside = keep.range(path.to_owned()..).next().is_some_and(|next| next.starts_with(path));
    if inside && about.is_dir() {
        let entries = fs::read_dir(path).map_err(Error::io("read", path))?;
        for entry in entries {
            let entry = entry.map_err(Error::io("read", path))?;
            prune(&entry.path(), keep, dry, pruned)?;
        }
        return Ok(());
    }
    pruned.freed += size(path);
    if dry {
        return Ok(());
    }
    let removed = if about.is_dir() { remove_tree(path) } else { fs::remove_file(path) };
    removed.map_err(Error::io("remove", path))
}

/// All bytes of files at a path. What cannot be read counts nothing.
fn size(path: &Path) -> ByteSize {
    let mut bytes = 0;
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        let Ok(about) = path.symlink_metadata() else { continue };
        if about.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            open.extend(entries.map(|entry| entry.path()));
        } else {
            bytes += about.len();
        }
    }
    ByteSize(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_need_stays_with_all_that_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join("run").join(path);
        for path in ["a/1/model/weights", "a/1/metrics", "a/1-more", "b/1/data"] {
            fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            fs::write(at(path), "12345").unwrap();
        }
        let keep = BTreeSet::from([at("a/1/model")]);
        let mut pruned = Pruned::default();
        prune(&folder.path().join("run"), &keep, true, &mut pruned).unwrap();
        assert!(at("b/1/data").exists(), "nothing went");
        assert_eq!(pruned, Pruned { freed: ByteSize(15), kept: ByteSize(5) });
        prune(&folder.path().join("run"), &keep, false, &mut Pruned::default()).unwrap();
        assert!(at("a/1/model/weights").exists());
        for gone in ["a/1/metrics", "a/1-more", "b"] {
            assert!(!at(gone).exists(), "{gone}");
        }
        prune(&folder.path().join("run"), &BTreeSet::new(), false, &mut pruned).unwrap();
        assert!(!folder.path().join("run").exists());
    }
}
