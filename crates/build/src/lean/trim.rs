//! Leaving out what does not run, and making sure that nothing that runs is missing.

use lightship_packages::elf::{Class, Machine};
use lightship_packages::lock::{Deb, Lock};
use lightship_packages::parcel::{Origin, Parcel};

use super::{Error, FOR_NATIVE_CODE, Footing};
use crate::assemble::Bundle;
use crate::native::{Assumed, Links, Missing, Unneeded};
use crate::notebooks::Notebooks;
use crate::prune::{self, Category, KeptOn, PrunedCategory};

/// Bundles without what does not run.
pub struct Trimmed {
    /// What is left.
    pub bundles: Vec<Bundle>,
    /// What is not.
    pub report: Vec<PrunedCategory>,
    /// What stays although its kind is left out elsewhere.
    pub kept_on: Vec<KeptOn>,
    /// Libraries that are found only if another distribution was imported before.
    pub assumed: Vec<Assumed>,
    /// Libraries of drivers, which whoever runs the image brings.
    pub drivers: Vec<Missing>,
    /// Packages of the distribution that nobody asked for, and whose libraries no code loads.
    pub unneeded: Vec<Unneeded>,
}

/// Native code of a processor, as Debian calls it, by its number in ELF (`EM_X86_64`, `EM_AARCH64`); `None`
/// for one that is not known here.
pub fn machine(architecture: &str) -> Option<(Class, Machine)> {
    match architecture {
        "amd64" => Some((Class::Elf64, Machine(62))),
        "arm64" => Some((Class::Elf64, Machine(183))),
        _ => None,
    }
}

/// Prunes, and looks whether every library that is asked for is there. `asked` are packages of the distribution
/// that the user named.
pub fn trim(
    bundles: Vec<Bundle>,
    footing: &Footing,
    keep: impl IntoIterator<Item = Category>,
    architecture: &str,
    (asked, notebooks): (&[String], &Notebooks),
) -> Result<Trimmed, Error> {
    let options = prune::Options {
        keep: keep.into_iter().collect(),
        machine: machine(architecture),
        notebooks: notebooks.clone(),
    };
    let (parcels, rest): (Vec<Parcel>, Vec<_>) = bundles.into_iter().map(Bundle::split).unzip();
    let pruned = prune::prune(parcels, &options)?;
    let links = footing.links(pruned.parcels.clone(), asked.to_vec(), notebooks);
    let (drivers, missing): (Vec<Missing>, Vec<Missing>) =
        lacking(&links, architecture).into_iter().partition(|missing| is_driver(&missing.library));
    if !missing.is_empty() {
        return Err(Error::Missing { missing });
    }
    let bundles = pruned.parcels.into_iter().zip(rest).map(|(parcel, rest)| rest.with(parcel));
    Ok(Trimmed {
        bundles: bundles.collect(),
        report: pruned.report,
        kept_on: pruned.kept_on,
        assumed: links.assumed,
        drivers,
        unneeded: links.unneeded,
    })
}

/// What native code for this processor lacks. Of code for others nothing is expected to run.
pub fn lacking(links: &Links, architecture: &str) -> Vec<Missing> {
    let own = machine(architecture);
    let runs = |missing: &&Missing| {
        let needs = links.files.get(&missing.file).map(|file| &file.needs);
        needs.is_none_or(|needs| own.is_none_or(|own| own == (needs.class, needs.machine)))
    };
    links.missing.iter().filter(runs).cloned().collect()
}

/// Packages of a lock that came for a library which no wheel needs any more.
pub fn libraries_without_users<'a>(lock: &'a Lock, links: &Links) -> Vec<&'a Deb> {
    let is_needed = |library: &str| {
        links.files.values().any(|file| {
            file.package.origin == Origin::Python && file.found.keys().any(|name| name == library)
        })
    };
    let came_for = |deb: &&Deb| {
        let library = deb.reason.strip_prefix(FOR_NATIVE_CODE);
        library.is_some_and(|library| !is_needed(library))
    };
    lock.debs.iter().filter(came_for).collect()
}

/// Libraries that belong to a driver of the machine that the image runs on: no package has the right one.
pub fn is_driver(library: &str) -> bool {
    ["libcuda.so", "libnvidia-", "libcudadebugger.so", "libamdhip64.so", "libze_loader.so"]
        .iter()
        .any(|name| library.starts_with(name))
}
