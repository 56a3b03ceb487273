//! Requirements files (*pip, Requirements File Format*): read with everything that they include, and
//! written again as one, so that the resolver sees the same wherever the files are.

mod hashes;
mod indexes;
mod line;
mod reading;
#[cfg(test)]
mod tests;
mod variables;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lightship_net::Secret;
use lightship_packages::python::normalise_name;

pub use hashes::Hashes;
pub use indexes::{IndexOption, IndexUrl};
pub use variables::{Lookup, Variables};

use self::line::{Line, understand};
use self::reading::Reading;
use super::Error;

/// What requirements files say, those that they include in their places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    /// Requirements as they are written, one each (*PEP 508*), with the hashes that are given for them.
    pub lines: Vec<String>,
    /// Requirements of constraints files, as they are written.
    pub constraints: Vec<String>,
    /// Options that the resolver understands in such a file: `--no-binary numpy`.
    pub options: Vec<String>,
    /// Where distributions may come from, in the order of the files.
    pub indexes: Vec<IndexOption>,
    /// The project itself with these of its extras, if it is among the requirements: `-e .[web]`.
    pub own_project: Option<BTreeSet<String>>,
    /// Distributions that come without what they ask for, by normalised name: `pip install --no-deps`.
    pub alone: BTreeSet<String>,
    /// The only files that may be used of some distributions.
    pub hashes: Hashes,
    /// Variables that the files name.
    pub variables: Variables,
}

impl Requirements {
    /// Reads files and all that they include. `variable` answers for `${NAME}`; one that it does not know is an
    /// error.
    pub fn read(files: &[PathBuf], variable: Lookup<'_>) -> Result<Self, Error> {
        let mut reading = Reading::new(Self::default(), Some(variable));
        for file in files {
            reading.file(file)?;
        }
        reading.finish()
    }

    /// One text for the same requirements in whatever files, spacing and comments; a lock remembers its
    /// digest. Variables of addresses are in it by name, as their values may be secret; those of requirements, which
    /// are no addresses, by their values: they decide what is chosen.
    pub fn normalised(&self) -> String {
        let mut text = String::new();
        for (mark, lines) in [("", &self.lines), ("-c ", &self.constraints), ("", &self.options)] {
            for line in lines {
                text += &format!("{mark}{}\n", self.variables.fill(line));
            }
        }
        for index in &self.indexes {
            text += &index.normalised();
        }
        if self.hashes.required {
            text += "--require-hashes\n";
        }
        if let Some(extras) = &self.own_project {
            let extras = extras.iter().map(String::as_str).collect::<Vec<_>>().join(",");
            text +=
                &if extras.is_empty() { "-e .\n".to_owned() } else { format!("-e .[{extras}]\n") };
        }
        text.extend(self.alone.iter().map(|name| format!("--no-deps {name}\n")));
        text
    }

    /// Whether no repository may be asked: `--no-index`.
    pub fn asks_no_index(&self) -> bool {
        self.indexes.contains(&IndexOption::None)
    }

    /// Values of variables that are in addresses only.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let shown = self.lines.iter().chain(&self.constraints).chain(&self.options);
        self.variables.secrets_beside(shown)
    }

    /// Distributions that the requirements name, normalised.
    pub fn names(&self) -> BTreeSet<String> {
        let names = self.lines.iter().map(|line| name_of(&self.variables.fill(line)));
        names.filter(|name| !name.is_empty()).collect()
    }

    /// The lines for the resolver: requirements and the options among them.
    pub(super) fn to_file(&self) -> String {
        self.filled(self.options.iter().chain(&self.lines))
    }

    /// The constraints for the resolver; nothing where there are none.
    pub(super) fn to_constraints(&self) -> String {
        self.filled(self.constraints.iter())
    }

    fn filled<'l>(&self, lines: impl Iterator<Item = &'l String>) -> String {
        lines.map(|line| self.variables.fill(line) + "\n").collect()
    }

    /// Takes one requirement of a list that has no options.
    pub(super) fn take_line(&mut self, line: &str) -> Result<(), String> {
        match understand(line)? {
            Line::Requirement => self.lines.push(line.to_owned()),
            Line::OwnProject(_) => {
                return Err("the project cannot be a requirement of its own".to_owned());
            }
            Line::Nothing
            | Line::RequireHashes
            | Line::Include(..)
            | Line::Index(_)
            | Line::Links(_)
            | Line::Option(_) => {
                return Err(format!("the option `{}` is no requirement", line::option(line).0));
            }
        }
        Ok(())
    }

    /// Takes all requirements of a file that another file names.
    pub(super) fn take_file(&mut self, by: &Path, name: &str, line: usize) -> Result<(), Error> {
        let path = reading::beside(by, name);
        if !path.is_file() {
            let reason = format!("there is no file `{name}`");
            return Err(Error::Requirement { file: by.to_owned(), line, reason });
        }
        let mut reading = Reading::new(std::mem::take(self), None);
        reading.file(&path)?;
        *self = reading.finish()?;
        Ok(())
    }
}

/// The distribution that a requirement names, normalised.
pub(super) fn name_of(requirement: &str) -> String {
    let requirement = requirement.trim_start();
    let end = requirement.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c));
    normalise_name(&requirement[..end.unwrap_or(requirement.len())])
}
