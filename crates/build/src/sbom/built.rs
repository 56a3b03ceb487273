//! The bill of an image that was built here: what the lock names and the layers have.

use std::collections::{BTreeMap, BTreeSet};

use lightship_base::{Digest, Timestamp};
use lightship_oci::spec::Platform;
use lightship_packages::lock::{Deb, Interpreter, Lock, Sdist, Suite, Wheel};
use lightship_packages::parcel::{Origin, PackageId};
use lightship_packages::purl::Purl;

use super::facts::{Facts, PackageFacts};
use super::graph::below;
use super::model::{Aggregate, Component, Hash, Kind, Parts, Phase, Sbom};
use crate::assemble::Layer;
use crate::foreign::{Installed, Survey};

/// What was built, of what.
#[derive(Debug, Clone, Copy)]
pub struct Made<'a> {
    /// What was used: the part for this image's platform ([`Lock::only_for`]).
    pub lock: &'a Lock,
    /// What it became.
    pub layers: &'a [Layer],
    /// The image below, where there is one; its layers are the first.
    pub below: Option<&'a Survey>,
    /// What the packages say about themselves.
    pub facts: &'a Facts,
    /// The digest of the image's manifest.
    pub image: Digest,
    /// What the image runs on.
    pub platform: &'a Platform,
    /// What the project is called.
    pub name: &'a str,
    /// Its version, where it says one.
    pub version: Option<&'a str>,
    /// The time that the image carries.
    pub created: Timestamp,
}

/// The bill of materials of an image that was just built.
pub fn of_build(made: &Made<'_>) -> Sbom {
    let parts = Bill::new(made);
    let mut subject = Component::image(made.name, &made.image, made.platform);
    subject.version = made.version.map(str::to_owned);
    for base in &made.lock.images {
        subject.note("lightship:base-image", base.digest.to_string());
    }
    let own = parts.components.values().map(|(component, _)| component.clone());
    let all = own.chain(below_ours(made)).collect();
    let top = subject.bom_ref.clone().unwrap_or_default();
    // What a base image has is its own maker's to say.
    let aggregate =
        if made.lock.images.is_empty() { Aggregate::Complete } else { Aggregate::Incomplete };
    Sbom::new(Parts {
        created: Some(made.created),
        phase: Phase::Build,
        subject,
        dependencies: below(&top, parts.edges()),
        components: all,
        aggregate,
    })
}

/// What the image below says to have. It is not ours to vouch for: each says which record tells of it.
fn below_ours<'a>(made: &Made<'a>) -> impl Iterator<Item = Component> + use<'a> {
    let (facts, layers) = (made.facts, made.layers);
    let there = |one: &&Installed| !facts.replaced.contains(&one.evidence);
    let installed = made.below.into_iter().flat_map(|survey| &survey.installed);
    installed.filter(there).map(|one| {
        let mut component = Component {
            version: one.version.clone(),
            purl: one.purl.clone(),
            ..Component::new(Kind::Library, &one.name)
        };
        component.note("lightship:known-from", "the base image");
        component.note("lightship:evidence", &one.evidence);
        if let Some(layer) = one.layer.and_then(|layer| layers.get(layer)) {
            component.note("lightship:layer", layer.digest.to_string());
        }
        component
    })
}

/// Names that the lock's edges use, and what they stand for.
type Names<'a> = BTreeMap<(Origin, &'a str), String>;

/// Components by reference, each with the names of what it needs.
struct Bill<'a> {
    components: BTreeMap<String, (Component, &'a [String])>,
    names: Names<'a>,
    /// By the reference of who needs it; needed are packages of the same origin.
    origins: BTreeMap<String, Origin>,
}

impl<'a> Bill<'a> {
    fn new(made: &Made<'a>) -> Self {
        let mut bill =
            Self { components: BTreeMap::new(), names: BTreeMap::new(), origins: BTreeMap::new() };
        let mut layers: BTreeMap<&'a PackageId, BTreeSet<Digest>> = BTreeMap::new();
        for layer in made.layers {
            for package in &layer.packages {
                layers.entry(package).or_default().insert(layer.digest);
            }
        }
        let index = LockIndex::of(made.lock);
        for (package, layers) in layers {
            let Some((mut component, depends)) = index.component(package, made.facts) else {
                continue;
            };
            for layer in layers {
                component.note("lightship:layer", layer.to_string());
            }
            component.properties.sort();
            let Some(reference) = component.bom_ref.clone() else { continue };
            bill.names.insert((package.origin, &package.name), reference.clone());
            bill.origins.insert(reference.clone(), package.origin);
            bill.components.insert(reference, (component, depends));
        }
        bill
    }

    /// The lock's edges between what is really there.
    fn edges(&self) -> BTreeMap<String, BTreeSet<String>> {
        let needs = |(reference, (_, depends)): (&String, &(Component, &[String]))| {
            let origin = self.origins[reference];
            let find = |name: &String| self.names.get(&(origin, name.as_str())).cloned();
            (reference.clone(), depends.iter().filter_map(find).collect())
        };
        self.components.iter().map(needs).collect()
    }
}

/// The lock by names: images have thousands of packages at times.
struct LockIndex<'a> {
    suite: Option<&'a Suite>,
    interpreter: Option<&'a Interpreter>,
    debs: BTreeMap<(&'a str, &'a str), &'a Deb>,
    wheels: BTreeMap<&'a str, &'a Wheel>,
    sdists: BTreeMap<&'a str, &'a Sdist>,
}

impl<'a> LockIndex<'a> {
    fn of(lock: &'a Lock) -> Self {
        Self {
            suite: lock.suite.as_ref(),
            interpreter: lock.interpreters.first(),
            debs: lock.debs.iter().map(|deb| ((&*deb.name, &*deb.version), deb)).collect(),
            wheels: lock.wheels.iter().map(|wheel| (&*wheel.name, wheel)).collect(),
            sdists: lock.sdists.iter().map(|sdist| (&*sdist.name, sdist)).collect(),
        }
    }

    /// None for what is no package: the user's own files, and what was made here.
    fn component(&self, package: &PackageId, facts: &Facts) -> Option<(Component, &'a [String])> {
        match package.origin {
            Origin::Debian => Some(self.deb(package, facts)),
            Origin::Python => Some(self.python(package, facts)),
            Origin::Interpreter => Some((self.interpreter(package), &[])),
            Origin::Project | Origin::Lightship => None,
        }
    }

    fn deb(&self, package: &PackageId, facts: &Facts) -> (Component, &'a [String]) {
        let locked = self.debs.get(&(package.name.as_str(), package.version.as_str())).copied();
        let distribution = self.suite.map_or("debian", |suite| &suite.distribution);
        let distro = self.suite.map(|suite| format!("{}-{}", suite.distribution, release(suite)));
        let purl = Purl::new("deb", &package.name)
            .with_namespace(distribution)
            .with_version(&package.version)
            .with_qualifier("arch", locked.map_or("", |deb| &deb.architecture))
            .with_qualifier("distro", distro.as_deref().unwrap_or_default());
        let mut component = component(package, &purl, facts.debs.get(&package.name));
        let Some(deb) = locked else { return (component, &[]) };
        component.hashes = vec![Hash::sha256(&deb.sha256)];
        component.note("lightship:archive", &deb.archive);
        component.note("lightship:file", &deb.file);
        if !deb.reason.is_empty() {
            component.note("lightship:reason", &deb.reason);
        }
        (component, &deb.depends)
    }

    fn python(&self, package: &PackageId, facts: &Facts) -> (Component, &'a [String]) {
        let purl = Purl::new("pypi", &package.name).with_version(&package.version);
        let mut component = component(package, &purl, facts.python.get(&package.name));
        if let Some(wheel) = self.wheels.get(package.name.as_str()) {
            component.hashes = vec![Hash::sha256(&wheel.file.sha256)];
            component.note("lightship:file", &wheel.file.name);
            component.note("lightship:index", &wheel.index);
            return (component, &wheel.depends);
        }
        let Some(sdist) = self.sdists.get(package.name.as_str()) else { return (component, &[]) };
        component.hashes = vec![Hash::sha256(&sdist.file.sha256)];
        component.note("lightship:file", &sdist.file.name);
        component.note("lightship:index", &sdist.index);
        if let Some(built) = &sdist.built {
            component.note("lightship:built-wheel", &built.name);
            component.note("lightship:built-wheel-digest", built.sha256.to_string());
        }
        (component, &sdist.depends)
    }

    fn interpreter(&self, package: &PackageId) -> Component {
        let purl = Purl::new("generic", &package.name).with_version(&package.version);
        let mut component = component(package, &purl, None);
        component.kind = Kind::Application;
        if let Some(interpreter) = self.interpreter {
            component.hashes = vec![Hash::sha256(&interpreter.file.sha256)];
            component.note("lightship:file", &interpreter.file.name);
        }
        component
    }
}

/// A release as `os-release` numbers it, and with it the advisories: Debian's archive says 12.11 for what
/// is 12 everywhere else.
pub(crate) fn release(suite: &Suite) -> &str {
    match &suite.version {
        Some(version) if suite.distribution == "debian" => {
            version.split_once('.').map_or(version, |(major, _)| major)
        }
        Some(version) => version,
        None => &suite.codename,
    }
}

fn component(package: &PackageId, purl: &Purl, facts: Option<&PackageFacts>) -> Component {
    let purl = purl.to_string();
    let mut component = Component {
        bom_ref: Some(purl.clone()),
        version: Some(package.version.clone()),
        purl: Some(purl),
        ..Component::new(Kind::Library, &package.name)
    };
    if let Some(facts) = facts {
        component.set_licences(&facts.licences);
        if let Some(source) = &facts.source {
            component.note("lightship:source", source);
        }
    }
    component
}
