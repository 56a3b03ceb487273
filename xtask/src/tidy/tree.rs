//! The repository's files: what git tracks and what it would take, so that a new file is held to the
//! rules before its first commit.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use super::Error;

/// Paths from the root, with slashes, and the text of those that are text.
pub(super) struct Tree {
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// Reads what `git ls-files` lists, tracked or not yet, but not what is ignored.
    pub(super) fn load(root: &Path) -> Result<Self, Error> {
        let mut files = BTreeMap::new();
        for path in list(root)? {
            match std::fs::read(root.join(&path)) {
                Ok(bytes) => {
                    files.insert(path, String::from_utf8(bytes).ok().filter(|t| !t.contains('\0')));
                }
                // Deleted but not yet committed as such, or a submodule's folder.
                Err(error)
                    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => {}
                Err(source) => return Err(Error::Read { path, source }),
            }
        }
        Ok(Self { files })
    }

    /// A repository made up by a test.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let own = |(path, text): &(&str, &str)| ((*path).to_owned(), Some((*text).to_owned()));
        Self { files: files.iter().map(own).collect() }
    }

    /// How many files there are.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Every text file: path and text, in the order of paths.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Text files whose name ends with this.
    pub(super) fn texts_ending(&self, end: &str) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(move |(path, _)| path.ends_with(end))
    }

    /// The text of one file; nothing where it is absent or no text.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Whether there is a file, or a folder with files, of this name. The empty path is the root.
    pub(super) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self
                .files
                .range(folder.clone()..)
                .next()
                .is_some_and(|(p, _)| p.starts_with(&folder))
    }

    /// The line of a manifest (counted from 1) that declares a dependency or opens its table; 1 where
    /// none is found.
    pub(super) fn line_declaring(&self, manifest: &str, key: &str) -> usize {
        let declares = |line: &str| {
            let rest = line.trim_start().trim_start_matches('"').strip_prefix(key);
            rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=', '"']))
                || (line.starts_with('[')
                    && line.trim_end().ends_with(&format!("dependencies.{key}]")))
        };
        let text = self.text(manifest).unwrap_or_default();
        text.lines().position(declares).map_or(1, |at| at + 1)
    }
}

fn list(root: &Path) -> Result<Vec<String>, Error> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let command = format!("git {}", arguments.join(" "));
    let output = Command::new("git")
        .args(arguments)
        .current_dir(root)
        .output()
        .map_err(|source| Error::Start { command: command.clone(), source })?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::Failed { command, message });
    }
    let names = String::from_utf8_lossy(&output.stdout);
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_count_as_there_and_prefixes_do_not() {
        let tree = Tree::of(&[("docs/guide/a.md", ""), ("docs/guide.md", "")]);
        for path in ["", "docs", "docs/guide", "docs/guide.md"] {
            assert!(tree.has(path), "{path}");
        }
        for path in ["doc", "docs/guid", "docs/guide/b.md"] {
            assert!(!tree.has(path), "{path}");
        }
    }

    #[test]
    fn a_dependency_is_found_in_each_of_its_spellings() {
        let tree = Tree::of(&[(
            "Cargo.toml",
            "[dependencies]\nserde_json.workspace = true\nserde = \"1\"\n[dependencies.tar]\nversion = \"1\"\n",
        )]);
        let line = |key| tree.line_declaring("Cargo.toml", key);
        assert_eq!([line("serde_json"), line("serde"), line("tar"), line("absent")], [2, 3, 4, 1]);
    }

    #[test]
    fn this_very_repository_can_be_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let tree = Tree::load(&root).unwrap();
        assert!(tree.text("xtask/src/tidy/tree.rs").is_some_and(|text| text.starts_with("//!")));
        assert!(!tree.has("target"), "what git ignores is not ours");
    }
}
