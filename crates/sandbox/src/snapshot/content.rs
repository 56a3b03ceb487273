//! A file's bytes, from the layer's stream to the disk.

use std::io::{self, BufRead};
use std::os::fd::{AsFd, BorrowedFd};

use lightship_oci::tar::Entry;
use rustix::fs::{AtFlags, FileType};
use rustix::io::{Errno, retry_on_intr};

use super::attributes::{Refused, Thing};

/// Writes an entry's content into a new file; holes stay holes.
pub(super) fn write(
    file: impl AsFd,
    entry: &Entry,
    data: &mut impl BufRead,
) -> Result<(), Refused> {
    let file = file.as_fd();
    let Some(map) = &entry.sparse else {
        return copy(file, data, entry.size);
    };
    for fragment in map.fragments() {
        rustix::fs::seek(file, rustix::fs::SeekFrom::Start(fragment.offset)).map_err(writing)?;
        copy(file, data, fragment.length)?;
    }
    rustix::fs::ftruncate(file, entry.real_size).map_err(writing)
}

/// Straight from the decompressor's buffer, which has up to 256 KiB at a time.
fn copy(file: BorrowedFd<'_>, data: &mut impl BufRead, mut left: u64) -> Result<(), Refused> {
    while left > 0 {
        let available = data.fill_buf().map_err(|error| Refused("read", error))?;
        if available.is_empty() {
            return Err(Refused("read", io::ErrorKind::UnexpectedEof.into()));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(available.len());
        let written = retry_on_intr(|| rustix::io::write(file, &available[..most]));
        let written = written.map_err(writing)?;
        data.consume(written);
        left -= written as u64;
    }
    Ok(())
}

fn writing(error: Errno) -> Refused {
    Refused("write", error.into())
}

/// What is called `name` in a folder.
pub(super) fn kind(folder: BorrowedFd<'_>, name: &[u8]) -> rustix::io::Result<Thing> {
    let found = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(match FileType::from_raw_mode(found.st_mode) {
        FileType::Directory => Thing::Folder,
        FileType::Symlink => Thing::Symlink,
        FileType::Fifo => Thing::Fifo,
        _ => Thing::File,
    })
}
