//! From what was gathered to an image.

use std::collections::BTreeMap;

use lightship_base::{Digest, Timestamp};
use lightship_build::app::{self, Collected};
use lightship_build::assemble::{
    Bundle, Image, ImageSettings, Layer, Layers, Stage, group, put_together, settle,
};
use lightship_build::lean::{self, Gathered};
use lightship_build::native::Assumed;
use lightship_build::report::{Known, Report};
use lightship_build::sbom::Facts;
use lightship_codec::compression::CompressionLevel;
use lightship_oci::Source as _;
use lightship_oci::spec::Descriptor;
use lightship_packages::lock::Lock;
use lightship_packages::parcel::Item;

use super::recipe::{self, Recipe};
use super::{ProjectPlan, bytecode};
use crate::commands::Error;
use crate::lean::Kitchen;

/// An image that is in the store, and how it came about.
pub(super) struct Built {
    pub(super) image: Image,
    pub(super) layers: Vec<Layer>,
    pub(super) facts: Facts,
    pub(super) created: Timestamp,
    known: Known,
    warnings: Vec<String>,
}

/// *OCI image-spec 1.1, annotations.md*.
const REVISION: &str = "org.opencontainers.image.revision";
const CREATED: &str = "org.opencontainers.image.created";

/// Builds an image, from what an earlier build left where that fits.
pub(super) struct Builder<'a> {
    pub(super) kitchen: &'a Kitchen<'a>,
    pub(super) plan: &'a ProjectPlan,
    pub(super) lock: &'a Lock,
    pub(super) compression: CompressionLevel,
}

impl Builder<'_> {
    pub(super) fn build(&self) -> Result<Built, Error> {
        let collected = self.plan.collect()?;
        let lease = self.kitchen.supplies.fetcher.lease();
        let created = self.kitchen.settings.epoch.unwrap_or_default();
        let layers = Layers { lease, compression: self.compression, time: created.as_second() };
        let key = recipe::key((self.plan, self.lock), self.compression, created, &collected)?;
        let known = Recipe::find(lease, &key)?.filter(|_| is_apart(&collected, self.plan));
        let (recipe, project) = match known {
            Some(recipe) => (recipe, vec![bundle(&collected)]),
            None => self.open_packages(&layers, &key, &collected)?,
        };
        let project =
            layers.make(&group(project, self.plan.grouping()), &*self.kitchen.progress)?;
        let Recipe { layers: mut all, facts, environment, known } = recipe;
        all.extend(project);
        let settings = image_settings(self.plan, &environment, created, self.compression)?;
        let image = put_together("the build", &all, &settings, lease.cas());
        let warnings = collected.warnings.iter().map(ToString::to_string).collect();
        Ok(Built { image, layers: all, facts, created, known, warnings })
    }

    /// Opens all packages. Gives back what of the project is left to be written.
    fn open_packages(
        &self,
        layers: &Layers<'_>,
        key: &str,
        collected: &Collected,
    ) -> Result<(Recipe, Vec<Bundle>), Error> {
        let (plan, lock) = (self.plan, self.lock);
        let Gathered { mut bundles, base } = self.kitchen.gather(lock, &plan.wishes)?;
        bundles.push(bundle(collected));
        let keep = plan.keep.iter().copied();
        let mut trimmed = lean::trim(bundles, keep, plan.platform.architecture())?;
        let mut bundles = std::mem::take(&mut trimmed.bundles);
        let overlaps = settle(&mut bundles)?;
        let facts = Facts::of(&bundles)?;
        let mut notes = match &base.python {
            Some(python) => {
                bytecode::add(&mut bundles, self.kitchen, (plan, lock), python, collected)?
            }
            None => Vec::new(),
        };
        let (project, packages): (Vec<Bundle>, Vec<Bundle>) =
            bundles.into_iter().partition(|bundle| bundle.stage == Stage::Project);
        let apart =
            is_apart(collected, plan) && !packages.iter().any(|bundle| is_in_app(bundle, plan));
        let groups = group(packages, plan.grouping());
        let made = layers.make(&groups, &*self.kitchen.progress)?;
        // Only what is known is taken from this report; the image's own digest comes later.
        let mut report = Report::of("", Digest::of(b""), &groups, &made);
        report.take_base(&base);
        report.take_overlaps(&overlaps);
        report.take_pruned(&trimmed.report, &trimmed.kept_on);
        notes.extend(trimmed.drivers.iter().map(|missing| {
            format!("{} comes with the driver of the machine that runs it", missing.library)
        }));
        notes.extend(trimmed.assumed.iter().map(|assumed| {
            let Assumed { file, library, found } = assumed;
            format!("{file} finds {library} only where what brings {found} was imported before it")
        }));
        report.notes = notes;
        let known = report.known();
        let recipe = Recipe { layers: made, facts, environment: base.environment, known };
        if apart {
            recipe.keep(layers.lease, key)?;
        }
        Ok((recipe, project))
    }
}

fn bundle(collected: &Collected) -> Bundle {
    Bundle {
        parcel: collected.parcel.clone(),
        digest: None,
        stage: Stage::Project,
        last: None,
        shared: Vec::new(),
    }
}

/// Whether the project's files are all in folders of their own, so that none can be a package's.
fn is_apart(collected: &Collected, plan: &ProjectPlan) -> bool {
    let homes = plan.homes();
    let at_home = |item: &Item| homes.iter().any(|home| item.path.starts_with(home));
    homes.iter().all(|home| !home.is_root()) && collected.parcel.items.iter().all(at_home)
}

fn is_in_app(bundle: &Bundle, plan: &ProjectPlan) -> bool {
    let homes = plan.homes();
    let at_home = |item: &Item| homes.iter().any(|home| item.path.starts_with(home));
    bundle.parcel.items.iter().any(at_home)
}

impl Built {
    /// The pointer to its manifest.
    pub(super) fn descriptor(&self) -> Result<Descriptor, Error> {
        Ok(self.image.assembly.root()?)
    }

    pub(super) fn report(&self, project: &str, plan: &ProjectPlan, lock: &Lock) -> Report {
        let (digest, known) = (self.image.digest, self.known.clone());
        let mut report = Report::again(project, digest, &self.layers, known);
        report.platform = plan.platform.to_string();
        let suite = lock.suite.as_ref().map(|suite| {
            let name = capitalised(&suite.distribution);
            format!("{name} {}", suite.version.as_ref().unwrap_or(&suite.codename))
        });
        let python = lock.python.as_ref().map(|python| format!("Python {}", python.version));
        let words: Vec<String> = suite.into_iter().chain(python).collect();
        report.base = Some(words.join(", ")).filter(|words| !words.is_empty());
        report.notes.extend(plan.project.notes.iter().map(ToString::to_string));
        report.notes.extend(self.warnings.iter().cloned());
        report.notes.sort();
        report.notes.dedup();
        report
    }
}

fn image_settings(
    plan: &ProjectPlan,
    environment: &[(String, String)],
    created: Timestamp,
    compression: CompressionLevel,
) -> Result<ImageSettings, Error> {
    let mut run = plan.run.clone();
    let own = run.env.take().unwrap_or_default();
    let set = |name: &str| own.iter().any(|one| one.split('=').next() == Some(name));
    let inherited = environment.iter().filter(|(name, _)| !set(name));
    let inherited = inherited.map(|(name, value)| format!("{name}={value}"));
    run.env = Some(inherited.chain(own.iter().cloned()).collect());
    let mut annotations = BTreeMap::from([(CREATED.to_owned(), created.to_string())]);
    if let Some(revision) = app::revision(&plan.project.folder)? {
        annotations.insert(REVISION.to_owned(), revision);
    }
    Ok(ImageSettings {
        platform: plan.oci_platform.clone(),
        run,
        created,
        annotations,
        compression,
    })
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}
