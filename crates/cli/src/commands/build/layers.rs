//! From what was gathered to an image.

use std::collections::BTreeMap;

use lightship_base::Timestamp;
use lightship_build::app::{self, Collected};
use lightship_build::assemble::{
    Bundle, Group, Grouping, Image, ImageSettings, Layer, Layers, Overlap, Stage, group,
    put_together, settle,
};
use lightship_build::base::NativeBase;
use lightship_build::lean::{self, Gathered, Trimmed};
use lightship_build::report::Report;
use lightship_build::sbom::Facts;
use lightship_codec::compression::CompressionLevel;
use lightship_oci::Source as _;
use lightship_oci::spec::Descriptor;
use lightship_packages::lock::Lock;

use super::{ProjectPlan, bytecode};
use crate::args::BuildArgs;
use crate::commands::Error;
use crate::lean::Kitchen;

/// An image that is in the store, and how it came about.
pub(super) struct Built {
    pub(super) image: Image,
    pub(super) layers: Vec<Layer>,
    pub(super) facts: Facts,
    pub(super) created: Timestamp,
    groups: Vec<Group>,
    base: NativeBase,
    collected: Collected,
    trimmed: Trimmed,
    overlaps: Vec<Overlap>,
    notes: Vec<String>,
}

/// *OCI image-spec 1.1, annotations.md*.
const REVISION: &str = "org.opencontainers.image.revision";
const CREATED: &str = "org.opencontainers.image.created";

impl Built {
    pub(super) fn make(
        args: &BuildArgs,
        kitchen: &Kitchen<'_>,
        (plan, lock): (&ProjectPlan, &Lock),
        gathered: Gathered,
    ) -> Result<Self, Error> {
        let Gathered { mut bundles, base } = gathered;
        let collected = app::collect(&plan.project.folder, &plan.project.app)?;
        bundles.push(Bundle {
            parcel: collected.parcel.clone(),
            digest: None,
            stage: Stage::Project,
            last: None,
            shared: Vec::new(),
        });
        let architecture = plan.platform.architecture();
        let mut trimmed = lean::trim(bundles, plan.keep.iter().copied(), architecture)?;
        let mut bundles = std::mem::take(&mut trimmed.bundles);
        let overlaps = settle(&mut bundles)?;
        let facts = Facts::of(&bundles)?;
        let notes = match &base.python {
            Some(python) => bytecode::add(&mut bundles, kitchen, (plan, lock), python, &collected)?,
            None => Vec::new(),
        };
        let groups = group(bundles, Grouping::default());
        let configured = plan.project.settings.build.compression;
        let compression = args.compression.or(configured).unwrap_or(CompressionLevel::Zstd(9));
        let lease = kitchen.supplies.fetcher.lease();
        let created = kitchen.settings.epoch.unwrap_or_default();
        let layers = Layers { lease, compression, time: created.as_second() };
        let layers = layers.make(&groups, &*kitchen.progress)?;
        let settings = image_settings(plan, &base, created, compression)?;
        let image = put_together("the build", &layers, &settings, lease.cas());
        Ok(Self {
            image,
            layers,
            facts,
            created,
            groups,
            base,
            collected,
            trimmed,
            overlaps,
            notes,
        })
    }

    /// The pointer to its manifest.
    pub(super) fn descriptor(&self) -> Result<Descriptor, Error> {
        Ok(self.image.assembly.root()?)
    }

    pub(super) fn report(&self, project: &str, plan: &ProjectPlan, lock: &Lock) -> Report {
        let mut report = Report::of(project, self.image.digest, &self.groups, &self.layers);
        report.platform = plan.platform.to_string();
        let suite = lock.suite.as_ref().map(|suite| {
            let name = capitalised(&suite.distribution);
            format!("{name} {}", suite.version.as_ref().unwrap_or(&suite.codename))
        });
        let python = lock.python.as_ref().map(|python| format!("Python {}", python.version));
        let words: Vec<String> = suite.into_iter().chain(python).collect();
        report.base = Some(words.join(", ")).filter(|words| !words.is_empty());
        report.take_base(&self.base);
        report.take_overlaps(&self.overlaps);
        report.take_pruned(&self.trimmed.report, &self.trimmed.kept_on);
        let notes = &mut report.notes;
        notes.extend(self.notes.iter().cloned());
        notes.extend(plan.project.notes.iter().map(ToString::to_string));
        notes.extend(self.collected.warnings.iter().map(ToString::to_string));
        let drivers = self.trimmed.drivers.iter().map(|missing| {
            format!("{} comes with the driver of the machine that runs it", missing.library)
        });
        notes.extend(drivers);
        notes.sort();
        notes.dedup();
        report
    }
}

fn image_settings(
    plan: &ProjectPlan,
    base: &NativeBase,
    created: Timestamp,
    compression: CompressionLevel,
) -> Result<ImageSettings, Error> {
    let mut run = plan.run.clone();
    let own = run.env.take().unwrap_or_default();
    let set = |name: &str| own.iter().any(|one| one.split('=').next() == Some(name));
    let inherited = base.environment.iter().filter(|(name, _)| !set(name));
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
