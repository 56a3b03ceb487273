//! What a snapshot's folder cannot say, in files beside it.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use lightship_oci::rootfs::Meta;
use lightship_oci::tar::Mtime;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Error;

/// The folder for overlayfs.
pub(super) const FS: &str = "fs";
/// [`About`], or what is the same of a plan.
pub(super) const ABOUT: &str = "about.json";
/// True owners.
pub(super) const OWNERS: &str = "owners";

/// The format of these files. A snapshot of another format is made again.
pub(super) const VERSION: u32 = 1;

/// A snapshot's own notes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The format of this file.
    pub version: u32,
    /// Entries in the tar, or in all of them.
    pub entries: u64,
    /// Devices that were left out: nobody but root may make them, and sandboxes have their own.
    pub skipped: Skipped,
    /// Extended attributes that this machine, or this way of owning files, cannot have.
    pub dropped_xattrs: u64,
    /// Why this layer means something else when it is stacked than when it is unpacked onto others.
    pub obstacle: Option<String>,
    /// The root folder, where the tar declares it.
    pub root: Option<SavedMeta>,
    /// Folders that the tar needs but did not declare, at least not before it put something in.
    pub implied: Vec<ImpliedFolder>,
    /// Folders that hide all that lower layers have in them.
    pub opaque: Vec<PathText>,
}

/// [`Meta`] in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedMeta {
    mode: u32,
    owner: (u64, u64),
    mtime: (i64, u32),
    xattrs: Vec<(PathText, Vec<u8>)>,
}

impl From<&Meta> for SavedMeta {
    fn from(meta: &Meta) -> Self {
        let xattrs = meta.xattrs.iter().flat_map(|xattrs| xattrs.iter());
        Self {
            mode: meta.mode,
            owner: (meta.uid, meta.gid),
            mtime: (meta.mtime.secs, meta.mtime.nanos),
            xattrs: xattrs.map(|(name, value)| (PathText(name.clone()), value.clone())).collect(),
        }
    }
}

impl From<SavedMeta> for Meta {
    fn from(saved: SavedMeta) -> Self {
        let xattrs = saved.xattrs.into_iter().map(|(name, value)| (name.0, value));
        let xattrs: BTreeMap<Vec<u8>, Vec<u8>> = xattrs.collect();
        Self {
            mode: saved.mode,
            uid: saved.owner.0,
            gid: saved.owner.1,
            mtime: Mtime { secs: saved.mtime.0, nanos: saved.mtime.1 },
            xattrs: (!xattrs.is_empty()).then(|| Box::new(xattrs)),
        }
    }
}

/// Devices that were left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// How many.
    pub count: u64,
    /// The first thousand.
    pub first: Vec<PathText>,
}

/// A folder that was first of all the folder of something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImpliedFolder {
    /// Where it is.
    pub path: PathText,
    /// Whether the tar declared it afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub declared: bool,
    /// Whether the tar removes what lower layers have at this very path.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh: bool,
}

/// A path, from the root, without a slash before it; the root is empty. In JSON it is a text, or a list
/// of bytes where it is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathText(pub Vec<u8>);

impl Serialize for PathText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => self.0.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for PathText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(String),
            Bytes(Vec<u8>),
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::Text(text) => text.into_bytes(),
            Either::Bytes(bytes) => bytes,
        }))
    }
}

/// Devices named in [`Skipped`].
const MAX_NAMED: usize = 1_000;

impl Skipped {
    pub(super) fn add(&mut self, path: Vec<u8>) {
        self.count += 1;
        if self.first.len() < MAX_NAMED {
            self.first.push(PathText(path));
        }
    }
}

/// Writes one of these files; returns its size in bytes.
pub(super) fn write<T: Serialize>(tree: &Path, value: &T) -> Result<u64, Error> {
    let path = tree.join(ABOUT);
    let bytes =
        serde_json::to_vec(value).map_err(|e| Error::io("write", &path)(io::Error::from(e)))?;
    std::fs::write(&path, &bytes).map_err(Error::io("write", &path))?;
    Ok(bytes.len() as u64)
}

/// Reads it; none if it is damaged or not there.
pub(super) fn read<T: DeserializeOwned>(tree: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(tree.join(ABOUT)).ok()?).ok()
}

/// Notes owners while a layer is unpacked: `uid gid path`, each ended by NUL, since paths have lines.
#[derive(Debug)]
pub(super) struct OwnersWriter {
    file: BufWriter<File>,
    bytes: u64,
}

impl OwnersWriter {
    pub(super) fn create(tree: &Path) -> Result<Self, Error> {
        let path = tree.join(OWNERS);
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        Ok(Self { file: BufWriter::new(file), bytes: 0 })
    }

    pub(super) fn note(&mut self, path: &[u8], uid: u64, gid: u64) -> io::Result<()> {
        let ids = format!("{uid} {gid} ");
        self.bytes += (ids.len() + path.len() + 1) as u64;
        self.file.write_all(ids.as_bytes())?;
        self.file.write_all(path)?;
        self.file.write_all(b"\0")
    }

    /// The file's size.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        self.file.flush()?;
        Ok(self.bytes)
    }
}

/// Takes the notes away again.
pub(super) fn remove_owners(tree: &Path) -> Result<(), Error> {
    let path = tree.join(OWNERS);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", &path)(error))
        }
        _ => Ok(()),
    }
}

/// The true owners in a tree whose files all belong to the caller: user and group by path, where they
/// are not 0:0. A file with several names has the owner that was noted last for any of them.
pub fn owners(tree: &Path) -> io::Result<HashMap<Vec<u8>, (u64, u64)>> {
    let file = match File::open(tree.join(OWNERS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashMap::new()),
        file => file?,
    };
    let mut owners = HashMap::new();
    for line in BufReader::new(file).split(0) {
        let line = line?;
        let mut fields = line.splitn(3, |byte| *byte == b' ');
        let mut number = || std::str::from_utf8(fields.next()?).ok()?.parse::<u64>().ok();
        let (uid, gid) = (number(), number());
        if let (Some(uid), Some(gid), Some(path)) = (uid, gid, fields.next()) {
            owners.insert(path.to_vec(), (uid, gid));
        }
    }
    owners.retain(|_, ids| *ids != (0, 0));
    Ok(owners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_survive_json() {
        for path in [&b""[..], b"a/b", b"caf\xc3\xa9", b"caf\xe9", b"\n\0"] {
            let text = serde_json::to_string(&PathText(path.to_vec())).unwrap();
            assert_eq!(serde_json::from_str::<PathText>(&text).unwrap().0, path, "{text}");
        }
    }

    #[test]
    fn the_last_note_on_an_owner_counts() {
        let folder = tempfile::tempdir().unwrap();
        assert!(owners(folder.path()).unwrap().is_empty());
        let mut writer = OwnersWriter::create(folder.path()).unwrap();
        for (path, uid, gid) in [("a b\nc", 1, 2), ("d", 3, 4), ("d", 0, 0), ("", 5, u64::MAX)] {
            writer.note(path.as_bytes(), uid, gid).unwrap();
        }
        let size = writer.finish().unwrap();
        assert_eq!(size, std::fs::metadata(folder.path().join(OWNERS)).unwrap().len());
        let expected = [(b"a b\nc".to_vec(), (1, 2)), (Vec::new(), (5, u64::MAX))];
        assert_eq!(owners(folder.path()).unwrap(), HashMap::from(expected));
    }
}
