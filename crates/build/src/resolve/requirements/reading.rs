//! Reading requirements files: lines, what they include, and what they say together.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::line::{Line, Purpose, option, understand};
use super::variables::Lookup;
use super::{Requirements, indexes, name_of};
use crate::resolve::{Error, read_text};

/// No requirements file is larger; people write them.
const MAX_BYTES: u64 = 8 << 20;

/// No project has more files that include each other.
const MOST_FILES: usize = 1000;

/// Files while they are read.
pub(super) struct Reading<'a> {
    all: Requirements,
    /// Who knows variables; without anybody `${NAME}` is a text.
    variable: Option<Lookup<'a>>,
    seen: BTreeSet<(PathBuf, Purpose)>,
    /// Requirements without a hash, and where they are.
    bare: Vec<(String, At)>,
}

/// A line of a file.
#[derive(Clone)]
struct At {
    file: PathBuf,
    line: usize,
}

impl At {
    fn wrong(&self, reason: String) -> Error {
        Error::Requirement { file: self.file.clone(), line: self.line, reason }
    }
}

impl<'a> Reading<'a> {
    /// Goes on with what is known already.
    pub(super) fn new(all: Requirements, variable: Option<Lookup<'a>>) -> Self {
        Self { all, variable, seen: BTreeSet::new(), bare: Vec::new() }
    }

    /// Reads a file and all that it includes.
    pub(super) fn file(&mut self, file: &Path) -> Result<(), Error> {
        self.include(file, Purpose::Require)
    }

    /// What they say together.
    pub(super) fn finish(self) -> Result<Requirements, Error> {
        let hashes = &self.all.hashes;
        let bare = self.bare.iter().find(|(name, _)| !hashes.of.contains_key(name));
        match bare.filter(|_| hashes.required) {
            None => Ok(self.all),
            Some((name, at)) => Err(at.wrong(format!(
                "`{name}` has no hash, and `--require-hashes` wants one for every requirement"
            ))),
        }
    }

    fn include(&mut self, file: &Path, purpose: Purpose) -> Result<(), Error> {
        let known = std::fs::canonicalize(file).map_err(Error::io("read", file))?;
        if !self.seen.insert((known, purpose)) {
            return Ok(());
        }
        if self.seen.len() > MOST_FILES {
            let reason = format!("more than {MOST_FILES} files include each other");
            return Err(At { file: file.to_owned(), line: 1 }.wrong(reason));
        }
        let text = read_text(file, MAX_BYTES)?;
        for (line, text) in logical_lines(&text) {
            self.line(&text, purpose, &At { file: file.to_owned(), line })?;
        }
        Ok(())
    }

    fn line(&mut self, written: &str, purpose: Purpose, at: &At) -> Result<(), Error> {
        if let Some(variable) = self.variable {
            let learned = self.all.variables.learn(written, variable);
            learned.map_err(|reason| at.wrong(reason))?;
        }
        let line = self.all.variables.fill(written);
        let variables = self.all.variables.clone();
        let wrong = |reason: String| at.wrong(variables.hide(&reason));
        match understand(&line).map_err(wrong)? {
            Line::Requirement => self.requirement((written, &line), purpose, at).map_err(wrong)?,
            Line::Include(path, purpose) => {
                let next = beside(&at.file, &path);
                if !next.exists() {
                    return Err(wrong(format!("there is no file `{path}` to include")));
                }
                self.include(&next, purpose)?;
            }
            Line::OwnProject(extras) => {
                self.all.own_project.get_or_insert_default().extend(extras);
            }
            Line::Index(index) if written == line => self.all.indexes.push(index),
            Line::Index(index) => self.all.indexes.push(index.written(option(written).1)),
            Line::Links(place) => {
                let folder = |path: &str| absolute(&beside(&at.file, path));
                let place = indexes::links(&place, folder).map_err(wrong)?;
                self.all.indexes.push(indexes::IndexOption::Links(place));
            }
            Line::Option(option) => self.all.options.push(option),
            Line::RequireHashes => self.all.hashes.required = true,
            Line::Nothing => {}
        }
        Ok(())
    }

    fn requirement(
        &mut self,
        (written, line): (&str, &str),
        purpose: Purpose,
        at: &At,
    ) -> Result<(), String> {
        let name = name_of(line);
        let hashed = self.all.hashes.take(&name, line)?;
        match purpose {
            Purpose::Require => {
                self.all.lines.push(written.to_owned());
                if !hashed {
                    self.bare.push((name, at.clone()));
                }
            }
            Purpose::Constrain => self.all.constraints.push(written.to_owned()),
        }
        Ok(())
    }
}

/// A path that is written in a file begins at the file's folder.
pub(super) fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(path)
}

fn absolute(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Lines with their numbers: continued ones joined, comments gone, empty ones left out.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, raw) in text.lines().enumerate() {
        let (number, mut line) = open.take().unwrap_or((number + 1, String::new()));
        let bare = without_comment(raw);
        if let Some(begun) = bare.strip_suffix('\\') {
            line.push_str(begun);
            open = Some((number, line));
            continue;
        }
        line.push_str(bare);
        lines.push((number, line));
    }
    lines.extend(open);
    lines.retain_mut(|(_, line)| {
        *line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        !line.is_empty()
    });
    lines
}

/// A comment begins with `#` at the beginning of a line or after white space: an address may have a
/// fragment.
fn without_comment(line: &str) -> &str {
    if line.starts_with('#') {
        return "";
    }
    let comment = [" #", "\t#"].iter().filter_map(|mark| line.find(mark)).min();
    comment.map_or(line, |at| &line[..at])
}
