//! Options about indexes in requirements files.

use std::path::PathBuf;

use lightship_net::Url;
use lightship_packages::index::{Index, Place, Role};
use lightship_packages::lock::DEFAULT_INDEX;

use super::Requirements;

/// An option about indexes.
#[derive(Clone, PartialEq, Eq)]
pub enum IndexOption {
    /// `--index-url`.
    Default(IndexUrl),
    /// `--extra-index-url`.
    Extra(IndexUrl),
    /// `--find-links`: a page, or a folder made absolute.
    Links(Place),
    /// `--no-index`.
    None,
}

/// The address of an index. It may have a password in it.
#[derive(Clone, PartialEq, Eq)]
pub struct IndexUrl {
    /// As the file has it, variables by name.
    pub written: String,
    /// What it is.
    pub url: Url,
}

impl std::fmt::Debug for IndexOption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Default(_) => "Default(..)",
            Self::Extra(_) => "Extra(..)",
            Self::Links(_) => "Links(..)",
            Self::None => "None",
        })
    }
}

impl std::fmt::Debug for IndexUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IndexUrl(..)")
    }
}

impl IndexUrl {
    /// Reads the value of an option. No message repeats it.
    pub(super) fn of(option: &str, value: &str) -> Result<Self, String> {
        let url = value.parse::<Url>().ok();
        let known = url.filter(|url| matches!(url.scheme(), "http" | "https" | "file"));
        let url = known.ok_or_else(|| {
            format!("`{option}` needs an address that begins with http://, https:// or file://")
        })?;
        Ok(Self { written: value.to_owned(), url })
    }
}

impl IndexOption {
    /// The same, said to be written otherwise.
    pub(super) fn written(self, text: &str) -> Self {
        let written = text.to_owned();
        match self {
            Self::Default(index) => Self::Default(IndexUrl { written, ..index }),
            Self::Extra(index) => Self::Extra(IndexUrl { written, ..index }),
            Self::Links(_) | Self::None => self,
        }
    }

    pub(super) fn normalised(&self) -> String {
        match self {
            Self::Default(index) => format!("--index-url {}\n", index.written),
            Self::Extra(index) => format!("--extra-index-url {}\n", index.written),
            // Where a folder is differs between machines; that there is one does not.
            Self::Links(_) => "--find-links\n".to_owned(),
            Self::None => "--no-index\n".to_owned(),
        }
    }
}

impl Requirements {
    /// Where these requirements say that distributions come from. A later default replaces an earlier
    /// one, as in pip.
    pub fn as_indexes(&self) -> Vec<Index> {
        let mut indexes = Vec::new();
        let mut default = None;
        let (mut extras, mut links) = (0, 0);
        for option in &self.indexes {
            match option {
                IndexOption::Default(IndexUrl { url, .. }) => {
                    let place = Place::Repository(url.clone());
                    default = Some(Index::new(DEFAULT_INDEX, place, Role::Default));
                }
                IndexOption::Extra(IndexUrl { url, .. }) => {
                    extras += 1;
                    let label = format!("requirements-{extras}");
                    indexes.push(Index::new(&label, Place::Repository(url.clone()), Role::Extra));
                }
                IndexOption::Links(place) => {
                    links += 1;
                    let label = format!("requirements-links-{links}");
                    indexes.push(Index::new(&label, place.clone(), Role::Extra));
                }
                IndexOption::None => {}
            }
        }
        indexes.extend(default);
        indexes
    }
}

/// A page of links or a folder; `folder` makes a path absolute. No message repeats the value.
pub(super) fn links(value: &str, folder: impl FnOnce(&str) -> PathBuf) -> Result<Place, String> {
    if !value.contains("://") {
        return Ok(Place::Folder(folder(value)));
    }
    let IndexUrl { url, .. } = IndexUrl::of("--find-links", value)?;
    if url.scheme() != "file" {
        return Ok(Place::Links(url));
    }
    let path =
        url.to_file_path().map_err(|()| "`--find-links` leads to another machine".to_owned())?;
    Ok(Place::Folder(path))
}
