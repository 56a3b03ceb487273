//! What is in a file or folder, as one digest.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use lightship_base::{ByteSize, HashingReader, Key};
use lightship_engine::Content;

/// Of a file its bytes' digest; of a folder one over the names, kinds and contents of all that is in it, in the order
/// of names. None where nothing is there. Links are not followed: what they name is their content.
pub fn of(path: &Path) -> io::Result<Option<Content>> {
    let about = match fs::symlink_metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !about.is_dir() {
        return if about.is_file() { file(path).map(Some) } else { Ok(None) };
    }
    let mut key = Key::of("folder of an artifact");
    let size = folder(path, &mut key, DEEPEST)?;
    Ok(Some(Content { digest: key.finish(), size: ByteSize(size) }))
}

/// Deeper than anything that a task leaves on purpose.
const DEEPEST: usize = 64;

fn file(path: &Path) -> io::Result<Content> {
    let mut reader = HashingReader::new(File::open(path)?);
    let size = io::copy(&mut reader, &mut io::sink())?;
    let (digest, ..) = reader.finish();
    Ok(Content { digest, size: ByteSize(size) })
}

fn folder(path: &Path, key: &mut Key, depth: usize) -> io::Result<u64> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(io::Error::other("its folders are nested too deeply"));
    };
    let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut size = 0;
    for entry in entries {
        key.add(entry.file_name().as_bytes());
        let (kind, inner) = (entry.file_type()?, entry.path());
        if kind.is_dir() {
            key.add("folder");
            size += folder(&inner, key, depth)?;
            key.add("end");
        } else if kind.is_symlink() {
            key.add("link");
            key.add(fs::read_link(&inner)?.as_os_str().as_bytes());
        } else if kind.is_file() {
            let content = file(&inner)?;
            key.add("file");
            key.add(content.digest.to_string());
            size += content.size.bytes();
        }
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use lightship_base::Digest;

    use super::*;

    #[test]
    fn names_contents_and_shape_count_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        fs::create_dir_all(place("a/inner")).unwrap();
        fs::write(place("a/inner/x"), "12345").unwrap();
        fs::write(place("a/y"), "1").unwrap();
        let first = of(&place("a")).unwrap().unwrap();
        assert_eq!(first.size, ByteSize(6));
        fs::rename(place("a"), place("b")).unwrap();
        assert_eq!(of(&place("b")).unwrap(), Some(first));
        fs::rename(place("b/y"), place("b/z")).unwrap();
        assert_ne!(of(&place("b")).unwrap().unwrap().digest, first.digest);
        fs::rename(place("b/z"), place("b/y")).unwrap();
        fs::rename(place("b/inner/x"), place("b/x")).unwrap();
        assert_ne!(of(&place("b")).unwrap().unwrap().digest, first.digest);

        assert_eq!(of(&place("b/x")).unwrap().unwrap().digest, Digest::of(b"12345"));
        assert_eq!(of(&place("nothing")).unwrap(), None);
    }
}
