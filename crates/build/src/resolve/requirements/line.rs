//! One line of a requirements file: what it asks for. No message repeats an address, or the value of an
//! option: people write passwords there.

use std::collections::BTreeSet;

use lightship_packages::python::normalise_name;

use super::indexes::{IndexOption, IndexUrl};

/// Which list the lines of a file go to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    Require,
    Constrain,
}

/// What a line asks for.
pub(super) enum Line {
    Requirement,
    Include(String, Purpose),
    Index(IndexOption),
    /// `--find-links`: where a path begins, the line does not know.
    Links(String),
    Option(String),
    /// The project, with these extras.
    OwnProject(BTreeSet<String>),
    RequireHashes,
    Nothing,
}

pub(super) fn understand(line: &str) -> Result<Line, String> {
    if !line.starts_with('-') {
        return requirement(line);
    }
    let (name, value) = option(line);
    let value = || {
        let value = value.trim().trim_matches(['"', '\'']).to_owned();
        if value.is_empty() { Err(format!("`{name}` needs a value")) } else { Ok(value) }
    };
    Ok(match name {
        "-r" | "--requirement" => Line::Include(file(name, value()?)?, Purpose::Require),
        "-c" | "--constraint" => Line::Include(file(name, value()?)?, Purpose::Constrain),
        "-i" | "--index-url" | "--pypi-url" => {
            Line::Index(IndexOption::Default(IndexUrl::of(name, &value()?)?))
        }
        "--extra-index-url" => Line::Index(IndexOption::Extra(IndexUrl::of(name, &value()?)?)),
        "-f" | "--find-links" => Line::Links(value()?),
        "--no-index" => Line::Index(IndexOption::None),
        "--no-binary" | "--only-binary" => Line::Option(format!("{name} {}", value()?)),
        "-e" | "--editable" => Line::OwnProject(own_project(&value()?).ok_or_else(|| {
            format!("`{name}`: only the project itself can be editable, as `-e .` or `-e .[extra]`")
        })?),
        "--require-hashes" => Line::RequireHashes,
        // Whose certificate counts is a setting of the machine, and wheels are preferred anyway.
        "--prefer-binary" | "--trusted-host" | "--use-feature" => Line::Nothing,
        "--pre" => {
            return Err(
                "`--pre` is not supported here: name the pre-release, as in `name>=2.0rc1`"
                    .to_owned(),
            );
        }
        _ => return Err(format!("the option `{name}` is not known")),
    })
}

/// An option's name and value, whether `--name value`, `--name=value` or `-rvalue`.
pub(super) fn option(line: &str) -> (&str, &str) {
    let of_letter = if line.starts_with("--") { None } else { line.split_at_checked(2) };
    let (name, value) = of_letter.unwrap_or_else(|| {
        let end = line.find(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
        line.split_at(end.unwrap_or(line.len()))
    });
    (name, value.trim_start_matches([' ', '=']))
}

/// A file to include.
fn file(option: &str, path: String) -> Result<String, String> {
    if path.contains("://") {
        return Err(format!("`{option}` takes a file of this machine, and no address"));
    }
    Ok(path)
}

/// `.`, `./`, `.[web,dev]`: the extras.
fn own_project(text: &str) -> Option<BTreeSet<String>> {
    let rest = text.strip_prefix('.')?;
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    if rest.is_empty() {
        return Some(BTreeSet::new());
    }
    let inner = rest.strip_prefix('[')?.strip_suffix(']')?;
    let names = inner.split(',').map(str::trim).filter(|name| !name.is_empty());
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    names.map(|name| plain(name).then(|| normalise_name(name))).collect()
}

/// A requirement by name. What is required by path or address has no place in a lock.
fn requirement(line: &str) -> Result<Line, String> {
    if let Some(extras) = own_project(line) {
        return Ok(Line::OwnProject(extras));
    }
    let before_marker = line.split(" ;").next().unwrap_or(line);
    if before_marker.contains("://") || before_marker.contains(" @ ") {
        let name = before_marker.split('@').next().unwrap_or_default().trim();
        let name = if name.contains("://") { "a package" } else { name };
        return Err(format!(
            "{name} is required by address, which is not supported yet: require it by name from an index or a `--find-links` folder"
        ));
    }
    let place = before_marker.split(" --").next().unwrap_or_default().trim();
    let ending = |ending: &str| place.to_ascii_lowercase().ends_with(ending);
    if place.starts_with(['.', '/', '~']) || ending(".whl") || ending(".tar.gz") {
        let shown = if place.contains('@') { "this".to_owned() } else { format!("`{place}`") };
        return Err(format!(
            "{shown} is a path: put the file in a folder, name the folder with `--find-links`, and require the package by name"
        ));
    }
    Ok(Line::Requirement)
}
