//! The project's small files, and what TOML and INI files among them say.

use std::io;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ProjectError;
use super::evidence::{Evidence, Inferred};

/// Locks are the largest of these files; a large project's has a few megabytes.
const MOST_BYTES: u64 = 64 << 20;

/// The text of a file in the project's folder; none where there is no such file.
pub(super) fn text(folder: &Path, name: &str) -> Result<Option<String>, ProjectError> {
    let path = folder.join(name);
    let failed = |source| ProjectError::Io { path: path.clone(), source };
    let size = match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        Ok(_) => return Ok(None),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    if size > MOST_BYTES {
        let reason = format!("it has more than {MOST_BYTES} bytes");
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, reason)));
    }
    let bytes = std::fs::read(&path).map_err(failed)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// A TOML file.
pub(super) struct Toml<'a> {
    name: &'a str,
    text: &'a str,
    document: Spanned<DeTable<'a>>,
}

impl<'a> Toml<'a> {
    pub(super) fn parse(name: &'a str, text: &'a str) -> Result<Self, ProjectError> {
        let document = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let from = Evidence::line(name, line(text, at));
            ProjectError::Invalid { from, message: error.message().to_owned() }
        })?;
        Ok(Self { name, text, document })
    }

    fn value(&self, path: &[&str]) -> Option<&Spanned<DeValue<'a>>> {
        let (first, rest) = path.split_first()?;
        let start = self.document.get_ref().get(*first)?;
        rest.iter().try_fold(start, |value, key| value.get_ref().as_table()?.get(*key))
    }

    pub(super) fn has(&self, path: &[&str]) -> bool {
        self.value(path).is_some()
    }

    /// Where a key's value is.
    pub(super) fn evidence(&self, path: &[&str]) -> Evidence {
        match self.value(path) {
            Some(value) => Evidence::line(self.name, line(self.text, value.span().start)),
            None => Evidence::file(self.name),
        }
    }

    pub(super) fn string(&self, path: &[&str]) -> Option<Inferred<String>> {
        let text = self.value(path)?.get_ref().as_str()?.to_owned();
        Some(Inferred::new(text, self.evidence(path)))
    }

    /// The names and texts of a table of texts.
    pub(super) fn strings(&self, path: &[&str]) -> Vec<(String, Inferred<String>)> {
        let table = self.value(path).and_then(|value| value.get_ref().as_table());
        let entries = table.into_iter().flatten().filter_map(|(key, value)| {
            let from = Evidence::line(self.name, line(self.text, value.span().start));
            let text = value.get_ref().as_str()?.to_owned();
            Some((key.get_ref().to_string(), Inferred::new(text, from)))
        });
        let mut entries: Vec<_> = entries.collect();
        entries.sort_by_key(|(_, value)| value.from.line);
        entries
    }
}

fn line(text: &str, at: usize) -> u32 {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    u32::try_from(before.split(|b| *b == b'\n').count()).unwrap_or(u32::MAX)
}

/// The value of a key in a section of an INI file, its lines joined by line ends.
pub(super) fn ini(name: &str, text: &str, section: &str, key: &str) -> Option<Inferred<String>> {
    let (_, value, line) =
        self::section(text, section).into_iter().find(|(name_of, ..)| name_of == key)?;
    let line = u32::try_from(line).unwrap_or(u32::MAX);
    Some(Inferred::new(value, Evidence::line(name, line)))
}

/// Keys and values of a section of an INI file (*Python, `configparser`*), each with its line from 1; a
/// value's lines are joined by line ends.
pub(crate) fn section(text: &str, section: &str) -> Vec<(String, String, usize)> {
    let mut within = false;
    let mut found: Vec<(String, String, usize)> = Vec::new();
    for (raw, number) in text.lines().zip(1..) {
        let trimmed = raw.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if raw.starts_with([' ', '\t']) {
            if let (true, Some((_, value, _))) = (within, found.last_mut()) {
                value.push('\n');
                value.push_str(trimmed);
            }
        } else if let Some(header) = trimmed.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            within = header.trim() == section;
        } else if within && let Some((key, value)) = trimmed.split_once(['=', ':']) {
            found.push((key.trim().to_owned(), value.trim().to_owned(), number));
        }
    }
    found
}
