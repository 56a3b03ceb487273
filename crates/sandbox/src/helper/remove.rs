//! Deleting what a sandbox wrote.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{Mode, chmod};

/// Deletes a folder and all in it. Folders that forbid it (overlayfs makes one of mode 0) are opened up
/// first: they are ours. What is gone already is fine.
pub(crate) fn remove_tree(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder)?;
            fs::remove_dir_all(folder)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn open_up(folder: &Path) -> io::Result<()> {
    // `DirEntry::file_type` does not follow links, so this never leaves the folder.
    chmod(folder, Mode::RWXU)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}
