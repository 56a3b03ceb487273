//! Whether a `uv.lock` knows everything that its project asks for by now (*uv, Locking and syncing*).
//!
//! Only names are compared: what version a requirement means, and where it counts, uv has decided when it
//! wrote the lock.

use std::collections::BTreeSet;
use std::path::Path;

use lightship_packages::python::normalise_name;
use toml::de::{DeArray, DeTable, DeValue};

use super::requirements::name_of;
use super::source::{MAX_LOCK, MAX_PROJECT, at, parse};
use super::{Error, read_text};

/// Refuses a lock that lacks a requirement of the project, of a wanted extra or of a wanted group.
pub(super) fn check(folder: &Path, extras: &[String], groups: &[String]) -> Result<(), Error> {
    let (project, lock) = (folder.join("pyproject.toml"), folder.join("uv.lock"));
    let project_text = read_text(&project, MAX_PROJECT)?;
    let lock_text = read_text(&lock, MAX_LOCK)?;
    let project = parse(&project, &project_text)?;
    let known = parse(&lock, &lock_text)?;
    // A workspace may have no project at its root.
    let Some(root) = root(&known) else { return Ok(()) };
    let own = at(&project, &["project", "name"]).and_then(DeValue::as_str).map(normalise_name);
    let mut missing = BTreeSet::new();
    for list in Part::all(extras, groups) {
        let known = list.locked(root);
        missing.extend(list.asked(&project).into_iter().filter(|name| !known.contains(name)));
    }
    // An extra may ask for another one of the same project.
    missing.retain(|name| Some(name) != own.as_ref());
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::Behind { lock, names: missing.into_iter().collect() })
}

/// The project's own entry.
fn root<'d, 't>(lock: &'d DeTable<'t>) -> Option<&'d DeTable<'t>> {
    let packages = at(lock, &["package"])?.as_array()?;
    let tables = packages.iter().filter_map(|package| package.get_ref().as_table());
    let here = |table: &&DeTable<'t>| {
        ["editable", "virtual", "directory"]
            .iter()
            .any(|kind| at(table, &["source", kind]).and_then(DeValue::as_str) == Some("."))
    };
    tables.into_iter().find(here)
}

/// One list of requirements.
enum Part<'a> {
    Always,
    Extra(&'a str),
    Group(&'a str),
}

impl<'a> Part<'a> {
    fn all(extras: &'a [String], groups: &'a [String]) -> impl Iterator<Item = Self> {
        let extras = extras.iter().map(|name| Self::Extra(name));
        let groups = groups.iter().map(|name| Self::Group(name));
        std::iter::once(Self::Always).chain(extras).chain(groups)
    }

    /// Distributions that the project's file names.
    fn asked(&self, project: &DeTable<'_>) -> BTreeSet<String> {
        let list = match self {
            Self::Always => at(project, &["project", "dependencies"]),
            Self::Extra(name) => {
                at(project, &["project", "optional-dependencies"]).and_then(|of| named(of, name))
            }
            Self::Group(name) => {
                let mut names = BTreeSet::new();
                group(project, name, &mut BTreeSet::new(), &mut names);
                return names;
            }
        };
        let list = list.and_then(DeValue::as_array).into_iter().flatten();
        list.filter_map(|value| value.get_ref().as_str()).map(name_of).collect()
    }

    /// Distributions that the lock's entry has for it: what was chosen, and what was asked for when the lock was
    /// made, which may be for other machines alone.
    fn locked(&self, root: &DeTable<'_>) -> BTreeSet<String> {
        let list = |value: Option<&DeValue<'_>>| {
            value
                .and_then(DeValue::as_array)
                .map(|array| names(array, |_| true))
                .unwrap_or_default()
        };
        let asked = |fits: &dyn Fn(&str) -> bool| {
            let asked = at(root, &["metadata", "requires-dist"]).and_then(DeValue::as_array);
            asked.map(|array| names(array, fits)).unwrap_or_default()
        };
        let below = |keys: &[&str], name: &str| list(at(root, keys).and_then(|of| named(of, name)));
        let (mut chosen, more) = match self {
            Self::Always => {
                (list(at(root, &["dependencies"])), asked(&|marker| !marker.contains("extra ==")))
            }
            Self::Extra(name) => {
                let of_extra = |marker: &str| {
                    let quoted = marker.split(['\'', '"']).map(normalise_name);
                    marker.contains("extra ==")
                        && quoted.into_iter().any(|one| one == normalise_name(name))
                };
                (below(&["optional-dependencies"], name), asked(&of_extra))
            }
            Self::Group(name) => {
                (below(&["dev-dependencies"], name), below(&["metadata", "requires-dev"], name))
            }
        };
        chosen.extend(more);
        chosen
    }
}

/// The value of a key, however its name is spelt.
fn named<'d, 't>(table: &'d DeValue<'t>, name: &str) -> Option<&'d DeValue<'t>> {
    let name = normalise_name(name);
    let mut entries = table.as_table()?.iter();
    let (_, value) = entries.find(|(key, _)| normalise_name(key.get_ref()) == name)?;
    Some(value.get_ref())
}

/// Names of a list of tables, those whose markers fit.
fn names(array: &DeArray<'_>, fits: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let tables = array.iter().filter_map(|value| value.get_ref().as_table());
    let text = |table: &DeTable<'_>, key: &str| {
        at(table, &[key]).and_then(DeValue::as_str).map(str::to_owned)
    };
    let fitting = tables.filter(|table| fits(&text(table, "marker").unwrap_or_default()));
    fitting.filter_map(|table| text(table, "name")).map(|name| normalise_name(&name)).collect()
}

/// What a group names, with the groups that it includes (*PEP 735*).
fn group(
    project: &DeTable<'_>,
    name: &str,
    seen: &mut BTreeSet<String>,
    names: &mut BTreeSet<String>,
) {
    if !seen.insert(normalise_name(name)) {
        return;
    }
    let list = at(project, &["dependency-groups"]).and_then(|of| named(of, name));
    for value in list.and_then(DeValue::as_array).into_iter().flatten() {
        match value.get_ref() {
            DeValue::String(requirement) => {
                names.insert(name_of(requirement));
            }
            DeValue::Table(table) => {
                if let Some(other) = at(table, &["include-group"]).and_then(DeValue::as_str) {
                    group(project, other, seen, names);
                }
            }
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use lightship_base::Diagnose as _;

    use super::*;

    const LOCK: &str = r#"
version = 1
[[package]]
name = "demo"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "six" }]
[package.optional-dependencies]
web = [{ name = "flask" }]
[package.dev-dependencies]
lint = [{ name = "ruff" }]
[package.metadata]
requires-dist = [
    { name = "six" },
    { name = "pywin32", marker = "sys_platform == 'win32'" },
    { name = "flask", marker = "extra == 'web'" },
]
[package.metadata.requires-dev]
lint = [{ name = "ruff" }]
[[package]]
name = "six"
version = "1.17.0"
"#;

    fn checked(project: &str, extras: &[&str], groups: &[&str]) -> Result<(), Error> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pyproject.toml"), project).unwrap();
        std::fs::write(folder.path().join("uv.lock"), LOCK).unwrap();
        let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        check(folder.path(), &own(extras), &own(groups))
    }

    #[test]
    fn what_a_lock_lacks_is_named() {
        let project = |always: &str, web: &str, lint: &str| {
            format!(
                "[project]\nname = \"Demo\"\ndependencies = [{always}]\n[project.optional-dependencies]\nweb = [{web}]\n\
                 [dependency-groups]\nlint = [{lint}]\nall = [{{ include-group = \"lint\" }}]\n"
            )
        };
        let fine = project(
            "'Six>=1', 'pywin32; sys_platform == \"win32\"'",
            "'flask', 'demo[x]'",
            "'ruff'",
        );
        checked(&fine, &["Web"], &["lint"]).unwrap();
        let missing = |project: &str, extras: &[&str], groups: &[&str]| match checked(
            project, extras, groups,
        ) {
            Ok(()) => Vec::new(),
            Err(Error::Behind { names, .. }) => names,
            Err(other) => panic!("{other}"),
        };
        let more = project("'six', 'idna'", "'flask', 'jinja2'", "'ruff', 'mypy'");
        assert_eq!(missing(&more, &[], &[]), ["idna"]);
        assert_eq!(missing(&more, &["web"], &["lint"]), ["idna", "jinja2", "mypy"]);
        let moved = project("'six', 'flask'", "", "");
        assert_eq!(missing(&moved, &[], &[]), ["flask"], "it was for an extra alone");

        let error = checked(&more, &[], &[]).unwrap_err();
        let told = error.to_string();
        let told = told.rsplit('/').next().unwrap();
        insta::assert_snapshot!(told, @"uv.lock does not have idna yet, which pyproject.toml asks for");
        insta::assert_snapshot!(error.hints()[0], @"run `uv lock`");
    }
}
