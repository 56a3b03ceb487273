//! Which Python the project wants: one decision, with its reasons.

use std::path::Path;

use super::evidence::{Evidence, Inferred, Note};
use super::files::{self, Toml};
use super::python::{PythonRange, PythonVersion};
use super::{ProjectError, Settings};

/// Which Python the project wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PythonWish {
    /// The version, where somebody names one. It is never replaced by another.
    pub version: Option<Inferred<PythonVersion>>,
    /// Every version that the project takes, where it says so.
    pub range: Option<Inferred<PythonRange>>,
}

impl PythonWish {
    /// Whether an interpreter of this version will do.
    pub fn takes(&self, version: PythonVersion) -> bool {
        self.version.as_ref().is_none_or(|wanted| wanted.value.agrees(version))
            && self.range.as_ref().is_none_or(|range| range.value.takes(version))
    }
}

/// Decides. The settings count first, then the Dockerfile, which says what the program runs on today,
/// then `runtime.txt`, `.python-version` and the locks; what disagrees is named.
pub(super) fn find(
    folder: &Path,
    settings: &Settings,
    pyproject: Option<&Toml<'_>>,
    dockerfile: Option<Inferred<PythonVersion>>,
    notes: &mut Vec<Note>,
) -> Result<PythonWish, ProjectError> {
    let range = range(folder, pyproject, notes)?;
    let written = settings.python.version;
    let written = written.map(|version| Inferred::new(version, Evidence::settings()));
    let mut named =
        [written, dockerfile, runtime(folder)?, pinned(folder, notes)?, pipfile(folder)?]
            .into_iter()
            .flatten();
    let mut version = named.next();
    if let Some(chosen) = &version {
        let others = named.filter(|other| !other.value.agrees(chosen.value));
        notes.extend(others.map(|other| Note {
            text: format!(
                "Python {} is not taken: {} says {}",
                other.value, chosen.from, chosen.value
            ),
            from: other.from,
        }));
        if let Some(range) = range.as_ref().filter(|range| !range.value.takes(chosen.value)) {
            return Err(ProjectError::Python {
                version: chosen.value,
                chosen: chosen.from.clone(),
                range: range.value.clone(),
                required: range.from.clone(),
            });
        }
    }
    // Tags and pins name whatever patch was the newest one on that day; only settings insist on it.
    if let Some(chosen) = &mut version
        && let (Some(_), true) = (chosen.value.patch, chosen.from != Evidence::settings())
    {
        let series = PythonVersion { patch: None, ..chosen.value };
        let text =
            format!("Python {} is taken as any {series}; [python] version insists", chosen.value);
        notes.push(Note { from: chosen.from.clone(), text });
        chosen.value = series;
    }
    Ok(PythonWish { version, range })
}

/// `python-3.11.9`.
fn runtime(folder: &Path) -> Result<Option<Inferred<PythonVersion>>, ProjectError> {
    let text = files::text(folder, "runtime.txt")?;
    let version = text.and_then(|text| text.trim().strip_prefix("python-")?.trim().parse().ok());
    Ok(version.map(|version| Inferred::new(version, Evidence::line("runtime.txt", 1))))
}

/// `3.11`; several lines name several, the first of which counts.
fn pinned(
    folder: &Path,
    notes: &mut Vec<Note>,
) -> Result<Option<Inferred<PythonVersion>>, ProjectError> {
    const FILE: &str = ".python-version";
    let Some(text) = files::text(folder, FILE)? else { return Ok(None) };
    let mut lines = text.lines().map(str::trim).zip(1..);
    let Some((line, number)) = lines.find(|(line, _)| !line.is_empty() && !line.starts_with('#'))
    else {
        return Ok(None);
    };
    let from = Evidence::line(FILE, number);
    let version = line.trim_start_matches("cpython").trim_start_matches(['-', '@']).parse();
    if let Ok(version) = version {
        return Ok(Some(Inferred::new(version, from)));
    }
    let shown: String = line.chars().take(40).collect();
    notes.push(Note { from, text: format!("`{shown}` names no version of CPython") });
    Ok(None)
}

fn pipfile(folder: &Path) -> Result<Option<Inferred<PythonVersion>>, ProjectError> {
    const FILE: &str = "Pipfile.lock";
    let Some(text) = files::text(folder, FILE)? else { return Ok(None) };
    let document = serde_json::from_str::<serde_json::Value>(&text).map_err(|error| {
        let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
        ProjectError::Invalid { from: Evidence::line(FILE, line), message: error.to_string() }
    })?;
    let requires = &document["_meta"]["requires"];
    let full = requires["python_full_version"].as_str().or(requires["python_version"].as_str());
    let version = full.and_then(|version| version.parse().ok());
    Ok(version.map(|version| Inferred::new(version, Evidence::file(FILE))))
}

/// What the project takes, from the first file that says so.
fn range(
    folder: &Path,
    pyproject: Option<&Toml<'_>>,
    notes: &mut Vec<Note>,
) -> Result<Option<Inferred<PythonRange>>, ProjectError> {
    let mut found = pyproject.and_then(|toml| toml.string(&["project", "requires-python"]));
    if found.is_none() {
        let poetry = ["tool", "poetry", "dependencies", "python"];
        found = pyproject.and_then(|toml| toml.string(&poetry)).map(|mut found| {
            found.value = standard(&found.value);
            found
        });
    }
    if found.is_none()
        && let Some(text) = files::text(folder, "uv.lock")?
    {
        found = Toml::parse("uv.lock", &text)?.string(&["requires-python"]);
    }
    if found.is_none()
        && let Some(text) = files::text(folder, "setup.cfg")?
    {
        found = files::ini("setup.cfg", &text, "options", "python_requires");
    }
    let Some(found) = found else { return Ok(None) };
    match found.value.parse() {
        Ok(range) => Ok(Some(Inferred::new(range, found.from))),
        Err(error) => {
            let text = error.to_string();
            notes.push(Note { from: found.from, text });
            Ok(None)
        }
    }
}

/// Poetry's `^3.10` and `~3.10` in standard words; what it writes otherwise is standard.
fn standard(text: &str) -> String {
    let parts = text.split(',').map(str::trim).map(|part| {
        let numbers = |version: &str| -> Option<(u16, Option<u16>)> {
            let mut numbers = version.split('.').map(|part| part.parse().ok());
            Some((numbers.next()??, numbers.next().flatten()))
        };
        let (sign, version) = part.split_at(part.len().min(1));
        match (sign, numbers(version)) {
            ("^", Some((major, _))) | ("~", Some((major, None))) if !version.starts_with('=') => {
                format!(">={version},<{}.0", major.saturating_add(1))
            }
            ("~", Some((major, Some(minor)))) => {
                format!(">={version},<{major}.{}", minor.saturating_add(1))
            }
            _ if part.starts_with(|c: char| c.is_ascii_digit()) => format!("=={part}"),
            _ => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join(",")
}
