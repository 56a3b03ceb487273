//! uv's answer as entries of a lock.

use std::collections::BTreeMap;

use lightship_net::Url;
use lightship_packages::index::{Addresses, Index, Place, without_user};
use lightship_packages::lock::{DEFAULT_INDEX, LockedFile, Sdist, Wheel};
use lightship_packages::pylock::{File, Package, Pylock, Source};
use lightship_packages::wheel::{Tags, WheelName};

use super::Error;
use super::edges::Edges;
use super::source::Plan;
use super::target::Target;

/// What requirements resolve to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolution {
    /// Distributions that come as wheels.
    pub wheels: Vec<Wheel>,
    /// Distributions that come as source only; nothing is built yet.
    pub sdists: Vec<Sdist>,
    /// Where the files are, by the label of their index: for the local store, never for a lock.
    pub addresses: BTreeMap<String, Addresses>,
    /// The indexes that were asked: the user's, and those that the requirements name themselves.
    pub indexes: Vec<Index>,
}

impl Resolution {
    /// Keeps the addresses in the local store, so that fetching asks no index.
    pub fn remember(&self, cas: &lightship_cas::Cas) -> Result<(), Error> {
        for (label, addresses) in &self.addresses {
            addresses.remember(cas, label)?;
        }
        Ok(())
    }
}

pub(super) fn resolution(
    pylock: &Pylock,
    edges: &Edges,
    plan: &Plan,
    target: &Target,
    indexes: Vec<Index>,
) -> Result<Resolution, Error> {
    let tags = Tags::of(target.kind);
    let mut resolution = Resolution { indexes, ..Resolution::default() };
    for package in &pylock.packages {
        let allowed = |file: &File| plan.allowed.has(&package.name, &file.sha256);
        let (wheel, sdist) = files(package, &tags, &allowed)?;
        let version = package.version.clone().unwrap_or_default();
        let Some(chosen) = wheel.or(sdist) else { return Err(unfit(package, &tags, plan)) };
        let had = edges.indexes.get(&package.name).or(package.index.as_ref());
        let index = label(had.map(String::as_str), chosen, &resolution.indexes);
        if let Some(url) = chosen.url.as_deref().and_then(|url| url.parse::<Url>().ok()) {
            let addresses = resolution.addresses.entry(index.clone()).or_default();
            addresses.note(&chosen.sha256, &url);
        }
        let file =
            LockedFile { name: chosen.name.clone(), sha256: chosen.sha256, size: chosen.size };
        let depends = depends(package, pylock, edges);
        let name = package.name.clone();
        if wheel.is_some() {
            let platforms = Vec::new();
            resolution.wheels.push(Wheel { name, version, file, index, depends, platforms });
        } else {
            resolution.sdists.push(Sdist {
                name,
                version,
                file,
                index,
                depends,
                platforms: Vec::new(),
                build: Vec::new(),
                built: None,
            });
        }
    }
    Ok(resolution)
}

/// Why a distribution has no file.
fn unfit(package: &Package, tags: &Tags, plan: &Plan) -> Error {
    let name = package.name.clone();
    let any = files(package, tags, &|_| true).ok().and_then(|(wheel, sdist)| wheel.or(sdist));
    any.and_then(|file| plan.allowed.refusal(&name, &file.name)).unwrap_or_else(|| {
        let version = package.version.clone().unwrap_or_default();
        Error::NoFile { name, version }
    })
}

/// The wheel that fits best, and the source distribution. What is not allowed is passed over: an index may
/// have better files today than when the user's lock was made.
fn files<'p>(
    package: &'p Package,
    tags: &Tags,
    allowed: &dyn Fn(&File) -> bool,
) -> Result<(Option<&'p File>, Option<&'p File>), Error> {
    let unsupported = |from: String| Error::Unsupported { name: package.name.clone(), from };
    match &package.source {
        Source::Index { wheels, sdist } => {
            let wheels: Vec<&File> = wheels.iter().filter(|wheel| allowed(wheel)).collect();
            let names: Vec<WheelName> =
                wheels.iter().filter_map(|wheel| wheel.name.parse().ok()).collect();
            let best = tags.best(&names);
            let wheel = best.and_then(|best| wheels.into_iter().find(|w| w.name == best.as_str()));
            Ok((wheel, sdist.as_ref().filter(|sdist| allowed(sdist))))
        }
        Source::Vcs { kind, .. } => Err(unsupported(format!("a {kind} repository"))),
        Source::Directory { path } => Err(unsupported(format!("the folder {path}"))),
        Source::Archive(file) => Err(unsupported(format!("an address of its own ({})", file.name))),
    }
}

/// Those that it needs and that are here.
fn depends(package: &Package, pylock: &Pylock, edges: &Edges) -> Vec<String> {
    let told = package.dependencies.iter();
    let found = edges.depends.get(&package.name).into_iter().flatten();
    let mut names: Vec<String> = told.chain(found).cloned().collect();
    names.retain(|name| pylock.packages.iter().any(|other| other.name == *name));
    names.sort();
    names.dedup();
    names
}

/// What a lock calls the index that had a file.
fn label(had: Option<&str>, file: &File, indexes: &[Index]) -> String {
    let had = had.and_then(|url| url.parse::<Url>().ok());
    let place = file.url.as_deref().and_then(|url| url.parse::<Url>().ok());
    let fits = |index: &&Index| match &index.place {
        Place::Repository(url) | Place::Links(url) => {
            had.as_ref().is_some_and(|had| same(had, url))
        }
        // Inside, a folder has another name; the file's own is what is left of it.
        Place::Folder(folder) => {
            place.as_ref().is_some_and(|url| url.scheme() == "file")
                && folder.join(&file.name).is_file()
        }
    };
    indexes.iter().find(fits).map_or_else(|| DEFAULT_INDEX.to_owned(), |index| index.label.clone())
}

/// Whether two addresses are those of one index.
fn same(a: &Url, b: &Url) -> bool {
    let plain = |url: &Url| without_user(url).as_str().trim_end_matches('/').to_owned();
    plain(a) == plain(b)
}
