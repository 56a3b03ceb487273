//! From a file's name and digest to its bytes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lightship_base::{Digest, Progress};
use lightship_cas::Lease;
use lightship_net::Url;

use super::page::{Listing, parse_html, parse_json};
use super::{Addresses, Error, Index, Place, Role};
use crate::fetch::{self, Fetcher};
use crate::lock::LockedFile;
use crate::python::normalise_name;

/// *PEP 691, Content Types*: JSON where the server has it.
const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

/// No page is larger; the largest have some 30 MB.
const MAX_PAGE: u64 = 64 << 20;

const COPY_BUFFER: usize = 128 * 1024;

/// Gets files of distributions. Safe to use from several threads at once.
pub struct Finder {
    fetcher: Fetcher,
    indexes: Vec<Index>,
    /// Pages and remembered addresses that were read already.
    pages: Mutex<HashMap<String, Arc<Listing>>>,
    remembered: Mutex<HashMap<String, Arc<Addresses>>>,
}

/// A file that a lock names.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The distribution's name.
    pub project: &'a str,
    /// The label of the index that had it when it was locked.
    pub index: &'a str,
    /// Which file.
    pub file: &'a LockedFile,
}

impl Finder {
    /// Looks in these indexes, by way of `fetcher`.
    pub fn new(fetcher: Fetcher, indexes: Vec<Index>) -> Self {
        Self { fetcher, indexes, pages: Mutex::default(), remembered: Mutex::default() }
    }

    /// What gets the files, and the store that they are in.
    pub fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// Makes sure that a file is in the store, and stays there.
    ///
    /// It is looked for in the store, in folders, where it was seen last, in the index of its label, and
    /// then in all others: its digest says whether it is the right one, wherever it is from. A place that
    /// has something else under its name is passed over.
    pub fn fetch(&self, wanted: &Wanted<'_>, progress: &dyn Progress) -> Result<PathBuf, Error> {
        let file = wanted.file;
        let ask = fetch::Wanted { name: &file.name, digest: file.sha256, size: file.size };
        let lease = self.fetcher.lease();
        let here = lease.protect(&file.sha256).map_err(|source| store(file, source))?;
        if !here {
            self.copy_from_folder(wanted, lease)?;
        }
        let known = if here { None } else { self.remembered(wanted)? };
        if let Some(url) = known {
            match self.fetcher.file(&ask, || Ok::<_, Error>(vec![url]), progress) {
                // It may have moved: then the index knows.
                Err(Error::Fetch(error)) if !error.is_final() => {}
                other => return other,
            }
        }
        if let Some(path) = self.fetcher.kept(&ask)? {
            return Ok(path);
        }
        if self.fetcher.is_offline() {
            return Err(fetch::Error::Offline { what: file.name.clone() }.into());
        }
        self.search_indexes(wanted, &ask, progress)
    }

    /// Asks one index after the other, its own first, until one has an address that gives the file.
    fn search_indexes(
        &self,
        wanted: &Wanted<'_>,
        ask: &fetch::Wanted<'_>,
        progress: &dyn Progress,
    ) -> Result<PathBuf, Error> {
        let (own, others): (Vec<&Index>, Vec<&Index>) =
            self.indexes.iter().partition(|index| index.label == wanted.index);
        let mut asked = Vec::new();
        let mut failure = None;
        for index in own.into_iter().chain(others) {
            asked.push(index.label.clone());
            let found = self.address(index, wanted).and_then(|address| match address {
                Some(url) => self.fetcher.file(ask, || Ok(vec![url]), progress).map(Some),
                None => Ok(None),
            });
            match found {
                Ok(Some(path)) => return Ok(path),
                Ok(None) => {}
                Err(Error::Fetch(error)) if error.is_final() => return Err(error.into()),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or_else(|| Error::NowhereFound {
            file: wanted.file.name.clone(),
            label: wanted.index.to_owned(),
            asked,
        }))
    }

    /// Where an index has a file, if it does.
    fn address(&self, index: &Index, wanted: &Wanted<'_>) -> Result<Option<Url>, Error> {
        let listing = self.listing(index, wanted.project)?;
        if let Some(found) = listing.find(&wanted.file.name, &wanted.file.sha256) {
            return Ok(Some(found.url.clone()));
        }
        if listing.files.iter().any(|file| file.name == wanted.file.name) {
            return Err(Error::OtherDigest {
                file: wanted.file.name.clone(),
                label: index.label.clone(),
            });
        }
        Ok(None)
    }

    /// The files of a project in one index; none where the index does not know it.
    pub fn listing(&self, index: &Index, project: &str) -> Result<Arc<Listing>, Error> {
        let (address, key) = match &index.place {
            Place::Folder(_) => return Ok(Arc::default()),
            Place::Links(url) => (url.clone(), url.to_string()),
            Place::Repository(url) => {
                let page = page_of(url, project);
                let key = page.to_string();
                (page, key)
            }
        };
        if let Some(known) = lock(&self.pages).get(&key) {
            return Ok(Arc::clone(known));
        }
        let listing = Arc::new(self.read(index, &address, project)?);
        lock(&self.pages).insert(key, Arc::clone(&listing));
        Ok(listing)
    }

    fn read(&self, index: &Index, address: &Url, project: &str) -> Result<Listing, Error> {
        let senseless = |reason| Error::Page {
            label: index.label.clone(),
            project: project.to_owned(),
            reason,
        };
        if address.scheme() == "file" {
            return read_file(address).and_then(|bytes| match bytes {
                Some((bytes, base)) => parse_html(&bytes, &base).map_err(senseless),
                None => Ok(Listing::default()),
            });
        }
        let document =
            match self.fetcher.document(address, &[("accept", ACCEPT.to_owned())], MAX_PAGE) {
                Ok(document) => document,
                Err(error) if is_not_there(&error) => return Ok(Listing::default()),
                Err(error) => return Err(error.into()),
            };
        let kind = document.head.header("content-type").unwrap_or_default();
        let base = document.head.url();
        let json = kind.split(';').next().is_some_and(|kind| kind.trim().ends_with("json"));
        let listing = if json {
            parse_json(&document.bytes, base)
        } else {
            parse_html(&document.bytes, base)
        };
        listing.map_err(senseless)
    }

    fn remembered(&self, wanted: &Wanted<'_>) -> Result<Option<Url>, Error> {
        let known = lock(&self.remembered).get(wanted.index).cloned();
        if let Some(url) = known.and_then(|known| known.get(&wanted.file.sha256)) {
            return Ok(Some(url));
        }
        // A resolution since then may have found it.
        let loaded = Arc::new(Addresses::load(&self.fetcher.cas(), wanted.index)?);
        let url = loaded.get(&wanted.file.sha256);
        lock(&self.remembered).insert(wanted.index.to_owned(), loaded);
        Ok(url)
    }

    /// Takes a file out of a folder of the user's, where one has it; its digest is verified on the way.
    fn copy_from_folder(&self, wanted: &Wanted<'_>, lease: &Lease) -> Result<(), Error> {
        for index in &self.indexes {
            let Place::Folder(folder) = &index.place else { continue };
            let path = folder.join(&wanted.file.name);
            if path.is_file() && digest_of(&path)? == wanted.file.sha256 {
                return copy(&path, wanted.file, lease);
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Finder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finder").field("indexes", &self.indexes).finish_non_exhaustive()
    }
}

impl Index {
    /// An index that everything comes from.
    pub fn new(label: &str, place: Place, role: Role) -> Self {
        Self { label: label.to_owned(), place, role, packages: Vec::new() }
    }

    /// The same index, as the only one that these distributions come from.
    #[must_use]
    pub fn with_packages(mut self, packages: Vec<String>) -> Self {
        self.packages = packages;
        self
    }
}

/// *PEP 503*: a project's page is below the repository's root, and its address ends with a slash.
fn page_of(root: &Url, project: &str) -> Url {
    let mut page = root.clone();
    if let Ok(mut path) = page.path_segments_mut() {
        path.pop_if_empty().push(&normalise_name(project)).push("");
    }
    page
}

/// A page in a folder of this machine, and its address.
fn read_file(address: &Url) -> Result<Option<(Vec<u8>, Url)>, Error> {
    let Ok(mut path) = address.to_file_path() else { return Ok(None) };
    if path.is_dir() {
        path.push("index.html");
    }
    let failed = |source| Error::Io { path: path.clone(), source };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_PAGE).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Url::from_file_path(&path).ok().map(|url| (bytes, url)))
}

fn digest_of(path: &Path) -> Result<Digest, Error> {
    let failed = |source| Error::Io { path: path.to_owned(), source };
    let mut reader = lightship_base::HashingReader::new(File::open(path).map_err(failed)?);
    io::copy(&mut reader, &mut io::sink()).map_err(failed)?;
    Ok(reader.finish().0)
}

fn copy(path: &Path, file: &LockedFile, lease: &Lease) -> Result<(), Error> {
    let failed = |source| Error::Io { path: path.to_owned(), source };
    let mut source = File::open(path).map_err(failed)?;
    let mut writer = lease.writer().map_err(|error| store(file, error))?;
    let mut buffer = vec![0; COPY_BUFFER];
    loop {
        let count = source.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            break;
        }
        writer.append(&buffer[..count]).map_err(|error| store(file, error))?;
    }
    writer.commit(Some(file.sha256), file.size).map_err(|error| store(file, error))?;
    Ok(())
}

fn is_not_there(error: &fetch::Error) -> bool {
    matches!(
        error,
        fetch::Error::Network {
            source: lightship_net::Error::Status { status: 404 | 410, .. },
            ..
        }
    )
}

fn store(file: &LockedFile, source: lightship_cas::Error) -> Error {
    Error::Store { what: file.name.clone(), source }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
