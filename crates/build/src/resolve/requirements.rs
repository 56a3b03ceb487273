//! Requirements files (*pip, Requirements File Format*): read with everything that they include, and
//! written again as one, so that the resolver sees the same wherever the files are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Error;

/// No requirements file is larger; people write them.
const MAX_BYTES: u64 = 8 << 20;

/// No project has more files that include each other.
const MOST_FILES: usize = 1000;

/// What requirements files say, those that they include in their places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    /// Requirements, one each (*PEP 508*), with the hashes that are given for them.
    pub lines: Vec<String>,
    /// Requirements of constraints files.
    pub constraints: Vec<String>,
    /// Options that the resolver understands in such a file: `--no-binary numpy`.
    pub options: Vec<String>,
    /// Where distributions may come from, in the order of the files.
    pub indexes: Vec<IndexOption>,
    /// Whether the project itself is among the requirements (`-e .`).
    pub own_project: bool,
    /// Distributions that come without what they ask for, by normalised name: `pip install --no-deps`.
    pub alone: BTreeSet<String>,
}

/// An option about indexes, with its value as written: it may have a password in it.
#[derive(Clone, PartialEq, Eq)]
pub enum IndexOption {
    /// `--index-url`.
    Default(String),
    /// `--extra-index-url`.
    Extra(String),
    /// `--find-links`, a path made absolute.
    Links(String),
    /// `--no-index`.
    None,
}

impl std::fmt::Debug for IndexOption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Default(_) => "Default(..)",
            Self::Extra(_) => "Extra(..)",
            Self::Links(_) => "Links(..)",
            Self::None => "None",
        })
    }
}

/// Which list the lines of a file go to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Purpose {
    Require,
    Constrain,
}

impl Requirements {
    /// Reads files and all that they include.
    pub fn read(files: &[PathBuf]) -> Result<Self, Error> {
        let mut all = Self::default();
        let mut seen = BTreeSet::new();
        for file in files {
            all.include(file, Purpose::Require, &mut seen)?;
        }
        Ok(all)
    }

    /// One text for the same requirements in whatever files, spacing and comments; a lock remembers its
    /// digest.
    pub fn normalised(&self) -> String {
        let mut text = String::new();
        for (mark, lines) in [("", &self.lines), ("-c ", &self.constraints), ("", &self.options)] {
            for line in lines {
                text += &format!("{mark}{line}\n");
            }
        }
        for index in &self.indexes {
            text += &match index {
                IndexOption::Default(url) => format!("--index-url {url}\n"),
                IndexOption::Extra(url) => format!("--extra-index-url {url}\n"),
                // Where a folder is differs between machines; that there is one does not.
                IndexOption::Links(_) => "--find-links\n".to_owned(),
                IndexOption::None => "--no-index\n".to_owned(),
            };
        }
        if self.own_project {
            text += "-e .\n";
        }
        text.extend(self.alone.iter().map(|name| format!("--no-deps {name}\n")));
        text
    }

    /// The lines for the resolver: requirements and the options among them.
    pub(super) fn to_file(&self) -> String {
        self.options.iter().chain(&self.lines).map(|line| format!("{line}\n")).collect()
    }

    /// Takes one requirement of a list that has no options.
    pub(super) fn take_line(&mut self, line: &str) -> Result<(), String> {
        match understand(line)? {
            Line::Requirement(requirement) => self.lines.push(requirement),
            Line::OwnProject
            | Line::Nothing
            | Line::Include(..)
            | Line::Index(_)
            | Line::Option(_) => return Err(format!("`{line}` is no requirement")),
        }
        Ok(())
    }

    /// Takes all requirements of a file that another file names.
    pub(super) fn take_file(&mut self, by: &Path, name: &str, line: usize) -> Result<(), Error> {
        let path = beside(by, name);
        if !path.is_file() {
            let reason = format!("there is no file `{name}`");
            return Err(Error::Requirement { file: by.to_owned(), line, reason });
        }
        self.include(&path, Purpose::Require, &mut BTreeSet::new())
    }

    fn include(
        &mut self,
        file: &Path,
        purpose: Purpose,
        seen: &mut BTreeSet<(PathBuf, Purpose)>,
    ) -> Result<(), Error> {
        let known = std::fs::canonicalize(file).map_err(Error::io("read", file))?;
        if !seen.insert((known, purpose)) {
            return Ok(());
        }
        if seen.len() > MOST_FILES {
            let reason = format!("more than {MOST_FILES} files include each other");
            return Err(Error::Requirement { file: file.to_owned(), line: 1, reason });
        }
        let text = super::read_text(file, MAX_BYTES)?;
        for (number, line) in logical_lines(&text) {
            let wrong = |reason| Error::Requirement { file: file.to_owned(), line: number, reason };
            match understand(&line).map_err(wrong)? {
                Line::Include(path, purpose) => {
                    let next = beside(file, &path);
                    if !next.exists() {
                        return Err(wrong(format!("there is no file `{path}` to include")));
                    }
                    self.include(&next, purpose, seen)?;
                }
                Line::OwnProject => self.own_project = true,
                Line::Index(IndexOption::Links(place)) => {
                    let place = if place.contains("://") {
                        place
                    } else {
                        absolute(&beside(file, &place)).to_string_lossy().into_owned()
                    };
                    self.indexes.push(IndexOption::Links(place));
                }
                Line::Index(index) => self.indexes.push(index),
                Line::Option(option) => self.options.push(option),
                Line::Nothing => {}
                Line::Requirement(requirement) => match purpose {
                    Purpose::Require => self.lines.push(requirement),
                    Purpose::Constrain => self.constraints.push(requirement),
                },
            }
        }
        Ok(())
    }
}

fn beside(file: &Path, path: &str) -> PathBuf {
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

enum Line {
    Requirement(String),
    Include(String, Purpose),
    Index(IndexOption),
    Option(String),
    OwnProject,
    Nothing,
}

fn understand(line: &str) -> Result<Line, String> {
    if !line.starts_with('-') {
        return requirement(line);
    }
    let (name, value) = option(line);
    let value = || {
        let value = value.trim().trim_matches(['"', '\'']).to_owned();
        if value.is_empty() { Err(format!("`{name}` needs a value")) } else { Ok(value) }
    };
    Ok(match name {
        "-r" | "--requirement" => Line::Include(value()?, Purpose::Require),
        "-c" | "--constraint" => Line::Include(value()?, Purpose::Constrain),
        "-i" | "--index-url" | "--pypi-url" => Line::Index(IndexOption::Default(value()?)),
        "--extra-index-url" => Line::Index(IndexOption::Extra(value()?)),
        "-f" | "--find-links" => Line::Index(IndexOption::Links(value()?)),
        "--no-index" => Line::Index(IndexOption::None),
        "--no-binary" | "--only-binary" => Line::Option(format!("{name} {}", value()?)),
        "-e" | "--editable" => match value()?.split('[').next() {
            Some("." | "./") => Line::OwnProject,
            _ => return Err(format!("`{line}`: only the project itself can be editable")),
        },
        // Everything that is locked is verified by its hash, and pre-releases are the resolver's own.
        "--require-hashes" | "--prefer-binary" | "--trusted-host" | "--use-feature" => {
            Line::Nothing
        }
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
fn option(line: &str) -> (&str, &str) {
    if !line.starts_with("--")
        && let Some((name, value)) = line.split_at_checked(2)
    {
        return (name, value.trim_start_matches([' ', '=']));
    }
    line.split_once([' ', '=']).unwrap_or((line, ""))
}

/// A requirement by name. What is required by path or address has no place in a lock.
fn requirement(line: &str) -> Result<Line, String> {
    if line == "." || line.starts_with(".[") {
        return Ok(Line::OwnProject);
    }
    let ending = |ending: &str| line.to_ascii_lowercase().ends_with(ending);
    let path = line.starts_with(['.', '/', '~']) || ending(".whl") || ending(".tar.gz");
    if path {
        return Err(format!(
            "`{line}` is a path: put the file in a folder, name the folder with `--find-links`, and require the package by name"
        ));
    }
    let before_marker = line.split(" ;").next().unwrap_or(line);
    if before_marker.contains("://") || before_marker.contains(" @ ") {
        // An address may have a password in it: only a name is repeated.
        let name = before_marker.split('@').next().unwrap_or_default().trim();
        let name = if name.contains("://") { "a package" } else { name };
        return Err(format!(
            "{name} is required by address, which is not supported yet: require it by name from an index or a `--find-links` folder"
        ));
    }
    Ok(Line::Requirement(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Result<Requirements, Error> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Requirements::read(&[folder.path().join(files[0].0)])
    }

    #[test]
    fn files_become_one() {
        let all = read(&[
            (
                "app/requirements.txt",
                "\u{feff}# ours\nnumpy  # fast\n-r ../base.txt\npandas ==2.3.3 ; python_version<'4' \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n\n\
                 -c constraints.txt\n--extra-index-url=http://u:p@mirror.invalid/simple#x\n--no-binary :none:\n-e .[dev]\n",
            ),
            ("base.txt", "six\n-r app/requirements.txt\n--requirement base.txt\n"),
            ("app/constraints.txt", "urllib3<3\n"),
        ])
        .unwrap();
        assert_eq!(
            all.lines,
            [
                "numpy",
                "six",
                "pandas ==2.3.3 ; python_version<'4' --hash=sha256:00 --hash=sha256:01"
            ]
        );
        assert_eq!((&all.constraints[..], all.own_project), (&["urllib3<3".to_owned()][..], true));
        assert_eq!(all.options, ["--no-binary :none:"]);
        assert_eq!(
            all.indexes,
            [IndexOption::Extra("http://u:p@mirror.invalid/simple#x".to_owned())]
        );
        assert!(!format!("{all:?}").contains("mirror"));
    }

    #[test]
    fn spacing_and_comments_do_not_matter() {
        let a = read(&[("r.txt", "numpy\n# x\n  six   >=1 \n")]).unwrap();
        let b = read(&[("r.txt", "numpy # y\n-r s.txt"), ("s.txt", "six >=1\r\n")]).unwrap();
        assert_eq!(a.normalised(), b.normalised());
        assert_ne!(a.normalised(), read(&[("r.txt", "six\nnumpy")]).unwrap().normalised());
    }

    #[test]
    fn what_cannot_be_locked_is_told_with_its_line() {
        let tell = |text: &str| read(&[("r.txt", text)]).unwrap_err().to_string();
        for (text, expected) in [
            ("a\nfoo @ git+https://u:secret@mirror.invalid/x\n", ":2: foo is required by address"),
            ("https://u:secret@mirror.invalid/x.zip", ":1: a package is required by address"),
            ("./x.whl", ":1: `./x.whl` is a path"),
            ("-r none.txt", "there is no file `none.txt`"),
            ("-e ../other", "only the project itself"),
            ("--pre", "name the pre-release"),
            ("--frobnicate x", "`--frobnicate` is not known"),
            ("-r", "needs a value"),
        ] {
            let told = tell(text);
            assert!(told.contains(expected) && !told.contains("secret"), "{told}");
        }
    }
}
