//! Archives that hold one pipeline. Their bytes are not trusted: what they unpack to is bounded.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use flate2::read::GzDecoder;

use super::{MAX_BYTES, PackageError};

/// A pipeline is in one file; a few more may lie beside it.
const MAX_ENTRIES: usize = 1000;
const MAX_BYTES_64: u64 = MAX_BYTES as u64;

/// The file inside, where the bytes are an archive.
pub(super) fn unpacked(bytes: &[u8]) -> Result<Option<Vec<u8>>, PackageError> {
    match bytes {
        [b'P', b'K', 3 | 5, 4 | 6, ..] => of_zip(bytes).map(Some),
        [0x1f, 0x8b, ..] => of_gzip(bytes).map(Some),
        _ => Ok(None),
    }
}

fn of_zip(bytes: &[u8]) -> Result<Vec<u8>, PackageError> {
    let failed = |error: &dyn std::fmt::Display| PackageError::Archive {
        kind: "a zip archive",
        why: error.to_string(),
    };
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| failed(&error))?;
    if archive.len() > MAX_ENTRIES {
        return Err(failed(&"too many files"));
    }
    let name = chosen(archive.file_names().flatten().map(Cow::into_owned).collect())?;
    let file = archive.by_name(&name).map_err(|error| failed(&error))?;
    bounded(file).map_err(|error| error.unwrap_or_else(|why| failed(&why)))
}

/// A gzip file is a tar archive, or the pipeline itself.
fn of_gzip(bytes: &[u8]) -> Result<Vec<u8>, PackageError> {
    let failed = |error: &dyn std::fmt::Display| PackageError::Archive {
        kind: "a tar.gz archive",
        why: error.to_string(),
    };
    let tar = bounded(GzDecoder::new(bytes)).map_err(|e| e.unwrap_or_else(|why| failed(&why)))?;
    if tar.get(257..262) != Some(b"ustar") {
        return Ok(tar);
    }
    let mut files = Vec::new();
    let mut archive = tar::Archive::new(&tar[..]);
    for entry in archive.entries().map_err(|error| failed(&error))?.take(MAX_ENTRIES) {
        let entry = entry.map_err(|error| failed(&error))?;
        if entry.header().entry_type().is_file() {
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let start = usize::try_from(entry.raw_file_position()).unwrap_or(usize::MAX);
            let end = start.saturating_add(usize::try_from(entry.size()).unwrap_or(usize::MAX));
            files.push((name, start..end));
        }
    }
    let name = chosen(files.iter().map(|(name, _)| name.clone()).collect())?;
    let found = files.into_iter().find(|(other, _)| *other == name);
    let content = found.and_then(|(_, range)| tar.get(range));
    content.map(<[u8]>::to_vec).ok_or_else(|| failed(&"it is cut short"))
}

/// All that a reader gives; `Err(Ok(_))` where that is too much.
fn bounded(reader: impl Read) -> Result<Vec<u8>, Result<PackageError, std::io::Error>> {
    let mut content = Vec::new();
    reader.take(MAX_BYTES_64 + 1).read_to_end(&mut content).map_err(Err)?;
    if content.len() > MAX_BYTES { Err(Ok(PackageError::TooLarge)) } else { Ok(content) }
}

/// `pipeline.yaml`, or the only file that can be meant.
fn chosen(names: Vec<String>) -> Result<String, PackageError> {
    let suits = |name: &String| {
        let file = name.rsplit('/').next().unwrap_or(name);
        let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
        !file.starts_with('.') && matches!(ending, "yaml" | "yml" | "json")
    };
    let mut names: Vec<String> = names.into_iter().filter(suits).collect();
    let named = |name: &String| matches!(name.rsplit('/').next(), Some("pipeline.yaml"));
    if let Some(at) = names.iter().position(named) {
        return Ok(names.swap_remove(at));
    }
    match names.len() {
        0 => Err(PackageError::NothingInside),
        1 => Ok(names.swap_remove(0)),
        _ => {
            names.truncate(5);
            Err(PackageError::SeveralInside(names))
        }
    }
}
