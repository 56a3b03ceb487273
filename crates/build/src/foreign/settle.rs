//! What a lock's distributions mean where some are there already: as `pip install` would have it in a
//! Dockerfile. The same version is not added again. Another version where ours go gives way: its files are
//! hidden. Another version elsewhere stays, if ours is found first.

use std::collections::BTreeSet;

use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{Item, PackageId, Parcel};
use lightship_packages::python::normalise_name;
use lightship_packages::wheel::compare_versions;

use super::{Error, Foreign, Installed, Names};
use crate::assemble::{Bundle, Stage};

/// A distribution of a lock.
#[derive(Debug, Clone, Copy)]
pub struct Locked<'a> {
    /// Its normalised name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// Distributions that are there as they are locked, by normalised name.
    pub there: BTreeSet<String>,
    /// Records of distributions that give way.
    pub replaced: BTreeSet<String>,
    /// Places of the image that give way, none below another.
    pub gone: Vec<RootPath>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// A distribution of the image, and the folder that Python finds it in.
struct Found<'a> {
    installed: &'a Installed,
    version: &'a str,
    /// Its `.dist-info` or `.egg-info`.
    record: RootPath,
    /// The number of its folder in the search.
    site: usize,
}

impl Foreign {
    /// Compares what is locked with what is there.
    pub fn settle(&self, locked: &[Locked<'_>]) -> Result<Settled, Error> {
        let mut settled = Settled::default();
        let mut gone = BTreeSet::new();
        for wanted in locked {
            let found = self.found(wanted.name);
            let Some(first) = found.iter().min_by_key(|one| one.site) else { continue };
            if compare_versions(first.version, wanted.version).is_eq() {
                settled.there.insert(wanted.name.to_owned());
                let note = format!("{} {} is the base image's own", wanted.name, first.version);
                settled.notes.push(note);
                continue;
            }
            for other in &found {
                self.replace(wanted, other, &mut gone, &mut settled)?;
            }
        }
        let kept = self.files_of_others(&gone);
        gone.retain(|path| !kept.contains(path));
        settled.gone = whole_folders(&self.names, gone);
        Ok(settled)
    }

    fn found(&self, name: &str) -> Vec<Found<'_>> {
        let one = |installed: &'_ Installed| {
            installed.python_files.as_ref()?;
            let evidence = self.names.real(&format!("/{}", installed.evidence))?;
            // Of an egg that is one file, the file itself.
            let is_record = |path: &RootPath| {
                let name = path.file_name().unwrap_or_default();
                name.ends_with(b".dist-info") || name.ends_with(b".egg-info")
            };
            let record = if is_record(&evidence) { evidence } else { evidence.parent()? };
            let folder = record.parent()?;
            let site = self.sites.iter().position(|site| *site == folder)?;
            Some((record, site))
        };
        let called = self.survey.installed.iter().filter(|one| normalise_name(&one.name) == name);
        called
            .filter_map(|installed| {
                let (record, site) = one(installed)?;
                let version = installed.version.as_deref().unwrap_or("of no version");
                Some(Found { installed, version, record, site })
            })
            .collect()
    }

    fn replace(
        &self,
        wanted: &Locked<'_>,
        found: &Found<'_>,
        gone: &mut BTreeSet<RootPath>,
        settled: &mut Settled,
    ) -> Result<(), Error> {
        let Some(python) = &self.python else { return Ok(()) };
        let own = [&python.scheme.purelib, &python.scheme.platlib];
        let own: Vec<usize> =
            (0..self.sites.len()).filter(|at| own.contains(&&self.sites[*at])).collect();
        let (image, place) = (self.reference.clone(), self.sites[found.site].to_string());
        let (name, locked) = (wanted.name.to_owned(), wanted.version.to_owned());
        let version = found.version.to_owned();
        if !own.contains(&found.site) {
            if own.iter().any(|own| found.site < *own) {
                return Err(Error::Shadows { image, name, found: version, wanted: locked, place });
            }
            let note =
                format!("{name} {version} of the base image in {place} is hidden by {locked}");
            settled.notes.push(note);
            return Ok(());
        }
        let record = found.record.join(b"RECORD").ok();
        if !record.is_some_and(|record| self.names.has_file(&record)) {
            return Err(Error::NoRecord { image, name, found: version, wanted: locked, place });
        }
        let note = format!("{name} {version} of the base image gives way to {locked}");
        settled.notes.push(note);
        settled.replaced.insert(found.installed.evidence.clone());
        gone.extend(self.files(found.installed));
        gone.extend(self.below(&found.record));
        Ok(())
    }

    /// Files of a distribution, with the byte code that was made of them.
    fn files(&self, installed: &Installed) -> Vec<RootPath> {
        let mut files = Vec::new();
        let listed = installed.python_files.iter().flatten();
        for path in listed.filter_map(|path| RootPath::parse(path.as_bytes()).ok()) {
            files.extend(self.bytecode(&path));
            if self.names.has_file(&path) {
                files.push(path);
            }
        }
        files
    }

    /// *PEP 3147*: `__pycache__/NAME.TAG.pyc` beside `NAME.py`.
    fn bytecode(&self, source: &RootPath) -> Vec<RootPath> {
        let Some((folder, name)) = source.split_last() else { return Vec::new() };
        let Some(stem) = name.strip_suffix(b".py") else { return Vec::new() };
        let Ok(cache) = folder.join(b"__pycache__") else { return Vec::new() };
        let stem = [stem, b"."].concat();
        let own = |path: &RootPath| path.file_name().is_some_and(|name| name.starts_with(&stem));
        self.names.inside(&cache).into_iter().filter(own).collect()
    }

    fn below(&self, folder: &RootPath) -> Vec<RootPath> {
        let mut files = Vec::new();
        let mut open = vec![folder.clone()];
        while let Some(path) = open.pop() {
            let inside = self.names.inside(&path);
            if inside.is_empty() {
                files.push(path);
            }
            open.extend(inside);
        }
        files
    }

    /// Of these files, those that another distribution lists as well.
    fn files_of_others(&self, gone: &BTreeSet<RootPath>) -> BTreeSet<RootPath> {
        let is_whole = |one: &&Installed| {
            let evidence = RootPath::parse(one.evidence.as_bytes()).ok();
            !evidence.is_some_and(|evidence| gone.contains(&evidence))
        };
        let others = self.survey.installed.iter().filter(is_whole);
        let files = others.flat_map(|one| one.python_files.iter().flatten());
        files
            .filter_map(|path| RootPath::parse(path.as_bytes()).ok())
            .filter(|path| gone.contains(path))
            .collect()
    }
}

/// Folders of which nothing would be left, in place of all that is in them.
fn whole_folders(names: &Names, gone: BTreeSet<RootPath>) -> Vec<RootPath> {
    let mut gone = gone;
    let mut folders: Vec<RootPath> = gone.iter().filter_map(RootPath::parent).collect();
    // The innermost first: a folder may be empty once those in it are.
    while let Some(deepest) = folders.iter().map(|path| path.components().count()).max() {
        let (level, rest): (Vec<_>, Vec<_>) =
            folders.into_iter().partition(|path| path.components().count() == deepest);
        folders = rest;
        let level: BTreeSet<RootPath> = level.into_iter().collect();
        for folder in level.into_iter().filter(|folder| !folder.is_root()) {
            let inside = names.inside(&folder);
            if !inside.is_empty() && inside.iter().all(|path| gone.contains(path)) {
                for path in &inside {
                    gone.remove(path);
                }
                folders.extend(folder.parent());
                gone.insert(folder);
            }
        }
    }
    gone.into_iter().collect()
}

impl Settled {
    /// The files that hide what gives way (*OCI image-spec 1.1, layer.md, Whiteouts*).
    pub fn bundle(&self, image: &PackageId) -> Option<Bundle> {
        let whiteout = |path: &RootPath| {
            let (folder, name) = path.split_last()?;
            let name = [b".wh.", name].concat();
            Some(Item::made(folder.join(&name).ok()?, Vec::new()))
        };
        let items: Vec<Item> = self.gone.iter().filter_map(whiteout).collect();
        let parcel = Parcel { package: image.clone(), items };
        let stage = Stage::Replaced;
        let bundle = Bundle { parcel, digest: None, stage, last: None, shared: Vec::new() };
        (!bundle.parcel.items.is_empty()).then_some(bundle)
    }
}
