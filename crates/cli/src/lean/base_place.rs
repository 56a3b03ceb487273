//! Where a project's base is: the words of its settings, with paths and variables resolved.

use std::path::{Path, PathBuf};

use lightship_base::Digest;
use lightship_build::project::{ArchivePlace, BaseKind, InterpreterArchive, Project};
use lightship_net::Url;

use crate::commands::Error;

/// Where a project's base is.
#[derive(Debug, Clone)]
pub enum BasePlace {
    /// Among the distribution's packages, Python too.
    Packages,
    /// Among the distribution's packages, with an interpreter from an archive.
    Archive(ArchiveAt),
    /// An image.
    Image(ImageAt),
}

/// An archive with an interpreter.
#[derive(Debug, Clone)]
pub struct ArchiveAt {
    /// Its name, without a folder.
    pub name: String,
    /// Its digest.
    pub sha256: Digest,
    /// Where it is.
    pub place: FilePlace,
}

/// Where a file is.
#[derive(Debug, Clone)]
pub enum FilePlace {
    /// On this machine.
    Path(PathBuf),
    /// Somewhere else.
    Url(Url),
}

/// An image that is built on.
#[derive(Debug, Clone)]
pub struct ImageAt {
    /// As the settings call it.
    pub reference: String,
    /// Where its paths begin.
    pub folder: PathBuf,
}

impl BasePlace {
    /// What the settings of a project say. `variable` looks one up in the environment.
    pub fn of(project: &Project, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let folder = &project.folder;
        Ok(match &project.settings.base.kind {
            BaseKind::Native => Self::Packages,
            BaseKind::Interpreter(archive) => Self::Archive(at(archive, folder, variable)?),
            BaseKind::Image(reference) => {
                Self::Image(ImageAt { reference: reference.clone(), folder: folder.clone() })
            }
        })
    }
}

fn at(
    archive: &InterpreterArchive,
    folder: &Path,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<ArchiveAt, Error> {
    let bad = |reason: String| Error::BadArchive { reason };
    let (place, name) = match &archive.place {
        ArchivePlace::Path(path) => {
            let path = folder.join(path);
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            (FilePlace::Path(path), name)
        }
        ArchivePlace::Url(address) => {
            let text = address.resolve(variable).map_err(|error| bad(error.to_string()))?;
            let url: Url = text.parse().map_err(|_| bad("it is no address".to_owned()))?;
            let name =
                url.path_segments().and_then(|mut parts| parts.next_back().map(str::to_owned));
            (FilePlace::Url(url), name)
        }
    };
    // Releases have a `+` in their names, which addresses may write otherwise.
    let name = name.map(|name| name.replace("%2B", "+").replace("%2b", "+"));
    let name = name.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| bad("it names no file".to_owned()))?;
    Ok(ArchiveAt { name, sha256: archive.sha256, place })
}
