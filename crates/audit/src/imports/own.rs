//! Which modules are the project's own.

use std::collections::BTreeSet;

/// The project's files, ready for the question whether a name leads to one of them.
#[derive(Debug)]
pub(super) struct OwnModules<'a> {
    files: BTreeSet<&'a str>,
}

impl<'a> OwnModules<'a> {
    pub(super) fn of(files: impl Iterator<Item = &'a str>) -> Self {
        Self { files: files.collect() }
    }

    /// Whether `module`, imported by the file at `path`, is found among the project's files: beside the
    /// importing file, as when that is started as a script, or in a folder above it or its `src`, as
    /// when the project is installed or on the path.
    pub(super) fn has(&self, module: &str, path: &str) -> bool {
        let mut parts = module.split('.');
        let top = parts.next().unwrap_or_default();
        let second = parts.next();
        folders_above(path).any(|folder| {
            self.in_folder(folder, top, second) || self.in_folder(&join(folder, "src"), top, second)
        })
    }

    /// A folder without `__init__.py` counts only for what is in it: of two folders of a name, Python
    /// takes the one with that file, and a folder of scripts is often called what they are about.
    fn in_folder(&self, folder: &str, top: &str, second: Option<&str>) -> bool {
        let path = join(folder, top);
        let has = |path: String| self.files.contains(path.as_str());
        has(format!("{path}.py"))
            || has(format!("{path}/__init__.py"))
            || second.is_some_and(|second| {
                has(format!("{path}/{second}.py"))
                    || self.has_files_in(&format!("{path}/{second}/"))
            })
    }

    fn has_files_in(&self, prefix: &str) -> bool {
        self.files.range(prefix..).next().is_some_and(|file| file.starts_with(prefix))
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The folder of a file, the one above, …, the project's, which is empty.
fn folders_above(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| {
        (!path.is_empty()).then(|| path.rsplit_once('/').map_or("", |(folder, _)| folder))
    })
    .skip(1)
}
