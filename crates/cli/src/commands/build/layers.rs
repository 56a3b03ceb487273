//! From what was gathered to an image.

use std::collections::BTreeMap;
use std::sync::Arc;

use lightship_base::Timestamp;
use lightship_build::app::{self, Collected};
use lightship_build::assemble::{
    Bundle, Existing, Grouping, Image, ImageSettings, Layer, Layers, Stage, group, put_onto,
    put_together, settle,
};
use lightship_build::foreign::{Error as ForeignError, Files, Names, NoFiles};
use lightship_build::lean::{self, Gathered};
use lightship_build::native::{Assumed, Unneeded};
use lightship_build::report::{Known, Report, base_words};
use lightship_build::sbom::Facts;
use lightship_codec::compression::CompressionLevel;
use lightship_oci::Source as _;
use lightship_oci::spec::Descriptor;
use lightship_packages::lock::Lock;

use super::occupied::Occupied;
use super::project::{MOST_LAYERS, OTHER_LAYERS};
use super::recipe::{self, Recipe};
use super::{ProjectPlan, bytecode, starts};
use crate::commands::Error;
use crate::lean::{BaseImage, Kitchen, blame};

/// An image that is in the store, and how it came about.
pub(in crate::commands) struct Built {
    pub(in crate::commands) image: Image,
    pub(in crate::commands) layers: Vec<Layer>,
    pub(in crate::commands) facts: Facts,
    pub(in crate::commands) created: Timestamp,
    /// Keeps the layers of an image below while they are sent.
    pub(in crate::commands) base: Option<BaseImage>,
    known: Known,
    warnings: Vec<String>,
}

/// *OCI image-spec 1.1, annotations.md*.
const REVISION: &str = "org.opencontainers.image.revision";
const CREATED: &str = "org.opencontainers.image.created";

/// Builds an image, from what an earlier build left where that fits.
pub(in crate::commands) struct Builder<'a> {
    pub(in crate::commands) kitchen: &'a Kitchen<'a>,
    pub(in crate::commands) plan: &'a ProjectPlan,
    pub(in crate::commands) lock: &'a Lock,
    pub(in crate::commands) compression: CompressionLevel,
}

impl Builder<'_> {
    pub(in crate::commands) fn build(&self) -> Result<Built, Error> {
        let mut collected = self.plan.collect()?;
        let base = self.kitchen.base_image(self.lock)?;
        let existing = base.as_ref().map(|base| base.survey.existing()).unwrap_or_default();
        if let Some(base) = &base {
            let files: Arc<dyn Files> = Arc::new(NoFiles);
            Names::of(&base.survey, &files).land_all(&mut collected.parcel);
        }
        let ground = Ground { base: base.as_ref(), existing: &existing };
        let lease = self.kitchen.supplies.fetcher.lease();
        let created = self.kitchen.settings.epoch.unwrap_or_default();
        let layers = Layers { lease, compression: self.compression, time: created.as_second() };
        let key = recipe::key((self.plan, self.lock), self.compression, created, &collected)?;
        let known = Recipe::find(lease, &key)?;
        let known = known.filter(|recipe| recipe.occupied.is_apart_from(&collected.parcel));
        let (recipe, project) = match known {
            Some(recipe) => (recipe, vec![bundle(&collected)]),
            None => self
                .open_packages(&layers, &ground, &key, &collected)
                .map_err(|error| blame(self.lock, &lease.cas(), error))?,
        };
        let groups = group(project, ground.grouping(self.plan)?);
        let project = layers.make_onto(&existing, &groups, &*self.kitchen.progress)?;
        let Recipe { layers: mut all, facts, environment, known, occupied } = recipe;
        all.extend(project);
        let mut settings = image_settings(self.plan, &environment, created, self.compression)?;
        let mut warnings: Vec<String> =
            collected.warnings.iter().map(ToString::to_string).collect();
        let image = match &base {
            None => {
                let missing = starts::missing(&settings.run, &occupied, &collected.parcel);
                warnings.extend(missing.map(nothing_to_start));
                put_together("the build", &all, &settings, lease.cas())
            }
            Some(base) => {
                self.kitchen.take_config(base, &mut settings)?;
                put_onto(&base.image, "the build", &all, &settings, lease.cas())
            }
        };
        let mut whole = base.as_ref().map(BaseImage::layers).unwrap_or_default();
        whole.extend(all);
        Ok(Built { image, layers: whole, facts, created, base, known, warnings })
    }

    /// Opens all packages. Gives back what of the project is left to be written.
    fn open_packages(
        &self,
        layers: &Layers<'_>,
        ground: &Ground<'_>,
        key: &str,
        collected: &Collected,
    ) -> Result<(Recipe, Vec<Bundle>), Error> {
        let (plan, lock) = (self.plan, self.lock);
        let Gathered { mut bundles, footing } = self.kitchen.gather(lock, &plan.wishes)?;
        bundles.push(bundle(collected));
        let keep = plan.keep.iter().copied();
        let notebooks = &self.kitchen.notebooks;
        let architecture = plan.platform.architecture();
        let mut trimmed =
            lean::trim(bundles, &footing, keep, architecture, (&plan.wishes.base.keep, notebooks))?;
        let mut bundles = std::mem::take(&mut trimmed.bundles);
        let overlaps = settle(&mut bundles, notebooks)?;
        let mut facts = Facts::of(&bundles)?;
        facts.replaced = footing.below.as_ref().map(|it| it.replaced.clone()).unwrap_or_default();
        let (mut notes, complete) = match &footing.python {
            Some(python) => {
                bytecode::add(&mut bundles, self.kitchen, (plan, lock), python, collected)?
            }
            None => (Vec::new(), true),
        };
        let (project, packages): (Vec<Bundle>, Vec<Bundle>) =
            bundles.into_iter().partition(|bundle| bundle.stage == Stage::Project);
        let sites = footing.python.as_ref().map(bytecode::search).unwrap_or_default();
        let occupied = Occupied::by(packages.iter(), &sites);
        // What could not be compiled now may be the next time.
        let kept = complete && occupied.is_apart_from(&collected.parcel);
        let groups = group(packages, ground.grouping(plan)?);
        let made = layers.make_onto(ground.existing, &groups, &*self.kitchen.progress)?;
        let mut known = Known::of(&groups, &made);
        known.take_base(&footing);
        known.take_overlaps(&overlaps);
        known.take_pruned(&trimmed.report, &trimmed.kept_on);
        notes.extend(trimmed.drivers.iter().map(|missing| {
            format!("{} comes with the driver of the machine that runs it", missing.library)
        }));
        notes.extend(trimmed.unneeded.iter().map(|unneeded| {
            let Unneeded { package, size, .. } = unneeded;
            format!("nothing loads the libraries of {} ({size}), which came along", package.name)
        }));
        notes.extend(trimmed.assumed.iter().map(|assumed| {
            let Assumed { file, library, found } = assumed;
            format!("{file} finds {library} only where what brings {found} was imported before it")
        }));
        notes.extend(footing.notes);
        known.notes = notes;
        let environment = footing.environment;
        let recipe = Recipe { layers: made, facts, environment, known, occupied };
        if kept {
            recipe.keep(layers.lease, key)?;
        }
        Ok((recipe, project))
    }
}

/// What is below.
struct Ground<'a> {
    base: Option<&'a BaseImage>,
    existing: &'a Existing,
}

impl Ground<'_> {
    /// How packages share layers, where some layers are there already.
    fn grouping(&self, plan: &ProjectPlan) -> Result<Grouping, Error> {
        let wanted = plan.grouping();
        let Some(base) = self.base else { return Ok(wanted) };
        let layers = base.image.manifest().layers.len();
        // One more than usual: what has to give way.
        let room = MOST_LAYERS.checked_sub(layers + OTHER_LAYERS + 1).ok_or_else(|| {
            let image = base.reference.clone();
            lean::Error::from(ForeignError::TooManyLayers { image, layers, most: MOST_LAYERS })
        })?;
        Ok(Grouping { most: wanted.most.min(room), ..wanted })
    }
}

fn nothing_to_start(program: &str) -> String {
    format!(
        "the image starts {program}, which is not in it: a requirement may lack, or `entrypoint` under `[image]` \
         says what runs"
    )
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

impl Built {
    /// The pointer to its manifest.
    pub(super) fn descriptor(&self) -> Result<Descriptor, Error> {
        Ok(self.image.assembly.root()?)
    }

    pub(super) fn report(&self, project: &str, plan: &ProjectPlan, lock: &Lock) -> Report {
        let (digest, known) = (self.image.digest, self.known.clone());
        let mut report = Report::of(project, digest, &self.layers, known);
        report.platform = plan.platform.to_string();
        report.base = base_words(lock);
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
