//! An archive of either kind, open, with all the images that it holds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Scratch;
use super::contents::Contents;
use super::docker::{DockerArchiveSource, list};
use super::saved::{MANIFEST_FILE, SavedImage, choose};
use crate::layout::{
    Found, INDEX_FILE, LAYOUT_FILE, LayoutSource, check_version, find, find_spelling, images,
    is_one_image, name_of, read_index,
};
use crate::reference::ImageName;
use crate::spec::{Descriptor, Index};
use crate::{Error, Source};

/// An archive, read once however many of its images are wanted.
#[derive(Debug)]
pub struct Archive {
    contents: Arc<Contents>,
    file: PathBuf,
    kind: Kind,
}

/// What an archive's images are listed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `index.json`.
    Layout,
    /// `manifest.json`.
    Docker,
}

/// One image of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedImage {
    /// How [`Archive::source`] tells it from the others; none where the archive is one image.
    pub selector: Option<String>,
    /// Its names, as the archive spells them; an image may have several, or none.
    pub names: Vec<ImageName>,
}

impl ArchivedImage {
    /// The word to choose it by: a name if it has one.
    pub fn choice(&self) -> String {
        let selector = || self.selector.clone().unwrap_or_default();
        self.names.first().map_or_else(selector, ImageName::to_string)
    }
}

impl Archive {
    /// Opens an archive of either kind. What `docker save` writes today is both; it is then read as
    /// `docker load` would.
    pub fn open(file: &Path, scratch: &Scratch) -> Result<Self, Error> {
        let contents = Contents::open(file, scratch)?;
        let has = |name| contents.index().contains(name);
        let is_layout = !has(MANIFEST_FILE) && has(LAYOUT_FILE) && has(INDEX_FILE);
        let kind = if is_layout { Kind::Layout } else { Kind::Docker };
        Ok(Self { contents: Arc::new(contents), file: file.to_owned(), kind })
    }

    /// The image that `wanted` (a name, or a selector) means, or the only one.
    pub fn source(&self, wanted: Option<&str>) -> Result<Box<dyn Source>, Error> {
        let contents = Arc::clone(&self.contents);
        Ok(match self.kind {
            Kind::Layout => {
                Box::new(LayoutSource::over(Box::new(contents), &self.place(), wanted)?)
            }
            Kind::Docker => Box::new(DockerArchiveSource::over(contents, &self.file, wanted)?),
        })
    }

    /// All images, in the archive's order: at least one.
    pub fn images(&self) -> Result<Vec<ArchivedImage>, Error> {
        match self.kind {
            Kind::Layout => {
                let index = self.index()?;
                if index.manifests.is_empty() {
                    find(&index, None, &self.place())?; // which says what is wrong
                }
                Ok(in_layout(&index))
            }
            Kind::Docker => {
                let saved = list(&self.contents, &self.place())?;
                if saved.is_empty() {
                    choose(&saved, None, &self.place())?;
                }
                Ok(saved.iter().enumerate().map(in_list).collect())
            }
        }
    }

    /// The image that `wanted` means, with that name alone if it is one, else with all of its names.
    pub fn find(&self, wanted: &str) -> Result<ArchivedImage, Error> {
        let place = self.place();
        match self.kind {
            Kind::Layout => {
                let index = self.index()?;
                let Found::Descriptor(found) = find(&index, Some(wanted), &place)? else {
                    return Ok(ArchivedImage { selector: None, names: Vec::new() });
                };
                let selector = found.digest.to_string();
                let names = match name_of(&found) {
                    Some(name) if wanted != selector => vec![name],
                    _ => names_in(&index, &found),
                };
                Ok(ArchivedImage { selector: Some(selector), names })
            }
            Kind::Docker => {
                let saved = list(&self.contents, &place)?;
                let at = choose(&saved, Some(wanted), &place)?;
                let mut found = in_list((at, &saved[at]));
                let is_asked = |name: &ImageName| {
                    find_spelling([name.to_string().as_str()].into_iter(), wanted)
                };
                if found.names.iter().any(is_asked) {
                    found.names.retain(is_asked);
                }
                Ok(found)
            }
        }
    }

    fn index(&self) -> Result<Index, Error> {
        check_version(&self.contents, &self.place())?;
        Ok(read_index(&self.contents, &self.place())?.0)
    }

    fn place(&self) -> String {
        let kind = match self.kind {
            Kind::Layout => "oci-archive",
            Kind::Docker => "docker-archive",
        };
        format!("{kind}:{}", self.file.display())
    }
}

/// Entries of one digest are one image with several names.
fn in_layout(index: &Index) -> Vec<ArchivedImage> {
    if is_one_image(index) {
        return vec![ArchivedImage { selector: None, names: Vec::new() }];
    }
    let mut seen = BTreeSet::new();
    (images(index).into_iter())
        .filter(|entry| seen.insert(entry.digest))
        .map(|entry| ArchivedImage {
            selector: Some(entry.digest.to_string()),
            names: names_in(index, entry),
        })
        .collect()
}

fn names_in(index: &Index, image: &Descriptor) -> Vec<ImageName> {
    let entries = index.manifests.iter().filter(|entry| entry.digest == image.digest);
    distinct(entries.filter_map(name_of))
}

fn in_list((at, image): (usize, &SavedImage)) -> ArchivedImage {
    let names = image.names().iter().filter_map(|name| name.parse().ok());
    ArchivedImage { selector: Some(format!("@{at}")), names: distinct(names) }
}

fn distinct(names: impl Iterator<Item = ImageName>) -> Vec<ImageName> {
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(name.clone())).collect()
}
