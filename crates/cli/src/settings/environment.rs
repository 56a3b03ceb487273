//! The process's environment as a value.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{SettingsError, Variable};

/// Variables and working folder: all that a process inherits and that Lightship looks at.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    /// Where relative paths begin; empty if the working folder is gone.
    working_folder: PathBuf,
}

impl Environment {
    /// What this process inherited.
    #[expect(clippy::disallowed_methods, reason = "`cli` knows the working folder")]
    pub fn of_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            working_folder: std::env::current_dir().unwrap_or_default(),
        }
    }

    /// A made-up environment.
    pub fn made_of<'a>(
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
        working_folder: &str,
    ) -> Self {
        let own = |(name, value): (&str, &str)| (name.into(), value.into());
        Self {
            variables: variables.into_iter().map(own).collect(),
            working_folder: working_folder.into(),
        }
    }

    /// Any variable's value, also an empty one: for a command that is to see it.
    pub fn named(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// A variable's value. An empty one counts as not set, as in most programs.
    pub fn get(&self, variable: Variable) -> Option<&OsStr> {
        let spellings = variable.other_spelling().into_iter().chain([variable.name()]);
        spellings
            .filter_map(|name| self.variables.get(OsStr::new(name)))
            .map(OsString::as_os_str)
            .find(|value| !value.is_empty())
    }

    /// The value as text.
    pub fn text(&self, variable: Variable) -> Result<Option<&str>, SettingsError> {
        let Some(value) = self.get(variable) else { return Ok(None) };
        value.to_str().map(Some).ok_or(SettingsError::NotUtf8 { variable })
    }

    /// The value as something that is written as text.
    pub fn parse<T: FromStr>(
        &self,
        variable: Variable,
        expected: &'static str,
    ) -> Result<Option<T>, SettingsError> {
        let Some(text) = self.text(variable)? else { return Ok(None) };
        match text.trim().parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(SettingsError::Invalid { variable, value: text.to_owned(), expected }),
        }
    }

    /// The value as a path, made absolute.
    pub fn path(&self, variable: Variable) -> Option<PathBuf> {
        self.get(variable).map(|value| self.absolute(Path::new(value)))
    }

    /// The value as one of XDG's folders: *"If an implementation encounters a relative path in any of
    /// these variables it should consider the path invalid and ignore it."*
    pub fn xdg_folder(&self, variable: Variable) -> Option<PathBuf> {
        self.get(variable).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// The value as a list of folders; relative ones are left out, as they would mean another folder
    /// in every working folder.
    pub fn folders(&self, variable: Variable) -> Vec<PathBuf> {
        let value = self.get(variable).unwrap_or_default();
        std::env::split_paths(value).filter(|folder| folder.is_absolute()).collect()
    }

    /// `path` as seen from the working folder.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        self.working_folder.join(path)
    }
}

/// Values may be secrets.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("working_folder", &self.working_folder)
            .finish()
    }
}
