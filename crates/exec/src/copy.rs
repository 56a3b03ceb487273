//! Copies of files and folders that tasks wrote, within bounds.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Dir, Mode, OFlags, fstat, mkdirat, openat, readlinkat, symlinkat};
use rustix::path::Arg;

use crate::beneath::Kind;

/// Deeper than anything that a task leaves on purpose.
const DEEPEST: usize = 64;

/// What a copy may take, which becomes less with every byte and every name.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: u64,
    names: u64,
}

impl Budget {
    /// So many bytes, and as many names as any folder that somebody made on purpose has.
    pub(crate) fn of(bytes: u64) -> Self {
        Self { bytes, names: 5_000_000 }
    }

    fn take(&mut self, bytes: u64) -> io::Result<()> {
        let left = self.bytes.checked_sub(bytes).zip(self.names.checked_sub(1));
        let (bytes, names) =
            left.ok_or_else(|| io::Error::other("it is larger than what this disk has room for"))?;
        *self = Self { bytes, names };
        Ok(())
    }
}

/// Copies what is open for reading to a name of a folder, where nothing may be yet. Links stay links; what is neither
/// file, folder nor link is refused.
pub(crate) fn copy(
    from: OwnedFd,
    folder: impl AsFd,
    name: &str,
    budget: &mut Budget,
) -> io::Result<()> {
    let name = CString::new(name).map_err(io::Error::other)?;
    open_copy(from, folder.as_fd(), &name, budget, DEEPEST)
}

fn open_copy(
    from: OwnedFd,
    folder: BorrowedFd<'_>,
    name: &CString,
    budget: &mut Budget,
    depth: usize,
) -> io::Result<()> {
    match Kind::of(&from)? {
        Kind::File => file(File::from(from), folder, name, budget),
        Kind::Folder => {
            let depth = depth
                .checked_sub(1)
                .ok_or_else(|| io::Error::other("its folders are nested too deeply"))?;
            budget.take(0)?;
            mkdirat(folder, name, Mode::from(0o755))?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let to = openat(folder, name, flags, Mode::empty())?;
            entries(&from, to.as_fd(), budget, depth)
        }
        other => Err(io::Error::other(format!("there is {} in it", other.name()))),
    }
}

fn entries(
    from: &OwnedFd,
    to: BorrowedFd<'_>,
    budget: &mut Budget,
    depth: usize,
) -> io::Result<()> {
    for entry in Dir::read_from(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let flags =
            OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(from, name, flags, Mode::empty()) {
            Ok(inner) => open_copy(inner, to, &name.to_owned(), budget, depth)?,
            Err(rustix::io::Errno::LOOP) => {
                budget.take(0)?;
                let target = readlinkat(from, name, Vec::new())?;
                symlinkat(target.as_c_str(), to, name)?;
            }
            Err(error) => {
                let name = name.to_string_lossy();
                return Err(io::Error::other(format!("`{name}` in it cannot be opened: {error}")));
            }
        }
    }
    Ok(())
}

fn file(from: File, folder: BorrowedFd<'_>, name: impl Arg, budget: &mut Budget) -> io::Result<()> {
    let about = fstat(&from)?;
    let size = u64::try_from(about.st_size).unwrap_or(0);
    budget.take(size)?;
    let executable = Mode::from_raw_mode(about.st_mode & 0o111);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let to = openat(folder, name, flags, Mode::from(0o644) | executable)?;
    // One that grows meanwhile is cut: nobody should be there who writes.
    io::copy(&mut from.take(size), &mut File::from(to)).map(drop)
}
