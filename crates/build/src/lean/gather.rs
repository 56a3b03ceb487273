//! Files of a lock as bundles: the base put together, wheels installed, what does not run left out.

use std::collections::BTreeSet;
use std::path::Path;

use lightship_packages::deb::Deb;
use lightship_packages::lock::Lock;
use lightship_packages::parcel::Origin;
use lightship_packages::wheel::Scripts;
use rayon::prelude::*;

use super::wheels::{self, WheelFile};
use super::{Error, Fetched};
use crate::assemble::{Bundle, Stage};
use crate::base::{self, NativeBase};

/// What the user wants of an image's packages.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Of the base.
    pub base: base::Options,
    /// Which commands of the packages are installed.
    pub scripts: Scripts,
    /// Distributions that the project asks for itself, by normalised name.
    pub requested: BTreeSet<String>,
    /// Debian packages that are there because a wheel's code needs them: a layer above the base, which
    /// all images share.
    pub extra: BTreeSet<String>,
}

/// Everything but the project, ready to be grouped.
pub struct Gathered {
    /// The parts.
    pub bundles: Vec<Bundle>,
    /// How the base came about.
    pub base: NativeBase,
}

/// Opens all files of a lock.
pub fn gather(
    lock: &Lock,
    fetched: &Fetched,
    wishes: &Wishes,
    scratch: &Path,
) -> Result<Gathered, Error> {
    let debs = (fetched.debs.par_iter())
        .map(|path| Ok(Deb::open(path, scratch)?))
        .collect::<Result<Vec<Deb>, Error>>()?;
    let mut base = base::compose(debs, &wishes.base)?;
    let mut bundles: Vec<Bundle> = std::mem::take(&mut base.parcels)
        .into_iter()
        .map(|parcel| {
            let deb = lock.debs.iter().find(|deb| deb.name == parcel.package.name);
            let stage = match parcel.package.origin {
                Origin::Lightship => Stage::Made,
                _ if wishes.extra.contains(&parcel.package.name) => Stage::System,
                _ => Stage::Base,
            };
            let digest = deb.filter(|_| stage != Stage::Made).map(|deb| deb.sha256);
            Bundle { parcel, digest, stage, last: None, shared: Vec::new() }
        })
        .collect();
    if lock.wheels.is_empty() {
        return Ok(Gathered { bundles, base });
    }
    let scheme = &base.python.as_ref().ok_or(Error::NoPython)?.scheme;
    let wheels = (lock.wheels.par_iter().zip(&fetched.wheels))
        .map(|(wheel, path)| {
            let file = WheelFile { name: &wheel.file.name, digest: wheel.file.sha256, path };
            wheels::bundle(&file, scheme, &wishes.scripts, &wishes.requested)
        })
        .collect::<Result<Vec<Bundle>, Error>>()?;
    bundles.extend(wheels);
    Ok(Gathered { bundles, base })
}
