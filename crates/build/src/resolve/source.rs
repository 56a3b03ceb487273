//! Where requirements are written, and what uv is given for them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lightship_net::{Secret, Url};
use lightship_packages::index::{Index, Place, Role, without_user};
use lightship_packages::lock::{DEFAULT_INDEX, Inputs};
use toml::de::{DeTable, DeValue};

use super::allowed::Allowed;
use super::edges::Edges;
use super::interpreter::{Access, Shared, Word};
use super::requirements::Requirements;
use super::settings::Fresh;
use super::target::Target;
use super::{Error, Resolver, Work, pinned, read_text, uv_lock};

/// No project file is larger.
pub(super) const MAX_PROJECT: u64 = 8 << 20;

/// No lock of another tool is larger.
pub(super) const MAX_LOCK: u64 = 32 << 20;

/// Where requirements are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Requirements files, read already.
    Requirements {
        /// What they say.
        requirements: Requirements,
        /// The folder of the project, where `-e .` means its `pyproject.toml`.
        project: Option<PathBuf>,
    },
    /// `pyproject.toml` (*PEP 621, PEP 735*).
    Pyproject {
        /// The folder that it is in.
        folder: PathBuf,
        /// Extras that are wanted.
        extras: Vec<String>,
        /// Dependency groups that are wanted.
        groups: Vec<String>,
        /// Distributions that come without what they ask for, by normalised name.
        alone: BTreeSet<String>,
    },
    /// `uv.lock`, beside its `pyproject.toml`.
    UvLock {
        /// The folder that they are in.
        folder: PathBuf,
        /// Extras that are wanted.
        extras: Vec<String>,
        /// Dependency groups that are wanted.
        groups: Vec<String>,
    },
    /// A `pylock.toml` of the user's.
    Pylock {
        /// The file.
        file: PathBuf,
        /// Extras that are wanted.
        extras: Vec<String>,
        /// Dependency groups that are wanted beside those that the lock has as its default.
        groups: Vec<String>,
    },
    /// `poetry.lock`.
    Poetry {
        /// The file.
        file: PathBuf,
        /// Dependency groups that are wanted; `main` always is.
        groups: Vec<String>,
    },
    /// `Pipfile.lock`.
    Pipfile {
        /// The file.
        file: PathBuf,
        /// Whether what only developers need is wanted too.
        develop: bool,
    },
}

/// What uv is given.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// Files for its command line.
    pub(super) sources: Vec<Word>,
    /// Packages that come from one index only, for its command line.
    pub(super) group: Vec<Word>,
    /// Distributions that the sources are known to ask for themselves.
    pub(super) names: BTreeSet<String>,
    /// What it sees beside its own folders.
    pub(super) shared: Vec<Shared>,
    /// Whether the sources are complete: exact versions of everything.
    pub(super) no_deps: bool,
    /// Distributions that come without what they ask for.
    pub(super) alone: BTreeSet<String>,
    /// Whether only folders and pages of links are asked.
    pub(super) no_index: bool,
    /// Indexes that the requirements name, before the user's.
    pub(super) own_indexes: Vec<Index>,
    /// Indexes instead of all others: the files of a lock.
    pub(super) only_index: Option<Index>,
    /// Which lists of files will do.
    pub(super) fresh: Fresh,
    /// Who needs whom, where somebody else says so.
    pub(super) edges: Option<Edges>,
    /// The only files that may be used, where somebody says so.
    pub(super) allowed: Allowed,
    /// What no message may show.
    pub(super) secrets: Vec<Secret>,
}

impl Source {
    /// Adds what it says to what a lock is made from.
    pub fn inputs(&self, inputs: &mut Inputs) -> Result<(), Error> {
        match self {
            Self::Requirements { requirements, project } => {
                inputs.text("requirements", &requirements.normalised());
                if let (Some(_), Some(folder)) = (&requirements.own_project, project) {
                    project_inputs(inputs, folder)?;
                }
            }
            Self::Pyproject { folder, extras, groups, alone } => {
                project_inputs(inputs, folder)?;
                chosen(inputs, "extras", extras);
                chosen(inputs, "groups", groups);
                chosen(inputs, "no-deps", &alone.iter().cloned().collect::<Vec<_>>());
            }
            Self::UvLock { folder, extras, groups } => {
                // It is taken as it is: what it lacks would be missing without a word.
                uv_lock::check(folder, extras, groups)?;
                inputs.text("uv.lock", &read_text(&folder.join("uv.lock"), MAX_LOCK)?);
                chosen(inputs, "extras", extras);
                chosen(inputs, "groups", groups);
            }
            Self::Pylock { file, extras, groups } => {
                inputs.text("pylock.toml", &read_text(file, MAX_LOCK)?);
                chosen(inputs, "extras", extras);
                chosen(inputs, "groups", groups);
            }
            Self::Poetry { file, groups } => {
                inputs.text("poetry.lock", &read_text(file, MAX_LOCK)?);
                chosen(inputs, "groups", groups);
            }
            Self::Pipfile { file, develop } => {
                inputs.text("Pipfile.lock", &read_text(file, MAX_LOCK)?);
                if *develop {
                    inputs.setting("groups", "develop");
                }
            }
        }
        Ok(())
    }

    /// Whether no repository may be asked, but only pages and folders of files: `--no-index`.
    pub fn asks_no_index(&self) -> bool {
        match self {
            Self::Requirements { requirements, .. } => requirements.asks_no_index(),
            Self::Pyproject { .. }
            | Self::UvLock { .. }
            | Self::Pylock { .. }
            | Self::Poetry { .. }
            | Self::Pipfile { .. } => false,
        }
    }

    /// Where it says itself that files are, beside the user's indexes: whoever fetches them has to look there.
    pub fn indexes(&self) -> Vec<Index> {
        match self {
            Self::Requirements { requirements, .. } => requirements.as_indexes(),
            Self::Pylock { file, .. } => {
                let folder = pinned::folder_of(file);
                folder.iter().map(|folder| pinned::beside_pylock(folder)).collect()
            }
            Self::Pyproject { .. }
            | Self::UvLock { .. }
            | Self::Poetry { .. }
            | Self::Pipfile { .. } => Vec::new(),
        }
    }
}

fn chosen(inputs: &mut Inputs, name: &str, values: &[String]) {
    if !values.is_empty() {
        let mut sorted = values.to_vec();
        sorted.sort();
        inputs.setting(name, &sorted.join(", "));
    }
}

/// What of a project's file decides about its requirements: its name, version and description do not.
fn project_inputs(inputs: &mut Inputs, folder: &Path) -> Result<(), Error> {
    let path = folder.join("pyproject.toml");
    let text = read_text(&path, MAX_PROJECT)?;
    let document = parse(&path, &text)?;
    let mut normalised = String::new();
    for keys in [
        &["project", "dependencies"][..],
        &["project", "optional-dependencies"],
        &["project", "requires-python"],
        &["project", "dynamic"],
        &["dependency-groups"],
        &["build-system"],
        &["tool", "uv"],
        &["tool", "poetry"],
    ] {
        if let Some(value) = at(&document, keys) {
            normalised += &format!("{}=", keys.join("."));
            spell(value, &mut normalised);
            normalised.push('\n');
        }
    }
    inputs.text("pyproject.toml", &normalised);
    Ok(())
}

pub(super) fn parse<'t>(path: &Path, text: &'t str) -> Result<DeTable<'t>, Error> {
    DeTable::parse(text).map(toml::Spanned::into_inner).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.get(..start).unwrap_or(text).matches('\n').count() + 1;
        Error::Requirement { file: path.to_owned(), line, reason: error.message().to_owned() }
    })
}

pub(super) fn at<'d, 't>(table: &'d DeTable<'t>, keys: &[&str]) -> Option<&'d DeValue<'t>> {
    let (last, folders) = keys.split_last()?;
    let mut table = table;
    for key in folders {
        table = table.get(*key)?.get_ref().as_table()?;
    }
    Some(table.get(*last)?.get_ref())
}

/// One spelling for one value, whatever its quotes, spaces and order of keys.
fn spell(value: &DeValue<'_>, out: &mut String) {
    match value {
        DeValue::String(text) => *out += &format!("{text:?}"),
        DeValue::Integer(number) => *out += &number.to_string(),
        DeValue::Float(number) => *out += &number.to_string(),
        DeValue::Boolean(value) => *out += &value.to_string(),
        DeValue::Datetime(moment) => *out += &moment.to_string(),
        DeValue::Array(values) => {
            out.push('[');
            for value in values {
                spell(value.get_ref(), out);
                out.push(',');
            }
            out.push(']');
        }
        DeValue::Table(table) => {
            let sorted: BTreeMap<&str, &DeValue<'_>> = table
                .iter()
                .map(|(key, value)| (key.get_ref().as_ref(), value.get_ref()))
                .collect();
            out.push('{');
            for (key, value) in sorted {
                *out += &format!("{key:?}=");
                spell(value, out);
                out.push(',');
            }
            out.push('}');
        }
    }
}

impl Plan {
    /// The indexes that uv is to ask.
    pub(super) fn asked(&self, configured: &[Index]) -> Vec<Index> {
        match &self.only_index {
            Some(only) => vec![only.clone()],
            None => self.known(configured),
        }
    }

    /// Whether uv asks the index of its own where it is to ask these.
    pub(super) fn asks_public(&self, asked: &[Index]) -> bool {
        let has_default = asked.iter().any(|index| index.role == Role::Default);
        !self.no_index && self.only_index.is_none() && !has_default
    }

    /// All indexes that a file may be said to come from, first those that the requirements name. A default
    /// one that they name replaces the user's.
    pub(super) fn known(&self, configured: &[Index]) -> Vec<Index> {
        let mut all = self.own_indexes.clone();
        let has_default = all.iter().any(|index| index.role == Role::Default);
        for index in configured {
            let replaced = has_default && index.role == Role::Default;
            if !replaced && !all.iter().any(|own| own.label == index.label) {
                all.push(index.clone());
            }
        }
        all
    }
}

/// Writes down for uv what a source says.
pub(super) fn plan(
    resolver: &Resolver<'_>,
    work: &Work,
    source: &Source,
    target: &Target,
) -> Result<Plan, Error> {
    match source {
        Source::Requirements { requirements, project } => {
            of_requirements(work, requirements, project.as_deref())
        }
        Source::Pyproject { folder, extras, groups, alone } => {
            Ok(Plan { alone: alone.clone(), ..of_project(folder, extras, groups)? })
        }
        Source::UvLock { folder, extras, groups } => {
            pinned::uv_lock(resolver, work, target, folder, extras, groups)
        }
        Source::Pylock { file, extras, groups } => {
            pinned::pylock(resolver, work, target, file, extras, groups)
        }
        Source::Poetry { file, groups } => pinned::poetry(work, file, groups),
        Source::Pipfile { file, develop } => pinned::pipfile(work, file, *develop),
    }
}

fn of_requirements(
    work: &Work,
    requirements: &Requirements,
    project: Option<&Path>,
) -> Result<Plan, Error> {
    let mut plan = Plan {
        own_indexes: requirements.as_indexes(),
        no_index: requirements.asks_no_index(),
        names: requirements.names(),
        allowed: Allowed::by_hashes(requirements.hashes.clone()),
        alone: requirements.alone.clone(),
        secrets: requirements.secrets(),
        ..Plan::default()
    };
    plan.sources.push(work.write("requirements.txt", &requirements.to_file())?);
    if !requirements.constraints.is_empty() {
        let file = work.write("constraints.txt", &requirements.to_constraints())?;
        plan.sources.extend(["--constraints".into(), file]);
    }
    if let (Some(extras), Some(folder)) = (&requirements.own_project, project) {
        let extras: Vec<String> = extras.iter().cloned().collect();
        let own = of_project(folder, &extras, &[])?;
        plan.sources.extend(own.sources);
        plan.shared.extend(own.shared);
    }
    Ok(plan)
}

fn of_project(folder: &Path, extras: &[String], groups: &[String]) -> Result<Plan, Error> {
    let mut plan = Plan {
        own_indexes: indexes_of_project(folder)?,
        shared: vec![project(folder)],
        ..Plan::default()
    };
    plan.sources.push(Word::inside(format!("{PROJECT}/pyproject.toml")));
    for extra in extras {
        plan.sources.extend(["--extra".into(), Word::text(extra)]);
    }
    for group in groups {
        plan.sources.extend(["--group".into(), group_of(group)]);
    }
    // uv reads `[tool.uv]` of the project that it is pointed at.
    plan.sources.extend(["--project".into(), Word::inside(PROJECT)]);
    Ok(plan)
}

/// A group belongs to a file; uv would look for it in its working folder otherwise.
fn group_of(group: &str) -> Word {
    Word::InsideThen(format!("{PROJECT}/pyproject.toml"), format!(":{group}"))
}

/// Where the project is seen.
pub(super) const PROJECT: &str = "/lightship/project";

/// The project's folder. Building its metadata may write beside it, which nobody wants to keep.
pub(super) fn project(folder: &Path) -> Shared {
    Shared { outside: folder.to_owned(), inside: PROJECT.to_owned(), access: Access::Scratch }
}

/// The indexes that a project's file names.
pub(super) fn indexes_of_project(folder: &Path) -> Result<Vec<Index>, Error> {
    let path = folder.join("pyproject.toml");
    let text = read_text(&path, MAX_PROJECT)?;
    Ok(indexes_of(&parse(&path, &text)?))
}

/// `[[tool.uv.index]]`.
fn indexes_of(document: &DeTable<'_>) -> Vec<Index> {
    let Some(list) = at(document, &["tool", "uv", "index"]).and_then(DeValue::as_array) else {
        return Vec::new();
    };
    let tables = list.iter().filter_map(|value| value.get_ref().as_table());
    let indexes = tables.enumerate().filter_map(|(number, table)| {
        let text = |key: &str| table.get(key)?.get_ref().as_str();
        let is =
            |key: &str| table.get(key).and_then(|value| value.get_ref().as_bool()).unwrap_or(false);
        let url: Url = text("url")?.parse().ok()?;
        let role = match (is("default"), is("explicit")) {
            (true, _) => Role::Default,
            (false, true) => Role::Named,
            (false, false) => Role::Extra,
        };
        let label = match (text("name"), role) {
            (Some(name), _) => name.to_owned(),
            (None, Role::Default) => DEFAULT_INDEX.to_owned(),
            (None, Role::Extra | Role::Named) => format!("project-{}", number + 1),
        };
        Some(Index::new(&label, Place::Repository(without_user(&url)), role))
    });
    indexes.collect()
}
