//! Locks of other tools: exact versions, whose files are known already.
//!
//! Where a lock says where its files are, uv is shown an index of nothing else, a folder that we write;
//! it then chooses among them for the machine in question, as it would among any. Where a lock says
//! digests only, uv asks the user's indexes, and what it chooses has to be among the digests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lightship_base::Digest;
use lightship_net::Url;
use lightship_packages::index::{Index, Place, Role};
use lightship_packages::lock::DEFAULT_INDEX;
use lightship_packages::pylock::pipfile::Pipfile;
use lightship_packages::pylock::poetry::Poetry;
use lightship_packages::pylock::{File, Package, Pylock, Source as PylockSource};

use super::allowed::Allowed;
use super::edges::Edges;
use super::interpreter::{Access, Shared, Word};
use super::source::{MAX_LOCK, PROJECT, Plan, indexes_of_project, project};
use super::target::Target;
use super::{Error, Resolver, Work, read_text};

/// Where the user's `pylock.toml` is seen, with the files beside it.
const BESIDE: &str = "/lightship/pylock";

/// `uv.lock`: uv itself writes it as a `pylock.toml`, for all platforms.
pub(super) fn uv_lock(
    resolver: &Resolver<'_>,
    work: &Work,
    target: &Target,
    folder: &Path,
    extras: &[String],
    groups: &[String],
) -> Result<Plan, Error> {
    let seen = Plan { shared: vec![project(folder)], ..Plan::default() };
    let export = |format: &str, file: &str| {
        let mut words: Vec<Word> = vec!["export".into(), "--frozen".into(), "--quiet".into()];
        words.extend(["--no-emit-project".into(), "--no-default-groups".into()]);
        words.extend(["--no-header".into(), "--format".into(), Word::text(format)]);
        words.extend(["--output-file".into(), Work::inside(file)]);
        words.extend(["--project".into(), Word::inside(PROJECT)]);
        words.extend(["--python".into(), Word::Python]);
        for extra in extras {
            words.extend(["--extra".into(), Word::text(extra)]);
        }
        for group in groups {
            words.extend(["--group".into(), Word::text(group)]);
        }
        resolver.run(work, &seen, "read uv.lock", words)?;
        read_text(&work.path(file), MAX_LOCK)
    };
    let lock = Pylock::parse(&export("pylock.toml", "pylock.uv.toml")?, "uv.lock")?;
    let edges = Edges::parse(&export("requirements.txt", "uv.txt")?);
    // uv chose among extras and groups; what is left to say is the target.
    let packages = chosen(&lock, "uv.lock", target, &[], &[])?;
    let mut plan = of_pylock(resolver, work, &packages, edges, None)?;
    plan.own_indexes = indexes_of_project(folder)?;
    Ok(plan)
}

/// A `pylock.toml` as it is.
pub(super) fn pylock(
    resolver: &Resolver<'_>,
    work: &Work,
    target: &Target,
    file: &Path,
    extras: &[String],
    groups: &[String],
) -> Result<Plan, Error> {
    let name = file.display().to_string();
    let lock = Pylock::parse(&read_text(file, MAX_LOCK)?, &name)?;
    let packages = chosen(&lock, &name, target, extras, groups)?;
    of_pylock(resolver, work, &packages, Edges::default(), folder_of(file).as_deref())
}

/// The folder that a lock's relative paths begin at.
pub(super) fn folder_of(file: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(file).ok()?.parent().map(Path::to_owned)
}

/// The files that lie beside a lock.
pub(super) fn beside_pylock(folder: &Path) -> Index {
    Index::new("beside-pylock", Place::Folder(folder.to_owned()), Role::Extra)
}

/// What a lock has for a target.
fn chosen<'p>(
    lock: &'p Pylock,
    name: &str,
    target: &Target,
    extras: &[String],
    groups: &[String],
) -> Result<Vec<&'p Package>, Error> {
    lock.chosen(target.markers(), extras, groups)
        .map_err(|reason| Error::Lock { lock: name.to_owned(), reason })
}

/// Exact versions, and an index of their files.
fn of_pylock(
    resolver: &Resolver<'_>,
    work: &Work,
    packages: &[&Package],
    edges: Edges,
    folder: Option<&Path>,
) -> Result<Plan, Error> {
    let shared: Vec<Shared> = folder.iter().map(|folder| beside(folder)).collect();
    let mut pages: BTreeMap<&str, String> = BTreeMap::new();
    let mut lines = String::new();
    let mut all = edges;
    for package in packages {
        let unsupported = |from: String| Error::Unsupported { name: package.name.clone(), from };
        let files: Vec<&File> = match &package.source {
            PylockSource::Index { wheels, sdist } => wheels.iter().chain(sdist).collect(),
            PylockSource::Vcs { kind, .. } => {
                return Err(unsupported(format!("a {kind} repository")));
            }
            PylockSource::Directory { path } => {
                return Err(unsupported(format!("the folder {path}")));
            }
            PylockSource::Archive(file) => {
                return Err(unsupported(format!("an address of its own ({})", file.name)));
            }
        };
        let Some(version) = &package.version else {
            return Err(unsupported("source without a version".to_owned()));
        };
        lines += &format!("{}=={version}\n", package.name);
        let page = pages.entry(&package.name).or_default();
        for file in files {
            if let Some(url) = address(resolver, &shared, file) {
                let name = escaped(&file.name);
                *page += &format!(
                    "<a href=\"{}#sha256={}\">{name}</a>\n",
                    escaped(&url),
                    file.sha256.hex()
                );
            }
        }
        if let Some(index) = &package.index {
            all.indexes.insert(package.name.clone(), index.clone());
        }
        for needed in &package.dependencies {
            all.depends.entry(package.name.clone()).or_default().insert(needed.clone());
        }
    }
    for (name, page) in pages {
        work.write(&format!("simple/{name}/index.html"), &page)?;
    }
    let root = resolver.interpreter.path(&[work.shared()], "/lightship/work/simple");
    let only = Url::from_directory_path(&root)
        .ok()
        .map(|url| Index::new(DEFAULT_INDEX, Place::Repository(url), Role::Default));
    let file = work.write("requirements.txt", &lines)?;
    Ok(Plan {
        sources: vec![file],
        shared,
        no_deps: true,
        own_indexes: folder.map(beside_pylock).into_iter().collect(),
        only_index: only,
        edges: Some(all),
        ..Plan::default()
    })
}

fn beside(folder: &Path) -> Shared {
    Shared { outside: folder.to_owned(), inside: BESIDE.to_owned(), access: Access::Read }
}

/// Where uv finds a file. One that lies beside the lock has a path relative to it, which must not lead
/// out of its folder.
fn address(resolver: &Resolver<'_>, shared: &[Shared], file: &File) -> Option<String> {
    if let Some(url) = &file.url {
        return Some(url.clone());
    }
    let path = file.path.as_deref()?.trim_start_matches("./");
    let plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    let inside = plain.then(|| resolver.interpreter.path(shared, &format!("{BESIDE}/{path}")))?;
    Url::from_file_path(inside).ok().map(Into::into)
}

/// `poetry.lock`.
pub(super) fn poetry(work: &Work, file: &Path, groups: &[String]) -> Result<Plan, Error> {
    let lock = Poetry::parse(&read_text(file, MAX_LOCK)?, &file.display().to_string(), groups)?;
    let mut edges = Edges::default();
    let mut pins = Vec::new();
    for package in lock.packages {
        edges.depends.insert(package.name.clone(), package.depends.into_iter().collect());
        pins.push((package.name, package.version, package.marker, package.sha256));
    }
    of_pins(work, "poetry.lock", pins, edges)
}

/// `Pipfile.lock`.
pub(super) fn pipfile(work: &Work, file: &Path, develop: bool) -> Result<Plan, Error> {
    let lock = Pipfile::parse(&read_text(file, MAX_LOCK)?, &file.display().to_string(), develop)?;
    let pins = lock.packages.into_iter();
    let pins = pins.map(|package| (package.name, package.version, package.marker, package.sha256));
    of_pins(work, "Pipfile.lock", pins.collect(), Edges::default())
}

type Pin = (String, String, Option<String>, Vec<Digest>);

fn of_pins(work: &Work, lock: &str, pins: Vec<Pin>, edges: Edges) -> Result<Plan, Error> {
    let mut lines = String::new();
    let mut allowed: BTreeMap<String, BTreeSet<Digest>> = BTreeMap::new();
    for (name, version, marker, sha256) in pins {
        lines += &format!("{name}=={version}");
        if let Some(marker) = marker {
            lines += &format!(" ; {}", one_line(&marker));
        }
        lines.push('\n');
        allowed.entry(name).or_default().extend(sha256);
    }
    Ok(Plan {
        sources: vec![work.write("requirements.txt", &lines)?],
        no_deps: true,
        edges: Some(edges),
        names: allowed.keys().cloned().collect(),
        allowed: Allowed::by_lock(lock, allowed),
        ..Plan::default()
    })
}

/// A marker is an expression; nothing in a lock can make a second line, and so an option, of it.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}
