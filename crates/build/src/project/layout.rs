//! Where the project's own packages are below its folder, so that they can be imported from anywhere.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lightship_codec::tar::RootPath;

use super::evidence::{Evidence, Inferred};
use crate::app::AppOptions;

/// The folder of *Python Packaging User Guide, src layout vs flat layout*.
const SRC: &str = "src";

/// What makes a folder with such a folder in it a project that could be installed.
const PROJECT_FILES: [&str; 3] = ["pyproject.toml", "setup.cfg", "setup.py"];

/// The variable that names further folders for `import`.
const VARIABLE: &str = "PYTHONPATH";

/// Names the folder of a `src/` layout to Python. Nothing is installed: the source stays where it is, and a
/// changed line changes one small layer. Whoever sets the variable decides alone.
pub(super) fn name_source(
    folder: &Path,
    app: &AppOptions,
    env: &mut BTreeMap<String, Inferred<String>>,
) {
    if env.contains_key(VARIABLE) {
        return;
    }
    let Some(file) = PROJECT_FILES.into_iter().find(|name| folder.join(name).is_file()) else {
        return;
    };
    if !has_packages(&folder.join(SRC)) {
        return;
    }
    if let Some(place) = place(app) {
        let path = Inferred::new(place.to_string(), Evidence::file(format!("{SRC}, {file}")));
        env.insert(VARIABLE.to_owned(), path);
    }
}

/// Whether modules, or folders with modules, lie in a folder that is no package itself.
fn has_packages(folder: &Path) -> bool {
    !folder.join("__init__.py").exists() && has_modules(folder, 2)
}

fn has_modules(folder: &Path, deeper: u32) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        let is_module = path.extension().is_some_and(|ending| ending == "py");
        (is_module && path.is_file()) || (deeper > 0 && has_modules(&path, deeper - 1))
    })
}

/// Where the folder is in the image: below the project's place, or where a copy puts it.
fn place(app: &AppOptions) -> Option<RootPath> {
    if app.copies.is_empty() {
        return app.destination.join(SRC.as_bytes()).ok();
    }
    // The last copy is what is seen.
    app.copies.iter().rev().find_map(|rule| {
        rule.sources.iter().find_map(|source| {
            let parts: Vec<&str> =
                source.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
            match parts[..] {
                [] => rule.destination.join(SRC.as_bytes()).ok(),
                // A copied folder's content goes into the destination.
                [SRC] => Some(rule.destination.clone()),
                _ => None,
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use lightship_dockerfile::ignore::Patterns;

    use super::*;
    use crate::app::CopyRule;

    fn named(files: &[&str], copies: &[(&str, &str)]) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let copies = copies.iter().map(|(from, to)| CopyRule {
            sources: vec![(*from).to_owned()],
            destination: RootPath::parse(to.as_bytes()).unwrap(),
            into_folder: true,
        });
        let app = AppOptions {
            destination: RootPath::parse(b"app").unwrap(),
            copies: copies.collect(),
            name: String::new(),
            include: Patterns::default(),
            exclude: Patterns::default(),
            ignore: Patterns::default(),
        };
        let mut env = BTreeMap::new();
        name_source(folder.path(), &app, &mut env);
        env.remove(VARIABLE).map(|path| path.value)
    }

    #[test]
    fn a_src_layout_is_named_where_it_will_be() {
        let files = ["pyproject.toml", "src/pkg/__init__.py"];
        let path = |text: &str| Some(text.to_owned());
        assert_eq!(named(&files, &[]), path("/app/src"));
        assert_eq!(named(&["setup.py", "src/one.py"], &[]), path("/app/src"));
        assert_eq!(named(&["setup.cfg", "src/name/space/x.py"], &[]), path("/app/src"));
        assert_eq!(named(&files, &[(".", "srv")]), path("/srv/src"));
        assert_eq!(named(&files, &[("./src/", "opt/code"), ("README.md", "x")]), path("/opt/code"));
        assert_eq!(named(&files, &[("src/pkg", "opt/pkg")]), None);
        for other in [
            &["src/pkg/__init__.py"][..],
            &["pyproject.toml", "src/__init__.py"],
            &["pyproject.toml", "src/main.js"],
            &["pyproject.toml", "pkg/__init__.py"],
        ] {
            assert_eq!(named(other, &[]), None, "{other:?}");
        }
    }
}
