//! A single file of a prepared image, without mounting it.

use std::fs::File;
use std::io;

use lightship_oci::tar::RootPath;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::Prepared;
use super::folders::split;
use super::walker::{Stop, Walker};

impl Prepared {
    /// Opens a file for reading. `path` is one that the image really has: no component of it is a link, and
    /// nothing hides it. It is looked for in the topmost folder that has it, and no link is followed on the
    /// way, so that no image reads this machine's files.
    pub fn open_file(&self, path: &RootPath) -> io::Result<File> {
        let (parent, name) = split(path.as_bytes());
        for layer in self.layers.iter().rev() {
            let mut walker = Walker::open(layer)?;
            match walker.enter_real(parent) {
                Ok(()) => {}
                Err(Stop::Os(error)) => return Err(error),
                Err(Stop::Missing | Stop::Blocked | Stop::Endless | Stop::TooLong) => continue,
            }
            match rustix::fs::statat(walker.here(), name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
                Ok(found) if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile => {
                    break;
                }
                Ok(_) => {}
            }
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = rustix::fs::openat(walker.here(), name, flags, Mode::empty())?;
            return Ok(file.into());
        }
        Err(io::Error::new(io::ErrorKind::NotFound, format!("{path} is no file of the image")))
    }
}
