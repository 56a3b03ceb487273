//! Where this machine gets Python distributions from, as pip's and uv's own settings say it.
//!
//! # Which settings count
//!
//! In this order, and within each the environment before files, the project's files before the user's
//! before the machine's:
//!
//! 1. what the project says in `lightship.toml` ([`PythonSettings::with_first`]),
//! 2. uv: `UV_DEFAULT_INDEX`, `UV_INDEX`, `UV_INDEX_URL`, `UV_EXTRA_INDEX_URL`, `UV_FIND_LINKS`; the project's
//!    `uv.toml`, else `[tool.uv]` of its `pyproject.toml`; `uv/uv.toml` in the user's configuration and in `/etc`,
//! 3. pip: `PIP_INDEX_URL`, `PIP_EXTRA_INDEX_URL`, `PIP_FIND_LINKS`; the file that `PIP_CONFIG_FILE` names,
//!    `~/.config/pip/pip.conf`, `~/.pip/pip.conf`, `/etc/pip.conf`.
//!
//! The first default index counts, and the others do not. Further indexes and places of links are all
//! asked, each once; of two with one label the first counts.
//!
//! Names and passwords in addresses are taken out of them, `~/.netrc` (or `NETRC`) is read, and both are
//! for requests alone.

mod logins;
mod pip;
mod uv;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lightship_net::Url;
use lightship_packages::index::{Index, Place, Role, without_user};
use lightship_packages::lock::DEFAULT_INDEX;

use super::{Environment, SettingsError, Variable};

pub use logins::IndexLogins;

/// No settings file is larger; people write them.
const MAX_BYTES: u64 = 1 << 20;

/// Where Python distributions come from, and who the user is there.
#[derive(Debug, Clone, Default)]
pub struct PythonSettings {
    /// Indexes and places of links, those that are asked first before others; the default one is last. No
    /// user name or password is in an address.
    pub indexes: Vec<Index>,
    /// Who the user is to them.
    pub logins: IndexLogins,
    /// A file of certificate authorities, where pip or the environment names one.
    pub certificates: Option<PathBuf>,
}

/// An index as it is written somewhere.
#[derive(Clone)]
struct Written {
    name: Option<String>,
    address: String,
    role: WrittenRole,
}

/// What an index is written as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WrittenRole {
    Default,
    Extra,
    Named,
    Links,
}

impl PythonSettings {
    /// Reads them all. `project` is the project's folder; relative paths in the environment begin at the
    /// working folder, those in a file at the file's.
    pub fn read(environment: &Environment, project: Option<&Path>) -> Result<Self, SettingsError> {
        let mut collected = Collected::default();
        let here = environment.absolute(Path::new(""));
        for written in uv::of_environment(environment)? {
            collected.add(written, &here);
        }
        let own = project.map(|folder| folder.join("uv.toml")).filter(|path| path.is_file());
        let shared = project.map(|folder| folder.join("pyproject.toml"));
        // uv passes over `[tool.uv]` where the project has a file for uv alone.
        for (path, text) in files(shared.into_iter().filter(|_| own.is_none()))? {
            collected.add_all(uv::of_project(&path, &text)?, &path);
        }
        for (path, text) in files(own.into_iter())? {
            collected.add_all(uv::of_file(&path, &text)?, &path);
        }
        for (path, text) in files(uv::places(environment).into_iter())? {
            collected.add_all(uv::of_file(&path, &text)?, &path);
        }
        for written in pip::of_environment(environment)? {
            collected.add(written, &here);
        }
        let mut certificates = environment.path(Variable::PipCert);
        for (path, text) in files(pip::places(environment).into_iter())? {
            let config = pip::of_file(&text);
            let home = environment.path(Variable::Home);
            let named = config.certificates.map(|cert| in_home(&cert, home.as_deref()));
            certificates = certificates.or(named);
            collected.add_all(config.indexes, &path);
        }
        let certificates = environment.path(Variable::SslCertFile).or(certificates);
        let netrc = environment
            .path(Variable::Netrc)
            .or_else(|| environment.path(Variable::Home).map(|home| home.join(".netrc")));
        let mut settings = collected.finish(environment);
        for (_, text) in files(netrc.into_iter())? {
            settings.logins.add_netrc(&text);
        }
        settings.certificates = certificates.filter(|path| path.is_file());
        Ok(settings)
    }

    /// The same with these before all others: what the project's own file says.
    #[must_use]
    pub fn with_first(mut self, indexes: Vec<Index>) -> Self {
        let has_default = indexes.iter().any(|index| index.role == Role::Default);
        self.indexes.retain(|index| {
            let replaced = has_default && index.role == Role::Default;
            !replaced && !indexes.iter().any(|first| first.label == index.label)
        });
        self.indexes.splice(0..0, indexes);
        self.indexes.sort_by_key(|index| index.role == Role::Default);
        self
    }

    /// The same, knowing who the user is to these: their files may be elsewhere on their servers.
    #[must_use]
    pub fn with_logins_of(mut self, indexes: &[Index]) -> Self {
        for index in indexes {
            if let Place::Repository(url) | Place::Links(url) = &index.place {
                self.logins.add_address(url);
            }
        }
        self
    }

    /// The index that is asked where no other has something, if one is configured.
    pub fn default_index(&self) -> Option<&Index> {
        self.indexes.iter().find(|index| index.role == Role::Default)
    }
}

/// Indexes in the order in which they were found.
#[derive(Default)]
struct Collected {
    indexes: Vec<Index>,
    logins: IndexLogins,
    extras: usize,
    links: usize,
}

impl Collected {
    fn add_all(&mut self, written: Vec<Written>, file: &Path) {
        let folder = file.parent().unwrap_or(Path::new("/"));
        for written in written {
            self.add(written, folder);
        }
    }

    /// `folder` is where relative paths begin. What is no address is left out: uv and pip pass over it
    /// or say so themselves.
    fn add(&mut self, written: Written, folder: &Path) {
        let Some(place) = place(&written, folder) else { return };
        let (place, role) = match (place, written.role) {
            (Found::Folder(path), _) => (Place::Folder(path), Role::Extra),
            (Found::Address(url), role) => {
                self.logins.add_address(&url);
                let bare = without_user(&url);
                match role {
                    WrittenRole::Links => (Place::Links(bare), Role::Extra),
                    WrittenRole::Default => (Place::Repository(bare), Role::Default),
                    WrittenRole::Extra => (Place::Repository(bare), Role::Extra),
                    WrittenRole::Named => (Place::Repository(bare), Role::Named),
                }
            }
        };
        let known = |index: &Index| {
            index.place == place || (role == Role::Default && index.role == Role::Default)
        };
        if self.indexes.iter().any(known) {
            return;
        }
        let label = match (written.name, role) {
            (Some(name), _) => name,
            (None, Role::Default) => DEFAULT_INDEX.to_owned(),
            (None, Role::Extra | Role::Named) => self.label(&place),
        };
        if !self.indexes.iter().any(|index| index.label == label) {
            self.indexes.push(Index::new(&label, place, role));
        }
    }

    fn label(&mut self, place: &Place) -> String {
        match place {
            Place::Repository(_) => {
                self.extras += 1;
                format!("extra-{}", self.extras)
            }
            Place::Links(_) | Place::Folder(_) => {
                self.links += 1;
                format!("links-{}", self.links)
            }
        }
    }

    fn finish(mut self, environment: &Environment) -> PythonSettings {
        self.indexes.sort_by_key(|index| index.role == Role::Default);
        for index in &self.indexes {
            let (Place::Repository(url) | Place::Links(url)) = &index.place else { continue };
            self.logins.add_variables(environment, &index.label, url);
        }
        PythonSettings { indexes: self.indexes, logins: self.logins, ..PythonSettings::default() }
    }
}

enum Found {
    Address(Url),
    Folder(PathBuf),
}

fn place(written: &Written, folder: &Path) -> Option<Found> {
    let address = written.address.trim();
    if address.is_empty() {
        return None;
    }
    if let Ok(url) = address.parse::<Url>()
        && address.contains("://")
    {
        return match url.scheme() {
            "file" if written.role == WrittenRole::Links => {
                url.to_file_path().ok().map(Found::Folder)
            }
            "http" | "https" | "file" => Some(Found::Address(url)),
            _ => None,
        };
    }
    let path = folder.join(address);
    match written.role {
        WrittenRole::Links => Some(Found::Folder(path)),
        // uv takes a folder of a repository by its path.
        WrittenRole::Default | WrittenRole::Extra | WrittenRole::Named => {
            Url::from_directory_path(path).ok().map(Found::Address)
        }
    }
}

/// Those files that are there, with their texts.
fn files(paths: impl Iterator<Item = PathBuf>) -> Result<Vec<(PathBuf, String)>, SettingsError> {
    let mut found = Vec::new();
    for path in paths {
        match fs::metadata(&path) {
            Ok(about) if about.is_file() && about.len() <= MAX_BYTES => {
                let text = fs::read(&path)
                    .map_err(|source| SettingsError::Unreadable { path: path.clone(), source })?;
                found.push((path, String::from_utf8_lossy(&text).into_owned()));
            }
            // What is no file (`/dev/null`) says nothing, as with pip.
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(SettingsError::Unreadable { path, source }),
        }
    }
    Ok(found)
}

fn in_home(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests;
