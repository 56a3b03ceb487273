//! A wheel, opened: what it holds and what it says about itself.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use lightship_base::Digest;
use lightship_codec::tar::{RootPath, display_path};

use super::archive::{Archive, Bytes, Failure, Member, safe_path};
use super::content::WheelContent;
use super::entry_points::{self, EntryPoint};
use super::error::{Error, Flaw};
use super::name::WheelName;
use super::record::{self, Recorded};
use super::version::parse_version;
use crate::parcel::Content;
use crate::python::{Metadata, normalise_name, parse_metadata};

/// Describing files are read whole; the largest have some megabytes.
const MOST_DESCRIPTION: u64 = 64 << 20;

/// A wheel whose every file is in RECORD, with a name that means the same to everybody. Clones share
/// the open file; contents may be read by several threads at once.
#[derive(Clone)]
pub struct Wheel {
    name: WheelName,
    dist_info: RootPath,
    data: Option<RootPath>,
    root_is_purelib: bool,
    metadata: Metadata,
    entry_points: Vec<EntryPoint>,
    top_level: Vec<String>,
    files: Vec<WheelFile>,
}

/// A file of a wheel that has a digest: every one but RECORD itself and signatures of it.
#[derive(Debug, Clone)]
pub struct WheelFile {
    /// Its path in the archive.
    pub path: RootPath,
    /// What RECORD says of its bytes.
    pub digest: Digest,
    /// Whether it is to be executable.
    pub executable: bool,
    /// Its bytes, checked against RECORD while they are read.
    pub content: Content,
}

impl Wheel {
    /// Opens a wheel by path, under the name that an index or a lock gives it: in a store a file is
    /// named by its digest.
    pub fn open(path: &Path, name: &WheelName) -> Result<Self, Error> {
        let bytes = Bytes::open(path).map_err(|source| unreadable(name, source))?;
        Self::read(bytes, name, None)
    }

    /// The same for a wheel whose bytes have this digest, as the caller knows: then its files have an
    /// identity.
    pub fn open_known(path: &Path, name: &WheelName, digest: Digest) -> Result<Self, Error> {
        let bytes = Bytes::open(path).map_err(|source| unreadable(name, source))?;
        Self::read(bytes, name, Some(digest))
    }

    /// A wheel in memory.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>, name: &WheelName) -> Result<Self, Error> {
        Self::read(Bytes::Memory(bytes.into()), name, None)
    }

    fn read(bytes: Bytes, name: &WheelName, digest: Option<Digest>) -> Result<Self, Error> {
        Opening::read(bytes, name, digest).map_err(|failure| match failure {
            Failure::Io(source) => unreadable(name, source),
            Failure::Flaw(flaw) => Error::Refused { wheel: name.to_string(), flaw },
        })
    }

    /// Its file name.
    pub fn name(&self) -> &WheelName {
        &self.name
    }

    /// What METADATA says.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Its programs.
    pub fn entry_points(&self) -> &[EntryPoint] {
        &self.entry_points
    }

    /// The names that `top_level.txt` lists, if there is one.
    pub fn top_level(&self) -> &[String] {
        &self.top_level
    }

    /// Whether what lies at its top goes to `purelib`, not to `platlib`.
    pub fn root_is_purelib(&self) -> bool {
        self.root_is_purelib
    }

    /// The folder that describes the distribution: `six-1.17.0.dist-info`.
    pub fn dist_info(&self) -> &RootPath {
        &self.dist_info
    }

    /// The folder whose parts go elsewhere: `six-1.17.0.data`.
    pub(super) fn data(&self) -> Option<&RootPath> {
        self.data.as_ref()
    }

    /// Its files in order, but for RECORD and signatures of it.
    pub fn files(&self) -> &[WheelFile] {
        &self.files
    }

    pub(super) fn refuse(&self, flaw: Flaw) -> Error {
        Error::Refused { wheel: self.name.to_string(), flaw }
    }
}

impl fmt::Debug for Wheel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wheel({}, {} files)", self.name, self.files.len())
    }
}

pub(super) fn unreadable(name: &WheelName, source: io::Error) -> Error {
    Error::Io { attempt: "read", wheel: name.to_string(), source }
}

/// A wheel whose describing files are being read.
struct Opening<'a> {
    name: &'a WheelName,
    archive: Arc<Archive>,
    dist_info: RootPath,
    /// Of the wheel's bytes, where it is known.
    digest: Option<Digest>,
}

impl Opening<'_> {
    fn read(bytes: Bytes, name: &WheelName, digest: Option<Digest>) -> Result<Wheel, Failure> {
        let archive = Arc::new(Archive::open(bytes)?);
        let dist_info = dist_info(&archive, name)?;
        let data = data_folder(&archive, name)?;
        let opening = Opening { name, archive, dist_info, digest };
        let files = opening.files()?;
        let root_is_purelib = opening.format(&files)?;
        let metadata = opening.metadata(&files)?;
        let points = opening.optional("entry_points.txt", &files)?;
        let top_level = opening.optional("top_level.txt", &files)?.unwrap_or_default();
        Ok(Wheel {
            name: name.clone(),
            dist_info: opening.dist_info,
            data,
            root_is_purelib,
            metadata,
            entry_points: entry_points::parse(&points.unwrap_or_default())?,
            top_level: String::from_utf8_lossy(&top_level)
                .lines()
                .map(|line| line.trim().to_owned())
                .filter(|line| !line.is_empty())
                .collect(),
            files,
        })
    }

    /// Holds the archive's members against RECORD's rows: each has one of the other.
    fn files(&self) -> Result<Vec<WheelFile>, Failure> {
        let mut rows = self.rows()?;
        let mut files = Vec::with_capacity(self.archive.files.len());
        for (path, member) in &self.archive.files {
            let shown = display_path(path.as_bytes());
            let row = rows.remove(path);
            if self.is_unhashed(path) {
                continue;
            }
            let row = row.ok_or_else(|| Flaw::Unrecorded(shown.clone()))?;
            let digest = match row.digest {
                Recorded::Sha256(digest) => digest,
                Recorded::Other(kind) => {
                    let kind = display_path(&kind.as_bytes()[..kind.floor_char_boundary(40)]);
                    return Err(Flaw::OtherDigest { member: shown, kind }.into());
                }
                Recorded::Nothing => return Err(Flaw::NoDigest(shown).into()),
            };
            if row.size.is_some_and(|size| size != member.size) {
                return Err(Flaw::OtherSize(shown).into());
            }
            let content = Content::new(WheelContent {
                archive: Arc::clone(&self.archive),
                member: *member,
                digest,
                wheel: self.digest,
                name: format!("{}, {shown}", self.name).into(),
            });
            let executable = member.executable;
            files.push(WheelFile { path: path.clone(), digest, executable, content });
        }
        match rows.keys().find(|path| !self.is_unhashed(path)) {
            Some(path) => Err(Flaw::RecordedOnly(display_path(path.as_bytes())).into()),
            None => Ok(files),
        }
    }

    fn rows(&self) -> Result<BTreeMap<RootPath, record::Row>, Failure> {
        let path = self.described("RECORD");
        let member = self.archive.files.get(&path).ok_or(Flaw::Missing("RECORD"))?;
        let bytes = self.unverified(member)?;
        let unreadable = |reason| Flaw::Unreadable { file: "RECORD", reason };
        let mut rows = BTreeMap::new();
        for row in record::parse(&bytes).map_err(unreadable)? {
            let path = safe_path(row.path.as_bytes())?;
            if let Some(other) = rows.insert(path, row.clone())
                && other != row
            {
                let reason = format!("it has two rows for `{}`", display_path(row.path.as_bytes()));
                return Err(unreadable(reason).into());
            }
        }
        Ok(rows)
    }

    /// RECORD cannot hold its own digest; signatures are made after it.
    fn is_unhashed(&self, path: &RootPath) -> bool {
        ["RECORD", "RECORD.jws", "RECORD.p7s"].iter().any(|name| *path == self.described(name))
    }

    fn described(&self, name: &str) -> RootPath {
        let parts = self.dist_info.components().chain([name.as_bytes()]);
        RootPath::from_components(parts)
    }

    /// RECORD's bytes: nothing but the archive's own checksum vouches for them.
    fn unverified(&self, member: &Member) -> Result<Vec<u8>, Failure> {
        let unreadable = |reason: String| Flaw::Unreadable { file: "RECORD", reason };
        if member.size > MOST_DESCRIPTION {
            return Err(unreadable("it is larger than any".to_owned()).into());
        }
        let mut bytes = Vec::new();
        let read = self.archive.reader(member).take(member.size + 1).read_to_end(&mut bytes);
        read.map_err(|error| unreadable(error.to_string()))?;
        let mut crc = flate2::Crc::new();
        crc.update(&bytes);
        if bytes.len() as u64 != member.size || crc.sum() != member.crc {
            return Err(unreadable("its checksum is wrong".to_owned()).into());
        }
        Ok(bytes)
    }

    fn optional(
        &self,
        name: &'static str,
        files: &[WheelFile],
    ) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.described(name);
        let found = files.binary_search_by(|file| file.path.cmp(&path)).ok();
        let read = |at: usize| files[at].content.read(MOST_DESCRIPTION);
        let bytes = found.map(read).transpose();
        Ok(bytes.map_err(|error| Flaw::Unreadable { file: name, reason: error.to_string() })?)
    }

    fn required(&self, name: &'static str, files: &[WheelFile]) -> Result<Vec<u8>, Failure> {
        self.optional(name, files)?.ok_or_else(|| Flaw::Missing(name).into())
    }

    /// Reads WHEEL: whether the root is `purelib`.
    fn format(&self, files: &[WheelFile]) -> Result<bool, Failure> {
        let bytes = self.required("WHEEL", files)?;
        let text = String::from_utf8_lossy(&bytes);
        let header = |wanted: &str| {
            let mut headers = text.lines().filter_map(|line| line.split_once(':'));
            let found = headers.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.trim().to_owned())
        };
        let unversioned =
            Flaw::Unreadable { file: "WHEEL", reason: "it has no `Wheel-Version`".to_owned() };
        let version = header("Wheel-Version").ok_or(unversioned)?;
        if version.split('.').next() != Some("1") {
            return Err(Flaw::Format(display_path(version.as_bytes())).into());
        }
        Ok(header("Root-Is-Purelib").is_some_and(|value| value.eq_ignore_ascii_case("true")))
    }

    fn metadata(&self, files: &[WheelFile]) -> Result<Metadata, Failure> {
        let bytes = self.required("METADATA", files)?;
        let nameless = Flaw::Unreadable { file: "METADATA", reason: "it has no `Name`".to_owned() };
        let metadata = parse_metadata(&bytes).ok_or(nameless)?;
        let same = normalise_name(&metadata.name) == self.name.distribution()
            && parse_version(&metadata.version).is_some_and(|it| it == *self.name.version());
        if same {
            return Ok(metadata);
        }
        let said = format!("{} {}", metadata.name, metadata.version);
        Err(Flaw::OtherMetadata {
            said: display_path(&said.as_bytes()[..said.floor_char_boundary(200)]),
            expected: format!("{} {}", self.name.distribution(), self.name.version()),
        }
        .into())
    }
}

/// The folders at the archive's top that end like this.
fn folders(archive: &Archive, suffix: &[u8]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    for path in archive.files.keys() {
        let mut components = path.components();
        if let (Some(top), Some(_)) = (components.next(), components.next())
            && top.to_ascii_lowercase().ends_with(suffix)
            && found.last().is_none_or(|last| last != top)
        {
            found.push(top.to_vec());
        }
    }
    found
}

fn dist_info(archive: &Archive, name: &WheelName) -> Result<RootPath, Flaw> {
    let found = folders(archive, b".dist-info");
    match &found[..] {
        [one] if is_of(one, b".dist-info", name) => {
            Ok(RootPath::from_components(std::iter::once(&one[..])))
        }
        [other] => Err(Flaw::ForeignFolder(display_path(other))),
        several => Err(Flaw::DistInfo(several.len())),
    }
}

fn data_folder(archive: &Archive, name: &WheelName) -> Result<Option<RootPath>, Flaw> {
    let found = folders(archive, b".data");
    match found.iter().find(|folder| !is_of(folder, b".data", name)) {
        Some(foreign) => Err(Flaw::ForeignFolder(display_path(foreign))),
        None if found.len() > 1 => Err(Flaw::ForeignFolder(display_path(&found[1]))),
        None => Ok(found.first().map(|one| RootPath::from_components(std::iter::once(&one[..])))),
    }
}

/// Whether a folder `name-version.suffix` is of this distribution. Old tools did not normalise names.
fn is_of(folder: &[u8], suffix: &[u8], name: &WheelName) -> bool {
    let stem = folder.strip_suffix(suffix).and_then(|stem| std::str::from_utf8(stem).ok());
    let Some((distribution, version)) = stem.and_then(|stem| stem.rsplit_once('-')) else {
        return false;
    };
    normalise_name(distribution) == name.distribution()
        && parse_version(&version.replace('_', "-")).is_some_and(|it| it == *name.version())
}
