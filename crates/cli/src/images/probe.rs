//! What a path turns out to be.

use std::path::Path;

use lightship_oci::reference::PathKind;

/// Looks, and takes what cannot be looked at for missing: whoever opens it will say why.
pub(super) fn kind_of(path: &Path) -> PathKind {
    match std::fs::metadata(path) {
        Err(_) => PathKind::Missing,
        Ok(found) if found.is_dir() => {
            if path.join("oci-layout").is_file() {
                PathKind::Layout
            } else {
                PathKind::Folder
            }
        }
        Ok(_) => PathKind::File,
    }
}

/// Whether a word without a scheme ends like an archive's name.
pub(super) fn looks_like_a_file(text: &str) -> bool {
    const ENDINGS: [&str; 7] = ["tar", "tgz", "gz", "zst", "xz", "bz2", "oci"];
    let ending = Path::new(text).extension().and_then(|ending| ending.to_str());
    !text.starts_with("store:") && ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

#[cfg(test)]
mod tests {
    use super::looks_like_a_file;

    #[test]
    fn files_are_told_from_names() {
        for text in ["app.tar", "a/b.tar.gz", "app.tgz"] {
            assert!(looks_like_a_file(text), "{text}");
        }
        for text in ["app", "app:v1.2", "quay.io/team/app", "localhost:5000/app", "store:app.tar"] {
            assert!(!looks_like_a_file(text), "{text}");
        }
    }
}
