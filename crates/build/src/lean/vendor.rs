//! A folder with everything that a lock names, for machines without a network: written from the store, and
//! read back into one. Files have the names that people know them by; which bytes they must have is said
//! by the lock alone.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use lightship_base::{Category, Diagnose, Digest, HashingReader, Hint};
use lightship_cas::{Cas, Lease};
use lightship_packages::lock::{Deb, FILE_NAME, Lock, LockedFile};
use rayon::prelude::*;
use serde::Serialize;

/// The list of what is in the folder: for people and for other tools. Here it only says what an earlier run
/// put there.
pub const LIST: &str = "vendor.json";

const COPY_BUFFER: usize = 128 * 1024;

/// A file that a lock names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    /// What it is.
    pub kind: Kind,
    /// Its name, without a folder.
    pub name: String,
    /// Its bytes.
    pub sha256: Digest,
    /// How many they are, where the lock says so.
    pub size: Option<u64>,
}

/// What a file of a lock is. Each kind has a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A package of the distribution.
    Deb,
    /// A wheel: of an index, of a build, or built here.
    Wheel,
    /// The source of a distribution.
    Sdist,
    /// The archive of an interpreter.
    Interpreter,
}

/// Why a folder of packages cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The store failed; where a file is not what the lock says, this shows here.
    #[error("cannot take {} into the store", path.display())]
    Store {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: lightship_cas::Error,
    },
    /// Neither the folder nor the store has what an image is made of.
    #[error("{} lacks {}", folder.display(), some(names))]
    Lacking {
        /// The folder.
        folder: PathBuf,
        /// Names of files.
        names: Vec<String>,
    },
    /// The lock itself cannot be written.
    #[error(transparent)]
    Lock(#[from] lightship_packages::lock::Error),
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Files that the folder has of the lock.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those of the files that were there already.
    pub present: u64,
    /// Files of earlier runs that the lock does not name any more, and that were removed.
    pub removed: u64,
}

#[derive(Serialize)]
struct Listed<'a> {
    file: String,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip)]
    input: &'a Input,
}

impl Kind {
    const fn folder(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Wheel => "wheel",
            Self::Sdist => "sdist",
            Self::Interpreter => "interpreter",
        }
    }
}

/// Everything that an image is made of.
pub fn needed(lock: &Lock) -> Vec<Input> {
    let debs = lock.debs.iter().map(of_debian);
    let built = lock.sdists.iter().filter_map(|sdist| sdist.built.as_ref());
    let wheels = lock.wheels.iter().map(|wheel| &wheel.file).chain(built);
    let wheels = wheels.map(|file| of_python(Kind::Wheel, file));
    let interpreters = lock.interpreters.iter().map(|one| of_python(Kind::Interpreter, &one.file));
    unique(debs.chain(wheels).chain(interpreters).collect())
}

/// Sources and what is needed to build them: for whoever wants to do that again. An image is made of the
/// wheels that came of it.
pub fn sources(lock: &Lock) -> Vec<Input> {
    let sdists = lock.sdists.iter().map(|sdist| of_python(Kind::Sdist, &sdist.file));
    let build = lock.sdists.iter().flat_map(|sdist| &sdist.build);
    let build = build.map(|required| of_python(Kind::Wheel, &required.file));
    unique(sdists.chain(build).chain(lock.build_debs.iter().map(of_debian)).collect())
}

fn of_debian(deb: &Deb) -> Input {
    let name = deb.file.rsplit('/').next().unwrap_or(&deb.file).to_owned();
    Input { kind: Kind::Deb, name, sha256: deb.sha256, size: Some(deb.size) }
}

fn of_python(kind: Kind, file: &LockedFile) -> Input {
    Input { kind, name: file.name.clone(), sha256: file.sha256, size: file.size }
}

fn unique(mut inputs: Vec<Input>) -> Vec<Input> {
    inputs.sort();
    inputs.dedup_by(|a, b| (a.kind, &a.name, a.sha256) == (b.kind, &b.name, b.sha256));
    inputs
}

/// Writes the files of a lock, which the store must have, and the lock itself, into a folder.
pub fn write(lock: &Lock, cas: &Cas, folder: &Path) -> Result<Written, VendorError> {
    let all = unique(needed(lock).into_iter().chain(sources(lock)).collect());
    let mut taken: BTreeMap<(Kind, &str), Digest> = BTreeMap::new();
    let listed = all.iter().map(|input| {
        let first = *taken.entry((input.kind, &input.name)).or_insert(input.sha256);
        // Two indexes, or two platforms, may have different files of one name.
        let file = if first == input.sha256 { plain(input) } else { by_digest(input) };
        Listed { file, sha256: input.sha256.hex(), size: input.size, input }
    });
    let listed: Vec<Listed<'_>> = listed.collect();
    let copied = listed
        .par_iter()
        .map(|one| copy_out(one.input, cas, &folder.join(&one.file)))
        .collect::<Result<Vec<(u64, bool)>, VendorError>>()?;
    let stale = stale::files(folder, &listed.iter().map(|one| one.file.as_str()).collect())?;
    let mut list = serde_json::to_vec_pretty(&serde_json::json!({ "version": 1, "files": listed }))
        .map_err(|error| failed("write", &folder.join(LIST))(error.into()))?;
    list.push(b'\n');
    place(&folder.join(LIST), |file| io::Write::write_all(file, &list))?;
    let text = lock.to_toml()?;
    place(&folder.join(FILE_NAME), |file| io::Write::write_all(file, text.as_bytes()))?;
    Ok(Written {
        removed: stale::remove(folder, &stale)?,
        files: copied.len() as u64,
        bytes: copied.iter().map(|(size, _)| size).sum(),
        present: copied.iter().filter(|(_, present)| *present).count() as u64,
    })
}

/// Takes what a lock names and the store lacks out of a folder; every digest is verified on the way.
pub fn read(lock: &Lock, folder: &Path, lease: &Lease) -> Result<(), VendorError> {
    fs::read_dir(folder).map_err(failed("read", folder))?;
    let take = |input: &Input| -> Result<Option<String>, VendorError> {
        let here = lease.protect(&input.sha256);
        let path = folder.join(plain(input));
        if here.map_err(|source| VendorError::Store { path: path.clone(), source })? {
            return Ok(None);
        }
        let other = folder.join(by_digest(input));
        match [other, path].into_iter().find(|path| path.is_file()) {
            None => Ok(Some(input.name.clone())),
            Some(path) => copy_in(input, &path, lease).map(|()| None),
        }
    };
    // A source that is not there matters only where it must be built again, and then building says so.
    sources(lock).par_iter().try_for_each(|input| take(input).map(|_| ()))?;
    let lacking = needed(lock).par_iter().map(take).collect::<Result<Vec<_>, VendorError>>()?;
    match lacking.into_iter().flatten().collect::<Vec<String>>() {
        names if names.is_empty() => Ok(()),
        names => Err(VendorError::Lacking { folder: folder.to_owned(), names }),
    }
}

fn plain(input: &Input) -> String {
    format!("{}/{}", input.kind.folder(), input.name)
}

fn by_digest(input: &Input) -> String {
    format!("{}/{}/{}", input.kind.folder(), input.sha256.hex(), input.name)
}

/// How many bytes it has, and whether it was there already.
fn copy_out(input: &Input, cas: &Cas, path: &Path) -> Result<(u64, bool), VendorError> {
    let blob = cas.blob_path(&input.sha256);
    let size = fs::metadata(&blob).map_err(failed("read", &blob))?.len();
    if path.is_file() && digest_of(path)? == input.sha256 {
        return Ok((size, true));
    }
    place(path, |file| {
        let mut reader = HashingReader::new(File::open(&blob)?);
        io::copy(&mut reader, file)?;
        if reader.finish().0 == input.sha256 {
            return Ok(());
        }
        let reason = "the store's copy is damaged; `lightship store verify` finds all that are";
        Err(io::Error::new(io::ErrorKind::InvalidData, reason))
    })?;
    Ok((size, false))
}

fn copy_in(input: &Input, path: &Path, lease: &Lease) -> Result<(), VendorError> {
    let store = |source| VendorError::Store { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed("read", path))?;
    let mut writer = lease.writer().map_err(store)?;
    let mut buffer = vec![0; COPY_BUFFER];
    loop {
        match file.read(&mut buffer).map_err(failed("read", path))? {
            0 => break,
            count => writer.append(&buffer[..count]).map_err(store)?,
        }
    }
    writer.commit(Some(input.sha256), input.size).map_err(store)?;
    Ok(())
}

fn digest_of(path: &Path) -> Result<Digest, VendorError> {
    let file = File::open(path).map_err(failed("read", path))?;
    let mut reader = HashingReader::new(file);
    io::copy(&mut reader, &mut io::sink()).map_err(failed("read", path))?;
    Ok(reader.finish().0)
}

/// Whole or not at all.
fn place(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), VendorError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed("create", folder))?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed("write", path))?;
    write(file.as_file_mut()).map_err(failed("write", path))?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(mode).map_err(failed("write", path))?;
    file.persist(path).map_err(|error| failed("write", path)(error.error))?;
    Ok(())
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> VendorError {
    let path = path.to_owned();
    move |source| VendorError::Io { action, path, source }
}

/// The first few.
fn some(names: &[String]) -> String {
    let first = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(3) {
        0 => first,
        more => format!("{first} and {more} more files of the lock"),
    }
}

impl Diagnose for VendorError {
    fn category(&self) -> Category {
        match self {
            Self::Io { source, .. } => Category::of_io(source),
            Self::Store { source, .. } => source.category(),
            Self::Lacking { .. } => Category::BadInput,
            Self::Lock(error) => error.category(),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Io { .. } => Vec::new(),
            Self::Store { source, .. } => source.hints(),
            Self::Lacking { .. } => vec![Hint::new(
                "make the folder anew with `lightship vendor`, from the lock as it is now",
            )],
            Self::Lock(error) => error.hints(),
        }
    }
}

mod stale;
#[cfg(test)]
mod tests;
