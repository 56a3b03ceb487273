//! Refs: names that keep blobs alive for good.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use lightship_base::{Digest, Timestamp};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, utimensat};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::layout::{Layout, read_dir, sync_folder};
use crate::name::{check_kind, escape, unescape};
use crate::{Cas, Error, lock};

/// A ref holds a few descriptors; what is larger than this is no ref.
const MAX_REF_BYTES: u64 = 64 * 1024 * 1024;

/// What sort of thing a name names: `images`, `wheels`. Each kind's names are apart from the others'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefKind(&'static str);

impl RefKind {
    /// A kind is a folder's name, chosen in source code: lower-case letters and `-`. Meant for
    /// constants, where a wrong one does not compile.
    ///
    /// # Panics
    /// Where `kind` is something else.
    pub const fn new(kind: &'static str) -> Self {
        check_kind(kind);
        Self(kind)
    }

    /// As it was given.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefValue {
    /// The blobs it keeps alive, with everything that they lead to.
    pub roots: Vec<Digest>,
    /// Whatever its owner wants to remember; the store does not look inside.
    pub data: Value,
}

/// A name and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefEntry {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub value: RefValue,
}

impl Cas {
    /// Sets a name, at once and durably, whether or not it existed. All roots must be there. The
    /// caller holds a lease over everything that the roots lead to, until this returns.
    pub fn set_ref(&self, kind: RefKind, name: &str, value: &RefValue) -> Result<(), Error> {
        let path = path_of(&self.layout, kind, name)?;
        let bytes = serde_json::to_vec_pretty(value)
            .map_err(|error| Error::io("write", &path)(io::Error::from(error)))?;
        let guard = lock::shared(&self.layout)?;
        for root in &value.roots {
            if self.layout.blob_size(root)?.is_none() {
                return Err(Error::MissingRoot { name: name.to_owned(), digest: *root });
            }
        }
        let folder = self.layout.refs().join(kind.0);
        if !folder.is_dir() {
            fs::create_dir_all(&folder).map_err(Error::io("create the folder", &folder))?;
            sync_folder(&self.layout.refs())?;
        }
        self.layout.replace(&guard, &path, &bytes)
    }

    /// What a name stands for now; `None` if there is no such name. To use what it names, ask
    /// [`crate::Lease::pin`] instead.
    pub fn get_ref(&self, kind: RefKind, name: &str) -> Result<Option<RefValue>, Error> {
        read(&self.layout, kind, name)
    }

    /// All names of a kind, in the order of their file names.
    pub fn list_refs(&self, kind: RefKind) -> Result<Vec<RefEntry>, Error> {
        list_folder(&self.layout.refs().join(kind.0), &BTreeSet::new())
    }

    /// Removes a name, durably; says whether it was there. Its blobs go with the next `gc`. Works on
    /// damaged refs too.
    pub fn remove_ref(&self, kind: RefKind, name: &str) -> Result<bool, Error> {
        let path = path_of(&self.layout, kind, name)?;
        let _guard = lock::shared(&self.layout)?;
        match fs::remove_file(&path) {
            // Durable before anybody can collect: else a power failure could bring the name back
            // without its blobs.
            Ok(()) => sync_folder(&self.layout.refs().join(kind.0)).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io("remove", &path)(error)),
        }
    }
}

fn path_of(layout: &Layout, kind: RefKind, name: &str) -> Result<PathBuf, Error> {
    Ok(layout.refs().join(kind.0).join(escape(name)?))
}

pub(crate) fn read(layout: &Layout, kind: RefKind, name: &str) -> Result<Option<RefValue>, Error> {
    read_file(&path_of(layout, kind, name)?)
}

fn read_file(path: &Path) -> Result<Option<RefValue>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open", path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_REF_BYTES).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| Error::CorruptRef { path: path.to_owned(), reason: error.to_string() })
}

/// Notes that a ref was used. A store that cannot be written to does not age.
pub(crate) fn touch(layout: &Layout, kind: RefKind, name: &str) {
    let Ok(path) = path_of(layout, kind, name) else { return };
    let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let times = Timestamps { last_access: omit, last_modification: now };
    let _ = utimensat(CWD, &path, &times, AtFlags::empty());
}

/// Files of the refs of these kinds that were set or used last before a moment.
pub(crate) fn older(
    layout: &Layout,
    kinds: &[RefKind],
    before: Timestamp,
) -> Result<BTreeSet<PathBuf>, Error> {
    let mut found = BTreeSet::new();
    for kind in kinds {
        let folder = layout.refs().join(kind.0);
        if !folder.is_dir() {
            continue;
        }
        for entry in read_dir(&folder)? {
            let path = entry.path();
            let used = match entry.metadata().and_then(|about| about.modified()) {
                Ok(used) => used,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io("look at", &path)(error)),
            };
            if Timestamp::try_from(used).is_ok_and(|used| used < before) {
                found.insert(path);
            }
        }
    }
    Ok(found)
}

/// Makes removals of refs of these kinds durable.
pub(crate) fn sync(layout: &Layout, kinds: &[RefKind]) -> Result<(), Error> {
    let folders = kinds.iter().map(|kind| layout.refs().join(kind.0));
    folders.filter(|folder| folder.is_dir()).try_for_each(|folder| sync_folder(&folder))
}

fn list_folder(folder: &Path, but: &BTreeSet<PathBuf>) -> Result<Vec<RefEntry>, Error> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut entries = Vec::new();
    for entry in read_dir(folder)? {
        let path = entry.path();
        if but.contains(&path) {
            continue;
        }
        let Some(name) = entry.file_name().to_str().and_then(unescape) else {
            return Err(Error::CorruptRef { path, reason: "its file name is no name".to_owned() });
        };
        // Removed since the folder was read: then it is not in the list.
        if let Some(value) = read_file(&path)? {
            entries.push(RefEntry { name, value });
        }
    }
    Ok(entries)
}

/// All refs of all kinds, also of kinds that this program does not know.
pub(crate) fn all(layout: &Layout) -> Result<Vec<(String, Vec<RefEntry>)>, Error> {
    all_but(layout, &BTreeSet::new())
}

/// The same without those in these files.
pub(crate) fn all_but(
    layout: &Layout,
    but: &BTreeSet<PathBuf>,
) -> Result<Vec<(String, Vec<RefEntry>)>, Error> {
    read_dir(&layout.refs())?
        .into_iter()
        .map(|entry| {
            let kind = entry.file_name().to_string_lossy().into_owned();
            Ok((kind, list_folder(&entry.path(), but)?))
        })
        .collect()
}
