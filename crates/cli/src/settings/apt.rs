//! Where this machine gets packages of its distribution from, as its own files say it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Environment, SettingsError, Variable};

/// apt's files, read but not yet understood.
#[derive(Debug, Clone, Default)]
pub struct AptFiles {
    /// The folder that they are in.
    pub folder: PathBuf,
    /// `sources.list` and what is in `sources.list.d`: name and text, in apt's order.
    pub sources: Vec<(String, String)>,
    /// `preferences` and what is in `preferences.d`: name and text, in apt's order.
    pub preferences: Vec<(String, String)>,
    /// Keys that count for every archive: name and bytes.
    pub keys: Vec<(String, Vec<u8>)>,
    /// `auth.conf` and what is in `auth.conf.d`: credentials, in the form of a netrc file.
    pub logins: Vec<super::Secret>,
}

impl AptFiles {
    /// Reads them. Where nothing is configured all is empty: whoever needs an archive says so.
    pub fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let folder = environment.path(Variable::LightshipApt);
        let folder = folder.unwrap_or_else(|| PathBuf::from("/etc/apt"));
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| SettingsError::Unreadable { path, source }
        };
        let text = |path: &Path| -> Result<Option<String>, SettingsError> {
            match fs::read(path) {
                Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(failed(path)(error)),
            }
        };
        let mut files = Self { folder: folder.clone(), ..Self::default() };
        let texts = |file: &str, more: &str, endings: &[&str]| {
            let more = folder.join(more);
            let more = in_folder(&more, endings).map_err(failed(&more))?;
            let mut texts = Vec::new();
            for path in [folder.join(file)].into_iter().chain(more) {
                if let Some(text) = text(&path)? {
                    texts.push((path.display().to_string(), text));
                }
            }
            Ok::<_, SettingsError>(texts)
        };
        files.sources = texts("sources.list", "sources.list.d", &["list", "sources"])?;
        files.preferences = texts("preferences", "preferences.d", &["", "pref"])?;
        let keys = in_folder(&folder.join("trusted.gpg.d"), &["gpg", "asc"]);
        let keys = keys.map_err(failed(&folder.join("trusted.gpg.d")))?;
        for path in keys {
            let bytes = fs::read(&path).map_err(failed(&path))?;
            files.keys.push((path.display().to_string(), bytes));
        }
        // Only root may read these, and only root's apt does: what cannot be read is passed over.
        let logins = in_folder(&folder.join("auth.conf.d"), &["conf"]).unwrap_or_default();
        for path in [folder.join("auth.conf")].into_iter().chain(logins) {
            if let Ok(text) = fs::read_to_string(&path) {
                files.logins.push(super::Secret::new(text));
            }
        }
        Ok(files)
    }
}

/// Files with one of the endings, by name; none where there is no such folder. The empty ending is that of
/// names without one.
fn in_folder(folder: &Path, endings: &[&str]) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let ending = path.extension().map_or(Some(""), |ending| ending.to_str());
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && ending.is_some_and(|ending| endings.contains(&ending)) && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_in_apts_order_and_what_is_missing_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_str().unwrap();
        let environment = Environment::made_of([("LIGHTSHIP_APT", place)], "/");
        assert!(AptFiles::read(&environment).unwrap().sources.is_empty());
        for name in ["sources.list.d", "trusted.gpg.d", "preferences.d", "preferences.d/folder"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        for name in ["sources.list", "sources.list.d/b.sources", "sources.list.d/a.list"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        fs::write(folder.path().join("sources.list.d/old.list.disabled"), "").unwrap();
        fs::write(folder.path().join("trusted.gpg.d/k.asc"), "key").unwrap();
        for name in ["a", "b.pref", "c.bak", ".d"].map(|name| format!("preferences.d/{name}")) {
            fs::write(folder.path().join(&name), &name).unwrap();
        }
        fs::write(folder.path().join("preferences"), "preferences").unwrap();
        let files = AptFiles::read(&environment).unwrap();
        let preferences: Vec<&str> = files.preferences.iter().map(|(_, text)| &**text).collect();
        assert_eq!(preferences, ["preferences", "preferences.d/a", "preferences.d/b.pref"]);
        let texts: Vec<&str> = files.sources.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["sources.list", "sources.list.d/a.list", "sources.list.d/b.sources"]);
        assert_eq!(files.keys.len(), 1);
    }
}
