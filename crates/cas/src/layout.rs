//! Where everything lies in the store's folder, and how that folder comes about.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use lightship_base::Digest;

use crate::{Error, TreeKind, lock};

/// The format written here. It changes when a program that knows only the old one could lose or
/// misread something.
const FORMAT: u32 = 1;

/// What a store's folder may hold. A folder that holds anything else is somebody's, not ours.
const ENTRIES: [&str; 9] =
    ["version", "lock", "gate", "blobs", "trees", "tmp", "partial", "leases", "refs"];

/// The paths of one store.
#[derive(Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Opens the store at `root`, or makes one there.
    pub(crate) fn open(root: &Path) -> Result<Self, Error> {
        match fs::metadata(root) {
            Ok(found) if !found.is_dir() => {
                return Err(Error::NotAFolder { root: root.to_owned() });
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(root).map_err(Error::io("create the folder", root))?;
            }
            Err(error) => return Err(Error::io("open the store", root)(error)),
        }
        let layout = Self { root: root.to_owned() };
        let known = layout.check_format()?;
        if !known {
            layout.refuse_strangers()?;
        }
        layout.ensure_parts()?;
        if !known {
            layout.write_format()?;
        }
        Ok(layout)
    }

    /// Whether there is a format's number, and one that we know.
    fn check_format(&self) -> Result<bool, Error> {
        let path = self.root.join("version");
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        match text.trim().parse::<u32>() {
            Ok(found) if found > FORMAT => {
                Err(Error::NewerFormat { root: self.root.clone(), found, supported: FORMAT })
            }
            Ok(_) => Ok(true),
            Err(_) => Err(Error::UnreadableFormat { path, text: text.trim().to_owned() }),
        }
    }

    /// A folder without the number is either empty, or a store whose making was interrupted.
    fn refuse_strangers(&self) -> Result<(), Error> {
        for entry in read_dir(&self.root)? {
            let name = entry.file_name();
            if !ENTRIES.iter().any(|known| name == *known) {
                let entry = name.to_string_lossy().into_owned();
                return Err(Error::NotAStore { root: self.root.clone(), entry });
            }
        }
        Ok(())
    }

    /// Makes what is missing; writes nothing where nothing is, so that a store on a read-only file
    /// system opens.
    fn ensure_parts(&self) -> Result<(), Error> {
        let folders = [self.blobs(), self.tmp(), self.partials(), self.leases(), self.refs()];
        for folder in folders {
            fs::create_dir_all(&folder).map_err(Error::io("create the folder", &folder))?;
        }
        for file in [self.lock(), self.gate()] {
            if !file.exists() {
                OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(&file)
                    .map_err(Error::io("create", &file))?;
            }
        }
        Ok(())
    }

    /// Last of all, so that a folder with a number is a whole store. Two processes may do this at
    /// once; both write the same.
    fn write_format(&self) -> Result<(), Error> {
        let guard = lock::shared(self)?;
        self.replace(&guard, &self.root.join("version"), format!("{FORMAT}\n").as_bytes())
    }

    /// Writes a small file whole or not at all, surviving a power failure. The shared lock keeps
    /// `gc` from taking the temporary file for a leftover.
    pub(crate) fn replace(&self, _: &lock::Shared, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let (mut file, temporary) = create_unique(&self.tmp(), "file-")?;
        let written = file
            .write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(Error::io("write", &temporary))
            .and_then(|()| fs::rename(&temporary, path).map_err(Error::io("write", path)));
        if written.is_err() {
            // The failure is what counts; a leftover goes with the next gc.
            let _ = fs::remove_file(&temporary);
        }
        written?;
        sync_folder(path.parent().unwrap_or(&self.root))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(crate) fn gate(&self) -> PathBuf {
        self.root.join("gate")
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs").join("sha256")
    }

    /// 256 folders keep each of them short; they are made when needed and never removed, so that
    /// nobody has to guard the moment between making one and using it.
    pub(crate) fn shard(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(&digest.hex()[..2])
    }

    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        self.shard(digest).join(digest.hex())
    }

    /// Made with the first tree: a store of blobs only need not have it.
    pub(crate) fn trees(&self) -> PathBuf {
        self.root.join("trees")
    }

    pub(crate) fn tree(&self, kind: TreeKind, digest: &Digest) -> PathBuf {
        self.trees().join(kind.as_str()).join(digest.hex())
    }

    pub(crate) fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub(crate) fn partials(&self) -> PathBuf {
        self.root.join("partial")
    }

    pub(crate) fn partial(&self, digest: &Digest) -> PathBuf {
        self.partials().join(digest.hex())
    }

    pub(crate) fn leases(&self) -> PathBuf {
        self.root.join("leases")
    }

    pub(crate) fn refs(&self) -> PathBuf {
        self.root.join("refs")
    }

    /// The size of a blob in bytes, if it is there.
    pub(crate) fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        let path = self.blob(digest);
        match fs::metadata(&path) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("look at", &path)(error)),
        }
    }
}

/// Creates a file that nobody else has, named by process and counter. The process id alone is not
/// unique: containers that share a store may have equal ones. Hence the attempts.
pub(crate) fn create_unique(folder: &Path, prefix: &str) -> Result<(File, PathBuf), Error> {
    loop {
        let path = unique(folder, prefix);
        match OpenOptions::new().read(true).append(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io("create", &path)(error)),
        }
    }
}

/// The same for a folder, with exactly these permissions or fewer.
pub(crate) fn create_unique_folder(
    folder: &Path,
    prefix: &str,
    mode: u32,
) -> Result<PathBuf, Error> {
    loop {
        let path = unique(folder, prefix);
        match DirBuilder::new().mode(mode).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io("create the folder", &path)(error)),
        }
    }
}

fn unique(folder: &Path, prefix: &str) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    folder.join(format!("{prefix}{}-{count}", std::process::id()))
}

/// Makes a folder's entries survive a power failure.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(Error::io("sync the folder", folder))
}

/// A folder's entries, in the order of their names.
pub(crate) fn read_dir(folder: &Path) -> Result<Vec<fs::DirEntry>, Error> {
    let mut entries = fs::read_dir(folder)
        .and_then(Iterator::collect::<io::Result<Vec<_>>>)
        .map_err(Error::io("list the folder", folder))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    Ok(entries)
}

/// The same for a folder that need not be there.
pub(crate) fn read_dir_if_there(folder: &Path) -> Result<Vec<fs::DirEntry>, Error> {
    match read_dir(folder) {
        Err(Error::Io { source, .. }) if is_no_folder(&source) => Ok(Vec::new()),
        entries => entries,
    }
}

fn is_no_folder(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_made_once_and_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("a/b/store");
        Layout::open(&root).unwrap();
        assert_eq!(fs::read_to_string(root.join("version")).unwrap(), "1\n");
        assert_eq!(fs::read_dir(root.join("tmp")).unwrap().count(), 0);
        Layout::open(&root).unwrap();
    }

    #[test]
    fn an_interrupted_making_is_completed() {
        let folder = tempfile::tempdir().unwrap();
        Layout::open(folder.path()).unwrap();
        fs::remove_file(folder.path().join("version")).unwrap();
        fs::remove_dir(folder.path().join("refs")).unwrap();
        Layout::open(folder.path()).unwrap();
        assert!(folder.path().join("version").exists() && folder.path().join("refs").exists());
    }

    #[test]
    fn what_is_no_store_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("thesis.tex");
        fs::write(&file, "x").unwrap();
        assert!(matches!(Layout::open(&file), Err(Error::NotAFolder { .. })));
        assert!(matches!(Layout::open(folder.path()),
            Err(Error::NotAStore { entry, .. }) if entry == "thesis.tex"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made in it");
    }

    #[test]
    fn newer_and_unreadable_formats_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        Layout::open(folder.path()).unwrap();
        fs::write(folder.path().join("version"), "2\n").unwrap();
        assert!(matches!(
            Layout::open(folder.path()),
            Err(Error::NewerFormat { found: 2, supported: 1, .. })
        ));
        fs::write(folder.path().join("version"), "two").unwrap();
        assert!(matches!(Layout::open(folder.path()), Err(Error::UnreadableFormat { .. })));
    }

    #[test]
    fn a_path_that_is_too_long_says_so() {
        use lightship_base::{Category, Diagnose};
        let folder = tempfile::tempdir().unwrap();
        let error = Layout::open(&folder.path().join("x".repeat(300))).unwrap_err();
        assert_eq!(error.category(), Category::Machine);
        assert!(error.hints()[0].to_string().contains("shorter"), "{error}");
    }
}
