//! Reading an image from a layout.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use lightship_base::Digest;

use super::select::Found;
use super::{Files, INDEX_FILE, blob_path, check_version, find, parse_index, read_small};
use crate::artifact::referrers_among;
use crate::spec::{Descriptor, Flavour, Index, MAX_MANIFEST_BYTES, MediaType};
use crate::{BlobReader, Error, Source, verified};

/// An image in a layout, be it in a folder or an archive.
pub struct LayoutSource {
    files: Box<dyn Files>,
    name: String,
    root: Descriptor,
    /// The root's bytes where it is no blob but `index.json` itself.
    root_bytes: Option<Vec<u8>>,
    /// Everything in `index.json`.
    listed: Vec<Descriptor>,
}

impl LayoutSource {
    /// Opens an image in a folder: the one that `tag` names, or the only one.
    pub fn open(dir: &Path, tag: Option<&str>) -> Result<Self, Error> {
        let place = format!("oci:{}", dir.display());
        if !dir.is_dir() {
            let found = fs::metadata(dir).map_err(Error::io("open", dir))?;
            let kind = if found.is_file() { "a file" } else { "no folder" };
            return Err(Error::Unsupported {
                what: place,
                reason: format!("it is {kind}, not an image layout"),
                hint: found
                    .is_file()
                    .then(|| format!("for an archive: oci-archive:{}", dir.display())),
            });
        }
        Self::over(Box::new(Folder(dir.to_owned())), &place, tag)
    }

    /// Opens an image in whatever holds a layout's files.
    pub(crate) fn over(
        files: Box<dyn Files>,
        place: &str,
        tag: Option<&str>,
    ) -> Result<Self, Error> {
        check_version(&*files, place)?;
        let (index, bytes) = read_index(&*files, place)?;
        let (root, root_bytes) = match find(&index, tag, place)? {
            Found::Descriptor(descriptor) => (*descriptor, None),
            Found::WholeIndex => {
                (Descriptor::of(MediaType::Index(Flavour::Oci), &bytes), Some(bytes))
            }
        };
        let name = tag.map_or_else(|| place.to_owned(), |tag| format!("{place}:{tag}"));
        Ok(Self { files, name, root, root_bytes, listed: index.manifests })
    }

    fn open_blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobReader, Error> {
        match self.files.open(&blob_path(&descriptor.digest), offset)? {
            Some((reader, _)) => Ok(reader),
            None => Err(missing_blob(descriptor, &self.name)),
        }
    }
}

/// A blob that a manifest names and nobody has.
pub(crate) fn missing_blob(descriptor: &Descriptor, place: &str) -> Error {
    let foreign = matches!(descriptor.media_type, MediaType::ForeignLayer(..));
    let hint = foreign.then(|| "it is a foreign layer, which is kept elsewhere".to_owned());
    Error::NotFound { what: verified::blob_name(descriptor), place: place.to_owned(), hint }
}

/// `index.json`, parsed and as it is.
pub(crate) fn read_index(files: &dyn Files, place: &str) -> Result<(Index, Vec<u8>), Error> {
    let bytes = read_small(files, INDEX_FILE, MAX_MANIFEST_BYTES, place)?.ok_or_else(|| {
        Error::NotFound {
            what: INDEX_FILE.to_owned(),
            place: place.to_owned(),
            hint: Some("whoever wrote this layout did not finish; write it again".to_owned()),
        }
    })?;
    let index = parse_index(&bytes)
        .map_err(|source| Error::Json { what: format!("{INDEX_FILE} of {place}"), source })?;
    Ok((index, bytes))
}

impl Source for LayoutSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn root(&self) -> Result<Descriptor, Error> {
        Ok(self.root.clone())
    }

    fn document(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, Error> {
        match &self.root_bytes {
            Some(bytes) if descriptor.digest == self.root.digest => Ok(bytes.clone()),
            _ => {
                let what = format!("{} of {}", verified::blob_name(descriptor), self.name);
                verified::document(self.open_blob(descriptor, 0)?, descriptor, limit, &what)
            }
        }
    }

    fn referrers(&self, subject: &Digest, artifact_type: &str) -> Result<Vec<Descriptor>, Error> {
        let read = |one: &Descriptor| self.document(one, MAX_MANIFEST_BYTES);
        Ok(referrers_among(self.listed.iter(), subject, artifact_type, read))
    }

    fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobReader, Error> {
        self.open_blob(descriptor, offset)
    }
}

/// A layout's files in a folder of the machine. Links are followed: build systems make layouts of
/// links into their caches.
#[derive(Debug)]
pub(crate) struct Folder(pub(crate) PathBuf);

impl Files for Folder {
    fn open(&self, path: &str, offset: u64) -> Result<Option<(BlobReader, u64)>, Error> {
        let path = self.0.join(path);
        let found = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found.map_err(Error::io("open", &path))?,
        };
        // Opening a FIFO would wait for somebody to write to it.
        if !found.is_file() {
            return Err(Error::invalid(path.display().to_string(), "it is not a regular file"));
        }
        let mut file = File::open(&path).map_err(Error::io("open", &path))?;
        if offset > 0 {
            file.seek(SeekFrom::Start(offset)).map_err(Error::io("read", &path))?;
        }
        Ok(Some((Box::new(file), found.len())))
    }
}
