//! Removing a folder with everything in it, whatever is in it: folders that nobody may enter, paths
//! that are longer than the kernel takes, more levels than a process may have open files.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

/// Folders below each other that are open at a time; what lies deeper is first moved up.
const MAX_OPEN: u32 = 64;

/// Removes a file, or a folder with everything in it. Symbolic links are removed, not followed. What is
/// gone already is fine.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    remove_tree_at(CWD, path)
}

/// The same for what is called `name` in an open folder.
pub fn remove_tree_at<P: rustix::path::Arg + Copy>(parent: impl AsFd, name: P) -> io::Result<()> {
    let parent = parent.as_fd();
    match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) if FileType::from_raw_mode(found.st_mode).is_dir() => {}
        Ok(_) => return ignore_gone(rustix::fs::unlinkat(parent, name, AtFlags::empty())),
        result => return ignore_gone(result.map(drop)),
    }
    let Some(top) = open_folder(parent, name)? else { return Ok(()) };
    let mut moved = 0;
    loop {
        let before = moved;
        empty(top.as_fd(), top.as_fd(), 0, &mut moved)?;
        if moved == before {
            break;
        }
    }
    ignore_gone(rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR))
}

/// Empties a folder; what is too deep goes to `top`, under a name that nobody has.
fn empty(
    top: BorrowedFd<'_>,
    folder: BorrowedFd<'_>,
    depth: u32,
    moved: &mut u64,
) -> io::Result<()> {
    let mut entries = Dir::read_from(folder)?;
    while let Some(entry) = entries.read() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let is_folder = match entry.file_type() {
            FileType::Directory => true,
            FileType::Unknown => {
                let found = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(found.st_mode).is_dir()
            }
            _ => false,
        };
        if !is_folder {
            ignore_gone(rustix::fs::unlinkat(folder, name, AtFlags::empty()))?;
            continue;
        }
        let Some(child) = open_folder(folder, name)? else { continue };
        if depth == MAX_OPEN {
            move_up(top, folder, name, moved)?;
            continue;
        }
        empty(top, child.as_fd(), depth + 1, moved)?;
        drop(child);
        ignore_gone(rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR))?;
    }
    Ok(())
}

fn move_up(
    top: BorrowedFd<'_>,
    folder: BorrowedFd<'_>,
    name: &std::ffi::CStr,
    moved: &mut u64,
) -> io::Result<()> {
    loop {
        *moved += 1;
        let target = format!(".deep-{moved}");
        match rustix::fs::renameat(folder, name, top, target.as_str()) {
            // Somebody's own folder or file of that name.
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
            result => return ignore_gone(result),
        }
    }
}

/// Opens a folder with all rights that its owner can give himself; none if it is gone.
fn open_folder<P: rustix::path::Arg + Copy>(
    parent: impl AsFd,
    name: P,
) -> io::Result<Option<OwnedFd>> {
    const FLAGS: OFlags =
        OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
    let parent = parent.as_fd();
    let rwx = Mode::RWXU;
    let opened = match rustix::fs::openat(parent, name, FLAGS, Mode::empty()) {
        Err(Errno::ACCESS) => {
            rustix::fs::chmodat(parent, name, rwx, AtFlags::empty())?;
            rustix::fs::openat(parent, name, FLAGS, Mode::empty())
        }
        opened => opened,
    };
    match opened {
        Ok(fd) => {
            let mode = Mode::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode);
            if !mode.contains(rwx) {
                // Not allowed to the owner's group or the like: then deleting says so.
                let _ = rustix::fs::fchmod(&fd, rwx);
            }
            Ok(Some(fd))
        }
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn ignore_gone(result: rustix::io::Result<()>) -> io::Result<()> {
    match result {
        Err(Errno::NOENT) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn folders_that_nobody_may_enter_and_links_go_and_what_they_lead_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (doomed, kept) = (folder.path().join("doomed"), folder.path().join("kept"));
        fs::create_dir_all(doomed.join("closed/inner")).unwrap();
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "x").unwrap();
        fs::write(doomed.join("closed/inner/file"), "x").unwrap();
        symlink(&kept, doomed.join("closed/link")).unwrap();
        for closed in ["closed/inner", "closed", ""] {
            let mode = fs::Permissions::from_mode(0o0);
            fs::set_permissions(doomed.join(closed), mode).unwrap();
        }
        remove_tree(&doomed).unwrap();
        assert!(!doomed.exists() && kept.join("file").exists());
        remove_tree(&doomed).unwrap();
        remove_tree(&kept.join("file")).unwrap();
        assert!(!kept.join("file").exists());
    }

    #[test]
    fn deeper_than_paths_and_descriptors_reach() {
        let folder = tempfile::tempdir().unwrap();
        let doomed = folder.path().join("doomed");
        fs::create_dir(&doomed).unwrap();
        let mut at = open_folder(CWD, &doomed).unwrap().unwrap();
        for _ in 0..3_000 {
            rustix::fs::mkdirat(&at, "deep", Mode::RWXU).unwrap();
            rustix::fs::mkdirat(&at, ".deep-1", Mode::RWXU).unwrap();
            at = open_folder(&at, "deep").unwrap().unwrap();
        }
        drop(at);
        remove_tree(&doomed).unwrap();
        assert!(!doomed.exists());
    }
}
