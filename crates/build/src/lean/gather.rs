//! Files of a lock as bundles: the base put together, wheels installed, what does not run left out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lightship_base::Key;
use lightship_packages::deb;
use lightship_packages::lock::{Deb, Lock, LockedFile};
use lightship_packages::parcel::Origin;
use lightship_packages::wheel::Scripts;
use rayon::prelude::*;

use super::wheels::{self, WheelFile};
use super::{Debs, Error, Fetched, Footing};
use crate::assemble::{Bundle, Stage};
use crate::base::{self, NativeBase};
use crate::foreign::{Foreign, Locked};
use crate::interpreter::{self, Archive, Interpreter};

/// What the user wants of an image's packages.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Of the base.
    pub base: base::Options,
    /// Which commands of the packages are installed.
    pub scripts: Scripts,
    /// Distributions that the project asks for itself, by normalised name.
    pub requested: BTreeSet<String>,
    /// Packages of the distribution that sources are built with, and that the image does not get.
    pub build: Vec<String>,
}

/// Everything but the project, ready to be grouped.
pub struct Gathered {
    /// The parts.
    pub bundles: Vec<Bundle>,
    /// What they are laid onto.
    pub footing: Footing,
}

/// Opens all files of a lock.
pub fn gather(
    lock: &Lock,
    fetched: &Fetched,
    wishes: &Wishes,
    shelf: Debs<'_>,
) -> Result<Gathered, Error> {
    let further = further(lock);
    let mut options = wishes.base.clone();
    let asked = lock.debs.iter().filter(|deb| deb.reason.starts_with(FOR_NATIVE_CODE));
    options.keep.extend(asked.map(|deb| deb.name.clone()));
    let mut base = composed(lock, fetched, &options, shelf)?;
    let interpreter = interpreter(lock, fetched, &options, shelf.scratch)?;
    if let Some(interpreter) = &interpreter {
        let made = base.parcels.len().saturating_sub(1);
        base.parcels.insert(made, interpreter.parcel.clone());
        base::renew_loader_cache(&mut base.parcels)?;
    }
    let mut bundles: Vec<Bundle> = std::mem::take(&mut base.parcels)
        .into_iter()
        .map(|parcel| {
            let deb = lock.debs.iter().find(|deb| deb.name == parcel.package.name);
            let stage = match parcel.package.origin {
                Origin::Lightship => Stage::Made,
                _ if further.contains(parcel.package.name.as_str()) => Stage::System,
                _ => Stage::Base,
            };
            let archive = lock.interpreters.first().map(|one| one.file.sha256);
            let digest = match parcel.package.origin {
                Origin::Interpreter => archive,
                _ => deb.filter(|_| stage != Stage::Made).map(|deb| deb.sha256),
            };
            Bundle { parcel, digest, stage, last: None, shared: Vec::new() }
        })
        .collect();
    let mut footing = Footing::of_packages(&base);
    if let Some(interpreter) = interpreter {
        footing.take_interpreter(interpreter);
    }
    bundles.extend(installed(&wheel_files(lock, fetched), fetched, &footing, wishes)?);
    Ok(Gathered { bundles, footing })
}

/// The base of a lock's Debian packages; the same for all locks that name the same.
fn composed(
    lock: &Lock,
    fetched: &Fetched,
    options: &base::Options,
    shelf: Debs<'_>,
) -> Result<NativeBase, Error> {
    let mut key = Key::of("base").with(format!("{options:?}"));
    for deb in &lock.debs {
        key.add(deb.sha256.to_string());
    }
    fetched.opened.base(key.finish(), || {
        let open = |(deb, path): (&Deb, &PathBuf)| {
            fetched.opened.deb(deb.sha256, || Ok::<_, Error>(shelf.open(&deb.sha256, path)?))
        };
        let debs = lock.debs.par_iter().zip(&fetched.debs).map(open);
        Ok(base::compose(debs.collect::<Result<Vec<deb::Deb>, Error>>()?, options)?)
    })
}

/// The interpreter of the lock's archive.
fn interpreter(
    lock: &Lock,
    fetched: &Fetched,
    options: &base::Options,
    scratch: &Path,
) -> Result<Option<Interpreter>, Error> {
    let (Some(locked), Some(path)) = (lock.interpreters.first(), &fetched.interpreter) else {
        return Ok(None);
    };
    let archive = Archive { name: &locked.file.name, sha256: locked.file.sha256, path };
    let architecture = locked.platform.architecture();
    Ok(Some(interpreter::open(archive, architecture, &options.keep_categories, scratch)?))
}

/// Opens the wheels of a lock for an image that somebody else made. What that one has already is not there
/// a second time.
pub fn gather_onto(
    image: &Foreign,
    lock: &Lock,
    fetched: &Fetched,
    wishes: &Wishes,
) -> Result<Gathered, Error> {
    let mut files = wheel_files(lock, fetched);
    let locked: Vec<Locked<'_>> =
        files.iter().map(|(name, version, _)| Locked { name, version }).collect();
    let settled = image.settle(&locked)?;
    files.retain(|(name, ..)| !settled.there.contains(*name));
    let footing = Footing::of_image(image, &settled);
    let mut bundles = installed(&files, fetched, &footing, wishes)?;
    for bundle in &bundles {
        image.names.check(&bundle.parcel, &image.reference)?;
    }
    bundles.extend(settled.bundle(&image.package()));
    Ok(Gathered { bundles, footing })
}

fn installed(
    files: &[Named<'_>],
    fetched: &Fetched,
    footing: &Footing,
    wishes: &Wishes,
) -> Result<Vec<Bundle>, Error> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let scheme = &footing.python.as_ref().ok_or(Error::NoPython)?.scheme;
    let one = |(_, _, file): &Named<'_>| {
        wheels::bundle(file, &fetched.opened, scheme, (&wishes.scripts, &wishes.requested))
    };
    files.par_iter().map(one).collect()
}

/// A wheel with its distribution's name and version.
type Named<'a> = (&'a str, &'a str, WheelFile<'a>);

/// All wheels: those of indexes, and those that were built.
fn wheel_files<'a>(lock: &'a Lock, fetched: &'a Fetched) -> Vec<Named<'a>> {
    let wheels = lock.wheels.iter().map(|wheel| (&wheel.name, &wheel.version, &wheel.file));
    let built = lock
        .sdists
        .iter()
        .filter_map(|sdist| sdist.built.as_ref().map(|built| (&sdist.name, &sdist.version, built)));
    let one =
        |((name, version, file), path): ((&'a String, &'a String, &'a LockedFile), &'a PathBuf)| {
            let wheel = WheelFile { name: &file.name, digest: file.sha256, path };
            (name.as_str(), version.as_str(), wheel)
        };
    wheels.chain(built).zip(&fetched.wheels).map(one).collect()
}

/// What the reason of a package begins with that is there for a wheel's native code.
pub const FOR_NATIVE_CODE: &str = "native code needs ";

/// The packages of a lock as they were before any came for native code. `None` where one of those is needed by others
/// as well: whether these would have chosen the same nobody knows.
pub fn without_libraries(lock: &Lock) -> Option<Vec<Deb>> {
    let further = further(lock);
    let (libraries, base): (Vec<&Deb>, Vec<&Deb>) =
        lock.debs.iter().partition(|deb| further.contains(deb.name.as_str()));
    let came = |deb: &&Deb| deb.reason.starts_with(FOR_NATIVE_CODE);
    let known = !libraries.is_empty() && !base.iter().any(came);
    known.then(|| base.into_iter().cloned().collect())
}

/// Packages of a lock that native code needs, with all that only they need.
fn further(lock: &Lock) -> BTreeSet<&str> {
    let added = |deb: &&Deb| deb.reason.starts_with(FOR_NATIVE_CODE);
    let mut base: BTreeSet<&str> = BTreeSet::new();
    let needed: BTreeSet<&str> =
        lock.debs.iter().flat_map(|deb| deb.depends.iter().map(String::as_str)).collect();
    let roots = lock.debs.iter().filter(|deb| !added(deb) && !needed.contains(deb.name.as_str()));
    let mut left: Vec<&str> = roots.map(|deb| deb.name.as_str()).collect();
    while let Some(name) = left.pop() {
        if base.insert(name)
            && let Some(deb) = lock.debs.iter().find(|deb| deb.name == name)
        {
            left.extend(deb.depends.iter().map(String::as_str));
        }
    }
    lock.debs.iter().map(|deb| deb.name.as_str()).filter(|name| !base.contains(name)).collect()
}
