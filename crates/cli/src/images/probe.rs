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
