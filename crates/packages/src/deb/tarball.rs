//! A compressed tar archive by itself, read with the care that a package's data gets: nothing leads out of it,
//! devices are refused, and it does not unpack to more than an honest one does.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::members::{data_limit, unpacked};
use super::{ErrorKind, data};
use crate::parcel::Item;

/// What an archive brings, each name once, in its order. Contents wait in a file without a name in the folder
/// `scratch`. `name` is what messages call the archive.
pub fn read_tarball(path: &Path, name: &str, scratch: &Path) -> Result<Vec<Item>, ErrorKind> {
    let file = File::open(path).map_err(ErrorKind::Open)?;
    let size = file.metadata().map_err(ErrorKind::Open)?.len();
    let mut reader = BufReader::with_capacity(128 * 1024, file);
    let tar = unpacked(&mut reader, name, data_limit(size))?;
    Ok(data::unpack(tar, name, scratch)?.items)
}
