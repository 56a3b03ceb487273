//! Which files say what the project needs.

use std::path::Path;

use super::evidence::{Evidence, Inferred, Note};
use super::files::{self, Toml};
use super::{ProjectError, Settings};

/// What says which packages the project needs. Files are named from the project's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirements {
    /// A lock of uv's.
    UvLock(String),
    /// A lock that any tool reads (*PEP 751*).
    Pylock(String),
    /// A lock of Poetry's.
    PoetryLock(String),
    /// A lock of Pipenv's.
    PipfileLock(String),
    /// `[project.dependencies]` of a `pyproject.toml`.
    Pyproject(String),
    /// Requirements files, all of which count.
    Files(Vec<String>),
    /// `install_requires` of a `setup.cfg`.
    SetupCfg(String),
    /// Nothing: the program needs no packages.
    None,
}

impl Requirements {
    /// The files.
    pub fn files(&self) -> &[String] {
        match self {
            Self::UvLock(file)
            | Self::Pylock(file)
            | Self::PoetryLock(file)
            | Self::PipfileLock(file)
            | Self::Pyproject(file)
            | Self::SetupCfg(file) => std::slice::from_ref(file),
            Self::Files(files) => files,
            Self::None => &[],
        }
    }

    /// What a file of this name is.
    fn of_file(name: &str) -> Self {
        let base = name.rsplit('/').next().unwrap_or(name);
        let owned = name.to_owned();
        match base {
            "uv.lock" => Self::UvLock(owned),
            "poetry.lock" => Self::PoetryLock(owned),
            "Pipfile.lock" => Self::PipfileLock(owned),
            "pyproject.toml" => Self::Pyproject(owned),
            "setup.cfg" => Self::SetupCfg(owned),
            _ if is_pylock(base) => Self::Pylock(owned),
            _ => Self::Files(vec![owned]),
        }
    }
}

/// *PEP 751, File Name*: `pylock.toml`, `pylock.name.toml`.
fn is_pylock(name: &str) -> bool {
    // In small letters and nothing else, as the specification has it.
    name.strip_prefix("pylock.")
        .is_some_and(|rest| rest == "toml" || rest.strip_suffix(".toml").is_some())
}

/// What the folder holds besides requirements files, best first.
const KNOWN: [&str; 4] = ["uv.lock", "pylock.toml", "poetry.lock", "Pipfile.lock"];

/// Where *PEP 621* has them.
const DEPENDENCIES: [&str; 2] = ["project", "dependencies"];

/// Decides which requirements are meant. `copied` are the files that a Dockerfile installs from.
pub(super) fn find(
    folder: &Path,
    settings: &Settings,
    pyproject: Option<&Toml<'_>>,
    copied: &[Inferred<String>],
    notes: &mut Vec<Note>,
) -> Result<Inferred<Requirements>, ProjectError> {
    if !settings.python.requirements.is_empty() {
        return from_settings(folder, &settings.python.requirements);
    }
    let there = |name: &str| folder.join(name).is_file();
    if let Some(name) = KNOWN.iter().find(|name| there(name)) {
        return Ok(Inferred::new(Requirements::of_file(name), Evidence::file(*name)));
    }
    if let Some(toml) = pyproject.filter(|toml| toml.has(&DEPENDENCIES)) {
        let from = toml.evidence(&DEPENDENCIES);
        return Ok(Inferred::new(Requirements::Pyproject("pyproject.toml".to_owned()), from));
    }
    if let Some(found) = requirements_files(folder, copied)? {
        return Ok(found);
    }
    if let Some(text) = files::text(folder, "setup.cfg")?
        && let Some(found) = files::ini("setup.cfg", &text, "options", "install_requires")
    {
        return Ok(Inferred::new(Requirements::SetupCfg("setup.cfg".to_owned()), found.from));
    }
    let unread = [
        ("setup.py", "it is not run, so its install_requires are not known"),
        ("Pipfile", "there is no Pipfile.lock: run `pipenv lock`"),
        (
            "environment.yml",
            "conda's packages are not read: list the Python ones in requirements.txt",
        ),
    ];
    for (name, text) in unread.into_iter().filter(|(name, _)| there(name)) {
        notes.push(Note { from: Evidence::file(name), text: text.to_owned() });
    }
    Ok(Inferred::new(Requirements::None, Evidence::default_value()))
}

fn from_settings(folder: &Path, files: &[String]) -> Result<Inferred<Requirements>, ProjectError> {
    if let Some(file) = files.iter().find(|file| !folder.join(file).is_file()) {
        let setting = "[python] requirements";
        return Err(ProjectError::Missing { setting, file: file.clone() });
    }
    let kinds: Vec<Requirements> = files.iter().map(|file| Requirements::of_file(file)).collect();
    let requirements = match kinds.as_slice() {
        [one] => one.clone(),
        several if several.iter().all(|one| matches!(one, Requirements::Files(_))) => {
            Requirements::Files(files.to_vec())
        }
        _ => return Err(ProjectError::MixedRequirements { files: files.to_vec() }),
    };
    Ok(Inferred::new(requirements, Evidence::settings()))
}

/// What the Dockerfile installs, else `requirements.txt`, else the only one there is.
fn requirements_files(
    folder: &Path,
    copied: &[Inferred<String>],
) -> Result<Option<Inferred<Requirements>>, ProjectError> {
    let copied: Vec<_> = copied.iter().filter(|at| folder.join(&at.value).is_file()).collect();
    if let Some(first) = copied.first() {
        let files = copied.iter().map(|at| at.value.clone()).collect();
        return Ok(Some(Inferred::new(Requirements::Files(files), first.from.clone())));
    }
    let mut found = listed(folder, "")?;
    if found.is_empty() {
        found = listed(folder, "requirements/")?;
    }
    let main = found.iter().position(|name| name.rsplit('/').next() == Some("requirements.txt"));
    let chosen = match (main, found.as_slice()) {
        (Some(at), files) => files[at].clone(),
        (None, [only]) => only.clone(),
        (None, []) => return Ok(None),
        (None, _) => return Err(ProjectError::ManyRequirements { files: found }),
    };
    let from = Evidence::file(chosen.clone());
    Ok(Some(Inferred::new(Requirements::Files(vec![chosen]), from)))
}

/// `requirements*.txt` in the project's folder, `*.txt` in `requirements/`; sorted.
fn listed(folder: &Path, below: &str) -> Result<Vec<String>, ProjectError> {
    let place = folder.join(below);
    let failed = |source| ProjectError::Io { path: place.clone(), source };
    let entries = match std::fs::read_dir(&place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !below.is_empty() => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let Some(name) = name.to_str() else { continue };
        let fits = Path::new(name).extension().is_some_and(|end| end == "txt")
            && (!below.is_empty() || name.starts_with("requirements"));
        if fits && place.join(name).is_file() {
            names.push(format!("{below}{name}"));
        }
    }
    names.sort();
    Ok(names)
}
