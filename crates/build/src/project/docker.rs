//! What the project's Dockerfile tells, as far as a lean image takes it over.

use std::collections::BTreeMap;
use std::path::Path;

use lightship_codec::tar::RootPath;
use lightship_dockerfile::ignore::{Patterns, file_names};
use lightship_dockerfile::{Apt, At, Dockerfile, Facts, Requirement, facts};

use super::evidence::{Evidence, Inferred, Note};
use super::python::PythonVersion;
use super::{ProjectError, files, secrets, system};
use crate::app::CopyRule;

/// A Dockerfile and what it tells.
#[derive(Debug)]
pub(super) struct Docker {
    /// From the project's folder.
    pub(super) file: String,
    pub(super) facts: Facts,
}

/// What it says about the image itself.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) apt: Vec<Inferred<Apt>>,
    pub(super) env: BTreeMap<String, Inferred<String>>,
    pub(super) labels: BTreeMap<String, Inferred<String>>,
    pub(super) workdir: Option<Inferred<String>>,
    pub(super) user: Option<Inferred<String>>,
    pub(super) expose: Vec<Inferred<String>>,
    pub(super) stop_signal: Option<Inferred<String>>,
    pub(super) volumes: Vec<Inferred<String>>,
}

impl Docker {
    /// Reads the one that is named, or the one that is there.
    pub(super) fn read(folder: &Path, named: Option<&str>) -> Result<Option<Self>, ProjectError> {
        let candidates = match named {
            Some(name) => vec![name],
            None => vec!["Dockerfile", "Containerfile"],
        };
        for file in candidates {
            let Some(text) = files::text(folder, file)? else { continue };
            let parsed = Dockerfile::parse(&text)
                .map_err(|source| ProjectError::Dockerfile { file: file.to_owned(), source })?;
            return Ok(Some(Self { file: file.to_owned(), facts: facts(&parsed) }));
        }
        match named {
            Some(name) => {
                let setting = "the command line";
                Err(ProjectError::Missing { setting, file: name.to_owned() })
            }
            None => Ok(None),
        }
    }

    fn at(&self, line: u32) -> Evidence {
        Evidence::line(self.file.clone(), line)
    }

    fn inferred<T: Clone>(&self, at: &At<T>) -> Inferred<T> {
        Inferred::new(at.value.clone(), self.at(at.line))
    }

    /// The requirements files that it installs.
    pub(super) fn requirement_files(&self) -> Vec<Inferred<String>> {
        let files = self.facts.python.iter().filter_map(|at| match &at.value {
            Requirement::File(file) => Some(Inferred::new(file.clone(), self.at(at.line))),
            Requirement::Package(_) | Requirement::Project(_) | Requirement::Lock(_) => None,
        });
        files.collect()
    }

    /// The Python of the image that it begins with.
    pub(super) fn python(&self, notes: &mut Vec<Note>) -> Option<Inferred<PythonVersion>> {
        let base = self.facts.base.as_ref()?;
        let from = self.at(base.line);
        if base.value.conda {
            let text =
                "conda's packages are not read: only the Python requirements count".to_owned();
            notes.push(Note { from: from.clone(), text });
        }
        let python = base.value.python?;
        let version =
            PythonVersion { major: python.major, minor: python.minor, patch: python.patch };
        Some(Inferred::new(version, from))
    }

    /// What it says about the image itself.
    pub(super) fn about(&self, notes: &mut Vec<Note>) -> About {
        let facts = &self.facts;
        self.notes(notes);
        let mut table = |what: &str, of: &BTreeMap<String, At<String>>| {
            let own = of.iter().filter(|(name, at)| {
                let (stays, remark) = secrets::judge(what, name, &at.value);
                notes.extend(remark.map(|text| Note { from: self.at(at.line), text }));
                stays
            });
            own.map(|(name, at)| (name.clone(), self.inferred(at))).collect::<BTreeMap<_, _>>()
        };
        let mut env = table("variable", &facts.env);
        let labels = table("label", &facts.labels);
        // The base's own search path is right for what the base holds.
        if let Some(path) = env.remove("PATH") {
            let text = "PATH is the base's own; [image] env sets another".to_owned();
            notes.push(Note { from: path.from, text });
        }
        About {
            apt: system::needed(&self.file, &facts.apt, notes),
            env,
            labels,
            workdir: facts.workdir.as_ref().map(|at| self.inferred(at)),
            user: facts.user.as_ref().and_then(|at| self.user(at, notes)),
            expose: facts.expose.iter().map(|at| self.inferred(at)).collect(),
            stop_signal: facts.stop_signal.as_ref().map(|at| self.inferred(at)),
            volumes: facts.volumes.iter().map(|at| self.inferred(at)).collect(),
        }
    }

    /// Names come from commands that nobody runs; numbers need no name.
    fn user(&self, at: &At<String>, notes: &mut Vec<Note>) -> Option<Inferred<String>> {
        let numeric = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
        let known = |id: &str| numeric(id) || ["root", "nobody", "nonroot"].contains(&id);
        if at.value.split(':').all(known) {
            return Some(self.inferred(at));
        }
        let text = format!("user {} is made by a command that is not run", at.value);
        notes.push(Note { from: self.at(at.line), text });
        None
    }

    fn notes(&self, notes: &mut Vec<Note>) {
        let own = self.facts.notes.iter();
        notes.extend(own.map(|at| Note { from: self.at(at.line), text: at.value.clone() }));
        for at in &self.facts.python {
            if matches!(at.value, Requirement::Project(_)) {
                let text = "the project is copied, not installed: it has no metadata and no console scripts";
                notes.push(Note { from: self.at(at.line), text: text.to_owned() });
            }
            if let Requirement::Package(package) = &at.value {
                let tools = ["pip", "setuptools", "wheel", "uv", "poetry", "pipenv", "pip-tools"];
                let name = package.split(['=', '<', '>', '~', '!', '[', ';']).next();
                if !name.is_some_and(|name| tools.contains(&name.trim())) {
                    let text =
                        format!("{package} is installed beside the requirements: list it there");
                    notes.push(Note { from: self.at(at.line), text });
                }
            }
        }
    }

    /// Where the project goes, and the copies that say so. A Dockerfile that copies only requirements
    /// and locks says nothing about the source.
    pub(super) fn layout(
        &self,
        notes: &mut Vec<Note>,
    ) -> Result<(Option<String>, Vec<CopyRule>), ProjectError> {
        let workdir = self.facts.workdir.as_ref().map(|at| at.value.clone());
        let copies = &self.facts.copies;
        let source = |at: &&At<_>| !is_recipe(&at.value);
        if !copies.iter().any(|at| source(&at)) {
            if let Some(first) = copies.first() {
                let text = "it copies no source: the whole folder is taken".to_owned();
                notes.push(Note { from: self.at(first.line), text });
            }
            return Ok((workdir, Vec::new()));
        }
        let whole = copies.iter().rev().find(|at| at.value.sources.iter().any(|s| is_whole(s)));
        let destination = whole.map(|at| at.value.destination.clone()).or(workdir);
        let rules = copies.iter().map(|at| {
            let place = RootPath::parse(at.value.destination.as_bytes());
            let destination = place.map_err(|source| ProjectError::Place {
                path: at.value.destination.clone(),
                source,
            })?;
            let sources = at.value.sources.clone();
            Ok(CopyRule { sources, destination, into_folder: at.value.into_folder })
        });
        Ok((destination, rules.collect::<Result<_, ProjectError>>()?))
    }
}

fn is_whole(source: &str) -> bool {
    source.split('/').all(|part| part.is_empty() || part == ".")
}

/// Whether a copy brings only what installers read.
fn is_recipe(copied: &lightship_dockerfile::Copied) -> bool {
    const NAMES: [&str; 10] = [
        "pyproject.toml",
        "uv.lock",
        "poetry.lock",
        "Pipfile",
        "Pipfile.lock",
        "pylock.toml",
        "setup.py",
        "setup.cfg",
        "README.md",
        ".python-version",
    ];
    copied.sources.iter().all(|source| {
        let name = source.rsplit('/').next().unwrap_or(source);
        NAMES.contains(&name) || (name.starts_with("requirements") && name.contains(".txt"))
    })
}

/// The patterns that keep files out of the context.
pub(super) fn ignore(folder: &Path, docker: Option<&Docker>) -> Result<Patterns, ProjectError> {
    let dockerfile = docker.map_or("Dockerfile", |docker| docker.file.as_str());
    for file in file_names(dockerfile) {
        if let Some(text) = files::text(folder, &file)? {
            return Patterns::parse(&text).map_err(|source| ProjectError::Ignore { file, source });
        }
    }
    Ok(Patterns::default())
}
